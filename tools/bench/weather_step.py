"""The iterative UNet: forward pass at the paper's sizes, training step on two grids: time, memory, compilation.

A.1.2 with 128 and 256 channels, batch 1, float32. Forward: a forecast step of 78 fields with seven constant fields, on
the paper's n×n grids with poles. Training: a rollout of one step of 32 channels in, L2 loss, Adam. Each row
is a process of its own: its peak memory is what the operating system saw, Python and XLA's compiler included, while
memory is reused as the command line does (`spinnn.reuse_memory`); "XLA" is what the compiled step needs at once, by
XLA's own account. `counted` says what is counted by hand.
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

import spinharm
from spinnn import parameter_count, reuse_memory
from spinnn.training import OptimizerConfig, init_state, make_optimizer, make_step
from wxsphere import (
    SCALING,
    Batch,
    Channel,
    FieldLayout,
    ForecastTask,
    LossConfig,
    NetworkConfig,
    Normalization,
    Stepper,
    make_rollout_loss,
)

PACKAGES = ("spinharm", "spinnn", "wxsphere", "equinox", "optax")
BETTER = {"ratio": "less"}
TABLE = (Path(__file__).resolve().parents[2] / "packages" / "wxsphere" / "docs" / "performance.md", ".3g")
# What is done, the network, its grids, scalars and winds of the state.
CASES = (
    ("forward", "128", "square", 52, 13),
    ("forward", "256", "square", 52, 13),
    ("training", "128", "gauss", 25, 6),
    ("training", "256", "gauss", 25, 6),
    ("training", "256", "square", 25, 6),
)
BETTER = {"ratio": "less"}
CONSTANTS = 7
ADAM_ARRAYS = 4  # parameters, gradients, two moments


def counted(network: Any, config: NetworkConfig) -> int:
    """Bytes that a training step of batch 1 cannot do without, if each block keeps what its derivatives need.

    Parameters, gradients and Adam's moments; of each convolution the filters by degree, the coefficients that come in
    and those that the norm gets; of each activation the maps that come in and their moduli.
    """
    total = 4 * ADAM_ARRAYS * parameter_count(network)
    for block in [*network.blocks, network.head]:
        conv = block.conv
        L, into, out = (
            conv.bandlimit,
            len(conv.spins_in) * conv.channels_in,
            len(conv.spins_out) * conv.channels_out,
        )
        total += 8 * L * into * out + 8 * L * (2 * L - 1) * into
        if block is not network.head:
            points = np.prod(config.grid_of(L).shape)
            total += 8 * L * (2 * L - 1) * out + (8 + 4) * int(points) * out
    return total


def _layout(scalars: int, winds: int) -> FieldLayout:
    return FieldLayout(
        tuple(Channel((f"scalar{i}",)) for i in range(scalars)),
        tuple(Channel((f"u{i}", f"v{i}")) for i in range(winds)),
    )


def _case(what: str, name: str, grids: str, scalars: int, winds: int) -> dict[str, Any]:
    reuse_memory()
    compilations = Compilations()
    config = dataclasses.replace(SCALING[name], grid=grids)
    grid = config.grid_of(config.bandlimits[0])
    layout = _layout(scalars, winds)
    task = ForecastTask(layout, layout, grid, constants=tuple(f"constant{i}" for i in range(CONSTANTS)))
    make = eqx.nn.make_with_state(config.make)
    network, state = make(task.network_inputs, layout, grid, key=jax.random.key(0))
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        values = rng.standard_normal((*shape, 2), np.float32)
        return values[..., 0] + 1j * values[..., 1]

    spins, channels = len(layout.spins), layout.channels
    one = Normalization(np.zeros((spins, channels)), np.ones((spins, channels)))
    constants = rng.standard_normal((*grid.shape, CONSTANTS), np.float32)
    stepper = Stepper(task, one, one, np.full((1, spins, channels), 0.1), constants)
    window = jnp.asarray(draw(1, 1, *grid.shape, spins, channels))
    row = {
        "what": what,
        "grid": str(grid),
        "channels in": task.network_inputs.channels,
        "parameters": parameter_count(network),
    }
    if what == "forward":
        arrays, rest = eqx.partition(eqx.nn.inference_mode(network), eqx.is_array)
        none = jnp.zeros((1, *grid.shape, 0))

        def forecast(arrays: Any, state: Any, window: jax.Array) -> jax.Array:
            return stepper(eqx.combine(arrays, rest), state, window, none)[0]

        step, arguments = spinharm.jit(forecast), [arrays, state, window]

        def run() -> Any:
            return step(*arguments)
    else:
        optimizer = make_optimizer(OptimizerConfig(warmup_epochs=0.0), 1, 100)
        train, static = init_state(network, state, optimizer, key=jax.random.key(1))
        step = make_step(make_rollout_loss(stepper, LossConfig()), static, optimizer)
        batch = Batch(
            window,
            jnp.asarray(draw(*window.shape)),
            jnp.zeros((1, 1, *grid.shape, 0)),
            jnp.ones(1),
            jnp.zeros(1, np.int32),
        )
        arguments = [train, batch]

        def run() -> Any:
            arguments[0], result = step(*arguments)
            return result

    jax.block_until_ready(window)
    compilations.clear()
    jax.block_until_ready(run())
    compiling = compilations.seconds("jit(program)")
    time = milliseconds({what: run}, 3)[what]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    memory = step.lower(*arguments).compile().memory_analysis()
    held = (memory.argument_size_in_bytes + memory.temp_size_in_bytes) / 2**20
    by_hand = counted(network, config) / 2**20 if what == "training" else None
    return row | {
        "step [s]": time / 1e3,
        "peak [MiB]": peak,
        "XLA [MiB]": held,
        "counted [MiB]": by_hand,
        "ratio": None if by_hand is None else held / by_hand,
        "compiling [s]": compiling,
    }


def measure() -> dict[str, Any]:
    """A row per case."""
    return {"rows": in_processes(__file__, CASES)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="One case, as a JSON line; `run.py weather_step` does all of them.")
    parser.add_argument("case", type=json.loads, help="JSON: [what, network, grids, scalars, winds]")
    print(json.dumps(_case(*parser.parse_args().case)))
