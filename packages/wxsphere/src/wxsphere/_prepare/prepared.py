"""A folder of prepared data."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from spinharm import Grid, html
from spinnn.files import FileWarning, check_digests, read_checked_json, well_formed

from .. import _checks
from .._conventions.grids import grid_of
from .._conventions.names import LEVEL, TIME
from .._fields.field_statistics import FIELD_STATISTICS
from .._files.checksums import SEAL
from .._files.netcdf import read_netcdf
from .._files.open import open_dataset
from .periods import check_even, periods_from

FIELDS, STATISTICS_FILE, MANIFEST = "fields.zarr", "statistics.nc", "manifest.json"
FORMAT = 2
"""Of the manifest; 1 had no checksums."""
SEALED = (f"{FIELDS}/{SEAL}", STATISTICS_FILE)
"""Files whose digests the manifest keeps."""


@dataclasses.dataclass(frozen=True)
class Prepared:
    """Prepared data, as `prepare` writes them.

    Attributes:
        path: The folder.
        fields: Variables (time, number?, level?, latitude, longitude) and constants (latitude, longitude), lazy.
        statistics: Dimensions (statistic[, level]), see `field_statistics`; in memory.
        manifest: Source, options, periods, cadence, versions.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import PrepareOptions, grid_dataset, prepare
        >>> times = np.arange("2020-01-01T00", "2020-01-03T00", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> fields = grid_dataset(Grid.gauss_legendre(4)).assign_coords(time=times)
        >>> values = np.random.default_rng(0).normal(280, 5, (8, 4, 8))
        >>> fields["2m_temperature"] = ("time", "latitude", "longitude"), values
        >>> first, second = ("2020-01-01", "2020-01-01"), ("2020-01-02", "2020-01-02")
        >>> data = prepare(fields, "data", PrepareOptions(training=first, validation=second))
        >>> data.variables, data.constants
        (('2m_temperature',), ('cosine_of_longitude', 'sine_of_latitude', 'sine_of_longitude'))
        >>> str(data.grid), data.cadence.astype("timedelta64[h]"), data.calendar
        ('4×8 Gauss-Legendre', np.timedelta64(6,'h'), 'standard')
        >>> data.training_times.size, data.validation_times.size, data.test_times.size, data.times("training").size
        (4, 4, 0, 4)
    """

    path: Path
    fields: xr.Dataset
    statistics: xr.Dataset
    manifest: dict[str, Any]

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the fields with time."""
        return tuple(self.manifest["variables"])

    @property
    def constants(self) -> tuple[str, ...]:
        """Names of the fields without time."""
        return tuple(self.manifest["constants"])

    @property
    def grid(self) -> Grid:
        """The grid of the fields."""
        return Grid(**self.manifest["grid"])

    @property
    def cadence(self) -> np.timedelta64:
        """Spacing of the times, `timedelta64[ns]`."""
        return np.timedelta64(round(self.manifest["cadence_hours"] * 3600e9), "ns")

    @property
    def calendar(self) -> str:
        """The calendar of the source: `"standard"`, or `"noleap"`, whose dates were kept."""
        return str(self.manifest.get("calendar", "standard"))

    def _repr_html_(self) -> str:
        """Table for notebooks."""
        rows: list[tuple[str, object]] = [("grid", self.grid), ("variables", ", ".join(self.variables))]
        rows.append(("cadence", f"{self.cadence / np.timedelta64(1, 'h'):g} h"))
        rows += [(f"times for {split}", int(self.times(split).size)) for split in ("training", "validation", "test")]
        return html.table(f"Prepared data in {self.path}", (), rows)

    @property
    def training_times(self) -> np.ndarray:
        """Times of the training split, `datetime64[ns]`."""
        return self.times("training")

    @property
    def validation_times(self) -> np.ndarray:
        """Times of the validation split, empty if there is none."""
        return self.times("validation")

    @property
    def test_times(self) -> np.ndarray:
        """Times of the test split, empty if there is none."""
        return self.times("test")

    def times(self, period: str) -> np.ndarray:
        """Times of a split by its name, `datetime64[ns]`; empty if there is none.

        Raises:
            ValueError: Another name than `"training"`, `"validation"` or `"test"`.
        """
        _checks.option("period", period, ("training", "validation", "test"))
        periods, stamps = periods_from(self.manifest["options"]["periods"]), self.fields[TIME].values
        return stamps[periods[period].contains(stamps)] if period in periods else stamps[:0]


def open_prepared(path: str | os.PathLike, *, allow_gaps: bool | None = None) -> Prepared:
    """Open a folder that `prepare` has finished.

    Args:
        path: The folder.
        allow_gaps: Accept splits with missing times; default what the folder was prepared with.

    Returns:
        The data; fields are lazy.

    Raises:
        FileNotFoundError: No such folder, or one that `prepare` has not finished.
        ValueError: Files that do not belong together, such as statistics of another set of variables or levels, a
            store that lacks variables or times, or times with gaps; the message names what and where.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import grid_dataset, open_prepared, prepare
        >>> times = np.arange("2020-01-01T00", "2020-01-02T00", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> fields = grid_dataset(Grid.gauss_legendre(4)).assign_coords(time=times)
        >>> values = np.random.default_rng(0).normal(280, 5, (4, 4, 8))
        >>> fields["2m_temperature"] = ("time", "latitude", "longitude"), values
        >>> data = prepare(fields, "data")
        >>> dict(open_prepared("data").fields["2m_temperature"].sizes)
        {'time': 4, 'latitude': 4, 'longitude': 8}
    """
    if allow_gaps is not None:
        _checks.flag("allow_gaps", allow_gaps)
    path = Path(path)
    if not (path / MANIFEST).is_file():
        why = "there is no such folder" if not path.is_dir() else f"it has no {MANIFEST}, so that it is not finished"
        raise FileNotFoundError(f"{path} must be a folder that `wxsphere prepare` has finished, but {why}")
    manifest = _manifest(path)
    for name in (FIELDS, STATISTICS_FILE):
        if not (path / name).exists():
            raise FileNotFoundError(f"{path / name} is missing; prepare the data again")
    with _said_once(path, manifest["format"]):
        fields, statistics = open_dataset(path / FIELDS), read_netcdf(path / STATISTICS_FILE)
    with well_formed(path / MANIFEST, "the manifest"):
        out = Prepared(path, fields, statistics, manifest)
        _check(out, manifest["options"]["allow_gaps"] if allow_gaps is None else allow_gaps)
    return out


def _manifest(path: Path) -> dict[str, Any]:
    """Read the manifest and compare the checksums of its files."""
    manifest, checked = read_checked_json(path / MANIFEST)
    version = manifest.get("format")
    if version not in (1, FORMAT):
        raise ValueError(f"{path / MANIFEST} must have format 1 or {FORMAT}, got {version!r}; prepare the data again")
    if version == 1:
        return manifest
    with well_formed(path / MANIFEST, "the manifest"):
        files = dict(manifest["files"])
        if not checked or set(files) != set(SEALED):
            raise ValueError("its checksums are missing; take another copy of the folder")
    remedy = "take another copy of the folder, or prepare the data again"
    other = f"other prepared data: its checksum is not that in {MANIFEST}; {remedy}"
    check_digests(path, files, lost="; prepare the data again", other=other)
    return manifest


@contextlib.contextmanager
def _said_once(path: Path, version: int) -> Iterator[None]:
    """Warn once for a folder of an earlier version, not for each file."""
    if version == FORMAT:
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FileWarning)
        yield
    told = f"{path}: prepared by an earlier version, without checksums: damage in it cannot be detected"
    warnings.warn(told, FileWarning, stacklevel=4)


def _check(data: Prepared, allow_gaps: bool) -> None:
    names = {*data.variables, *data.constants}
    missing = sorted(names - set(map(str, data.fields.data_vars)))
    if missing:
        raise ValueError(f"{data.path / FIELDS} must have {', '.join(missing)}, which the manifest names")
    if grid_of(data.fields) != data.grid:
        raise ValueError(f"{data.path / FIELDS} must be on the manifest's grid {data.grid}, got {grid_of(data.fields)}")
    if data.fields.sizes[TIME] != data.manifest["times"]:
        raise ValueError(
            f"{data.path / FIELDS} must have the manifest's {data.manifest['times']} times, got "
            f"{data.fields.sizes[TIME]}"
        )
    file = data.path / STATISTICS_FILE
    there = set(map(str, data.statistics.data_vars))
    if there != set(data.variables):
        raise ValueError(
            f"{file} must have the statistics of {', '.join(sorted(data.variables))}, got those of "
            f"{', '.join(sorted(there)) or 'nothing'}; prepare the data again"
        )
    if tuple(data.statistics.get("statistic", xr.DataArray([])).values.tolist()) != FIELD_STATISTICS:
        raise ValueError(f"{file} must have the statistics {', '.join(FIELD_STATISTICS)}")
    for where, dataset in ((data.path / FIELDS, data.fields), (file, data.statistics)):
        levels = dataset[LEVEL].values.astype(float).tolist() if LEVEL in dataset.dims else []
        if levels != data.manifest["levels"]:
            raise ValueError(f"{where} must have the manifest's levels {data.manifest['levels']}, got {levels}")
    if not allow_gaps:
        for period in data.manifest["options"]["periods"]:
            check_even(f"{period}", data.times(period), data.cadence, "`allow_gaps=True` takes them as they are")
