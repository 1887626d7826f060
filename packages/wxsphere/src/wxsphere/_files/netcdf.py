"""NetCDF files of this package: written whole or not at all, with a checksum after their end."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from pathlib import Path
from typing import Any

import dask.config
import xarray as xr

from spinharm.failures import first_line
from spinnn.files import FileWarning, replacing

# HDF5 knows where a file ends, and looks at nothing behind.
_TRAILER = re.compile(rb"\nsha256 ([0-9a-f]{64})\n")
_LENGTH = 73


def write_netcdf(dataset: xr.Dataset, path: Path) -> None:
    """Write a NetCDF-4 file by way of a temporary name, with a line `sha256 …` after its end, which readers skip."""
    # A scheduler with an address has no lock for what is no file.
    with dask.config.set(scheduler="synchronous"):
        content = bytes(dataset.to_netcdf(engine="h5netcdf"))
    with replacing(path, "wb") as file:
        file.write(content + f"\nsha256 {hashlib.sha256(content).hexdigest()}\n".encode())


def read_netcdf(path: Path) -> xr.Dataset:
    """Read a file of `write_netcdf` into memory.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Its checksum is not that of its content, or it is no NetCDF-4 file.

    Warns:
        FileWarning: A file without checksum, of an earlier version or of another program.
    """
    content = path.read_bytes()
    found = _TRAILER.fullmatch(content[-_LENGTH:])
    if found is None:
        told = f"{path}: a file without checksum, of an earlier version or another program: damage cannot be detected"
        warnings.warn(told, FileWarning, stacklevel=2)
    elif hashlib.sha256(content[:-_LENGTH]).hexdigest().encode() != found[1]:
        raise ValueError(
            f"{path}: damaged or changed: its checksum is not that of its content; take another copy of the file"
        )
    settings: dict[str, Any] = {"engine": "h5netcdf", "decode_timedelta": False}
    try:
        with xr.open_dataset(io.BytesIO(content), **settings) as file:
            # A variable in seconds is a number; only coordinates are spans of time.
            coords = xr.decode_cf(file.coords.to_dataset(), decode_timedelta=True)
            return file.assign_coords(coords.coords).load()
    # h5py has one for each kind of damage.
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise ValueError(f"{path}: cannot be read as NetCDF: {first_line(error)}") from error
