"""Opening stores and files, local and remote, lazily."""

from __future__ import annotations

import os
import uuid
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import dask.array as da
import numpy as np
import xarray as xr

from spinharm.optional import require

from ._catalogue import CATALOGUE
from ._layout import canonical

Library = Literal["fsspec", "obstore"]

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
) -> xr.Dataset:
    """Open fields of any archive in one layout, without reading them.

    Args:
        source: A short name of `CATALOGUE`; or a path or URL of a zarr store (format 2 or 3), NetCDF file (classic or
            4) or GRIB file; or several paths, whose variables or times are combined. Files are told by their first
            bytes, not by their suffix. `gs://` is read anonymously.
        variables: Names in the canonical layout to keep; default all.
        rename: Names in the source to names of the layout, see `canonical`.
        chunks: Chunks of the Dask arrays by canonical dimension, −1 for one chunk, or `"auto"`; default those of the
            store.
        storage_options: For URLs: options of the file system; of gcsfs e.g. `{"endpoint_url":
            "http://127.0.0.1:9023"}`, of obstore those of `obstore.store.from_url`.
        library: What reads URLs: `"fsspec"` (gcsfs for `gs://`) or `"obstore"` (extra `obstore`).

    Returns:
        The dataset in the layout of `canonical`, of Dask arrays.

    Raises:
        FileNotFoundError: No such file, and no such name in the catalogue.
        ModuleNotFoundError: An extra is missing (`grib`, `obstore`); the message names it.
        ValueError: A file of no known format, files that do not fit together, or a variable that is not there.
        OSError: Later, where a chunk that is damaged or cut off is read; the message names file and variable.
    """
    if library not in ("fsspec", "obstore"):
        raise ValueError(f"`library` must be 'fsspec' or 'obstore', got {library!r}")
    if isinstance(source, str | os.PathLike):
        dataset = canonical(_open_one(source, storage_options, library), rename=rename)
    else:
        if not source:
            raise ValueError("`source` must name at least one file, got an empty sequence")
        parts = [canonical(_open_one(one, storage_options, library), rename=rename) for one in source]
        dataset = _combined(parts, source)
    if variables is not None:
        dataset = dataset[check_variables("variables", variables, dataset)]
    return dataset if chunks is None else dataset.chunk(chunks)


def check_variables(name: str, wanted: Sequence[str], dataset: xr.Dataset) -> list[str]:
    """Variables that must be in a dataset, as a list."""
    if isinstance(wanted, str):
        raise TypeError(f"`{name}` must be a sequence of names, got {wanted!r}; write ({wanted!r},)")
    missing = [one for one in wanted if one not in dataset.data_vars]
    if missing:
        there = ", ".join(sorted(map(str, dataset.data_vars)))
        raise ValueError(f"`{name}` names {', '.join(map(repr, missing))}, but there are only {there}")
    return list(wanted)


def _open_one(source: str | os.PathLike, storage_options: Mapping[str, Any] | None, library: Library) -> xr.Dataset:
    text = os.fspath(source)
    if text in CATALOGUE:
        text = CATALOGUE[text].url
    options = dict(storage_options or {})
    if "://" in text:
        return _open_zarr(text, options, library)
    path = Path(text)
    if path.is_dir():
        if not any((path / name).is_file() for name in _METADATA):
            raise ValueError(f"{path}: a folder without {', '.join(_METADATA)} is no zarr store")
        return _open_zarr(str(path), {}, "fsspec")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file, and no such name in the catalogue: {', '.join(CATALOGUE)}")
    with path.open("rb") as file:
        head = file.read(4)
    engine = next((engine for magic, engine in _ENGINES.items() if head.startswith(magic)), None)
    if engine is None:
        raise ValueError(f"{path}: neither NetCDF, GRIB nor a zarr store; its first bytes are {head!r}")
    settings: dict[str, Any] = {}
    if engine == "cfgrib":
        require("cfgrib", "wxsphere[grib]", "reading GRIB")
        # Without an index file nothing is written beside the data.
        settings["backend_kwargs"] = {"indexpath": ""}
    try:
        with warnings.catch_warnings():
            # Files of older writers say what xarray may ignore.
            warnings.simplefilter("ignore", xr.SerializationWarning)
            found = xr.open_dataset(path, engine=engine, decode_times=False, decode_timedelta=False, **settings)
    except (OSError, KeyError, ValueError, TypeError, EOFError) as error:
        raise ValueError(f"{path}: {engine} cannot read it: {_first_line(error)}") from error
    return _in_chunks(found, str(path))


def _open_zarr(url: str, options: dict[str, Any], library: Library) -> xr.Dataset:
    store: Any = url
    settings: dict[str, Any] = {}
    if library == "obstore" and "://" in url:
        require("obstore", "wxsphere[obstore]", "reading with obstore")
        from obstore.store import from_url
        from zarr.storage import ObjectStore

        if url.startswith("gs://"):
            options.setdefault("skip_signature", True)
        store = ObjectStore(from_url(url, **options), read_only=True)
    elif url.startswith("gs://"):
        from gcsfs.core import GCSFileSystem
        from zarr.storage import FsspecStore

        # The class itself, not the one that fsspec knows by `gs://`: that one first asks, by another protocol and with
        # credentials, what kind of bucket this is.
        files = GCSFileSystem(asynchronous=True, **{"token": "anon", **options})
        store = FsspecStore(files, path=url.removeprefix("gs://").rstrip("/"), read_only=True)
    elif "://" in url:
        settings["storage_options"] = options
    try:
        with warnings.catch_warnings():
            # Copies of stores may lack the consolidated metadata; xarray then lists the store.
            warnings.filterwarnings("ignore", "Failed to open Zarr store with consolidated metadata")
            found = xr.open_zarr(store, chunks=None, decode_times=False, decode_timedelta=False, **settings)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise ValueError(f"{url}: cannot be read as a zarr store: {_first_line(error)}") from error
    return _in_chunks(found, url)


class _Readable:
    """An array that is read when it is indexed; what cannot be read is told with file and variable."""

    def __init__(self, variable: xr.Variable, name: str) -> None:
        self.shape, self.dtype, self.ndim = variable.shape, variable.dtype, variable.ndim
        self._variable, self._name = variable, name

    def __getitem__(self, key: tuple[slice | int, ...]) -> np.ndarray:
        try:
            return self._variable[key].values
        # Each codec has its own.
        except (OSError, RuntimeError, ValueError) as error:
            starts = (part.start or 0 if isinstance(part, slice) else part for part in key)
            at = ", ".join(f"{dim} {start}" for dim, start in zip(self._variable.dims, starts, strict=True))
            raise OSError(
                f"{self._name} cannot be read at {at}; a chunk is damaged or cut off ({_first_line(error)})"
            ) from error


def _in_chunks(dataset: xr.Dataset, source: str) -> xr.Dataset:
    """A dataset that is read lazily, as Dask arrays with the chunks of the file."""
    arrays = {}
    for name, variable in dataset.variables.items():
        if name in dataset.indexes or not variable.ndim:
            continue
        stored = variable.encoding.get("preferred_chunks", {})
        sizes = tuple(stored.get(dim, size) for dim, size in variable.sizes.items())
        readable, empty = _Readable(variable, f"{source}: {name}"), np.empty((0,) * variable.ndim, variable.dtype)
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
    try:
        out: Any = xr.combine_by_coords(
            parts,
            data_vars="minimal",
            coords="minimal",
            compat="no_conflicts",
            join="exact",
            combine_attrs="drop_conflicts",
        )
        return out
    except (ValueError, TypeError) as error:
        names = ", ".join(os.fspath(one) for one in source)
        raise ValueError(f"{names}: these do not fit together: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]
