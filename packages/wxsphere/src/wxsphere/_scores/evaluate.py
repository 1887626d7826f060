"""Scores of forecasts against truth, with intervals, differences and spectra on request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from .. import _checks
from .._conventions.names import LEAD, MEMBER, TIME
from .alignment import common_parts
from .forecast_statistics import forecast_statistics
from .mean_spectra import mean_spectra
from .metrics import bootstrap, scores
from .options import EvaluateOptions


def evaluate(
    forecast: xr.Dataset | Mapping[str, xr.Dataset],
    truth: xr.Dataset,
    options: EvaluateOptions | None = None,
    *,
    climatology: xr.Dataset | None = None,
    land_sea_mask: xr.DataArray | None = None,
    **changes: Any,
) -> xr.Dataset:
    """Scores of forecasts against truth, beside persistence and climatology.

    These are the `scores` of `forecast_statistics`, whose documentation has formulas and conventions, with intervals
    from `bootstrap` and with `power_spectra` on request.

    Args:
        forecast: One, or several by name, in the layout of `canonical`.
        truth: Analyses with `time`.
        options: Variables, regions, metrics, bootstrap, spectra; default `EvaluateOptions()`.
        climatology: With `hour` and `dayofyear`; without it, correlations and activity are NaN.
        land_sea_mask: 1 on land … 0 on sea, for regions of land; default that of `truth`.
        **changes: Options by name, in place of those in `options`: `evaluate(forecast, truth, samples=1000)` is
            `evaluate(forecast, truth, EvaluateOptions(samples=1000))`.

    Returns:
        Dataset. Each variable has dimensions (forecast, metric, region, prediction_timedelta[, level]); with `samples`,
        `<name>_interval` with a dimension `bound` beside it; with `reference`, `<name>_difference` and, with both,
        `<name>_difference_interval`; with `spectra`, `<name>_spectrum` (source, prediction_timedelta[, level], degree),
        where source is a forecast or `truth`, of ensembles the mean of the members' spectra. A single forecast is
        called `forecast`. The coordinate `initial_time` has the initial times. Units are those of `truth`.

    Raises:
        TypeError: Arguments of another type, or a keyword that is not an option.
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
    options = _checks.options(EvaluateOptions, options, changes)
    statistics = forecast_statistics(forecast, truth, options, climatology=climatology, land_sea_mask=land_sea_mask)
    if options.reference is not None:
        _checks.option("reference", options.reference, statistics["forecast"].values.tolist())
    out = _scored(statistics, options)
    times = statistics[TIME].values
    if options.spectra:
        common = common_parts(forecast, truth, options.variables, options.missing)
        common = common._replace(times=times, leads=statistics[LEAD].values)
        spectra = mean_spectra(common, truth, _checks.memory_bytes("memory_gib", options.memory_gib))
        out = out.merge(_suffixed(spectra, "spectrum"))
    out = out.assign_coords(initial_time=("initial_time", times))
    if MEMBER in statistics.dims:
        out.attrs["members"] = statistics.sizes[MEMBER]
    weights = f"area weights {options.convention}"
    return out.assign_attrs(
        statistics.attrs,
        initial_times=times.size,
        first_initial_time=str(times[0]),
        last_initial_time=str(times[-1]),
        convention=f"by initial time, {weights}, roots and ratios after the mean over initial times",
    )


def _scored(statistics: xr.Dataset, options: EvaluateOptions) -> xr.Dataset:
    """Scores, differences from the reference, and intervals of both."""
    samples, block, reference = options.samples, options.block, options.reference
    out = scores(statistics, options.metrics)
    if reference is not None:
        with np.errstate(invalid="ignore", divide="ignore"):
            out = out.merge(_suffixed(out / out.sel(forecast=reference, drop=True) - 1, "difference"))
        out.attrs["reference"] = reference
    if samples:
        drawn: dict[str, Any] = {"samples": samples, "block": block, "seed": options.seed}
        out = out.merge(_suffixed(bootstrap(statistics, options.metrics, **drawn), "interval"))
        if reference is not None:
            differences = bootstrap(statistics, options.metrics, **drawn, reference=reference)
            out = out.merge(_suffixed(differences, "difference_interval"))
        out.attrs["bootstrap"] = f"{samples} draws of blocks of {block} initial times, 95 %"
    return out


def _suffixed(dataset: xr.Dataset, suffix: str) -> xr.Dataset:
    return dataset.rename({name: f"{name}_{suffix}" for name in dataset.data_vars})
