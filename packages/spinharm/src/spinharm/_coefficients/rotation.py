"""Rotation of fields through their coefficients."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Complex, Float, Num

from .._arrays import arguments, entries
from .._arrays.cache import cached_table
from . import recursion, wigner

# Degrees per block; all degrees of a block are padded to the size of its largest.
_DEGREES_PER_BLOCK = 16
_LARGEST_TABLE = 8 * 2**30


def rotate(
    coeffs: Num[Array | np.ndarray, "*shape"],
    alpha: Float[ArrayLike, "*#batch"],
    beta: Float[ArrayLike, "*#batch"],
    gamma: Float[ArrayLike, "*#batch"],
    *,
    axis: int | None = None,
    spin: int | Sequence[int] = 0,
) -> Complex[Array, "*rotated"]:
    """Coefficients of the rotated field (R f)(x) = f(R⁻¹x), R = R_z(α) R_y(β) R_z(γ): a′_lm = Σ_n D^l_{mn} a_ln.

    The formula is the same for every spin; `spin` only determines which entries are ignored. Evaluated as z-rotations
    between two products with Wigner Δ, d^l(β) = i^{m−n} Σ_k Δ_km Δ_kn e^{−ikβ}, so the angles may be traced, batched
    and differentiated, β = 0 and π included. Cost O(L³) per field; the Δ table takes about 16/3 L³ bytes in float32.

    Args:
        coeffs: Coefficients, shape (*batch, L, 2L−1) or (*batch, L, 2L−1, spin, channel).
        alpha: Euler angle [radians]. The angles' shapes broadcast with each other and with the batch axes of
            `coeffs`; a batch of angles and one field give a batch of rotated fields.
        beta: Euler angle [radians].
        gamma: Euler angle [radians].
        axis: Position of the degree axis; found by shape if left out (see `docs/conventions.md`).
        spin: s, or one for each entry of the spin axis: entries with l < |s| are ignored, like those with |m| > l.

    Returns:
        Coefficients of the broadcast batch shape and the type of `coeffs`.

    Raises:
        TypeError: Integer coefficients or complex angles.
        ValueError: Axes that are not (degree, order), an angle that is not finite, shapes that do not broadcast, or a
            spin out of range.
        MemoryError: A Δ table above 8 GiB.

    References:
        Risbo, Fourier transform summation of Legendre series and D-functions (1996), equation (13).

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> z = spinharm.convert.from_packed_complex(np.array([0j, 0, 1, 0]))  # Y_10
        >>> x = spinharm.rotate(z, 0.0, np.pi / 2, 0.0)  # the north pole goes to longitude 0
        >>> round(float(x[1, 0].real), 4), round(float(x[1, 2].real), 4)  # Y_1,−1 and Y_11 over √2
        (0.7071, -0.7071)
    """
    array = arguments.complex_of(arguments.inexact("coeffs", coeffs))
    axis = arguments.degree_axis(array, axis)
    L = arguments.bandlimit_of(array, axis)
    dtype = arguments.real_dtype(array)
    angles = {"alpha": alpha, "beta": beta, "gamma": gamma}
    phases = tuple(wigner.phases(L, name, angle, dtype) for name, angle in angles.items())
    batch = array.shape[: array.ndim + axis]
    try:
        whole = jnp.broadcast_shapes(batch, *(np.shape(angle) for angle in angles.values()))
    except ValueError:
        shapes = ", ".join(str(np.shape(angle)) for angle in angles.values())
        raise ValueError(
            f"`alpha`, `beta`, `gamma` must broadcast with the batch axes {batch} of `coeffs`, got shapes {shapes}"
        ) from None
    spins = entries.spins_of(spin, array, axis)
    return _rotated(array, phases, _delta_blocks(L, dtype), axis=axis, whole=whole, spins=spins)


@functools.partial(jax.jit, static_argnames=("axis", "whole", "spins"))
def _rotated(
    array: jax.Array,
    phases: tuple[jax.Array, ...],
    blocks: list[jax.Array],
    *,
    axis: int,
    whole: tuple[Any, ...],
    spins: entries.Spins,
) -> jax.Array:
    """Rotate by the phases of the three angles; the result has the batch shape `whole`."""
    batch, tail, L = array.shape[: array.ndim + axis], array.shape[array.ndim + axis + 2 :], array.shape[axis]

    def columns(phase: jax.Array) -> jax.Array:
        """(*angle batch, order) to axes that broadcast with (order, *batch, tail)."""
        phase = jnp.moveaxis(phase.reshape(*(1,) * (len(whole) - phase.ndim + 1), *phase.shape), -1, 0)
        return phase[..., None]

    x = jnp.moveaxis(entries.meaningful(array, axis, spins), (axis, axis + 1), (0, 1))
    x = x.reshape(L, 2 * L - 1, *(1,) * (len(whole) - len(batch)), *batch, math.prod(tail))
    shape = (-1,) + (1,) * (x.ndim - 2)
    quarter = wigner.quarter_turns(-np.arange(-L + 1, L)).astype(array.dtype).reshape(shape)
    left, middle, right = phases
    x = x * (columns(right) * quarter)
    middle, left = columns(middle), columns(left) * quarter.conj()
    out, start = [], 0
    for delta in blocks:
        reach = (delta.shape[-1] - 1) // 2
        inside = slice(L - 1 - reach, L + reach)
        block = _apply(delta, x[start : start + delta.shape[0], inside], 1) * middle[inside]
        block = _apply(delta, block, 2) * left[inside]
        padding = L - 1 - reach
        out.append(jnp.pad(block, ((0, 0), (padding, padding), *((0, 0),) * (block.ndim - 2))))
        start += delta.shape[0]
    result = jnp.concatenate(out)
    result = jnp.broadcast_to(result, (*result.shape[:2], *whole, result.shape[-1])).reshape(
        L, 2 * L - 1, *whole, *tail
    )
    return jnp.moveaxis(result, (0, 1), (len(whole), len(whole) + 1))


def _apply(delta: jax.Array, x: jax.Array, side: int) -> jax.Array:
    """Δ (side 1: sums over its last axis) or Δᵀ (side 2), per degree, on axis 1 of complex `x`."""

    def product(part: jax.Array) -> jax.Array:
        return jax.lax.dot_general(delta, part, (((3 - side,), (1,)), ((0,), (0,))), precision=wigner.HIGHEST)

    return jax.lax.complex(product(x.real), product(x.imag))


@cached_table
def _delta_blocks(bandlimit: int, dtype: str) -> list[jax.Array]:
    """Δ of shape (degrees, k, n) for each block of degrees, with the orders that occur in it."""
    starts = range(0, bandlimit, _DEGREES_PER_BLOCK)
    stops = [min(start + _DEGREES_PER_BLOCK, bandlimit) for start in starts]
    need = sum((b - a) * (2 * b - 1) ** 2 for a, b in zip(starts, stops, strict=True)) * np.dtype(dtype).itemsize
    if need > _LARGEST_TABLE:
        raise MemoryError(
            f"rotating coefficients of bandlimit {bandlimit} in {dtype} needs a Wigner table of {need / 2**30:.1f} "
            f"GiB, above {_LARGEST_TABLE / 2**30:.0f} GiB; rotate at a lower bandlimit"
        )
    order = np.arange(-bandlimit + 1, bandlimit)
    degrees = recursion.degrees(bandlimit, order[:, None], order[None, :], np.pi / 2)
    blocks = []
    for start, stop in zip(starts, stops, strict=True):
        inside = slice(bandlimit - stop, bandlimit + stop - 1)
        rows = [next(degrees)[inside, inside].astype(dtype) for _ in range(start, stop)]
        with jax.ensure_compile_time_eval():
            blocks.append(jnp.asarray(np.stack(rows)))
    return blocks
