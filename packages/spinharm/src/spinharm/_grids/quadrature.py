"""Quadrature over colatitude: Gauss-Legendre nodes, equally spaced rings, and exact interpolation between them."""

import functools

import numpy as np


@functools.lru_cache(maxsize=64)
def gauss_legendre(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Colatitudes (ascending) and weights of the `count`-point rule for ∫ g(cos θ) sin θ dθ, to about 1e-15 relative.

    SciPy's nodes are the starting point. They and the weights lose digits towards the poles (8 of them at 1000 points),
    where cos θ hardly changes; Newton's method in θ, with P_{k+1} − P_k carried along instead of P itself, does not.
    """
    # Imported here: the import takes longer than that of the rest of this package.
    from scipy.special import roots_legendre

    theta = np.sort(np.arccos(roots_legendre(count)[0]))[: (count + 1) // 2]
    slope = np.zeros_like(theta)
    for _ in range(3):
        value, slope = _legendre_with_slope(count, theta)
        theta = theta - value / slope
    _, slope = _legendre_with_slope(count, theta)
    weights = 2 / slope**2
    if count % 2:
        theta[-1] = np.pi / 2
    theta = np.concatenate([theta, np.pi - theta[: count // 2][::-1]])
    weights = np.concatenate([weights, weights[: count // 2][::-1]])
    theta.flags.writeable = weights.flags.writeable = False
    return theta, weights


def _legendre_with_slope(degree: int, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P_n(cos θ) and its derivative by θ."""
    gap = 2 * np.sin(theta / 2) ** 2  # 1 − cos θ, without cancellation
    previous, difference = np.ones_like(theta), -gap
    value = previous + difference
    for k in range(1, degree):
        difference = (k * difference - (2 * k + 1) * gap * value) / (k + 1)
        previous, value = value, value + difference
    return value, -degree * (previous - np.cos(theta) * value) / np.sin(theta)


def circle_size(nlat: int, north_pole: bool, south_pole: bool) -> int:
    """Number of distinct points on the whole meridian circle through `nlat` equally spaced rings."""
    return 2 * nlat - int(north_pole) - int(south_pole)


def circle_colatitude(nlat: int, north_pole: bool, south_pole: bool) -> np.ndarray:
    """Equally spaced colatitudes, ascending; the poles belong to them or lie half a step away."""
    offset = 0.0 if north_pole else 0.5
    return (np.arange(nlat) + offset) * (2 * np.pi / circle_size(nlat, north_pole, south_pole))


def circle_to_points(nlat: int, north_pole: bool, south_pole: bool, points: np.ndarray, parity: int) -> np.ndarray:
    """Trigonometric interpolation, (points, nlat), of profiles F with F(−θ) = parity · F(θ) from a circle's rings.

    The ring profile of order m of a spin-s field, continued over the pole, has parity (−1)^{m+s}. Exact for
    trigonometric polynomials of degree below half the circle's size.
    """
    theta = circle_colatitude(nlat, north_pole, south_pole)
    size = circle_size(nlat, north_pole, south_pole)
    interior = slice(1 if north_pole else 0, nlat - 1 if south_pole else nlat)

    def kernel(x: np.ndarray) -> np.ndarray:
        # The periodic cardinal function of an even or odd number of points.
        denominator = size * (np.tan(x / 2) if size % 2 == 0 else np.sin(x / 2))
        at_node = np.abs(np.sin(x / 2)) < 1e-14
        return np.where(at_node, 1.0, np.sin(size * x / 2) / np.where(at_node, 1.0, denominator))

    matrix = kernel(points[:, None] - theta)
    mirrored = kernel(points[:, None] + theta[interior])
    matrix[:, interior] += parity * mirrored
    if parity < 0:
        # An odd profile vanishes at the poles; values of a file there are ignored.
        matrix[:, : interior.start] = 0.0
        matrix[:, interior.stop :] = 0.0
    return matrix


@functools.lru_cache(maxsize=64)
def circle_weights(nlat: int, north_pole: bool, south_pole: bool) -> np.ndarray:
    """Weights for ∫ g(θ) sin θ dθ on equally spaced rings (Clenshaw-Curtis, Fejér): integrate the interpolant."""
    nodes, weights = gauss_legendre(nlat + 1)
    return weights @ circle_to_points(nlat, north_pole, south_pole, nodes, parity=1)


@functools.lru_cache(maxsize=64)
def driscoll_healy_weights(nlat: int) -> np.ndarray:
    """Driscoll and Healy's weights for ∫ g(θ) sin θ dθ on θ_j = πj/nlat, exact for polynomials below degree nlat."""
    theta = np.pi * np.arange(nlat) / nlat
    odd = 2 * np.arange(nlat // 2) + 1
    return 4 / nlat * np.sin(theta) * (np.sin(theta[:, None] * odd) / odd).sum(axis=1)
