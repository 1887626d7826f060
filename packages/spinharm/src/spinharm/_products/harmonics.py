"""Real spherical harmonics of e3nn's order, and their gradients, ring by ring on the host in float64.

y_lm, m = −l … l, are orthonormal and without the Condon-Shortley phase: √2 λ_lm(θ) cos mφ for m > 0, λ_l0 for m = 0 and
√2 λ_l|m| sin |m|φ for m < 0, at l² + l + m (`convert.to_e3nn`). The gradient here is that of y_lm divided by
√(l (l + 1)): the real and imaginary part of −₁Y, of degree l, whose components have a mean square like that of y_lm.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._arrays.cache import cached_table
from .._coefficients import recursion

Profiles = NDArray[np.float64]


class Rings(NamedTuple):
    """Profiles along a meridian, shape (degree, |m|, rings): each y_lm is `value` times cos mφ or sin |m|φ.

    Along θ and φ, the gradient of a cosine is (`slope` cos mφ, −`turn` sin mφ), of a sine (`slope` sin mφ, `turn`
    cos mφ).
    """

    value: Profiles
    slope: Profiles
    turn: Profiles


@cached_table
def rings(bandlimit: int, colatitude: tuple[float, ...]) -> Rings:
    """The profiles of all degrees below a bandlimit on rings at some colatitudes."""
    theta = np.array(colatitude)
    plus, _ = _joined(bandlimit, theta, 0)
    direct, crossed = _joined(bandlimit, theta, 1)
    return Rings(plus, -direct, crossed)


def _joined(bandlimit: int, theta: Profiles, spin: int) -> tuple[Profiles, Profiles]:
    """((−1)^m λ_m ± λ_{−m})/√2 for m ≥ 0, where sYlm = λ_lm e^{imφ}; for m = 0 λ_0 and zero."""
    order = np.arange(-bandlimit + 1, bandlimit)
    rows = recursion.degrees(bandlimit, order[:, None], np.array([[-spin]]), theta)
    d = np.stack([row * np.sqrt((2 * l + 1) / (4 * np.pi)) for l, row in enumerate(rows)])
    table = (-1.0) ** spin * d
    m = np.arange(bandlimit)
    positive = (-1.0) ** m[:, None] * table[:, bandlimit - 1 :]
    negative = table[:, bandlimit - 1 :: -1]
    scale = np.where(m == 0, 0.5, 0.5**0.5)[:, None]
    return scale * (positive + negative), scale * (positive - negative)


def orders(degrees: tuple[int, ...]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Degree and order of each entry of features that hold some degrees, m = −l … l of one after the other."""
    degree = np.repeat(degrees, [2 * l + 1 for l in degrees]).astype(np.int32)
    return degree, np.concatenate([np.arange(-l, l + 1, dtype=np.int32) for l in degrees])


def at_points(
    degrees: tuple[int, ...], colatitude: NDArray[np.float64], longitude: NDArray[np.float64]
) -> tuple[Profiles, Profiles, Profiles]:
    """y_lm and both components of its gradient at points, each of shape (points, entries of `degrees`)."""
    unique, ring = np.unique(colatitude, return_inverse=True)
    tables = rings(max(degrees) + 1, tuple(unique.tolist()))
    degree, order = orders(degrees)
    m = abs(order)
    angle = longitude[:, None] * m
    cosine, sine = np.cos(angle), np.sin(angle)
    own, other = np.where(order < 0, sine, cosine), np.where(order < 0, cosine, -sine)
    value, slope, turn = (table[degree, m].T[ring] for table in tables)
    return value * own, slope * own, turn * other
