import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy.spatial.transform import Rotation
from scipy.special import sph_harm_y

import spinharm
from spinharm import Grid, SpinTransform

# Bounds are a few roundings of programs compiled as users do.
pytestmark = pytest.mark.optimized

EPS = {"float32": 2.0**-23, "float64": 2.0**-52}
COMPLEX = {"float32": "complex64", "float64": "complex128"}


def round_trip_bound(dtype: str, bandlimit: int) -> float:
    return 5e-6 if dtype == "float32" else 1e-12 * bandlimit


def south_first(grid: Grid, origin_deg: float) -> Grid:
    return dataclasses.replace(grid, south_first=True, longitude_origin=float(np.radians(origin_deg)))


METHODS = {
    "tables-dft": {"method": "tables", "fourier": "dft"},
    "tables-fft": {"method": "tables", "fourier": "fft"},
    "recursion-dft": {"method": "recursion", "fourier": "dft"},
    "recursion-fft": {"method": "recursion", "fourier": "fft"},
    "torus-dft": {"method": "torus", "fourier": "dft"},
    "torus-fft-symmetric": {"method": "torus", "fourier": "fft", "delta_symmetry": True},
}
SPINS = (0, 1, -1, 2, 8, -12)

# (grid, bandlimit, spins, methods, dtypes): each kind of rings, each method on several.
# Large tables take their time to build, the same for every spin.
FEW = (0, 1, -12)
BOTH, SINGLE, DOUBLE = ("float32", "float64"), ("float32",), ("float64",)
ROUND_TRIPS = {
    "32x64": (Grid.equiangular(32, 64, poles=False), 32, SPINS, ("tables-dft", "recursion-dft"), BOTH),
    "32x64-torus": (Grid.equiangular(32, 64, poles=False), 32, SPINS, ("torus-dft",), SINGLE),
    "32x64-torus-fft": (Grid.equiangular(32, 64, poles=False), 32, SPINS, ("torus-fft-symmetric",), DOUBLE),
    "121x240": (Grid.equiangular(121, 240), 120, SPINS, ("recursion-fft",), BOTH),
    "121x240-tables": (Grid.equiangular(121, 240), 120, FEW, ("tables-dft",), BOTH),
    "181x360": (Grid.equiangular(181, 360), 180, SPINS, ("recursion-fft",), BOTH),
    "181x360-tables": (Grid.equiangular(181, 360), 180, FEW, ("tables-fft",), SINGLE),
    "gauss-Lx2L": (Grid.gauss_legendre(64), 64, SPINS, ("tables-dft",), BOTH),
    "gauss-Lx(2L-1)": (Grid.gauss_legendre(40, 79), 40, SPINS, ("tables-fft",), BOTH),
    "gauss-wide": (Grid.gauss_legendre(24, 75), 24, SPINS, ("tables-dft",), SINGLE),
    "driscoll-healy": (Grid.driscoll_healy(32), 32, SPINS, ("tables-dft",), BOTH),
    "mcewen-wiaux": (Grid.mcewen_wiaux(48), 48, SPINS, ("tables-fft",), BOTH),
    "south-first-shifted": (south_first(Grid.equiangular(37, 72), -180.0), 36, SPINS, ("tables-dft",), BOTH),
    "odd-nlon": (Grid.equiangular(30, 61), 29, SPINS, ("tables-fft",), SINGLE),
    "one-degree": (Grid.equiangular(2, 1), 1, (0,), ("tables-dft", "recursion-fft"), DOUBLE),
    "two-degrees": (Grid.gauss_legendre(2, 3), 2, (0, -1), ("tables-fft",), SINGLE),
}


@pytest.mark.parametrize(
    ("grid", "bandlimit", "spins", "method", "dtype"),
    [
        pytest.param(grid, bandlimit, spins, method, dtype, id=f"{name}-{method}-{dtype}")
        for name, (grid, bandlimit, spins, methods, dtypes) in ROUND_TRIPS.items()
        for method in methods
        for dtype in dtypes
    ],
    indirect=["dtype"],
)
def test_round_trip(rng, random_coefficients, relative_error, grid, bandlimit, spins, method, dtype):
    transform = SpinTransform(grid, bandlimit, spins, **METHODS[method])
    coeffs = random_coefficients(rng, bandlimit, spins, dtype=COMPLEX[dtype])
    maps = transform.inverse(coeffs)
    assert maps.shape == (*grid.shape, len(spins), 1)
    back = transform.forward(maps)
    assert maps.dtype == back.dtype == COMPLEX[dtype]
    for index, spin in enumerate(spins):
        error = relative_error(back[..., index, :], coeffs[..., index, :])
        assert error <= round_trip_bound(dtype, bandlimit), f"spin {spin}: {error:.2e}"


def goldberg(degree: int, order: int, spin: int, theta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Goldberg et al. (1967), equation (3.1), times (−1)^order: sYlm as a sum over powers of the half angles."""
    norm = math.sqrt(
        (2 * degree + 1)
        / (4 * math.pi)
        * math.factorial(degree + order)
        * math.factorial(degree - order)
        / (math.factorial(degree + spin) * math.factorial(degree - spin))
    )
    cosine, sine = np.cos(theta / 2), np.sin(theta / 2)
    total = np.zeros_like(theta)
    for r in range(max(0, order - spin), min(degree - spin, degree + order) + 1):
        total += (
            (-1) ** (degree - r - spin + order)
            * math.comb(degree - spin, r)
            * math.comb(degree + spin, r + spin - order)
            * cosine ** (2 * r + spin - order)
            * sine ** (2 * degree - 2 * r - spin + order)
        )
    return norm * total * np.exp(1j * order * phi)


def all_harmonics(grid: Grid, bandlimit: int, spins: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients with a single one, and the maps of the formula: one channel per (degree, order)."""
    pairs = [(l, m) for l in range(bandlimit) for m in range(-l, l + 1)]
    coeffs = np.zeros((bandlimit, 2 * bandlimit - 1, len(spins), len(pairs)), complex)
    maps = np.zeros((*grid.shape, len(spins), len(pairs)), complex)
    theta, phi = np.meshgrid(grid.colatitude, grid.longitude, indexing="ij")
    for channel, (l, m) in enumerate(pairs):
        for index, spin in enumerate(spins):
            if l >= abs(spin):
                coeffs[l, m + bandlimit - 1, index, channel] = 1
                maps[..., index, channel] = goldberg(l, m, spin, theta, phi)
    return coeffs, maps


def test_formula_of_goldberg_is_scipys_for_spin_0():
    theta, phi = np.linspace(0, np.pi, 9), np.linspace(0, 7, 9)
    for degree in range(9):
        for order in range(-degree, degree + 1):
            np.testing.assert_allclose(
                goldberg(degree, order, 0, theta, phi), sph_harm_y(degree, order, theta, phi), rtol=0, atol=1e-13
            )


@pytest.mark.parametrize(
    ("grid", "bandlimit", "method"),
    [
        pytest.param(Grid.equiangular(10, 18), 9, "tables-dft", id="poles-tables-dft"),
        pytest.param(Grid.equiangular(10, 18), 9, "torus-dft", id="poles-torus-dft"),
        pytest.param(Grid.equiangular(9, 17, poles=False), 9, "recursion-fft", id="no-poles-recursion-fft"),
        pytest.param(Grid.gauss_legendre(9), 9, "tables-fft", id="gauss-tables-fft"),
        pytest.param(Grid.driscoll_healy(9), 9, "tables-dft", id="driscoll-healy-tables-dft"),
        pytest.param(Grid.mcewen_wiaux(9), 9, "recursion-dft", id="mcewen-wiaux-recursion-dft"),
        pytest.param(south_first(Grid.mcewen_wiaux(9, 20), -90.0), 9, "tables-dft", id="shifted-mw-tables-dft"),
        pytest.param(south_first(Grid.equiangular(10, 19), 33.0), 9, "torus-fft-symmetric", id="shifted-torus-fft"),
    ],
)
@pytest.mark.usefixtures("x64")
def test_every_harmonic_is_that_of_an_independent_formula(relative_error, grid, bandlimit, method):
    transform = SpinTransform(grid, bandlimit, (0, 1, -1, 3, -8), **METHODS[method])
    coeffs, maps = all_harmonics(grid, bandlimit, transform.spins)
    assert relative_error(transform.inverse(coeffs), maps) <= 1e-12 * bandlimit
    assert relative_error(transform.forward(maps), coeffs) <= 1e-12 * bandlimit


# The laws below hold for each stage of each method, on symmetric and asymmetric rings, in one and in several blocks of
# orders.
POLES = Grid.equiangular(13, 24)
SKEW = south_first(Grid.mcewen_wiaux(12, 25), -100.0)
TRANSFORMS = {
    "poles-tables-dft": SpinTransform(POLES, 12, (0, 1, -2), **METHODS["tables-dft"]),
    "poles-recursion-fft": SpinTransform(POLES, 12, (0, 1, -2), **METHODS["recursion-fft"]),
    "poles-torus-dft": SpinTransform(POLES, 12, (0, 1, -2), **METHODS["torus-dft"]),
    "skew-tables-dft": SpinTransform(SKEW, 12, (0, 1, -2), **METHODS["tables-dft"]),
    "skew-recursion-dft": SpinTransform(SKEW, 12, (0, 1, -2), **METHODS["recursion-dft"]),
    "gauss-blocks-tables-fft": SpinTransform(Grid.gauss_legendre(40, 79), 40, (0, 1, -2), **METHODS["tables-fft"]),
}
transforms = pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
one_of_each_method = pytest.mark.parametrize(
    "transform",
    [
        pytest.param(TRANSFORMS[name], id=name)
        for name in ("poles-tables-dft", "skew-recursion-dft", "poles-torus-dft", "gauss-blocks-tables-fft")
    ],
)
# All in double precision, and two in single precision, where the same operations are done.
transforms_and_dtypes = pytest.mark.parametrize(
    ("transform", "dtype"),
    [
        *(pytest.param(transform, "float64", id=f"{name}-float64") for name, transform in TRANSFORMS.items()),
        *(
            pytest.param(TRANSFORMS[name], "float32", id=f"{name}-float32")
            for name in ("poles-tables-dft", "skew-recursion-dft")
        ),
    ],
    indirect=["dtype"],
)


def random_maps(rng: np.random.Generator, transform: SpinTransform, dtype: str = "complex128") -> np.ndarray:
    """Maps that are not band-limited: independent values at every point, poles included."""
    shape = (2, *transform.grid.shape, len(transform.spins), 2)
    maps = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return (maps if dtype.startswith("complex") else maps.real).astype(dtype)


def scalar(transform: SpinTransform) -> SpinTransform:
    """The same transform for one spin, 0."""
    return SpinTransform(
        transform.grid,
        transform.bandlimit,
        method=transform.method,
        fourier=transform.fourier,
        delta_symmetry=transform.delta_symmetry,
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(TRANSFORMS["poles-recursion-fft"], TRANSFORMS["poles-tables-dft"], id="poles-recursion-fft"),
        pytest.param(TRANSFORMS["poles-torus-dft"], TRANSFORMS["poles-tables-dft"], id="poles-torus-dft"),
        pytest.param(
            SpinTransform(POLES, 12, (0, 1, -2), **METHODS["torus-fft-symmetric"]),
            TRANSFORMS["poles-tables-dft"],
            id="poles-torus-fft",
        ),
        pytest.param(TRANSFORMS["skew-recursion-dft"], TRANSFORMS["skew-tables-dft"], id="skew-recursion-dft"),
        pytest.param(
            SpinTransform(SKEW, 12, (0, 1, -2), **METHODS["torus-fft-symmetric"]),
            TRANSFORMS["skew-tables-dft"],
            id="skew-torus-fft",
        ),
        pytest.param(
            SpinTransform(Grid.gauss_legendre(40, 79), 40, (0, 1, -2), **METHODS["recursion-dft"]),
            TRANSFORMS["gauss-blocks-tables-fft"],
            id="gauss-blocks-recursion-dft",
        ),
    ],
)
@pytest.mark.usefixtures("x64")
def test_methods_agree_on_any_maps(rng, relative_error, one, other):
    maps = random_maps(rng, other)
    assert relative_error(one.forward(maps), other.forward(maps)) <= 1e-12 * other.bandlimit


@transforms
@pytest.mark.usefixtures("x64")
def test_unused_entries_are_exactly_zero(rng, transform):
    L = transform.bandlimit
    coeffs = np.asarray(transform.forward(random_maps(rng, transform)))
    degree, order, spin = np.ogrid[:L, -L + 1 : L, : len(transform.spins)]
    unused = (abs(order) > degree) | (degree < abs(np.array(transform.spins)[spin]))
    assert np.all(coeffs[:, unused] == 0)
    assert np.all(coeffs[:, ~unused] != 0)


@transforms
@pytest.mark.parametrize("real", [False, True], ids=["complex", "real"])
@pytest.mark.usefixtures("x64")
def test_unused_entries_do_not_matter(rng, random_coefficients, transform, real):
    if real:
        transform = scalar(transform)
    L, spins = transform.bandlimit, transform.spins
    coeffs = random_coefficients(rng, L, spins, (2,), 2)
    garbage = coeffs + np.where(random_coefficients(rng, L, spins, (2,), 2) == 0, 1e6 * (1 - 2j), 0)
    assert np.any(garbage != coeffs)
    np.testing.assert_array_equal(transform.inverse(garbage, real=real), transform.inverse(coeffs, real=real))


@transforms
@pytest.mark.usefixtures("x64")
def test_smaller_bandlimit_is_the_larger_one_cut_off(rng, relative_error, transform):
    L, smaller = transform.bandlimit, 5
    small = SpinTransform(
        transform.grid,
        smaller,
        transform.spins,
        method=transform.method,
        fourier=transform.fourier,
        delta_symmetry=transform.delta_symmetry,
    )
    maps = random_maps(rng, transform)
    cut = transform.forward(maps)[:, :smaller, L - smaller : L + smaller - 1]
    assert relative_error(small.forward(maps), cut) <= 1e-12 * L


@transforms_and_dtypes
def test_real_maps_equal_complex_ones(rng, relative_error, transform, dtype):
    transform = scalar(transform)
    L, bound = transform.bandlimit, round_trip_bound(dtype, transform.bandlimit)
    maps = random_maps(rng, transform, dtype)
    coeffs = transform.forward(maps)
    assert coeffs.dtype == COMPLEX[dtype]
    assert relative_error(coeffs, transform.forward(maps.astype(COMPLEX[dtype]))) <= bound
    sign = (-1.0) ** np.arange(-L + 1, L)[:, None, None]
    assert relative_error(np.flip(np.conj(coeffs), 2) * sign, coeffs) <= bound


@transforms_and_dtypes
def test_real_inverse_is_the_real_part(rng, random_coefficients, relative_error, transform, dtype):
    transform = scalar(transform)
    # Without the symmetry of a real map's coefficients.
    coeffs = random_coefficients(rng, transform.bandlimit, (0,), (2,), 2, COMPLEX[dtype])
    maps = transform.inverse(coeffs, real=True)
    assert maps.dtype == dtype
    assert relative_error(maps, transform.inverse(coeffs).real) <= round_trip_bound(dtype, transform.bandlimit)


@transforms
@pytest.mark.usefixtures("x64")
def test_real_coefficients_give_real_maps(rng, random_coefficients, relative_error, transform):
    transform = scalar(transform)
    coeffs = random_coefficients(rng, transform.bandlimit, (0,), (2,), 2, real=True)
    maps = np.asarray(transform.inverse(coeffs))
    assert np.max(np.abs(np.imag(maps))) <= 1e-12 * transform.bandlimit * np.max(np.abs(maps))
    assert relative_error(transform.forward(np.real(maps)), coeffs) <= round_trip_bound("float64", transform.bandlimit)


@transforms
@pytest.mark.usefixtures("x64")
def test_forward_is_linear(rng, relative_error, transform):
    x, y = random_maps(rng, transform), random_maps(rng, transform)
    expected = 2j * np.asarray(transform.forward(x)) - 0.7 * np.asarray(transform.forward(y))
    assert relative_error(transform.forward(2j * x - 0.7 * y), expected) <= 1e-13 * transform.bandlimit


@transforms
@pytest.mark.usefixtures("x64")
def test_inverse_is_linear(rng, random_coefficients, relative_error, transform):
    x, y = (random_coefficients(rng, transform.bandlimit, transform.spins, (2,), 2) for _ in range(2))
    expected = 2j * np.asarray(transform.inverse(x)) - 0.7 * np.asarray(transform.inverse(y))
    assert relative_error(transform.inverse(2j * x - 0.7 * y), expected) <= 1e-13 * transform.bandlimit


def random_like(rng: np.random.Generator, shape: jax.ShapeDtypeStruct) -> np.ndarray:
    x = rng.normal(size=shape.shape) + 1j * rng.normal(size=shape.shape)
    return (x if np.issubdtype(shape.dtype, np.complexfloating) else x.real).astype(shape.dtype)


@pytest.mark.parametrize(
    ("transform", "direction", "dtype"),
    [
        pytest.param(TRANSFORMS[name], direction, dtype, id=f"{name}-{direction}-{dtype}")
        for name, directions, dtype in (
            ("poles-tables-dft", ("forward", "forward-real", "inverse", "inverse-real"), "float64"),
            ("poles-tables-dft", ("forward", "inverse"), "float32"),
            ("poles-recursion-fft", ("forward", "inverse"), "float64"),
            ("poles-torus-dft", ("forward", "inverse"), "float64"),
            ("skew-tables-dft", ("forward", "inverse"), "float64"),
            ("skew-recursion-dft", ("forward", "forward-real", "inverse", "inverse-real"), "float64"),
            ("gauss-blocks-tables-fft", ("forward", "forward-real", "inverse", "inverse-real"), "float64"),
        )
        for direction in directions
    ],
    indirect=["dtype"],
)
def test_transposes_are_adjoint(rng, transform, direction, dtype):
    """Re Σ y·A(x) = Re Σ x·Aᵀ(y) for the transpose, and the same for reverse mode."""
    if direction.endswith("real"):
        transform = scalar(transform)
    spins, L = len(transform.spins), transform.bandlimit

    def function(x):
        if direction.startswith("forward"):
            return transform.forward(x)
        return transform.inverse(x, real=direction == "inverse-real")

    shape = (2, L, 2 * L - 1, spins, 2) if direction.startswith("inverse") else (2, *transform.grid.shape, spins, 2)
    taken = jax.ShapeDtypeStruct(shape, dtype if direction == "forward-real" else COMPLEX[dtype])
    given = jax.eval_shape(function, taken)
    x, y = random_like(rng, taken), random_like(rng, given)
    out = np.asarray(function(x))
    (transposed,) = jax.linear_transpose(function, taken)(jnp.asarray(y))
    (pulled,) = jax.vjp(function, jnp.asarray(x))[1](jnp.asarray(y))
    assert transposed.dtype == pulled.dtype == taken.dtype
    scale = np.linalg.norm(y) * np.linalg.norm(out)
    bound = 8 * EPS[dtype] * L
    forwards = np.sum(y * out).real
    for back in (transposed, pulled):
        assert abs(forwards - np.sum(x * np.asarray(back)).real) <= bound * scale
    if taken.dtype == given.dtype:
        # The complex products agree too: the map is linear over complex numbers, and nothing is conjugated.
        assert abs(np.sum(y * out) - np.sum(x * np.asarray(transposed))) <= bound * scale


@transforms_and_dtypes
def test_constant_maps_have_degree_0_alone(relative_error, transform, dtype):
    transform = scalar(transform)
    expected = np.zeros((2, transform.bandlimit, 2 * transform.bandlimit - 1, 1, 2), complex)
    expected[:, 0, transform.bandlimit - 1] = 2.5 * math.sqrt(4 * math.pi)
    coeffs = transform.forward(np.full((2, *transform.grid.shape, 1, 2), 2.5, dtype))
    assert relative_error(coeffs, expected) <= round_trip_bound(dtype, transform.bandlimit)


@one_of_each_method
@pytest.mark.usefixtures("x64")
def test_batch_axes_are_independent(rng, random_coefficients, relative_error, transform):
    L, spins = transform.bandlimit, transform.spins
    coeffs = random_coefficients(rng, L, spins, (1, 2, 1), 2)
    maps = transform.inverse(coeffs)
    assert maps.shape == (1, 2, 1, *transform.grid.shape, len(spins), 2)
    back = transform.forward(maps)
    assert back.shape == coeffs.shape
    assert relative_error(maps[0, 1, 0], transform.inverse(coeffs[0, 1, 0])) <= 1e-13 * L
    assert relative_error(back[0, 1, 0], transform.forward(maps[0, 1, 0])) <= 1e-13 * L


@one_of_each_method
@pytest.mark.parametrize(("batch", "channels"), [((2, 0), 3), ((), 0)])
def test_empty_batches_give_empty_results(transform, batch, channels):
    L, spins = transform.bandlimit, len(transform.spins)
    maps = np.zeros((*batch, *transform.grid.shape, spins, channels), np.complex64)
    coeffs = np.zeros((*batch, L, 2 * L - 1, spins, channels), np.complex64)
    assert transform.forward(maps).shape == coeffs.shape
    assert transform.inverse(coeffs).shape == maps.shape


def test_spins_come_in_any_order_and_may_repeat(rng, relative_error):
    together, maps = SpinTransform(POLES, 12, (2, -1, 2)), rng.normal(size=(13, 24, 3, 2))
    coeffs = together.forward(maps)
    for index, spin in enumerate(together.spins):
        alone = SpinTransform(POLES, 12, (spin,)).forward(maps[..., index : index + 1, :].astype("complex64"))
        assert relative_error(coeffs[..., index : index + 1, :], alone) <= 5e-6


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_numpy_arrays_are_taken_in_jax_precision(rng, relative_error, dtype):
    transform = scalar(TRANSFORMS["poles-tables-dft"])
    maps = random_maps(rng, transform, dtype)
    coeffs = transform.forward(maps)
    assert coeffs.dtype == np.complex64  # 64-bit types are off
    np.testing.assert_array_equal(coeffs, transform.forward(jnp.asarray(maps)))
    assert transform.inverse(np.asarray(coeffs), real=True).dtype == np.float32


@pytest.mark.parametrize(("spin", "real"), [(0, True), (-2, False)])
@pytest.mark.usefixtures("x64")
def test_functions_equal_the_transform(rng, relative_error, spin, real):
    transform = SpinTransform(SKEW, 12, (spin,))
    maps = random_maps(rng, transform, "float64" if real else "complex128")[..., 0, 0]
    coeffs = spinharm.forward(maps, SKEW, spin=spin)
    assert relative_error(coeffs, transform.forward(maps[..., None, None])[..., 0, 0]) <= 1e-13
    back = spinharm.inverse(coeffs, SKEW, spin=spin, real=real)
    assert relative_error(back, transform.inverse(coeffs[..., None, None], real=real)[..., 0, 0]) <= 1e-13
    assert back.dtype == maps.dtype
    lower = spinharm.forward(maps, SKEW, spin=spin, bandlimit=7)
    assert relative_error(lower, coeffs[:, :7, 5:18]) <= 1e-12 * 12


@pytest.mark.parametrize("angles", [(0.4, 1.1, -2.5), (3.0, np.pi, 0.2), (-1.0, 0.0, 0.5), (0.0, -0.7, 9.0)])
@pytest.mark.parametrize("grid", [Grid.equiangular(11, 20), Grid.gauss_legendre(10, 19)], ids=["poles", "gauss"])
@pytest.mark.usefixtures("x64")
def test_rotated_fields_have_rotated_coefficients(rng, random_coefficients, relative_error, grid, angles):
    coeffs = random_coefficients(rng, 10, real=True)[..., 0, 0]
    theta, phi = np.meshgrid(grid.colatitude, grid.longitude, indexing="ij")
    points = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], -1)
    # (R f)(x) = f(R⁻¹ x)
    rotation = Rotation.from_euler("ZYZ", angles)
    x, y, z = rotation.inv().apply(points.reshape(-1, 3)).reshape(points.shape).transpose(2, 0, 1)
    rotated = jnp.real(spinharm.evaluate(coeffs, np.arctan2(np.hypot(x, y), z), np.arctan2(y, x)))
    found = spinharm.forward(rotated, grid)
    assert relative_error(spinharm.rotate(coeffs, *angles), found) <= 1e-12 * 10


@pytest.mark.parametrize(
    "grid",
    [
        Grid.gauss_legendre(5),
        Grid.equiangular(8, 9),
        Grid.equiangular(6, 12, poles=False),
        Grid.from_latlon(np.linspace(-90, 90, 7), np.arange(5, 365, 30.0)),
    ],
    ids=str,
)
@pytest.mark.parametrize("spin", [0, 1, -2])
def test_dense_matrices_are_the_transform(rng, dtype, grid, spin, random_coefficients):
    """Products with the two matrices, and with the stages, against forward and inverse."""
    L = min(5, grid.max_bandlimit)
    transform = SpinTransform(grid, L, (0, spin) if spin else (0,))
    coeffs = random_coefficients(rng, L, transform.spins)[..., -1, 0]
    maps = np.asarray(spinharm.inverse(coeffs, grid, spin=spin)).T  # latitude fastest
    slots = np.asarray(spinharm.convert.to_cosines(coeffs))  # (degree, order)
    packed = np.asarray(spinharm.convert.to_packed_complex(slots))
    tolerance = 2e-5 if dtype == "float32" else 1e-12

    def operand(x, opposite=None):
        """What a table with one or two parts acts on, along the first axis."""
        return np.concatenate([x, 1j * (x if opposite is None else opposite)]) if spin else x

    analysis, synthesis = (np.asarray(table.matrix) for table in transform.matrices(spin, dtype))
    assert analysis.dtype == synthesis.dtype == dtype
    np.testing.assert_allclose(synthesis @ operand(packed), maps.ravel(), atol=tolerance)
    np.testing.assert_allclose(analysis @ operand(maps.ravel()), packed, atol=tolerance)

    stages = [np.asarray(table.matrix) for table in transform.stages(spin, dtype)]
    assert all(table.dtype == dtype for table in stages)
    to_orders, to_degrees, to_rings, to_points = stages
    rings = (to_orders @ maps).T  # (lat, order)
    np.testing.assert_allclose(
        np.einsum("mlj,jm->lm", to_degrees, operand(rings, rings[:, ::-1])), slots, atol=tolerance
    )
    rings = np.einsum("mjl,lm->mj", to_rings, operand(slots, slots[:, ::-1]))
    np.testing.assert_allclose(to_points @ rings, maps, atol=tolerance)


@pytest.mark.parametrize("stage", range(4))
def test_tables_apply_their_matrix(rng, stage, x64):
    """Columns along any further axes; derivatives of both modes; batches by vmap."""
    table = SpinTransform(Grid.gauss_legendre(3), 3, (0, 1)).stages(1, "float64")[stage]
    x = rng.normal(size=(*table.matrix.shape[:-2], table.matrix.shape[-1], 2, 3))
    wanted = np.einsum("...ij,...jkn->...ikn", table.matrix, x)
    np.testing.assert_allclose(table(x), wanted, atol=1e-14)
    np.testing.assert_allclose(jax.vmap(table, -1, -1)(x), wanted, atol=1e-14)
    check_grads(table, (x,), order=2, atol=1e-8, rtol=1e-8)


def test_dense_matrices_of_another_spin():
    with pytest.raises(ValueError, match=r"`spin` must be one of `spins` \(0, 1\), got 2"):
        SpinTransform(Grid.gauss_legendre(4), 4, (0, 1)).matrices(2)


@pytest.mark.parametrize(
    ("grid", "bandlimit", "spins", "real", "dtype"),
    [
        pytest.param(Grid.equiangular(131, 255), 128, (0,), True, "float64", id="poles-one-hemisphere"),
    ],
    indirect=["dtype"],
)
def test_short_forms_of_large_tables_agree_with_the_recursion(rng, relative_error, grid, bandlimit, spins, real, dtype):
    # From bandlimit 128 on, tables of spin 0 hold one hemisphere, and high orders omit rings near the poles. The
    # recursion has no such forms; `test_variants` has the others.
    tables, recursion = (
        SpinTransform(grid, bandlimit, spins, **METHODS[name]) for name in ("tables-dft", "recursion-fft")
    )
    if not any(spins):
        assert tables.table_bytes() < 4.7 * bandlimit**2 * grid.nlat / 1.9
    bound = round_trip_bound(dtype, bandlimit)
    maps = rng.normal(size=(*grid.shape, len(spins), 1)).astype(dtype)
    if not real:
        maps = (maps + 1j * rng.normal(size=maps.shape)).astype(COMPLEX[dtype])
    coeffs = recursion.forward(maps)
    assert relative_error(tables.forward(maps), coeffs) <= bound
    assert relative_error(tables.inverse(coeffs, real=real), recursion.inverse(coeffs, real=real)) <= bound
