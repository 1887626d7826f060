"""Area weights of latitudes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from spinharm import Grid

from .. import _checks
from .._choices import Convention as Convention


def area_weights(latitude_deg: npt.ArrayLike, *, convention: Convention = "wb2") -> Float[np.ndarray, " lat"]:
    """Area of the ring around each latitude relative to the mean area: (sin upper − sin lower) / mean.

    Bounds of rings are half-way between latitudes. The first and the last bound are the poles (`"wb2"`), or half a
    spacing beyond the last latitude, at most the pole (`"wbx"`). Both agree on grids with poles and on
    equiangular cell centres, and differ on Gauss grids. Unlike cosines of latitude, rows on the poles get a weight.

    Args:
        latitude_deg: Latitudes [degrees, −90 … 90], ascending or descending, shape (lat,), at least 2.
        convention: `"wb2"`: WeatherBench 2, `metrics._get_lat_weights`; `"wbx"`: WeatherBench-X, `GridAreaWeighting`.

    Returns:
        Weights, shape (lat,), float64, mean 1, in the order of the latitudes.

    Raises:
        TypeError: Latitudes are not real numbers.
        ValueError: Latitudes are not sorted, out of range, or fewer than two; or the convention is unknown.

    References:
        Rasp et al., WeatherBench 2 (2024), equation (1).

    Examples:
        >>> from wxsphere import area_weights
        >>> area_weights([90.0, 45.0, 0.0, -45.0, -90.0]).round(3)
        array([0.19 , 1.353, 1.913, 1.353, 0.19 ])
    """
    _checks.option("convention", convention, ("wb2", "wbx"))
    given = np.asarray(latitude_deg)
    if given.dtype.kind not in "iuf":
        raise TypeError(f"`latitude_deg` must hold real numbers, got dtype {given.dtype}")
    latitude = given.astype(np.float64)
    if latitude.ndim != 1 or latitude.size < 2:
        raise ValueError(f"`latitude_deg` must be one-dimensional with at least 2 values, got shape {latitude.shape}")
    steps = np.diff(latitude)
    if not (np.all(steps > 0) or np.all(steps < 0)) or np.max(np.abs(latitude)) > 90 + 1e-6:
        raise ValueError(f"`latitude_deg` must be sorted and within [-90, 90], got {latitude[:3]} … {latitude[-1:]}")
    ascending = np.clip(np.sort(latitude), -90.0, 90.0)
    inner = (ascending[1:] + ascending[:-1]) / 2
    if convention == "wb2":
        first, last = -90.0, 90.0
    else:
        first = max(-90.0, ascending[0] - (ascending[1] - ascending[0]) / 2)
        last = min(90.0, ascending[-1] + (ascending[-1] - ascending[-2]) / 2)
    weights = np.diff(np.sin(np.radians(np.concatenate([[first], inner, [last]]))))
    weights /= weights.mean()
    return weights if steps[0] > 0 else weights[::-1].copy()


def point_weights(grid: Grid) -> Float[np.ndarray, "lat 1 1 1"]:
    """Area of each point of maps (*batch, lat, lon, spin, channel) as a fraction of the sphere."""
    return (area_weights(grid.latitude_deg) / grid.nlat / grid.nlon)[:, None, None, None]
