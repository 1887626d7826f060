"""Gradient and curl coefficients, as in the spin transforms of ducc0."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Num

from .._arrays import arguments
from . import layouts


def to_ducc0_spin(
    coeffs: Num[Array | np.ndarray, "*batch degree order"], spin: int
) -> Complex[Array, "*batch component packed"]:
    """Gradient (E) and curl (B) a_lm of a complex field of spin s ≥ 1, the input of ducc0's spin transforms.

    E_lm = −(a_lm + (−1)^m conj(a_{l,−m}))/2, B_lm = i (a_lm − (−1)^m conj(a_{l,−m}))/2, so that a_lm = −(E_lm + i B_lm)
    for every order, whatever the spin. `ducc0.sht.synthesis(alm=…, spin=s)` gives the maps (Re f, Im f) of
    f = Σ a_lm sYlm; with s = 2 these are Stokes Q and U in the convention of HEALPix.

    Args:
        coeffs: Coefficients of a field of spin +s, shape (*batch, L, 2L−1), of all orders.
        spin: s, 1 … L−1. A field of spin −s is the conjugate of one of spin +s, with the coefficients
            (−1)^{s+m} conj(a_{l,−m}).

    Returns:
        E and B, shape (*batch, 2, L (L + 1)/2), complex64 or complex128, each in the layout of `to_packed`; zero for
        l < s.

    Raises:
        TypeError: Integer or half-precision coefficients, or a spin that is not an integer.
        ValueError: Axes that are not (degree, order), or a spin out of range.

    References:
        Zaldarriaga, Seljak, All-sky analysis of polarization in the microwave background (1997);
        `ducc0.sht.synthesis`.

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> from spinharm import convert
        >>> height = np.zeros((3, 5), np.complex64)
        >>> height[1, 2] = 1
        >>> E, B = convert.to_ducc0_spin(spinharm.gradient(height), 1)
        >>> bool(np.any(E)), bool(np.any(B))  # a gradient has no curl
        (True, False)
    """
    array, L = layouts.dense(coeffs)
    spin = _positive_spin(spin, L)
    half = array[..., L - 1 :]
    mirror = layouts.alternate(jnp.conj(jnp.flip(array[..., :L], -1)), jnp.arange(L))
    pair = jnp.stack([-0.5 * (half + mirror), 0.5j * (half - mirror)], -3)
    return layouts.pack(layouts.from_degree(pair, spin))


def from_ducc0_spin(
    alm: Num[Array | np.ndarray, "*batch component packed"], spin: int
) -> Complex[Array, "*batch degree order"]:
    """Dense coefficients of a field of spin s ≥ 1 from ducc0's gradient and curl a_lm: the inverse of `to_ducc0_spin`.

    a_lm = −(E_lm + i B_lm), with E_{l,−m} = (−1)^m conj(E_lm) and likewise B.

    Args:
        alm: E and B, shape (*batch, 2, L (L + 1)/2), from which L is found, with m_max = l_max. Entries with l < s and
            the imaginary parts of m = 0 are ignored, as in ducc0.
        spin: s, 1 … L−1.

    Returns:
        Coefficients of the field of spin +s, shape (*batch, L, 2L−1), complex64 or complex128; zero for l < s.

    Raises:
        TypeError: Integer or half-precision values, or a spin that is not an integer.
        ValueError: An axis -2 that is not 2, a length that is not L (L + 1)/2, or a spin out of range.

    References:
        Zaldarriaga, Seljak, All-sky analysis of polarization in the microwave background (1997);
        `ducc0.sht.synthesis`.

    Examples:
        >>> import numpy as np
        >>> from spinharm import convert
        >>> E, B = np.array([0, 1, 2, 0, 1j, 1]), np.zeros(6)
        >>> coeffs = convert.from_ducc0_spin(np.stack([E, B]), 2)
        >>> coeffs.shape, float(coeffs[2, 2].real)
        ((3, 5), -2.0)
    """
    array = arguments.complex_of(arguments.inexact("alm", alm))
    L = layouts.triangle("alm", array)
    if array.ndim < 2 or array.shape[-2] != 2:
        raise ValueError(
            f"`alm` must have axes (*batch, 2, L (L + 1)/2), gradient then curl, got shape {array.shape}; stack zeros "
            f"as the curl of a pure gradient"
        )
    start = _positive_spin(spin, L)
    gradient, curl = (layouts.mirrored(layouts.take(array[..., i, :], layouts.table(L, "packed"))) for i in (0, 1))
    return layouts.from_degree(jax.lax.complex(curl.imag - gradient.real, -curl.real - gradient.imag), start)


def _positive_spin(spin: object, bandlimit: int) -> int:
    number = arguments.integer("spin", spin)
    if number < 1:
        raise ValueError(
            f"`spin` must be at least 1, got {number}; for spin 0 use to_packed and from_packed, for a negative spin "
            f"convert the conjugate field"
        )
    return layouts.below(number, bandlimit)
