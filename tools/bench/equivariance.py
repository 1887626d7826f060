"""Equivariance error of blocks and networks by resolution, grid and activation: float32, random input and rotation.

The input is white noise of the full band, real, spin 0; the rotation is random. Each figure is the root mean square
over three inputs and rotations of ‖f(Rx) − R f(x)‖ / ‖R f(x)‖ on coefficients, from
`spinnn.testing.equivariance_error`. All grids of a row have the same bandlimit L = n/2: the paper's n×n with poles,
Gauss-Legendre n/2×n, and Gauss-Legendre grids with 1.5 and 2 times the rings and longitudes.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

import spinharm
from spinharm import Grid, SpinTransform
from spinnn import (
    BlockOptions,
    SpatialBatchNorm,
    SpectralBatchNorm,
    SpectralPool,
    SpinConv,
    SpinResidualBlock,
    SpinResNet,
    SpinUNet,
)
from spinnn.testing import RandomInput, equivariance_error

PACKAGES = ("spinharm", "spinnn", "equinox")
BETTER = {"*": "less"}
TABLE = (Path(__file__).resolve().parents[2] / "packages" / "spinnn" / "docs" / "equivariance.md", ".2g")
SIZES = (16, 32, 64)
ACTIVATIONS = ("phase_collapse", "magnitude", "gated")
GRIDS = {
    "n×n": lambda L: Grid.equiangular(2 * L, 2 * L),
    "Gauss": lambda L: Grid.gauss_legendre(L),
    "Gauss ×1.5": lambda L: Grid.gauss_legendre(L + L // 2),
    "Gauss ×2": lambda L: Grid.gauss_legendre(2 * L),
}
CHANNELS = 4


def _networks(make_grid: Any, bandlimit: int, activation: Any) -> dict[str, Any]:
    """Constructors of the residual block and the backbones, all from maps and to maps of `bandlimit` degrees."""
    grid, options = make_grid(bandlimit), BlockOptions(activation=activation)
    half = make_grid(bandlimit // 2)
    ends = {"grid_in": grid, "spins_out": (0,), "channels_out": CHANNELS, "options": options}
    return {
        "SpinResidualBlock": functools.partial(
            SpinResidualBlock,
            (0,),
            (0, 1),
            CHANNELS,
            CHANNELS,
            grid_in=grid,
            grid_out=grid,
            bandlimit=bandlimit,
            options=options,
        ),
        "SpinResNet": functools.partial(
            SpinResNet, (0,), CHANNELS, grids=[grid] * 3, widths=[CHANNELS] * 3, bandlimits=[bandlimit] * 3, **ends
        ),
        "SpinUNet": functools.partial(
            SpinUNet,
            (0,),
            CHANNELS,
            grids=[grid, half, grid],
            widths=[CHANNELS] * 3,
            bandlimits=[bandlimit, bandlimit // 2, bandlimit],
            **ends,
        ),
    }


def _open(part: Any) -> Any:
    """The part with all scales of norms at 1: at the start a residual block would be its shortcut alone."""

    def is_block(x: Any) -> bool:
        return isinstance(x, SpinResidualBlock)

    def opened(x: Any) -> Any:
        if not is_block(x):
            return x
        return eqx.tree_at(lambda b: b.second_norm.affine.scale, x, jnp.ones_like(x.second_norm.affine.scale))

    return jax.tree.map(opened, part, is_leaf=is_block)


Map = Callable[[jax.Array], jax.Array]


def _compiled(make: Any) -> Map:
    network, state = eqx.nn.make_with_state(make)(key=jax.random.key(0))
    network = _open(network)
    run = spinharm.jit(lambda x, state: network(x, state)[0])
    return lambda x: run(x, jax.tree.map(lambda leaf: leaf, state))


def _linear_layers(grid: Grid, bandlimit: int) -> dict[str, Map]:
    """Layers that act on coefficients, between two transforms, and the spatial norm."""
    conv = SpinConv((0,), (0, 1), CHANNELS, CHANNELS, bandlimit=bandlimit, num_filter_params=4, key=jax.random.key(0))
    norm, state = eqx.nn.make_with_state(SpectralBatchNorm)((0,), CHANNELS)
    spatial, spatial_state = eqx.nn.make_with_state(SpatialBatchNorm)((0,), CHANNELS, grid=grid)
    forward = SpinTransform(grid, bandlimit).forward
    return {
        "SpinConv": lambda x: SpinTransform(grid, bandlimit, (0, 1)).inverse(conv(forward(x))),
        "SpectralBatchNorm": lambda x: SpinTransform(grid, bandlimit).inverse(
            norm(forward(x), jax.tree.map(lambda leaf: leaf, state))[0]
        ),
        "SpatialBatchNorm": lambda x: spatial(x, jax.tree.map(lambda leaf: leaf, spatial_state))[0],
        "SpectralPool": lambda x: SpinTransform(grid, bandlimit // 2).inverse(SpectralPool(bandlimit // 2)(forward(x))),
    }


def _error(run: Map, grid: Grid, bandlimit: int, spins_out: tuple[int, ...]) -> float:
    squares = [
        equivariance_error(
            run,
            RandomInput(bandlimit, (0,), CHANNELS, grid=grid, real=True),
            spins_out=spins_out,
            grid_out=grid,
            bandlimit_out=bandlimit,
            key=jax.random.key(seed + 1),
        )
        ** 2
        for seed in range(3)
    ]
    return math.sqrt(sum(squares) / len(squares))


def measure() -> dict[str, Any]:
    """Errors by resolution, network and activation, a column per grid."""
    rows = []
    for n in SIZES:
        L, grids = n // 2, {label: make(n // 2) for label, make in GRIDS.items()}
        layers = {label: _linear_layers(grid, L) for label, grid in grids.items()}
        for name in layers["Gauss"]:
            spins_out = (0, 1) if name == "SpinConv" else (0,)
            errors = {label: _error(spinharm.jit(layers[label][name]), grids[label], L, spins_out) for label in grids}
            rows.append({"n": n, "network": name, "activation": None, **errors})
        for name in ("SpinResidualBlock", "SpinResNet", "SpinUNet"):
            spins_out = (0, 1) if name == "SpinResidualBlock" else (0,)
            for activation in ACTIVATIONS:
                runs = {label: _compiled(_networks(GRIDS[label], L, activation)[name]) for label in GRIDS}
                errors = {label: _error(runs[label], grids[label], L, spins_out) for label in GRIDS}
                rows.append({"n": n, "network": name, "activation": activation, **errors})
    return {"rows": rows}
