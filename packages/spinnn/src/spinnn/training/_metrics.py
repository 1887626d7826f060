"""Metrics of a run: JSON lines always, TensorBoard when asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..files import replacing


class Metrics:
    """Appends to `metrics.jsonl` in a run's folder.

    After an interruption the lines of steps that will be done again are dropped, so that the file reads as if nothing
    had happened.
    """

    def __init__(self, folder: Path, *, resume_step: int = 0, tensorboard: bool = False) -> None:
        """Open the file and drop the lines above `resume_step`; a line cut off by a crash is dropped too."""
        self._path = folder / "metrics.jsonl"
        kept = []
        if self._path.exists():
            for line in self._path.read_text(encoding="utf-8").splitlines():
                try:
                    if json.loads(line)["step"] <= resume_step:
                        kept.append(line + "\n")
                except (ValueError, KeyError):
                    continue
        with replacing(self._path) as file:
            file.write("".join(kept))
        self._file = self._path.open("a", encoding="utf-8")
        self._board = _tensorboard(folder) if tensorboard else None

    def write(self, step: int, values: dict[str, Any]) -> None:
        """One line: the step and named numbers."""
        numbers = {name: float(value) for name, value in values.items()}
        self._file.write(json.dumps({"step": step, **numbers}) + "\n")
        self._file.flush()
        if self._board is not None:
            for name, value in numbers.items():
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._board is not None:
            self._board.close()


def _tensorboard(folder: Path) -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise ImportError("`tensorboard` needs tensorboardX: pip install 'spinnn[tensorboard]'") from error
    return SummaryWriter(str(folder / "tensorboard"))
