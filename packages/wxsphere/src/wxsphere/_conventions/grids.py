"""Grids of datasets."""

from __future__ import annotations

import re

import numpy as np
import xarray as xr

from spinharm import Grid

from .. import _checks
from .names import LATITUDE, LONGITUDE


def grid_of(dataset: xr.Dataset | xr.DataArray) -> Grid:
    """The `spinharm.Grid` whose rings and columns are the latitudes and longitudes of a dataset.

    Recognised are equiangular grids with and without poles, Gauss-Legendre, Driscoll-Healy and McEwen-Wiaux grids, with
    ascending or descending latitudes and any first longitude.

    Args:
        dataset: A dataset with one-dimensional coordinates `latitude` and `longitude` [degrees], as `open_dataset`
            gives it.

    Returns:
        The grid, with rings and columns in the order of the dataset.

    Raises:
        ValueError: A coordinate is missing, latitude and longitude are swapped, or the coordinates do not form a known
            grid; the message names the first value that does not fit.

    Examples:
        >>> from spinharm import Grid
        >>> from wxsphere import grid_dataset, grid_of
        >>> print(grid_of(grid_dataset(Grid.gauss_legendre(4))))
        4×8 Gauss-Legendre
    """
    _checks.instance("dataset", dataset, (xr.Dataset, xr.DataArray), "an xarray.Dataset or DataArray")
    for name in (LATITUDE, LONGITUDE):
        if name not in dataset.coords or dataset[name].ndim != 1:
            there = {str(key): dataset[key].dims for key in dataset.coords}
            raise ValueError(
                f"`dataset` must have a one-dimensional coordinate {name!r}, got {there}; "
                f"`wxsphere.open_dataset` also recognises other names"
            )
    latitude, longitude = (np.asarray(dataset[name].values, np.float64) for name in (LATITUDE, LONGITUDE))
    check_not_swapped(latitude, longitude)
    return Grid.from_latlon(latitude, longitude)


def check_not_swapped(latitude: np.ndarray, longitude: np.ndarray) -> None:
    """Refuse latitudes beyond ±90° beside longitudes within ±90°: they are swapped."""
    if np.max(np.abs(latitude), initial=0.0) > 90.001 and np.max(np.abs(longitude), initial=0.0) <= 90.001:
        raise ValueError(
            f"`latitude` runs from {latitude[0]:g} to {latitude[-1]:g} and `longitude` from {longitude[0]:g} to "
            f"{longitude[-1]:g}: they are swapped; rename them with "
            f"`rename={{'latitude': 'longitude', 'longitude': 'latitude'}}` or --rename latitude=longitude "
            f"longitude=latitude"
        )


def grid_dataset(grid: Grid) -> xr.Dataset:
    """A dataset without variables whose latitudes and longitudes are those of a grid.

    Args:
        grid: The grid.

    Returns:
        A dataset with coordinates `latitude` (lat,) and `longitude` (lon,) [degrees], float64, with CF attributes.

    Examples:
        >>> from spinharm import Grid
        >>> from wxsphere import grid_dataset
        >>> fields = grid_dataset(Grid.equiangular(3, 4, poles=True))
        >>> fields.latitude.values.tolist(), fields.longitude.values.tolist()
        ([90.0, 0.0, -90.0], [0.0, 90.0, 180.0, 270.0])
    """
    _checks.grid("grid", grid)
    return xr.Dataset(
        coords={
            LATITUDE: (LATITUDE, grid.latitude_deg, {"units": "degrees_north", "standard_name": "latitude"}),
            LONGITUDE: (LONGITUDE, grid.longitude_deg, {"units": "degrees_east", "standard_name": "longitude"}),
        }
    )


def grid_named(text: str, other: str = "") -> Grid:
    """The grid that a command line names.

    Args:
        text: `"NLATxNLON"`: rings at cell centres; `"NLATxNLON+poles"`: rings on the poles; `"NLATxNLON+gauss"`:
            Gauss-Legendre rings.
        other: Another value that the option takes, for the message.

    Returns:
        The grid.

    Raises:
        ValueError: The text has another form, or its numbers do not make a grid.
    """
    found = re.fullmatch(r"([0-9]+)x([0-9]+)(\+poles|\+gauss)?", text)
    if found is None:
        kinds = ", ".join([*[other] * bool(other), "NLATxNLON", "NLATxNLON+poles"])
        raise ValueError(f"`grid` must be {kinds} or NLATxNLON+gauss, got {text!r}")
    nlat, nlon = int(found[1]), int(found[2])
    if found[3] == "+gauss":
        return Grid.gauss_legendre(nlat, nlon)
    return Grid.equiangular(nlat, nlon, poles=found[3] is not None)
