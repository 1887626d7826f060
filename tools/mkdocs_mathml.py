"""An MkDocs hook that turns formulas into MathML while the site is built.

Browsers render MathML themselves, so the pages load no script from elsewhere and work without a network.
"""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

# A minus at the start, or after a bracket, a comma or a relation, is a sign: without saying so, some stand apart.
_SIGN = re.compile(
    r"(<mrow>|<mo[^>]*>(?:&#x0003D;|&#x00028;|&#x0002C;|[=(,])</mo>(?:<mspace[^>]*/>)?)<mo>(&#x02212;|−)</mo>"
)

# What `pymdownx.arithmatex` makes of $...$ and $$...$$ with `generic: true`.
_FORMULA = re.compile(r'<(?P<element>span|div) class="arithmatex">\\[(\[](?P<tex>.*?)\\[)\]]</(?P=element)>', re.DOTALL)


def render_formulas(content: str) -> str:
    """Replace every formula in a page's HTML with MathML, inline or on a line of its own."""

    def render(found: re.Match[str]) -> str:
        display = "block" if found["element"] == "div" else "inline"
        formula = convert(html.unescape(found["tex"]).strip(), display=display)
        return _SIGN.sub(r'\1<mo form="prefix">\2</mo>', formula)

    return _FORMULA.sub(render, content)


def on_page_content(content: str, **_: Any) -> str:
    """Called by MkDocs with the HTML of each page, docstrings included."""
    return render_formulas(content)
