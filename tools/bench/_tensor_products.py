"""Contestants of the benchmarks of tensor products: spinharm and peers, on the same features and weights.

Each takes features (batch, entries) of degrees 0 … l_max, all paths to degrees 0 … 2 l_max, one channel. Separable
weights are factors for l1, l2 and l; independent ones a random number for each path.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable
from typing import Any

import e3nn_jax
import jax
import jax.numpy as jnp
import numpy as np
from _fields import real_normal

import spinharm
from spinharm import Factors, TensorProduct


class Run:
    """A compiled program with its arguments."""

    def __init__(self, program: Any, *arguments: Any) -> None:
        """Compile a function of `jax.jit` or `spinharm.jit`."""
        self._compiled, self._arguments = program.lower(*arguments).compile(), arguments

    def __call__(self) -> jax.Array:
        """Run it."""
        return self._compiled(*self._arguments)

    @property
    def memory(self) -> float:
        """Memory that the program takes beside its arguments and its result [MiB]."""
        return self._compiled.memory_analysis().temp_size_in_bytes / 2**20


# The module that a contestant needs, its largest degree, and why it stops there.
LIMITS = {
    "e3nn-jax": ("e3nn_jax", 8, "its coefficients of degree 9 and more take minutes and lose their digits"),
    "cuequivariance-jax": ("cuequivariance_jax", 8, "its program compiles for minutes"),
    "harmonyx, even paths": ("harmonyx", 8, "its program compiles for minutes"),
    "harmonyx": ("harmonyx", 8, "its program compiles for minutes"),
}


@dataclasses.dataclass(frozen=True)
class Problem:
    """Features of one degree, and weights.

    Attributes:
        product: The tensor product of all paths.
        x: Features (batch, entries).
        y: The same.
        factors: Separable weights.
        independent: A weight for each path.
    """

    product: TensorProduct
    x: jax.Array
    y: jax.Array
    factors: Factors
    independent: jax.Array

    @classmethod
    def random(cls, degree: int, batch: int) -> Problem:
        """Of variance one."""
        rng, product = np.random.default_rng(0), TensorProduct(degree)
        x, y = (real_normal(rng, (batch, (degree + 1) ** 2)) for _ in range(2))
        sides = product.degrees_1, product.degrees_2, product.degrees_out
        factors = Factors(*(real_normal(rng, (len(degrees),)) for degrees in sides))
        return cls(product, x, y, factors, real_normal(rng, (len(product.paths),)))

    @property
    def degree(self) -> int:
        """The largest degree of the features."""
        return self.product.degrees_1[-1]

    @property
    def multiplied(self) -> jax.Array:
        """The separable weights as one for each path."""
        first, second, out = (np.asarray(factor) for factor in self.factors)
        return jnp.asarray([first[a] * second[b] * out[c] for a, b, c in self.product.paths], jnp.float32)


def left_out(name: str, degree: int) -> str | None:
    """Why a contestant has no figures at this degree, or None."""
    _, largest, why = LIMITS.get(name, ("spinharm", degree, ""))
    return None if degree <= largest else f"{name}: {why}"


def contestants(problem: Problem) -> dict[str, Callable[[], Run]]:
    """What makes each contestant that is installed ready to run, by name."""
    p = problem
    every: dict[str, Callable[[], Run]] = {
        "separable": lambda: _ours(p, TensorProduct(p.degree), p.factors),
        "separable, even paths": lambda: _ours(p, TensorProduct(p.degree, paths="even"), p.factors),
        "independent": lambda: _ours(p, p.product, p.independent),
        "e3nn-jax": lambda: _e3nn(p, p.independent),
        "cuequivariance-jax": lambda: _cuequivariance(p, p.independent),
        "harmonyx, even paths": lambda: _harmonyx(p, even=True),
        "harmonyx": lambda: _harmonyx(p, even=False),
    }
    return {name: make for name, make in every.items() if importlib.util.find_spec(LIMITS.get(name, ("spinharm",))[0])}


# The contestant of spinharm that computes the same as a peer.
SAME = {
    "e3nn-jax": "independent",
    "cuequivariance-jax": "independent",
    "harmonyx, even paths": "separable, even paths",
    "harmonyx": "separable",
}


def _ours(problem: Problem, product: TensorProduct, weights: Any) -> Run:
    run = spinharm.jit(lambda weights, x, y: product(x[:, None], y[:, None], weights)[:, 0])
    return Run(run, weights, problem.x, problem.y)


def ours_of_paths(problem: Problem) -> jax.Array:
    """The product with separable weights, multiplied out."""
    return _ours(problem, problem.product, problem.multiplied)()


def _e3nn(problem: Problem, weights: jax.Array) -> Run:
    """Every path by e3nn-jax, summed with its weight."""
    product = problem.product
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

    return Run(run, weights, problem.x, problem.y)


def _parity(path: tuple[int, int, int]) -> int:
    return (-1) ** (path[0] + path[1])


def _cuequivariance(problem: Problem, weights: jax.Array) -> Run:
    """Run the fully connected product of cuequivariance without channels, by its method for processors without CUDA."""
    import cuequivariance  # pyright: ignore[reportMissingImports] (an environment of its own)
    import cuequivariance_jax  # pyright: ignore[reportMissingImports]

    product = problem.product
    first, second, out = (
        cuequivariance.Irreps("SO3", " + ".join(f"1x{degree}" for degree in degrees))
        for degrees in (product.degrees_1, product.degrees_2, product.degrees_out)
    )
    polynomial = cuequivariance.descriptors.fully_connected_tensor_product(first, second, out).polynomial
    ((_, operation),) = polynomial.operations
    # Its coefficients are those of e3nn times a factor for each path.
    at = {path: number for number, path in enumerate(product.paths)}
    places, factors = np.empty(len(product.paths), np.int32), np.empty(len(product.paths), np.float32)
    for path in operation.paths:
        weight, *degrees = path.indices
        places[weight] = at[tuple(degrees)]
        factors[weight] = product.coefficients[places[weight]] / np.linalg.norm(path.coefficients)
    shape = jax.ShapeDtypeStruct((len(problem.x), (2 * problem.degree + 1) ** 2), jnp.float32)

    @jax.jit
    def run(weights: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        inputs = [(weights[places] * factors)[None], x, y]
        return cuequivariance_jax.segmented_polynomial(polynomial, inputs, [shape], method="naive")[0]

    return Run(run, weights, problem.x, problem.y)


def _harmonyx(problem: Problem, *, even: bool) -> Run:
    """Separable weights by harmonyx: a product of scalar maps, and for odd paths the cross product of their gradients.

    Its vector harmonics hold the gradient of y_lm / √(l (l + 1)), of degrees l ± 1, and cross products of gradients,
    which are radial: two constant tables, the coefficients of ∇Y and of the radial field Y in vector harmonics.
    """
    from harmonyx import TensorSphericalHarmonics as Fields  # pyright: ignore[reportMissingImports]

    degree, scale = problem.degree, np.float32(np.sqrt(4 * np.pi))
    gradient = _vector_table(degree, degree + 1, lambda j: (np.sqrt((j + 1) / (2 * j + 1)), -np.sqrt(j / (2 * j + 1))))
    gradient[0] = 0
    radial = _vector_table(
        2 * degree, 2 * degree + 2, lambda j: (np.sqrt(j / (2 * j + 1)), np.sqrt((j + 1) / (2 * j + 1)))
    )
    # Outside of programs: it keeps these tables.
    irreps = {key: Fields.get_irreps(s=key[0], lmax=key[1], parity=1) for key in ((0, degree), (1, degree + 1))}
    for s, lmax in ((0, 2 * degree), (1, 2 * degree + 2)):
        Fields.get_irreps(s=s, lmax=lmax, parity=1)
    by_entry = [np.repeat(np.arange(n), 2 * np.arange(n) + 1) for n in (degree + 1, degree + 1, 2 * degree + 1)]

    def multiplied(s: int, lmax: int, x: jax.Array, y: jax.Array) -> jax.Array:
        a, b = (Fields(e3nn_jax.IrrepsArray(irreps[s, lmax], side), s=s, lmax=lmax) for side in (x, y))
        # The smallest grid that is exact, of an even number of rings.
        rings = 2 * lmax + 2
        return a.reduce_pointwise_tensor_product(
            b, s_out=s, res_beta=rings, res_alpha=4 * lmax + 1, quadrature="gausslegendre"
        ).coeffs.array

    def one(x: jax.Array, y: jax.Array) -> jax.Array:
        result = multiplied(0, degree, x, y)
        if not even:
            # Its product of vectors is the cross product over √2.
            result += np.float32(np.sqrt(2)) * (radial @ multiplied(1, degree + 1, x @ gradient, y @ gradient))
        return result / scale

    @jax.jit
    def run(factors: Factors, x: jax.Array, y: jax.Array) -> jax.Array:
        first, second, out = (jnp.asarray(factor)[at] for factor, at in zip(factors, by_entry, strict=True))
        return jax.vmap(one)(x * first, y * second) * out

    return Run(run, problem.factors, problem.x, problem.y)


def _vector_table(degree: int, lmax: int, of_degree: Callable[[int], tuple[float, float]]) -> np.ndarray:
    """Fields by degree j as coefficients of harmonyx's vector harmonics (l, j), given those of l = j − 1 and j + 1."""
    blocks = [(low, j) for low in range(lmax + 1) for j in range(abs(low - 1), low + 2)]
    starts = np.cumsum([0, *(2 * j + 1 for _, j in blocks)])
    table = np.zeros(((degree + 1) ** 2, starts[-1]), np.float32)
    for (low, j), start in zip(blocks, starts, strict=False):
        if j <= degree and low != j:
            size = 2 * j + 1
            table[j * j : j * j + size, start : start + size] = of_degree(j)[int(low > j)] * np.eye(size)
    return table
