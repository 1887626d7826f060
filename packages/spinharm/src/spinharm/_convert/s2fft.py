"""Coefficients in the layout of s2fft."""

from __future__ import annotations

import numpy as np
from jaxtyping import Array, Complex, Num

from . import layouts


def to_s2fft(
    coeffs: Num[Array | np.ndarray, "*batch degree order"], *, spin: int = 0
) -> Complex[Array, "*batch degree order"]:
    """Coefficients for s2fft: same harmonics and layout, with entries |m| > l or l < |s| set to zero.

    The harmonics of s2fft are ours for every spin, sign included. But `s2fft.inverse` of a spin s ≠ 0 does not
    ignore entries with |m| > l or l < |s|, as this package does.

    Args:
        coeffs: Coefficients, shape (*batch, L, 2L−1). s2fft takes one field at a time: `jax.vmap` it.
        spin: s, |s| < L.

    Returns:
        Array of shape (*batch, L, 2L−1), complex64 or complex128.

    Raises:
        TypeError: Integer or half-precision coefficients, or a spin that is not an integer.
        ValueError: Axes that are not (degree, order), or a spin out of range.

    References:
        Price, McEwen, Differentiable and accelerated spherical harmonic and Wigner transforms (2024).

    Examples:
        >>> import numpy as np
        >>> from spinharm import convert
        >>> convert.to_s2fft(np.ones((2, 3), np.complex64)).real.tolist()  # |m| > l is set to zero
        [[0.0, 1.0, 0.0], [1.0, 1.0, 1.0]]
    """
    array, L = layouts.dense(coeffs)
    return layouts.supported(array, L, spin)


def from_s2fft(
    flm: Num[Array | np.ndarray, "*batch degree order"], *, spin: int = 0
) -> Complex[Array, "*batch degree order"]:
    """Dense coefficients from those of s2fft: the inverse of `to_s2fft`.

    Args:
        flm: Coefficients of s2fft in its two-dimensional layout, shape (*batch, L, 2L−1); for the one-dimensional one
            see `from_packed_complex`, for its "hp" layout `from_packed`.
        spin: s, |s| < L.

    Returns:
        Coefficients, shape (*batch, L, 2L−1), complex64 or complex128; zero where |m| > l or l < |s|.

    Raises:
        TypeError: Integer or half-precision coefficients, or a spin that is not an integer.
        ValueError: Axes that are not (degree, order), or |spin| ≥ L.

    References:
        Price, McEwen (2024), see `to_s2fft`.

    Examples:
        >>> import numpy as np
        >>> from spinharm import convert
        >>> flm = np.array([[0, 1, 0], [1, 2, 3]], np.complex64)
        >>> bool(np.all(convert.from_s2fft(flm) == flm))
        True
    """
    array, L = layouts.dense(flm, "flm")
    return layouts.supported(array, L, spin)
