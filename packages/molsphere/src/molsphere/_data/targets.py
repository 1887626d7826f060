"""The twelve targets of QM9 and the reference energies of atoms."""

from __future__ import annotations

import dataclasses
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from .. import _checks
from .._molecules.dataset import MoleculeSet

# CODATA 2018, in meV.
HARTREE = 27211.386245988

# `atomref.txt` of QM9 (Ramakrishnan et al. 2014, doi:10.6084/m9.figshare.978904): B3LYP/6-31G(2df,p), at 298.15 K but
# for U0. Hartree; Cv in cal/(mol K). The column of zero-point energies, all zero, is left out.
ATOMIC_REFERENCES = MappingProxyType({
    "U0": MappingProxyType({1: -0.500273, 6: -37.846772, 7: -54.583861, 8: -75.064579, 9: -99.718730}),
    "U": MappingProxyType({1: -0.498857, 6: -37.845355, 7: -54.582445, 8: -75.063163, 9: -99.717314}),
    "H": MappingProxyType({1: -0.497912, 6: -37.844411, 7: -54.581501, 8: -75.062219, 9: -99.716370}),
    "G": MappingProxyType({1: -0.510927, 6: -37.861317, 7: -54.598897, 8: -75.079532, 9: -99.733544}),
    "Cv": MappingProxyType({1: 2.981, 6: 2.981, 7: 2.981, 8: 2.981, 9: 2.981}),
})  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Target:
    """A target property of QM9.

    Attributes:
        name: Its name, which is also its field in the file.
        description: Description.
        unit: Unit in the file.
        extensive: Whether it grows with the molecule, so that a sum over atoms suits it.
        atomic_reference: Column of `ATOMIC_REFERENCES` to subtract per atom, or None.
        report_unit: Unit of reported values and errors.
        factor: Ratio of the reported value to that in the file.

    Examples:
        >>> from molsphere import TARGETS
        >>> TARGETS["mu"].unit
        'D'
    """

    name: str
    description: str
    unit: str
    extensive: bool
    atomic_reference: str | None
    report_unit: str
    factor: float


def _energy(name: str, description: str, *, extensive: bool, reference: str | None = None) -> Target:
    return Target(name, description, "Hartree", extensive, reference, "meV", HARTREE)


TARGETS = MappingProxyType({
    target.name: target
    for target in (
        Target("mu", "dipole moment μ", "D", False, None, "D", 1.0),
        Target("alpha", "isotropic polarisability α", "a0^3", True, None, "a0^3", 1.0),
        _energy("homo", "energy of the highest occupied orbital", extensive=False),
        _energy("lumo", "energy of the lowest unoccupied orbital", extensive=False),
        _energy("gap", "LUMO − HOMO", extensive=False),
        Target("r2", "electronic spatial extent ⟨R²⟩", "a0^2", False, None, "a0^2", 1.0),
        _energy("zpve", "zero-point vibrational energy", extensive=True),
        _energy("U0", "internal energy at 0 K", extensive=True, reference="U0"),
        _energy("U", "internal energy at 298.15 K", extensive=True, reference="U"),
        _energy("H", "enthalpy at 298.15 K", extensive=True, reference="H"),
        _energy("G", "free energy at 298.15 K", extensive=True, reference="G"),
        Target("Cv", "heat capacity at 298.15 K", "cal/(mol K)", True, "Cv", "cal/(mol K)", 1.0),
    )
})  # fmt: skip


def target(name: str) -> Target:
    """Look up a target by name.

    Args:
        name: One of `TARGETS`.

    Returns:
        The target.

    Raises:
        ValueError: Another name.

    Examples:
        >>> from molsphere import target
        >>> target("gap").report_unit
        'meV'
    """
    if not isinstance(name, str) or name not in TARGETS:
        raise ValueError(f"`name` must be one of {', '.join(TARGETS)}, got {name!r}")
    return TARGETS[name]


def target_values(molecules: MoleculeSet, name: str, *, atomization: bool = True) -> Float[np.ndarray, " molecules"]:
    """Values of a target in its reporting unit, energies as energies of atomisation.

    An energy of atomisation is that of the molecule minus the references of its atoms: H_at = H − Σ_i H_ref(z_i),
    negative for a bound molecule.

    Args:
        molecules: Molecules with the target's field among their properties.
        name: One of `TARGETS`.
        atomization: Whether to subtract the atomic references, for the targets that have them.

    Returns:
        Values in `target(name).report_unit`, shape (molecules,), float64.

    Raises:
        TypeError: Anything other than a set of molecules, or `atomization` that is not True or False.
        ValueError: An unknown target, one that the molecules lack, a value that is not finite, or an element without
            reference.

    Examples:
        >>> import numpy as np
        >>> from molsphere import MoleculeSet, from_smiles, target_values
        >>> one = MoleculeSet.from_molecules([from_smiles("O")])
        >>> data = MoleculeSet(one.num_atoms, one.numbers, one.positions, one.index, {"mu": np.array([1.85])})
        >>> target_values(data, "mu").round(2).tolist()
        [1.85]
    """
    _checks.instance("molecules", molecules, MoleculeSet, "a MoleculeSet")
    _checks.flag("atomization", atomization)
    wanted = target(name)
    if name not in molecules.properties:
        raise ValueError(f"`name` must be a property of the molecules, {sorted(molecules.properties)}, got {name!r}")
    values = np.asarray(molecules.properties[name], np.float64)
    if not np.isfinite(values).all():
        at = int(np.argmin(np.isfinite(values)))
        raise ValueError(f"{name!r} must be finite, got {values[at]} for molecule {molecules.index[at]}")
    if atomization and wanted.atomic_reference is not None:
        reference = ATOMIC_REFERENCES[wanted.atomic_reference]
        if strangers := sorted(set(molecules.species) - set(reference)):
            raise ValueError(f"{name!r} has atomic references for {tuple(reference)}, got elements {strangers} too")
        values = values - molecules.composition(tuple(reference)) @ np.array([*reference.values()])
    return values * wanted.factor
