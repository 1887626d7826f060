"""Stores that take long to write: under a name of their own until they are whole, resumed after an interruption."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from spinnn.files import replacing


class Unfinished:
    """A store on its way: `.<name>.partial` beside `path`, and `.<name>.state.npz`, which says how far it came.

    Attributes:
        path: The store's name when it is whole.
        folder: Where it is until then.
        state: The file that says how far it came.
    """

    def __init__(self, path: Path, kind: str, told: str) -> None:
        """Name the files.

        Args:
            path: The store's name when it is whole.
            kind: What it is, the name of the attribute of the store that holds `told`.
            told: Everything that its numbers depend on.
        """
        self.path, self._kind, self._told = path, kind, told
        self.folder = path.with_name(f".{path.name}.partial")
        self.state = path.with_name(f".{path.name}.state.npz")

    def is_finished(self) -> bool:
        """Whether the store is there and whole.

        Raises:
            ValueError: Something else has its name.
        """
        if not self.path.exists():
            return False
        if self._told_by(self.path) != self._told:
            raise ValueError(f"{self.path} is there already and holds something else; remove it or choose another path")
        return True

    def resume(self) -> dict[str, Any] | None:
        """What was last saved; None, and no folder, if there is nothing to go on with.

        Raises:
            ValueError: An unfinished store of something else.
        """
        if self.folder.is_dir() and self.state.is_file():
            with np.load(self.state) as file:
                if str(file[self._kind]) != self._told:
                    raise ValueError(
                        f"{self.folder} holds another {self._kind}, which is unfinished; remove it and {self.state}"
                    )
                return {name: file[name] for name in file.files}
        shutil.rmtree(self.folder, ignore_errors=True)
        return None

    def save(self, **arrays: Any) -> None:
        """Say how far it came."""
        with replacing(self.state, "wb") as file:
            np.savez(file, **{self._kind: self._told}, **arrays)

    def finish(self) -> None:
        """Give the store its name."""
        self.folder.rename(self.path)
        self.state.unlink(missing_ok=True)

    def _told_by(self, path: Path) -> str | None:
        try:
            with xr.open_zarr(path, consolidated=False, decode_timedelta=True) as dataset:
                return dataset.attrs.get(self._kind)
        except (OSError, KeyError, ValueError):
            return None
