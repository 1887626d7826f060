"""A training step of the residual network by resolution: time, memory, compilations, and the transforms' share.

The network: a block and three residual blocks of 32 channels, spins {0} → {0, 1}, 8 knots, a head to one real channel;
L2 loss and Adam, float32. Both grids of a resolution n have the bandlimit n/2. The share is the time of the network's
transforms and of their adjoints, alone in one compiled function of the same shapes, over that of the step; the two take
turns. Each row is a process of its own: its peak memory is what the operating system saw, Python and XLA's compiler
included, and "XLA" is what the compiled step needs at once, by XLA's own account.
"""

from __future__ import annotations

import argparse
import json
import resource
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from _timing import Compilations, in_processes, milliseconds

import spinharm
from spinharm import Grid
from spinnn import SpinBlock, SpinResNet, parameter_count
from spinnn.training import OptimizerConfig, init_state, l2_loss, make_optimizer, make_step

PACKAGES = ("spinharm", "spinnn", "equinox", "optax")
BETTER = {"share": "neither"}
TABLE = (Path(__file__).resolve().parents[2] / "packages" / "spinnn" / "docs" / "performance.md", ".3g")
CASES = ((32, 16), (64, 4), (128, 1))
CHANNELS = 32
GRIDS = {"n×n": lambda n: Grid.equiangular(n, n), "Gauss": lambda n: Grid.gauss_legendre(n // 2)}


def _loss(model: Any, state: Any, batch: dict[str, jax.Array], key: jax.Array) -> Any:
    prediction, state = model(batch["x"], state)
    return l2_loss(prediction, batch["y"]), (state, {})


def _transforms(network: SpinResNet, batch: int) -> Any:
    """A function that does the network's transforms and their adjoints, and its arguments."""
    pairs = []
    for block in network.blocks:
        conv = block.conv if isinstance(block, SpinBlock) else block.first
        pairs.append((block.transform_in, conv.channels_in))
        pairs += [(block.transform_out, conv.channels_out)] * (1 if isinstance(block, SpinBlock) else 3)
    assert network.head is not None
    pairs += [(network.head.conv.transform_in, CHANNELS), (network.head.conv.transform_out, 1)]
    forward = {True: "forward", False: "inverse"}
    # In the order of the network, forward and inverse transforms alternate.
    kinds = [forward[index % 2 == 0] for index in range(len(pairs))]
    arguments = []
    for (transform, channels), kind in zip(pairs, kinds, strict=True):
        L = transform.bandlimit
        space = transform.grid.shape if kind == "forward" else (L, 2 * L - 1)
        arguments.append(jnp.ones((batch, *space, len(transform.spins), channels), jnp.complex64))

    def run(arguments: list[jax.Array]) -> list[jax.Array]:
        results = []
        for index, ((transform, _), kind, x) in enumerate(zip(pairs, kinds, arguments, strict=True)):
            y, back = jax.vjp(getattr(transform, kind), x)
            # The data need no gradient.
            results.append(y if index == 0 else back(y)[0])
        return results

    return spinharm.jit(run), arguments


def _case(n: int, batch: int, grid_name: str) -> dict[str, Any]:
    grid = GRIDS[grid_name](n)
    compilations = Compilations()
    network, net_state = eqx.nn.make_with_state(SpinResNet)(
        (0,),
        3,
        grid_in=grid,
        grids=[grid] * 4,
        widths=[CHANNELS] * 4,
        num_filter_params=[8] * 4,
        spins_out=(0,),
        channels_out=1,
        output="real",
        key=jax.random.key(0),
    )
    optimizer = make_optimizer(OptimizerConfig(warmup_epochs=0.0), 1, 100)
    state, static = init_state(network, net_state, optimizer, key=jax.random.key(1))
    step = make_step(_loss, static, optimizer)
    x = jax.random.normal(jax.random.key(2), (batch, *grid.shape, 1, 3))
    data = {"x": x, "y": x[..., :1]}
    jax.block_until_ready(data)
    compilations.clear()
    state, result = step(state, data)
    jax.block_until_ready(result)
    # The others place tables on the device.
    first, compiling = compilations.count("jit(program)"), compilations.seconds("jit(program)")
    compilations.clear()
    holder = [state]

    def one_step() -> Any:
        holder[0], result = step(holder[0], data)
        return result

    for _ in range(5):
        jax.block_until_ready(one_step())
    later = compilations.count()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    alone, arguments = _transforms(network, batch)
    rounds = 10 if n < 128 else 6
    times = milliseconds({"step": one_step, "transforms": lambda: alone(arguments)}, rounds)
    return {
        "n": n,
        "grid": str(grid),
        "batch": batch,
        "parameters": parameter_count(network),
        "step [ms]": times["step"],
        "transforms [ms]": times["transforms"],
        "share": times["transforms"] / times["step"],
        "peak [MiB]": peak,
        "programs compiled in step 1": first,
        "in steps 2–6": later,
        "compiling [s]": compiling,
    }


def measure() -> dict[str, Any]:
    """A row per resolution and grid."""
    return {"rows": in_processes(__file__, [(n, batch, grid) for n, batch in CASES for grid in GRIDS])}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="One case, as a JSON line; `run.py training_step` does all of them.")
    parser.add_argument("case", type=json.loads, help='JSON: [n, batch, "n×n" or "Gauss"]')
    print(json.dumps(_case(*parser.parse_args().case)))
