"""Audit of a dataset for errors that would spoil training or scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr

from .. import _checks
from .._conventions.grids import grid_of
from .._conventions.names import CONSTANTS, LATITUDE, LEAD, LEVEL, LONGITUDE, TIME
from .._fields.field_statistics import Moments, deviation, merged, moments
from .._fields.weights import area_weights
from .._files.open import check_variables
from .findings import Finding as Finding
from .layout import layout_errors, time_findings
from .poles import pole_warnings
from .values import RANGES, constant_text, impossible_text, missing_text, running_sum_text

_BLOCK_BYTES = 2**27
_HOUR = np.timedelta64(3600 * 10**9, "ns")


def check_dataset(dataset: xr.Dataset, variables: Sequence[str] | None = None) -> list[Finding]:
    """Audit a dataset: coordinates, gaps in time, missing values by variable and year, units by range, poles.

    What `prepare` refuses is an error here, with the same message. Every field is read once, in blocks of times. The
    audit finds unknown grids; times that are not sorted, repeat or have gaps; levels that do not ascend; dimensions
    without a coordinate, and those that fields may not have; a wind with one component only; missing chunks of a zarr
    store and missing values; physically impossible values, with the factor (9.81, 100, 1000) or offset (273.15) that
    explains them; fields that are constant in space or time; precipitation accumulated since a reset; rows on the poles
    where scalars are not constant or winds are not one vector.

    Args:
        dataset: Dataset in the layout of `canonical`. Missing chunks are found if `open_dataset` opened it.
        variables: Names of variables; default all fields with latitude and longitude.

    Returns:
        Findings, errors first; never empty, since notes describe the grid and the times.

    Raises:
        ValueError: The dataset lacks a variable.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import check_dataset, grid_dataset
        >>> fields = grid_dataset(Grid.equiangular(4, 8, poles=False))
        >>> fields["2m_temperature"] = ("latitude", "longitude"), np.linspace(5, 25, 32).reshape(4, 8)
        >>> for finding in check_dataset(fields):
        ...     print(finding)
        error: 2m_temperature: 5 … 25 where 170 … 340 K is possible; it is in °C: add 273.15
        note: grid: 4×8 equiangular without poles, resolves 4 degrees
        note: 2m_temperature: 5 … 25 K
    """
    _checks.dataset("dataset", dataset)
    if variables is None:
        fields = dataset.data_vars.items()
        variables = sorted(str(name) for name, field in fields if {LATITUDE, LONGITUDE} <= set(field.dims))
    names = check_variables("variables", variables, dataset)
    found = [*layout_errors(dataset, names), *time_findings(dataset)]
    try:
        grid = grid_of(dataset)
    except ValueError as error:
        return _sorted([*found, Finding("error", "grid", str(error))])
    found.append(Finding("note", "grid", f"{grid}, resolves {grid.max_bandlimit} degrees"))
    readable = []
    for name in names:
        try:
            found += _Reading(dataset[name]).findings()
            readable.append(name)
        except OSError as error:
            found.append(Finding("error", name, str(error)))
    return _sorted([*found, *pole_warnings(dataset, readable, grid)])


def _sorted(found: list[Finding]) -> list[Finding]:
    return sorted(found, key=lambda one: ("error", "warning", "note").index(one.severity))


class _Reading:
    """Audit of one field, read once in blocks of its first dimension."""

    def __init__(self, field: xr.DataArray) -> None:
        """Prepare the audit of a field; nothing is read."""
        ends = [dim for dim in (LEVEL, LATITUDE, LONGITUDE) if dim in field.dims]
        front = [TIME] if TIME in field.dims else []
        self.field = field.transpose(*front, ..., *ends)
        self.name = str(field.name)
        self.weights = area_weights(field[LATITUDE].values)
        self.lacking = np.zeros(field.sizes.get(TIME, 1))
        self.low, self.high = np.inf, -np.inf
        self.missing: str | None = None
        self.impossible: str | None = None
        self.values: list[Moments] = []
        self.changes: list[Moments] = []

    def findings(self) -> Iterator[Finding]:
        """Read the field and yield its findings."""
        last: np.ndarray | None = None
        for begin, part in self._blocks():
            values = np.asarray(part.values, np.float64)
            self._look(part, values, begin)
            if TIME in part.dims and self.missing is None:
                by_level = LEVEL in part.dims
                joined = values if last is None else np.concatenate([last, values])
                self.values.append(moments(values, self.weights, by_level))
                self.changes.append(moments(np.diff(joined, axis=0), self.weights, by_level))
                last = values[-1:]
        yield from self._census()
        for text in (self.impossible, running_sum_text(self.field) or self._constant()):
            if text is not None:
                yield Finding("error", self.name, text)
        yield from self._described()

    def _blocks(self) -> Iterator[tuple[int, xr.DataArray]]:
        if TIME not in self.field.dims:
            yield 0, self.field.load()
            return
        step = max(1, _BLOCK_BYTES // max(1, 8 * int(np.prod(self.field.shape[1:]))))
        for begin in range(0, self.field.sizes[TIME], step):
            yield begin, self.field.isel({TIME: slice(begin, begin + step)}).compute()

    def _look(self, part: xr.DataArray, values: np.ndarray, begin: int) -> None:
        there = np.isfinite(values)
        if there.any():
            self.low, self.high = min(self.low, values[there].min()), max(self.high, values[there].max())
        if not there.all():
            share = 1 - there.reshape(there.shape[0], -1).mean(1) if TIME in part.dims else 1 - there.mean()
            self.lacking[begin : begin + np.size(share)] = share
            self.missing = self.missing or missing_text(part)
        self.impossible = self.impossible or impossible_text(part)

    def _census(self) -> Iterator[Finding]:
        """Findings about missing values: the first one, and the count by year."""
        if self.missing is None:
            return
        timed = TIME in self.field.dims
        yield Finding("error" if timed or self.lacking.min() == 1 else "warning", self.name, self.missing)
        if timed:
            years, some = self.field[TIME].dt.year.values, self.lacking > 0
            by_year = ", ".join(f"{np.count_nonzero(some[years == one])} in {one}" for one in np.unique(years[some]))
            share, count = 100 * self.lacking.mean(), np.count_nonzero(some)
            text = f"{share:.3g} % of all values are missing, at {count} of {some.size} times: {by_year}"
            yield Finding("note", self.name, f"{text}; `wxsphere evaluate --skipna` leaves them out")

    def _constant(self) -> str | None:
        """Description of a field that is constant, or None; only of fields with time and without lead times."""
        if not self.values or self.missing or self.name in CONSTANTS or LEAD in self.field.dims:
            return None
        values, changes = merged(self.values), merged(self.changes)
        levels = self.field[LEVEL].values if LEVEL in self.field.coords else None
        return constant_text(values.mean, deviation(values), deviation(changes), levels)

    def _described(self) -> Iterator[Finding]:
        if not np.isfinite(self.low):
            return
        unit = RANGES[self.name][0] if self.name in RANGES else self.field.attrs.get("units", "")
        yield Finding("note", self.name, f"{self.low:g} … {self.high:g} {unit}".rstrip())
        times = self.field[TIME].values if TIME in self.field.coords else np.zeros(0, "datetime64[ns]")
        if self.name == "total_precipitation" and times.size > 1 and np.diff(times).min() > _HOUR:
            step = np.diff(times).min() / _HOUR
            text = (
                f"its times are {step:g} h apart: it may be accumulated over 1 h or since a reset, so `prepare` does "
                f"not sum it; name the accumulation with --rename, e.g. total_precipitation_6hr"
            )
            yield Finding("warning", self.name, text)
