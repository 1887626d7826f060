"""What forecasts and truth have in common: initial times, lead times, variables, levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from . import _checks
from ._grids import grid_of
from ._names import LATITUDE, LEAD, LEVEL, LONGITUDE, MEMBER, TIME

Source = Callable[[np.ndarray, np.ndarray], xr.Dataset]
"""From initial times and lead times to a dataset with both."""


class Common(NamedTuple):
    """What forecasts and truth have in common.

    Attributes:
        sources: Forecasts by name.
        times: Initial times.
        leads: Lead times.
        names: Variables.
        levels: hPa, or None if no variable has levels.
        members: Members that are worlds of their own, with a truth each, or None.
        ensembles: Names of the forecasts that are ensembles for the one truth.
    """

    sources: dict[str, Source]
    times: np.ndarray
    leads: np.ndarray
    names: list[str]
    levels: np.ndarray | None
    members: np.ndarray | None
    ensembles: Mapping[str, int]


def common_parts(
    forecast: xr.Dataset | Mapping[str, xr.Dataset],
    truth: xr.Dataset,
    variables: Sequence[str] | None,
    missing: str,
) -> Common:
    """What all have in common.

    Raises:
        ValueError: See `forecast_statistics`.
    """
    _checks.option("missing", missing, ("raise", "drop"))
    _checks.dimensions("truth", truth, (TIME, LATITUDE, LONGITUDE))
    if isinstance(forecast, xr.Dataset):
        forecast = {"forecast": forecast}
    if not forecast:
        raise ValueError("`forecast` must hold at least one forecast, got none")
    reserved = sorted({"truth", "persistence", "climatology"} & set(forecast))
    if reserved:
        raise ValueError(f"`forecast` names {reserved[0]!r}, which is the name of something else here")
    given = {name: _with_leads(name, one, truth) for name, one in forecast.items()}
    times, leads = _common(given, TIME), _common(given, LEAD)
    names = _common_variables([*given.values(), truth], variables)
    levels = _common({**given, "truth": truth}, LEVEL) if any(LEVEL in truth[name].dims for name in names) else None
    members = _common({**given, "truth": truth}, MEMBER) if MEMBER in truth.dims else None
    valid = times[:, None] + leads
    there = (truth.indexes[TIME].get_indexer(valid.ravel()) >= 0).reshape(valid.shape).all(1)
    there &= truth.indexes[TIME].get_indexer(times) >= 0
    if not there.all():
        lacking = valid[truth.indexes[TIME].get_indexer(valid.ravel()).reshape(valid.shape) < 0]
        first = lacking.min() if lacking.size else times[~there][0]
        if missing == "raise" or not there.any():
            raise ValueError(
                f"`truth` must have all initial and valid times: {np.count_nonzero(~there)} of {times.size} initial "
                f"times need some that it lacks, the first is {first}; `missing='drop'` leaves them out"
                + ("" if there.any() else ", which would leave none")
            )
        times = times[there]
    sources: dict[str, Source] = {
        name: (lambda t, dt, one=one: one.sel({TIME: t, LEAD: dt})) for name, one in given.items()
    }
    ensembles = {
        name: one.sizes[MEMBER] for name, one in given.items() if members is None and one.sizes.get(MEMBER, 1) > 1
    }
    return Common(sources, times, leads, names, levels, members, ensembles)


def _with_leads(name: str, forecast: xr.Dataset, truth: xr.Dataset) -> xr.Dataset:
    _checks.dimensions(f"forecast[{name!r}]", forecast, (TIME, LATITUDE, LONGITUDE))
    check_same_grid(f"forecast[{name!r}]", forecast, truth)
    extra = [str(dim) for dim in forecast.dims if dim not in (TIME, LEAD, MEMBER, LEVEL, LATITUDE, LONGITUDE)]
    if extra:
        raise ValueError(f"`forecast[{name!r}]` must have no dimension {extra[0]!r}, got {dict(forecast.sizes)}")
    if MEMBER in truth.dims:
        if MEMBER not in forecast.dims:
            raise ValueError(
                f"`forecast[{name!r}]` must have members as `truth` has, {truth.sizes[MEMBER]} of them, got none; or "
                f"select one member of `truth`"
            )
        _checks.dimensions(f"forecast[{name!r}]", forecast, (MEMBER,))
        _checks.dimensions("truth", truth, (MEMBER,))
    elif forecast.sizes.get(MEMBER) == 1:
        forecast = forecast.isel({MEMBER: 0}, drop=True)
    if LEAD not in forecast.dims:
        zero = np.array([0], "timedelta64[ns]")
        moving = [key for key, field in forecast.data_vars.items() if TIME in field.dims]
        forecast = forecast[moving].expand_dims({LEAD: zero})
    return forecast


def check_same_grid(name: str, dataset: xr.Dataset, truth: xr.Dataset) -> None:
    """Two datasets must have the same latitudes and longitudes, to rounding."""
    mine, wanted = grid_of(dataset), grid_of(truth)
    if mine != wanted:
        raise ValueError(
            f"`{name}` must be on the grid of `truth`, {wanted}, got {mine}; bring one of them to the grid "
            f"of the other by `wxsphere prepare SOURCE --grid …`"
        )


def _common(datasets: Mapping[str, xr.Dataset], dim: str) -> np.ndarray:
    values: np.ndarray | None = None
    for one in datasets.values():
        if dim in one.dims:
            values = one[dim].values if values is None else np.intersect1d(values, one[dim].values)
    if values is None or not values.size:
        found = {name: one[dim].values[:3].tolist() if dim in one.coords else None for name, one in datasets.items()}
        raise ValueError(f"the datasets must have common values of {dim!r}, got {found}")
    return np.sort(values)


def _common_variables(datasets: Sequence[xr.Dataset], variables: Sequence[str] | None) -> list[str]:
    common = set.intersection(*({str(name) for name in one.data_vars} for one in datasets))
    if variables is None:
        wanted = {TIME, LATITUDE, LONGITUDE}
        names = sorted(name for name in common if all(wanted <= set(one[name].dims) for one in datasets))
    else:
        names = list(variables)
    absent = [name for name in names if name not in common]
    if absent or not names:
        raise ValueError(
            f"`variables` must be in `truth` and every forecast, got {names if variables is not None else 'none'}; "
            f"common to all are {', '.join(sorted(common)) or 'none'}"
        )
    return names
