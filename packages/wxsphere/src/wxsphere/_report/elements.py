"""Elements of a report: cells and rows of tables, figures, sections."""

from __future__ import annotations

from typing import Any, NamedTuple


class Cell(NamedTuple):
    """A cell of a table."""

    text: str
    kind: str = ""
    title: str = ""


class Row(NamedTuple):
    """A row of a table; `first` draws a line above."""

    heads: tuple[str, ...]
    cells: list[Cell]
    first: bool = False


class Table(NamedTuple):
    """A table whose first `heads` columns name the rows; a folded one shows its caption until it is opened."""

    caption: str
    columns: tuple[str, ...]
    heads: int
    rows: list[Row]
    kind: str = "scores"
    folded: bool = False


class Picture(NamedTuple):
    """A figure as markup, and its caption."""

    svg: Any
    caption: str


class Section(NamedTuple):
    """A section of the report: texts, figures, tables, and the key of colours."""

    id: str
    title: str
    text: tuple[str, ...] = ()
    figures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    key: tuple[tuple[str, str], ...] = ()
