"""A contestant of `molecule_network`: the network `interacting` of molsphere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from _sample import Sample
from _turns import serve

from molsphere import NETWORKS, Batch, InteractingConfig, InteractingNetwork, MoleculeSet, RunConfig
from molsphere._run.loss import make_loss
from spinnn import parameter_count, reuse_memory
from spinnn.training import OptimizerConfig, init_state, make_optimizer, make_step


def prepare(sample: str) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    """The network and its batches."""
    reuse_memory()  # as `molsphere train` does
    data = Sample.load(sample)
    molecules = MoleculeSet(data.sizes, data.numbers, data.positions, np.arange(len(data.sizes)))
    padded, durations = [], []
    for members, size in zip(data.batches, data.padded, strict=True):
        start = time.perf_counter()
        padded.append(molecules.pad(members, size))
        durations.append(time.perf_counter() - start)
    weight = np.ones(data.batches.shape[1], np.float32)
    batches = [
        jax.tree.map(jnp.asarray, Batch(one, {"y": data.values[members]}, weight, members))
        for one, members in zip(padded, data.batches, strict=True)
    ]
    config = NETWORKS["interacting"]
    assert isinstance(config, InteractingConfig)
    network, net_state = eqx.nn.make_with_state(InteractingNetwork)(config, key=jax.random.key(0))
    options = OptimizerConfig("adamw", 1e-4, 0.0, weight_decay=1e-2, clip_norm=1.0, ema_decay=0.999)
    optimizer = make_optimizer(options, 1, 10_000)
    state, static = init_state(network, net_state, optimizer, key=jax.random.key(1))
    step = make_step(make_loss(RunConfig(network=config, augmentation=False)), static, optimizer)
    apply = eqx.filter_jit(lambda network, one: network(one, net_state)[0])

    def train() -> None:
        nonlocal state
        result = None
        for one in batches:
            state, result = step(state, one)
        jax.block_until_ready(result)

    def predict() -> None:
        jax.block_until_ready([apply(network, one.molecules) for one in batches])

    facts = {
        "network": f"interacting, degrees 0 … {config.max_degree}, {config.channels} channels, "
        f"{config.interactions} interactions",
        "cutoff [Å]": config.cutoff,
        "parameters": parameter_count(network),
        "preparation [ms]": 1e3 * min(durations),
    }
    return facts, {"train": train, "predict": predict}


if __name__ == "__main__":
    serve(prepare)
