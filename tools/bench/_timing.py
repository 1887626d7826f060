"""Side-by-side timing: candidates take turns in one process, so that a busy machine slows all of them alike."""

from __future__ import annotations

import datetime
import functools
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import numpy as np


def milliseconds(candidates: Mapping[str, Callable[[], Any]], rounds: int = 15) -> dict[str, float]:
    """The shortest time of each candidate over `rounds` turns [ms]; one turn before that is for compilation."""
    for run in candidates.values():
        jax.block_until_ready(run())
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            start = time.perf_counter()
            jax.block_until_ready(run())
            times[name].append(time.perf_counter() - start)
    return {name: 1e3 * float(np.min(values)) for name, values in times.items()}


def in_processes(script: str, cases: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """The row that `script` prints for each case, given as JSON: each in a process of its own, for its peak memory."""
    rows = []
    for case in cases:
        command = [sys.executable, script, json.dumps(case)]
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        rows.append(json.loads(found.splitlines()[-1]))
    return rows


class Compilations:
    """Programs that JAX compiles from now on, and how long that takes."""

    def __init__(self) -> None:
        self._found: list[tuple[str, float]] = []
        jax.monitoring.register_event_duration_secs_listener(self._note)

    def _note(self, event: str, duration_secs: float, **kwargs: str | int) -> None:
        if event.endswith("backend_compile_duration"):
            self._found.append((str(kwargs.get("fun_name", "")), duration_secs))

    def clear(self) -> None:
        """Forget what was compiled before."""
        self._found.clear()

    def count(self, name: str | None = None) -> int:
        """Programs compiled, of that name or all."""
        return sum(name in (None, found) for found, _ in self._found)

    def seconds(self, name: str) -> float:
        """Time spent on programs of that name."""
        return sum(seconds for found, seconds in self._found if found == name)


def machine(*packages: str) -> dict[str, Any]:
    """What the figures depend on: the computer, versions, the day and the commit."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory [GiB]": round(memory / 2**30),
        "devices": [device.device_kind for device in jax.devices()],
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in ("jax", "jaxlib", "numpy", *packages)},
        "date": datetime.date.today().isoformat(),
        "commit": _commit(),
    }


def _processor() -> str:
    """The model's name, else the architecture."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(models), platform.processor() or platform.machine())


@functools.cache
def _commit() -> str:
    """The commit when the run began, "+" if files differ from it."""
    command = ["git", "describe", "--always", "--exclude=*", "--abbrev=10", "--dirty=+"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def geometric_mean(values: list[float]) -> float:
    """The mean of ratios."""
    return float(np.exp(np.mean(np.log(values))))
