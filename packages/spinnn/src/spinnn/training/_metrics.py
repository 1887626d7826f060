"""Metrics of a run, as lines of JSON and, on request, TensorBoard files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..files import replacing


class Metrics:
    """Writer of `metrics.jsonl` in a run's folder.

    On resuming, lines of steps that will be repeated are dropped, so that the file is that of an uninterrupted run.
    """

    def __init__(self, folder: Path, *, resume_step: int = 0, tensorboard: bool = False) -> None:
        """Open the file, dropping lines after `resume_step` and a line truncated by a crash."""
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
        """Write a line: the step and named numbers."""
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
