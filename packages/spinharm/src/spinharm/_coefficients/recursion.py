"""Wigner d functions by the three-term recursion over degree, in float64 NumPy: the source of all tables.

    d^{l+1}_{mn}(β) = gain · (cos β − shift) · d^l_{mn}(β) − decay · d^{l−1}_{mn}(β)

started at degree max(|m|, |n|), where d is one product of powers of cos(β/2) and sin(β/2). The recursion runs upwards
in the direction in which d grows, and loses no more than a few digits at degree 2048.

Starting values far below the smallest float64 belong to points near a pole that the wave of order m only reaches at
degrees above m / sin β. They are carried multiplied by 2^900, which covers every value that matters up to bandlimit
3000: max over m <= l sin β of −log2(sin^m β) is 0.53 l.

References:
    Varshalovich, Moskalev, Khersonskii, Quantum Theory of Angular Momentum (1988), 4.8.2 (14).
    Kostelec and Rockmore, FFTs on the rotation group (2008), equation (2.11).
"""

import math
from collections.abc import Iterator

import numpy as np

_SMALLEST_LOG2 = -900.0
LARGEST_BANDLIMIT = 3000
# Entries of one degree computed at a time: they stay in cache from degree to degree.
_CACHED = 2**15


def start_degree(m: np.ndarray, n: np.ndarray) -> np.ndarray:
    """The first degree at which d_{mn} exists: max(|m|, |n|)."""
    return np.maximum(np.abs(m), np.abs(n))


def starting_values(m: np.ndarray, n: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """d^l_{mn}(β) at l = max(|m|, |n|), as (value, scale) with d = value · scale; scale is 1 or 2^−900.

    `m`, `n` and `beta` broadcast together.
    """
    start = start_degree(m, n)
    dominant_m = np.abs(m) >= np.abs(n)
    k = np.where(dominant_m, n, m)
    # The same closed form serves all four cases (±m or ±n largest), by the symmetries of d.
    flip = np.where(dominant_m, m < 0, n < 0)
    power_cos = np.where(flip, start - k, start + k)
    power_sin = np.where(flip, start + k, start - k)
    odd = np.where(dominant_m, np.where(flip, 0, start - n), np.where(flip, start + m, 0)) % 2
    log_norm = 0.5 * _log2_binomial(2 * start, start + k)
    log_cos = np.log2(np.maximum(np.abs(np.cos(beta / 2)), 1e-300))
    log_sin = np.log2(np.maximum(np.abs(np.sin(beta / 2)), 1e-300))
    odd = odd + power_sin * (np.sin(beta / 2) < 0) + power_cos * (np.cos(beta / 2) < 0)
    log = log_norm + power_cos * log_cos + power_sin * log_sin
    scaled = log < _SMALLEST_LOG2
    value = np.exp2(np.where(scaled, log - _SMALLEST_LOG2, log)) * np.where(odd % 2 == 1, -1.0, 1.0)
    return value, np.where(scaled, 2.0**_SMALLEST_LOG2, 1.0)


def _log2_binomial(total: np.ndarray, part: np.ndarray) -> np.ndarray:
    pairs, inverse = np.unique(np.stack([total.ravel(), part.ravel()]), axis=1, return_inverse=True)
    # Exact integers: a difference of log-gammas would lose four digits at degree 2048.
    logs = np.array([math.log2(math.comb(int(a), int(b))) for a, b in pairs.T])
    return logs[inverse.ravel()].reshape(total.shape)


def coefficients(degree: int, m: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(gain, shift, decay) of the step from `degree` to `degree + 1`; zero where `degree` is below the start."""
    m, n = np.asarray(m, dtype=np.float64), np.asarray(n, dtype=np.float64)
    active = start_degree(m, n) <= degree
    here, there = float(degree), float(degree + 1)
    up = np.sqrt(np.where(active, (there**2 - m**2) * (there**2 - n**2), 1.0)) / (there * (2 * here + 1))
    gain = np.where(active, 1.0 / up, 0.0)
    if degree == 0:
        return gain, np.zeros_like(gain), np.zeros_like(gain)
    down = np.sqrt(np.maximum(here**2 - m**2, 0.0) * np.maximum(here**2 - n**2, 0.0)) / (here * (2 * here + 1))
    return gain, np.where(active, m * n / (here * there), 0.0), np.where(active, down / up, 0.0)


def degrees(
    bandlimit: int, m: np.ndarray, n: np.ndarray, beta: np.ndarray | float, first_degree: int = 0
) -> Iterator[np.ndarray]:
    """Yield d^l_{mn}(β) for l = first_degree … bandlimit−1; zero below max(|m|, |n|).

    `m` and `n` (integers) and `beta` [radians] broadcast together; keep axes of length 1 where they can be, the
    coefficients are computed on the shape of `m` and `n` alone.
    """
    m, n, beta = np.asarray(m), np.asarray(n), np.asarray(beta, dtype=np.float64)
    start, (seed, scale) = start_degree(m, n), starting_values(m, n, beta)
    unscaled = bool(np.all(scale == 1.0))
    cosine = np.cos(beta)
    previous, current, decayed = np.zeros(seed.shape), np.zeros(seed.shape), np.empty(seed.shape)
    starts = set(start.ravel().tolist())
    lowest = min(starts, default=bandlimit)
    for _ in range(first_degree, min(lowest, bandlimit)):
        yield np.zeros(seed.shape)
    for degree in range(lowest, bandlimit):
        if degree > 0:
            gain, shift, decay = coefficients(degree - 1, m, n)
            # In place, but for what has been yielded.
            following = np.multiply(gain, cosine - shift, out=np.empty(seed.shape))
            following *= current
            following -= np.multiply(decay, previous, out=decayed)
            previous, current = current, following
        if degree in starts:
            current = np.where(start == degree, seed, current)
        if degree >= first_degree:
            yield current if unscaled else current * scale


def reduced_harmonics(
    bandlimit: int, spin: int, colatitude: np.ndarray, orders: np.ndarray, first_degree: int = 0
) -> np.ndarray:
    """sYlm(θ, 0) = (−1)^s √((2l+1)/4π) d^l_{m,−s}(θ), float64, shape (orders, bandlimit − first_degree, θ)."""
    table = np.empty((orders.size, bandlimit - first_degree, colatitude.size))
    # A few orders at a time, which stay in cache from degree to degree.
    size = max(1, _CACHED // colatitude.size)
    for begin in range(0, orders.size, size):
        some = slice(begin, begin + size)
        rows = degrees(bandlimit, orders[some, None], np.array([[-spin]]), colatitude[None, :], first_degree)
        for degree, row in enumerate(rows, first_degree):
            norm = (-1) ** (spin % 2) * math.sqrt((2 * degree + 1) / (4 * math.pi))
            np.multiply(norm, row, out=table[some, degree - first_degree])
    return table
