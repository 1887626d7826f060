"""Conversion of times to `datetime64[ns]`: calendars, units, rounding."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr

from .._notices import notice
from .names import LEAD, TIME

CALENDAR = "source_calendar"
"""Attribute of `time` that names a calendar without leap days."""

_STANDARD = ("standard", "gregorian", "proleptic_gregorian")
_NO_LEAP = ("noleap", "365_day")
_PER_UNIT: Mapping[str, float] = {
    **dict.fromkeys(("ns", "nanosecond", "nanoseconds"), 1.0),
    **dict.fromkeys(("us", "microsecond", "microseconds"), 1e3),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 1e6),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1e9),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60e9),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600e9),
    **dict.fromkeys(("d", "day", "days"), 86400e9),
}
_DIGITS = re.compile(r"(days? as )?(%Y%m%d|yyyymmdd)(\.%f|\.f)?", re.IGNORECASE)
_SINCE = re.compile(r"\s*(\w+)\s+since\s+\S+", re.IGNORECASE)
_MONTHS = re.compile(r"\s*months?\s+since\s+(\d{1,4})-(\d{1,2})(?:-(\d{1,2}))?", re.IGNORECASE)
# Units of time that times are rounded to, and the largest rounding error as a share of one.
_WHOLE = {"hours": 3600 * 10**9, "minutes": 60 * 10**9, "seconds": 10**9}
_NOISE = 5e-4
# Numbers of low precision have larger errors; never more than this share of the step is corrected.
_OF_STEP = 0.1
_LAST_DAY = 106_751


def with_datetimes(dataset: xr.Dataset) -> xr.Dataset:
    """Convert `time` to `datetime64[ns]`, set to whole hours, minutes or seconds where it is within rounding of them.

    `cftime` dates of standard calendars become the same dates; Julian ones the same days of the common calendar; those
    of `noleap` keep their dates, with the calendar in the attribute `source_calendar` of `time`. Numbers are decoded by
    their units (`hours since …`, `months since …`, `day as %Y%m%d.%f`), strings as ISO dates. Relative times, as
    GraphCast writes them, are replaced by the coordinate `datetime` if there is one. A `DataWarning` names each change
    of values.

    Args:
        dataset: A dataset, with a variable `time` or without.

    Returns:
        The dataset with converted times.

    Raises:
        ValueError: The calendar has dates that do not exist in the standard one, numbers have no unit, times are
            relative, missing, or outside 1678 … 2261; the message names calendar, unit or value.
    """
    if TIME not in dataset.coords:
        return dataset
    time = dataset[TIME].variable
    attributes = dict(time.attrs)
    noise = 0.0
    if _is_relative(time) and "datetime" in dataset.variables and set(dataset["datetime"].dims) <= {TIME}:
        time = dataset["datetime"].variable
        dataset = dataset.drop_vars("datetime")
        notice("`time` holds relative times; the dates are taken from the coordinate `datetime`")
    if np.issubdtype(time.dtype, np.number) and not np.issubdtype(time.dtype, np.timedelta64):
        noise = _precision(time)
    stamps, calendar = _stamps(time)
    stamps = _rounded(stamps, noise)
    kept = {key: value for key, value in attributes.items() if key not in ("units", "calendar", "dtype")}
    if calendar is not None:
        kept[CALENDAR] = calendar
    if stamps.dtype == dataset[TIME].dtype and np.array_equal(stamps, dataset[TIME].values):
        return dataset
    new = xr.Variable(dataset[TIME].dims, stamps.reshape(dataset[TIME].shape), kept)
    return dataset.assign_coords({TIME: new})


def calendar_of(dataset: xr.Dataset) -> str:
    """The calendar that the dates of a dataset were written in; `"standard"` if it names none."""
    return str(dataset[TIME].attrs.get(CALENDAR, "standard")) if TIME in dataset.coords else "standard"


def calendar_attributes(dataset: xr.Dataset) -> dict[str, str]:
    """Attributes of `time` that keep the calendar of a dataset."""
    calendar = calendar_of(dataset)
    return {} if calendar == "standard" else {CALENDAR: calendar}


def durations(variable: xr.Variable, name: str = LEAD) -> np.ndarray:
    """Lead times as `timedelta64[ns]`.

    Args:
        variable: Variable of `timedelta64`, or of numbers whose attribute `units` is a unit of time.
        name: Name of the variable, for the message.

    Returns:
        Values of the same shape; numbers within rounding of whole seconds are set to them.

    Raises:
        ValueError: Numbers without a unit of time, or missing values.
    """
    values, units = np.asarray(variable.values), str(variable.attrs.get("units", "")).strip().lower()
    if np.issubdtype(values.dtype, np.timedelta64):
        out = values.astype("timedelta64[ns]")
    elif np.issubdtype(values.dtype, np.number) and units in _PER_UNIT:
        if not np.isfinite(values).all():
            raise ValueError(f"`{name}` must have a value everywhere, got {values[~np.isfinite(values)][0]}")
        exact = np.asarray(values, np.float64) * _PER_UNIT[units]
        whole = np.round(exact / 1e9) * 1e9
        near = np.abs(exact - whole) <= np.maximum(_NOISE * 1e9, 2 * _precision(variable))
        out = np.where(near, whole, np.round(exact)).astype("timedelta64[ns]")
    else:
        raise ValueError(
            f"`{name}` must be timedelta64 or numbers with units 'hours', got {values.dtype} with units "
            f"{variable.attrs.get('units')!r}; give the attribute, e.g. `ncatted -a units,{name},o,c,hours FILE`"
        )
    if np.isnat(out).any():
        raise ValueError(f"`{name}` must have a value everywhere, got none at index {int(np.argmax(np.isnat(out)))}")
    return out


def _is_relative(time: xr.Variable) -> bool:
    units = str(time.attrs.get("units", "")).strip().lower()
    return np.issubdtype(time.dtype, np.timedelta64) or (np.issubdtype(time.dtype, np.number) and units in _PER_UNIT)


def _stamps(time: xr.Variable) -> tuple[np.ndarray, str | None]:
    """Dates, and the name of the calendar if it has no leap days."""
    values = np.asarray(time.values)
    flat = values.reshape(-1)
    if np.issubdtype(values.dtype, np.datetime64):
        return _nanoseconds(flat), None
    if _is_relative(time):
        shown = f"{flat[0]} … {flat[-1]} {time.attrs.get('units', '')}".rstrip() if flat.size else "none"
        raise ValueError(
            f"`time` must be dates, got relative times ({shown}) and no coordinate `datetime`; assign dates, e.g. "
            f"`dataset.assign_coords(time=np.datetime64('2020-01-01') + dataset.time)`"
        )
    if np.issubdtype(values.dtype, np.number):
        return _of_numbers(time)
    if values.dtype.kind in "US" or (values.dtype == object and all(isinstance(one, str | bytes) for one in flat)):
        return _of_texts(flat), None
    if values.dtype == object and all(hasattr(one, "calendar") for one in flat):
        return _of_calendar(flat)
    raise ValueError(f"`time` must be dates, got {values.dtype} {flat[:1].tolist()}")


def _nanoseconds(values: np.ndarray) -> np.ndarray:
    if np.isnat(values).any():
        count, at = int(np.isnat(values).sum()), int(np.argmax(np.isnat(values)))
        raise ValueError(f"`time` must have a date everywhere, got none at {count} of {values.size}, first index {at}")
    days = values.astype("datetime64[D]").astype(np.int64)
    if np.any(np.abs(days) > _LAST_DAY):
        first = values[np.abs(days) > _LAST_DAY][0]
        raise ValueError(
            f"`time` must lie in the years 1678 … 2261, got {first}; move it, e.g. with `cdo shifttime,1900years`"
        )
    return values.astype("datetime64[ns]")


def _of_numbers(time: xr.Variable) -> tuple[np.ndarray, str | None]:
    values = np.asarray(time.values).reshape(-1)
    units, calendar = str(time.attrs.get("units", "")), str(time.attrs.get("calendar", "standard")).lower()
    if not np.isfinite(values).all():
        at = int(np.argmax(~np.isfinite(values)))
        raise ValueError(f"`time` must have a date everywhere, got {values[at]} at index {at}")
    if found := _MONTHS.match(units):
        return _of_months(values, units, found), None
    if _SINCE.match(units):
        attributes = {"units": units, "calendar": calendar}
        variable = xr.Variable((TIME,), values, attributes)
        try:
            with warnings.catch_warnings():
                # Dates outside datetime64 become cftime dates, which are looked at below.
                warnings.simplefilter("ignore", xr.SerializationWarning)
                decoded = xr.decode_cf(xr.Dataset({"x": variable}), decode_timedelta=False)["x"].values
        except (ValueError, OverflowError, TypeError) as error:
            why = str(error).splitlines()[0][:150]
            raise ValueError(
                f"`time` cannot be decoded: units {units!r}, calendar {calendar!r}, values {values[0]} … {values[-1]} "
                f"({why})"
            ) from error
        return _stamps(xr.Variable((TIME,), decoded))
    if _DIGITS.fullmatch(units.strip()):
        return _of_digits(values, units), None
    raise ValueError(
        f"`time` must be dates, got numbers {values[0]} … {values[-1]} with units {units or 'none'!r}; give their "
        f"units, e.g. `ncatted -a units,time,o,c,'hours since 1900-01-01' FILE`"
    )


def _of_months(values: np.ndarray, units: str, found: re.Match[str]) -> np.ndarray:
    if np.any(values != np.round(values)) or int(found[3] or 1) > 28:
        raise ValueError(
            f"`time` must be a whole number of months since one of the first 28 days of a month, got {values[0]} … "
            f"{values[-1]} with units {units!r}; set dates with `cdo settaxis,2000-01-01,00:00,1mon`"
        )
    begin = np.datetime64(f"{int(found[1]):04d}-{int(found[2]):02d}", "M")
    months = (begin + values.astype(np.int64)).astype("datetime64[D]")
    return _nanoseconds(months + np.timedelta64(int(found[3] or 1) - 1, "D"))


def _of_digits(values: np.ndarray, units: str) -> np.ndarray:
    """Decode numbers such as 20200131.25: the digits of the date, then the fraction of the day."""
    day = np.floor(np.asarray(values, np.float64))
    year, month, date = day // 10_000, day // 100 % 100, day % 100
    out = np.empty(values.size, "datetime64[ns]")
    for at in range(values.size):
        try:
            out[at] = np.datetime64(f"{int(year[at]):04d}-{int(month[at]):02d}-{int(date[at]):02d}", "ns")
        except ValueError:
            raise ValueError(f"`time` must be dates, got {values[at]}, which is not one with units {units!r}") from None
    share = np.round((np.asarray(values, np.float64) - day) * 86400e9).astype("timedelta64[ns]")
    return _nanoseconds(out + share)


def _of_texts(values: np.ndarray) -> np.ndarray:
    texts = [one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in values]
    out = np.empty(len(texts), "datetime64[ns]")
    for at, text in enumerate(texts):
        try:
            out[at] = np.datetime64(text.strip().removesuffix("Z"), "ns")
        except ValueError:
            raise ValueError(f"`time` must be dates, got the string {text!r}; write them as 2020-01-31T06:00") from None
    return _nanoseconds(out)


def _of_calendar(values: np.ndarray) -> tuple[np.ndarray, str | None]:
    """Convert `cftime` dates of one calendar."""
    calendars = sorted({str(one.calendar) or "none" for one in values})
    calendar = calendars[0]
    if len(calendars) != 1 or calendar not in (*_STANDARD, *_NO_LEAP, "julian"):
        how = "'noleap'" if calendar in ("all_leap", "366_day") else "'standard', align_on='date'"
        raise ValueError(
            f"`time` must have a calendar whose dates are all in the standard one, got {', '.join(calendars)!r}, with "
            f"dates such as {_iso(values[-1])}; convert it with `dataset.convert_calendar({how})` of xarray and "
            f"rewrite the file"
        )
    if calendar == "julian":
        values = np.array([_same_day(one) for one in values])
        notice(f"`time` has the calendar 'julian' and is converted to the standard one, from {_iso(values[0])} on")
    texts = [_iso(one) for one in values]
    stamps = _nanoseconds(np.array(texts, "datetime64[us]"))
    if calendar not in _NO_LEAP:
        return stamps, None
    notice(f"`time` has the calendar {calendar!r}; dates are kept, so that a step over 29 February is a day longer")
    return stamps, "noleap"


def _same_day(date: object) -> object:
    import cftime

    days = cftime.date2num(date, "microseconds since 1700-01-01", calendar="julian")
    # 1 January 1700 of the Julian calendar is the 11th of the Gregorian one.
    return cftime.num2date(days, "microseconds since 1700-01-11", calendar="proleptic_gregorian")


def _iso(date: object) -> str:
    take: Callable[[str], int] = lambda name: int(getattr(date, name))  # noqa: E731
    day = f"{take('year'):04d}-{take('month'):02d}-{take('day'):02d}"
    return f"{day}T{take('hour'):02d}:{take('minute'):02d}:{take('second'):02d}.{take('microsecond'):06d}"


def _precision(variable: xr.Variable) -> float:
    """Spacing of floating-point numbers at the largest value, in nanoseconds."""
    values = np.asarray(variable.values)
    if not np.issubdtype(values.dtype, np.floating) or not values.size:
        return 0.0
    units = str(variable.attrs.get("units", "")).strip().lower()
    found = _SINCE.match(units)
    per = _PER_UNIT.get(found[1].lower() if found else units, 86400e9 if _DIGITS.fullmatch(units) else 0.0)
    largest = np.abs(values).max()
    return float(np.spacing(largest)) * per if np.isfinite(largest) else 0.0


def _rounded(stamps: np.ndarray, noise: float) -> np.ndarray:
    """Set times to whole hours, minutes or seconds, if all are within rounding of one."""
    numbers = stamps.astype(np.int64)
    steps = np.abs(np.diff(numbers))
    step = float(np.median(steps)) if steps.size else np.inf
    for name, unit in _WHOLE.items():
        whole = (numbers + unit // 2) // unit * unit
        away = np.abs(numbers - whole).max(initial=0)
        if away == 0:
            return stamps
        if unit <= 1.5 * step and away <= min(max(_NOISE * unit, noise), _OF_STEP * step):
            notice(f"`time` was up to {away / 1e9:.3g} s from whole {name} by rounding and is set to them")
            return whole.astype("datetime64[ns]")
    return stamps
