"""Target values from the properties of molecules: column, unit, missing values, outliers."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from .._molecules.dataset import MoleculeSet
from .._molecules.molecule import Molecule

_WITH_UNIT = re.compile(r"(.*\S)\s*\[(.+)\]")
# Robust standard deviations from the regression on composition: values beyond the first are reported, values beyond the
# second count as missing. In 11,000 molecules of QM9 the farthest value of the twelve targets is at 17.
_FAR, _ABSURD = 40.0, 1e9
# Values are clipped at this many robust standard deviations before the regression.
_CLIP = 20.0
_REFITS = 3
_FEWEST = 20
# Above this share, distant values are a feature of the distribution, not mistakes.
_SHARE = 0.01


@dataclasses.dataclass(frozen=True, eq=False)
class Labels:
    """A property of some molecules.

    Attributes:
        values: Values, NaN where there is none, shape (molecules,).
        unit: Unit given in the file, or `""`.
        missing: Description of what the file has instead of a number, by index of the molecule.
    """

    values: Float[np.ndarray, " molecules"]
    unit: str
    missing: Mapping[int, str]


def find_labels(molecules: Sequence[Molecule], name: str, path: Path) -> Labels:
    """Find the values of a property, in the column of its name or of its name with a unit, `energy [eV]`.

    Args:
        molecules: Molecules with their origins, at least one.
        name: The property.
        path: Their file.

    Returns:
        The values.

    Raises:
        ValueError: No such column or several, no number in it, or several units.
    """
    title, unit = _find_column(molecules, name, path)
    values, missing = np.full(len(molecules), np.nan), {}
    for at, molecule in enumerate(molecules):
        value = molecule.properties.get(title)
        if isinstance(value, float | int) and not isinstance(value, bool) and np.isfinite(value):
            values[at] = value
        else:
            missing[at] = _described(value)
    if len(missing) == len(molecules):
        raise ValueError(
            f"{molecules[0].origin}: {name!r} must be a number, got {missing[0]}; none of {len(molecules):,} records "
            f"has one"
        )
    return Labels(values, unit or _unit_key(molecules, name), missing)


def _find_column(molecules: Sequence[Molecule], name: str, path: Path) -> tuple[str, str]:
    """The title of the only column of a property, and the unit in that title or `""`."""
    titles = list(dict.fromkeys(title for molecule in molecules for title in molecule.properties))
    units = {title: m[2] for title in titles if (m := _WITH_UNIT.fullmatch(title)) and m[1] == name}
    columns = [title for title in titles if title == name or title in units]
    if len(columns) > 1:
        raise ValueError(f"{path} must hold one column {name!r}, got {', '.join(map(repr, columns))}; rename one")
    if not columns:
        numbers = [t for t in titles if any(isinstance(m.properties.get(t), float | int) for m in molecules)]
        raise ValueError(f"{path} must hold numbers {name!r}; its numeric columns: {', '.join(numbers) or 'none'}")
    return columns[0], units.get(columns[0], "")


def _described(value: float | str | None) -> str:
    """Describe a value that is not a number, for messages."""
    if value is None:
        return "nothing"
    hint = "; use a decimal point" if isinstance(value, str) and "," in value else ""
    return f"{value!r}{hint}"


def _unit_key(molecules: Sequence[Molecule], name: str) -> str:
    """The unit in the field `energy_unit`, which must be the same in all records that have it."""
    found: dict[str, Molecule] = {}
    for molecule in molecules:
        if unit := str(molecule.properties.get(f"{name}_unit", "")).strip():
            found.setdefault(unit, molecule)
    if len(found) > 1:
        two = " and ".join(f"{unit!r} at {molecule.origin}" for unit, molecule in list(found.items())[:2])
        raise ValueError(f"{name!r} must be in one unit, got {two}; convert them to one")
    return next(iter(found), "")


def check_unit(name: str, found: str, given: str | None, path: Path) -> str:
    """The unit of a property, given by the user or found in the file.

    Raises:
        ValueError: The two differ.
    """
    if found and given is not None and given.strip() != found:
        raise ValueError(
            f"`units` must agree with {path}, which has {name!r} in {found!r}, got {given!r}; values are not "
            f"converted: leave `units` out, or convert them in the file"
        )
    return found or (given or "")


def distance_from_rest(molecules: MoleculeSet, values: Float[np.ndarray, " molecules"]) -> Float[np.ndarray, " labels"]:
    """Distances of values from a linear regression on composition, in robust standard deviations.

    The robust standard deviation is 1.4826 × the median of |x − median|. The regression on the numbers of atoms of each
    species is fitted to values clipped at 20 of them, then three times more with the deviation of the residuals. With
    few values, distances are those from the median.

    Args:
        molecules: The molecules.
        values: Their values, finite.

    Returns:
        Distances, shape (molecules,); 0 where the values have no spread.
    """
    values = np.asarray(values, np.float64)
    counts = molecules.composition(molecules.species).astype(float)
    design = np.concatenate([np.ones((len(values), 1)), counts], 1)
    if len(values) < 10 * design.shape[1]:
        design = design[:, :1]
    center, spread = np.median(values), _spread(values)
    smallest = 1e-9 * max(abs(float(center)), spread)
    fitted = np.full(len(values), center)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(1 + _REFITS):
            if spread == 0:
                return np.zeros(len(values))
            clipped = np.clip(values, fitted - _CLIP * spread, fitted + _CLIP * spread)
            fitted = design @ np.linalg.lstsq(design, clipped, rcond=None)[0]
            spread = max(_spread(values - fitted), smallest)
        return np.abs(values - fitted) / spread


def _spread(values: np.ndarray) -> float:
    """A robust standard deviation; where half of the values are equal, the range between the percentiles 1 and 99."""
    with np.errstate(over="ignore", invalid="ignore"):
        near = 1.4826 * float(np.median(np.abs(values - np.median(values))))
        if near > 0:
            return near
        low, high = np.percentile(values, [1, 99], method="closest_observation")
    return float(high - low) or 1e-3 * abs(float(np.median(values)))


def find_outliers(
    molecules: MoleculeSet, values: Float[np.ndarray, " molecules"]
) -> tuple[dict[int, float], dict[int, float]]:
    """Find outliers: their distances from a regression on composition in robust standard deviations, by index.

    Args:
        molecules: The molecules.
        values: Their values, NaN where there is none.

    Returns:
        Suspicious values (beyond 40 deviations, unless more than 1 % are) and impossible ones (beyond 10⁹).
    """
    known = np.flatnonzero(np.isfinite(values))
    if not known.size:
        return {}, {}
    distance = distance_from_rest(molecules.subset(known), values[known])
    absurd = distance > _ABSURD
    far = (distance > _FAR) & ~absurd
    if known.size < _FEWEST or far.sum() > max(1, _SHARE * known.size):
        far[:] = False
    suspicious, impossible = (
        {int(known[at]): float(distance[at]) for at in np.flatnonzero(chosen)} for chosen in (far, absurd)
    )
    return suspicious, impossible
