"""Alignment of forecasts and truth: common initial times, lead times, variables, levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from .. import _checks
from .._audit.values import impossible_text, unit_error
from .._conventions.coordinates import check_coordinates, common_values, listed, with_values
from .._conventions.grids import grid_of
from .._conventions.names import LATITUDE, LEAD, LEVEL, LONGITUDE, MEMBER, STATIC, TIME
from .._conventions.units import conversion, has_unit, same_unit
from .._notices import notice

Source = Callable[[np.ndarray, np.ndarray], xr.Dataset]
"""From initial times and lead times to a dataset with both."""


class Common(NamedTuple):
    """Common times, variables and levels of forecasts and truth.

    Attributes:
        sources: Forecasts by name, with the levels of `levels`.
        times: Initial times.
        leads: Lead times.
        names: Variables.
        levels: hPa, as truth has them, or None if no variable has levels.
        members: Values of `number` if truth has members, each compared with that of the same number; else None.
        ensembles: Number of members of the forecasts that are ensembles, by name; none if truth has members.
        left_out: Descriptions of what is left out because not all of them have it.
    """

    sources: dict[str, Source]
    times: np.ndarray
    leads: np.ndarray
    names: list[str]
    levels: np.ndarray | None
    members: np.ndarray | None
    ensembles: Mapping[str, int]
    left_out: list[str]

    def say_left_out(self) -> None:
        """Issue one `DataWarning` that lists what is left out."""
        if self.left_out:
            notice(f"left out: {'; '.join(self.left_out)}")


def common_parts(
    forecast: xr.Dataset | Mapping[str, xr.Dataset],
    truth: xr.Dataset,
    variables: Sequence[str] | None,
    missing: str,
) -> Common:
    """Find the common times, variables and levels of forecasts and truth.

    Raises:
        ValueError: See `forecast_statistics`.
    """
    _checks.option("missing", missing, ("raise", "drop"))
    _checks.dimensions("truth", truth, (TIME, LATITUDE, LONGITUDE))
    check_coordinates("truth", truth)
    given = {name: _with_leads(name, one, truth) for name, one in _by_name(forecast).items()}
    every = {"truth": truth, **given}
    names, left_out = _common_variables(every, variables)
    for key, one in every.items():
        _checks.real_fields(key if key == "truth" else f"forecast[{key!r}]", one, names)
    levels = members = None
    if any(LEVEL in truth[name].dims for name in names):
        levels, rest = common_values(every, LEVEL)
        left_out += rest
    (times, late), (leads, long) = (common_values(given, dim) for dim in (TIME, LEAD))
    left_out += [*late, *long]
    if MEMBER in truth.dims:
        members, rest = common_values(every, MEMBER)
        left_out += rest
    _check_all_fields(given, truth, names)
    if levels is not None:
        given = {name: with_values(one, LEVEL, levels) if LEVEL in one.dims else one for name, one in given.items()}
    there = _with_truth(truth, times, leads, missing)
    if not there.all():
        left_out.append(f"{np.count_nonzero(~there)} of {times.size} initial times, which need truth that is missing")
        times = times[there]
    sources: dict[str, Source] = {
        name: (lambda t, dt, one=one: one.sel({TIME: t, LEAD: dt})) for name, one in given.items()
    }
    ensembles = {name: one.sizes.get(MEMBER, 1) for name, one in given.items() if members is None}
    ensembles = {name: size for name, size in ensembles.items() if size > 1}
    return Common(sources, times, leads, names, levels, members, ensembles, left_out)


def _check_all_fields(given: Mapping[str, xr.Dataset], truth: xr.Dataset, names: Sequence[str]) -> None:
    check_fields("truth", truth, truth, names)
    for name, one in given.items():
        check_fields(f"forecast[{name!r}]", one, truth, names, (LEAD, *((MEMBER,) if MEMBER in one.dims else ())))


def _by_name(forecast: xr.Dataset | Mapping[str, xr.Dataset]) -> Mapping[str, xr.Dataset]:
    if isinstance(forecast, xr.Dataset):
        return {"forecast": forecast}
    _checks.instance("forecast", forecast, Mapping, "an xarray.Dataset, or names to datasets")
    for name in forecast:
        _checks.instance("forecast", name, str, "names to datasets")
    if not forecast:
        raise ValueError("`forecast` must hold at least one forecast, got none")
    reserved = sorted({"truth", "persistence", "climatology"} & set(forecast))
    if reserved:
        raise ValueError(f"`forecast` names {reserved[0]!r}, which is the name of something else here")
    return forecast


def _with_truth(truth: xr.Dataset, times: np.ndarray, leads: np.ndarray, missing: str) -> np.ndarray:
    """Mask of the initial times for which truth has all valid times."""
    valid = times[:, None] + leads
    index = truth.indexes[TIME]
    there = (index.get_indexer(valid.ravel()) >= 0).reshape(valid.shape).all(1) & (index.get_indexer(times) >= 0)
    if there.all() or (missing == "drop" and there.any()):
        return there
    lacking = valid[index.get_indexer(valid.ravel()).reshape(valid.shape) < 0]
    first = lacking.min() if lacking.size else times[~there][0]
    raise ValueError(
        f"`truth` must have all initial and valid times: {np.count_nonzero(~there)} of {times.size} initial "
        f"times need some that it lacks, the first is {first}; `missing='drop'` (--drop-missing) leaves them out"
        + ("" if there.any() else ", which would leave none")
    )


def _with_leads(name: str, forecast: xr.Dataset, truth: xr.Dataset) -> xr.Dataset:
    _checks.dimensions(f"forecast[{name!r}]", forecast, (TIME, LATITUDE, LONGITUDE))
    check_coordinates(f"forecast[{name!r}]", forecast)
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
    """Check that two datasets have the same latitudes and longitudes, to rounding."""
    mine, wanted = grid_of(dataset), grid_of(truth)
    if mine != wanted:
        raise ValueError(
            f"`{name}` must be on the grid of `truth`, {wanted}, got {mine}; bring one of them to the grid "
            f"of the other by `wxsphere regrid SOURCE --grid … --out …`"
        )


def check_fields(
    name: str, dataset: xr.Dataset, truth: xr.Dataset, names: Sequence[str], more: Sequence[str] = ()
) -> None:
    """Check that fields have the dimensions and units of truth.

    Args:
        name: Of the argument.
        dataset: A forecast, truth itself or a climatology.
        truth: What it is compared with.
        names: Variables.
        more: Dimensions beside those that a map of truth has: level, latitude, longitude.

    Raises:
        ValueError: A field that lacks a dimension or has another, or a unit that is not that of truth.
    """
    unknown = []
    for one in names:
        levels = (LEVEL,) if LEVEL in truth[one].dims else ()
        front = more if "hour" in more else (TIME, *more)
        if dataset is truth and MEMBER in truth.dims:
            front = (*front, MEMBER)
        wanted, got = (*front, *levels, LATITUDE, LONGITUDE), dataset[one].dims
        if set(wanted) != set(got):
            raise ValueError(
                f"`{name}` must have {one!r} with the dimensions {', '.join(wanted)}, got {', '.join(map(str, got))}; "
                f"name the other variables in `variables` (--variables), or select what is too much"
            )
        mine, right = dataset[one].attrs.get("units"), truth[one].attrs.get("units")
        same = same_unit(mine, right)
        if same is False:
            raise ValueError(
                f"`{name}` must have {one!r} in the unit of `truth`, {right!r}, got {mine!r}; convert one of them, "
                f"e.g. {conversion(one, mine, right)}"
            )
        if dataset is not truth and not (has_unit(mine) and has_unit(right)):
            _say_unit_error(name, dataset[one], truth[one])
        if same is None:
            unknown.append(f"{one} in {mine!r} and {right!r}")
    if unknown:
        notice(f"`{name}` and `truth` have units that are not known, taken as the same: {listed(unknown)}")


def _say_unit_error(name: str, field: xr.DataArray, truth: xr.DataArray) -> None:
    """Warn if one map of a field, or of truth, has values as in another unit, and the other has possible values."""
    maps = {name: _one_map(field), "truth": _one_map(truth)}
    for key, other in ((name, maps["truth"]), ("truth", maps[name])):
        error = unit_error(maps[key])
        if error is not None and impossible_text(other) is None and np.isfinite(other.values).any():
            notice(
                f"`{name}` and `truth` appear to have {str(field.name)!r} in different units, which are not both given"
                f": in `{key}` {error}"
            )


def _one_map(field: xr.DataArray) -> xr.DataArray:
    """The first map of a field, at the level nearest to 500 hPa, in memory."""
    chosen = {dim: 0 for dim in field.dims if dim not in (LEVEL, LATITUDE, LONGITUDE)}
    if LEVEL in field.dims:
        at = int(np.abs(field[LEVEL].values - 500.0).argmin())
        return field.isel({**chosen, LEVEL: slice(at, at + 1)}).compute()
    return field.isel(chosen).compute()


def _common_variables(
    datasets: Mapping[str, xr.Dataset], variables: Sequence[str] | None
) -> tuple[list[str], list[str]]:
    """Common variables, and a description of the others."""
    common = set.intersection(*({str(name) for name in one.data_vars} for one in datasets.values()))
    left_out = []
    if variables is None:
        wanted = {TIME, LATITUDE, LONGITUDE}
        fields = {
            key: {str(name) for name in one.data_vars if wanted <= set(one[name].dims)} for key, one in datasets.items()
        }
        names = sorted(set.intersection(*fields.values()))
        for key, those in fields.items():
            if rest := sorted(those - set(names) - set(STATIC)):
                left_out.append(f"variables {listed(rest)} of {key}")
    else:
        names = _checks.names("variables", variables)
    absent = [name for name in names if name not in common]
    if absent or not names:
        raise ValueError(
            f"`variables` must be in `truth` and every forecast, got {names if variables is not None else 'none'}; "
            f"common to all are {', '.join(sorted(common)) or 'none'}"
        )
    return names, left_out
