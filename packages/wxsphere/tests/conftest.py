"""Fixtures shared by the tests of wxsphere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import spinharm
from spinharm import Grid
from wxsphere import grid_dataset


@pytest.fixture
def weather(sphere_data: Path) -> Path:
    """The folder of real weather data."""
    folder = sphere_data / "weather"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    return folder


@pytest.fixture
def smooth_field(rng: np.random.Generator) -> Callable[..., np.ndarray]:
    """`smooth_field(grid, bandlimit, spin, batch)`: random maps of that bandlimit, real for spin 0, of float64 size."""

    def make(grid: Grid, bandlimit: int, spin: int = 0, batch: tuple[int, ...] = ()) -> np.ndarray:
        shape = (*batch, bandlimit, 2 * bandlimit - 1)
        coeffs = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
        fall = 1.0 / (1 + np.arange(bandlimit)) ** 2
        maps = spinharm.inverse((coeffs * fall[:, None]).astype(np.complex64), grid, spin=spin)
        maps = np.asarray(maps)
        return maps.astype(np.complex128) if spin else np.real(maps).astype(np.float64)

    return make


@pytest.fixture
def make_dataset(rng: np.random.Generator) -> Callable[..., xr.Dataset]:
    """`make_dataset(grid, times, levels)`: random fields in the canonical layout, 6 h apart; scalars and winds."""

    def make(
        grid: Grid | None = None, times: int = 4, levels: tuple[int, ...] = (500, 850), start: str = "2020-01-01"
    ) -> xr.Dataset:
        grid = Grid.equiangular(7, 12) if grid is None else grid
        stamps = np.datetime64(start, "ns") + np.arange(times) * np.timedelta64(6, "h").astype("timedelta64[ns]")
        out = grid_dataset(grid).assign_coords(time=stamps, level=("level", list(levels), {"units": "hPa"}))
        for name in ("geopotential", "u_component_of_wind", "v_component_of_wind"):
            values = rng.standard_normal((times, len(levels), *grid.shape)).astype(np.float32)
            out[name] = (("time", "level", "latitude", "longitude"), values)
        out["2m_temperature"] = (
            ("time", "latitude", "longitude"),
            rng.standard_normal((times, *grid.shape)).astype(np.float32),
        )
        out["land_sea_mask"] = (("latitude", "longitude"), rng.uniform(0, 1, grid.shape).astype(np.float32))
        return out

    return make
