"""Rows of CSV files whose delimiter is not known, and cells that no spreadsheet computes."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from spinharm.failures import printable

from .text import BadLine, split_lines

_DELIMITERS = (",", ";", "\t", "|")
# A cell that begins so is a formula to a spreadsheet, unless it is a number; quotes in front of it count as escapes.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def header(text: str, path: Path) -> tuple[list[str], str]:
    """The columns of a table of SMILES, and the delimiter under which one of them is `smiles`.

    Args:
        text: The file's text.
        path: The file.

    Returns:
        Names without space around them, and the delimiter.

    Raises:
        ValueError: No column `smiles` with any delimiter, or two columns of one name.
    """
    tables: dict[str, list[str]] = {}
    for delimiter in _DELIMITERS:
        first = next(rows(text, delimiter), (1, []))[1]
        if isinstance(first, BadLine):
            raise ValueError(f"{path}:{first.line}: {first}")
        tables[delimiter] = [name.strip() for name in first]
        if "smiles" in map(str.lower, tables[delimiter]):
            _check_distinct(tables[delimiter], path)
            return tables[delimiter], delimiter
    widest = max(tables, key=lambda delimiter: len(tables[delimiter]))
    raise ValueError(f"{path}:1: must have a column smiles, got {', '.join(tables[widest])}")


def _check_distinct(names: Sequence[str], path: Path) -> None:
    seen: set[str] = set()
    for name in names:
        # Case matters in the names of properties, but smiles and name are found in any.
        known = name.lower() if name.lower() in ("smiles", "name", "id") else name
        if known in seen:
            raise ValueError(f"{path}:1: must have columns of different names, got {name!r} twice; rename one")
        if known:
            seen.add(known)


def rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str] | BadLine]]:
    """Rows that are not blank, with the line that each begins at.

    A line that is no CSV (a quote that does not end, a field of more than 131,072 characters) gives a `BadLine`, and
    reading goes on at the line after it.
    """
    lines = [f"{line}\n" for line in split_lines(text)]
    at = 0
    while at < len(lines):
        reader = csv.reader(itertools.islice(lines, at, None), delimiter=delimiter, strict=True)
        begun = done = 0
        try:
            for cells in reader:
                begun, done = done, reader.line_num
                if any(cell.strip() for cell in cells):
                    yield at + begun + 1, cells
        except csv.Error as error:
            yield at + done + 1, BadLine(at + done + 1, f"must be a row of a CSV file: {error}")
            at += done + 1
        else:
            return


def is_formula(text: str) -> bool:
    """Whether a spreadsheet takes a cell for a formula, but for apostrophes in front and numbers."""
    return _FORMULA.match(text) is not None


def escape_cell(text: str) -> str:
    """A text as a cell of a CSV that no spreadsheet takes for a formula, see `molsphere.write_predictions`."""
    told = printable(text)
    return f"'{told}" if is_formula(told) and not _NUMBER.fullmatch(told) else told


def unescape_cell(text: str) -> str:
    """The text of a cell that `escape_cell` wrote: without the apostrophe in front of what would be a formula."""
    return text[1:] if text.startswith("'") and is_formula(text) else text
