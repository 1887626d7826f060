"""Checksums of zarr stores: one in every chunk, and a list of all of them, by which damaged files are found."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from spinharm.failures import is_full
from spinnn.files import file_digest, read_checked_json, read_json, replacing, well_formed, write_checked_json

from .._conventions.names import LATITUDE

# In the folder of an array, as zarr warns of unknown files in the folder of a group.
SEAL = f"{LATITUDE}/checksums.json"
"""File of a store with the checksums of its metadata files and of its chunks."""
MARK = "checksums"
"""Attribute of a store that has such a file."""
_METADATA = "zarr.json"
_TRAILER = 4


def create_store(template: xr.Dataset, folder: Path, encoding: Mapping[str, Mapping[str, Any]] | None = None) -> None:
    """Create a store, with coordinates and arrays in memory written; of Dask arrays, only metadata are written.

    Every chunk ends with a CRC-32C. All chunks are written, also those of fill values, so that a lost one is detected.

    Args:
        template: Dataset with the variables that the store will hold.
        folder: Folder of the store; its content is replaced.
        encoding: Further encoding by variable, as `xarray.Dataset.to_zarr` takes it.

    Raises:
        OSError: The disk is full; the error names the folder.
    """
    from zarr.codecs import Crc32cCodec, ZstdCodec

    given = encoding or {}
    settings = {
        str(name): {"compressors": [ZstdCodec(), Crc32cCodec()], **given.get(str(name), {})}
        for name in template.variables
    }
    with _named(folder):
        template.to_zarr(
            folder,
            mode="w",
            compute=False,
            zarr_format=3,
            consolidated=False,
            encoding=settings,
            write_empty_chunks=True,
        )
    _mark(folder)
    _write_seal(folder, None)


def write_part(fields: xr.Dataset, folder: Path, region: Mapping[str, slice]) -> None:
    """Write values to a region of a store that `create_store` made.

    Raises:
        OSError: The disk is full; the error names the folder.
    """
    with _named(folder), warnings.catch_warnings():
        # Of what the store holds already: older versions of xarray look at its units, to no effect.
        warnings.filterwarnings("ignore", "In a future version, xarray will not decode", FutureWarning)
        fields.to_zarr(folder, region=dict(region), consolidated=False, zarr_format=3, write_empty_chunks=True)


@contextlib.contextmanager
def _named(folder: Path) -> Iterator[None]:
    """Add the name of the store to errors of a full disk, which zarr raises without any."""
    try:
        yield
    except OSError as error:
        if is_full(error) and error.filename is None:
            raise OSError(error.errno, error.strerror, str(folder)) from error
        raise


def seal_store(folder: Path) -> None:
    """Write the list of checksums of all chunks of a complete store.

    Raises:
        ValueError: A chunk was not written, or a metadata file has changed since `create_store`.
        OSError: The disk is full; the error names the file.
    """
    check_store(folder)
    chunks = {}
    for name in _variables(folder):
        found = []
        for index in _indices(*_shapes(folder, name)):
            trailer = _trailer(folder, name, index)
            if trailer is None:
                raise ValueError(f"{folder}: chunk {_key(index)} of {name} was not written; create the store again")
            found.append(trailer)
        chunks[name] = "".join(found)
    _write_seal(folder, chunks)


class _Listed(NamedTuple):
    """Checksums of all chunks of a variable, 8 hexadecimal digits each, and the shapes of variable and chunks."""

    checksums: str
    shape: tuple[int, ...]
    sizes: tuple[int, ...]


class Seal:
    """The list of checksums of a store."""

    def __init__(self, folder: Path, chunks: Mapping[str, _Listed]) -> None:
        """Keep the list of a store."""
        self._folder, self._chunks = folder, chunks

    def check(self, name: str, key: tuple[slice | int, ...]) -> None:
        """Check the checksums of the chunks that hold a part of a variable, without reading values.

        Args:
            name: Name of the variable.
            key: The part: integers and slices of positive step.

        Raises:
            OSError: A chunk is missing, or is not the one that was written.
        """
        if name not in self._chunks:
            return
        checksums, shape, sizes = self._chunks[name]
        counts = _counts(shape, sizes)
        ranges = [range(*_span(part, length, size)) for part, length, size in zip(key, shape, sizes, strict=True)]
        for index in itertools.product(*ranges):
            at = 2 * _TRAILER * int(np.ravel_multi_index(index, counts)) if index else 0
            wanted, found = checksums[at : at + 2 * _TRAILER], _trailer(self._folder, name, index)
            if found != wanted:
                how = "is missing" if found is None else "is damaged, cut off or not the one that was written"
                raise OSError(
                    f"{self._folder}: chunk {_key(index)} of {name} {how}; take another copy of the store, or "
                    f"create it again"
                )


def check_store(folder: Path) -> Seal | None:
    """Check the metadata files and the coordinates of a store against its list of checksums.

    Args:
        folder: Folder of the store.

    Returns:
        The list, to check chunks as they are read; None for a store of an earlier version or of another program.

    Raises:
        ValueError: A metadata file is missing or is not the one that was written, or the list is missing.
        OSError: A chunk of a coordinate is missing or is not the one that was written.
    """
    if not (folder / SEAL).is_file():
        if (folder / _METADATA).is_file() and _marked(folder) == _metadata_digest(folder):
            raise ValueError(
                f"{folder / SEAL} is missing, but the store was written with it; copy the whole folder, or, if another "
                f"program wrote this copy, remove the attribute `{MARK}` from its {_METADATA}"
            )
        return None
    values, _ = read_checked_json(folder / SEAL)
    with well_formed(folder / SEAL, "the list of files"):
        metadata, chunks = dict(values["metadata"]), dict(values["chunks"] or {})
    for name, digest in metadata.items():
        path = folder / name
        if not path.is_file():
            raise ValueError(f"{path} is missing, but {SEAL} lists it; take another copy of the store")
        if file_digest(path) != digest:
            raise ValueError(
                f"{path} is damaged or belongs to another store: its checksum is not that in {SEAL}; take another "
                f"copy of the store"
            )
    with well_formed(folder / SEAL, "the list of files"):
        listed = {name: _Listed(checksums, *_shapes(folder, name)) for name, checksums in chunks.items()}
        for name, (checksums, shape, sizes) in listed.items():
            if len(checksums) != 2 * _TRAILER * int(np.prod(_counts(shape, sizes))):
                raise ValueError(f"the number of chunks of {name} is not that in its {_METADATA}")
    seal = Seal(folder, listed)
    for name, (_, shape, _) in listed.items():
        if len(shape) < 2:
            seal.check(name, tuple(slice(0, length) for length in shape))
    return seal


def is_guarded(dataset: xr.Dataset) -> bool:
    """Whether all variables of an open store or file have checksums in their chunks."""
    return all(_has_checksum(variable) for variable in dataset.variables.values() if variable.ndim)


def _has_checksum(variable: xr.Variable) -> bool:
    codecs = [*(variable.encoding.get("compressors") or ()), *(variable.encoding.get("filters") or ())]
    named = {str(getattr(codec, "codec_id", type(codec).__name__)).lower() for codec in codecs}
    return bool(variable.encoding.get("fletcher32")) or any("crc32" in one or "fletcher32" in one for one in named)


def _write_seal(folder: Path, chunks: Mapping[str, str] | None) -> None:
    names = [_METADATA, *(f"{name}/{_METADATA}" for name in _variables(folder))]
    metadata = {name: file_digest(folder / name) for name in names}
    write_checked_json(folder / SEAL, {"format": 1, "metadata": metadata, "chunks": chunks})


def _mark(folder: Path) -> None:
    path = folder / _METADATA
    values = read_json(path)
    values["attributes"] = {**values.get("attributes", {}), MARK: _metadata_digest(folder)}
    with replacing(path) as file:
        json.dump(values, file, indent=2)


def _marked(folder: Path) -> str | None:
    try:
        return read_json(folder / _METADATA).get("attributes", {}).get(MARK)
    except (ValueError, AttributeError):
        return None


def _metadata_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in _variables(folder):
        digest.update(f"{name} {file_digest(folder / name / _METADATA)}\n".encode())
    return digest.hexdigest()


def _variables(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob(f"*/{_METADATA}"))


def _shapes(folder: Path, name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shape of a variable and of its chunks."""
    values = read_json(folder / name / _METADATA)
    return tuple(values["shape"]), tuple(values["chunk_grid"]["configuration"]["chunk_shape"])


def _counts(shape: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(-(-length // size) for length, size in zip(shape, sizes, strict=True))


def _indices(shape: tuple[int, ...], sizes: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return itertools.product(*map(range, _counts(shape, sizes)))


def _span(part: slice | int, length: int, size: int) -> tuple[int, int]:
    """First chunk of a range of a dimension, and the one after its last."""
    begin, stop = (part, part + 1) if not isinstance(part, slice) else part.indices(length)[:2]
    return begin // size, -(-stop // size) if stop > begin else begin // size


def _key(index: tuple[int, ...]) -> str:
    return "/".join(["c", *map(str, index)])


def _trailer(folder: Path, name: str, index: tuple[int, ...]) -> str | None:
    """The checksum at the end of a chunk, 8 hexadecimal digits; None if the file does not exist."""
    try:
        with (folder / name / _key(index)).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TRAILER))
            return file.read(_TRAILER).hex().ljust(2 * _TRAILER, "-")
    except (FileNotFoundError, NotADirectoryError):
        return None
