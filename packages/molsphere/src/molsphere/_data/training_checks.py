"""Checks before training of everything that predictions refuse: names, lone atoms, unknown elements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Int

from .. import _checks
from .._files.writers import check_name, check_unit
from .._molecules import elements
from .._molecules.dataset import MoleculeSet
from .splits import Splits

# Suffixes that predictions add to a property's name: the deviation of a committee, the unit in extended XYZ.
_ADDED = ("_std", "_unit")


def check_targets(names: Iterable[str], units: Mapping[str, str] | None = None) -> None:
    """Refuse names and units of properties that cannot be titles of columns in a table of predictions.

    Args:
        names: The names.
        units: Units by name, where they are known.

    Raises:
        ValueError: A name that `check_name` refuses, or that predictions derive from another one; a unit that is not
            printable.
    """
    names = tuple(names)
    for name, unit in (units or {}).items():
        check_unit(name, unit)
    for name in names:
        check_name("targets", name)
        for suffix in _ADDED:
            if f"{name}{suffix}" in names:
                raise ValueError(
                    f"`targets` must not hold {name + suffix!r} beside {name!r}: predictions have a column of that "
                    f"name; rename it in the data"
                )


def check_set(data: MoleculeSet, at: Int[np.ndarray, " chosen"], species: Iterable[int], split: str = "") -> None:
    """Refuse molecules of a set that a model of these species cannot predict, see `check_molecules`.

    Args:
        data: Molecules.
        at: Their indices.
        species: Atomic numbers that the model knows.
        split: Name of their split, for the message.

    Raises:
        ValueError: A molecule of one atom, or of another species; the message names the molecule.
    """
    known = _checks.species_tuple(species)
    names = elements.symbols()
    where = f" of the {split} split" if split else ""
    chosen = data.subset(at)
    lone = np.flatnonzero(chosen.num_atoms == 1)
    if lone.size:
        first = int(at[lone[0]])
        raise ValueError(
            f"`molecules` must have at least two atoms each, got a lone {data[first].symbols[0]} in molecule {first}"
            f"{where}{_more(lone.size)}: its spheres are empty; leave it out of the data"
        )
    strange = ~np.isin(chosen.numbers, known)
    if strange.any():
        owner = np.repeat(np.arange(len(chosen)), chosen.num_atoms)
        found = np.unique(owner[strange])
        got = ", ".join(names[z] for z in np.unique(chosen.numbers[strange]))
        wanted = (
            ", ".join(names[z] for z in known) + " alone" + (", the elements of the training split" if split else "")
        )
        remedy = "; use another --split-seed, or leave such molecules out of the data" if split else ""
        raise ValueError(
            f"`molecules`{where} must consist of {wanted}, "
            f"got {got} in molecule {int(at[found[0]])}{_more(found.size)}{remedy}"
        )


def check_splits(data: MoleculeSet, splits: Splits) -> tuple[int, ...]:
    """Refuse splits with molecules that a model trained on the training split cannot predict.

    Args:
        data: All molecules.
        splits: The splits.

    Returns:
        The species of the training split, which the model will know.

    Raises:
        TypeError: Anything other than a set of molecules and splits.
        ValueError: Splits of another number of molecules, a lone atom, or an element that is not in the training split.
    """
    _checks.instance("data", data, MoleculeSet, "a MoleculeSet")
    _checks.instance("splits", splits, Splits, "of type Splits")
    if splits.total != len(data):
        raise ValueError(f"`splits` must be of the {len(data):,} molecules of `data`, got splits of {splits.total:,}")
    species = data.subset(splits.train).species
    for split, at in (("training", splits.train), ("validation", splits.validation), ("test", splits.test)):
        check_set(data, at, species, split)
    return species


def _more(count: int) -> str:
    return f" and {count - 1:,} more" if count > 1 else ""
