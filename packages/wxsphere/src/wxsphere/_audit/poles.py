"""Findings about rows on the poles, where a scalar must be constant and a wind must be one vector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr

from spinharm import Grid

from .._conventions.names import LATITUDE, LEVEL, LONGITUDE, WINDS
from .._fields.poles import ONE_VECTOR, distance_from_vector
from .findings import Finding

# Relative rounding error of packing into 16 bits.
_ROUNDING = 1e-4


def pole_warnings(dataset: xr.Dataset, names: Sequence[str], grid: Grid) -> Iterator[Finding]:
    """Warnings about rows on the poles of the first time of each field.

    Args:
        dataset: In the layout of `canonical`.
        names: Names of variables.
        grid: Grid of the dataset.
    """
    rows = [("north", 0, 1)] * grid.north_pole + [("south", -1, -2)] * grid.south_pole
    in_winds = {part for parts in WINDS.values() for part in parts}
    for side, *pair in rows:
        for name in names:
            if name not in in_winds:
                yield from _scalar(dataset, name, side, pair)
        for wind, parts in WINDS.items():
            if all(part in names for part in parts):
                yield from _wind(dataset, wind, parts, grid.longitude, side, pair)


def _scalar(dataset: xr.Dataset, name: str, side: str, rows: list[int]) -> Iterator[Finding]:
    values = np.asarray(_first(dataset[name]).isel({LATITUDE: rows}), np.float64)
    if not np.isfinite(values).all():
        return
    spread, next_spread = (np.ptp(values[..., at, :], axis=-1).max() for at in (0, 1))
    if spread > max(ONE_VECTOR * next_spread, _ROUNDING * np.abs(values).max()):
        text = f"must be constant on the {side} pole, but varies by {spread:g}"
        yield Finding("warning", name, f"{text}; `FieldLayout.pack` takes the mean")


def _wind(
    dataset: xr.Dataset, wind: str, parts: tuple[str, str], longitude: np.ndarray, side: str, rows: list[int]
) -> Iterator[Finding]:
    u, v = (np.asarray(_first(dataset[part]).isel({LATITUDE: rows}), np.float64) for part in parts)
    if u.shape != v.shape or not (np.isfinite(u).all() and np.isfinite(v).all()):
        return
    wave = np.exp(-1j * longitude if side == "north" else 1j * longitude)
    rest, allowed = distance_from_vector(-v + 1j * u, wave)
    if np.any(rest > allowed):
        text = f"must be one vector on the {side} pole, but differs from one by up to {rest.max():.3g} m/s"
        yield Finding("warning", wind, f"{text}; `FieldLayout.pack` rebuilds the row from its neighbours")


def _first(field: xr.DataArray) -> xr.DataArray:
    """The first entry of everything but level, latitude and longitude."""
    field = field.isel({dim: 0 for dim in field.dims if dim not in (LEVEL, LATITUDE, LONGITUDE)})
    return field.transpose(..., LATITUDE, LONGITUDE)
