"""Packed layouts of coefficients: orders m ≥ 0 of ducc0 and healpy, all orders of `spherical`."""

from __future__ import annotations

import numpy as np
from jaxtyping import Array, Complex, Num

from .._arrays import arguments
from . import layouts


def to_packed(coeffs: Num[Array | np.ndarray, "*batch degree order"]) -> Complex[Array, "*batch packed"]:
    """Pack the orders m ≥ 0 of a real field of spin 0, order by order: the a_lm of ducc0 and healpy.

    Entry (l, m) is at m (2 l_max + 1 − m)/2 + l, l_max = L − 1. The orders m < 0 are left out, as those of a real field
    follow from a_{l,−m} = (−1)^m conj(a_lm). For a field that is not real they are lost: convert the coefficients of
    its real and its imaginary part, or use `to_packed_complex`.

    Args:
        coeffs: Coefficients, shape (*batch, L, 2L−1).

    Returns:
        Array of shape (*batch, L (L + 1)/2), complex64 or complex128.

    Raises:
        TypeError: Integer or half-precision coefficients.
        ValueError: Axes that are not (degree, order).

    References:
        Górski et al., HEALPix (2005); `healpy.Alm.getidx`; `ducc0.sht.synthesis`.

    Examples:
        >>> import numpy as np
        >>> from spinharm import convert
        >>> convert.to_packed(np.ones((3, 5), np.complex64)).shape
        (6,)
    """
    array, L = layouts.dense(coeffs)
    return layouts.pack(array[..., L - 1 :])


def from_packed(alm: Num[Array | np.ndarray, "*batch packed"]) -> Complex[Array, "*batch degree order"]:
    """Dense coefficients of the real field whose orders m ≥ 0 are `alm`: the inverse of `to_packed`.

    Args:
        alm: The a_lm of ducc0 or healpy with m_max = l_max, shape (*batch, L (L + 1)/2), from which L is found. The
            imaginary parts of m = 0, which a real field does not have, are ignored, as in ducc0.

    Returns:
        Coefficients, shape (*batch, L, 2L−1), complex64 or complex128, with a_{l,−m} = (−1)^m conj(a_lm).

    Raises:
        TypeError: Integer or half-precision values.
        ValueError: A length that is not L (L + 1)/2.

    References:
        Górski et al., HEALPix (2005); `healpy.Alm.getidx`; `ducc0.sht.synthesis`.

    Examples:
        >>> import numpy as np
        >>> from spinharm import convert
        >>> convert.from_packed(np.array([1 + 0j, 2, 3j])).imag.tolist()  # l, m = (0, 0), (1, 0), (1, 1)
        [[0.0, 0.0, 0.0], [3.0, 0.0, 3.0]]
    """
    array = arguments.complex_of(arguments.inexact("alm", alm))
    return layouts.mirrored(layouts.take(array, layouts.table(layouts.triangle("alm", array), "packed")))


def to_packed_complex(
    coeffs: Num[Array | np.ndarray, "*batch degree order"], *, spin: int = 0
) -> Complex[Array, "*batch packed"]:
    """Pack all (l, m) with |m| ≤ l into one axis, degree by degree, for any field of any spin.

    Entry (l, m) is at l² + l + m: the modes of `spherical` from `ell_min=0`, and s2fft's one-dimensional layout.

    Args:
        coeffs: Coefficients, shape (*batch, L, 2L−1).
        spin: s, |s| < L: entries with l < |s| become zero.

    Returns:
        Array of shape (*batch, L²), complex64 or complex128.

    Raises:
        TypeError: Integer or half-precision coefficients, or a spin that is not an integer.
        ValueError: Axes that are not (degree, order), or a spin out of range.

    References:
        `spherical.Yindex`; `s2fft.sampling.s2_samples.elm2ind`.

    Examples:
        >>> import numpy as np
        >>> from spinharm import convert
        >>> coeffs = np.zeros((3, 5), np.complex64)
        >>> coeffs[2, 2 - 1] = 1  # l = 2, m = −1
        >>> int(np.argmax(np.abs(convert.to_packed_complex(coeffs))))  # l² + l + m
        5
    """
    array, L = layouts.dense(coeffs)
    return layouts.by_degree(layouts.supported(array, L, spin))


def from_packed_complex(
    modes: Num[Array | np.ndarray, "*batch packed"], *, spin: int = 0
) -> Complex[Array, "*batch degree order"]:
    """Dense coefficients from all (l, m) in one axis: the inverse of `to_packed_complex`.

    Args:
        modes: Entry (l, m) at l² + l + m, shape (*batch, L²), from which L is found.
        spin: s, |s| < L: entries with l < |s| become zero.

    Returns:
        Coefficients, shape (*batch, L, 2L−1), complex64 or complex128; zero where |m| > l or l < |s|.

    Raises:
        TypeError: Integer or half-precision values, or a spin that is not an integer.
        ValueError: A length that is not a square, or a spin out of range.

    References:
        `spherical.Yindex`; `s2fft.sampling.s2_samples.elm2ind`.

    Examples:
        >>> import numpy as np
        >>> from spinharm import convert
        >>> modes = np.arange(4) + 0j
        >>> convert.from_packed_complex(modes).real.tolist()
        [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]
    """
    array = arguments.complex_of(arguments.inexact("modes", modes))
    L = layouts.square("modes", array)
    return layouts.supported(layouts.take(array, layouts.table(L, "degrees")), L, spin)
