"""Equivariance error of activations in a block, and the time of its gradient, by bandlimit.

A `SpinBlock` of 16 channels and spins 0 and 1 takes maps on the Gauss grid of its bandlimit and returns such maps.
Input is white noise of the full band, the rotation is random; the error is ‖f(Rx) − R f(x)‖ / ‖R f(x)‖ on coefficients
in float32, from `spinnn.testing.equivariance_error`. Beside it stands the time of value and gradient, divided by that
of the block with `PhaseCollapse`; all blocks of a bandlimit take turns in one process. "grid" is the activation's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from _timing import milliseconds

import spinharm
from spinharm import Grid
from spinnn import BlockOptions, SpectralBatchNorm, SpinBlock, SpinConv
from spinnn.testing import RandomInput, equivariance_error

PACKAGES = ("spinharm", "spinnn", "equinox")
BETTER = {"time / phase_collapse": "less"}
TABLE = (Path(__file__).resolve().parents[2] / "packages" / "spinnn" / "docs" / "equivariance.md", ".2g")
# Bandlimits, and elements of a batch: as many points in all.
SIZES = ((4, 64), (8, 16), (16, 4), (32, 1))
CHANNELS, SPINS = 16, (0, 1)
OVERSAMPLING: dict[Any, tuple[float, ...]] = {
    "phase_collapse": (1.0, 1.5, 2.0),
    "magnitude": (1.0, 1.5, 2.0),
    "gated": (1.0,),
    "s2": (1.0, 1.5, 2.0),
}


class Case(NamedTuple):
    """A block.

    Attributes:
        name: The activation.
        options: Its options.
        square: Whether the block is on the n×n grid of its bandlimit, n = 2 L, in place of a Gauss grid.
    """

    name: str
    options: BlockOptions
    square: bool = False

    def grid(self, bandlimit: int) -> Grid:
        """The grid of the block's maps."""
        return Grid.equiangular(2 * bandlimit, 2 * bandlimit) if self.square else Grid.gauss_legendre(bandlimit)


def cases() -> list[Case]:
    """All blocks of a bandlimit, of which the first is the one that times are divided by."""
    plain = [
        Case(name if factor == 1 else f"{name} ×{factor:g}", BlockOptions(activation=name, oversampling=factor))
        for name, factors in OVERSAMPLING.items()
        for factor in factors
    ]
    square = Case("phase_collapse", BlockOptions(), square=True)
    exact = [Case(f"product, order {n}", BlockOptions(activation="product", product_order=n)) for n in (2, 3)]
    return [*plain, square, *exact]


def _compiled(case: Case, bandlimit: int) -> Callable[[jax.Array], tuple[Any, jax.Array]]:
    """Gradient and value of a block."""
    grid = case.grid(bandlimit)
    block, state = eqx.nn.make_with_state(SpinBlock)(
        SPINS, SPINS, CHANNELS, CHANNELS, grid_in=grid, grid_out=grid, bandlimit=bandlimit, options=case.options,
        key=jax.random.key(0),
    )  # fmt: skip
    params, rest = eqx.partition(block, eqx.is_inexact_array)

    def loss(params: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        out, _ = eqx.combine(params, rest)(x, jax.tree.map(lambda leaf: leaf, state))
        return jnp.sum(out.real**2 + out.imag**2), out

    run = spinharm.jit(jax.grad(loss, (0, 1), has_aux=True))
    return lambda x: run(params, x)


def _of_blocks(bandlimit: int, batch: int, rounds: int) -> list[dict[str, Any]]:
    rows, candidates = [], {}
    for case in cases():
        grid, run = case.grid(bandlimit), _compiled(case, bandlimit)
        given = RandomInput(bandlimit, SPINS, CHANNELS, grid=grid, batch=(batch,))
        error = equivariance_error(
            lambda x, run=run: run(x)[1],
            given,
            spins_out=SPINS,
            grid_out=grid,
            bandlimit_out=bandlimit,
            key=jax.random.key(1),
        )
        at = case.options.activation_grid(bandlimit) or grid
        name = f"{case.name}, n×n" if case.square else case.name
        rows.append({"L": bandlimit, "layer": name, "grid": f"{at.nlat}×{at.nlon}", "error": error})
        x = given.as_given(given.coefficients(jax.random.key(2)))
        candidates[name] = lambda x=x, run=run: run(x)
    times = milliseconds(candidates, rounds)
    first = times[rows[0]["layer"]]
    return [{**row, "time / phase_collapse": times[row["layer"]] / first} for row in rows]


def _of_linear_layers(bandlimit: int, batch: int) -> list[dict[str, Any]]:
    """Layers that act on coefficients."""
    conv = SpinConv(SPINS, SPINS, CHANNELS, CHANNELS, bandlimit=bandlimit, key=jax.random.key(0))
    norm, state = eqx.nn.make_with_state(SpectralBatchNorm)(SPINS, CHANNELS)
    layers = {"SpinConv": conv, "SpectralBatchNorm": lambda x: norm(x, jax.tree.map(lambda leaf: leaf, state))[0]}
    given = RandomInput(bandlimit, SPINS, CHANNELS, batch=(batch,))
    return [
        {
            "L": bandlimit,
            "layer": name,
            "grid": None,
            "error": equivariance_error(spinharm.jit(layer), given, spins_out=SPINS, key=jax.random.key(1)),
            "time / phase_collapse": None,
        }
        for name, layer in layers.items()
    ]


def measure(rounds: int = 10) -> dict[str, Any]:
    """Errors, and times as ratios, by bandlimit and activation."""
    rows = []
    for bandlimit, batch in SIZES:
        rows += _of_linear_layers(bandlimit, batch) + _of_blocks(bandlimit, batch, rounds)
    return {"rows": rows}
