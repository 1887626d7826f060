"""Weather samples per second out of the data pipeline, beside what a training step takes.

Made-up fields on 64×128, prepared in a folder: 25 scalars and 6 winds; 32 channels
come into the network with three constants and four forcings, one rollout step. And the paper's iterative forecast: 52
scalars and 13 winds on 256×256, four steps. Samples are windows in batches, normalised, as arrays on the host, from
memory or from the folder. The step is that of `weather_step`: "ratio" is the pipeline's rate over it. "of a TPU" is
that rate over the paper's, which trains at 0.92 steps/s with batches of 32 on 32 TPUs.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import weather_step
from _timing import in_processes

from spinharm import Grid
from spinnn import reuse_memory
from wxsphere import Normalization, Prepared, RunConfig, Windows, batch_iterator, grid_dataset, prepare
from wxsphere._model.run_config import make_task

PACKAGES = ("spinharm", "spinnn", "wxsphere", "grain", "xarray", "zarr")
TABLE = (Path(__file__).with_name("README.md"), ".3g")
OF_A_TPU = 0.92  # samples/s
CADENCE = np.timedelta64(6, "h")
FORCINGS = ("toa_incident_solar_radiation", "sine_of_day", "cosine_of_day", "sine_of_year")
UPPER = ("geopotential", "specific_humidity", "temperature", "vertical_velocity")
WIND = ("u_component_of_wind", "v_component_of_wind")
SURFACE = ("2m_temperature",)


class _Samples(NamedTuple):
    """A kind of sample."""

    grid: Grid
    levels: int
    surface: tuple[str, ...]
    times: int  # in the folder
    steps: int  # of a rollout
    batches: tuple[int, ...]
    places: tuple[str, ...]
    training: tuple[str, str, str, int, int] | None  # the case of `weather_step` that takes such samples


CASES = {
    "64×128, 1 step": _Samples(
        Grid.gauss_legendre(64),
        levels=6,
        surface=SURFACE,
        times=128,
        steps=1,
        batches=(1, 32),
        places=("memory", "folder"),
        training=("training", "128", "gauss", 25, 6),
    ),
    "256×256, 4 steps": _Samples(
        Grid.equiangular(256, 256),
        levels=13,
        surface=(),
        times=24,
        steps=4,
        batches=(1,),
        places=("folder",),
        training=None,
    ),
}
MEMORY = {"memory": 1.0, "folder": 0.0}  # what `Windows` may keep [GiB]


def _prepared(samples: _Samples, folder: Path) -> Prepared:
    rng = np.random.default_rng(0)
    fields = grid_dataset(samples.grid)
    there = {
        "time": np.datetime64("2000-01-01", "ns") + np.arange(samples.times) * CADENCE,
        "level": np.linspace(100.0, 1000.0, samples.levels),
    }
    fields = fields.assign_coords(there)
    for name in (*UPPER, *WIND, *samples.surface):
        batch = ("time",) if name in samples.surface else ("time", "level")
        sizes = [len(there[dim]) for dim in batch]
        fields[name] = (
            (*batch, "latitude", "longitude"),
            rng.standard_normal((*sizes, *samples.grid.shape), np.float32),
        )
    return prepare(fields, folder / "data", check=False)


def _rate(windows: Windows, batch: int, seconds: float = 3.0) -> float:
    """Samples per second; the first batches, with which the memory fills, are left out."""
    batches = batch_iterator(windows, batch)
    for _ in range(4):
        next(batches)
    count, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        next(batches)
        count += batch
    return count / spent


def _case(name: str) -> list[dict[str, Any]]:
    reuse_memory()
    samples = CASES[name]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        prepared = _prepared(samples, Path(folder))
        task = make_task(prepared.fields, CADENCE / np.timedelta64(1, "h"), RunConfig(forcings=FORCINGS))
        one = Normalization.of(prepared.statistics, task.inputs)
        step = None
        if samples.training is not None:
            step = 1 / in_processes(weather_step.__file__, [samples.training])[0]["step [s]"]
        for place in samples.places:
            windows = Windows(prepared.fields, task, one, one, steps=samples.steps, memory_gib=MEMORY[place])
            for batch in samples.batches:
                rate = _rate(windows, batch)
                rows.append(
                    {
                        "samples": name,
                        "channels in": task.network_inputs.channels,
                        "read from": place,
                        "batch": batch,
                        "pipeline [samples/s]": rate,
                        "step [samples/s]": step,
                        "ratio": None if step is None else rate / step,
                        "of a TPU": rate / OF_A_TPU,
                    }
                )
    return rows


def measure() -> dict[str, Any]:
    """A row per kind of sample, place and size of batch."""
    return {"rows": [row for case in CASES for row in _case(case)]}
