"""Reading of XYZ, extended XYZ, and QM9's variety of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import NamedTuple

import numpy as np

from .._molecules import elements
from .._molecules.molecule import Molecule
from .text import BadLine, count, number, number_or_text

# The fields of the second line of a QM9 file, after "gdb" and the number of the molecule.
QM9_FIELDS = ("A", "B", "C", "mu", "alpha", "homo", "lumo", "gap", "r2", "zpve", "U0", "U", "H", "G", "Cv")
_KEY_VALUE = re.compile(r'([^\s="]+)\s*=\s*("(?:[^"\\]|\\.)*"|\{[^}]*\}|\[[^\]]*\]|\S+)')
_QM9_TAIL = 3
_NO_PROPERTIES = ("pbc", "lattice", "properties")
_NOT_PERIODIC = ("f", "false", "0", "no", "none", ".false.")


class _Columns(NamedTuple):
    """Positions in the line of an atom: of its symbol, x and the first component of its force, if it has one.

    Then the names of columns that are not read; None where columns are not declared.
    """

    symbol: int = 0
    x: int = 1
    others: tuple[str, ...] | None = None
    force: int | None = None


def records(
    lines: Sequence[str],
    scale: float = 1.0,
    unused: MutableMapping[str, int] | None = None,
    forces: str | None = None,
) -> Iterator[tuple[int, Molecule | BadLine]]:
    """Molecules of a file in order, with the line that each begins at.

    Positions are multiplied by `scale`; columns per atom that are not read are counted by name in `unused`. `forces`
    names the columns of forces, which are divided by `scale`; records without them have none. A broken record gives a
    `BadLine`, and reading continues at the next count of atoms. Up to three lines after a record of QM9 (comment
    "gdb …") are its frequencies, SMILES and InChI.
    """
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        try:
            molecule, after, others = _record(lines, at, scale, forces)
        except BadLine as problem:
            yield problem.line, problem
            at = max(problem.line - 1, at + 1) if problem.after is None else problem.after
            while at < len(lines) and count(lines[at]) is None:
                at += 1
            continue
        if unused is not None:
            unused.update({name: unused.get(name, 0) + 1 for name in others})
        yield at + 1, molecule
        at = after


def _record(lines: Sequence[str], at: int, scale: float, forces: str | None) -> tuple[Molecule, int, tuple[str, ...]]:
    """A molecule, the index of the line after its record, and the columns per atom that are not read."""
    atoms = _atom_count(lines, at)
    comment, after = lines[at + 1].strip(), at + 2 + atoms
    keys = _keys(comment, at + 2)
    described = next((text for key, text in keys.items() if key.lower() == "properties"), None)
    columns = _columns(described, at + 2, forces)
    read = [_atom(lines[line], line + 1, columns) for line in range(at + 2, after)]
    numbers, positions = (np.array(values) for values in zip(*read, strict=True))
    found = None if columns.force is None else _forces(lines, at + 2, after, columns.force) / scale
    words = comment.split()
    if words[:1] == ["gdb"] and len(words) == 2 + len(QM9_FIELDS):
        name, properties = _qm9(words, at + 2)
        columns, after = columns._replace(others=()), _skip_tail(lines, after)
    elif keys:
        name, properties = _described(keys, at + 2)
    else:
        name, properties = comment, {}
    others = columns.others
    if others is None:
        width = len(lines[at + 2].split())
        others = (f"columns of atoms after the fourth, up to {width}",) if width > 4 else ()
    try:
        molecule = Molecule(numbers, positions * scale, name, properties, forces=found)
    except ValueError as error:
        raise BadLine(at + 1, str(error), after) from None
    return molecule, after, others


def _atom_count(lines: Sequence[str], at: int) -> int:
    """The number of atoms in the first line of a record, which must have as many lines."""
    atoms = count(lines[at])
    if atoms is None:
        raise BadLine(at + 1, f"must be a number of atoms, got {lines[at].strip()[:60]!r}")
    if atoms == 0:
        raise BadLine(at + 1, "must be at least one atom, got 0")
    if len(lines) < at + 2 + atoms:
        raise BadLine(len(lines), f"{atoms} atoms are announced, the file ends after {max(0, len(lines) - at - 2)}")
    return atoms


def _described(keys: dict[str, str], line: int) -> tuple[str, dict[str, float | str]]:
    """The name and the properties in the `key=value` pairs of a comment."""
    _check_isolated({key.lower(): text for key, text in keys.items()}, line)
    name = keys.get("name", keys.get("Name", ""))
    left_out = ("name", "Name")
    rest = {key: text for key, text in keys.items() if key not in left_out and key.lower() not in _NO_PROPERTIES}
    return name, {key: number_or_text(text) for key, text in rest.items()}


def _keys(comment: str, line: int) -> dict[str, str]:
    """The `key=value` pairs of a comment, in their order."""
    keys: dict[str, str] = {}
    for key, text in _pairs(comment) if "=" in comment else ():
        if key in keys:
            raise BadLine(line, f"must have each key once, got {key}={keys[key]} and {key}={text}")
        keys[key] = text
    return keys


def _check_isolated(keys: dict[str, str], line: int) -> None:
    """Refuse periodic structures, by keys in lower case; a cell without `pbc` is periodic, as in ASE."""
    pbc, lattice = keys.get("pbc"), keys.get("lattice")
    if pbc is None:
        periodic, given = lattice is not None, f"Lattice={lattice!r}"
    else:
        flags = re.findall(r"[^\s,\[\](){}\"']+", pbc)
        periodic, given = not flags or any(flag.lower() not in _NOT_PERIODIC for flag in flags), f"pbc={pbc!r}"
    if periodic:
        raise BadLine(
            line,
            f"must be an isolated molecule, got a periodic structure, {given}; cells are not supported: cut the "
            f'molecule out and write pbc="F F F"',
        )


def _atom(text: str, line: int, columns: _Columns) -> tuple[int, list[float]]:
    words = text.split()
    symbol, xyz = columns.symbol, columns.x
    if len(words) < max(symbol + 1, xyz + 3):
        raise BadLine(line, f"must be a symbol and three coordinates, got {text.strip()[:60]!r}")
    try:
        atom = elements.atomic_number(words[symbol])
    except ValueError as error:
        raise BadLine(line, str(error)) from None
    try:
        position = [number(word) for word in words[xyz : xyz + 3]]
    except ValueError:
        raise BadLine(line, f"must have three coordinates, got {text.strip()[:60]!r}") from None
    if not np.isfinite(position).all():
        raise BadLine(line, f"coordinates must be finite, got {text.strip()[:60]!r}")
    return atom, position


def _forces(lines: Sequence[str], first: int, after: int, column: int) -> np.ndarray:
    """The forces in the lines of atoms."""
    found = []
    for line in range(first, after):
        words = lines[line].split()[column : column + 3]
        try:
            force = [number(word) for word in words]
        except ValueError:
            force = []
        if len(force) != 3 or not np.isfinite(force).all():
            got = " ".join(words) or "no more columns"
            raise BadLine(line + 1, f"must have three finite components of a force, got {got[:60]!r}", after)
        found.append(force)
    return np.array(found)


def _pairs(comment: str) -> Iterator[tuple[str, str]]:
    for found in _KEY_VALUE.finditer(comment):
        text = found[2]
        if text[0] == '"':
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        yield found[1], text


def _columns(described: str | None, line: int, forces: str | None = None) -> _Columns:
    """The columns that `Properties=species:S:1:pos:R:3:…` declares; `forces` names those of forces."""
    if described is None:
        return _Columns()
    parts = described.split(":")
    start, found = 0, {}
    for name, width in zip(parts[::3], map(count, parts[2::3]), strict=False):
        if not width or name in found:
            break
        found[name] = (start, width)
        start += width
    if 3 * len(found) != len(parts):
        raise BadLine(line, f"Properties must be triples name:type:columns, each name once, got {described!r}")
    symbol = next((name for name in ("species", "Z") if name in found), None)
    if symbol is None or found.get("pos", (0, 0))[1] != 3:
        raise BadLine(line, f"Properties must hold species and pos of three columns, got {described!r}")
    others = tuple(name for name in found if name not in ("species", "Z", "pos", forces))
    force = found.get(forces) if forces else None
    if force and force[1] != 3:
        raise BadLine(line, f"Properties must declare three columns of {forces!r}, got {described!r}")
    return _Columns(found[symbol][0], found["pos"][0], others, force and force[0])


def _qm9(words: list[str], line: int) -> tuple[str, dict[str, float | str]]:
    try:
        index = count(words[1])
        if index is None:
            raise ValueError
        values: dict[str, float | str] = {
            field: number(word) for field, word in zip(QM9_FIELDS, words[2:], strict=True)
        }
    except ValueError:
        raise BadLine(
            line, f"must be 'gdb', a number and {len(QM9_FIELDS)} properties, got {' '.join(words)[:60]!r}"
        ) from None
    return f"gdb_{index}", {"index": float(index), **values}


def _skip_tail(lines: Sequence[str], at: int) -> int:
    """Skip the lines after a QM9 record; in a file of several records the next count of atoms ends them early."""
    for _ in range(_QM9_TAIL):
        if at < len(lines) and count(lines[at]) is None:
            at += 1
    return at
