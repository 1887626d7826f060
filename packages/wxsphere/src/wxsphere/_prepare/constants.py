"""Constant fields of position."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spinharm import Grid

from .._conventions.grids import grid_dataset
from .._conventions.names import LATITUDE, LONGITUDE


def constant_fields(grid: Grid) -> xr.Dataset:
    """Sine of latitude, sine and cosine of longitude.

    Args:
        grid: Any grid.

    Returns:
        Dataset with `sine_of_latitude`, `sine_of_longitude` and `cosine_of_longitude`, each (lat, lon), float32.

    Examples:
        >>> from spinharm import Grid
        >>> from wxsphere import constant_fields
        >>> fields = constant_fields(Grid.equiangular(2, 4))
        >>> list(fields.data_vars)
        ['sine_of_latitude', 'sine_of_longitude', 'cosine_of_longitude']
        >>> fields.sine_of_latitude.values[:, 0].round(3)
        array([ 1., -1.], dtype=float32)
    """
    out = grid_dataset(grid)
    fields = {
        "sine_of_latitude": np.cos(grid.colatitude)[:, None],
        "sine_of_longitude": np.sin(grid.longitude),
        "cosine_of_longitude": np.cos(grid.longitude),
    }
    for name, values in fields.items():
        whole = np.broadcast_to(values, grid.shape).astype(np.float32)
        out[name] = ((LATITUDE, LONGITUDE), whole, {"units": "1"})
    return out
