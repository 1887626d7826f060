"""Statistics of forecasts in blocks of initial times, lead times and levels that fit memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr

from .._conventions.names import LATITUDE, LEAD, LEVEL, LONGITUDE, MEMBER, TIME
from .alignment import Common, Source
from .climatology import climatology_at
from .statistics import STATISTICS, area_statistics, wind_statistics

# Arrays of the size of a block that are in memory together: forecast, truth, climatology, two anomalies, two terms; of
# the members of an ensemble those read, those sorted, one more of complex winds.
ARRAYS = 7
_ARRAYS_OF_MEMBERS = 3


@dataclasses.dataclass(frozen=True)
class _Block:
    """Positions along time, lead and level."""

    times: slice
    leads: slice
    levels: slice | None


class BlockStatistics(NamedTuple):
    """Statistics of a block, and where values are missing.

    Attributes:
        values: Statistics (statistic, forecast[, member], time, lead[, level], region).
        absent: Where a forecast lacks a whole field that truth has (time, lead).
        lacking: Share of the points where truth or a forecast has no value (time, lead).
    """

    values: np.ndarray
    absent: np.ndarray
    lacking: np.ndarray


def _points_in_memory(common: Common, truth: xr.Dataset) -> int:
    """Numbers in memory for one time, lead time and level."""
    members = _ARRAYS_OF_MEMBERS * max(common.ensembles.values(), default=0)
    paired = 1 if common.members is None else common.members.size
    return truth.sizes[LATITUDE] * truth.sizes[LONGITUDE] * (ARRAYS * paired + members)


def blocks(times: int, leads: int, levels: np.ndarray | None, points: int, memory: int) -> Iterator[_Block]:
    """Blocks of at most `memory` bytes in float64, whole along lead, then level, before time is cut."""
    budget = max(1, memory // (8 * points))
    depth = 1 if levels is None else len(levels)
    level_step = min(depth, budget)
    lead_step = min(leads, max(1, budget // level_step))
    time_step = max(1, budget // (level_step * lead_step)) if lead_step == leads and level_step == depth else 1
    for t in range(0, times, time_step):
        for lead in range(0, leads, lead_step):
            for k in range(0, depth, level_step):
                level = None if levels is None else slice(k, k + level_step)
                yield _Block(slice(t, t + time_step), slice(lead, lead + lead_step), level)


def _loaded(field: xr.DataArray, *front: str) -> np.ndarray:
    order = [dim for dim in (*front, LEVEL, LATITUDE, LONGITUDE) if dim in field.dims]
    return np.asarray(field.transpose(*order).values, np.float64)


class Compared(NamedTuple):
    """Forecasts, truth, climatology and weights of a comparison.

    Attributes:
        common: Common times, variables and levels of forecasts and truth.
        sources: Forecasts and baselines by name.
        truth: Analyses.
        climatology: By hour and day of year, or None.
        weights: Of the points of each region.
        skipna: Whether points without a value are left out.
    """

    common: Common
    sources: Mapping[str, Source]
    truth: xr.Dataset
    climatology: xr.Dataset | None
    weights: xr.DataArray
    skipna: bool


def group_statistics(parts: tuple[str, ...], compared: Compared, memory: int) -> BlockStatistics:
    """Statistics at all initial times, lead times and levels, read in blocks.

    Args:
        parts: A variable, or the two components of a wind.
        compared: What is compared.
        memory: Bytes that a block may take.

    Returns:
        As for one block, of everything.
    """
    common, truth = compared.common, compared.truth
    levels = common.levels if LEVEL in truth[parts[0]].dims else None
    paired = () if common.members is None else (common.members.size,)
    size = (len(common.times), len(common.leads))
    shape = (len(STATISTICS), len(compared.sources), *paired, *size, *(() if levels is None else (len(levels),)))
    values = np.full((*shape, compared.weights.sizes["region"]), np.nan)
    absent, lacking = np.zeros(size, bool), np.zeros(size)
    for block in blocks(*size, levels, _points_in_memory(common, truth), memory):
        part = _block_statistics(parts, block, compared)
        at = (*[slice(None)] * (2 + len(paired)), block.times, block.leads)
        values[at if block.levels is None else (*at, block.levels)] = part.values
        absent[block.times, block.leads] |= part.absent
        share = 1.0 if levels is None else len(levels[block.levels]) / len(levels)
        lacking[block.times, block.leads] += share * part.lacking
    return BlockStatistics(values, absent, lacking)


def _area_means(
    given: list[np.ndarray],
    right: list[np.ndarray],
    usual: np.ndarray | None,
    points: np.ndarray,
    members: list[np.ndarray] | None,
    skipna: bool,
) -> np.ndarray:
    """Statistics of a variable, or of the wind of two components."""
    if len(given) == 1:
        of = None if members is None else members[0]
        return area_statistics(given[0], right[0], usual, points, members=of, skipna=skipna)
    both = None if members is None else (members[0], members[1])
    return wind_statistics((given[0], given[1]), (right[0], right[1]), points, members=both, skipna=skipna)


def _block_statistics(parts: tuple[str, ...], block: _Block, compared: Compared) -> BlockStatistics:
    """Statistics of a block of one variable, or of the two components of a wind."""
    common, sources, truth, climatology, weights, skipna = compared
    stamps, steps, levels = common.times[block.times], common.leads[block.leads], common.levels
    paired = () if common.members is None else (MEMBER,)
    axis = len(paired)

    def cut(field: xr.DataArray) -> xr.DataArray:
        if paired and MEMBER in field.dims:
            field = field.sel({MEMBER: common.members})
        return field if block.levels is None or levels is None else field.sel({LEVEL: levels[block.levels]})

    # Valid times overlap between initial times: each is read once.
    valid, back = np.unique(stamps[:, None] + steps, return_inverse=True)
    back = back.reshape(len(stamps), len(steps))
    right = [np.take(_loaded(cut(truth[part]).sel({TIME: valid}), *paired, TIME), back, axis) for part in parts]
    shape = right[0].shape
    usual = None
    if climatology is not None and len(parts) == 1:
        fields = climatology_at(cut(climatology[parts[0]]), valid)
        before = tuple(dim for dim in paired if dim in fields.dims)
        usual = np.broadcast_to(np.take(_loaded(fields, *before, TIME), back, len(before)), shape)
    points = np.ascontiguousarray(weights.values)
    out, absent = [], np.zeros(shape[:-2], bool)
    there = np.logical_and.reduce([np.isfinite(one) for one in right])
    whole = there.any((-2, -1))
    for name, source in sources.items():
        fields = source(stamps, steps)
        given = [_loaded(cut(fields[part]), MEMBER, TIME, LEAD) for part in parts]
        members = given if name in common.ensembles else None
        if members is not None:
            given = [one.mean(0) for one in members]
        # A climatology may have no members.
        given = [np.broadcast_to(one, shape) for one in given]
        for one in given:
            finite = np.isfinite(one)
            absent |= whole & ~finite.any((-2, -1))
            there &= finite
        out.append(_area_means(given, right, usual, points, members, skipna))
    # Over levels, and over members, which come first.
    others = tuple(k for k in range(absent.ndim) if k not in (axis, axis + 1))
    lacking = 1 - there.mean((-2, -1)).mean(others)
    return BlockStatistics(np.stack(out, 1), absent.any(others), lacking)  # pyright: ignore[reportArgumentType]
