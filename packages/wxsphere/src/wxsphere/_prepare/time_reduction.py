"""Reduction of the times of a source to one prepared time: itself, the mean of a day, or an accumulation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from .._audit.values import running_sum_text
from .._conventions.names import TIME
from .._files.open import check_variables

_ACCUMULATED = re.compile(r"(?P<name>total_precipitation)_(?P<hours>\d+)hr")
_PART = "part_of_window"
_DAY = np.timedelta64(24 * 3600 * 10**9, "ns")
_HOUR = np.timedelta64(3600 * 10**9, "ns")


class TimeReduction(NamedTuple):
    """Computation of one variable at one time from the times of a source.

    Attributes:
        source: The variable in the source.
        offsets: Times in the source relative to the time, `timedelta64[ns]`, ascending.
        how: `"one"` (there is one offset), `"mean"` or `"sum"`.
    """

    source: str
    offsets: np.ndarray
    how: Literal["one", "mean", "sum"] = "one"


def time_reduction(dataset: xr.Dataset, name: str, step: np.timedelta64, daily_mean: bool) -> TimeReduction:
    """The reduction that gives a variable from a source.

    A variable `total_precipitation_<n>hr` that the source lacks is summed: over the n hours that end at the time, of
    `total_precipitation`, which the source accumulates over its step, or of the longest `total_precipitation_<k>hr`
    that is there and divides n. With `daily_mean`, anything else is the mean over the times of a day from 0 UTC; sums
    still end at the time, which is 0 UTC.

    Args:
        dataset: The source, in the layout of `canonical`.
        name: The wanted variable.
        step: Spacing of the times of the source.
        daily_mean: See above.

    Returns:
        The reduction.

    Raises:
        ValueError: A variable that the source lacks and that no sum gives.
    """
    found = _ACCUMULATED.fullmatch(name)
    if found is not None and (name not in dataset.data_vars):
        return _accumulation(dataset, name, found["name"], int(found["hours"]), step)
    check_variables("variables", [name], dataset)
    if daily_mean:
        if found is not None:
            raise ValueError(
                f"`variables` names {name!r}, which is accumulated and has no daily mean; prepare it apart, or take "
                f"'total_precipitation_24hr'"
            )
        return TimeReduction(name, np.arange(np.timedelta64(0, "ns"), _DAY, step), "mean")
    return TimeReduction(name, np.zeros(1, "timedelta64[ns]"))


def _accumulation(dataset: xr.Dataset, name: str, of: str, hours: int, step: np.timedelta64) -> TimeReduction:
    window = hours * _HOUR
    parts = {str(one): match for one in dataset.data_vars if (match := _ACCUMULATED.fullmatch(str(one)))}
    lengths = {one: int(match["hours"]) * _HOUR for one, match in parts.items()}
    if of in dataset.data_vars and step != _HOUR:
        raise ValueError(
            f"`variables` names {name!r}, a sum of {of!r}, whose times are {step / _HOUR:g} h apart; it may hold 1 h "
            f"or all hours since a reset, so that the sum would be wrong; rename it after what it holds, e.g. "
            f"--rename {of}={of}_6hr"
        )
    if of in dataset.data_vars:
        text = running_sum_text(dataset[of])
        if text is not None:
            raise ValueError(f"`source`: {of}: {text}")
        lengths[of] = step  # pyright: ignore[reportArgumentType]
    fitting = {
        one: length
        for one, length in lengths.items()
        # The parts must end at times that the source has.
        if window % length == np.timedelta64(0, "ns") and length % step == np.timedelta64(0, "ns")
    }
    if not fitting:
        there = ", ".join(sorted(lengths)) or "no precipitation"
        raise ValueError(
            f"`variables` names {name!r}, which must be there or a sum of what is there; the source has {there}, "
            f"{step / _HOUR:g} h apart"
        )
    best = max(fitting, key=lambda one: fitting[one])
    part = fitting[best]
    return TimeReduction(best, np.arange(part - window, part, part), "sum")


def available_times(stamps: np.ndarray, reductions: Sequence[TimeReduction], candidates: np.ndarray) -> np.ndarray:
    """Mask of the candidates for which the source has all times that they need."""
    there = np.ones(candidates.size, bool)
    for reduction in reductions:
        there &= np.isin(candidates[:, None] + reduction.offsets, stamps).all(1)
    return there


def reduced(dataset: xr.Dataset, name: str, reduction: TimeReduction, times: np.ndarray) -> xr.DataArray:
    """A variable at times, lazily.

    Args:
        dataset: The source.
        name: Name of the result.
        reduction: Reduction of this variable.
        times: Wanted times, `datetime64[ns]`; each has all that it needs, see `available_times`.

    Returns:
        The field, `time` first.

    Raises:
        ValueError: A time that the source lacks.
    """
    needed = (times[:, None] + reduction.offsets).ravel()
    field = dataset[reduction.source].transpose(TIME, ...)
    at = dataset.indexes[TIME].get_indexer(needed)
    if np.any(at < 0):
        raise ValueError(f"`times` must be of the source, which lacks {needed[at < 0][0]} for {name!r}")
    field = field.isel({TIME: at})
    if reduction.how != "one":
        kind = field.dtype
        windows = field.drop_vars(TIME).astype(np.float64).coarsen({TIME: reduction.offsets.size})
        parts = windows.construct({TIME: (TIME, _PART)})
        whole = parts.mean(_PART, skipna=False) if reduction.how == "mean" else parts.sum(_PART, skipna=False)
        field = whole.astype(kind)
    return field.assign_coords({TIME: times}).rename(name).assign_attrs(dataset[reduction.source].attrs)
