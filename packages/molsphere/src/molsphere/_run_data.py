"""The molecules and values of a run, from whatever file they are in."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ._dataset import MoleculeSet
from ._qm9 import QM9_MOLECULES, read_qm9
from ._readers import Problem, read_molecules
from ._targets import TARGETS, target_values

_WITH_UNIT = re.compile(r"(.*\S)\s*\[(.+)\]")


@dataclasses.dataclass(frozen=True, eq=False)
class RunData:
    """Molecules with the values to learn.

    Attributes:
        molecules: All molecules.
        values: Values by property, each of shape (molecules,), in `units`.
        units: Unit by property, `""` where none is known.
        source: Where they are from, in words.
        problems: Records that could not be read.
    """

    molecules: MoleculeSet
    values: Mapping[str, Float[np.ndarray, " molecules"]]
    units: Mapping[str, str]
    source: str
    problems: tuple[Problem, ...] = ()

    def fingerprint(self) -> str:
        """A digest of molecules and values, 16 hexadecimal digits, to tell whether data are the same as before."""
        digest = hashlib.sha256()
        arrays = [self.molecules.num_atoms, self.molecules.numbers, self.molecules.positions]
        for array in [*arrays, *(self.values[name] for name in sorted(self.values))]:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]


def read_run_data(path: str | Path, targets: Sequence[str], units: Sequence[str] = ()) -> RunData:
    """Read molecules and the values of some properties.

    An .npz, a tar archive and a folder are QM9, see `read_qm9`; its twelve targets are in their reporting units and
    energies are those of atomisation, see `target_values`. Any other file is read by `read_molecules`; a property is a
    column or field of its name, or of its name with a unit, `energy [kcal/mol]`, or with the field `energy_unit`.

    Args:
        path: The file or folder.
        targets: Names of properties, at least one.
        units: Units of the properties, in their order; default what the file says, or none.

    Returns:
        The data; broken records of `read_molecules` are left out and among `problems`.

    Raises:
        FileNotFoundError: No such file.
        ValueError: No targets, one that is not there, units of another number, or a file that cannot be read.
    """
    path, targets = Path(path), tuple(targets)
    if not targets or len(set(targets)) != len(targets):
        raise ValueError(f"`targets` must be distinct names, at least one, got {targets}")
    if units and len(units) != len(targets):
        raise ValueError(f"`units` must be one per target, {len(targets)}, got {tuple(units)}")
    if not path.exists():
        raise FileNotFoundError(f"`data` must be a file or folder, found no {path}")
    given = dict(zip(targets, units, strict=True)) if units else {}
    if path.is_dir() or path.suffix == ".npz" or ".tar" in path.suffixes:
        whole = read_qm9(path, num_molecules=None if path.is_dir() else QM9_MOLECULES)
        molecules = whole.molecules
        values, found = {}, {}
        for name in targets:
            if name in TARGETS:
                values[name], found[name] = target_values(molecules, name), TARGETS[name].report_unit
            else:
                values[name], found[name] = _column(molecules, name, path), ""
        return RunData(molecules, values, {**found, **given}, str(whole))
    result = read_molecules(path, on_error="collect")
    if not result.molecules:
        raise ValueError(f"{path} must hold molecules, none can be read: {result.problems[0]}")
    molecules, values, found = MoleculeSet.from_molecules(result.molecules), {}, {}
    titles = {m[1]: (title, m[2]) for title in molecules.properties if (m := _WITH_UNIT.fullmatch(title))}
    for name in targets:
        if name not in molecules.properties and name in titles:
            title, found[name] = titles[name]
            values[name] = _column(molecules, title, path)
        else:
            values[name] = _column(molecules, name, path)
            found[name] = str(result.molecules[0].properties.get(f"{name}_unit", ""))
    source = f"{len(molecules):,} molecules from {path}"
    return RunData(molecules, values, {**found, **given}, source, result.problems)


def _column(molecules: MoleculeSet, name: str, path: Path) -> Float[np.ndarray, " molecules"]:
    if name not in molecules.properties:
        there = ", ".join(molecules.properties) or "none"
        raise ValueError(f"{path} must hold a number {name!r} for every molecule; those it holds: {there}")
    values = np.asarray(molecules.properties[name], np.float64)
    if not np.isfinite(values).all():
        at = int(np.argmin(np.isfinite(values)))
        raise ValueError(f"{path}: {name!r} must be finite, got {values[at]} for molecule {at}")
    return values
