"""A training step of molsphere's networks: molecules per second, peak memory, compilation.

Random molecules of 18 atoms, QM9's mean size, one property, L1 loss, Adam, float32. "paper" is the network of A.1.1,
14.0 million parameters with its head, from closed-form coefficients: on the paper's n×n grids with poles, and on Gauss
grids of the same bandlimits. Each row is a process of its own: its peak memory is what the operating system saw, Python
and XLA's compiler included. Memory is reused as the command line does (`spinnn.reuse_memory`), or given back by the
allocator.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from _timing import Compilations, in_processes, milliseconds

from molsphere import NETWORKS, Batch, Molecules, RegressorConfig, RunConfig, SphereRegressor
from molsphere._run.loss import make_loss
from spinnn import parameter_count, reuse_memory
from spinnn.training import OptimizerConfig, init_state, make_optimizer, make_step

PACKAGES = ("spinharm", "spinnn", "molsphere", "equinox", "optax")
TABLE = (Path(__file__).resolve().parents[2] / "packages" / "molsphere" / "docs" / "performance.md", ".3g")
ATOMS = 18
CASES = (
    ("paper", "square", 2, True),
    ("paper", "gauss", 2, True),
    ("paper", "gauss", 8, True),
    ("small", "gauss", 8, True),
    ("tiny", "gauss", 16, True),
    ("tiny", "gauss", 16, False),
)


def _molecules(count: int) -> Molecules:
    rng = np.random.default_rng(0)
    corners = np.stack(np.meshgrid(*[np.arange(3)] * 3), -1).reshape(-1, 3)
    chosen = np.stack([rng.permutation(27)[:ATOMS] for _ in range(count)])
    positions = 1.4 * corners[chosen] + rng.uniform(-0.2, 0.2, (count, ATOMS, 3))
    numbers = rng.choice([1, 6, 7, 8, 9], (count, ATOMS)).astype(np.int32)
    return Molecules(numbers, positions.astype(np.float32), np.ones((count, ATOMS), bool))


def _case(name: str, grid: str, batch: int, reuse: bool) -> dict[str, Any]:
    reused = reuse and reuse_memory()
    compilations = Compilations()
    config = dataclasses.replace(NETWORKS[name], grid=grid)
    assert isinstance(config, RegressorConfig)
    network, net_state = eqx.nn.make_with_state(SphereRegressor)(config, key=jax.random.key(0))
    optimizer = make_optimizer(OptimizerConfig(warmup_epochs=0.0), 1, 100)
    state, static = init_state(network, net_state, optimizer, key=jax.random.key(1))
    step = make_step(make_loss(RunConfig(augmentation=False)), static, optimizer)
    ones = np.ones(batch, np.float32)
    data = Batch(_molecules(batch), {"y": ones}, ones, np.arange(batch))
    data = jax.tree.map(jnp.asarray, data)
    compilations.clear()
    state, result = step(state, data)
    jax.block_until_ready(result)
    seconds = compilations.seconds("jit(program)")
    holder = [state]

    def one_step() -> Any:
        holder[0], result = step(holder[0], data)
        return result

    time = milliseconds({"step": one_step}, 10)["step"]
    return {
        "network": name,
        "grids": config.grid,
        "parameters": parameter_count(network),
        "batch": batch,
        "memory reused": "yes" if reused else "no",
        "step [ms]": time,
        "molecules/s": 1e3 * batch / time,
        "peak [MiB]": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "compiling [s]": seconds,
    }


def measure() -> dict[str, Any]:
    """A row per network."""
    return {"rows": in_processes(__file__, CASES)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="One case, as a JSON line; `run.py molecule_step` does all of them.")
    parser.add_argument("case", type=json.loads, help="JSON: [network, grids, batch, reuse memory]")
    print(json.dumps(_case(*parser.parse_args().case)))
