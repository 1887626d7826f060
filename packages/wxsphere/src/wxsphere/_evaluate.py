"""Forecasts against truth, in blocks of initial times."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
import xarray as xr

from . import _checks
from ._climatology import climatology_at, climatology_forecast, persistence_forecast
from ._grids import grid_of
from ._metrics import METRICS, bootstrap, scores
from ._names import LATITUDE, LEAD, LEVEL, LONGITUDE, TIME, WINDS
from ._regions import Region, region_weights
from ._sources import Source, check_same_grid, prepared
from ._spectra import power_spectra
from ._statistics import STATISTICS, area_statistics, wind_statistics
from ._weights import Convention

# Arrays of the size of a block that are in memory together: forecast, truth, climatology, two anomalies, two terms.
_ARRAYS = 7


@dataclasses.dataclass(frozen=True)
class _Block:
    """Positions along time, lead and level."""

    times: slice
    leads: slice
    levels: slice | None


def forecast_statistics(
    forecast: xr.Dataset | Mapping[str, xr.Dataset],
    truth: xr.Dataset,
    *,
    climatology: xr.Dataset | None = None,
    baselines: bool = True,
    variables: Sequence[str] | None = None,
    regions: Sequence[str] | Mapping[str, Region] = ("global",),
    land_sea_mask: xr.DataArray | None = None,
    convention: Convention = "wb2",
    skipna: bool = False,
    missing: Literal["raise", "drop"] = "raise",
    memory: int = 2**28,
) -> xr.Dataset:
    """Area means of errors and anomalies, per initial time, lead time, level and region.

    Forecasts are compared by initial time: `time` of a forecast is when it begins, and truth and climatology are taken
    at `time + prediction_timedelta`. Everything is read in blocks that fit `memory`, so stores may have any size.

    Args:
        forecast: One, or several by name, in the layout of `canonical`; without `prediction_timedelta` it is one of
            lead time 0. Several are compared on the initial times, lead times, levels and variables that all have.
        truth: Analyses with `time`.
        climatology: With `hour` and `dayofyear`, from `climatology` or a store; without it, correlations and activity
            are NaN.
        baselines: Add the forecasts `persistence` and, with a climatology, `climatology`.
        variables: Which; default all that forecasts and truth have. Both components of a wind add the wind.
        regions: Names of `REGIONS`, or names to regions.
        land_sea_mask: For regions of land; default that of `truth`.
        convention: Of the area weights.
        skipna: Leave out points without a value, else one spoils its regions.
        missing: Of valid times that truth lacks: `"raise"`, or `"drop"` the initial times that need them.
        memory: Bytes that a block may take.

    Returns:
        Dataset with dimensions (statistic, forecast, region, time, prediction_timedelta[, level]), float64.

    Raises:
        TypeError: Arguments of another kind.
        ValueError: Datasets without a dimension that they need, on different grids, with members, without a common
            variable, initial time, lead time or level, or with gaps in the valid times.
    """
    sources, times, leads, names, levels = prepared(forecast, truth, variables, missing)
    if climatology is not None:
        check_same_grid("climatology", climatology, truth)
        absent = [name for name in names if name not in climatology.data_vars]
        if absent:
            raise ValueError(f"`climatology` must have {', '.join(absent)}, got {', '.join(map(str, climatology))}")
        if levels is not None and LEVEL in climatology.coords:
            lacking = np.setdiff1d(levels, climatology[LEVEL].values)
            if lacking.size:
                there = climatology[LEVEL].values.tolist()
                raise ValueError(f"`climatology` must have level {lacking[0]:g}, got {there}; or score fewer levels")
    if baselines:
        sources["persistence"] = lambda t, dt: persistence_forecast(truth, t, dt)
        if climatology is not None:
            sources["climatology"] = lambda t, dt: climatology_forecast(climatology, t, dt)
    weights = region_weights(truth, regions, convention=convention, land_sea_mask=land_sea_mask)
    out = xr.Dataset(
        coords={
            "statistic": list(STATISTICS),
            "forecast": list(sources),
            "region": weights["region"].values,
            TIME: times,
            LEAD: leads,
        }
    )
    if levels is not None:
        out = out.assign_coords({LEVEL: (LEVEL, levels, {"units": "hPa"})})
    groups = [(name, (name,)) for name in names]
    groups += [(wind, parts) for wind, parts in WINDS.items() if all(part in names for part in parts)]
    for group, parts in groups:
        with_levels = LEVEL in truth[parts[0]].dims
        shape = (len(STATISTICS), len(sources), weights.shape[0], len(times), len(leads))
        values = np.full((*shape, len(levels)) if with_levels and levels is not None else shape, np.nan)
        for block in _blocks(len(times), len(leads), levels if with_levels else None, weights.shape[1:], memory):
            part = _of_block(parts, block, sources, truth, climatology, times, leads, levels, weights, skipna)
            # (statistic, forecast, time, lead[, level], region) → region third
            at = (slice(None), slice(None), slice(None), block.times, block.leads)
            values[(*at, block.levels) if block.levels is not None else at] = np.moveaxis(part, -1, 2)
        dims = ("statistic", "forecast", "region", TIME, LEAD, LEVEL)[: values.ndim]
        units = truth[parts[0]].attrs.get("units")
        out[group] = (dims, values, {} if units is None else {"units": units})
    return out


def evaluate(
    forecast: xr.Dataset | Mapping[str, xr.Dataset],
    truth: xr.Dataset,
    *,
    climatology: xr.Dataset | None = None,
    baselines: bool = True,
    variables: Sequence[str] | None = None,
    metrics: Sequence[str] = tuple(METRICS),
    regions: Sequence[str] | Mapping[str, Region] = ("global", "tropics", "extra-tropics"),
    land_sea_mask: xr.DataArray | None = None,
    convention: Convention = "wb2",
    skipna: bool = False,
    missing: Literal["raise", "drop"] = "raise",
    samples: int = 0,
    block: int = 1,
    seed: int = 0,
    spectra: bool = False,
    memory: int = 2**28,
) -> xr.Dataset:
    """Scores of forecasts against truth, beside persistence and climatology.

    `scores` of `forecast_statistics`, which see for formulas and conventions; with `bootstrap` and `power_spectra` on
    request.

    Args:
        forecast: One, or several by name, in the layout of `canonical`.
        truth: Analyses with `time`.
        climatology: With `hour` and `dayofyear`; without it, correlations and activity are NaN.
        baselines: Add the forecasts `persistence` and, with a climatology, `climatology`.
        variables: Which; default all that forecasts and truth have.
        metrics: Names of `METRICS`.
        regions: Names of `REGIONS`, or names to regions.
        land_sea_mask: For regions of land; default that of `truth`.
        convention: Of the area weights, see `area_weights`.
        skipna: Leave out points without a value.
        missing: Of valid times that truth lacks: `"raise"`, or `"drop"` the initial times that need them.
        samples: Draws of the bootstrap; 0 for no intervals.
        block: Initial times in a block of the bootstrap.
        seed: Of the bootstrap.
        spectra: Add power spectra, and kinetic-energy spectra of winds, averaged over initial times.
        memory: Bytes that a block may take.

    Returns:
        Dataset. Each variable has dimensions (forecast, metric, region, prediction_timedelta[, level]); with `samples`,
        `<name>_interval` with a dimension `bound` beside it; with `spectra`, `<name>_spectrum` (source,
        prediction_timedelta[, level], degree), where source is a forecast or `truth`. A single forecast is called
        `forecast`. Units are those of `truth`; attributes say how many initial times from when to when.

    Raises:
        TypeError: Arguments of another kind.
        ValueError: As in `forecast_statistics`, `scores` and `bootstrap`.
    """
    for name in metrics:
        _checks.option("metrics", name, tuple(METRICS))
    statistics = forecast_statistics(
        forecast,
        truth,
        climatology=climatology,
        baselines=baselines,
        variables=variables,
        regions=regions,
        land_sea_mask=land_sea_mask,
        convention=convention,
        skipna=skipna,
        missing=missing,
        memory=memory,
    )
    out = scores(statistics, metrics)
    if _checks.integer("samples", samples, 0):
        intervals = bootstrap(statistics, metrics, samples=samples, block=block, seed=seed)
        out = out.merge(intervals.rename({name: f"{name}_interval" for name in intervals.data_vars}))
    times = statistics[TIME].values
    if spectra:
        out = out.merge(_mean_spectra(forecast, truth, variables, missing, memory))
    return out.assign_attrs(
        initial_times=times.size,
        first_initial_time=str(times[0]),
        last_initial_time=str(times[-1]),
        convention=f"by initial time, area weights {convention}, roots and ratios after the mean over initial times",
    )


def _blocks(times: int, leads: int, levels: np.ndarray | None, grid: tuple[int, ...], memory: int) -> Iterator[_Block]:
    """Blocks of at most `memory` bytes in float64, whole along lead, then level, before time is cut."""
    points = int(np.prod(grid)) * 8 * _ARRAYS
    budget = max(1, memory // points)
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


def _of_block(
    parts: tuple[str, ...],
    block: _Block,
    sources: Mapping[str, Source],
    truth: xr.Dataset,
    climatology: xr.Dataset | None,
    times: np.ndarray,
    leads: np.ndarray,
    levels: np.ndarray | None,
    weights: xr.DataArray,
    skipna: bool,
) -> np.ndarray:
    """(statistic, forecast, time, lead[, level], region) of a variable or of the two components of a wind."""
    stamps, steps = times[block.times], leads[block.leads]

    def cut(field: xr.DataArray) -> xr.DataArray:
        return field if block.levels is None or levels is None else field.sel({LEVEL: levels[block.levels]})

    # Valid times overlap between initial times: each is read once.
    valid, back = np.unique(stamps[:, None] + steps, return_inverse=True)
    back = back.reshape(len(stamps), len(steps))
    right = [_loaded(cut(truth[part]).sel({TIME: valid}), TIME)[back] for part in parts]
    usual = None
    if climatology is not None and len(parts) == 1:
        fields = climatology_at(cut(climatology[parts[0]]), valid)
        usual = _loaded(fields, TIME)[back]
    points = np.ascontiguousarray(weights.values)
    out = []
    for source in sources.values():
        fields = source(stamps, steps)
        given = [_loaded(cut(fields[part]), TIME, LEAD) for part in parts]
        if len(parts) == 1:
            out.append(area_statistics(given[0], right[0], usual, points, skipna=skipna))
        else:
            out.append(wind_statistics((given[0], given[1]), (right[0], right[1]), points, skipna=skipna))
    return np.stack(out, 1)


def _mean_spectra(
    forecast: xr.Dataset | Mapping[str, xr.Dataset],
    truth: xr.Dataset,
    variables: Sequence[str] | None,
    missing: str,
    memory: int,
) -> xr.Dataset:
    sources, times, leads, names, levels = prepared(forecast, truth, variables, missing)
    if levels is not None:
        truth = truth.sel({LEVEL: levels})

    def of_truth(stamps: np.ndarray, steps: np.ndarray) -> xr.Dataset:
        parts = [truth[names].sel({TIME: stamps + step}).assign_coords({TIME: stamps}) for step in steps]
        return xr.concat(parts, xr.DataArray(steps, dims=LEAD, name=LEAD), coords="minimal", compat="override")

    sources = {**sources, "truth": of_truth}
    # Of one variable and initial time, all lead times and levels are transformed together.
    maps = (len(leads), 1 if levels is None else len(levels), *grid_of(truth).shape)
    means = []
    for source in sources.values():
        total: xr.Dataset | None = None
        for block in _blocks(len(times), 1, None, maps, memory):
            fields = source(times[block.times], leads)[names]
            if levels is not None:
                fields = fields.sel({LEVEL: levels})
            part = power_spectra(fields, names).sum(TIME)
            total = part if total is None else total + part
        if total is not None:
            means.append(total / len(times))
    whole = xr.concat(means, xr.DataArray(list(sources), dims="source", name="source"), coords="minimal")
    return whole.rename({name: f"{name}_spectrum" for name in whole.data_vars})
