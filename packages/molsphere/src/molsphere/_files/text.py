"""Lines and numbers of text files."""

from __future__ import annotations

from pathlib import Path

from spinharm.checks import parse_number


class BadLine(ValueError):
    """An error at a line of a file, counted from 1."""

    def __init__(self, line: int, message: str, after: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        # The index of the line after the record, where that is known.
        self.after = after

    def __reduce__(self) -> tuple[type[BadLine], tuple[int, str, int | None]]:
        return type(self), (self.line, str(self), self.after)


def read_text(path: Path) -> str:
    """Read the text of a file, with unchanged line ends.

    Raises:
        ValueError: A file that is not UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be UTF-8 text: {error.reason} at byte {error.start}") from None


def split_lines(text: str) -> list[str]:
    r"""Split a text at \n and \r\n only, or at \r if it has no \n: other separators belong to names and comments."""
    lines = text.split("\n" if "\n" in text else "\r")
    return [line.removesuffix("\r") for line in (lines if lines[-1] else lines[:-1])]


def number(text: str) -> float:
    """A float, also in the notation of Mathematica, 8.4813*^-6.

    Raises:
        ValueError: Not a number, or Python's 1_234 or digits of other scripts.
    """
    return parse_number(text.strip().replace("*^", "e"))


def count(text: str) -> int | None:
    """A whole number of at most nine digits, or None."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None


def number_or_text(text: str) -> float | str:
    """A number if the text is one, else the text."""
    try:
        return number(text)
    except ValueError:
        return text
