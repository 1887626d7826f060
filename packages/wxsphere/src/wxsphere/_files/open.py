"""Lazy opening of local and remote stores and files."""

from __future__ import annotations

import functools
import itertools
import os
import uuid
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import dask.array as da
import numpy as np
import xarray as xr

from spinharm.failures import first_line, missing
from spinnn.files import FileWarning

from .. import _checks
from .._conventions.canonical import canonical, names_in
from .._conventions.heights import with_heights_as_attributes
from .._conventions.horizontal import with_equal_axes
from .catalogue import CATALOGUE
from .checksums import MARK, check_store, is_guarded
from .grib import open_grib

Library = Literal["fsspec", "obstore"]
AbsentChunks = Literal["refuse", "fill"]

_ENGINES = {b"CDF": "scipy", b"\x89HDF": "h5netcdf", b"GRIB": "cfgrib"}
_METADATA = ("zarr.json", ".zgroup", ".zmetadata")


def open_dataset(
    source: str | os.PathLike | Sequence[str | os.PathLike],
    *,
    variables: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
    chunks: Mapping[str, int] | Literal["auto"] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    library: Library = "fsspec",
    absent_chunks: AbsentChunks = "refuse",
) -> xr.Dataset:
    """Open fields of any archive lazily, in the layout of `canonical`.

    Args:
        source: A short name of `CATALOGUE`; or a path or URL of a zarr store (format 2 or 3), of a NetCDF file (classic
            or 4) or of a GRIB file; or several paths, whose variables or times are combined. Formats are recognised by
            the first bytes, not by the suffix. `gs://` is read anonymously.
        variables: Names of variables in the layout of `canonical`; default all.
        rename: Names in the source to names of the layout, see `canonical`; each must be in at least one file.
        chunks: Chunk sizes of the Dask arrays by dimension of the layout, −1 for one chunk, or `"auto"`; default those
            of the store.
        storage_options: Options of the file system, for URLs; of gcsfs e.g. `{"endpoint_url":
            "http://127.0.0.1:9023"}`, of obstore those of `obstore.store.from_url`.
        library: Library that reads URLs: `"fsspec"` (gcsfs for `gs://`) or `"obstore"`; both need the extra `cloud`.
        absent_chunks: Treatment of missing chunks of a zarr store: `"refuse"` to read those whose fill value is a
            number, or `"fill"` them with it. Fill values that are NaN are read as NaN in any case.

    Returns:
        The dataset in the layout of `canonical`, of Dask arrays.

    Stores that wxsphere wrote have checksums, which are checked: those of metadata and coordinates on opening, those of
    chunks when they are read.

    Raises:
        FileNotFoundError: There is no such file, nor such a name in the catalogue.
        ModuleNotFoundError: An extra is missing (`grib`, `cloud`); the message names it.
        ValueError: The format is unknown, files do not fit together, or a variable is missing.
        OSError: On reading: a chunk is damaged, cut off or missing; the message names file and variable.

    Warns:
        FileWarning: Files have no checksums, so that damage may go unnoticed.

    Examples:
        >>> import numpy as np
        >>> import xarray as xr
        >>> from wxsphere import open_dataset
        >>> axes = {"lat": [-60.0, 0.0, 60.0], "lon": [0.0, 90.0, 180.0, 270.0]}
        >>> xr.Dataset({"t2m": (("lat", "lon"), np.full((3, 4), 280.0))}, axes).to_netcdf("analysis.nc", engine="scipy")
        >>> fields = open_dataset("analysis.nc")
        >>> dict(fields["2m_temperature"].sizes), fields.latitude.values.tolist()
        ({'latitude': 3, 'longitude': 4}, [60.0, 0.0, -60.0])
    """
    _checks.option("library", library, ("fsspec", "obstore"))
    _checks.option("absent_chunks", absent_chunks, ("refuse", "fill"))
    _checks.mapping("storage_options", storage_options)
    _checks.texts("rename", rename)
    _check_chunks(chunks)
    settings = _Settings(dict(storage_options or {}), library, absent_chunks == "fill")
    (dataset,) = _open_each([source], rename or {}, settings)
    if variables is not None:
        dataset = dataset[check_variables("variables", variables, dataset)]
    return dataset if chunks is None else dataset.chunk(chunks)


def _check_chunks(chunks: object) -> None:
    if isinstance(chunks, str):
        _checks.option("chunks", chunks, ("auto",))
        return
    _checks.mapping("chunks", chunks)
    for size in (chunks or {}).values():  # pyright: ignore[reportAttributeAccessIssue]
        if _checks.integer("chunks", size, -1) == 0:
            raise ValueError("`chunks` must be at least 1, or -1 for one chunk, got 0")


def open_each(
    sources: Sequence[str | os.PathLike | Sequence[str | os.PathLike]], *, rename: Mapping[str, str] | None = None
) -> list[xr.Dataset]:
    """Open several datasets with `open_dataset`; each name in `rename` must be in at least one of them.

    Args:
        sources: Sources of `open_dataset`.
        rename: Names in the sources to names of the layout.

    Raises:
        ValueError: See `open_dataset`.
    """
    return _open_each(sources, rename or {}, _Settings({}, "fsspec", False))


def _open_each(
    sources: Sequence[str | os.PathLike | Sequence[str | os.PathLike]], rename: Mapping[str, str], settings: _Settings
) -> list[xr.Dataset]:
    files = [[one] if isinstance(one, str | os.PathLike) else list(one) for one in sources]
    if not all(files):
        raise ValueError("`source` must name at least one file, got an empty sequence")
    opened = [[_open_one(one, settings) for one in parts] for parts in files]
    _say_unguarded([name for names in files for name in names], [one for parts in opened for one in parts])
    _check_renamed(rename, files, opened)
    out = []
    for parts, names in zip(opened, files, strict=True):
        laid = [canonical(one, rename={old: rename[old] for old in rename if old in names_in(one)}) for one in parts]
        out.append(laid[0] if len(laid) == 1 else _combined(laid, names))
    return out


def _check_renamed(
    rename: Mapping[str, str], files: list[list[str | os.PathLike]], opened: list[list[xr.Dataset]]
) -> None:
    """Check that each name in `rename` is in at least one of the files."""
    pairs = zip(itertools.chain(*files), itertools.chain(*opened), strict=True)
    there = {name: names_in(one) for name, one in pairs}
    missing = sorted(set(rename) - set().union(*there.values()))
    if missing:
        listed = "; ".join(f"{os.fspath(name)}: {', '.join(sorted(names))}" for name, names in there.items())
        raise ValueError(f"`rename` names {missing[0]!r}, which no file has; there are {listed}")


def check_variables(name: str, wanted: Sequence[str], dataset: xr.Dataset) -> list[str]:
    """Variables that must be in a dataset, as a list."""
    chosen = _checks.names(name, wanted)
    missing = [one for one in chosen if one not in dataset.data_vars]
    if missing:
        there = ", ".join(sorted(map(str, dataset.data_vars)))
        raise ValueError(f"`{name}` names {', '.join(map(repr, missing))}, but there are only {there}")
    return chosen


class _Settings(NamedTuple):
    """Options for reading stores, see `open_dataset`."""

    options: dict[str, Any]
    library: Library
    fill: bool


def _open_one(source: str | os.PathLike, settings: _Settings) -> xr.Dataset:
    text = os.fspath(source)
    if text in CATALOGUE:
        text = CATALOGUE[text].url
    if "://" in text:
        return _open_zarr(text, settings)
    path = Path(text)
    if path.is_dir():
        if not any((path / name).is_file() for name in _METADATA):
            raise ValueError(f"{path}: a folder without {', '.join(_METADATA)} is not a zarr store")
        return _open_zarr(str(path), settings)
    if not path.is_file():
        raise FileNotFoundError(missing(path, CATALOGUE))
    with path.open("rb") as file:
        head = file.read(4)
    if head == b"PK\x03\x04":
        _check_archive(path)
        return _open_zarr(str(path), settings)
    engine = next((engine for magic, engine in _ENGINES.items() if head.startswith(magic)), None)
    if engine is None:
        raise ValueError(f"{path}: neither NetCDF, GRIB nor a zarr store; its first bytes are {head!r}")
    if engine == "cfgrib":
        return open_grib(path, lambda part: _in_chunks(part, str(path)))
    try:
        with warnings.catch_warnings():
            # xarray warns of attributes of old files that do not matter here.
            warnings.simplefilter("ignore", xr.SerializationWarning)
            found = xr.open_dataset(path, engine=engine, decode_times=False, decode_timedelta=False)
    # What a damaged file raises depends on the library that reads it.
    except Exception as error:
        raise ValueError(f"{path}: {engine} cannot read it: {first_line(error)}") from error
    return _in_chunks(found, str(path))


def _check_archive(path: Path) -> None:
    """Refuse a zip archive that is not a zarr store; the error lists its content."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ValueError(f"{path}: the zip archive cannot be read: {first_line(error)}") from error
    if not set(names) & set(_METADATA):
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise ValueError(
            f"{path}: it is a zip archive of {', '.join(names[:3]) or 'nothing'}{more}; unpack it with "
            f"`unzip {path.name}` and pass the files in it"
        )


def _say_unguarded(sources: Sequence[str | os.PathLike], opened: Sequence[xr.Dataset]) -> None:
    """Give one warning for all files without checksums."""
    names = [os.fspath(one) for one, dataset in zip(sources, opened, strict=True) if not is_guarded(dataset)]
    if names:
        more = f" and {len(names) - 1} more files" if len(names) > 1 else ""
        text = f"{names[0]}{more}: without checksums: damage that can still be decoded reads as other numbers"
        warnings.warn(text, FileWarning, stacklevel=4)


def _open_zarr(url: str, settings: _Settings) -> xr.Dataset:
    # Imported here, as zarr takes long to import.
    from .stores import Chunks, check_coordinates, open_store

    # The files of a store by URL or in an archive are not listed; the codecs compare the checksums of its chunks.
    seal = check_store(Path(url)) if "://" not in url and Path(url).is_dir() else None
    try:
        store = open_store(url, dict(settings.options), settings.library)
        with warnings.catch_warnings():
            # Copies of stores may lack the consolidated metadata; xarray then lists the store.
            warnings.filterwarnings("ignore", "Failed to open Zarr store with consolidated metadata")
            found = xr.open_zarr(store, chunks=None, decode_times=False, decode_timedelta=False)
    # What a damaged file raises depends on the library that reads it.
    except (MemoryError, ImportError):
        raise
    except Exception as error:
        raise ValueError(f"{url}: cannot be read as a zarr store: {first_line(error)}") from error
    check_coordinates(store, found, url)
    found.attrs.pop(MARK, None)

    def checks(name: str) -> _Checks:
        before = None if seal is None else functools.partial(seal.check, name)
        return _Checks(before, Chunks(store, found, name, url, settings.fill).check)

    return _in_chunks(found, url, checks)


class _Checks(NamedTuple):
    """Checks of a part of a variable before and after it is read."""

    before: Callable[[tuple[slice | int, ...]], None] | None = None
    after: Callable[[tuple[slice | int, ...], np.ndarray], None] | None = None


class _Readable:
    """Array that is read on indexing; errors name file and variable."""

    def __init__(self, variable: xr.Variable, name: str, checks: _Checks) -> None:
        self.shape, self.dtype, self.ndim = variable.shape, variable.dtype, variable.ndim
        self._variable, self._name, self._checks = variable, name, checks

    def __getitem__(self, key: tuple[slice | int, ...]) -> np.ndarray:
        if self._checks.before is not None:
            self._checks.before(key)
        try:
            values = self._variable[key].values
        # Each codec has its own exceptions.
        except MemoryError:
            raise
        except Exception as error:
            starts = (part.start or 0 if isinstance(part, slice) else part for part in key)
            at = ", ".join(f"{dim} {start}" for dim, start in zip(self._variable.dims, starts, strict=True))
            raise OSError(
                f"{self._name} cannot be read at {at}; a chunk is damaged or cut off ({first_line(error)}); take "
                f"another copy of the file"
            ) from error
        if self._checks.after is not None:
            self._checks.after(key, values)
        return values


def _in_chunks(
    dataset: xr.Dataset, source: str, checks: Callable[[str], _Checks] = lambda name: _Checks()
) -> xr.Dataset:
    """Convert variables to Dask arrays with the chunks of the file, which are read lazily.

    Args:
        dataset: Dataset as xarray opens it.
        source: Path or URL, for messages.
        checks: Function from the name of a variable to the checks of its values.
    """
    arrays = {}
    for name, variable in dataset.variables.items():
        if name in dataset.indexes or not variable.ndim:
            continue
        stored = variable.encoding.get("preferred_chunks", {})
        sizes = tuple(stored.get(dim, size) for dim, size in variable.sizes.items())
        readable, empty = (
            _Readable(variable, f"{source}: {name}", checks(str(name))),
            np.empty((0,) * variable.ndim, variable.dtype),
        )
        lazy = da.from_array(
            readable,
            chunks=sizes,  # pyright: ignore[reportArgumentType]
            name=f"{name}-{uuid.uuid4().hex}",
            fancy=False,
            meta=empty,
        )
        arrays[name] = xr.Variable(variable.dims, lazy, variable.attrs, variable.encoding)
    return dataset.assign_coords({name: arrays.pop(name) for name in dataset.coords if name in arrays}).assign(arrays)


def _combined(parts: Sequence[xr.Dataset], source: Sequence[str | os.PathLike]) -> xr.Dataset:
    names = [os.fspath(one) for one in source]
    parts = with_heights_as_attributes(parts, names)
    try:
        out: Any = xr.combine_by_coords(
            with_equal_axes(parts, names),
            data_vars="minimal",
            coords="minimal",
            compat="no_conflicts",
            join="exact",
            combine_attrs="drop_conflicts",
        )
        return out
    except (ValueError, TypeError) as error:
        raise ValueError(f"{', '.join(names)}: the files do not fit together: {first_line(error)}") from error
