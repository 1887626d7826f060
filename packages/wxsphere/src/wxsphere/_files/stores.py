"""Zarr stores by path or URL, with a record of the requested chunks that are missing."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from zarr.abc.store import Store
from zarr.storage import FsspecStore, LocalStore, ObjectStore, WrapperStore, ZipStore

from spinharm.optional import require

from .._conventions.names import LATITUDE, LONGITUDE, VARIABLE_ALIASES
from .._notices import notice

# Variables that may be zero in a whole region, so that their writers leave such chunks out.
_OFTEN_ZERO = ("land_sea_mask", "sea_ice_cover", "snow_depth", "total_precipitation", "convective_precipitation")

# What reads each kind of address, in the extra `cloud`; without it `import wxsphere` brings no library of any cloud.
_CLOUD = "wxsphere[cloud]"
_LIBRARIES = {"gs": "gcsfs", "gcs": "gcsfs", "s3": "s3fs", "http": "aiohttp", "https": "aiohttp"}
_METADATA = (".zarray", ".zmetadata", "zarr.json")
_CODEC_FIELDS = ("filters", "compressor", "compressors", "codecs", "serializer")
# These make Python objects of chunks; unpickling runs code in the file.
_OBJECT_CODECS = ("pickle", "json", "json2", "msgpack", "msgpack2")


class WatchedStore(WrapperStore[Store]):
    """Store that records requested keys that are missing, and refuses arrays of Python objects.

    Attributes:
        lacking: The missing keys.
    """

    def __init__(self, store: Store, lacking: set[str] | None = None) -> None:
        """Wrap a store; copies share `lacking`."""
        super().__init__(store)
        self.lacking: set[str] = set() if lacking is None else lacking

    def _with_store(self, store: Store) -> WatchedStore:
        return WatchedStore(store, self.lacking)

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """The bytes of a key, or None, which is recorded."""
        found = await self._store.get(key, prototype, byte_range)
        if found is None:
            self.lacking.add(key)
        elif key.rsplit("/", 1)[-1] in _METADATA:
            refuse_objects(key, found.to_bytes())
        return found

    async def get_partial_values(self, prototype: Any, key_ranges: Iterable[tuple[str, Any]]) -> list[Any]:
        """The bytes of parts of keys, or None for each that is missing, which is recorded."""
        wanted = list(key_ranges)
        found = await self._store.get_partial_values(prototype, wanted)
        self.lacking.update(key for (key, _), part in zip(wanted, found, strict=True) if part is None)
        return found

    def chunks_lacking(self, name: str) -> set[tuple[int, ...]]:
        """Grid positions of the requested chunks of an array that are missing."""
        keys = [key.removeprefix(f"{name}/") for key in list(self.lacking) if key.startswith(f"{name}/")]
        return {tuple(map(int, re.findall(r"\d+", key))) for key in keys if re.fullmatch(r"(c[/.])?\d+([/.]\d+)*", key)}


def refuse_objects(key: str, content: bytes) -> None:
    """Refuse metadata of arrays whose chunks decode to Python objects other than strings.

    Args:
        key: Key of the metadata, for the message.
        content: Metadata as JSON; content that is not JSON is left to zarr.

    Raises:
        ValueError: A filter, compressor or codec makes Python objects, as pickle does.
    """
    try:
        metadata = json.loads(content)
        codec = next(_object_codecs(metadata), None)
    except (ValueError, RecursionError):
        return
    if codec is not None:
        raise ValueError(
            f"{key} must describe arrays of numbers or strings, got Python objects by the codec {codec!r}, which "
            f"could run code, so nothing was read; write the store again without such codecs"
        )


def _object_codecs(metadata: Any, field: str = "") -> Iterator[str]:
    """Names of codecs that make Python objects, in the metadata of one or several arrays."""
    if isinstance(metadata, dict):
        name = str(metadata.get("id", metadata.get("name", ""))).removeprefix("numcodecs.").lower()
        if field in _CODEC_FIELDS and name in _OBJECT_CODECS:
            yield name
        for key, value in metadata.items():
            if key != "attributes" and not key.endswith(".zattrs"):
                yield from _object_codecs(value, key if key in _CODEC_FIELDS else field)
    elif isinstance(metadata, list):
        for value in metadata:
            yield from _object_codecs(value, field)


def open_store(url: str, options: dict[str, Any], library: str) -> WatchedStore:
    """Open the store at a path or URL, read-only.

    Args:
        url: Path of a folder or zip archive, or URL; `gs://` is read anonymously.
        options: Options of the file system, see `open_dataset`.
        library: Library that reads URLs, `"fsspec"` or `"obstore"`.

    Raises:
        ModuleNotFoundError: The library that reads the address is not installed; the message names the extra.
    """
    if "://" not in url:
        return WatchedStore(LocalStore(url, read_only=True) if Path(url).is_dir() else ZipStore(url, mode="r"))
    if library == "obstore":
        require("obstore", _CLOUD, "reading with obstore")
        from obstore.store import from_url

        if url.startswith("gs://"):
            options.setdefault("skip_signature", True)
        return WatchedStore(ObjectStore(from_url(url, **options), read_only=True))
    kind = url.partition("://")[0].lower()
    if kind in _LIBRARIES:
        require(_LIBRARIES[kind], _CLOUD, f"reading {kind}:// addresses")
    if url.startswith("gs://"):
        from gcsfs.core import GCSFileSystem

        # Not the class that fsspec has for `gs://`, which first asks for the type of the bucket, by another protocol
        # and with credentials.
        files = GCSFileSystem(asynchronous=True, **{"token": "anon", **options})
        return WatchedStore(FsspecStore(files, path=url.removeprefix("gs://").rstrip("/"), read_only=True))
    return WatchedStore(FsspecStore.from_url(url, storage_options=options, read_only=True))


def check_coordinates(store: WatchedStore, dataset: xr.Dataset, source: str) -> None:
    """Refuse coordinates of several values whose chunk is missing, so that they would be the fill value throughout.

    Raises:
        ValueError: The message names the coordinate.
    """
    for name in map(str, dataset.indexes):
        shape = _chunk_shape(dataset.variables[name])
        if store.chunks_lacking(name) and shape[0] > 1:
            raise ValueError(
                f"{source}: a chunk of the coordinate {name!r} is missing, so that its values are unknown; copy the "
                f"store again"
            )


class Chunks:
    """Check of the chunks of one variable of a store for missing ones."""

    def __init__(self, store: WatchedStore, dataset: xr.Dataset, name: str, source: str, fill: bool) -> None:
        """Prepare the check of a variable.

        Args:
            store: The store.
            dataset: The dataset as xarray opened it.
            name: Name of the variable.
            source: Path or URL, for messages.
            fill: Take the fill value for missing chunks instead of refusing them.
        """
        variable = dataset.variables[name]
        self._store, self._name, self._source, self._fill = store, name, source, fill
        self._dims, self._sizes = variable.dims, variable.shape
        self._shape = _chunk_shape(variable)
        first = str(variable.dims[0]) if variable.dims else ""
        self._first = dataset.variables[first] if first in dataset.indexes else None

    def check(self, key: tuple[slice | int, ...], values: np.ndarray) -> None:
        """Refuse values of a missing chunk that are read as a number; NaN is left to other checks.

        Args:
            key: The part that was read, inside one chunk.
            values: The values.

        Raises:
            OSError: A chunk is missing; the message names store, variable, number of missing chunks and position.
        """
        if self._fill or not values.size:
            return
        starts = [part.start or 0 if isinstance(part, slice) else part for part in key]
        at = tuple(start // size for start, size in zip(starts, self._shape, strict=True))
        if at not in self._store.chunks_lacking(self._name):
            return
        value = values.reshape(-1)[0]
        if values.dtype.kind in "fc" and np.isnan(value):
            return
        text = f"{self._described(at)}, and would be read as {value:g}"
        kind = VARIABLE_ALIASES.get(self._name.lower(), self._name)
        if kind.startswith(_OFTEN_ZERO) and value == 0 and not self._is_global():
            notice(f"{text}, which is possible there")
            return
        raise OSError(
            f"{text}; copy the store again, or, if all values are {value:g} there, write it anew by xarray with "
            f"`to_zarr(…, write_empty_chunks=True)`"
        )

    def _described(self, at: tuple[int, ...]) -> str:
        array = zarr.open_group(self._store, mode="r")[self._name]
        where = ", ".join(
            f"{dim} {self._label(axis, index * size)}"
            for axis, (dim, index, size) in enumerate(zip(self._dims, at, self._shape, strict=True))
            if axis == 0 or size < self._sizes[axis]
        )
        count = ""
        if isinstance(array, zarr.Array):
            count = f" ({array.nchunks - array.nchunks_initialized} of {array.nchunks} are missing)"
        return f"{self._source}: {self._name} lacks the chunk from {where} on{count}"

    def _label(self, axis: int, index: int) -> str:
        if axis or self._first is None:
            return str(index)
        name = str(self._dims[0])
        try:
            decoded = xr.decode_cf(xr.Dataset(coords={name: self._first[index : index + 1]}), decode_timedelta=False)
        except (ValueError, OverflowError):
            return str(index)
        return str(decoded[name].values[0]).removesuffix(".000000000")

    def _is_global(self) -> bool:
        """Whether a chunk covers whole maps: latitude and longitude, or the last two dimensions."""
        horizontal = [
            axis for axis, dim in enumerate(self._dims) if str(dim).lower() in (LATITUDE, LONGITUDE, "lat", "lon")
        ]
        return all(self._shape[axis] >= self._sizes[axis] for axis in horizontal or (-2, -1)[-len(self._sizes) :])


def _chunk_shape(variable: xr.Variable) -> tuple[int, ...]:
    """Shape of the shards of a variable, or of its chunks."""
    encoding = variable.encoding
    shape = encoding.get("shards") or encoding.get("chunks") or variable.shape
    return tuple(max(1, math.ceil(size)) for size in shape)
