"""Tables for notebooks: small, escaped, without script, in the colours of the page, so light and dark."""

from __future__ import annotations

import html
from collections.abc import Sequence

from .checks import instance

_STYLE = "border-collapse:collapse;color:inherit;background:transparent"
_CELL = "padding:.1em .8em .1em 0;border:0;text-align:{}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table as HTML, for `_repr_html_`.

    Args:
        title: Its caption.
        columns: Headings; none for a table of names and values.
        rows: Cells, of any type; they are escaped.

    Returns:
        The HTML.

    Raises:
        TypeError: A title that is not text.

    Examples:
        >>> from spinharm.html import table
        >>> "a &lt; b</td>" in table("Sizes", (), [("a < b", 3)])
        True
    """
    instance("title", title, str, "text")
    head = "".join(f'<th style="{_CELL.format("left")}">{html.escape(str(name))}</th>' for name in columns)
    lines = [f"<thead><tr>{head}</tr></thead>"] if columns else []
    body = ["".join(_cell(value) for value in row) for row in rows]
    lines += ["<tbody>", *(f"<tr>{row}</tr>" for row in body), "</tbody>"]
    caption = f'<caption style="text-align:left;font-weight:bold;color:inherit">{html.escape(title)}</caption>'
    return f'<table style="{_STYLE}">{caption}{"".join(lines)}</table>'


def _cell(value: object) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    text = str(value)
    if number:
        text = f"{value:.4g}" if isinstance(value, float) else f"{value:,}"
    return f'<td style="{_CELL.format("right" if number else "left")}">{html.escape(text)}</td>'
