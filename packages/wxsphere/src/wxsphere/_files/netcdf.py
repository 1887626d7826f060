"""NetCDF files with a checksum appended, written completely or not at all."""

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

# HDF5 stores the length of a file and ignores bytes after its end.
_TRAILER = re.compile(rb"\nsha256 ([0-9a-f]{64})\n")
_LENGTH = 73


def write_netcdf(dataset: xr.Dataset, path: Path) -> None:
    """Write a NetCDF-4 file by way of a temporary name; a line `sha256 …` is appended, which readers ignore."""
    # A distributed scheduler has no lock for objects that are not files.
    with dask.config.set(scheduler="synchronous"):
        content = bytes(dataset.to_netcdf(engine="h5netcdf"))
    with replacing(path, "wb") as file:
        file.write(content + f"\nsha256 {hashlib.sha256(content).hexdigest()}\n".encode())


def read_netcdf(path: Path) -> xr.Dataset:
    """Read a file that `write_netcdf` wrote into memory.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The checksum does not match, or the file is not NetCDF-4.

    Warns:
        FileWarning: The file has no checksum, as those of earlier versions and other programs.
    """
    content = path.read_bytes()
    found = _TRAILER.fullmatch(content[-_LENGTH:])
    if found is None:
        text = f"{path}: a file without checksum, of an earlier version or another program: damage cannot be detected"
        warnings.warn(text, FileWarning, stacklevel=2)
    elif hashlib.sha256(content[:-_LENGTH]).hexdigest().encode() != found[1]:
        raise ValueError(
            f"{path}: damaged or changed: its checksum is not that of its content; take another copy of the file"
        )
    settings: dict[str, Any] = {"engine": "h5netcdf", "decode_timedelta": False}
    try:
        with xr.open_dataset(io.BytesIO(content), **settings) as file:
            # A variable in seconds is a number; only coordinates are durations.
            coords = xr.decode_cf(file.coords.to_dataset(), decode_timedelta=True)
            return file.assign_coords(coords.coords).load()
    # h5py raises a different exception for each kind of damage.
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise ValueError(f"{path}: cannot be read as NetCDF: {first_line(error)}") from error
