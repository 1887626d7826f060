"""Differential operators on the unit sphere, as products of coefficients with functions of degree.

The signs are those of ð f = −(∂_θ + i/sinθ ∂_φ) f on spin 0 and of the wind's spin +1 field v_θ + i v_φ. For a sphere
of radius r, divide a first derivative by r and a second one by r².
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Num

from .._arrays import arguments, entries


def _prepare(coeffs: object, axis: int | None) -> tuple[jax.Array, int]:
    array = arguments.complex_of(arguments.inexact("coeffs", coeffs))
    return array, arguments.degree_axis(array, axis)


def _by_degree(coeffs: jax.Array, axis: int, factor: np.ndarray, spin: int = 0) -> jax.Array:
    """Multiply each degree of a field of spin `spin` by a real factor."""
    shaped = factor.astype(arguments.real_dtype(coeffs)).reshape(-1, *(1,) * (-axis - 1))
    return _scaled(coeffs, shaped, axis, spin)


@functools.partial(jax.jit, static_argnames=("axis", "spin"), inline=True)
def _scaled(coeffs: jax.Array, factor: jax.Array | np.ndarray, axis: int, spin: int) -> jax.Array:
    coeffs = entries.meaningful(coeffs, axis, spin)
    return jax.lax.complex(coeffs.real * factor, coeffs.imag * factor)


def _degrees(coeffs: jax.Array, axis: int) -> np.ndarray:
    return np.arange(coeffs.shape[axis], dtype=np.float64)


def eth(coeffs: Num[Array | np.ndarray, "*shape"], spin: int, *, axis: int | None = None) -> Complex[Array, "*shape"]:
    """Raise the spin: ð sYlm = √((l−s)(l+s+1)) s+1Ylm. On spin 0, ð f = −(∂_θ + i/sinθ ∂_φ) f.

    Args:
        coeffs: Coefficients of a spin-`spin` field, shape (*batch, L, 2L−1) or (*batch, L, 2L−1, spin, channel).
        spin: s, the spin of the field.
        axis: Position of the degree axis; found by shape if left out.

    Returns:
        Coefficients of the spin s+1 field ð f, same shape.

    Raises:
        TypeError: Integer coefficients or spin that is not an integer.
        ValueError: Axes that are not (degree, order).

    References:
        Goldberg et al., Spin-s spherical harmonics and ð (1967), equation (2.7a).

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> height = spinharm.convert.from_packed_complex(np.array([0j, 0, 1, 0]))  # Y_10
        >>> round(float(spinharm.eth(height, 0)[1, 1].real), 4)  # √2
        1.4142
    """
    array, axis = _prepare(coeffs, axis)
    s, l = arguments.integer("spin", spin), _degrees(array, axis)
    return _by_degree(array, axis, np.sqrt(np.maximum((l - s) * (l + s + 1), 0.0) * (l >= abs(s))), s)


def ethbar(
    coeffs: Num[Array | np.ndarray, "*shape"], spin: int, *, axis: int | None = None
) -> Complex[Array, "*shape"]:
    """Lower the spin: ð̄ sYlm = −√((l+s)(l−s+1)) s−1Ylm. On spin 0, ð̄ f = −(∂_θ − i/sinθ ∂_φ) f.

    Args:
        coeffs: Coefficients of a spin-`spin` field, shape (*batch, L, 2L−1) or (*batch, L, 2L−1, spin, channel).
        spin: s, the spin of the field.
        axis: Position of the degree axis; found by shape if left out.

    Returns:
        Coefficients of the spin s−1 field ð̄ f, same shape.

    Raises:
        TypeError: Integer coefficients or spin that is not an integer.
        ValueError: Axes that are not (degree, order).

    References:
        Goldberg et al., Spin-s spherical harmonics and ð (1967), equation (2.7b).

    Examples:
        >>> import numpy as np
        >>> from spinharm import convert, eth, ethbar
        >>> height = convert.from_packed_complex(np.array([0j, 0, 1, 0]))  # Y_10
        >>> round(float(ethbar(eth(height, 0), 1)[1, 1].real), 4)  # ð̄ð is the Laplacian
        -2.0
    """
    array, axis = _prepare(coeffs, axis)
    s, l = arguments.integer("spin", spin), _degrees(array, axis)
    return _by_degree(array, axis, -np.sqrt(np.maximum((l + s) * (l - s + 1), 0.0) * (l >= abs(s))), s)


def laplacian(coeffs: Num[Array | np.ndarray, "*shape"], *, axis: int | None = None) -> Complex[Array, "*shape"]:
    """Laplace-Beltrami operator on a scalar: −l(l+1) a_lm.

    Args:
        coeffs: Spin-0 coefficients, shape (*batch, L, 2L−1) or (*batch, L, 2L−1, spin, channel).
        axis: Position of the degree axis; found by shape if left out.

    Returns:
        Coefficients of ∇²f on the unit sphere, same shape.

    Raises:
        TypeError: Integer coefficients.
        ValueError: Axes that are not (degree, order).

    Examples:
        >>> import numpy as np
        >>> from spinharm import convert, laplacian
        >>> height = convert.from_packed_complex(np.array([0j, 0, 1, 0]))  # Y_10
        >>> float(laplacian(height)[1, 1].real)  # −l (l + 1)
        -2.0
    """
    array, axis = _prepare(coeffs, axis)
    l = _degrees(array, axis)
    return _by_degree(array, axis, -l * (l + 1))


def inverse_laplacian(
    coeffs: Num[Array | np.ndarray, "*shape"], *, axis: int | None = None
) -> Complex[Array, "*shape"]:
    """Inverse Laplacian: the scalar of zero mean with a given Laplacian, −a_lm / l(l+1), and 0 at l = 0.

    Args:
        coeffs: Spin-0 coefficients, shape (*batch, L, 2L−1) or (*batch, L, 2L−1, spin, channel). Their mean (l = 0),
            which is zero for every Laplacian, is ignored.
        axis: Position of the degree axis; found by shape if left out.

    Returns:
        Coefficients on the unit sphere, same shape.

    Raises:
        TypeError: Integer coefficients.
        ValueError: Axes that are not (degree, order).

    Examples:
        >>> import numpy as np
        >>> from spinharm import convert, inverse_laplacian
        >>> height = convert.from_packed_complex(np.array([0j, 0, 1, 0]))  # Y_10
        >>> float(inverse_laplacian(height)[1, 1].real)
        -0.5
    """
    array, axis = _prepare(coeffs, axis)
    l = _degrees(array, axis)
    return _by_degree(array, axis, np.where(l > 0, -1.0 / np.maximum(l * (l + 1), 1.0), 0.0))


def gradient(coeffs: Num[Array | np.ndarray, "*shape"], *, axis: int | None = None) -> Complex[Array, "*shape"]:
    """Gradient of a scalar as the spin +1 field (∇f)_θ + i (∇f)_φ = −ð f.

    Args:
        coeffs: Spin-0 coefficients, shape (*batch, L, 2L−1) or (*batch, L, 2L−1, spin, channel).
        axis: Position of the degree axis; found by shape if left out.

    Returns:
        Spin +1 coefficients on the unit sphere, same shape; `spin_to_wind` of their map gives (∂f east, ∂f north).

    Raises:
        TypeError: Integer coefficients.
        ValueError: Axes that are not (degree, order).

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid, forward, gradient, inverse, spin_to_wind
        >>> grid = Grid.gauss_legendre(4)
        >>> height = np.cos(grid.colatitude)[:, None] * np.ones(grid.nlon)  # sin(latitude)
        >>> eastward, northward = spin_to_wind(inverse(gradient(forward(height, grid)), grid, spin=1))
        >>> bool(np.allclose(northward[:, 0], np.sin(grid.colatitude), atol=1e-5))  # cos(latitude)
        True
    """
    return -eth(coeffs, 0, axis=axis)


def _divergence_and_vorticity(coeffs: object, axis: int | None) -> tuple[jax.Array, jax.Array]:
    """Divergence and vorticity from the coefficients of −ð̄ w = div + i·curl."""
    array, axis = _prepare(coeffs, axis)
    joint = -ethbar(array, 1, axis=axis)
    L = array.shape[axis]
    sign = ((-1.0) ** np.arange(-L + 1, L)).astype(arguments.real_dtype(array)).reshape(-1, *(1,) * (-axis - 2))
    mirrored = jnp.flip(joint, axis + 1)
    re, im = mirrored.real * sign, mirrored.imag * sign
    half = np.asarray(0.5, re.dtype)
    # Half the sum and half the difference over i of q_lm and (−1)^m conj(q_l,−m).
    divergence = jax.lax.complex((joint.real + re) * half, (joint.imag - im) * half)
    vorticity = jax.lax.complex((joint.imag + im) * half, (re - joint.real) * half)
    return divergence, vorticity


def divergence(coeffs: Num[Array | np.ndarray, "*shape"], *, axis: int | None = None) -> Complex[Array, "*shape"]:
    """Divergence of a real wind: 1/sinθ (∂_θ(sinθ v_θ) + ∂_φ v_φ).

    Args:
        coeffs: Spin +1 coefficients of v_θ + i v_φ, shape (*batch, L, 2L−1) or (*batch, L, 2L−1, spin, channel).
        axis: Position of the degree axis; found by shape if left out.

    Returns:
        Spin-0 coefficients of the divergence, a real field on the unit sphere; same shape.

    Raises:
        TypeError: Integer coefficients.
        ValueError: Axes that are not (degree, order).

    Examples:
        >>> import numpy as np
        >>> from spinharm import convert, divergence, gradient
        >>> potential = convert.from_packed_complex(np.array([0j, 0, 1, 0]))  # Y_10
        >>> round(float(divergence(gradient(potential))[1, 1].real), 4)  # its Laplacian
        -2.0
    """
    return _divergence_and_vorticity(coeffs, axis)[0]


def vorticity(coeffs: Num[Array | np.ndarray, "*shape"], *, axis: int | None = None) -> Complex[Array, "*shape"]:
    """Radial vorticity of a real wind: 1/sinθ (∂_θ(sinθ v_φ) − ∂_φ v_θ), positive for counter-clockwise rotation.

    Args:
        coeffs: Spin +1 coefficients of v_θ + i v_φ, shape (*batch, L, 2L−1) or (*batch, L, 2L−1, spin, channel).
        axis: Position of the degree axis; found by shape if left out.

    Returns:
        Spin-0 coefficients of the vorticity, a real field on the unit sphere; same shape.

    Raises:
        TypeError: Integer coefficients.
        ValueError: Axes that are not (degree, order).

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid, forward, vorticity, wind_to_spin
        >>> grid = Grid.gauss_legendre(4)
        >>> u = np.sin(grid.colatitude)[:, None] * np.ones(grid.nlon)  # solid rotation, cos(latitude)
        >>> coeffs = vorticity(forward(wind_to_spin(u, 0 * u), grid, spin=1))  # 2 sin(latitude)
        >>> round(float(coeffs[1, 3].real), 4)
        4.0933
    """
    return _divergence_and_vorticity(coeffs, axis)[1]


class Helmholtz(NamedTuple):
    """Helmholtz decomposition of a wind: V = ∇χ + r̂ × ∇ψ.

    Attributes:
        streamfunction: ψ, of zero mean, with ∇²ψ = vorticity; spin-0 coefficients.
        potential: χ, the velocity potential, of zero mean, with ∇²χ = divergence; spin-0 coefficients.
        rotational: r̂ × ∇ψ; spin +1 coefficients.
        divergent: ∇χ; spin +1 coefficients.

    Examples:
        >>> from spinharm import Helmholtz
        >>> Helmholtz._fields
        ('streamfunction', 'potential', 'rotational', 'divergent')
    """

    streamfunction: jax.Array
    potential: jax.Array
    rotational: jax.Array
    divergent: jax.Array


def helmholtz(coeffs: Num[Array | np.ndarray, "*shape"], *, axis: int | None = None) -> Helmholtz:
    """Helmholtz decomposition of a real wind: V = ∇χ + r̂ × ∇ψ.

    Args:
        coeffs: Spin +1 coefficients of v_θ + i v_φ, shape (*batch, L, 2L−1) or (*batch, L, 2L−1, spin, channel).
        axis: Position of the degree axis; found by shape if left out.

    Returns:
        `Helmholtz(streamfunction, potential, rotational, divergent)`, on the unit sphere; `rotational` and
        `divergent` sum to `coeffs`.

    Raises:
        TypeError: Integer coefficients.
        ValueError: Axes that are not (degree, order).

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> wind = spinharm.convert.from_packed_complex(np.array([0j, 0, 1 + 1j, 0]))
        >>> parts = spinharm.helmholtz(wind)
        >>> float(abs(parts.rotational + parts.divergent - wind).max()) < 1e-6
        True
        >>> round(float(parts.divergent[1, 1].real), 4), round(float(parts.rotational[1, 1].imag), 4)
        (1.0, 1.0)
    """
    array, axis = _prepare(coeffs, axis)
    source, curl = _divergence_and_vorticity(array, axis)
    potential, streamfunction = (inverse_laplacian(x, axis=axis) for x in (source, curl))
    slope = gradient(streamfunction, axis=axis)
    # r̂ × (v_θ, v_φ) = (−v_φ, v_θ): a factor i on v_θ + i v_φ.
    rotational = jax.lax.complex(-slope.imag, slope.real)
    return Helmholtz(streamfunction, potential, rotational, gradient(potential, axis=axis))
