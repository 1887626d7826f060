"""Molecules per second out of the data pipeline, beside what a training step takes, and programs in an epoch.

10,000 geometries of QM9, if `SPHERE_DATA` names the data folder, else of random sizes; shuffled, padded to at most six
sizes, as arrays on the host. Each network then trains on them, fed by the pipeline, in a process of its own: `tiny`
for an epoch, `paper` on molecules of 18 atoms; batches that compile are left out of the time. "ratio" is the pipeline's
rate over that of the step, "of a GPU" over the 1,000 molecules/s that one is meant to reach. "programs" are the steps
compiled in the epoch, at most one per size.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from _molecules import geometries
from _timing import Compilations, in_processes

from molsphere import NETWORKS, BatchPlan, RegressorConfig, RunConfig, SphereRegressor, batch_iterator
from molsphere._run.loss import make_loss
from spinnn import reuse_memory
from spinnn.training import OptimizerConfig, init_state, make_optimizer, make_step

PACKAGES = ("spinharm", "spinnn", "molsphere", "grain")
TABLE = (Path(__file__).with_name("README.md"), ".3g")
COUNT = 10_000
OF_A_GPU = 1000  # molecules/s
ATOMS = 18
# Network, molecules per batch, and of how many molecules of `ATOMS` atoms to time the step; None: of all.
CASES = (("tiny", 64, None), ("paper", 8, 64))
PREFETCHED = (0, 2)


def _pipeline_rate(data: Any, plan: BatchPlan, prefetch: int) -> float:
    """Molecules per second of an epoch, the best of three."""
    batches = batch_iterator(data, {"y": np.zeros(len(data))}, plan, prefetch=prefetch)
    next(batches)
    spent = []
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(plan.batches_per_epoch):
            next(batches)
        spent.append(time.perf_counter() - start)
    return len(data) / min(spent)


def _step_rate(name: str, data: Any, batch: int) -> float:
    """Molecules per second of training steps fed by the pipeline, but for the first batch of each size."""
    plan = BatchPlan.build(data.num_atoms, batch)
    config = NETWORKS[name]
    assert isinstance(config, RegressorConfig)
    network, net_state = eqx.nn.make_with_state(SphereRegressor)(config, key=jax.random.key(0))
    optimizer = make_optimizer(OptimizerConfig(warmup_epochs=0.0), 1, plan.batches_per_epoch)
    state, static = init_state(network, net_state, optimizer, key=jax.random.key(1))
    step = make_step(make_loss(RunConfig(augmentation=False)), static, optimizer)
    molecules, spent, compiled = 0.0, 0.0, set()
    for one in batch_iterator(data, {"y": np.zeros(len(data))}, plan, epochs=1):
        atoms = one.molecules.numbers.shape[1]
        start = time.perf_counter()
        state, result = step(state, one)
        jax.block_until_ready(result)
        if atoms in compiled:
            spent += time.perf_counter() - start
            molecules += one.weight.sum()
        compiled.add(atoms)
    return float(molecules) / spent


def _case(name: str, batch: int, of_one_size: int | None) -> dict[str, Any]:
    reuse_memory()
    compilations = Compilations()
    data = geometries(COUNT)
    plan = BatchPlan.build(data.num_atoms, batch)
    pipeline = {prefetch: _pipeline_rate(data, plan, prefetch) for prefetch in PREFETCHED}
    part = data if of_one_size is None else data.subset(np.flatnonzero(data.num_atoms == ATOMS)[:of_one_size])
    compilations.clear()
    step, most = _step_rate(name, part, batch), max(pipeline.values())
    return {
        "network": name,
        "batch": batch,
        **{f"pipeline, {count} prefetched [molecules/s]": pipeline[count] for count in PREFETCHED},
        "step [molecules/s]": step,
        "ratio": most / step,
        "of a GPU": most / OF_A_GPU,
        "sizes": None if of_one_size else len(plan.buckets),
        "programs": None if of_one_size else compilations.count("jit(program)"),
    }


def measure() -> dict[str, Any]:
    """A row per network."""
    return {"rows": in_processes(__file__, CASES)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="One case, as a JSON line; `run.py molecule_pipeline` does all.")
    parser.add_argument("case", type=json.loads, help="JSON: [network, batch, molecules]")
    print(json.dumps(_case(*parser.parse_args().case)))
