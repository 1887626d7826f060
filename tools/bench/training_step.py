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

import jax
import jax.numpy as jnp
from _residual import residual_step
from _timing import Compilations, in_processes, milliseconds

import spinharm
from spinharm import Grid
from spinnn import SpinBlock, SpinResNet, parameter_count

PACKAGES = ("spinharm", "spinnn", "equinox", "optax")
BETTER = {"share": "neither"}
TABLE = (Path(__file__).resolve().parents[2] / "packages" / "spinnn" / "docs" / "performance.md", ".3g")
CASES = ((32, 16), (64, 4), (128, 1))
CHANNELS = 32
GRIDS = {"n×n": lambda n: Grid.equiangular(n, n), "Gauss": lambda n: Grid.gauss_legendre(n // 2)}


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
    network, step, state, data = residual_step(grid, 4, CHANNELS, batch)
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
