"""Small fields that calls of `wxsphere` are tried with."""

from __future__ import annotations

import numpy as np
import xarray as xr

import wxsphere
from spinharm import Grid

GRID = Grid.equiangular(5, 8, poles=False)
HOURS = np.timedelta64(6 * 3600 * 10**9, "ns")
TIMES = np.datetime64("2000-01-01", "ns") + np.arange(2) * HOURS
NAMES = ("temperature", "10m_u_component_of_wind", "10m_v_component_of_wind")


def dataset(times: np.ndarray = TIMES) -> xr.Dataset:
    """A scalar on two levels, a wind and a mask; no two values of a field are the same."""
    rng = np.random.default_rng(0)
    out = wxsphere.grid_dataset(GRID).assign_coords(time=times, level=("level", [500.0, 850.0], {"units": "hPa"}))
    warm = 260 + rng.standard_normal((times.size, 2, *GRID.shape))
    out["temperature"] = (("time", "level", "latitude", "longitude"), warm.astype(np.float32), {"units": "K"})
    for name in NAMES[1:]:
        wind = 8 * rng.standard_normal((times.size, *GRID.shape))
        out[name] = (("time", "latitude", "longitude"), wind.astype(np.float32), {"units": "m s**-1"})
    out["land_sea_mask"] = (("latitude", "longitude"), rng.uniform(0, 1, GRID.shape).astype(np.float32))
    return out
