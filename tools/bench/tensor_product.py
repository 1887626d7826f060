"""Tensor products of features of degrees 0 … l_max to all degrees 0 … 2 l_max, beside e3nn-jax, one channel.

Separable weights are factors for l1, l2 and l; independent ones a random number for each path. e3nn-jax computes each
path and sums it with its weight, the same for both. Its Clebsch-Gordan coefficients take a minute at degree 8 and lose
their digits at 12, where they fail its own check, so beyond degree 8 there are no figures of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import e3nn_jax
import jax
import jax.numpy as jnp
import numpy as np
from _fields import real_normal, require_equal
from _timing import milliseconds

import spinharm
from spinharm import Factors, TensorProduct

PACKAGES = ("spinharm", "e3nn-jax")
TABLE = (Path(__file__).with_name("README.md"), ".3g")
DEGREES = (2, 4, 6, 8, 10, 12)
LARGEST_OF_E3NN = 8
BATCH = 10_000

# Takes weights, x and y.
Product = Callable[[Any, jax.Array, jax.Array], jax.Array]


def by_e3nn(product: TensorProduct) -> Product:
    """Every path by e3nn-jax, summed with its weight; takes features (batch, entries)."""
    irreps = e3nn_jax.s2_irreps(product.degrees_1[-1])
    # It sorts the paths by what they lead to.
    order = sorted(
        range(len(product.paths)), key=lambda at: e3nn_jax.Irrep(product.paths[at][2], _parity(product.paths[at]))
    )
    # Its paths have the normalization "component".
    factors = product.coefficients / np.sqrt([2 * path[2] + 1 for path in product.paths])

    @jax.jit
    def run(weights: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        sides = [e3nn_jax.IrrepsArray(irreps, side) for side in (x, y)]
        paths = e3nn_jax.tensor_product(*sides, regroup_output=False)
        scaled = weights * factors.astype(np.float32)
        results: dict[int, Any] = dict.fromkeys(product.degrees_out, 0.0)
        for at, chunk in zip(order, paths.chunks, strict=True):
            assert chunk is not None
            results[product.paths[at][2]] += scaled[at] * chunk[:, 0]
        return jnp.concatenate(list(results.values()), -1)

    return run


def _parity(path: tuple[int, int, int]) -> int:
    return (-1) ** (path[0] + path[1])


def _ours(product: TensorProduct) -> Product:
    return spinharm.jit(lambda weights, x, y: product(x[:, None], y[:, None], weights)[:, 0])


def compare(degree: int, rounds: int, batch: int = BATCH) -> dict[str, Any]:
    """Times at one degree [ms] and how many times as fast as e3nn-jax they are."""
    rng, product = np.random.default_rng(0), TensorProduct(degree)
    x, y = (real_normal(rng, (batch, (degree + 1) ** 2)) for _ in range(2))
    sides = product.degrees_1, product.degrees_2, product.degrees_out
    first, second, out = (real_normal(rng, (len(degrees),)) for degrees in sides)
    factors = Factors(first, second, out)
    multiplied = np.array([first[a] * second[b] * out[c] for a, b, c in product.paths], np.float32)
    independent = real_normal(rng, (len(product.paths),))
    run, even = _ours(product), _ours(TensorProduct(degree, paths="even"))
    candidates: dict[str, Callable[[], Any]] = {
        "separable": lambda: run(factors, x, y),
        "separable, even paths": lambda: even(factors, x, y),
        "independent": lambda: run(independent, x, y),
    }
    require_equal(f"degree {degree}", run(multiplied, x, y), run(factors, x, y), 1e-5)
    if degree <= LARGEST_OF_E3NN:
        theirs = by_e3nn(product)
        require_equal(f"separable, degree {degree}", run(factors, x, y), theirs(multiplied, x, y), 1e-5)
        require_equal(f"independent, degree {degree}", run(independent, x, y), theirs(independent, x, y), 1e-5)
        candidates["e3nn-jax"] = lambda: theirs(independent, x, y)
    times = milliseconds(candidates, rounds)
    theirs_ms = times.get("e3nn-jax")
    return {
        "degree": degree,
        "paths": len(product.paths),
        **{f"{name} [ms]": times.get(name) for name in (*candidates, "e3nn-jax")},
        **{f"ratio, {name}": theirs_ms and theirs_ms / times[name] for name in ("separable", "independent")},
    }


def measure(rounds: int = 8) -> dict[str, Any]:
    """Times by degree."""
    return {"rows": [compare(degree, rounds) for degree in DEGREES]}
