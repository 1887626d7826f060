"""Regions of the globe for scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float

from .. import _checks
from .._conventions.grids import grid_of
from .._conventions.names import LATITUDE, LONGITUDE
from .._fields.weights import Convention, area_weights

Interval = tuple[float, float]

# Coordinates in files are rounded; a latitude on the bound of a region belongs to it.
_TOLERANCE_DEG = 1e-4


@dataclasses.dataclass(frozen=True)
class Region:
    """Points whose latitude and longitude lie in one of the intervals, bounds included.

    Attributes:
        latitude: Intervals (south, north) [degrees].
        longitude: Intervals (west, east) [degrees, 0 … 360]; west above east crosses the prime meridian.
        land: Weigh points by the land-sea mask, 1 on land, as WeatherBench 2 does.

    Examples:
        >>> import numpy as np
        >>> from wxsphere import Region
        >>> europe = Region(latitude=((35.0, 75.0),), longitude=((347.5, 42.5),))
        >>> europe.contains(np.array([60.0, 0.0]), np.array([0.0, 30.0, 60.0, 350.0]))
        array([[1., 1., 0., 1.],
               [0., 0., 0., 0.]])
    """

    latitude: tuple[Interval, ...] = ((-90.0, 90.0),)
    longitude: tuple[Interval, ...] = ((0.0, 360.0),)
    land: bool = False

    def __post_init__(self) -> None:
        _checks.flag("land", self.land)

    def contains(
        self, latitude_deg: Float[np.ndarray, " lat"], longitude_deg: Float[np.ndarray, " lon"]
    ) -> Float[np.ndarray, "lat lon"]:
        """Mask of the points inside: 1 inside, 0 outside, without the land-sea mask.

        Args:
            latitude_deg: Latitudes [degrees], shape (lat,).
            longitude_deg: Longitudes [degrees], any origin, shape (lon,).

        Returns:
            The mask, shape (lat, lon), float64.

        Raises:
            TypeError: Something else than arrays of numbers.
            ValueError: Arrays of another number of axes.
        """
        for name, values in (("latitude_deg", latitude_deg), ("longitude_deg", longitude_deg)):
            _checks.array(name, values, axes=1, real=True)
            if not np.isfinite(values).all():
                raise ValueError(f"`{name}` must be finite, got {values}")
        eps = _TOLERANCE_DEG
        rows = np.zeros(latitude_deg.shape, bool)
        for south, north in self.latitude:
            rows |= (latitude_deg >= south - eps) & (latitude_deg <= north + eps)
        columns = np.zeros(longitude_deg.shape, bool)
        for west, east in self.longitude:
            width = east - west if east >= west else east - west + 360.0
            columns |= np.mod(longitude_deg - west + eps, 360.0) <= width + 2 * eps
        return (rows[:, None] & columns).astype(np.float64)


_NORTH_20 = ((20.0, 90.0),)
_SOUTH_20 = ((-90.0, -20.0),)
_TROPICS = ((-20.0, 20.0),)

REGIONS: Mapping[str, Region] = {
    "global": Region(),
    "tropics": Region(_TROPICS),
    "extra-tropics": Region(_SOUTH_20 + _NORTH_20),
    "northern-hemisphere": Region(_NORTH_20),
    "southern-hemisphere": Region(_SOUTH_20),
    "europe": Region(((35.0, 75.0),), ((347.5, 42.5),)),
    "north-america": Region(((25.0, 60.0),), ((240.0, 285.0),)),
    "north-atlantic": Region(((25.0, 65.0),), ((290.0, 350.0),)),
    "north-pacific": Region(((25.0, 60.0),), ((145.0, 230.0),)),
    "east-asia": Region(((25.0, 60.0),), ((102.5, 150.0),)),
    "ausnz": Region(((-45.0, -12.5),), ((120.0, 175.0),)),
    "arctic": Region(((60.0, 90.0),)),
    "antarctic": Region(((-90.0, -60.0),)),
    "global_land": Region(land=True),
    "extra-tropics_land": Region(_SOUTH_20 + _NORTH_20, land=True),
    "tropics_land": Region(_TROPICS, land=True),
}
"""The regions of WeatherBench 2 (its `scripts/evaluate.py`), by its names."""


def named_regions(regions: Sequence[str] | Mapping[str, Region]) -> dict[str, Region]:
    """Regions by name, from names of `REGIONS` or from a mapping.

    Raises:
        TypeError: Something else than names to regions.
        ValueError: An unknown name, or no region.
    """
    if not isinstance(regions, Mapping):
        names = _checks.names("regions", regions)
        unknown = [name for name in names if name not in REGIONS]
        if unknown:
            raise ValueError(f"`regions` names {unknown[0]!r}; there are {', '.join(REGIONS)}, or give a mapping")
        regions = {name: REGIONS[name] for name in names}
    if not regions:
        raise ValueError("`regions` must not be empty; ('global',) is the whole sphere")
    _checks.mapping("regions", regions)
    for region in regions.values():
        _checks.instance("regions", region, Region, "names to wxsphere.Region")
    return dict(regions)


def region_weights(
    dataset: xr.Dataset,
    regions: Sequence[str] | Mapping[str, Region],
    *,
    convention: Convention = "wb2",
    land_sea_mask: xr.DataArray | None = None,
) -> xr.DataArray:
    """Weights of the points of each region: area times mask, summing to 1 in each region.

    Args:
        dataset: Has the latitudes and longitudes.
        regions: Names of `REGIONS`, or names to regions.
        convention: Convention of the area weights, see `area_weights`.
        land_sea_mask: 1 on land … 0 on sea, on the same grid; for regions of land. Default the dataset's own.

    Returns:
        Weights with dimensions (region, latitude, longitude), float64.

    Raises:
        ValueError: An unknown name, a region without a point of the grid, or one of land without a mask.

    Examples:
        >>> from spinharm import Grid
        >>> from wxsphere import grid_dataset, region_weights
        >>> weights = region_weights(grid_dataset(Grid.equiangular(4, 8)), ["global", "northern-hemisphere"])
        >>> weights.sum("longitude").values.round(3)
        array([[0.067, 0.433, 0.433, 0.067],
               [0.134, 0.866, 0.   , 0.   ]])
    """
    _checks.dataset("dataset", dataset)
    regions = named_regions(regions)
    if land_sea_mask is not None:
        _checks.instance("land_sea_mask", land_sea_mask, xr.DataArray, "an xarray.DataArray")
    grid_of(dataset)
    latitude, longitude = (np.asarray(dataset[name].values, np.float64) for name in (LATITUDE, LONGITUDE))
    area = area_weights(latitude, convention=convention)
    if land_sea_mask is None and "land_sea_mask" in dataset:
        land_sea_mask = dataset["land_sea_mask"]
    out = []
    for name, region in regions.items():
        mask = region.contains(latitude, longitude) * area[:, None]
        if region.land:
            mask = mask * _land(name, land_sea_mask, (latitude, longitude))
        if not mask.sum() > 0:
            raise ValueError(f"`regions` holds {name!r}, {region}, in which there is no point of the grid")
        out.append(mask / mask.sum())
    coords = {"region": list(regions), LATITUDE: dataset[LATITUDE].values, LONGITUDE: dataset[LONGITUDE].values}
    return xr.DataArray(np.stack(out), dims=("region", LATITUDE, LONGITUDE), coords=coords)


def _land(name: str, mask: xr.DataArray | None, axes: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    if mask is None:
        raise ValueError(f"`land_sea_mask` must be given for the region {name!r}: the dataset has none")
    shape = (axes[0].size, axes[1].size)
    if not {LATITUDE, LONGITUDE} <= set(mask.dims) or mask.dtype.kind not in "iufb":
        raise ValueError(
            f"`land_sea_mask` must have real numbers by latitude and longitude, got {mask.dtype} by {mask.dims}"
        )
    for dim in set(mask.dims) - {LATITUDE, LONGITUDE}:
        mask = mask.isel({dim: 0})
    for dim, wanted in zip((LATITUDE, LONGITUDE), axes, strict=True):
        given = mask[dim].values if dim in mask.coords else wanted
        if given.dtype.kind not in "iuf" or given.shape != wanted.shape or not np.allclose(given, wanted, atol=1e-3):
            raise ValueError(f"`land_sea_mask` must be on the grid of the dataset, got another {dim}, {given[:2]} …")
    values = np.asarray(mask.transpose(LATITUDE, LONGITUDE).values, np.float64)
    if values.shape != shape or not (np.all(values >= 0) and np.all(values <= 1)):
        raise ValueError(
            f"`land_sea_mask` must be on the grid of the dataset, {shape}, with values 0 … 1, got shape {values.shape} "
            f"with values {np.nanmin(values):g} … {np.nanmax(values):g}"
        )
    return values
