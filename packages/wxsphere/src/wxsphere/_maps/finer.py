"""Smooth fields on a finer grid, through their coefficients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from spinharm import Grid, resample, spin_to_wind, wind_to_spin

_RINGS = 181
# A field is as smooth as its grid resolves if its coefficients give it back to this share of its range.
_TOLERANCE = 0.01


def finer(
    fields: Sequence[Float[np.ndarray, "lat lon"]], grid: Grid
) -> tuple[list[Float[np.ndarray, "lat_to lon_to"]], Grid]:
    """Bring a scalar, or both components of a wind, to a grid of 1° with poles through their coefficients.

    Fields with missing values, fields that their coefficients do not give back within 1 % of their range, and fields
    on as fine a grid are returned as they are.

    Args:
        fields: One field, or the eastward and the northward component.
        grid: Their grid.

    Returns:
        The fields, and their grid.
    """
    values = [np.asarray(field, np.float64) for field in fields]
    if grid.nlat >= _RINGS or not all(np.isfinite(one).all() for one in values):
        return values, grid
    fine = Grid.equiangular(_RINGS, 2 * (_RINGS - 1))
    offsets = [float(one.mean()) if len(values) == 1 else 0.0 for one in values]
    # Single precision is a thousandth of a colour once the mean is taken away.
    alone = [np.asarray(one - offset, np.float32) for one, offset in zip(values, offsets, strict=True)]
    back = _through(alone, grid, grid)
    ranges = [max(float(np.ptp(one)), 1e-30) for one in values]
    if any(np.abs(a - b).max() > _TOLERANCE * r for a, b, r in zip(alone, back, ranges, strict=True)):
        return values, grid
    return [one + offset for one, offset in zip(_through(alone, grid, fine), offsets, strict=True)], fine


def _through(fields: list[np.ndarray], grid: Grid, to: Grid) -> list[np.ndarray]:
    bandlimit = min(grid.max_bandlimit, to.max_bandlimit)
    if len(fields) == 1:
        return [np.asarray(resample(fields[0], grid, to, bandlimit=bandlimit), np.float64)]
    both = resample(np.asarray(wind_to_spin(fields[0], fields[1])), grid, to, spin=1, bandlimit=bandlimit)
    return [np.asarray(one, np.float64) for one in spin_to_wind(both)]
