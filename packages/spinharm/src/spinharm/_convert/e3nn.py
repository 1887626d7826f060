"""Real coefficients in the basis and axes of e3nn."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Num

from .._arrays import arguments
from .._arrays.cache import cached_table
from . import layouts

Normalization = Literal["integral", "component", "norm"]


def to_e3nn(
    coeffs: Num[Array | np.ndarray, "*batch degree order"], *, normalization: Normalization = "integral"
) -> Float[Array, "*batch irreps"]:
    """Real coefficients of a real field of spin 0 in e3nn's basis and axes.

    With `"integral"`, c_{l,0} = a_l0, c_{l,m} = (−1)^m √2 Re a_lm and c_{l,−m} = −(−1)^m √2 Im a_lm for m > 0, at
    l² + l + m. e3nn's polar axis is its y. Its axes (x, y, z) are our (y, z, x): the point that is (X, Y, Z) here is
    the vector (Y, Z, X) = (sin θ sin φ, cos θ, sin θ cos φ) there. So f(θ, φ) = Σ c_i y_i, where y is
    `e3nn_jax.spherical_harmonics(e3nn_jax.s2_irreps(L - 1), vector, normalize=True, normalization=normalization)`.
    Our z-y-z Euler angles are e3nn's y-x-y angles, number for number: `rotate(coeffs, α, β, γ)` here is
    `transform_by_angles(α, β, γ)` of the IrrepsArray there.

    Args:
        coeffs: Coefficients, shape (*batch, L, 2L−1). Only orders m ≥ 0 and the real part of m = 0 are used; they
            determine a real field. For a complex field, convert its real and its imaginary part.
        normalization: Of e3nn's harmonics: over the sphere, `"integral"` has ∫ y² dΩ = 1, `"component"` a mean
            square of 1, `"norm"` Σ_m y_lm² = 1.

    Returns:
        Array of shape (*batch, L²), float32 or float64: the `array` of an `e3nn_jax.IrrepsArray` with the irreps
        `e3nn_jax.s2_irreps(L - 1)`, 0e + 1o + 2e + ….

    Raises:
        TypeError: Integer or half-precision coefficients.
        ValueError: Axes that are not (degree, order), or an unknown `normalization`.

    References:
        `e3nn_jax.spherical_harmonics`.

    Examples:
        >>> import numpy as np
        >>> from spinharm import convert
        >>> coeffs = convert.from_packed(np.array([1 + 0j, 2, 1j]))
        >>> irreps = convert.to_e3nn(coeffs)
        >>> irreps.shape, float(irreps[2])  # a_10 is the third of (0, 0), (1, −1), (1, 0), (1, 1)
        ((4,), 2.0)
    """
    arguments.option("normalization", normalization, ("integral", "component", "norm"))
    array, L = layouts.dense(coeffs)
    sines = jnp.flip(-array.imag, -1)
    both = jnp.where(jnp.arange(-L + 1, L) < 0, sines, array.real)
    return layouts.by_degree(both * _e3nn_factors(L, normalization, arguments.real_dtype(array)))


def from_e3nn(
    irreps_array: Num[Array | np.ndarray, "*batch irreps"], *, normalization: Normalization = "integral"
) -> Complex[Array, "*batch degree order"]:
    """Dense coefficients of the real field with given coefficients in e3nn's basis and axes: the inverse of `to_e3nn`.

    Args:
        irreps_array: The `array` of an `e3nn_jax.IrrepsArray` with the irreps `e3nn_jax.s2_irreps(L - 1)`, shape
            (*batch, L²), from which L is found, float32 or float64. e3nn's axes (x, y, z) are our (y, z, x).
        normalization: Of e3nn's harmonics, see `to_e3nn`.

    Returns:
        Coefficients, shape (*batch, L, 2L−1), complex64 or complex128, with a_{l,−m} = (−1)^m conj(a_lm).

    Raises:
        TypeError: An IrrepsArray instead of its `array`; complex, integer or half-precision values.
        ValueError: A length that is not a square, or an unknown `normalization`.

    References:
        `e3nn_jax.spherical_harmonics`.

    Examples:
        >>> import numpy as np
        >>> from spinharm import convert
        >>> irreps = np.array([1.0, 2.0, 3.0, 4.0])
        >>> bool(np.allclose(convert.to_e3nn(convert.from_e3nn(irreps)), irreps))
        True
    """
    arguments.option("normalization", normalization, ("integral", "component", "norm"))
    if hasattr(irreps_array, "irreps"):
        raise TypeError("`irreps_array` must be a plain array, got an IrrepsArray; pass its attribute `array`")
    array = arguments.inexact("irreps_array", irreps_array)
    if jnp.iscomplexobj(array):
        raise TypeError(
            f"`irreps_array` must be real, got dtype {array.dtype}; convert real and imaginary part separately"
        )
    L = layouts.square("irreps_array", array)
    factors = _e3nn_factors(L, normalization, str(array.dtype))
    cosines = layouts.take(array, layouts.table(L, "cosines")) / factors
    sines = layouts.take(array, layouts.table(L, "sines")) / factors
    # At m = 0 the sines repeat the cosines; `mirrored` leaves them out.
    return layouts.mirrored(jax.lax.complex(cosines, -sines))


@cached_table
def _e3nn_factors(bandlimit: int, normalization: Normalization, dtype: str) -> jax.Array:
    """Factors of real and imaginary parts of a_lm for e3nn, shape (degree, order).

    √2 joins ±m, (−1)^m undoes the Condon-Shortley phase, which e3nn does not have, the rest is the normalization.
    """
    l, order = np.arange(bandlimit)[:, None], np.arange(-bandlimit + 1, bandlimit)
    sphere = {"integral": 1.0, "component": 1 / (4 * np.pi), "norm": (2 * l + 1) / (4 * np.pi)}[normalization]
    factors = np.where(order == 0, 1.0, np.sqrt(2) * (1 - 2 * (order % 2))) * np.sqrt(sphere) * np.ones_like(l)
    with jax.ensure_compile_time_eval():
        return jnp.asarray(factors.astype(dtype))
