"""Molecules and target values of a run, read from files."""

from __future__ import annotations

import dataclasses
import hashlib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from spinnn.files import FileWarning

from .. import _checks
from .._files.qm9 import QM9_MOLECULES, read_qm9
from .._files.readers import Problem, Reading, ReadResult, read_quietly
from .._molecules import distances
from .._molecules.dataset import MoleculeSet
from .._molecules.distances import LENGTH_UNITS, OVERLAP, LengthUnit
from .labels import check_unit, find_labels, find_outliers
from .targets import TARGETS, target_values

# Lines of a file that a message lists.
_LISTED = 5


@dataclasses.dataclass(frozen=True, eq=False)
class RunData:
    """Molecules with the values to learn.

    Attributes:
        molecules: All molecules.
        values: Values by property, each of shape (molecules,), in `units`; NaN where a molecule has values of other
            properties only.
        units: Unit by property, `""` where none is known.
        source: Description of the source, and of unused contents of the file.
        problems: Records that are left out.

    Examples:
        >>> import numpy as np
        >>> from molsphere import MoleculeSet, RunData, from_smiles
        >>> molecules = MoleculeSet.from_molecules([from_smiles(smiles) for smiles in ("O", "C", "CO")])
        >>> data = RunData(molecules, {"energy": np.array([1.0, 2.0, 3.0])}, {"energy": "eV"}, source="three molecules")
        >>> len(data.fingerprint())
        16
    """

    molecules: MoleculeSet
    values: Mapping[str, Float[np.ndarray, " molecules"]]
    units: Mapping[str, str]
    source: str
    problems: tuple[Problem, ...] = ()

    def fingerprint(self) -> str:
        """A digest of molecules, values and forces, 16 hexadecimal digits, to check that data are unchanged."""
        digest = hashlib.sha256()
        arrays = [self.molecules.num_atoms, self.molecules.numbers, self.molecules.positions]
        if self.molecules.forces is not None:
            arrays.append(self.molecules.forces)
        for array in [*arrays, *(self.values[name] for name in sorted(self.values))]:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]


def read_run_data(
    path: str | Path,
    targets: Sequence[str],
    units: Sequence[str] = (),
    *,
    length_unit: LengthUnit | None = None,
    uncharacterized: str | None = None,
    forces: str | None = None,
) -> RunData:
    r"""Read molecules and the values of some of their properties, and forces.

    An .npz, a tar archive and a folder are QM9, see `read_qm9`; its twelve targets are in their reporting units and
    energies are those of atomisation, see `target_values`. Any other file is read by `read_molecules`; a property is a
    column or field of its name, or of its name with a unit, `energy [kcal/mol]`, or with the field `energy_unit`.

    Args:
        path: The file or folder.
        targets: Names of properties, at least one.
        units: Units of the properties, in their order; default those in the file, if any.
        length_unit: Unit of positions in the file, see `read_molecules`.
        uncharacterized: The file that lists the molecules of QM9 to leave out, or `"none"` to keep all; default the
            file `uncharacterized.txt` beside the data, see `read_qm9`.
        forces: Name of the columns of forces in extended XYZ, in the unit of the one target, an energy, per
            `length_unit`; default none. See `read_molecules`.

    Returns:
        The data. Left out and among `problems` are broken records, lone atoms, molecules with two atoms nearer than
        half the sum of their covalent radii, and molecules without a number for any of the properties.

    Raises:
        FileNotFoundError: No such file.
        TypeError: Targets or units that are not sequences of strings.
        ValueError: No targets, missing or repeated ones, units of another number or that contradict the file or each
            other, positions in another unit, forces with several targets or that no record has, or a file that cannot
            be read.

    Warns:
        FileWarning: An archive with only some molecules of QM9, molecules with values of only some of the properties,
            and values more than 40 robust standard deviations from a linear fit to composition.

    Examples:
        >>> from pathlib import Path
        >>> from molsphere import read_run_data
        >>> _ = Path("some.csv").write_text("smiles,energy\nO,1.5\nC,2.5\n")
        >>> data = read_run_data("some.csv", ["energy"], units=["eV"])
        >>> data.values["energy"].tolist(), data.units
        ([1.5, 2.5], {'energy': 'eV'})
    """
    path, targets, units = Path(path), _checks.texts("targets", targets), _checks.texts("units", units)
    if uncharacterized is not None:
        _checks.instance("uncharacterized", uncharacterized, (str, Path), "a file, 'none' or None")
    if length_unit is not None:
        _checks.option("length_unit", length_unit, tuple(LENGTH_UNITS))
    if not targets or len(set(targets)) != len(targets):
        raise ValueError(f"`targets` must be distinct names, at least one, got {targets}")
    if units and len(units) != len(targets):
        raise ValueError(f"`units` must be one per target, {len(targets)}, got {tuple(units)}")
    if not path.exists():
        raise FileNotFoundError(f"`data` must be a file or folder, found no {path}")
    if forces is not None and len(targets) > 1:
        raise ValueError(f"`targets` must be one energy where forces are learned, got {', '.join(targets)}")
    given = dict(zip(targets, units, strict=True)) if units else {}
    if path.is_dir() or path.suffix == ".npz" or ".tar" in path.suffixes:
        _refuse("forces", forces, path, "QM9, which has none,")
        return _read_qm9(path, targets, given, length_unit, uncharacterized)
    _refuse("uncharacterized", uncharacterized, path, "data other than QM9, such as")
    result = read_quietly(path, Reading(on_error="collect", length_unit=length_unit, forces=forces))
    if not result.molecules:
        raise ValueError(f"{path} must hold molecules, none can be read: {result.problems[0]}")
    return _with_labels(path, _without_strange(result, path), targets, given)


def _refuse(name: str, value: object, path: Path, where: str) -> None:
    """Refuse an option that has no meaning for a kind of data."""
    if value is not None:
        raise ValueError(f"`{name}` must be None for {where} {path}, got {value!r}")


def _read_qm9(
    path: Path,
    targets: Sequence[str],
    given: Mapping[str, str],
    length_unit: LengthUnit | None,
    uncharacterized: str | None,
) -> RunData:
    left_out = () if uncharacterized == "none" else uncharacterized
    whole = read_qm9(path, uncharacterized=left_out, num_molecules=None, length_unit=length_unit)
    molecules = whole.molecules
    if ".tar" in path.suffixes and (held := len(molecules) + whole.left_out) != QM9_MOLECULES:
        warnings.warn(f"{path} holds {held:,} of the {QM9_MOLECULES:,} molecules of QM9", FileWarning, stacklevel=3)
    pairs = distances.closest_pairs(molecules.num_atoms, molecules.numbers, molecules.positions)
    if (pairs.ratio < OVERLAP).any():
        at = int(np.nanargmin(pairs.ratio))
        pair = distances.describe_pair(molecules[at], pairs, at)
        raise ValueError(f"{path}: molecule {molecules.index[at]} must have plausible distances between atoms: {pair}")
    values, found = {}, {}
    for name in targets:
        if name in TARGETS:
            values[name], unit = target_values(molecules, name), TARGETS[name].report_unit
        else:
            values[name], unit = _column(molecules, name, path), ""
        found[name] = check_unit(name, unit, given.get(name), path)
        far, absurd = find_outliers(molecules, values[name])
        for at, distance in {**far, **absurd}.items():
            _warn_of_outlier(f"{path}: molecule {molecules.index[at]}", name, values[name][at], distance)
    return RunData(molecules, values, found, str(whole))


def _without_strange(result: ReadResult, path: Path) -> ReadResult:
    """The result of reading with lone atoms and molecules with overlapping atoms moved to the problems."""
    pairs = distances.pairs_of(result.molecules)
    lone = np.array([len(molecule) == 1 for molecule in result.molecules])
    strange = lone | (pairs.ratio < OVERLAP)
    if not strange.any():
        return result
    problems = []
    for at in np.flatnonzero(strange):
        if lone[at]:
            why = f"must have at least two atoms, got a lone {result[at].symbols[0]}: its spheres are empty"
        else:
            why = f"must have plausible distances between atoms: {distances.describe_pair(result[at], pairs, int(at))}"
        problems.append(Problem(path, result.lines[at], why))
    if strange.all():
        raise ValueError(f"{path} must hold molecules to train on, none is left: {problems[0]}")
    return _keep(result, ~strange, problems)


def _keep(result: ReadResult, chosen: np.ndarray, problems: Sequence[Problem]) -> ReadResult:
    at = np.flatnonzero(chosen)
    return dataclasses.replace(
        result,
        molecules=tuple(result.molecules[i] for i in at),
        lines=tuple(result.lines[i] for i in at),
        problems=tuple(sorted([*result.problems, *problems], key=lambda problem: problem.line)),
    )


def _with_labels(path: Path, result: ReadResult, targets: Sequence[str], given: Mapping[str, str]) -> RunData:
    """The data of a file, without molecules that have no value; NaN where only some values are missing."""
    whole = MoleculeSet.from_molecules(result.molecules)
    values, missing, units = {}, {}, {}
    for name in targets:
        labels = find_labels(result.molecules, name, path)
        units[name] = check_unit(name, labels.unit, given.get(name), path)
        values[name], missing[name] = labels.values, dict(labels.missing)
        far, absurd = find_outliers(whole, labels.values)
        for at, distance in far.items():
            _warn_of_outlier(str(result.molecules[at].origin), name, labels.values[at], distance)
        for at in absurd:
            missing[name][at] = f"{labels.values[at]:.6g}, far beyond the others"
            values[name][at] = np.nan
    known = np.logical_or.reduce([np.isfinite(v) for v in values.values()])
    problems = []
    for at in np.flatnonzero(~known):
        text = "; ".join(f"{name!r} must be a number, got {missing[name][at]}" for name in targets)
        problems.append(Problem(path, result.lines[at], text))
    for name in targets:
        if gaps := [at for at in sorted(missing[name]) if known[at]]:
            listed = [f"line {result.lines[at]}: {missing[name][at]}" for at in gaps[:_LISTED]]
            more = [f"and {len(gaps) - _LISTED:,} more"] if len(gaps) > _LISTED else []
            warnings.warn(
                f"{path}: {name!r} has no value in {len(gaps):,} of {len(known):,} records, which are used for the "
                f"other targets only ({'; '.join([*listed, *more])})",
                FileWarning,
                stacklevel=3,
            )
    kept, unused = _keep(result, known, problems), result.unused(targets)
    molecules = MoleculeSet.from_molecules(kept.molecules)
    known_forces = sum(molecule.forces is not None for molecule in kept.molecules)
    forces = f", {known_forces:,} of them with forces" if molecules.forces is not None else ""
    source = f"{len(kept):,} molecules{forces} from {path}" + (f"; {unused}" if unused else "")
    return RunData(molecules, {name: v[known] for name, v in values.items()}, units, source, kept.problems)


def _warn_of_outlier(where: str, name: str, value: float, distance: float) -> None:
    warnings.warn(
        f"{where}: {name!r} is {value:.6g}, {distance:.2g} robust standard deviations from a linear fit to "
        f"composition; correct it or leave it out if it is wrong",
        FileWarning,
        stacklevel=4,
    )


def _column(molecules: MoleculeSet, name: str, path: Path) -> Float[np.ndarray, " molecules"]:
    if name not in molecules.properties:
        there = ", ".join(molecules.properties) or "none"
        raise ValueError(f"{path} must hold a number {name!r} for every molecule; its properties: {there}")
    values = np.asarray(molecules.properties[name], np.float64)
    if not np.isfinite(values).all():
        at = int(np.argmin(np.isfinite(values)))
        raise ValueError(f"{path}: {name!r} must be finite, got {values[at]} for molecule {at}")
    return values
