"""XYZ, extended XYZ, and QM9's variety of it, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from . import _elements
from ._molecule import Molecule

# The fields of the second line of a QM9 file, after "gdb" and the number of the molecule.
QM9_FIELDS = ("A", "B", "C", "mu", "alpha", "homo", "lumo", "gap", "r2", "zpve", "U0", "U", "H", "G", "Cv")
_KEY_VALUE = re.compile(r'([^\s="]+)\s*=\s*("(?:[^"\\]|\\.)*"|\{[^}]*\}|\[[^\]]*\]|\S+)')
_QM9_TAIL = 3
_CELL = ("pbc", "lattice")
_NOT_PERIODIC = ("f", "false", "0", "no", "none", ".false.")


class BadLine(ValueError):
    """Something is wrong at a line, counted from 1."""

    def __init__(self, line: int, message: str, after: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        # The index of the line after the record, where that is known.
        self.after = after

    def __reduce__(self) -> tuple[type[BadLine], tuple[int, str, int | None]]:
        return type(self), (self.line, str(self), self.after)


def number(text: str) -> float:
    """A float, also as Mathematica writes it: 8.4813*^-6."""
    return float(text.replace("*^", "e"))


def is_count(text: str) -> bool:
    """Whether a line can be the first of a record."""
    return text.strip().isdecimal()


def records(lines: Sequence[str]) -> Iterator[tuple[int, Molecule | BadLine]]:
    """Molecules of a file in order, with the line that each begins at.

    A broken record gives a `BadLine`, and reading goes on at the next count of atoms. After a record of QM9 (comment
    "gdb …"), up to three more lines are its frequencies, SMILES and InChI.
    """
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        try:
            molecule, after = _record(lines, at)
        except BadLine as problem:
            yield problem.line, problem
            at = max(problem.line - 1, at + 1) if problem.after is None else problem.after
            while at < len(lines) and not is_count(lines[at]):
                at += 1
            continue
        yield at + 1, molecule
        at = after


def _record(lines: Sequence[str], at: int) -> tuple[Molecule, int]:
    first = lines[at].strip()
    if not is_count(first):
        raise BadLine(at + 1, f"must be a number of atoms, got {first[:60]!r}")
    count = int(first)
    if count == 0:
        raise BadLine(at + 1, "must be at least one atom, got 0")
    if len(lines) < at + 2 + count:
        short = f"{count} atoms are announced, the file ends after {max(0, len(lines) - at - 2)}"
        raise BadLine(len(lines), short)
    comment = lines[at + 1].strip()
    keys = dict(_pairs(comment)) if "=" in comment else {}
    columns = _columns(keys.get("Properties"), at + 2)
    numbers, positions = [], []
    for line in range(at + 2, at + 2 + count):
        symbol, xyz = _atom(lines[line], line + 1, columns)
        numbers.append(symbol)
        positions.append(xyz)
    name, properties, after = comment, {}, at + 2 + count
    words = comment.split()
    if words[:1] == ["gdb"] and len(words) == 2 + len(QM9_FIELDS):
        name, properties = _qm9(words, at + 2)
        after = _skip_tail(lines, after)
    elif keys:
        _check_isolated({key.lower(): text for key, text in keys.items()}, at + 2)
        name = keys.get("name", keys.get("Name", ""))
        left_out = ("name", "Name", "Properties")
        rest = {key: text for key, text in keys.items() if key not in left_out and key.lower() not in _CELL}
        properties = {key: _value(text) for key, text in rest.items()}
    try:
        molecule = Molecule(np.array(numbers), np.array(positions), name, properties)
    except ValueError as error:
        raise BadLine(at + 1, str(error), after) from None
    return molecule, after


def _check_isolated(keys: dict[str, str], line: int) -> None:
    """Refuse periodic structures, by keys in lower case; a cell without `pbc` is periodic, as in ASE."""
    pbc, lattice = keys.get("pbc"), keys.get("lattice")
    if pbc is None:
        periodic, told = lattice is not None, f"Lattice={lattice!r}"
    else:
        flags = re.findall(r"[^\s,\[\](){}\"']+", pbc)
        periodic, told = not flags or any(flag.lower() not in _NOT_PERIODIC for flag in flags), f"pbc={pbc!r}"
    if periodic:
        raise BadLine(
            line,
            f"must be an isolated molecule, got a periodic structure, {told}; cells are not supported: cut the "
            f'molecule out and write pbc="F F F"',
        )


def _atom(text: str, line: int, columns: tuple[int, int]) -> tuple[int, list[float]]:
    words = text.split()
    symbol, xyz = columns
    if len(words) < max(symbol + 1, xyz + 3):
        raise BadLine(line, f"must be a symbol and three coordinates, got {text.strip()[:60]!r}")
    try:
        atom = _elements.atomic_number(words[symbol])
    except ValueError as error:
        raise BadLine(line, str(error)) from None
    try:
        position = [number(word) for word in words[xyz : xyz + 3]]
    except ValueError:
        raise BadLine(line, f"must have three coordinates, got {text.strip()[:60]!r}") from None
    if not np.isfinite(position).all():
        raise BadLine(line, f"coordinates must be finite, got {text.strip()[:60]!r}")
    return atom, position


def _pairs(comment: str) -> Iterator[tuple[str, str]]:
    for found in _KEY_VALUE.finditer(comment):
        text = found[2]
        if text[0] == '"':
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        yield found[1], text


def _columns(described: str | None, line: int) -> tuple[int, int]:
    """Which columns hold the symbol and x, from `Properties=species:S:1:pos:R:3:…`."""
    if described is None:
        return 0, 1
    parts = described.split(":")
    start, found = 0, {}
    try:
        for name, _, width in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            found[name] = (start, int(width))
            start += int(width)
    except ValueError:
        raise BadLine(line, f"Properties must be triples name:type:columns, got {described!r}") from None
    species = found.get("species", found.get("Z"))
    if species is None or found.get("pos", (0, 0))[1] != 3:
        raise BadLine(line, f"Properties must hold species and pos of three columns, got {described!r}")
    return species[0], found["pos"][0]


def _value(text: str) -> float | str:
    try:
        return number(text)
    except ValueError:
        return text


def _qm9(words: list[str], line: int) -> tuple[str, dict[str, float | str]]:
    try:
        index = int(words[1])
        values: dict[str, float | str] = {
            field: number(word) for field, word in zip(QM9_FIELDS, words[2:], strict=True)
        }
    except ValueError:
        raise BadLine(
            line, f"must be 'gdb', a number and {len(QM9_FIELDS)} properties, got {' '.join(words)[:60]!r}"
        ) from None
    return f"gdb_{index}", {"index": float(index), **values}


def _skip_tail(lines: Sequence[str], at: int) -> int:
    """The lines after a QM9 record; in a file of several records the next count of atoms ends them early."""
    for _ in range(_QM9_TAIL):
        if at < len(lines) and not is_count(lines[at]):
            at += 1
    return at
