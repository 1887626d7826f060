"""Reading of CSV files with any delimiter, and cells that spreadsheets do not take for formulas."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from spinharm.failures import printable

from .text import BadLine, split_lines

_DELIMITERS = (",", ";", "\t", "|")
# A cell that begins so is a formula to a spreadsheet, unless it is a number; leading apostrophes count as escapes.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def header(text: str, path: Path) -> tuple[list[str], str]:
    """Find the columns of a table of SMILES and its delimiter, with which one column is `smiles`.

    Args:
        text: The file's text.
        path: The file.

    Returns:
        Names of the columns, without surrounding spaces, and the delimiter.

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
    """Rows that are not blank, with their first lines.

    A line that is not CSV (an open quote, a field of more than 131,072 characters) gives a `BadLine`, and reading
    continues at the next line.
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
    """Whether a spreadsheet takes a cell for a formula, apart from leading apostrophes and numbers."""
    return _FORMULA.match(text) is not None


def escape_cell(text: str) -> str:
    """Write a text as a CSV cell that spreadsheets do not take for a formula, see `molsphere.write_predictions`."""
    cell = printable(text)
    return f"'{cell}" if is_formula(cell) and not _NUMBER.fullmatch(cell) else cell


def unescape_cell(text: str) -> str:
    """Read the text of a cell that `escape_cell` wrote, without the apostrophe before a formula."""
    return text[1:] if text.startswith("'") and is_formula(text) else text
