"""Exponential time stepping (ETDRK4) whose linear part is a small matrix for each degree."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

# Points of the circle of radius 1 over which φ functions are averaged; 32 give machine precision.
_CIRCLE = 32


Table = np.ndarray | jax.Array


class StepTables(NamedTuple):
    """Coefficients of an ETDRK4 step, each an F×F matrix for every degree.

    Attributes:
        whole: e^{hA}.
        half: e^{hA/2}.
        inner: h/2 φ₁(hA/2).
        first: h (φ₁ − 3φ₂ + 4φ₃)(hA).
        middle: h (2φ₂ − 4φ₃)(hA).
        last: h (4φ₃ − φ₂)(hA).
    """

    whole: Table
    half: Table
    inner: Table
    first: Table
    middle: Table
    last: Table


def phi_functions(z: Complex[np.ndarray, "*shape"]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """e^z, φ₁ = (e^z − 1)/z, φ₂ = (φ₁ − 1)/z and φ₃ = (φ₂ − ½)/z, without cancellation near 0.

    As φ is analytic, its value at z is the mean of its values on a circle around z. These are computed away from 0,
    where the formulas above lose digits.

    Args:
        z: Complex numbers, any shape.

    Returns:
        Four arrays of the shape of z, complex128.

    References:
        Kassam and Trefethen, Fourth-order time-stepping for stiff PDEs (2005), section 2.
    """
    circle = np.exp(2j * np.pi * (np.arange(_CIRCLE) + 0.5) / _CIRCLE)
    around = z[..., None] + circle
    first = np.expm1(around) / around
    second = (first - 1) / around
    third = (second - 0.5) / around
    return np.exp(z), first.mean(-1), second.mean(-1), third.mean(-1)


def step_tables(
    decay: Float[np.ndarray, " degree"],
    coupling: Float[np.ndarray, "field field degree"],
    frequency: Float[np.ndarray, " degree"],
    time_step: float,
) -> StepTables:
    """Tables of ETDRK4 for the linear part A = −decay I + C, where C² = −frequency² I, or C = 0.

    A function g of such a matrix is Re g(λ) I + (Im g(λ)/ω) C with λ = −decay + iω, without eigenvectors.

    Args:
        decay: Rate of decay of each degree [1/s], at least 0.
        coupling: C [1/s in consistent units], shape (F, F, degree), with zero rows for fields that it does not act on.
        frequency: ω of each degree [1/s].
        time_step: h [s].

    Returns:
        Six arrays of shape (F, F, degree), float64.

    References:
        Cox and Matthews, Exponential time differencing for stiff systems (2002), equations (26)-(29).
    """
    fields = coupling.shape[0]
    identity = np.eye(fields)[:, :, None]
    # Fields that C does not act on have the matrix −decay I.
    acts = np.any(coupling != 0, axis=(1, 2))[:, None] & np.any(coupling != 0, axis=(0, 2))
    rate = -decay + 1j * frequency

    def of(values: np.ndarray, of_decay: np.ndarray) -> np.ndarray:
        slope = np.where(frequency > 0, np.imag(values) / np.where(frequency > 0, frequency, 1.0), 0.0)
        rotating = np.real(values) * identity + slope * coupling
        return np.where(acts[:, :, None], rotating, np.real(of_decay) * identity)

    h = time_step
    pairs = [[phi_functions(h * part), phi_functions(h * part / 2)] for part in (rate, (-decay).astype(np.complex128))]
    (full, half), (full0, half0) = pairs

    def weighted(a: float, b: float, c: float) -> np.ndarray:
        return h * of(a * full[1] + b * full[2] + c * full[3], a * full0[1] + b * full0[2] + c * full0[3])

    return StepTables(
        whole=of(full[0], full0[0]),
        half=of(half[0], half0[0]),
        inner=h / 2 * of(half[1], half0[1]),
        first=weighted(1.0, -3.0, 4.0),
        middle=weighted(0.0, 2.0, -4.0),
        last=weighted(0.0, -1.0, 4.0),
    )


State = Complex[Array, "field degree order"]


def etdrk4_step(state: State, tendency: Callable[[State], State], tables: StepTables) -> State:
    """One step of the fourth-order exponential Runge-Kutta method.

    Args:
        state: Coefficients, shape (F, L, 2L−1), complex.
        tendency: Function that computes the nonlinear tendency of a state.
        tables: Tables of `step_tables`, in the precision of the state.

    Returns:
        The state one step later.

    References:
        Cox and Matthews (2002), equations (26)-(29).
    """
    start = tendency(state)
    halfway = _apply(tables.half, state)
    a = halfway + _apply(tables.inner, start)
    of_a = tendency(a)
    b = halfway + _apply(tables.inner, of_a)
    of_b = tendency(b)
    c = _apply(tables.half, a) + _apply(tables.inner, of_b + of_b - start)
    of_c = tendency(c)
    return (
        _apply(tables.whole, state)
        + _apply(tables.first, start)
        + _apply(tables.middle, of_a + of_b)
        + _apply(tables.last, of_c)
    )


def _apply(table: np.ndarray | jax.Array, state: jax.Array) -> jax.Array:
    """Multiply the fields of each degree by the matrix of that degree."""

    def product(part: jax.Array) -> jax.Array:
        return jnp.einsum("ijl,jlm->ilm", table, part, precision=jax.lax.Precision.HIGHEST)

    return jax.lax.complex(product(state.real), product(state.imag))
