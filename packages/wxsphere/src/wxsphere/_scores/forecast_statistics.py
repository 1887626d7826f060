"""Area means of the errors of forecasts, in blocks of initial times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from .. import _checks
from .._conventions.coordinates import check_coordinates, hours, listed, positions, with_values
from .._conventions.names import LEAD, LEVEL, MEMBER, TIME, WINDS
from .._notices import notice
from .alignment import Common, Source, check_fields, check_same_grid, common_parts
from .block_statistics import Compared, group_statistics
from .climatology import climatology_forecast, persistence_forecast
from .options import StatisticsOptions
from .regions import region_weights
from .statistics import STATISTICS


def forecast_statistics(
    forecast: xr.Dataset | Mapping[str, xr.Dataset],
    truth: xr.Dataset,
    options: StatisticsOptions | None = None,
    *,
    climatology: xr.Dataset | None = None,
    land_sea_mask: xr.DataArray | None = None,
    **changes: Any,
) -> xr.Dataset:
    """Area means of errors and anomalies, per initial time, lead time, level and region.

    Forecasts are compared by initial time: `time` of a forecast is when it begins, and truth and climatology are taken
    at `time + prediction_timedelta`. Everything is read in blocks that fit `memory_gib`, so stores may have any size.

    A forecast with a dimension `number` is an ensemble: its mean is scored, and CRPS and spread are added. If truth
    has `number` as well, as in a reanalysis with members, each member of a forecast is compared with the member of
    truth that has the same number, and `number` is a dimension of the result.

    A store that was cut off has fields without any value. They are an error where truth has values. The option
    `partial` scores what is complete: lead times that lack a field at all initial times are left out, then initial
    times that lack one at the others, for all forecasts and baselines alike.

    Args:
        forecast: One, or several by name, in the layout of `canonical`; without `prediction_timedelta` it is one of
            lead time 0. Several are compared on the initial times, lead times, levels and variables that all have;
            levels that differ by less than 0.01 % are one.
        truth: Analyses with `time`.
        options: Variables, regions, averages, gaps; default `StatisticsOptions()`.
        climatology: With `hour` and `dayofyear`, from `climatology` or a store; without it, correlations and activity
            are NaN.
        land_sea_mask: 1 on land … 0 on sea, for regions of land; default that of `truth`.
        **changes: Options by name, in place of those in `options`, as in `forecast_statistics(forecast, truth,
            skipna=True)`.

    Returns:
        Dataset with dimensions (statistic, forecast, region[, number], time, prediction_timedelta[, level]), float64.
        The attribute `left_out` describes what was not scored because not all of them have it, or because it is not
        complete; a `DataWarning` says it too.

    Raises:
        TypeError: Arguments of another type, or a keyword that is not an option.
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
    options = _checks.options(StatisticsOptions, options, changes)
    common = common_parts(forecast, truth, options.variables, options.missing)
    common.say_left_out()
    if common.members is not None:
        truth = truth.sel({MEMBER: common.members})
    if climatology is not None:
        climatology = _checked_climatology(climatology, truth, common)
    sources = {**common.sources, **(_baselines(truth, climatology) if options.baselines else {})}
    weights = region_weights(truth, options.regions, convention=options.convention, land_sea_mask=land_sea_mask)
    return _statistics(Compared(common, sources, truth, climatology, weights, options.skipna), options)


def _baselines(truth: xr.Dataset, climatology: xr.Dataset | None) -> dict[str, Source]:
    """Persistence and, with a climatology, the climatology as forecasts."""
    out: dict[str, Source] = {"persistence": lambda t, dt: persistence_forecast(truth, t, dt)}
    if climatology is not None:
        out["climatology"] = lambda t, dt: climatology_forecast(climatology, t, dt)
    return out


def _statistics(compared: Compared, options: StatisticsOptions) -> xr.Dataset:
    """Statistics of all variables and winds, without what is incomplete."""
    common, truth, memory = compared.common, compared.truth, _checks.memory_bytes("memory_gib", options.memory_gib)
    out = xr.Dataset(coords=_coordinates(compared))
    # (statistic, forecast, region[, member], time, lead[, level])
    front = ("statistic", "forecast", "region", *(() if common.members is None else (MEMBER,)))
    absent = np.zeros((len(common.times), len(common.leads)), bool)
    gaps: dict[str, np.ndarray] = {}
    for group, parts in _groups(common.names).items():
        found = group_statistics(parts, compared, memory)
        absent |= found.absent
        if not options.partial:
            _refuse_absent(group, absent, common)
        if len(parts) == 1 and not options.skipna and _has_gaps(found.values):
            gaps[group] = found.lacking
        values = np.moveaxis(found.values, -1, 2)
        units = truth[parts[0]].attrs.get("units")
        dims = (*front, TIME, LEAD, LEVEL)[: values.ndim]
        out[group] = (dims, values, {} if units is None else {"units": units})
    _say_gaps(gaps, absent)
    left_out = common.left_out
    if absent.any():
        out, incomplete = _without_absent(out, absent)
        notice(f"left out: {incomplete}")
        left_out = [*left_out, incomplete]
    return out.assign_attrs(left_out="; ".join(left_out)) if left_out else out


def _coordinates(compared: Compared) -> dict[str, Any]:
    common = compared.common
    coords: dict[str, Any] = {
        "statistic": list(STATISTICS),
        "forecast": list(compared.sources),
        "region": compared.weights["region"].values,
    }
    if common.members is not None:
        coords[MEMBER] = common.members
    coords |= {TIME: common.times, LEAD: common.leads}
    if common.levels is not None:
        coords[LEVEL] = (LEVEL, common.levels, {"units": "hPa"})
    return coords


def _groups(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Variables of each result: a variable alone, or both components of a wind."""
    winds = {wind: tuple(parts) for wind, parts in WINDS.items() if all(part in names for part in parts)}
    return {**{name: (name,) for name in names}, **winds}


def _has_gaps(values: np.ndarray) -> bool:
    return bool(np.isnan(values[STATISTICS.index("squared_error")]).any())


def _checked_climatology(climatology: xr.Dataset, truth: xr.Dataset, common: Common) -> xr.Dataset:
    """Check a climatology, and choose the levels that are scored."""
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
    members = (MEMBER,) if common.members is not None and MEMBER in climatology.dims else ()
    check_fields("climatology", climatology, truth, common.names, ("hour", "dayofyear", *members))
    return climatology


def _say_gaps(gaps: dict[str, np.ndarray], absent: np.ndarray) -> None:
    """Warn of variables with points without a value, which make scores NaN."""
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
    """Leave out lead times that no initial time reaches, then initial times that lack one of the others."""
    leads = ~absent.all(0)
    times = ~absent[:, leads].any(1)
    if not leads.any() or not times.any():
        raise ValueError(
            f"`forecast` must have an initial time whose lead times are complete, got values at "
            f"{np.count_nonzero(~absent)} of {absent.size} initial and lead times"
        )
    told = f"{np.count_nonzero(~times)} of {times.size} initial times and {np.count_nonzero(~leads)} of {leads.size} "
    return statistics.isel({TIME: times, LEAD: leads}), told + "lead times, which are incomplete"
