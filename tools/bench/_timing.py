"""Side-by-side timing: candidates take turns in one process, so that a busy machine slows all of them alike."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from importlib import metadata
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


def machine(*packages: str) -> dict[str, Any]:
    """What the figures depend on: processor, backend and versions."""
    return {
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "devices": [str(device) for device in jax.devices()],
        "versions": {name: metadata.version(name) for name in ("jax", "jaxlib", "numpy", *packages)},
    }


def geometric_mean(values: list[float]) -> float:
    """The mean of ratios."""
    return float(np.exp(np.mean(np.log(values))))
