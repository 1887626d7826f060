"""Forecasts against truth, in blocks of initial times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr

from .. import _checks
from .._conventions.coordinates import check_coordinates, hours, listed, positions, with_values
from .._conventions.names import LATITUDE, LEAD, LEVEL, LONGITUDE, MEMBER, TIME, WINDS
from .._fields.weights import Convention
from .._notices import notice
from .alignment import Common, check_fields, check_same_grid, common_parts
from .block_statistics import ARRAYS, Compared, blocks, group_statistics
from .climatology import climatology_forecast, persistence_forecast
from .metrics import METRICS, bootstrap, check_metrics, scores
from .regions import Region, region_weights
from .spectra import power_spectra
from .statistics import STATISTICS


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
    partial: bool = False,
    memory_gib: float = 0.25,
) -> xr.Dataset:
    """Area means of errors and anomalies, per initial time, lead time, level and region.

    Forecasts are compared by initial time: `time` of a forecast is when it begins, and truth and climatology are taken
    at `time + prediction_timedelta`. Everything is read in blocks that fit `memory_gib`, so stores may have any size.

    A forecast with a dimension `number` is an ensemble: its mean is scored, with CRPS and spread beside. If truth has
    `number` as well, each member is a world of its own, as in a reanalysis with members: forecasts are compared with
    the truth of the same number, and `number` is a dimension of the result.

    A store that was cut off has fields without any value. They are an error, where truth has values; `partial` scores
    what is complete: lead times that lack a field at all initial times are left out, then initial times that lack one
    at the others, of all forecasts and baselines alike.

    Args:
        forecast: One, or several by name, in the layout of `canonical`; without `prediction_timedelta` it is one of
            lead time 0. Several are compared on the initial times, lead times, levels and variables that all have;
            levels that differ by less than 0.01 % are one.
        truth: Analyses with `time`.
        climatology: With `hour` and `dayofyear`, from `climatology` or a store; without it, correlations and activity
            are NaN.
        baselines: Add the forecasts `persistence` and, with a climatology, `climatology`.
        variables: Which; default all that forecasts and truth have. Both components of a wind add the wind.
        regions: Names of `REGIONS`, or names to regions.
        land_sea_mask: For regions of land; default that of `truth`.
        convention: Of the area weights.
        skipna: Leave out points without a value, else one spoils its regions, which a `DataWarning` says.
        missing: Of valid times that truth lacks: `"raise"`, or `"drop"` the initial times that need them.
        partial: Score what is there of forecasts that were cut off.
        memory_gib: What a block may take [GiB].

    Returns:
        Dataset with dimensions (statistic, forecast, region[, number], time, prediction_timedelta[, level]), float64;
        the attribute `left_out` says what is not in all of them, or not complete, and so not scored; a `DataWarning`
        says it too.

    Raises:
        TypeError: Arguments of another kind.
        ValueError: Datasets without a dimension that they need, on different grids, without a common variable, initial
            time, lead time, level or member, with one of these twice, with gaps in the valid times, in different units,
            fields without a dimension that those of truth have, or a forecast that was cut off.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import forecast_statistics, grid_dataset, persistence_forecast
        >>> times = np.arange("2020-01-01T00", "2020-01-02T00", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> truth = grid_dataset(Grid.equiangular(2, 4)).assign_coords(time=times)
        >>> warming = np.broadcast_to(np.arange(280.0, 284.0)[:, None, None], (4, 2, 4))
        >>> truth["2m_temperature"] = ("time", "latitude", "longitude"), warming
        >>> forecast = persistence_forecast(truth, times[:2], np.array([6, 12], "timedelta64[h]"))
        >>> statistics = forecast_statistics(forecast, truth, baselines=False)["2m_temperature"]
        >>> dict(statistics.sizes)
        {'statistic': 9, 'forecast': 1, 'region': 1, 'time': 2, 'prediction_timedelta': 2}
        >>> statistics.sel(statistic="error", forecast="forecast", region="global").values
        array([[-1., -2.],
               [-1., -2.]])
    """
    for name, value in (("baselines", baselines), ("skipna", skipna), ("partial", partial)):
        _checks.flag(name, value)
    memory = _checks.memory_bytes("memory_gib", memory_gib)
    common = common_parts(forecast, truth, variables, missing)
    common.say_left_out()
    sources, times, leads, names, levels = common[:5]
    if common.members is not None:
        truth = truth.sel({MEMBER: common.members})
    if climatology is not None:
        climatology = _checked_climatology(climatology, truth, common)
    if baselines:
        sources["persistence"] = lambda t, dt: persistence_forecast(truth, t, dt)
        if climatology is not None:
            sources["climatology"] = lambda t, dt: climatology_forecast(climatology, t, dt)
    weights = region_weights(truth, regions, convention=convention, land_sea_mask=land_sea_mask)
    coords = {"statistic": list(STATISTICS), "forecast": list(sources), "region": weights["region"].values}
    if common.members is not None:
        coords[MEMBER] = common.members
    out = xr.Dataset(coords={**coords, TIME: times, LEAD: leads})
    if levels is not None:
        out = out.assign_coords({LEVEL: (LEVEL, levels, {"units": "hPa"})})
    absent = np.zeros((len(times), len(leads)), bool)
    gaps: dict[str, np.ndarray] = {}
    compared = Compared(common, sources, truth, climatology, weights, skipna)
    groups = [(name, (name,)) for name in names]
    groups += [(wind, parts) for wind, parts in WINDS.items() if all(part in names for part in parts)]
    for group, parts in groups:
        found = group_statistics(parts, compared, memory)
        absent |= found.absent
        if not partial:
            _refuse_absent(group, absent, common)
        if len(parts) == 1 and not skipna and np.isnan(found.values[STATISTICS.index("squared_error")]).any():
            gaps[group] = found.lacking
        # (statistic, forecast[, member], time, lead[, level], region) → region third
        values = np.moveaxis(found.values, -1, 2)
        dims = (*coords, TIME, LEAD, LEVEL)[: values.ndim]
        units = truth[parts[0]].attrs.get("units")
        out[group] = (dims, values, {} if units is None else {"units": units})
    _say_gaps(gaps, absent)
    told = common.left_out
    if absent.any():
        out, incomplete = _without_absent(out, absent)
        notice(f"left out: {incomplete}")
        told = [*told, incomplete]
    return out.assign_attrs(left_out="; ".join(told)) if told else out


def _checked_climatology(climatology: xr.Dataset, truth: xr.Dataset, common: Common) -> xr.Dataset:
    """A climatology with the levels that are scored, which has all that they need."""
    _checks.dataset("climatology", climatology)
    check_coordinates("climatology", climatology)
    check_same_grid("climatology", climatology, truth)
    absent = [name for name in common.names if name not in climatology.data_vars]
    if absent:
        raise ValueError(f"`climatology` must have {', '.join(absent)}, got {', '.join(map(str, climatology))}")
    if common.levels is not None and LEVEL in climatology.dims:
        at = positions(LEVEL, common.levels, climatology[LEVEL].values)
        if np.any(at < 0):
            there = climatology[LEVEL].values.tolist()
            raise ValueError(
                f"`climatology` must have level {common.levels[at < 0][0]:g}, got {there}; or score fewer levels"
            )
        climatology = with_values(climatology, LEVEL, common.levels)
    worlds = (MEMBER,) if common.members is not None and MEMBER in climatology.dims else ()
    check_fields("climatology", climatology, truth, common.names, ("hour", "dayofyear", *worlds))
    return climatology


def _say_gaps(gaps: dict[str, np.ndarray], absent: np.ndarray) -> None:
    """Say which variables have points without a value, which make scores NaN."""
    shares = {name: float(lacking[~absent].mean()) for name, lacking in gaps.items() if (lacking[~absent] > 0).any()}
    if shares:
        told = listed([f"{name} ({100 * share:.3g} %)" for name, share in shares.items()])
        notice(
            f"points without a value in {told}: scores of regions that hold one are NaN; `skipna=True` (--skipna) "
            f"leaves such points out"
        )


def _refuse_absent(group: str, absent: np.ndarray, common: Common) -> None:
    if not absent.any():
        return
    first = tuple(int(at) for at in np.argwhere(absent)[0])
    raise ValueError(
        f"`forecast` has no value of {group!r} at {np.count_nonzero(absent)} of {absent.size} initial and lead times, "
        f"the first is {hours(common.leads[first[1]])} after {np.datetime_as_string(common.times[first[0]], 'h')}: "
        f"the store was cut off; finish it, or score what is complete with `partial=True` (--partial)"
    )


def _without_absent(statistics: xr.Dataset, absent: np.ndarray) -> tuple[xr.Dataset, str]:
    """Without lead times that nothing reaches, then without initial times that lack one of the others."""
    leads = ~absent.all(0)
    times = ~absent[:, leads].any(1)
    if not leads.any() or not times.any():
        raise ValueError(
            f"`forecast` must have an initial time whose lead times are complete, got values at "
            f"{np.count_nonzero(~absent)} of {absent.size} initial and lead times"
        )
    told = f"{np.count_nonzero(~times)} of {times.size} initial times and {np.count_nonzero(~leads)} of {leads.size} "
    return statistics.isel({TIME: times, LEAD: leads}), told + "lead times, which are incomplete"


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
    partial: bool = False,
    samples: int = 0,
    block: int = 1,
    seed: int = 0,
    reference: str | None = None,
    spectra: bool = False,
    memory_gib: float = 0.25,
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
        partial: Score what is there of forecasts that were cut off, see `forecast_statistics`.
        samples: Draws of the bootstrap; 0 for no intervals.
        block: Initial times in a block of the bootstrap.
        seed: Of the bootstrap.
        reference: Name of a forecast or baseline: add relative differences from it, score/(its score) − 1.
        spectra: Add power spectra, and kinetic-energy spectra of winds, averaged over initial times.
        memory_gib: What a block may take [GiB].

    Returns:
        Dataset. Each variable has dimensions (forecast, metric, region, prediction_timedelta[, level]); with `samples`,
        `<name>_interval` with a dimension `bound` beside it; with `reference`, `<name>_difference` and, with both,
        `<name>_difference_interval`; with `spectra`, `<name>_spectrum` (source, prediction_timedelta[, level], degree),
        where source is a forecast or `truth`, of ensembles the mean of the members' spectra. A single forecast is
        called `forecast`. The coordinate `initial_time` has the initial times. Units are those of `truth`.

    Raises:
        TypeError: Arguments of another kind.
        ValueError: As in `forecast_statistics`, `scores` and `bootstrap`.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import evaluate, grid_dataset, persistence_forecast
        >>> times = np.arange("2020-01-01T00", "2020-01-02T00", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> truth = grid_dataset(Grid.equiangular(5, 8, poles=True)).assign_coords(time=times)
        >>> warming = np.broadcast_to(np.arange(280.0, 284.0)[:, None, None], (4, 5, 8))
        >>> truth["2m_temperature"] = ("time", "latitude", "longitude"), warming
        >>> forecast = persistence_forecast(truth, times[:2], np.array([6, 12], "timedelta64[h]"))
        >>> rmse = evaluate(forecast, truth)["2m_temperature"].sel(metric="rmse", region="tropics")
        >>> {str(name): rmse.sel(forecast=name).values.tolist() for name in rmse.forecast.values}
        {'forecast': [1.0, 2.0], 'persistence': [1.0, 2.0]}
    """
    metrics = check_metrics(metrics)
    _checks.integer("samples", samples, 0)
    _checks.integer("block", block, 1)
    _checks.integer("seed", seed, 0)
    _checks.flag("spectra", spectra)
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
        partial=partial,
        memory_gib=memory_gib,
    )
    if reference is not None:
        _checks.option("reference", reference, statistics["forecast"].values.tolist())
    out = scores(statistics, metrics)
    if reference is not None:
        with np.errstate(invalid="ignore", divide="ignore"):
            out = out.merge(_suffixed(out / out.sel(forecast=reference, drop=True) - 1, "difference"))
        out.attrs["reference"] = reference
    if _checks.integer("samples", samples, 0):
        intervals = bootstrap(statistics, metrics, samples=samples, block=block, seed=seed)
        out = out.merge(_suffixed(intervals, "interval"))
        if reference is not None:
            differences = bootstrap(statistics, metrics, samples=samples, block=block, seed=seed, reference=reference)
            out = out.merge(_suffixed(differences, "difference_interval"))
        out.attrs["bootstrap"] = f"{samples} draws of blocks of {block} initial times, 95 %"
    times = statistics[TIME].values
    if spectra:
        common = common_parts(forecast, truth, variables, missing)
        memory = _checks.memory_bytes("memory_gib", memory_gib)
        out = out.merge(_mean_spectra(common._replace(times=times, leads=statistics[LEAD].values), truth, memory))
    out = out.assign_coords(initial_time=("initial_time", times))
    if MEMBER in statistics.dims:
        out.attrs["members"] = statistics.sizes[MEMBER]
    return out.assign_attrs(
        statistics.attrs,
        initial_times=times.size,
        first_initial_time=str(times[0]),
        last_initial_time=str(times[-1]),
        convention=f"by initial time, area weights {convention}, roots and ratios after the mean over initial times",
    )


def _suffixed(dataset: xr.Dataset, suffix: str) -> xr.Dataset:
    return dataset.rename({name: f"{name}_{suffix}" for name in dataset.data_vars})


def _mean_spectra(common: Common, truth: xr.Dataset, memory: int) -> xr.Dataset:
    sources, times, leads, names, levels = common[:5]
    if levels is not None:
        truth = truth.sel({LEVEL: levels})

    def of_truth(stamps: np.ndarray, steps: np.ndarray) -> xr.Dataset:
        parts = [truth[names].sel({TIME: stamps + step}).assign_coords({TIME: stamps}) for step in steps]
        return xr.concat(parts, xr.DataArray(steps, dims=LEAD, name=LEAD), coords="minimal", compat="override")

    sources = {**sources, "truth": of_truth}
    means = []
    for name, source in sources.items():
        members = common.ensembles.get(name, 1 if common.members is None else common.members.size)
        # Of one variable and initial time, all lead times and levels are transformed together.
        maps = members * len(leads) * (1 if levels is None else len(levels))
        points = ARRAYS * maps * truth.sizes[LATITUDE] * truth.sizes[LONGITUDE]
        total: xr.Dataset | None = None
        for block in blocks(len(times), 1, None, points, memory):
            fields = source(times[block.times], leads)[names]
            if levels is not None:
                fields = fields.sel({LEVEL: levels})
            if common.members is not None:
                fields = fields.sel({MEMBER: common.members})
            part = power_spectra(fields, names)
            part = part.sum([dim for dim in (TIME, MEMBER) if dim in part.dims])
            total = part if total is None else total + part
        if total is not None:
            means.append(total / (len(times) * members))
    whole: Any = xr.concat(means, xr.DataArray(list(sources), dims="source", name="source"), coords="minimal")
    return _suffixed(whole, "spectrum")
