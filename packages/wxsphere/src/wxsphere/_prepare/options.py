"""Options of `prepare`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np

from spinharm import Grid

from .. import _checks
from .._conventions.canonical import canonical
from .._conventions.grids import grid_dataset, grid_of
from .._files.open import Library
from .periods import Period
from .regrid import METHODS, Method

SPLITS = ("training", "validation", "test")


@dataclasses.dataclass(frozen=True)
class PrepareOptions:
    """What `prepare` takes from a source, and the grid that it brings it to.

    Sequences are kept as tuples, so that options can be compared.

    Attributes:
        variables: Names, at least one; default all fields with time, latitude and longitude.
            `total_precipitation_<n>hr` is summed from `total_precipitation`, which the source accumulates over its
            step, or from a shorter `total_precipitation_<k>hr`; the n hours end at the time.
        levels: Pressure levels [hPa], above 0; default all.
        members: Values of `number` of an ensemble; default all.
        training: First and last time of the training split, ISO dates or times, both included to the precision that
            they are written with: `("1979", "2016")` ends with 2016. Default all times.
        validation: The same of the validation split; default none. Splits may not overlap.
        test: The same of the test split; default none.
        cadence_hours: Time between two states [h], above 1e-4, a multiple of the source's; counted from the first time
            of the first split. Default that of the source, or 24 with `daily_mean`.
        daily_mean: Average the times of each day from 0 UTC, which becomes the day's time. Days that are cut at either
            end are left out.
        grid: Target grid, turned to run from north to south and from the first meridian; default that of the source.
        method: Regridding method, `"spectral"` or `"conservative"`, see `regrid`.
        bandlimit: L of the spectral method, degrees 0 … L−1, at least 2, see `regrid`; with it a field is truncated on
            its own grid too. Default the most that both grids resolve.
        chunk: Times in a chunk of the store, at least 1.
        check: Refuse sources whose first time has errors that `check_dataset` finds, such as units that are wrong by
            9.81, or that have impossible values at any time.
        allow_gaps: Accept splits with missing times; windows over a gap are left to the reader.
        rename: Names in the source to those of WeatherBench 2, see `open_dataset`.
        storage_options: Settings of remote stores, see `open_dataset`; not recorded, and not shown by `repr`.
        library: Library that reads remote stores, `"fsspec"` or `"obstore"`, see `open_dataset`.
        scheduler: `"threads"`, the default, `"synchronous"`, or the address of a Dask scheduler, which needs the
            library distributed.
        memory_gib: Memory for a block of times [GiB], 0 or more, approximately; at least one chunk of one variable is
            read at once.

    Raises:
        TypeError: A value of another type.
        ValueError: A number out of range, an unknown choice, a split that is not two dates in order, or splits that
            overlap.

    Examples:
        >>> import dataclasses
        >>> from wxsphere import PrepareOptions
        >>> options = PrepareOptions(levels=[500.0, 850.0], training=("1979", "2016"), validation=("2017", "2017"))
        >>> options.levels, options.training
        ((500.0, 850.0), ('1979', '2016'))
        >>> dataclasses.replace(options, daily_mean=True).validation
        ('2017', '2017')
        >>> dataclasses.replace(options, test=("2017-06", "2018"))
        Traceback (most recent call last):
            ...
        ValueError: `validation` and `test` must not overlap, got 2017 … 2017 and 2017-06 … 2018
    """

    variables: Sequence[str] | None = None
    levels: Sequence[float] | None = None
    members: Sequence[int] | None = None
    training: Sequence[str] | None = None
    validation: Sequence[str] | None = None
    test: Sequence[str] | None = None
    cadence_hours: float | None = None
    daily_mean: bool = False
    grid: Grid | None = None
    method: Method = "spectral"
    bandlimit: int | None = None
    chunk: int = 8
    check: bool = True
    allow_gaps: bool = False
    rename: Mapping[str, str] | None = None
    storage_options: Mapping[str, Any] | None = dataclasses.field(default=None, repr=False)
    library: Library = "fsspec"
    scheduler: str | None = None
    memory_gib: float = 1.0

    def __post_init__(self) -> None:
        _checks.integer("chunk", self.chunk, 1)
        _checks.memory_bytes("memory_gib", self.memory_gib)
        _checks.option("method", self.method, METHODS)
        _checks.option("library", self.library, get_args(Library))
        for name in ("daily_mean", "check", "allow_gaps"):
            _checks.flag(name, getattr(self, name))
        _checks.texts("rename", self.rename)
        _checks.mapping("storage_options", self.storage_options)
        if self.bandlimit is not None:
            _checks.integer("bandlimit", self.bandlimit, 2)
        if self.cadence_hours is not None:
            _checks.number("cadence_hours", self.cadence_hours, above=1e-4, below=_checks.MOST_HOURS)
        if self.scheduler is not None:
            _check_scheduler(self.scheduler)
        for name, value in {**_python_numbers(self), **_tuples(self)}.items():
            object.__setattr__(self, name, value)
        if self.grid is not None:
            _checks.grid("grid", self.grid)
            # As the store will be read: from north to south, from the first meridian.
            object.__setattr__(self, "grid", grid_of(canonical(grid_dataset(self.grid))))


def periods_of(options: PrepareOptions) -> dict[str, Period]:
    """The splits that are given, by name; training is all times if it is not given.

    Raises:
        TypeError: A split that is not a sequence.
        ValueError: See `Period.of`.
    """
    return Period.of(**{name: getattr(options, name) for name in SPLITS})


def _check_scheduler(value: object) -> None:
    _checks.instance("scheduler", value, str, "a text or None")
    if value not in ("threads", "synchronous") and ":" not in str(value):
        raise ValueError(f"`scheduler` must be 'threads', 'synchronous' or an address, got {value!r}")


def _python_numbers(options: PrepareOptions) -> dict[str, Any]:
    """Scalars of NumPy as Python's, which JSON can hold."""
    given = {field.name: getattr(options, field.name) for field in dataclasses.fields(options)}
    return {name: value.item() for name, value in given.items() if isinstance(value, np.generic)}


def _tuples(options: PrepareOptions) -> dict[str, tuple[Any, ...]]:
    """The sequences that are given, by name, checked."""
    out: dict[str, tuple[Any, ...]] = {}
    if options.variables is not None:
        out["variables"] = tuple(dict.fromkeys(_checks.names("variables", options.variables)))
        if not out["variables"]:
            raise ValueError("`variables` must name at least one, got none")
    if options.levels is not None:
        out["levels"] = _checks.numbers("levels", options.levels, above=0.0)
    if options.members is not None:
        out["members"] = _checks.integers("members", options.members)
    given = {name: period for name, period in periods_of(options).items() if getattr(options, name) is not None}
    return out | {name: tuple(period) for name, period in given.items()}
