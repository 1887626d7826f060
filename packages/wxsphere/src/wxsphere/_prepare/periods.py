"""Periods of training, validation and test, and the spacing of their times."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import _checks

_HOUR = np.timedelta64(3600 * 10**9, "ns")


class Period(NamedTuple):
    """A period between two times, both included to the precision that they are written with.

    Attributes:
        first: ISO date or time, e.g. `"1979"`, `"2016-12-31"`; empty for the beginning of all times.
        last: The same; `"2016"` is the end of 2016.
    """

    first: str = ""
    last: str = ""

    @classmethod
    def of(cls, **given: Sequence[str] | None) -> dict[str, Period]:
        """The periods that are given, by name; `training` is all times if it is not given.

        Raises:
            TypeError: A period that is not a sequence.
            ValueError: Not two times, invalid times, ends before beginnings, or periods that overlap.
        """
        out = {name: cls._one(name, period) for name, period in given.items() if period is not None}
        out = out if "training" in out else {"training": cls(), **out}
        ordered = sorted(out, key=lambda name: out[name].begin)
        for one, other in itertools.pairwise(ordered):
            if out[other].begin <= out[one].end:
                raise ValueError(
                    f"`{one}` and `{other}` must not overlap, got {out[one]} and {out[other]}"
                    + ("; without `training` all times are training times" if given.get("training") is None else "")
                )
        return out

    @classmethod
    def _one(cls, name: str, period: Sequence[str]) -> Period:
        _checks.instance(name, period, (Sequence, np.ndarray), "a sequence of the first and the last time")
        if isinstance(period, str) or len(period) != 2:
            raise ValueError(f"`{name}` must be the first and the last time, got {period!r}")
        out = cls(*(str(one) for one in period))
        try:
            begin, end = out.begin, out.end
        except ValueError as error:
            raise ValueError(
                f"`{name}` must be two ISO dates such as 1979 or 2016-12-31, got {period!r}: {error}"
            ) from None
        if np.isnat(begin) or np.isnat(end) or end < begin:
            raise ValueError(f"`{name}` must end after it begins, got {out}")
        return out

    @property
    def begin(self) -> np.datetime64:
        """The first moment."""
        return np.datetime64(self.first or "1678-01-01", "ns")

    @property
    def end(self) -> np.datetime64:
        """The last nanosecond."""
        last = np.datetime64(self.last or "2261-12-31")
        # One of its own units: "2016" is a year long, "2016-12-31" a day.
        after: Any = last + np.ones((), f"timedelta64[{np.datetime_data(last.dtype)[0]}]")
        return after.astype("datetime64[ns]") - np.timedelta64(1, "ns")

    def contains(self, times: np.ndarray) -> np.ndarray:
        """Mask of the times that lie in it."""
        return (times >= self.begin) & (times <= self.end)

    def __str__(self) -> str:
        return f"{self.first or 'the beginning'} … {self.last or 'the end'}"


def steps_of(
    stamps: np.ndarray, cadence_hours: float | None, daily_mean: bool
) -> tuple[np.timedelta64, np.timedelta64]:
    """Spacing of the times of a source, and the wanted cadence.

    Args:
        stamps: Times of the source, ascending.
        cadence_hours: Wanted; default the source's, or a day for daily means.
        daily_mean: Whether days are averaged.

    Returns:
        The usual spacing of the source and the cadence, `timedelta64[ns]`; of one time alone the cadence, or an hour.

    Raises:
        TypeError: A cadence that is not a number.
        ValueError: Times that do not ascend, or a cadence that is not a multiple of the source's spacing, or of a day.
    """
    apart = np.diff(stamps)
    if np.any(apart <= np.timedelta64(0, "ns")):
        at = int(np.argmax(apart <= np.timedelta64(0, "ns")))
        raise ValueError(f"times of `source` must ascend without repeats, got {stamps[at]} then {stamps[at + 1]}")
    wanted = None
    if cadence_hours is not None:
        wanted = np.timedelta64(round(_checks.number("cadence_hours", cadence_hours, above=0.0) * 3600e9), "ns")
    step = np.sort(apart)[apart.size // 2] if apart.size else (wanted or _HOUR)
    cadence = wanted or (24 * _HOUR if daily_mean else step)
    if cadence % step or (daily_mean and (cadence % (24 * _HOUR) or (24 * _HOUR) % step)):
        unit = "a day" if daily_mean else f"the {step / _HOUR:g} h between times of the source"
        raise ValueError(
            f"`cadence_hours` must be a multiple of {unit}, got {cadence / _HOUR:g}; the source has a time "
            f"every {step / _HOUR:g} h"
        )
    return step, cadence


def check_even(name: str, times: np.ndarray, cadence: np.timedelta64, remedy: str) -> None:
    """Check that the times of a period are one cadence apart.

    Raises:
        ValueError: The message names the first gap.
    """
    gaps = np.flatnonzero(np.diff(times) != cadence)
    if gaps.size:
        first, after = times[gaps[0]], times[gaps[0] + 1]
        raise ValueError(
            f"`{name}` must have a time every {cadence / _HOUR:g} h, got {gaps.size} gaps, the first from {first} to "
            f"{after}; {remedy}"
        )


def periods_from(values: Mapping[str, Sequence[str]]) -> dict[str, Period]:
    """Read the periods of a manifest."""
    return {name: Period(*pair) for name, pair in values.items()}
