"""Coefficients of cosines and sines of the longitude."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Num

from .._arrays import arguments, entries

DegreeAxis = int | Literal["auto"] | None


def to_cosines(
    coeffs: Num[Array | np.ndarray, "*axes"], *, axis: int = -1, degree_axis: DegreeAxis = "auto"
) -> Complex[Array, "*axes"]:
    """Coefficients of cosines and sines of the longitude: a unitary combination of ±m, the same for each degree.

    c_lm = (a_lm + (−1)^m a_{l,−m}) / √2 and c_{l,−m} = i (a_lm − (−1)^m a_{l,−m}) / √2 for m > 0; c_l0 = a_l0. For a
    real field of spin 0 these are real: c_lm belongs to √2 λ_lm(θ) cos mφ, c_{l,−m} to √2 λ_lm(θ) sin mφ, where
    Y_lm = λ_lm e^{imφ}. Operators that are the same for all orders of a degree, such as convolutions, are the same in
    both bases.

    Args:
        coeffs: Coefficients with any axes, among them one of the 2L−1 orders −L+1 … L−1.
        axis: Which axis that is.
        degree_axis: Which axis holds the degrees 0 … L−1: entries with |m| > l along it are ignored. `"auto"`: the
            one before the orders if its size is L, as in dense coefficients, else none. None: every entry counts, as
            for the orders of one degree.

    Returns:
        Array of the shape of `coeffs`, complex64 or complex128, c_lm at the place of a_lm.

    Raises:
        TypeError: Integer or half-precision coefficients.
        ValueError: An axis that does not exist or has the wrong size.

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> from spinharm import Grid, convert
        >>> grid = Grid.gauss_legendre(3)
        >>> x = np.sin(grid.colatitude)[:, None] * np.cos(grid.longitude)
        >>> c = convert.to_cosines(spinharm.forward(x, grid))
        >>> round(float(c[1, 3].real), 4), bool(np.allclose(c.imag, 0, atol=1e-5))
        (-2.0467, True)
    """
    array = _checked(coeffs, axis, degree_axis)
    return _mixed(array, axis, *_unitary(array.shape[axis]))


def from_cosines(
    coeffs: Num[Array | np.ndarray, "*axes"], *, axis: int = -1, degree_axis: DegreeAxis = "auto"
) -> Complex[Array, "*axes"]:
    """Coefficients a_lm from those of cosines and sines: the inverse of `to_cosines`, with the same arguments.

    Examples:
        >>> import numpy as np
        >>> from spinharm import convert
        >>> a = np.arange(3) + 1j  # the orders of degree 1
        >>> bool(np.allclose(convert.from_cosines(convert.to_cosines(a)), a))
        True
    """
    array = _checked(coeffs, axis, degree_axis)
    own, opposite = _unitary(array.shape[axis])
    return _mixed(array, axis, own.conj(), opposite[::-1].conj())


def _unitary(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Factors of a_lm and a_{l,−m} in c_lm, for each order."""
    order = np.arange(-(size // 2), size // 2 + 1)
    sign = np.where(order % 2, -1, 1)
    own = np.where(order > 0, 1, -1j * sign) / 2**0.5
    opposite = np.where(order > 0, sign, 1j) / 2**0.5
    return np.where(order == 0, 1, own), np.where(order == 0, 0, opposite)


def _mixed(array: jax.Array, axis: int, own: np.ndarray, opposite: np.ndarray) -> jax.Array:
    shape = (-1, *[1] * (array.ndim - 1 - axis % array.ndim))
    first, second = (factor.reshape(shape).astype(array.dtype) for factor in (own, opposite))
    return array * first + jnp.flip(array, axis) * second


def _checked(coeffs: object, axis: int, degree_axis: DegreeAxis) -> jax.Array:
    array = arguments.complex_of(arguments.inexact("coeffs", coeffs))
    axis = _position("axis", axis, array)
    size = array.shape[axis]
    if size % 2 == 0:
        raise ValueError(f"`coeffs` must have 2L - 1 orders along axis {axis}, an odd number, got shape {array.shape}")
    L = size // 2 + 1
    if degree_axis == "auto":
        found = axis - 1 >= -array.ndim and array.shape[axis - 1] == L
        return entries.meaningful(array, axis - 1) if found else array
    if degree_axis is None:
        return array
    degrees = _position("degree_axis", degree_axis, array)
    if degrees == axis or array.shape[degrees] != L:
        raise ValueError(
            f"`degree_axis` must be an axis of size {L} beside the {size} orders, got {degree_axis} for coefficients "
            f"of shape {array.shape}"
        )
    moved = jnp.moveaxis(array, (degrees, axis), (-2, -1))
    return jnp.moveaxis(entries.meaningful(moved, -2), (-2, -1), (degrees, axis))


def _position(name: str, axis: object, array: jax.Array) -> int:
    """An axis of `array`, negative."""
    number = arguments.integer(name, axis)
    if not -array.ndim <= number < array.ndim:
        raise ValueError(f"`{name}` must be an axis of `coeffs`, whose shape is {array.shape}, got {number}")
    return number - array.ndim if number >= 0 else number
