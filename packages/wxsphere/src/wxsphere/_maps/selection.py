"""One time, lead time, member and level of a dataset, and which variables have that level."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from .. import _checks
from .._conventions.names import LATITUDE, LEAD, LEVEL, LONGITUDE, MEMBER, TIME
from .labels import lead_label


class Chosen(NamedTuple):
    """Fields at one time, lead time and member, the level [hPa] of those that have levels, and those without times."""

    fields: xr.Dataset
    levels: dict[str, float]
    static: frozenset[str]


def choose(
    dataset: xr.Dataset,
    *,
    level: float | None = None,
    time: np.datetime64 | None = None,
    lead: np.timedelta64 | None = None,
    member: int | None = None,
    keep_leads: bool = False,
) -> Chosen:
    """Select fields over latitude and longitude.

    Args:
        dataset: In the layout of `canonical`.
        level: Level [hPa]; default that nearest to 500.
        time: Time, of which the nearest is taken; default the first.
        lead: Lead time, one of those there; default the first.
        member: Member of an ensemble; default the first.
        keep_leads: Leave all lead times.

    Returns:
        The fields with times, lead time and member as scalar coordinates; only variables with levels have a level.

    Raises:
        ValueError: A level, lead time or member that is not there.
    """
    static = frozenset(str(name) for name, field in dataset.data_vars.items() if not {TIME, LEAD} & set(field.dims))
    if TIME in dataset.dims:
        _checks.dimensions("store", dataset, (TIME,))
        at = 0 if time is None else int(np.abs(dataset[TIME].values - time).argmin())
        dataset = dataset.isel({TIME: at})
    if LEAD in dataset.dims and not keep_leads:
        there = dataset[LEAD].values
        if lead is not None and lead not in there:
            raise ValueError(
                f"`lead` must be one of the store's, {lead_label(there[0])} … {lead_label(there[-1])}, got "
                f"{float(lead / np.timedelta64(1, 'h')):g} h"
            )
        dataset = dataset.sel({LEAD: there[0] if lead is None else lead})
    if MEMBER in dataset.dims:
        at = 0
        if member is not None:
            members = dataset[MEMBER].values.tolist()
            _checks.option("member", member, members)
            at = members.index(member)
        dataset = dataset.isel({MEMBER: at})
    levels: dict[str, float] = {}
    if LEVEL in dataset.dims:
        names = [str(name) for name, field in dataset.data_vars.items() if LEVEL in field.dims]
        there = dataset[LEVEL].values
        if level is not None and level not in there:
            raise ValueError(f"`level` must be one of {', '.join(f'{x:g}' for x in there)} hPa, got {level:g}")
        taken = float(there[np.abs(there - 500).argmin()] if level is None else level)
        levels = dict.fromkeys(names, taken)
        dataset = dataset.sel({LEVEL: taken}, drop=True)
    elif level is not None:
        raise ValueError(f"`level` must not be given for a store without levels, got {level:g}")
    return Chosen(dataset, levels, static)


def valid_time(fields: xr.Dataset) -> np.datetime64 | None:
    """Time for which fields of `choose` hold, if they say one."""
    if TIME not in fields.coords or fields[TIME].dtype.kind != "M":
        return None
    begin: Any = fields[TIME].values
    return begin + fields[LEAD].values if LEAD in fields.coords and fields[LEAD].ndim == 0 else begin


def matching(dataset: xr.Dataset, like: Chosen, *, name: str, level: float | None, member: int | None) -> Chosen:
    """Select the fields of another dataset that hold at the same time: of forecasts those of the same initial time.

    Raises:
        ValueError: The dataset lacks the time or the lead time.
    """
    begin, valid = like.fields.coords.get(TIME), valid_time(like.fields)
    wanted: Any
    lead: Any
    if LEAD in dataset.dims and LEAD in like.fields.coords:
        wanted, lead = None if begin is None else begin.values, like.fields[LEAD].values
    else:
        wanted, lead = valid, None
    if wanted is not None and TIME in dataset.dims and wanted not in dataset[TIME].values:
        there = dataset[TIME].values
        span = f"{there[0].astype('datetime64[m]')} … {there[-1].astype('datetime64[m]')}" if there.size else "no time"
        raise ValueError(f"`{name}` must have the time {wanted.astype('datetime64[m]')}, got {span}")
    members = dataset[MEMBER].values.tolist() if MEMBER in dataset.dims and MEMBER in dataset.coords else []
    at = level if LEVEL in dataset.dims else None
    return choose(dataset, level=at, time=wanted, lead=lead, member=member if member in members else None)


def drawable(fields: xr.Dataset) -> list[str]:
    """Names of the variables that are fields over latitude and longitude alone."""
    return [str(name) for name, field in fields.data_vars.items() if set(field.dims) == {LATITUDE, LONGITUDE}]
