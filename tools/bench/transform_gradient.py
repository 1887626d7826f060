"""The gradient of a transform beside the transform of the opposite direction, which does the same work.

Transforms are linear: the gradient of `forward` is a synthesis of the cotangent with tables of its own, and that of
`inverse` an analysis. Only the pull-back of a cotangent is timed; the sizes are those of `transform_torus`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from _fields import complex_normal, in_milliseconds, require_equal
from _timing import milliseconds
from transform_torus import SIZES, SPINS

import spinharm
from spinharm import Grid, SpinTransform

PACKAGES = ("spinharm",)
TABLE = (Path(__file__).resolve().parents[2] / "packages" / "spinharm" / "docs" / "performance.md", ".3g")
BETTER = {"forward's over inverse": "less", "inverse's over forward": "less", "largest ratio": "less"}


def _pull_back(function: Any, x: jax.Array) -> Any:
    return spinharm.jit(lambda cotangent: jax.vjp(function, jnp.zeros_like(x))[1](cotangent)[0])


def _check(name: str, function: Any, pull_back: Any, x: jax.Array, cotangent: jax.Array) -> None:
    """<w, A x> = <Aᵀ w, x>, without conjugation, as JAX's cotangents are."""
    # Sums of products of random numbers: compared with their size, not with the sum.
    left = jnp.sum(cotangent * function(x)) / jnp.linalg.norm(cotangent) / jnp.linalg.norm(function(x))
    right = jnp.sum(pull_back(cotangent) * x) / jnp.linalg.norm(cotangent) / jnp.linalg.norm(function(x))
    require_equal(name, 1 + left, 1 + right, 1e-5)


def measure(rounds: int = 15) -> dict[str, Any]:
    """Times [ms] by grid and direction, and the ratio of the gradient to the opposite direction."""
    rng = np.random.default_rng(0)
    rows = []
    for n, batch, channels in SIZES:
        for grid in (Grid.equiangular(n, n), Grid.gauss_legendre(n // 2)):
            transform = SpinTransform(grid, n // 2, SPINS)
            maps = complex_normal(rng, (batch, *grid.shape, len(SPINS), channels))
            forward, inverse = spinharm.jit(transform.forward), spinharm.jit(transform.inverse)
            coeffs = forward(maps)
            of_forward, of_inverse = _pull_back(transform.forward, maps), _pull_back(transform.inverse, coeffs)
            _check(f"gradient of forward on {grid}", forward, of_forward, maps, coeffs)
            _check(f"gradient of inverse on {grid}", inverse, of_inverse, coeffs, maps)
            times = milliseconds(
                {
                    "inverse": lambda f=inverse, x=coeffs: f(x),
                    "gradient of forward": lambda f=of_forward, x=coeffs: f(x),
                    "forward": lambda f=forward, x=maps: f(x),
                    "gradient of inverse": lambda f=of_inverse, x=maps: f(x),
                },
                rounds,
            )
            ratios = {
                "forward's over inverse": times["gradient of forward"] / times["inverse"],
                "inverse's over forward": times["gradient of inverse"] / times["forward"],
            }
            rows.append(
                {"grid": str(grid), "batch × channels": f"{batch} × {channels}", **in_milliseconds(times), **ratios}
            )
            spinharm.clear_tables()
    largest = max(max(row["forward's over inverse"], row["inverse's over forward"]) for row in rows)
    return {"rows": rows, "largest ratio": largest}
