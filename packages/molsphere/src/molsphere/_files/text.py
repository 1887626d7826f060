"""Lines and numbers of text files, as those who wrote the files mean them."""

from __future__ import annotations

from pathlib import Path


class BadLine(ValueError):
    """Something is wrong at a line, counted from 1."""

    def __init__(self, line: int, message: str, after: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        # The index of the line after the record, where that is known.
        self.after = after

    def __reduce__(self) -> tuple[type[BadLine], tuple[int, str, int | None]]:
        return type(self), (self.line, str(self), self.after)


def read_text(path: Path) -> str:
    """The text of a file, with its line ends as they are.

    Raises:
        ValueError: A file that is not UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be UTF-8 text: {error.reason} at byte {error.start}") from None


def split_lines(text: str) -> list[str]:
    r"""Lines, split at \n and \r\n alone, or at \r where no \n is: other separators belong to names and comments."""
    lines = text.split("\n" if "\n" in text else "\r")
    return [line.removesuffix("\r") for line in (lines if lines[-1] else lines[:-1])]


def number(text: str) -> float:
    """A float, also as Mathematica writes it: 8.4813*^-6.

    Raises:
        ValueError: No number; Python's 1_234 and digits of other scripts are none.
    """
    if "_" in text or not text.isascii():
        raise ValueError(f"{text!r} is not a number")
    return float(text.replace("*^", "e"))


def count(text: str) -> int | None:
    """A whole number of at most nine digits, or None."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None


def number_or_text(text: str) -> float | str:
    """A number where it is one, else the text."""
    try:
        return number(text)
    except ValueError:
        return text
