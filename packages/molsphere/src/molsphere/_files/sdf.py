"""Reading of SDF by RDKit. Bonds are only used to find missing hydrogens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .._molecules import elements
from .._molecules.molecule import Molecule
from .text import BadLine, count, number, number_or_text

_END = "$$$$"
_FIELD = re.compile(r">.*<([^>]*)>")
# Pauling's bond order of a bond longer than the sum of covalent radii by x [Å] is exp(−x / 0.3).
_PAULING = 0.3
_BONDED = 1.3
# A hydrogen is missing if at least so much of a valence is unsaturated; bonds of order 1.5 leave less.
_OPEN = 0.7


def records(lines: Sequence[str], scale: float = 1.0) -> Iterator[tuple[int, Molecule | BadLine]]:
    """Yield molecules, or errors of records, with their first lines. Positions are multiplied by `scale`."""
    start = 0
    for at, line in enumerate(lines):
        if line.startswith(_END):
            yield start + 1, _checked(lines[start:at], start + 1, scale)
            start = at + 1
    # A single MOL file has no end mark.
    if any(line.strip() for line in lines[start:]):
        yield start + 1, _checked(lines[start:], start + 1, scale)


def _checked(lines: Sequence[str], line: int, scale: float) -> Molecule | BadLine:
    try:
        _check_atom_block(lines, line)
        _check_fields(lines, line)
        return _record(lines, scale)
    except BadLine as problem:
        return problem
    except RuntimeError as error:  # a precondition of RDKit's
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        return BadLine(line, f"RDKit cannot read this SDF record: {reason}; give an .xyz, which needs no bonds")
    except ValueError as error:
        return BadLine(line, str(error))


def _check_atom_block(lines: Sequence[str], line: int) -> None:
    """Check a V2000 atom block, whose errors RDKit reports without a line: length, numbers, elements."""
    if len(lines) < 4:
        raise BadLine(line, f"an SDF record has at least four lines, got {len(lines)}")
    counts = lines[3]
    if "V3000" in counts:
        return
    atoms = count(counts[:3])
    if atoms is None:
        raise BadLine(line + 3, f"must be the counts of atoms and bonds, got {counts.strip()[:60]!r}")
    if len(lines) < 4 + atoms:
        raise BadLine(line + len(lines) - 1, f"{atoms} atoms are announced, the record ends after {len(lines) - 4}")
    for at, text in enumerate(lines[4 : 4 + atoms], line + 4):
        try:
            finite = np.isfinite([number(text[i : i + 10]) for i in (0, 10, 20)]).all()
        except ValueError:
            finite = False
        if not finite:
            raise BadLine(at, f"must be three finite coordinates and a symbol, got {text.strip()[:60]!r}")
        symbol = text[31:34].strip()
        if symbol not in ("D", "T"):  # hydrogen to RDKit
            try:
                elements.atomic_number(symbol)
            except ValueError as error:
                raise BadLine(at, str(error)) from None


def _check_fields(lines: Sequence[str], line: int) -> None:
    """Refuse repeated data fields, of which RDKit keeps the last."""
    seen: dict[str, int] = {}
    for at, text in enumerate(lines, line):
        if (found := _FIELD.match(text)) and at >= line + 4:
            if found[1] in seen:
                raise BadLine(at, f"must have each data field once, got {found[1]!r} at line {seen[found[1]]} too")
            seen[found[1]] = at


def _record(lines: Sequence[str], scale: float) -> Molecule:
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        supplier = Chem.SDMolSupplier()
        supplier.SetData("\n".join(lines) + f"\n{_END}\n", sanitize=False, removeHs=False)
        # RDKit's stubs do not type the entries of a supplier.
        molecule: Any = next(iter(supplier), None)
        if molecule is None or molecule.GetNumAtoms() == 0:
            raise ValueError("RDKit cannot read this SDF record; give an .xyz, which needs no bonds")
        strange = [atom.GetSymbol() for atom in molecule.GetAtoms() if atom.GetAtomicNum() == 0]
        if strange:
            raise ValueError(f"{strange[0]!r} is not an element")
        conformer = molecule.GetConformer()
        positions = np.asarray(conformer.GetPositions(), np.float64) * scale
        # RDKit takes a molecule in the plane z = 0 for a drawing, whatever its header says.
        if not conformer.Is3D() and lines[1][20:22] != "3D":
            raise ValueError(
                "this SDF record has no 3D coordinates; embed it first, e.g. by its SMILES, or give an .xyz"
            )
        numbers = np.array([atom.GetAtomicNum() for atom in molecule.GetAtoms()])
        if missing := _missing_hydrogens(molecule, numbers, positions):
            raise ValueError(
                f"this SDF record lacks {missing} hydrogen atoms; add them with their positions, or give an .xyz if "
                f"it is complete"
            )
        name = molecule.GetProp("_Name") if molecule.HasProp("_Name") else ""
        properties: dict[str, float | str] = {}
        if charge := Chem.GetFormalCharge(molecule):
            properties["charge"] = float(charge)
        if unpaired := sum(atom.GetNumRadicalElectrons() for atom in molecule.GetAtoms()):
            properties["unpaired_electrons"] = float(unpaired)
        for key in molecule.GetPropNames():
            properties[key] = number_or_text(molecule.GetProp(key))
    return Molecule(numbers, positions, name, properties)


def _missing_hydrogens(molecule: Any, numbers: np.ndarray, positions: np.ndarray) -> int:
    """Number of hydrogens that bond orders require and distances leave room for.

    Records made from an .xyz have no bonds, single bonds only, or no charges, so bond orders alone are not sufficient.
    """
    if molecule.GetNumBonds() == 0:
        return 0
    molecule.UpdatePropertyCache(strict=False)
    radii = elements.covalent_radii()[numbers]
    missing = 0
    for at, atom in enumerate(molecule.GetAtoms()):
        if wanted := atom.GetTotalNumHs():
            distance = np.linalg.norm(positions - positions[at], axis=1)
            longer = distance - radii - radii[at]
            near = (distance < _BONDED * (radii + radii[at])) & (np.arange(numbers.size) != at)
            valence = sum(bond.GetBondTypeAsDouble() for bond in atom.GetBonds()) + wanted
            if valence - np.exp(-longer[near] / _PAULING).sum() > _OPEN:
                missing += wanted
    return missing
