"""Mean and standard deviation of fields and of their tendencies, in one pass over a store of any size."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from dask.base import compute
from dask.delayed import delayed
from jaxtyping import Float

from .. import _checks
from .._conventions.coordinates import check_coordinates
from .._conventions.names import LATITUDE, LEVEL, LONGITUDE, TIME
from .weights import area_weights

FIELD_STATISTICS = ("mean", "std", "tendency_mean", "tendency_std")
"""Names of the statistics that `field_statistics` computes."""
# Size of a block of times in float64.
_BLOCK_BYTES = 2**25


class Moments(NamedTuple):
    """Total weight, mean, and weighted sum of squared deviations from the mean; arrays by level, or scalars."""

    weight: float
    mean: np.ndarray
    squares: np.ndarray


def field_statistics(
    dataset: xr.Dataset, *, times: np.ndarray | None = None, cadence: np.timedelta64 | None = None
) -> xr.Dataset:
    """Mean and standard deviation of fields, and of their change over one cadence, level by level.

    mean = ⟨f⟩ and std = √⟨(f − ⟨f⟩)²⟩, where ⟨⟩ is the mean over points, weighted by `area_weights`, times and members;
    `tendency_mean` and `tendency_std` are those of f(t + cadence) − f(t). In float64: Dask reduces blocks of times, and
    their moments are merged in order by the formula of Chan, Golub and LeVeque, which is stable where sums of squares
    are not.

    Args:
        dataset: Dataset in the layout of `canonical`, with `time`. Variables without time are left out.
        times: Times to use, `datetime64`; default all. For training, use the times of the training period only.
        cadence: Time between the two states of a change; default the smallest spacing of `times`.

    Returns:
        Dataset with dimensions (statistic[, level]), float64; `statistic` has the names in `FIELD_STATISTICS`.
        Statistics of changes are NaN if no two times are one cadence apart.

    Raises:
        ValueError: There is no time, the dataset lacks one of `times`, or a value is missing; the message names
            variable and time.

    References:
        Chan, Golub and LeVeque, Algorithms for computing the sample variance (1983), equations 2.1.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import field_statistics, grid_dataset
        >>> times = np.arange("2020-01-01T00", "2020-01-02T00", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> fields = grid_dataset(Grid.equiangular(4, 8)).assign_coords(time=times)
        >>> warming = np.broadcast_to(np.arange(280.0, 284.0)[:, None, None], (4, 4, 8))
        >>> fields["2m_temperature"] = ("time", "latitude", "longitude"), warming
        >>> found = field_statistics(fields)["2m_temperature"]
        >>> {str(row): round(float(found.sel(statistic=row)), 3) for row in found.statistic.values}
        {'mean': 281.5, 'std': 1.118, 'tendency_mean': 1.0, 'tendency_std': 0.0}
    """
    _checks.dimensions("dataset", dataset, (TIME, LATITUDE, LONGITUDE))
    check_coordinates("dataset", dataset)
    fields = [str(n) for n, field in dataset.data_vars.items() if {TIME, LATITUDE, LONGITUDE} <= set(field.dims)]
    _checks.real_fields("dataset", dataset, fields)
    stamps = _checks.times("times", dataset[TIME].values if times is None else times)
    index = dataset.indexes[TIME].get_indexer(stamps)
    if not stamps.size:
        raise ValueError("`times` must hold at least one time, got none")
    if np.any(index < 0):
        raise ValueError(f"`times` must be in `dataset`, which lacks {stamps[index < 0][0]}")
    if np.any(np.diff(stamps) <= np.timedelta64(0, "ns")):
        raise ValueError("`times` must ascend without repeats")
    if cadence is not None and _checks.durations("cadence", cadence).size != 1:
        raise ValueError(f"`cadence` must be one duration, got {cadence!r}")
    if cadence is None:
        cadence = np.diff(stamps).min() if stamps.size > 1 else np.timedelta64(0, "ns")
    follows = np.diff(stamps) == _checks.durations("cadence", cadence)
    out = xr.Dataset(coords={"statistic": list(FIELD_STATISTICS)})
    weights = area_weights(dataset[LATITUDE].values)
    for name in fields:
        field = dataset[name]
        values, changes = _of_field(name, field, index, follows, weights)
        rows = [values.mean, deviation(values), changes.mean, deviation(changes)]
        dims = ("statistic", LEVEL) if LEVEL in field.dims else ("statistic",)
        out[name] = (dims, np.stack(rows), field.attrs)
        if LEVEL in field.dims:
            out = out.assign_coords({LEVEL: dataset[LEVEL]})
    return out


def deviation(moments: Moments) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sqrt(moments.squares / np.float64(moments.weight)))


def _of_field(
    name: str, field: xr.DataArray, index: np.ndarray, follows: np.ndarray, weights: np.ndarray
) -> tuple[Moments, Moments]:
    ends = [dim for dim in (LEVEL, LATITUDE, LONGITUDE) if dim in field.dims]
    field = field.transpose(TIME, ..., *ends)
    step = max(1, _BLOCK_BYTES // (8 * int(np.prod(field.shape[1:]))))
    if field.chunks:
        # Whole chunks, so that each is read once, apart from the first time of the next block.
        step = max(1, step // field.chunks[0][0]) * field.chunks[0][0]
    tasks: list[Any] = []
    for begin in range(0, index.size, step):
        stop = min(begin + step, index.size)
        part = field.isel({TIME: index[begin : stop + 1]})
        stamps = part[TIME].values
        reduce = delayed(_block_moments, pure=False)
        tasks.append(reduce(part.data, stop - begin, follows[begin:stop], weights, LEVEL in field.dims, name, stamps))
    results = compute(*tasks)
    return merged([values for values, _ in results]), merged([changes for _, changes in results])


def _block_moments(
    values: np.ndarray,
    count: int,
    follows: np.ndarray,
    weights: Float[np.ndarray, " lat"],
    by_level: bool,
    name: str,
    stamps: np.ndarray,
) -> tuple[Moments, Moments]:
    """Moments of the first `count` times, and of the changes from each to the next where `follows` is true."""
    values = np.asarray(values, np.float64)
    missing = ~np.isfinite(values.reshape(values.shape[0], -1)).all(1)
    if missing.any():
        raise ValueError(f"`{name}` must have a value at every point, got missing values at {stamps[missing][0]}")
    at = np.flatnonzero(follows)
    changes = values[at + 1] - values[at]
    return moments(values[:count], weights, by_level), moments(changes, weights, by_level)


def moments(values: np.ndarray, weights: np.ndarray, by_level: bool) -> Moments:
    rest = values.shape[:-3] if by_level else values.shape[:-2]
    levels = values.shape[-3] if by_level else 1
    table = values.reshape(int(np.prod(rest)), levels, *values.shape[-2:])
    weight = float(table.shape[0] * table.shape[-1] * weights.sum())
    shape = (levels,) if by_level else ()
    if not weight:
        return Moments(0.0, np.full(shape, np.nan), np.full(shape, np.nan))
    mean = table.sum((0, 3)) @ weights / weight
    squares = ((table - mean[:, None, None]) ** 2).sum((0, 3)) @ weights
    return Moments(weight, mean.reshape(shape), squares.reshape(shape))


def merged(parts: list[Moments]) -> Moments:
    """Merge moments in pairs, so that rounding errors grow with the logarithm of their number."""
    there = [part for part in parts if part.weight] or parts[:1]
    while len(there) > 1:
        pairs = [_pair(*there[at : at + 2]) for at in range(0, len(there) - 1, 2)]
        there = pairs + there[len(there) - len(there) % 2 :]
    return there[0]


def _pair(one: Moments, other: Moments) -> Moments:
    weight = one.weight + other.weight
    apart = other.mean - one.mean
    mean = one.mean + apart * (other.weight / weight)
    squares = one.squares + other.squares + apart**2 * (one.weight * other.weight / weight)
    return Moments(weight, mean, squares)
