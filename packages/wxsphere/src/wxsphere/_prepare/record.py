"""Record of a preparation in its folder: with which options it was begun, and how far it came."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import xarray as xr

from spinnn.files import replacing
from spinnn.resume import LOCK, check_same, cores

from .. import _checks
from .options import PrepareOptions, periods_of
from .prepared import MANIFEST

_PROGRESS = ".progress.json"


class Begun(NamedTuple):
    """How far an earlier call came.

    Attributes:
        block: Times that are written together.
        done: Times written.
        cores: Processor cores that it had, or None if that was not written.
    """

    block: int
    done: int
    cores: int | None


@dataclasses.dataclass(frozen=True)
class Record:
    """The record in a folder.

    Attributes:
        out: The folder.
        options: What the prepared data depend on, of JSON types; compared when a call goes on.
    """

    out: Path
    options: dict[str, Any]

    @classmethod
    def of(cls, out: Path, source: Any, options: PrepareOptions) -> Record:
        """The record of a call.

        Raises:
            ValueError: `out` is a file.
        """
        if out.exists() and not out.is_dir():
            raise ValueError(f"`out` must be a folder, but {out} is a file")
        return cls(out, _described(source, options))

    def is_complete(self) -> bool:
        """Whether the folder is finished.

        Raises:
            ValueError: It is, with other options.
        """
        return self._read(MANIFEST) is not None

    def begun(self) -> Begun | None:
        """How far an unfinished folder came, None for a new one.

        Raises:
            ValueError: A folder of other options, or of something else.
        """
        found = self._read(_PROGRESS)
        if found is not None:
            return found
        if self.out.is_dir() and any(not one.name.startswith(LOCK) for one in self.out.iterdir()):
            raise ValueError(
                f"`out` must be a new or empty folder or one of `prepare`, but {self.out} holds something else"
            )
        return None

    def note(self, block: int, done: int) -> None:
        """Write how far the folder has come."""
        with replacing(self.out / _PROGRESS) as file:
            json.dump({"options": self.options, "block": block, "done": done, "cores": cores()}, file, indent=1)

    def close(self) -> None:
        """Remove what only an unfinished folder has."""
        (self.out / _PROGRESS).unlink(missing_ok=True)

    def _read(self, name: str) -> Begun | None:
        if not (self.out / name).is_file():
            return None
        try:
            found = json.loads((self.out / name).read_text(encoding="utf-8"))
            options = found["options"]
            begun = Begun(0, 0, None)
            if name == _PROGRESS:
                block, done = (_checks.integer(key, found[key], least) for key, least in (("block", 1), ("done", 0)))
                begun = Begun(block, done, found.get("cores"))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{self.out / name} cannot be read: {error}; remove the folder") from error
        check_same(self.out, options, self.options)
        return begun


def _described(source: Any, options: PrepareOptions) -> dict[str, Any]:
    """What the prepared data depend on, as the manifest has it."""
    return {
        "source": _names_of(source),
        "variables": None if options.variables is None else list(options.variables),
        "levels": None if options.levels is None else list(options.levels),
        "members": None if options.members is None else list(options.members),
        "periods": {name: [period.first, period.last] for name, period in periods_of(options).items()},
        "cadence_hours": options.cadence_hours,
        "daily_mean": options.daily_mean,
        "grid": None if options.grid is None else dataclasses.asdict(options.grid),
        "method": options.method,
        "bandlimit": options.bandlimit,
        "chunk": options.chunk,
        "check": options.check,
        "allow_gaps": options.allow_gaps,
        "rename": dict(options.rename or {}),
    }


def _names_of(source: Any) -> list[str]:
    if isinstance(source, xr.Dataset):
        return [f"xarray.Dataset with sizes {dict(source.sizes)}"]
    return [os.fspath(source)] if isinstance(source, str | os.PathLike) else [os.fspath(one) for one in source]
