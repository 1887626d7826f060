"""Wigner d, D and Δ functions, and spin-weighted harmonics at points."""

from __future__ import annotations

import math
from collections.abc import Iterable

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Complex, Float

from .._arrays import arguments
from .._arrays.cache import cached_table
from . import recursion

HIGHEST = jax.lax.Precision.HIGHEST


def wigner_delta(bandlimit: int) -> Float[Array, "degree row column"]:
    """Wigner Δ: Δ^l_{mn} = d^l_{mn}(π/2).

    Args:
        bandlimit: L, at least 1.

    Returns:
        Table of shape (L, 2L−1, 2L−1), entry (l, m, n) at [l, m + L − 1, n + L − 1], zero where |m| or |n| exceeds
        l; JAX's default float type.

    Raises:
        TypeError: `bandlimit` is not an integer.
        ValueError: `bandlimit` is below 1.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), below equation (4).

    Examples:
        >>> import spinharm
        >>> delta = spinharm.wigner_delta(2)
        >>> delta.shape
        (2, 3, 3)
        >>> round(float(delta[1, 2, 2]), 4)  # (1 + cos β)/2 at β = π/2
        0.5
    """
    return wigner_d(bandlimit, np.pi / 2)


def wigner_d(
    bandlimit: int, beta: Float[ArrayLike, "*batch"], *, columns: Iterable[int] | None = None
) -> Float[Array, "*batch degree row column"]:
    """Wigner small d: d^l_{mn}(β) = ⟨lm| exp(−iβJ_y) |ln⟩.

    A concrete `beta` takes the float64 recursion over degree on the host, stable to L = 2048 and beyond for columns
    |n| <= 32, and to L = 1800 for all columns. A traced one (under `jit`, `grad`, `vmap`) takes
    d = i^{m−n} Σ_k Δ_km Δ_kn e^{−ikβ} on the device: smooth in β everywhere, poles included.

    Args:
        bandlimit: L, 1 … 3000.
        beta: Angle [radians], any real value, any batch shape.
        columns: The orders n to return, |n| < L; default all, −L+1 … L−1.

    Returns:
        Table of shape (*batch, L, 2L−1, columns), entry (l, m, n) at [l, m + L − 1, index of n], zero where |m| or
        |n| exceeds l; of the float type of `beta`, or JAX's default for Python numbers.

    Raises:
        TypeError: `bandlimit` or a column is not an integer, or `beta` is complex.
        ValueError: `bandlimit` out of range, a column out of range, or a concrete `beta` that is not finite.

    References:
        Varshalovich, Moskalev, Khersonskii, Quantum Theory of Angular Momentum (1988), 4.8.2 (14) and 4.3.1 (4).

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> d = spinharm.wigner_d(2, np.radians(60.0))
        >>> round(float(d[1, 1, 1]), 4)  # d^1_{00} = cos β
        0.5
        >>> spinharm.wigner_d(8, np.array([0.1, 0.2]), columns=(0,)).shape
        (2, 8, 15, 1)
    """
    bandlimit = _bandlimit(bandlimit)
    order = np.arange(-bandlimit + 1, bandlimit)
    columns = order if columns is None else np.array([arguments.integer("columns", n) for n in columns], int)
    if columns.size and np.max(np.abs(columns)) >= bandlimit:
        raise ValueError(f"`columns` must be below the bandlimit {bandlimit} in magnitude, got {columns.tolist()}")
    return _d(bandlimit, "beta", beta, columns)


def wigner_D(
    bandlimit: int,
    alpha: Float[ArrayLike, "*#batch"],
    beta: Float[ArrayLike, "*#batch"],
    gamma: Float[ArrayLike, "*#batch"],
) -> Complex[Array, "*batch degree row column"]:
    """Wigner D: D^l_{mn}(α, β, γ) = e^{−imα} d^l_{mn}(β) e^{−inγ}.

    The matrix of the rotation R = R_z(α) R_y(β) R_z(γ) on coefficients: (R f)(x) = f(R⁻¹x) has
    a′_lm = Σ_n D^l_{mn} a_ln. `rotate` applies it without forming it.

    Args:
        bandlimit: L, at least 1.
        alpha: Euler angle [radians]; the three angles broadcast together and may be traced.
        beta: Euler angle [radians].
        gamma: Euler angle [radians].

    Returns:
        Table of shape (*batch, L, 2L−1, 2L−1), complex; unitary in its last two axes restricted to |m|, |n| <= l.

    Raises:
        TypeError: `bandlimit` is not an integer, or an angle is complex.
        ValueError: `bandlimit` out of range, a concrete angle that is not finite, or shapes that do not broadcast.

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> D = spinharm.wigner_D(2, 0.1, 0.2, 0.3)
        >>> D.shape
        (2, 3, 3)
        >>> bool(np.allclose(D[1] @ D[1].conj().T, np.eye(3), atol=1e-6))
        True
    """
    broadcast(alpha=alpha, beta=beta, gamma=gamma)
    d = wigner_d(bandlimit, beta)
    dtype = arguments.real_dtype(d)
    left, right = (phases(bandlimit, name, x, dtype) for name, x in (("alpha", alpha), ("gamma", gamma)))
    return left[..., None, :, None] * arguments.complex_of(d) * right[..., None, None, :]


def spin_weighted_harmonics(
    bandlimit: int,
    spin: int,
    colatitude: Float[ArrayLike, "*#points"],
    longitude: Float[ArrayLike, "*#points"],
) -> Complex[Array, "*points degree order"]:
    """Harmonics sYlm(θ, φ) = (−1)^s √((2l+1)/4π) d^l_{m,−s}(θ) e^{imφ} below a bandlimit, at points.

    For spin 0 this is `scipy.special.sph_harm_y`. Concrete points take the float64 recursion; traced ones a Fourier
    sum in θ, differentiable everywhere, poles included.

    Args:
        bandlimit: L, 1 … 3000.
        spin: s, |s| < L.
        colatitude: θ [radians], 0 at the north pole; any shape, broadcast with `longitude`.
        longitude: φ [radians].

    Returns:
        Values of shape (*points, L, 2L−1), complex; entry (l, m) at [l, m + L − 1], zero where |m| > l or l < |s|.

    Raises:
        TypeError: `bandlimit` or `spin` is not an integer, or a coordinate is complex.
        ValueError: `bandlimit` or `spin` out of range, a concrete coordinate that is not finite, or shapes that do not
            broadcast.

    References:
        Goldberg et al., Spin-s spherical harmonics and ð (1967), equation (3.1), times the Condon-Shortley phase
        (−1)^m; see `docs/conventions.md`.

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> values = spinharm.spin_weighted_harmonics(2, 0, np.radians(60.0), 0.0)
        >>> values.shape
        (2, 3)
        >>> round(float(values[1, 1].real), 4)  # √(3/4π) cos θ
        0.2443
    """
    bandlimit = _bandlimit(bandlimit)
    spin = arguments.integer("spin", spin)
    if abs(spin) >= bandlimit:
        raise ValueError(f"`spin` must be below the bandlimit {bandlimit} in magnitude, got {spin}")
    broadcast(colatitude=colatitude, longitude=longitude)
    d = _d(bandlimit, "colatitude", colatitude, np.array([-spin]))[..., 0]
    norm = [(-1) ** (spin % 2) * math.sqrt((2 * degree + 1) / (4 * math.pi)) for degree in range(bandlimit)]
    real = d * np.array(norm, d.dtype)[:, None]
    phase = phases(bandlimit, "longitude", longitude, arguments.real_dtype(real))
    return arguments.complex_of(real) * jnp.conj(phase)[..., None, :]


def phases(bandlimit: int, name: str, angle: object, dtype: str) -> Complex[Array, "*batch order"]:
    """e^{−im·angle} for m = −L+1 … L−1, in `dtype`; for the argument called `name`."""
    _real(name, angle)
    if isinstance(angle, jax.core.Tracer):
        return order_phases(bandlimit, angle.astype(dtype))
    host = np.asarray(angle, np.float64)
    _finite(name, host)
    # On the host: in float32, m · angle would lose the digits that m has.
    phase = np.exp(-1j * host[..., None] * np.arange(-bandlimit + 1, bandlimit))
    return jnp.asarray(phase.astype(np.result_type(dtype, np.complex64)))


def order_phases(bandlimit: int, angle: jax.Array) -> Complex[Array, "*batch order"]:
    """e^{−im·angle} for m = −L+1 … L−1, of a traced angle."""
    order = np.arange(-bandlimit + 1, bandlimit).astype(angle.dtype)
    # The leading half of the angle's digits times m is exact. Derivatives come from the trailing half.
    bits = (8, 11) if angle.dtype == jnp.float32 else (11, 26)
    leading = jax.lax.stop_gradient(jax.lax.reduce_precision(angle, *bits))

    def wave(part: jax.Array) -> jax.Array:
        argument = part[..., None] * order
        return jax.lax.complex(jnp.cos(argument), -jnp.sin(argument))

    return wave(leading) * wave(angle - leading)


def quarter_turns(exponent: np.ndarray) -> np.ndarray:
    """i^exponent for integers, exactly."""
    return np.array([1, 1j, -1, -1j])[exponent % 4]


@cached_table
def delta_columns(bandlimit: int, dtype: str) -> np.ndarray:
    """Δ^l_{kn} for k >= 0 on the host, shape (l, k, n)."""
    order = np.arange(-bandlimit + 1, bandlimit)
    rows = recursion.degrees(bandlimit, np.arange(bandlimit)[:, None], order[None, :], np.pi / 2)
    return np.stack([row.astype(dtype) for row in rows])


def _d(bandlimit: int, name: str, beta: object, columns: np.ndarray) -> jax.Array:
    """Wigner d of the argument called `name`, traced or concrete."""
    if isinstance(beta, jax.core.Tracer):
        return _traced_d(bandlimit, to_angle(name, beta), columns)
    _real(name, beta)
    # On the host even while a program is being traced, where `jnp.asarray` would give a tracer.
    angle = np.asarray(beta, np.float64)
    _finite(name, angle)
    order = np.arange(-bandlimit + 1, bandlimit)
    table = np.empty((angle.size, bandlimit, order.size, columns.size), _float_dtype(beta))
    rows = recursion.degrees(bandlimit, order[None, :, None], columns[None, None, :], angle.reshape(-1, 1, 1))
    for degree, row in enumerate(rows):
        table[:, degree] = row
    return jnp.asarray(table.reshape(*angle.shape, *table.shape[1:]))


def _traced_d(bandlimit: int, beta: jax.Array, columns: np.ndarray) -> jax.Array:
    """d^l_{mn} = i^{m−n} Σ_k Δ_km Δ_kn e^{−ikβ}; terms ±k join to a cosine or, for odd m−n, a sine."""
    order = np.arange(-bandlimit + 1, bandlimit)
    delta = delta_columns(bandlimit, str(beta.dtype))
    with jax.ensure_compile_time_eval():
        left, right = jnp.asarray(delta), jnp.asarray(delta[:, :, columns + bandlimit - 1])
    k = np.arange(bandlimit).astype(beta.dtype)
    twice = np.where(np.arange(bandlimit) == 0, 1, 2).astype(beta.dtype)
    argument = beta[..., None] * k
    difference = order[:, None] - columns[None, :]
    turn = quarter_turns(difference)
    result = jnp.zeros((*beta.shape, bandlimit, order.size, columns.size), beta.dtype)
    for wave, factor in ((jnp.cos(argument), np.real(turn)), (jnp.sin(argument), np.imag(turn))):
        # (Δᵀ diag(wave) Δ): scale the smaller factor, then one product per degree.
        scaled = (wave * twice)[..., None, :, None] * right
        product = jnp.einsum("lkm,...lkn->...lmn", left, scaled, precision=HIGHEST)
        result = result + product * factor.astype(beta.dtype)
    return result


def _bandlimit(value: int) -> int:
    bandlimit = arguments.integer("bandlimit", value, 1)
    if bandlimit > recursion.LARGEST_BANDLIMIT:
        raise ValueError(f"`bandlimit` must be at most {recursion.LARGEST_BANDLIMIT}, got {bandlimit}")
    return bandlimit


def _is_array(value: object) -> bool:
    return isinstance(value, jax.Array | np.ndarray | np.generic)


def _float_dtype(value: object) -> np.dtype:
    if _is_array(value) and jnp.issubdtype(value.dtype, jnp.floating):  # pyright: ignore[reportAttributeAccessIssue]
        return np.dtype(jax.dtypes.canonicalize_dtype(value.dtype))  # pyright: ignore[reportAttributeAccessIssue]
    return np.dtype(jnp.zeros(()).dtype)


def to_angle(name: str, value: object) -> jax.Array:
    """An angle as a float array; a concrete one must be finite."""
    _real(name, value)
    if not isinstance(value, jax.core.Tracer):
        _finite(name, np.asarray(value, np.float64))
    return jnp.asarray(value, _float_dtype(value))


def _real(name: str, value: object) -> None:
    if jnp.iscomplexobj(value):
        raise TypeError(f"`{name}` must be real, got dtype {jnp.result_type(value)}")


def broadcast(**values: object) -> None:
    """Check that the shapes of the named arguments broadcast together."""
    shapes = [np.shape(value) for value in values.values()]  # pyright: ignore[reportArgumentType, reportCallIssue]
    try:
        jnp.broadcast_shapes(*shapes)
    except ValueError:
        names = ", ".join(f"`{name}`" for name in values)
        raise ValueError(f"{names} must broadcast, got shapes {', '.join(map(str, shapes))}") from None


def _finite(name: str, value: np.ndarray) -> None:
    if not np.all(np.isfinite(value)):
        bad = value[~np.isfinite(value)].ravel()[0]
        raise ValueError(f"`{name}` must be finite, got {bad}")
