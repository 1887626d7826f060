"""Paths (l1, l2) → l of tensor products, and the coefficient of each in e3nn's Clebsch-Gordan basis."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Path = tuple[int, int, int]
Selection = Literal["all", "even", "odd"]
Normalization = Literal["natural", "gradient", "component", "norm"]


@functools.lru_cache(maxsize=256)
def paths_of(
    degrees_1: tuple[int, ...], degrees_2: tuple[int, ...], degrees_out: tuple[int, ...], selection: Selection
) -> tuple[Path, ...]:
    """All paths between some degrees, in lexical order."""
    return tuple(each_path(degrees_1, degrees_2, degrees_out, selection))


def each_path(
    degrees_1: tuple[int, ...], degrees_2: tuple[int, ...], degrees_out: tuple[int, ...], selection: Selection
) -> Iterator[Path]:
    """Each (l1, l2, l) with |l1 − l2| ≤ l ≤ l1 + l2 and the wanted parity of l1 + l2 + l."""
    parities = {"all": (0, 1), "even": (0,), "odd": (1,)}[selection]
    return (
        (l1, l2, l)
        for l1 in degrees_1
        for l2 in degrees_2
        for l in degrees_out
        if abs(l1 - l2) <= l <= l1 + l2 and (l1 + l2 + l) % 2 in parities
    )


@functools.lru_cache(maxsize=256)
def coefficients(paths: tuple[Path, ...], normalization: Normalization) -> NDArray[np.float64]:
    """The factor of `e3nn_jax.clebsch_gordan(l1, l2, l)`, whose squares sum to 1, in each path of weight 1."""
    if normalization == "component":
        values = [math.sqrt(2 * l + 1) for _, _, l in paths]
    elif normalization == "norm":
        values = [math.sqrt((2 * l1 + 1) * (2 * l2 + 1)) for l1, l2, _ in paths]
    else:
        values = [product_coefficient(path, normalization == "gradient") for path in paths]
    result = np.array(values, np.float64)
    result.flags.writeable = False
    return result


@functools.lru_cache(maxsize=2**16)
def product_coefficient(path: Path, gradient: bool) -> float:
    """The coefficient of a path in the product of two real maps, a·b for even and ∇a × ∇b for odd l1 + l2 + l.

    With `gradient`, it is ∇a · ∇b for even ones.
    """
    l1, l2, l = path
    norm = math.sqrt((2 * l1 + 1) * (2 * l2 + 1) * (2 * l + 1) / (4 * math.pi))
    half, odd = divmod(l1 + l2 + l, 2)
    spin = 1 if odd or gradient else 0
    # The signs are those of e3nn's basis, in which the coefficients of a·b are positive.
    return (-1.0) ** (half + spin) * norm * three_j(l1, l2, l, spin)


def three_j(l1: int, l2: int, l: int, spin: int) -> float:
    """Wigner's 3j symbol (l1 l2 l; s −s 0), by Racah's formula in exact integers."""
    f = math.factorial
    if spin > min(l1, l2):
        return 0.0
    square = Fraction(f(l1 + l2 - l) * f(l1 - l2 + l) * f(l2 + l - l1), f(l1 + l2 + l + 1))
    square *= f(l1 + spin) * f(l1 - spin) * f(l2 + spin) * f(l2 - spin) * f(l) ** 2
    total = Fraction(0)
    for t in range(max(0, l2 - l - spin, l1 - l - spin), min(l1 + l2 - l, l1 - spin, l2 - spin) + 1):
        below = (l - l2 + t + spin, l - l1 + t + spin, l1 + l2 - l - t, l1 - t - spin, l2 - t - spin)
        total += Fraction((-1) ** t, f(t) * math.prod(map(f, below)))
    return (-1.0) ** (l1 - l2) * math.copysign(math.sqrt(square * total * total), total)
