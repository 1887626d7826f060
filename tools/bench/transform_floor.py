"""The share of a transform's time that its arithmetic takes: the same Fourier transforms and products, measured alone.

The floor is an FFT along the rings plus the products between rings and degrees, each on arrays laid out for it: rings
along the last axis for the FFT, and for products contiguous matrices with all columns of an order together. Nothing is
transposed, joined or converted. A second floor has the products with cosines and sines, as the transform folds them, in
place of the FFT. The sizes are those of `transform_torus`; tables are cut into the same blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from _fields import complex_normal, in_milliseconds, real_normal
from _timing import milliseconds
from jax import lax
from transform_torus import SIZES, SPINS

import spinharm
from spinharm import Grid, SpinTransform
from spinharm._transform.plan import Plan

PACKAGES = ("spinharm",)
TABLE = (Path(__file__).with_name("README.md"), ".3g")
BETTER = dict.fromkeys(
    ("share, forward", "share, inverse", "share of products, forward", "share of products, inverse"), "more"
)


@jax.jit
def _products(pairs: list[tuple[jax.Array, jax.Array]]) -> list[jax.Array]:
    return [jnp.matmul(matrix, columns, precision=lax.Precision.HIGHEST) for matrix, columns in pairs]


def _along_rings(plan: Plan, fields: int, rng: np.random.Generator) -> dict[str, Callable[[], Any]]:
    rows, nlon = plan.grid.nlat * fields, plan.grid.nlon
    rings = complex_normal(rng, (rows, nlon))
    fft = jax.jit(jnp.fft.fft)
    # Cosines and sines, of real and imaginary parts, of half a ring.
    wave = real_normal(rng, (plan.bandlimit, nlon // 2))
    parts = [(wave, real_normal(rng, (nlon // 2, rows))) for _ in range(4)]
    return {"FFT": lambda: fft(rings), "DFT products": lambda: _products(parts)}


def _between_rings_and_degrees(plan: Plan, columns: int, rng: np.random.Generator) -> Callable[[], Any]:
    pairs = []
    for (first, last), degree, (north, south) in plan.blocks:
        sizes = (plan.bandlimit - degree, south - north)
        out, inner = sizes if plan.gives_degrees else sizes[::-1]
        batch = ((last - first) * len(plan.spins),)
        matrix, right = (real_normal(rng, (*batch, *shape)) for shape in ((out, inner), (inner, columns)))
        pairs.append((matrix, right))
    return lambda: _products(pairs)


def measure(rounds: int = 15) -> dict[str, Any]:
    """Times [ms] by grid: both directions, their parts alone, and the share of the floor."""
    rng = np.random.default_rng(0)
    rows = []
    for n, batch, channels in SIZES:
        for grid in (Grid.equiangular(n, n), Grid.gauss_legendre(n // 2)):
            transform = SpinTransform(grid, n // 2, SPINS)
            plan, synthesis = (transform._plan(one, "float32") for one in ("analysis", "synthesis"))
            maps = complex_normal(rng, (batch, *grid.shape, len(SPINS), channels))
            forward, inverse = spinharm.jit(transform.forward), spinharm.jit(transform.inverse)
            coeffs = forward(maps)
            columns = plan.parts * batch * channels
            times = milliseconds(
                {
                    "forward": lambda f=forward, x=maps: f(x),
                    "inverse": lambda f=inverse, x=coeffs: f(x),
                    **_along_rings(plan, len(SPINS) * batch * channels, rng),
                    "products to degrees": _between_rings_and_degrees(plan, columns, rng),
                    "products to rings": _between_rings_and_degrees(synthesis, columns, rng),
                },
                rounds,
            )
            shares = {}
            for name, fourier in (("share", "FFT"), ("share of products", "DFT products")):
                for direction, target in (("forward", "degrees"), ("inverse", "rings")):
                    floor = times[fourier] + times[f"products to {target}"]
                    shares[f"{name}, {direction}"] = floor / times[direction]
            rows.append(
                {"grid": str(grid), "batch × channels": f"{batch} × {channels}", **in_milliseconds(times), **shares}
            )
            spinharm.clear_tables()
    return {"rows": rows}
