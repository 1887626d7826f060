"""Blocks of small bandlimit in their compact layout beside the same blocks layer by layer: value and gradient.

A residual block of 32 channels, spins 0 and 1, on Gauss grids; the elements of a batch are as many atoms. Both take
turns in one process.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from _timing import geometric_mean, milliseconds

import spinharm
from spinharm import Grid
from spinnn import SpinResidualBlock, _tuning

PACKAGES = ("spinharm", "spinnn", "equinox")
TABLE = (Path(__file__).with_name("README.md"), ".3g")
SIZES = ((4, 512), (6, 256), (8, 128), (12, 64), (16, 32))
CHANNELS = 32


def _step(block: Any, state: Any, shape: tuple[int, ...], largest: int) -> Any:
    """A compiled gradient of a block that takes the fast layout up to `largest` degrees."""
    params, rest = eqx.partition(block, eqx.is_inexact_array)

    def loss(params: Any, x: jax.Array) -> jax.Array:
        fresh = jax.tree.map(lambda leaf: leaf, state)
        out, _ = eqx.combine(params, rest)(x, fresh)
        return jnp.sum(out.real**2 + out.imag**2)

    run = spinharm.jit(jax.grad(loss, (0, 1)))
    usual, _tuning.TUNING = _tuning.TUNING, _tuning.Tuning(largest_block=largest)
    try:
        run(params, jnp.zeros(shape, jnp.complex64))
    finally:
        _tuning.TUNING = usual
    return lambda x: run(params, x)


def measure(rounds: int = 8) -> dict[str, Any]:
    """Times of a gradient [ms] and their ratio by bandlimit."""
    rows = []
    for bandlimit, atoms in SIZES:
        grid = Grid.gauss_legendre(bandlimit)
        block, state = eqx.nn.make_with_state(SpinResidualBlock)(
            (0, 1), (0, 1), CHANNELS, CHANNELS, grid_in=grid, grid_out=grid, key=jax.random.key(0)
        )
        real, imaginary = jax.random.normal(jax.random.key(1), (2, atoms, *grid.shape, 2, CHANNELS))
        x = jax.lax.complex(real, imaginary)
        candidates = {
            "compact": _step(block, state, x.shape, bandlimit),
            "layer by layer": _step(block, state, x.shape, 0),
        }
        times = milliseconds({name: lambda f=f, x=x: f(x) for name, f in candidates.items()}, rounds)
        rows.append(
            {
                "bandlimit": bandlimit,
                "atoms": atoms,
                **{f"{name} [ms]": time for name, time in times.items()},
                "ratio": times["layer by layer"] / times["compact"],
            }
        )
    return {"rows": rows, "geometric mean ratio": geometric_mean([row["ratio"] for row in rows])}
