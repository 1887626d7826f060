"""Stores that take long to write: they have a temporary name until complete, and are resumed after interruptions."""

from __future__ import annotations

import contextlib
import json
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from spinharm.failures import first_line
from spinnn.files import replacing, well_formed
from spinnn.resume import check_same, claimed, cores, warn_of_cores

from .._conventions.names import TIME
from .._notices import notice
from .checksums import SEAL, check_store, seal_store
from .open import open_dataset


class Unfinished:
    """An unfinished store: `.<name>.partial` beside `path`, and `.<name>.state.npz` with the progress.

    Attributes:
        path: Path of the complete store.
        folder: Path of the unfinished store.
        state: File with the progress.
    """

    def __init__(self, path: Path, kind: str, description: str) -> None:
        """Name the files; nothing is written.

        Args:
            path: Path of the complete store.
            kind: Kind of the store: the name of its attribute that holds `description`.
            description: Everything that the values depend on, as a JSON object.
        """
        self.path, self._kind, self._description = path, kind, description
        self.folder = path.with_name(f".{path.name}.partial")
        self.state = path.with_name(f".{path.name}.state.npz")

    def claimed(self) -> contextlib.AbstractContextManager[None]:
        """Keep other processes from the store, see `spinnn.resume.claimed`."""
        return claimed(self.path, self.path.with_name(f".{self.path.name}.lock"))

    def _check_same(self, where: Path, description: str) -> None:
        with well_formed(where, "the description"):
            before = json.loads(description)
        check_same(where, before, json.loads(self._description))

    def is_finished(self) -> bool:
        """Whether the store exists and is complete.

        Raises:
            ValueError: Something else has its path, or it is damaged.
        """
        if not self.path.exists():
            return False
        description = self._description_in(self.path)
        if description is None:
            raise ValueError(f"{self.path} exists and holds something else; remove it or choose another path")
        self._check_same(self.path, description)
        check_store(self.path)
        return True

    def resume(self) -> dict[str, Any] | None:
        """Read the saved progress; without any, remove what is left of the store and return None.

        Raises:
            ValueError: The unfinished store was begun with other options, or its progress is damaged.
        """
        if self.folder.is_dir() and self.state.is_file():
            if not (self.folder / SEAL).is_file():
                notice(f"{self.folder} is damaged, or of an earlier version without checksums: started over")
                self.begin_anew()
                return None
            with self._opened() as file:
                self._check_same(self.folder, str(file[self._kind]))
                found = {name: file[name] for name in file.files}
            warn_of_cores(self.folder, int(found["cores"]) if "cores" in found else None)
            return found
        self.begin_anew()
        return None

    def begin_anew(self) -> None:
        """Remove the unfinished store and its state."""
        self.state.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        try:
            with np.load(self.state) as file:
                yield file
        # zip and zlib have their own exceptions.
        except (OSError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(
                f"{self.state} is damaged: {first_line(error)}; remove it and {self.folder} to start over"
            ) from error

    def save(self, **arrays: Any) -> None:
        """Save the progress."""
        with replacing(self.state, "wb") as file:
            np.savez(file, **{self._kind: self._description}, cores=cores(), **arrays)

    def finish(self) -> None:
        """Write the list of checksums of the store, and give the store its final name.

        Raises:
            ValueError: A chunk was not written.
        """
        seal_store(self.folder)
        self.folder.rename(self.path)
        self.state.unlink(missing_ok=True)

    def _description_in(self, path: Path) -> str | None:
        try:
            with xr.open_zarr(path, consolidated=False, decode_timedelta=True) as dataset:
                return dataset.attrs.get(self._kind)
        except (OSError, KeyError, ValueError):
            return None


def first_damaged(folder: Path, count: int) -> int | None:
    """Find the first damaged chunk, or chunk with missing values, among the times that were written.

    Args:
        folder: Folder of the store.
        count: Number of times that were written.

    Returns:
        Index of the first time of that chunk; None if there is none.
    """
    fields = open_dataset(folder)
    moving = fields[[name for name, field in fields.data_vars.items() if TIME in field.dims]]
    step = max((field.chunks[field.dims.index(TIME)][0] for field in moving.values() if field.chunks), default=1)
    for begin in range(0, count, step):
        try:
            finite: Any = np.isfinite(moving.isel({TIME: slice(begin, min(begin + step, count))}))
            there = finite.all().compute()
        except OSError:
            return begin
        if not all(bool(one) for one in there.data_vars.values()):
            return begin
    return None
