"""One training run of an experiment: its command, its execution on one core, and its errors."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spinnn.files import replacing

PAINN = Path(__file__).resolve().parents[1] / "bench" / "painn_training.py"
SINGLE_THREAD = {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
PARTS = ("training", "validation", "test")


@dataclasses.dataclass(frozen=True)
class Run:
    """A training run.

    Attributes:
        name: Folder of the run; experiments that share a run share its name.
        options: Of the command, without dashes: a value, several, or True and False for a switch.
        program: `"molsphere"` for `molsphere train`, `"painn"` for schnetpack's PaiNN.
    """

    name: str
    options: Mapping[str, Any]
    program: str = "molsphere"

    def command(self, data: Path, out: Path) -> list[str]:
        """Arguments after `python`, for data in a file and a folder that holds all runs."""
        if self.program == "painn":
            start = [str(PAINN), str(data)]
        else:
            start = ["-m", "molsphere", "train", "--data", str(data)]
        return [*start, *_flags(self.options), "--out", str(out / self.name)]

    def missing(self) -> str | None:
        """A library that the run needs and that is not installed."""
        needed = "schnetpack" if self.program == "painn" else "molsphere"
        return None if importlib.util.find_spec(needed) else needed


def _flags(options: Mapping[str, Any]) -> list[str]:
    flags = []
    for name, value in options.items():
        if isinstance(value, bool):
            group, dot, last = name.rpartition(".")
            flags.append(f"--{group}{dot}{'' if value else 'no-'}{last}")
        else:
            flags += [f"--{name}", *(map(str, value) if isinstance(value, list | tuple) else [str(value)])]
    return flags


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a finished run came to.

    Attributes:
        unit: Of the errors.
        errors: Mean absolute error by split.
        minutes: Processor time of the whole command on one core; None if the runner was killed meanwhile.
    """

    unit: str
    errors: Mapping[str, float]
    minutes: float | None


def outcome(run: Run, out: Path) -> Outcome | None:
    """Errors and time of a run; None if it has not ended."""
    record = _record(run, out)
    if not record.get("ended"):
        return None
    minutes = record["seconds"] / 60 if record["whole"] else None
    if run.program == "painn":
        found = json.loads((out / run.name / "result.json").read_text(encoding="utf-8"))
        return Outcome(found["unit"], {part: found[part] for part in PARTS}, minutes)
    found = json.loads((out / run.name / "evaluation.json").read_text(encoding="utf-8"))
    (evaluated,) = found.values()
    return Outcome(evaluated["unit"], {part: evaluated["parts"][part]["mae"] for part in PARTS}, minutes)


def _record(run: Run, out: Path) -> dict[str, Any]:
    path = out / f"{run.name}.json"
    if not path.exists():
        return {"seconds": 0.0, "running": False, "whole": True, "ended": False}
    return json.loads(path.read_text(encoding="utf-8"))


def _write(run: Run, out: Path, record: Mapping[str, Any]) -> None:
    with replacing(out / f"{run.name}.json", "w") as file:
        file.write(json.dumps(record, indent=1) + "\n")


class Children:
    """Commands that go on, so that all of them can be stopped."""

    def __init__(self) -> None:
        """None yet."""
        self._lock, self._running, self.stopping = threading.Lock(), set[subprocess.Popen[bytes]](), False

    def wait(self, child: subprocess.Popen[bytes]) -> tuple[int, float]:
        """Exit status and processor time [s] of a command when it has ended."""
        with self._lock:
            self._running.add(child)
            if self.stopping:
                child.terminate()
        _, status, usage = os.wait4(child.pid, 0)
        with self._lock:
            self._running.discard(child)
        child.returncode = os.waitstatus_to_exitcode(status)  # it was waited for here
        return child.returncode, usage.ru_utime + usage.ru_stime

    def stop(self) -> None:
        """Ask all to end; training commands write a checkpoint first."""
        with self._lock:
            self.stopping = True
            for child in self._running:
                child.terminate()


def execute(run: Run, data: Path, out: Path, core: int | None, children: Children) -> int:
    """Run or resume to the end on one core; returns the exit status of the command.

    Its output is appended to `<name>.log` in `out`, its processor time kept in `<name>.json`.
    """
    record = _record(run, out)
    if record["running"]:
        record["whole"] = False  # the runner was killed, and nobody measured
    command = [sys.executable, *run.command(data, out)]
    record["command"] = command[1:]
    _write(run, out, {**record, "running": True})
    with (out / f"{run.name}.log").open("a", encoding="utf-8") as log:
        environment = {**os.environ, **SINGLE_THREAD}
        child = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        if core is not None:
            os.sched_setaffinity(child.pid, {core})
        code, seconds = children.wait(child)
    _write(run, out, {**record, "running": False, "ended": code == 0, "seconds": record["seconds"] + seconds})
    return code
