"""Power and cross spectra by degree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import jax
import numpy as np
from jaxtyping import Array, Complex, Float, Num

from .._arrays import arguments, entries

Normalization = Literal["total", "mean", "per_order"]


def power_spectrum(
    coeffs: Num[Array | np.ndarray, "*shape"],
    *,
    normalization: Normalization = "total",
    axis: int | None = None,
    spin: int | Sequence[int] = 0,
) -> Float[Array, "*spectrum"]:
    """Power spectrum by degree: P_l = Σ_m |a_lm|².

    Parseval: with `"total"`, Σ_l P_l = ∫ |f|² dΩ; with `"mean"`, P_l / 4π, the sum is the mean square of f; with
    `"per_order"`, P_l / (2l+1) is the C_l of cosmology. For winds as spin ±1 fields |f|² = u² + v², twice the kinetic
    energy per mass.

    Args:
        coeffs: Coefficients of one spin, shape (*batch, L, 2L−1), or (*batch, L, 2L−1, spin, channel).
        normalization: See above.
        axis: Position of the degree axis; found by shape if left out.
        spin: s, or one for each entry of the spin axis: entries with l < |s| are ignored, like those with |m| > l.

    Returns:
        Spectrum of shape (*batch, L) or (*batch, L, spin, channel), real.

    Raises:
        TypeError: Integer coefficients.
        ValueError: Axes that are not (degree, order), a spin out of range, or an unknown `normalization`.

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> coeffs = spinharm.convert.from_packed_complex(np.array([2 + 0j, 1, 3j, 1]))
        >>> spinharm.power_spectrum(coeffs).tolist()
        [4.0, 11.0]
    """
    array = arguments.complex_of(arguments.inexact("coeffs", coeffs))
    axis = arguments.degree_axis(array, axis)
    array = entries.meaningful(array, axis, entries.spins_of(spin, array, axis))
    return _normalised((array.real**2 + array.imag**2).sum(axis + 1), axis + 1, normalization)


def cross_spectrum(
    coeffs: Num[Array | np.ndarray, "*shape"],
    other: Num[Array | np.ndarray, "*shape"],
    *,
    normalization: Normalization = "total",
    axis: int | None = None,
    spin: int | Sequence[int] = 0,
) -> Complex[Array, "*spectrum"]:
    """Cross spectrum by degree: Σ_m a_lm conj(b_lm); with `"total"`, its sum over l is ∫ f conj(g) dΩ.

    Args:
        coeffs: Coefficients a of one spin, shape (*batch, L, 2L−1), or (*batch, L, 2L−1, spin, channel).
        other: Coefficients b, same shape.
        normalization: As in `power_spectrum`.
        axis: Position of the degree axis; found by shape if left out.
        spin: As in `power_spectrum`.

    Returns:
        Spectrum of shape (*batch, L) or (*batch, L, spin, channel), complex; real for two real fields.

    Raises:
        TypeError: Integer coefficients.
        ValueError: Axes that are not (degree, order), shapes or types that differ, a spin out of range, or an
            unknown `normalization`.

    Examples:
        >>> import numpy as np
        >>> from spinharm import cross_spectrum
        >>> a, b = np.array([[0, 2, 0], [1, 3j, 1]]), np.array([[0, 1, 0], [1j, 1, 0j]])
        >>> cross_spectrum(a, b).tolist()
        [(2+0j), 2j]
    """
    array = arguments.complex_of(arguments.inexact("coeffs", coeffs))
    second = arguments.complex_of(arguments.inexact("other", other))
    if array.shape != second.shape or array.dtype != second.dtype:
        raise ValueError(
            f"`other` must have the shape and type of `coeffs`, {array.shape} {array.dtype}, got {second.shape} "
            f"{second.dtype}"
        )
    axis = arguments.degree_axis(array, axis)
    spins = entries.spins_of(spin, array, axis)
    array, second = (entries.meaningful(x, axis, spins) for x in (array, second))
    return _normalised((array * second.conj()).sum(axis + 1), axis + 1, normalization)


def _normalised(spectrum: jax.Array, axis: int, normalization: str) -> jax.Array:
    arguments.option("normalization", normalization, ("total", "mean", "per_order"))
    if normalization == "total":
        return spectrum
    degree = np.arange(spectrum.shape[axis])
    factor = 1 / (2 * degree + 1) if normalization == "per_order" else np.full(degree.size, 1 / (4 * np.pi))
    return spectrum * factor.astype(spectrum.dtype).reshape(-1, *(1,) * (-axis - 1))
