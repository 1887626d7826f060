"""Selective reading of .npz files: headers first, then only the arrays asked for."""

from __future__ import annotations

import contextlib
import lzma
import math
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from spinharm.failures import first_line

_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class Header(NamedTuple):
    """Shape and type of an array, from its header."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_arrays(path: str | Path, choose: Callable[[dict[str, Header]], Iterable[str]]) -> dict[str, np.ndarray]:
    """Read some arrays of an .npz. Nothing is unpickled.

    Args:
        path: The file.
        choose: Function from the headers of all arrays, by name, to the names of those to read; may raise.

    Returns:
        The arrays chosen, by name.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Not a zip archive, a member that is not an array or not of the size in its header, an array of
            objects among those to read, or an error of `choose`.
    """
    with _archive(path) as archive:
        headers, sizes = {}, {}
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name == info.filename or name in headers:
                raise ValueError(f"{path} must be an .npz of plain arrays, got the member {info.filename!r:.80}")
            with archive.open(info) as member:
                headers[name] = _header(member, f"{path}: {name!r}")
                sizes[name] = info.file_size - member.tell()
        arrays = {}
        for name in choose(headers):
            header = headers[name]
            if header.dtype.hasobject:
                raise ValueError(f"{path} must be an .npz of plain arrays: {name!r} holds Python objects")
            if sizes[name] != header.nbytes:
                raise ValueError(f"{path}: {name!r} must have {header.nbytes:,} bytes, got {sizes[name]:,}")
            with archive.open(f"{name}.npy") as member:
                arrays[name] = _read(member, f"{path}: {name!r}")
        return arrays


@contextlib.contextmanager
def _archive(path: str | Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        OSError,
        KeyError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise ValueError(f"{path} must be an .npz of plain arrays: {error}") from None


def _header(member: Any, where: str) -> Header:
    try:
        shape, _, dtype = _READERS[np.lib.format.read_magic(member)](member)
    except (ValueError, KeyError, SyntaxError, TypeError) as error:
        raise ValueError(f"{where} must be an array as NumPy writes it: {first_line(error)}") from None
    return Header(shape, dtype)


def _read(member: Any, where: str) -> np.ndarray:
    try:
        return np.lib.format.read_array(member, allow_pickle=False)
    except ValueError as error:
        raise ValueError(f"{where} must be an array as NumPy writes it: {first_line(error)}") from None
