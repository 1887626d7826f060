"""Plan of what `prepare` writes: fields, times, grid; and checks of the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from spinharm import Grid

from .. import _checks
from .._audit.findings import Finding, refuse
from .._audit.layout import fields_with_time, layout_errors
from .._audit.values import constant_text, impossible_text, running_sum_text
from .._conventions.grids import grid_of
from .._conventions.names import CONSTANTS, LATITUDE, LEVEL, LONGITUDE, MEMBER, TIME
from .options import PrepareOptions, periods_of
from .periods import Period, check_even, steps_of
from .regrid import field_groups
from .time_reduction import TimeReduction, available_times, reduced, time_reduction

_WITHOUT_CHECK = "; mend the source, or leave the check out with `check=False` or --no-check"
# What a block may take beside its own values: float64 copies, coefficients, what Dask holds.
_OVERHEAD = 6


class Plan(NamedTuple):
    """Fields, times and grid that `prepare` writes, and how they come from the source.

    Attributes:
        source: Chosen levels and members.
        reductions: How each variable comes from the source.
        statics: Names of the constants that the source has.
        times: Times of all splits, ascending.
        periods: Splits by name.
        grid: Grid of the store.
        cadence: Spacing of the times.
    """

    source: xr.Dataset
    reductions: dict[str, TimeReduction]
    statics: list[str]
    times: np.ndarray
    periods: Mapping[str, Period]
    grid: Grid
    cadence: np.timedelta64


def make_plan(source: xr.Dataset, options: PrepareOptions) -> Plan:
    """Choose fields, times and grid; only coordinates are read.

    Args:
        source: In the layout of `canonical`.
        options: What is wanted of it.

    Returns:
        The plan.

    Raises:
        ValueError: See `prepare`.
    """
    if TIME not in source.dims:
        raise ValueError(
            f"`source` must have times, got dimensions {dict(source.sizes)}; `regrid` takes states without a time"
        )
    _checks.dimensions("source", source, (LATITUDE, LONGITUDE))
    names = list(options.variables or _default_variables(source))
    refuse(layout_errors(source, [name for name in names if name in source.data_vars]))
    source = _selected(source, LEVEL, options.levels)
    source = _selected(source, MEMBER, options.members)
    stamps = source[TIME].values.astype("datetime64[ns]")
    step, cadence = steps_of(stamps, options.cadence_hours, options.daily_mean)
    reductions = {name: time_reduction(source, name, step, options.daily_mean) for name in names}
    list(field_groups(names))
    _check_dimensions(source, reductions)
    periods = periods_of(options)
    times = _times(stamps, list(reductions.values()), (step, cadence), periods, options)
    statics = [name for name in CONSTANTS if name in source.data_vars and name not in names]
    return Plan(source, reductions, statics, times, periods, options.grid or grid_of(source), cadence)


def _default_variables(source: xr.Dataset) -> list[str]:
    if not (names := fields_with_time(source)):
        raise ValueError(
            f"`source` must have variables with time, latitude and longitude, beside them number and level, "
            f"got none among dimensions {dict(source.sizes)}"
        )
    return list(names)


def _check_dimensions(source: xr.Dataset, reductions: Mapping[str, TimeReduction]) -> None:
    known = {TIME, MEMBER, LEVEL, LATITUDE, LONGITUDE}
    for name, reduction in reductions.items():
        dims = set(source[reduction.source].dims)
        if not {TIME, LATITUDE, LONGITUDE} <= dims <= known:
            raise ValueError(
                f"`variables` names {name!r}, which has dimensions {sorted(map(str, dims))}; it must have "
                f"time, latitude and longitude, and beside them only number and level"
            )


def _selected(source: xr.Dataset, dim: str, wanted: Sequence[float] | Sequence[int] | None) -> xr.Dataset:
    if wanted is None:
        return source
    there = np.asarray(source[dim].values) if dim in source.dims else np.array([])
    missing = [one for one in wanted if one not in there]
    if missing or not wanted:
        name = "levels" if dim == LEVEL else "members"
        lacking = f"lacks {', '.join(f'{one:g}' for one in missing)}" if missing else "gets none"
        raise ValueError(f"`{name}` must be of the source, which {lacking}; it has {there.tolist()}")
    return source.sel({dim: sorted(set(wanted))})


def _times(
    stamps: np.ndarray,
    reductions: list[TimeReduction],
    spacing: tuple[np.timedelta64, np.timedelta64],
    periods: Mapping[str, Period],
    options: PrepareOptions,
) -> np.ndarray:
    """All times of all periods, evenly spaced within each; `spacing` is that of the source and the wanted one."""
    chosen = []
    usual, cadence = spacing
    anchor: np.datetime64 | None = None
    for name, period in sorted(periods.items(), key=lambda pair: pair[1].begin):
        inside = stamps[period.contains(stamps)]
        if options.daily_mean:
            inside = np.unique(inside.astype("datetime64[D]")).astype("datetime64[ns]")
            inside = inside[period.contains(inside)]
        if inside.size and anchor is None:
            anchor = inside[0]
        if anchor is not None and cadence != usual:
            inside = inside[(inside - anchor) % cadence == np.timedelta64(0, "ns")]
        there = np.flatnonzero(available_times(stamps, reductions, inside))
        if not there.size:
            raise ValueError(
                f"`{name}` must hold times of the source, got {period} where the source has {stamps.size}, "
                f"{stamps[0]} to {stamps[-1]}"
            )
        # What the ends lack, such as the hours before the first time, is left out; what lacks between is a gap.
        inside = inside[there[0] : there[-1] + 1]
        kept = inside[there - there[0]]
        if not options.allow_gaps:
            check_even(name, kept, cadence, "`allow_gaps` or --allow-gaps takes them as they are")
        chosen.append(kept)
    return np.concatenate(chosen)


def block_size(plan: Plan, chunk: int, memory: int) -> int:
    """Number of times that are written together: whole chunks of the store that fit the memory."""
    per_time = 0
    for reduction in plan.reductions.values():
        field = plan.source[reduction.source]
        entry = int(np.prod([size for dim, size in field.sizes.items() if dim != TIME]))
        per_time = max(per_time, 4 * _OVERHEAD * entry * reduction.offsets.size)
    return chunk * max(1, memory // (per_time * chunk))


def refuse_errors(plan: Plan) -> None:
    """Refuse impossible values at the first time and of constants, and sums since a reset."""
    first = plan.times[:1]
    fields = [reduced(plan.source, name, one, first).compute() for name, one in plan.reductions.items()]
    fields += [plan.source[name].isel({TIME: 0}, drop=True, missing_dims="ignore").compute() for name in plan.statics]
    found = [(str(field.name), impossible_text(field)) for field in fields]
    found += [(name, running_sum_text(plan.source[name])) for name in plan.reductions if name in plan.source]
    refuse([Finding("error", name, text) for name, text in found if text is not None], _WITHOUT_CHECK)


def refuse_impossible_values(fields: xr.Dataset) -> None:
    """Refuse values of a block of times in memory outside the range of their variable."""
    found = [(str(name), impossible_text(field)) for name, field in fields.data_vars.items()]
    refuse([Finding("error", name, text) for name, text in found if text is not None], _WITHOUT_CHECK)


def refuse_fields_that_stay(statistics: xr.Dataset) -> None:
    """Refuse fields that are constant in space or in time to rounding, by their statistics."""
    for name, field in statistics.data_vars.items():
        mean, std, change = (field.sel(statistic=row).values for row in ("mean", "std", "tendency_std"))
        text = constant_text(mean, std, change, statistics[LEVEL].values if LEVEL in field.dims else None)
        if text is not None:
            raise ValueError(f"`source`: {name}: {text}")
