"""Conversion of coefficients to and from ducc0, healpy, `spherical`, e3nn, s2fft, and the basis of cosines and sines.

Coefficients of this package are dense: axes (*batch, degree, order) of sizes L and 2L−1, entry (l, m) at [l, m + L −
1], zero where |m| > l; harmonics follow `docs/conventions.md`. Every function takes any number of batch axes, can be
traced, differentiated and batched, and keeps the precision of its argument. Entries with |m| > l are ignored in the
input and zero in the output.
"""

from __future__ import annotations

import math
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Num

from ._arrays import arguments, entries
from ._arrays.cache import cached_table
from ._coefficients.cosines import from_cosines as from_cosines, to_cosines as to_cosines

Normalization = Literal["integral", "component", "norm"]


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
    array, L = _dense(coeffs)
    return _pack(array[..., L - 1 :])


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
    return _mirrored(_take(array, _table(_triangle("alm", array), "packed")))


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
    array, L = _dense(coeffs)
    return _by_degree(_supported(array, L, spin))


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
    L = _square("modes", array)
    return _supported(_take(array, _table(L, "degrees")), L, spin)


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
    array, L = _dense(coeffs)
    spin = _positive_spin(spin, L)
    half = array[..., L - 1 :]
    mirror = _alternate(jnp.conj(jnp.flip(array[..., :L], -1)), jnp.arange(L))
    pair = jnp.stack([-0.5 * (half + mirror), 0.5j * (half - mirror)], -3)
    return _pack(_from_degree(pair, spin))


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
    L = _triangle("alm", array)
    if array.ndim < 2 or array.shape[-2] != 2:
        raise ValueError(
            f"`alm` must have axes (*batch, 2, L (L + 1)/2), gradient then curl, got shape {array.shape}; stack zeros "
            f"as the curl of a pure gradient"
        )
    start = _positive_spin(spin, L)
    gradient, curl = (_mirrored(_take(array[..., i, :], _table(L, "packed"))) for i in (0, 1))
    return _from_degree(jax.lax.complex(curl.imag - gradient.real, -curl.real - gradient.imag), start)


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
    array, L = _dense(coeffs)
    sines = jnp.flip(-array.imag, -1)
    both = jnp.where(jnp.arange(-L + 1, L) < 0, sines, array.real)
    return _by_degree(both * _e3nn_factors(L, normalization, arguments.real_dtype(array)))


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
    L = _square("irreps_array", array)
    factors = _e3nn_factors(L, normalization, str(array.dtype))
    cosines = _take(array, _table(L, "cosines")) / factors
    sines = _take(array, _table(L, "sines")) / factors
    # At m = 0 the sines repeat the cosines; `_mirrored` leaves them out.
    return _mirrored(jax.lax.complex(cosines, -sines))


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
    array, L = _dense(coeffs)
    return _supported(array, L, spin)


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
    array, L = _dense(flm, "flm")
    return _supported(array, L, spin)


def _dense(value: object, name: str = "coeffs") -> tuple[jax.Array, int]:
    """Dense coefficients as a complex array, and L."""
    array = arguments.complex_of(arguments.inexact(name, value))
    if array.ndim < 2 or array.shape[-1] != 2 * array.shape[-2] - 1:
        raise ValueError(
            f"`{name}` must have axes (*batch, degree, order) with sizes (…, L, 2L - 1), got shape {array.shape}; move "
            f"spin and channel axes to the front"
        )
    return array, array.shape[-2]


def _triangle(name: str, array: jax.Array) -> int:
    """L of L (L + 1)/2 entries on the last axis."""
    size = array.shape[-1] if array.ndim else 0
    L = (math.isqrt(8 * size + 1) - 1) // 2
    if not L or L * (L + 1) // 2 != size:
        raise ValueError(
            f"`{name}` must have L (L + 1)/2 entries on its last axis for some bandlimit L, got shape {array.shape}; "
            f"the nearest lengths are {L * (L + 1) // 2} and {(L + 1) * (L + 2) // 2}. Fill up a set cut off at "
            f"m_max < l_max with zeros"
        )
    return L


def _square(name: str, array: jax.Array) -> int:
    """L of L² entries on the last axis."""
    size = array.shape[-1] if array.ndim else 0
    L = math.isqrt(size)
    if not L or L * L != size:
        raise ValueError(
            f"`{name}` must have L² entries on its last axis for some bandlimit L, got shape {array.shape}; the "
            f"nearest lengths are {L * L} and {(L + 1) ** 2}"
        )
    return L


def _below(spin: object, bandlimit: int) -> int:
    number = arguments.integer("spin", spin)
    if abs(number) >= bandlimit:
        raise ValueError(f"`spin` must be below the bandlimit {bandlimit} in magnitude, got {number}")
    return number


def _positive_spin(spin: object, bandlimit: int) -> int:
    number = arguments.integer("spin", spin)
    if number < 1:
        raise ValueError(
            f"`spin` must be at least 1, got {number}; for spin 0 use to_packed and from_packed, for a negative spin "
            f"convert the conjugate field"
        )
    return _below(number, bandlimit)


def _from_degree(array: jax.Array, start: int) -> jax.Array:
    """`array` with zeros at degrees below `start`; its last axes are (degree, order)."""
    return jnp.where(jnp.arange(array.shape[-2])[:, None] >= start, array, 0)


def _supported(array: jax.Array, bandlimit: int, spin: object) -> jax.Array:
    """`array` with zeros where |m| > l or l < |spin|."""
    return entries.meaningful(array, -2, _below(spin, bandlimit))


def _alternate(array: jax.Array, order: jax.Array) -> jax.Array:
    """(−1)^m · `array`, by sign changes, which keep infinities."""
    return jnp.where(order % 2 == 1, -array, array)


def _mirrored(array: jax.Array) -> jax.Array:
    """Dense coefficients of a real field, from entries (l, |m|) at (l, m): (−1)^m conj for m < 0, real for m = 0."""
    L = array.shape[-2]
    order = jnp.arange(-L + 1, L)
    imag = jnp.where(order == 0, 0, jnp.where(order < 0, -array.imag, array.imag))
    both = jax.lax.complex(array.real, imag)
    return jnp.where(order < 0, _alternate(both, order), both)


def _pack(half: jax.Array) -> jax.Array:
    """Orders m ≥ 0, shape (…, degree, m), to order by order."""
    L = half.shape[-1]
    return half.reshape(*half.shape[:-2], L * L)[..., _table(L, "to packed")]


def _by_degree(array: jax.Array) -> jax.Array:
    """Dense (…, degree, order) to degree by degree."""
    L = array.shape[-2]
    return array.reshape(*array.shape[:-2], L * (2 * L - 1))[..., _table(L, "to degrees")]


def _take(flat: jax.Array, table: jax.Array) -> jax.Array:
    """The entries of the last axis at the indices of `table`, zero where one is past the end."""
    return flat.at[..., table].get(mode="fill", fill_value=0)


@cached_table
def _table(
    bandlimit: int, name: Literal["packed", "degrees", "cosines", "sines", "to packed", "to degrees"]
) -> jax.Array:
    """Index of each entry of one layout in another.

    The first four are indexed by dense entries, shape (degree, order), and point past the end for |m| > l; `"packed"`
    and `"cosines"` point to |m|, `"sines"` to −|m|. The others are indexed by packed entries and point into flattened
    orders m ≥ 0, or into flattened dense coefficients.
    """
    L = bandlimit
    l, order = np.arange(L)[:, None], np.arange(-L + 1, L)
    m = abs(order)
    if name.endswith("packed"):
        index, count = m * (2 * L - 1 - m) // 2 + l, L * (L + 1) // 2
    else:
        index, count = l * l + l + {"cosines": m, "sines": -m}.get(name, order), L * L
    index = np.where(m <= l, index, count)
    if name.startswith("to "):
        start = L - 1 if name == "to packed" else 0
        index = np.argsort(index[:, start:], axis=None, kind="stable")[:count]
    # Concrete even while a program is being traced, so that `spinharm.jit` makes it an argument.
    with jax.ensure_compile_time_eval():
        return jnp.asarray(index.astype(np.int32))


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
