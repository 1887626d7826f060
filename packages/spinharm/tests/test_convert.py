"""`spinharm.convert` against the libraries themselves, and its laws: round trips, derivatives, batches, messages."""

from __future__ import annotations

import inspect

import ducc0
import e3nn_jax
import hypothesis
import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import strategies as st
from jax.test_util import check_grads
from s2fft.sampling import reindex
from s2fft.transforms import spherical
from scipy.special import sph_harm_y

from spinharm import Grid, convert, evaluate, inverse, jit, rotate

BANDLIMITS = (1, 2, 7)
Coeffs = npt.NDArray[np.complex128]


def dense(rng: np.random.Generator, bandlimit: int, spin: int = 0, *batch: int, dtype="complex128") -> Coeffs:
    """Random coefficients of a complex field, zero outside max(|m|, |spin|) <= l."""
    shape = (*batch, bandlimit, 2 * bandlimit - 1)
    values = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    degree, order = np.arange(bandlimit)[:, None], np.arange(-bandlimit + 1, bandlimit)
    return np.where(np.maximum(abs(order), abs(spin)) <= degree, values, 0).astype(dtype)


def dense_real(rng: np.random.Generator, bandlimit: int, *batch: int, dtype="complex128") -> Coeffs:
    """Random coefficients of a real field of spin 0."""
    values = dense(rng, bandlimit, 0, *batch)
    order = np.arange(-bandlimit + 1, bandlimit)
    return ((values + (-1.0) ** order * values[..., ::-1].conj()) / 2).astype(dtype)


def assert_close(actual: npt.ArrayLike, expected: npt.ArrayLike, roundings: float = 200) -> None:
    """Equal to so many roundings in float64 of the largest value."""
    expected = np.asarray(expected)
    atol = roundings * np.finfo(np.float64).eps * np.max(abs(expected), initial=0)
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=0, atol=float(atol))


def outside(bandlimit: int) -> np.ndarray:
    """Whether |m| > l, shape (degree, order)."""
    return abs(np.arange(-bandlimit + 1, bandlimit)) > np.arange(bandlimit)[:, None]


def synthesis(alm: np.ndarray, grid: Grid, spin: int) -> np.ndarray:
    """ducc0's maps on `grid`, (1 or 2, lat, lon)."""
    nlat, nlon = grid.shape
    rings = {
        "theta": grid.colatitude,
        "nphi": np.full(nlat, nlon, np.uint64),
        "phi0": np.zeros(nlat),
        "ringstart": np.arange(nlat, dtype=np.uint64) * np.uint64(nlon),
    }
    bandlimit = int(np.sqrt(2 * alm.shape[-1]))
    maps = ducc0.sht.synthesis(alm=np.asarray(alm), lmax=bandlimit - 1, spin=spin, **rings)
    return maps.reshape(-1, nlat, nlon)


def points(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random directions (X, Y, Z) of our axes, their colatitude and longitude."""
    xyz = rng.normal(size=(count, 3))
    xyz /= np.linalg.norm(xyz, axis=-1, keepdims=True)
    return xyz, np.arccos(xyz[:, 2]), np.arctan2(xyz[:, 1], xyz[:, 0])


def values_at(coeffs: np.ndarray, theta: np.ndarray, phi: np.ndarray) -> Coeffs:
    """Σ a_lm Y_lm by scipy."""
    bandlimit = coeffs.shape[-2]
    degree, order = np.arange(bandlimit)[:, None], np.arange(-bandlimit + 1, bandlimit)
    harmonics = sph_harm_y(degree, order, theta[:, None, None], phi[:, None, None])
    return np.einsum("plm,lm->p", np.where(outside(bandlimit), 0, harmonics), coeffs)


def e3nn_values(coeffs: np.ndarray | jax.Array, xyz: np.ndarray, normalization: str) -> np.ndarray:
    """The same sum by e3nn, whose (x, y, z) are our (y, z, x)."""
    lmax = int(np.sqrt(coeffs.shape[-1])) - 1
    with jax.numpy_dtype_promotion("standard"):
        harmonics = e3nn_jax.spherical_harmonics(
            e3nn_jax.s2_irreps(lmax), jnp.asarray(xyz[:, [1, 2, 0]]), normalize=True, normalization=normalization
        ).array
    return np.asarray(harmonics) @ np.asarray(coeffs)


# One entry per pair of functions: there, back, whether they are for real fields, and the spin of the field.
PAIRS = {
    "packed": (convert.to_packed, convert.from_packed, True, 0),
    "packed complex": (convert.to_packed_complex, convert.from_packed_complex, False, 0),
    "ducc0": (lambda a: convert.to_ducc0_spin(a, 2), lambda a: convert.from_ducc0_spin(a, 2), False, 2),
    "e3nn": (
        lambda a: convert.to_e3nn(a, normalization="norm"),
        lambda a: convert.from_e3nn(a, normalization="norm"),
        True,
        0,
    ),
    "s2fft": (lambda a: convert.to_s2fft(a, spin=-1), lambda a: convert.from_s2fft(a, spin=-1), False, 1),
}
pairs = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())


def field(rng: np.random.Generator, pair, bandlimit: int, *batch: int, dtype: str = "complex128") -> Coeffs:
    _, _, real, spin = pair
    if real:
        return dense_real(rng, bandlimit, *batch, dtype=dtype)
    return dense(rng, bandlimit, spin, *batch, dtype=dtype)


def check_round_trip(pair, coeffs: np.ndarray) -> None:
    """There and back is the identity, to rounding, in the same precision."""
    there, back, _, _ = pair
    other, result = jax.jit(lambda x: (there(x), back(there(x))))(coeffs)
    assert jnp.finfo(other.dtype).dtype == jnp.finfo(coeffs.dtype).dtype
    assert result.dtype == coeffs.dtype
    assert result.shape == coeffs.shape
    atol = 2 * jnp.finfo(coeffs.dtype).eps * np.max(abs(coeffs), initial=0)
    np.testing.assert_allclose(np.asarray(result), coeffs, rtol=0, atol=float(atol))


@pairs
@pytest.mark.parametrize("bandlimit", BANDLIMITS)
def test_round_trip_float64(rng, x64, pair, bandlimit):
    if bandlimit > pair[3]:
        check_round_trip(pair, field(rng, pair, bandlimit, 2))


@hypothesis.settings(max_examples=12)
@hypothesis.given(
    name=st.sampled_from(list(PAIRS)),
    bandlimit=st.integers(3, 6),
    batch=st.lists(st.integers(0, 2), max_size=2),
    seed=st.integers(0, 2**32 - 1),
)
def test_round_trip_float32_of_any_batch(name, bandlimit, batch, seed):
    coeffs = field(np.random.default_rng(seed), PAIRS[name], bandlimit, *batch, dtype="complex64")
    check_round_trip(PAIRS[name], coeffs)


@pairs
def test_entries_outside_do_not_matter(rng, x64, pair):
    there, back, spin = jax.jit(pair[0]), jax.jit(pair[1]), pair[3]
    L = 4
    coeffs = field(rng, pair, L)
    where = outside(L) | (np.arange(L)[:, None] < spin)
    other = there(np.where(where, np.nan, coeffs))
    np.testing.assert_array_equal(np.asarray(other), np.asarray(there(coeffs)))
    assert not np.any(np.asarray(back(other))[where])


@pairs
def test_jit_and_vmap(rng, x64, pair):
    coeffs = jnp.asarray(field(rng, pair, 4))
    for function, argument in ((pair[0], coeffs), (pair[1], pair[0](coeffs))):
        expected = np.asarray(function(argument))
        batch = jnp.stack([argument, 2 * argument])
        # Compiled, multiplication and division by constants may round differently.
        for result in (jax.jit(function)(argument), jit(function)(argument), jax.jit(jax.vmap(function))(batch)[0]):
            np.testing.assert_allclose(np.asarray(result), expected, rtol=1e-15, atol=0)


@pairs
def test_gradients(rng, x64, pair):
    """Linear over the reals, not over the complex numbers: compared in real and imaginary parts."""
    there, back, _, _ = pair
    coeffs = field(rng, pair, 4)

    @jax.jit
    def in_parts(x):
        other = there(jax.lax.complex(x[0], x[1]))
        again = back(other)
        return other.real, other.imag, again.real, again.imag

    check_grads(in_parts, (jnp.stack([coeffs.real, coeffs.imag]),), 1, ("fwd", "rev"), atol=1e-6, rtol=1e-6)


@pairs
def test_real_coefficients_are_taken_as_complex(rng, pair):
    there, spin = jax.jit(pair[0]), pair[3]
    coeffs = dense(rng, 4, spin).real.astype(np.float32)
    np.testing.assert_array_equal(np.asarray(there(coeffs)), np.asarray(there(coeffs.astype(np.complex64))))


def test_index_tables_are_arguments_of_compiled_functions():
    L = 40
    coeffs = jnp.zeros((L, 2 * L - 1), "complex64")
    assert 'dense<"0x' in jax.jit(convert.to_packed).lower(coeffs).as_text()
    assert 'dense<"0x' not in jit(convert.to_packed).lower(coeffs).as_text()


# --- packed -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bandlimit", BANDLIMITS)
def test_packed_order_is_that_of_ducc0(bandlimit):
    lmax = bandlimit - 1
    coeffs = np.zeros((bandlimit, 2 * bandlimit - 1), np.complex64)
    wanted = np.zeros(bandlimit * (bandlimit + 1) // 2, np.complex64)
    for l in range(bandlimit):
        for m in range(l + 1):
            coeffs[l, m + lmax] = wanted[m * (2 * lmax + 1 - m) // 2 + l] = complex(l, m + 1)
    np.testing.assert_array_equal(np.asarray(convert.to_packed(coeffs)), wanted)


@pytest.mark.parametrize("grid", [Grid.gauss_legendre(6), Grid.equiangular(7, 12)], ids=str)
def test_packed_gives_the_maps_of_ducc0(rng, x64, grid):
    coeffs = dense_real(rng, 6)
    ours = inverse(jnp.asarray(coeffs), grid, real=True)
    theirs = synthesis(np.asarray(convert.to_packed(coeffs))[None], grid, 0)[0]
    assert_close(ours, theirs)


def test_from_packed_gives_the_maps_of_ducc0_for_any_input(rng, x64):
    """Imaginary parts at m = 0 included, which ducc0 ignores."""
    alm = rng.normal(size=21) + 1j * rng.normal(size=21)
    grid = Grid.gauss_legendre(6)
    field = np.asarray(inverse(convert.from_packed(alm), grid, real=True))
    assert_close(field, synthesis(alm[None], grid, 0)[0])


def test_from_packed_takes_the_analysis_of_ducc0(rng, x64):
    grid = Grid.equiangular(7, 12)
    coeffs = dense_real(rng, 6)
    maps = np.asarray(inverse(jnp.asarray(coeffs), grid, real=True))
    alm = ducc0.sht.analysis_2d(map=maps[None], spin=0, lmax=5, geometry="CC")
    assert_close(convert.from_packed(alm[0]), coeffs)


def test_packed_keeps_the_orders_of_a_complex_field_that_it_has(rng, x64):
    coeffs = dense(rng, 4)
    back = np.asarray(convert.from_packed(convert.to_packed(coeffs)))
    np.testing.assert_array_equal(back[:, 4:], coeffs[:, 4:])
    np.testing.assert_array_equal(back[:, 3], coeffs[:, 3].real)


@pytest.mark.parametrize("bandlimit", BANDLIMITS)
def test_packed_layouts_are_those_of_s2fft(rng, x64, bandlimit):
    coeffs = dense_real(rng, bandlimit)
    one_axis = reindex.flm_2d_to_1d_fast(jnp.asarray(coeffs), bandlimit)
    np.testing.assert_array_equal(np.asarray(convert.to_packed_complex(coeffs)), np.asarray(one_axis))
    healpy = reindex.flm_2d_to_hp_fast(jnp.asarray(coeffs), bandlimit)
    np.testing.assert_array_equal(np.asarray(convert.to_packed(coeffs)), np.asarray(healpy))


def test_packed_complex_order(rng, x64):
    coeffs = dense(rng, 4)
    listed = [coeffs[l, m + 3] for l in range(4) for m in range(-l, l + 1)]
    np.testing.assert_array_equal(np.asarray(convert.to_packed_complex(coeffs)), listed)


# --- ducc0, spin ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", [Grid.gauss_legendre(6), Grid.equiangular(7, 12)], ids=str)
@pytest.mark.parametrize("spin", [1, 2, 3])
def test_ducc0_spin_gives_the_maps_of_ducc0(rng, x64, spin, grid):
    coeffs = dense(rng, 6, spin)
    ours = np.asarray(inverse(jnp.asarray(coeffs), grid, spin=spin))
    real, imaginary = synthesis(np.asarray(convert.to_ducc0_spin(coeffs, spin)), grid, spin)
    assert_close(ours, real + 1j * imaginary)


@pytest.mark.parametrize("spin", [1, 2, 3])
def test_from_ducc0_spin_gives_the_maps_of_ducc0_for_any_input(rng, x64, spin):
    """Entries of degrees below the spin and imaginary parts at m = 0 included, which ducc0 ignores."""
    alm = rng.normal(size=(2, 21)) + 1j * rng.normal(size=(2, 21))
    grid = Grid.gauss_legendre(6)
    field = np.asarray(inverse(convert.from_ducc0_spin(alm, spin), grid, spin=spin))
    real, imaginary = synthesis(alm, grid, spin)
    assert_close(field, real + 1j * imaginary)


@pytest.mark.parametrize("spin", [1, 2, 3])
def test_from_ducc0_spin_takes_the_analysis_of_ducc0(rng, x64, spin):
    grid = Grid.equiangular(7, 12)
    coeffs = dense(rng, 6, spin)
    field: Coeffs = np.asarray(inverse(jnp.asarray(coeffs), grid, spin=spin))
    alm = ducc0.sht.analysis_2d(map=np.stack([field.real, field.imag]), spin=spin, lmax=5, geometry="CC")
    assert_close(convert.from_ducc0_spin(alm, spin), coeffs)


@pytest.mark.parametrize("spin", [1, 2])
def test_field_of_negative_spin_is_the_conjugate(rng, x64, spin):
    """What the docstring and the message about a negative spin advise."""
    grid = Grid.gauss_legendre(6)
    coeffs = dense(rng, 6, spin)
    order = np.arange(-5, 6)
    conjugate = (-1.0) ** (spin + order) * coeffs[:, ::-1].conj()
    ours = np.asarray(inverse(jnp.asarray(coeffs), grid, spin=-spin))
    real, imaginary = synthesis(np.asarray(convert.to_ducc0_spin(conjugate, spin)), grid, spin)
    assert_close(ours, real - 1j * imaginary)


# --- e3nn -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("normalization", ["integral", "component", "norm"])
@pytest.mark.parametrize("bandlimit", [1, 6])
def test_e3nn_has_the_same_values_at_points(rng, x64, bandlimit, normalization):
    coeffs = dense_real(rng, bandlimit)
    xyz, theta, phi = points(rng, 20)
    irreps = convert.to_e3nn(coeffs, normalization=normalization)
    assert irreps.dtype == np.float64
    expected = values_at(coeffs, theta, phi)
    np.testing.assert_allclose(expected.imag, 0, atol=1e-13)
    assert_close(e3nn_values(irreps, xyz, normalization), expected.real)


def test_from_e3nn_has_the_same_values_at_points(rng, x64):
    irreps = rng.normal(size=36)
    xyz, theta, phi = points(rng, 20)
    values = values_at(np.asarray(convert.from_e3nn(irreps)), theta, phi)
    assert_close(values, e3nn_values(irreps, xyz, "integral"))


def test_e3nn_polar_axis_is_y(x64):
    """The field cos θ, our Z, is e3nn's y; our X is its z, our Y its x."""
    alm = {"Z": [0, 1, 0], "X": [2**-0.5, 0, -(2**-0.5)], "Y": [1j * 2**-0.5, 0, 1j * 2**-0.5]}
    for name, orders in alm.items():
        coeffs = np.zeros((2, 3), complex)
        coeffs[1] = orders
        wanted = np.zeros(4)
        wanted[1 + {"Y": 0, "Z": 1, "X": 2}[name]] = 1
        np.testing.assert_allclose(np.asarray(convert.to_e3nn(coeffs)), wanted, atol=1e-15)


def test_e3nn_rotates_alike(rng, x64):
    L = 4
    coeffs = dense_real(rng, L)
    angles = rng.uniform(-3, 3, size=3)
    ours = convert.to_e3nn(rotate(coeffs, *angles))
    with jax.numpy_dtype_promotion("standard"):
        irreps = e3nn_jax.IrrepsArray(e3nn_jax.s2_irreps(L - 1), convert.to_e3nn(coeffs))
        theirs = jax.jit(e3nn_jax.IrrepsArray.transform_by_angles)(irreps, *angles)
    assert_close(ours, theirs.array)


def test_e3nn_rotation_is_that_of_space(rng, x64):
    """(R f)(x) = f(R⁻¹x) with e3nn's own rotation matrix, in its axes."""
    L = 4
    coeffs = dense_real(rng, L)
    alpha, beta, gamma = angles = rng.uniform(-3, 3, size=3)
    with jax.numpy_dtype_promotion("standard"):
        matrix = np.asarray(e3nn_jax.angles_to_matrix(jnp.asarray(alpha), jnp.asarray(beta), jnp.asarray(gamma)))
    xyz, _, _ = points(rng, 10)
    to_ours = np.eye(3)[[2, 0, 1]]  # e3nn's (x, y, z) = our (Y, Z, X), so that our (X, Y, Z) are its (z, x, y)
    rotated = e3nn_values(convert.to_e3nn(rotate(coeffs, *angles)), xyz, "integral")
    back = xyz @ to_ours @ matrix @ to_ours.T
    assert_close(rotated, e3nn_values(convert.to_e3nn(coeffs), back, "integral"))


def test_e3nn_keeps_the_norm(rng, x64):
    coeffs = dense_real(rng, 7)
    irreps = np.asarray(convert.to_e3nn(coeffs))
    np.testing.assert_allclose(np.sum(irreps**2), np.sum(abs(coeffs) ** 2), rtol=1e-14)


# --- s2fft ------------------------------------------------------------------------------------------------------------


def s2fft_inverse(flm: np.ndarray | jax.Array, spin: int) -> np.ndarray:
    """s2fft's maps on its "mwss" sampling, which is our equiangular grid of (L + 1) × 2L with poles."""
    with np.errstate(all="ignore"):  # it takes logarithms of 0 at the poles
        return spherical.inverse(np.asarray(flm), len(flm), spin=spin, sampling="mwss", method="numpy")


def s2fft_forward(maps: np.ndarray, spin: int) -> np.ndarray:
    """s2fft's coefficients of maps on its "mwss" sampling."""
    with np.errstate(all="ignore"):
        return spherical.forward(maps, len(maps) - 1, spin=spin, sampling="mwss", method="numpy")


@pytest.mark.parametrize("spin", [0, 1, 2, 3, -1, -2])
def test_s2fft_transforms_alike(rng, x64, spin):
    L = 6
    coeffs = dense(rng, L, spin)
    maps = np.asarray(inverse(jnp.asarray(coeffs), Grid.equiangular(L + 1, 2 * L), spin=spin))
    theirs = s2fft_inverse(convert.to_s2fft(coeffs, spin=spin), spin)
    assert_close(theirs, maps)
    flm = s2fft_forward(maps, spin)
    assert_close(convert.from_s2fft(flm, spin=spin), coeffs)


def test_s2fft_gets_nothing_from_outside(rng, x64):
    """`s2fft.inverse` adds such entries in; here they do not matter."""
    L, spin = 5, 2
    coeffs = rng.normal(size=(L, 2 * L - 1)) + 1j * rng.normal(size=(L, 2 * L - 1))
    maps = np.asarray(inverse(jnp.asarray(coeffs), Grid.equiangular(L + 1, 2 * L), spin=spin))
    assert_close(s2fft_inverse(convert.to_s2fft(coeffs, spin=spin), spin), maps)


# --- messages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        convert.to_packed,
        convert.to_packed_complex,
        lambda a: convert.to_ducc0_spin(a, 1),
        convert.to_e3nn,
        convert.to_s2fft,
    ],
)
def test_dense_axes_are_checked(function):
    with pytest.raises(ValueError, match=r"`coeffs` must have axes .* \(…, L, 2L - 1\), got shape \(4, 6\); move"):
        function(np.zeros((4, 6), np.complex64))
    with pytest.raises(TypeError, match=r"`coeffs` must have dtype .* got int64; convert it"):
        function(np.zeros((2, 3), np.int64))
    with pytest.raises(jaxtyping.TypeCheckError):
        function(np.zeros(3, np.complex64))


def test_s2fft_axes_are_checked():
    with pytest.raises(ValueError, match=r"`flm` must have axes .* got shape \(4, 8\)"):
        convert.from_s2fft(np.zeros((4, 8), np.complex64))


@pytest.mark.parametrize("function", [convert.from_packed, lambda a: convert.from_ducc0_spin(a, 1)])
@pytest.mark.parametrize(("size", "nearest"), [(7, "6 and 10"), (0, "0 and 1"), (2, "1 and 3")])
def test_triangular_length_is_checked(function, size, nearest):
    message = rf"`alm` must have L \(L \+ 1\)/2 entries .* got shape \(2, {size}\); the nearest lengths are {nearest}"
    with pytest.raises(ValueError, match=message):
        function(np.zeros((2, size), np.complex64))


@pytest.mark.parametrize("name", ["modes", "irreps_array"])
@pytest.mark.parametrize(("size", "nearest"), [(8, "4 and 9"), (0, "0 and 1"), (10, "9 and 16")])
def test_square_length_is_checked(name, size, nearest):
    function = {"modes": convert.from_packed_complex, "irreps_array": convert.from_e3nn}[name]
    message = rf"`{name}` must have L² entries .* got shape \(3, {size}\); the nearest lengths are {nearest}"
    with pytest.raises(ValueError, match=message):
        function(np.zeros((3, size), np.float32))


def test_pair_axis_is_checked():
    with pytest.raises(ValueError, match=r"`alm` must have axes \(\*batch, 2, .* got shape \(3, 6\); stack zeros"):
        convert.from_ducc0_spin(np.zeros((3, 6), np.complex64), 1)
    with pytest.raises(jaxtyping.TypeCheckError):
        convert.from_ducc0_spin(np.zeros(6, np.complex64), 1)


def test_spin_is_checked():
    coeffs = np.zeros((3, 5), np.complex64)
    pair = np.zeros((2, 6), np.complex64)
    for function, array in ((convert.to_ducc0_spin, coeffs), (convert.from_ducc0_spin, pair)):
        with pytest.raises(ValueError, match="`spin` must be at least 1, got 0; for spin 0 use to_packed"):
            function(array, 0)
        with pytest.raises(ValueError, match=r"`spin` must be at least 1, got -2; .* convert the conjugate field"):
            function(array, -2)
        with pytest.raises(ValueError, match="`spin` must be below the bandlimit 3 in magnitude, got 3"):
            function(array, 3)
    for function in (convert.to_s2fft, convert.from_s2fft):
        with pytest.raises(ValueError, match="`spin` must be below the bandlimit 3 in magnitude, got -3"):
            function(coeffs, spin=-3)
        with pytest.raises(TypeError, match=r"`spin` must be an integer, got 1\.5"):
            inspect.unwrap(function)(coeffs, spin=1.5)


def test_e3nn_arguments_are_checked():
    message = "`normalization` must be one of 'integral', 'component', 'norm', got 'l2'"
    for function, array in ((convert.to_e3nn, np.zeros((2, 3), np.complex64)), (convert.from_e3nn, np.zeros(4))):
        with pytest.raises(ValueError, match=message):
            inspect.unwrap(function)(array, normalization="l2")
    with pytest.raises(TypeError, match="`irreps_array` must be real, got dtype complex64"):
        convert.from_e3nn(np.zeros(4, np.complex64))
    irreps = e3nn_jax.IrrepsArray(e3nn_jax.s2_irreps(1), jnp.zeros(4))
    with pytest.raises(TypeError, match="must be a plain array, got an IrrepsArray; pass its attribute `array`"):
        inspect.unwrap(convert.from_e3nn)(irreps)


def test_cosines(rng, x64):
    """A unitary change of basis, by degree, in which real fields have real coefficients of the harmonics it names."""
    L = 5
    coeffs = dense(rng, L, 0, 3)
    cosines = convert.to_cosines(coeffs)
    assert_close(convert.from_cosines(cosines), coeffs)
    assert_close(np.sum(abs(np.asarray(cosines)) ** 2, -1), np.sum(abs(coeffs) ** 2, -1))
    assert_close(convert.to_cosines(np.moveaxis(coeffs, -1, 0), axis=0), np.moveaxis(np.asarray(cosines), -1, 0))
    real = dense_real(rng, L)
    cosines = np.asarray(convert.to_cosines(real))
    assert_close(np.imag(cosines), np.zeros(cosines.shape))
    theta, phi = 0.7, 2.1
    for degree in range(L):
        for order in range(-degree, degree + 1):
            harmonic = np.zeros((L, 2 * L - 1))
            harmonic[degree, order + L - 1] = 1
            found = np.real(evaluate(convert.from_cosines(harmonic), theta, phi))
            size = abs(order)
            profile = sph_harm_y(degree, size, theta, 0.0).real
            wave = np.cos(size * phi) if order >= 0 else np.sin(size * phi)
            assert_close(found, profile * wave * (2**0.5 if order else 1.0))


@pytest.mark.parametrize(("axis", "message"), [(2, "`axis` must be an axis of `coeffs`"), (0, "an odd number")])
def test_cosines_of_bad_axes(axis, message):
    with pytest.raises(ValueError, match=message):
        convert.to_cosines(np.zeros((4, 7), np.complex64), axis=axis)
