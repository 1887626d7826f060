"""Maps of global fields."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr
from jaxtyping import Float, Shaped

from spinharm import Grid
from spinharm.optional import require

from .. import _checks

Projection = Literal["equirectangular", "mollweide"]
PROJECTIONS = ("equirectangular", "mollweide")

EXTRA = "wxsphere[plot]"
_ARROW_SPACING_DEG = 12.0
_ARROW_LENGTH_DEG = 20.0
_QUANTILE = 0.995


def draw_map(
    panel: Any,
    field: Shaped[np.ndarray, "lat lon"],
    grid: Grid,
    *,
    diverging: bool = False,
    limits: tuple[float, float] | None = None,
    land: Float[np.ndarray, "lat lon"] | None = None,
) -> Any:
    """Draw a scalar field on matplotlib axes of either projection, centred on the prime meridian.

    Args:
        panel: Axes made with `axes_options`.
        field: Values in the order of the grid, shape (lat, lon); NaN is left blank.
        grid: Grid of the field.
        diverging: Use a diverging colour map centred on 0.
        limits: Limits of the colours; default quantiles of 0.5 and 99.5 %, symmetric if diverging.
        land: Land-sea mask, of which the contour 0.5 is drawn as the coast.

    Returns:
        The mesh, for a colour bar.
    """
    rows, columns = _order(grid)
    # Cells extend half-way to the next row, the outermost ones to the poles.
    inner = (grid.latitude_deg[rows][1:] + grid.latitude_deg[rows][:-1]) / 2
    latitude = np.concatenate([[-90.0], inner, [90.0]])
    shifted = _longitude_deg(grid)[columns]
    # The cell across the edge of the map is drawn on both sides, clipped.
    half = 180.0 / grid.nlon
    longitude = np.concatenate([shifted - half, shifted[-1] + [half, 3 * half]]).clip(-180.0, 180.0)
    values = np.ma.masked_invalid(field[rows][:, np.append(columns, columns[0])])
    low, high = limits or _limits(field, diverging)
    mollweide = panel.name == "mollweide"
    scale = np.radians(1.0) if mollweide else 1.0
    mesh = panel.pcolormesh(
        longitude * scale,
        latitude * scale,
        values,
        cmap="RdBu_r" if diverging else "viridis",
        vmin=low,
        vmax=high,
        rasterized=True,
        shading="flat",
    )
    if land is not None and land.min() < 0.5 < land.max():
        inside = land[rows][:, columns]
        at = (shifted * scale, grid.latitude_deg[rows] * scale)
        panel.contour(*at, inside, levels=[0.5], colors="black", linewidths=0.5, alpha=0.7)
    if not mollweide:
        panel.set(xlim=(-180, 180), ylim=(-90, 90), xticks=range(-180, 181, 60), yticks=range(-90, 91, 30))
        panel.set_aspect("equal")
    else:
        panel.set(xticks=[], yticks=[])
    return mesh


def draw_arrows(
    panel: Any, u: Shaped[np.ndarray, "lat lon"], v: Shaped[np.ndarray, "lat lon"], grid: Grid, *, colour: str = "black"
) -> Any:
    """Draw a wind as arrows about 12° apart, which have the direction of the flow on the map.

    Air at latitude φ moves by (u/cos φ, v) in (longitude, latitude), and the projection of this is the direction on the
    map; the length of an arrow is proportional to the speed.

    Args:
        panel: Axes of `draw_map`.
        u: Eastward component, shape (lat, lon).
        v: Northward component, shape (lat, lon).
        grid: Grid of the components.
        colour: Colour of the arrows.

    Returns:
        The arrows; the 99.5 % quantile of the speed has the length of 20° on the equator.
    """
    places = []
    for row in _every(grid.nlat, 180.0):
        # Fewer arrows near the poles, and none on them, where there is no direction on the map.
        cosine = float(np.cos(np.radians(grid.latitude_deg[row])))
        if cosine > 0.05:
            places += [(row, column) for column in _every(grid.nlon, 360.0 * cosine)]
    rows, columns = np.transpose(places)
    latitude, longitude = grid.latitude_deg[rows], _longitude_deg(grid)[columns]
    east, north = np.asarray(u[rows, columns], np.float64), np.asarray(v[rows, columns], np.float64)
    speed, along = np.hypot(east, north), east / np.cos(np.radians(latitude))
    stretch = speed / np.maximum(np.hypot(along, north), 1e-30)
    scale = np.radians(1.0) if panel.name == "mollweide" else 1.0
    everywhere = np.hypot(u, v)
    finite = everywhere[np.isfinite(everywhere)]
    longest = float(np.quantile(finite, _QUANTILE)) if finite.size else 1.0
    return panel.quiver(
        longitude * scale,
        latitude * scale,
        along * stretch,
        north * stretch,
        angles="xy",
        scale=(longest or 1.0) * 360.0 / _ARROW_LENGTH_DEG,
        scale_units="width",
        pivot="middle",
        width=0.0018,
        color=colour,
    )


def _order(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Order of rows from south to north, and of columns from 180° W."""
    return np.argsort(grid.latitude_deg), np.argsort(_longitude_deg(grid))


def _longitude_deg(grid: Grid) -> np.ndarray:
    """Longitudes from −180 to 180 [degrees]."""
    return np.mod(grid.longitude_deg + 180.0, 360.0) - 180.0


def _every(count: int, degrees: float) -> np.ndarray:
    """Evenly spaced positions among `count`, as many as there are spacings of arrows in an extent [degrees]."""
    chosen = min(count, max(1, round(degrees / _ARROW_SPACING_DEG)))
    return np.floor((np.arange(chosen) + 0.5) * count / chosen).astype(int)


def _limits(field: np.ndarray, diverging: bool) -> tuple[float, float]:
    values = field[np.isfinite(field)]
    if not values.size:
        return 0.0, 1.0
    if diverging:
        largest = float(np.quantile(np.abs(values), _QUANTILE)) or 1.0
        return -largest, largest
    low, high = (float(np.quantile(values, at)) for at in (1 - _QUANTILE, _QUANTILE))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def axes_options(projection: Projection) -> dict[str, Any]:
    """Argument `subplot_kw` for the axes of `draw_map`."""
    _checks.option("projection", projection, PROJECTIONS)
    require("matplotlib", EXTRA, "plotting")
    return {"projection": "mollweide"} if projection == "mollweide" else {}


def land_of(dataset: xr.Dataset) -> Float[np.ndarray, "lat lon"] | None:
    """The land-sea mask of a dataset, if it has one."""
    if "land_sea_mask" not in dataset:
        return None
    mask = dataset["land_sea_mask"]
    mask = mask.isel({dim: 0 for dim in mask.dims if dim not in ("latitude", "longitude")})
    return np.asarray(mask.transpose("latitude", "longitude").values, np.float64)
