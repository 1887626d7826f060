"""The zonal Gaussian that spreads a pair over the sphere, and its coefficients."""

from __future__ import annotations

import functools
import math

import numpy as np

from .. import _checks

# No bandlimit that fits into memory resolves a narrower one.
_NARROWEST = 1e-3


def variance(cutoff_angle: float) -> float:
    """σ² of exp(−(t − 1)²/σ²), t the cosine, with 5 % left at `cutoff_angle` [radians]."""
    angle = _checks.positive_float("cutoff_angle", cutoff_angle)
    if not _NARROWEST <= angle <= math.pi:
        raise ValueError(f"`cutoff_angle` must be {_NARROWEST} … π [radians], got {angle}")
    return -((math.cos(angle) - 1) ** 2) / math.log(0.05)


@functools.lru_cache(maxsize=64)
def zonal_coefficients(bandlimit: int, cutoff_angle: float) -> np.ndarray:
    """g_l = 2π ∫ exp(−(t − 1)²/σ²) P_l(t) dt over −1 … 1, l = 0 … L−1, float64, by Gauss-Legendre quadrature."""
    sigma = math.sqrt(variance(cutoff_angle))
    nodes, weights = np.polynomial.legendre.leggauss(128 + bandlimit)
    # Beyond 12 σ the Gaussian is below 1e-62; the nodes are placed where it is not negligible.
    reach = min(2.0, 12 * sigma)
    t = 1 - reach * (nodes + 1) / 2
    weighted = np.exp(-(((t - 1) / sigma) ** 2)) * weights * (math.pi * reach)
    previous, current = np.zeros_like(t), np.ones_like(t)
    result = np.empty(bandlimit)
    for degree in range(bandlimit):
        result[degree] = weighted @ current
        previous, current = current, ((2 * degree + 1) * t * current - degree * previous) / (degree + 1)
    result.flags.writeable = False
    return result
