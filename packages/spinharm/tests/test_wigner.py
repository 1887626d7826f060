"""Wigner d, D and Δ against definitions, an independent library and laws; spin-weighted harmonics likewise."""

from __future__ import annotations

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quaternionic
import scipy.linalg
import scipy.special
import spherical
from jax.test_util import check_grads
from scipy.spatial.transform import Rotation

import spinharm

ANGLES = [0.0, 1e-7, 0.3, np.pi / 2, 2.9, np.pi, -1.2, 4.0, -np.pi, 7.5, 2 * np.pi]
SPINS = [0, 1, -1, 2, -2, 5]


def eps(dtype: str) -> float:
    return float(np.finfo(dtype).eps)


def pairs(bandlimit: int) -> list[tuple[int, int, int]]:
    """All (l, m, n) below a bandlimit."""
    spans = ((degree, range(-degree, degree + 1)) for degree in range(bandlimit))
    return [(degree, m, n) for degree, span in spans for m, n in itertools.product(span, span)]


def inside(bandlimit: int) -> np.ndarray:
    """Whether |m| <= l, shape (l, m)."""
    order = np.arange(-bandlimit + 1, bandlimit)
    return np.abs(order) <= np.arange(bandlimit)[:, None]


def generator_y(bandlimit: int) -> np.ndarray:
    """J_y in the basis |lm>, one matrix per degree, zero-padded like the tables: (J₊ − J₋) / 2i."""
    matrices = np.zeros((bandlimit, 2 * bandlimit - 1, 2 * bandlimit - 1), complex)
    for degree in range(bandlimit):
        for m in range(-degree, degree):
            raising = math.sqrt(degree * (degree + 1) - m * (m + 1))
            row, column = m + 1 + bandlimit - 1, m + bandlimit - 1
            matrices[degree, row, column] = raising / 2j
            matrices[degree, column, row] = -raising / 2j
    return matrices


def padded(matrices: np.ndarray) -> np.ndarray:
    """Matrices per degree with everything outside |m|, |n| <= l set to zero."""
    mask = inside(matrices.shape[0])
    return matrices * (mask[:, :, None] & mask[:, None, :])


def exponential_d(bandlimit: int, beta: float) -> np.ndarray:
    """The definition, exp(−iβJ_y)."""
    return padded(np.real(scipy.linalg.expm(-1j * beta * generator_y(bandlimit))))


def wigner_formula(l: int, m: int, n: int, beta: float) -> float:
    """Wigner's explicit sum of factorials for ⟨lm| exp(−iβJ_y) |ln⟩."""
    f = math.factorial
    cosine, sine = math.cos(beta / 2), math.sin(beta / 2)
    total = 0.0
    for k in range(max(0, n - m), min(l + n, l - m) + 1):
        sign = (-1) ** (m - n + k)
        powers = cosine ** (2 * l + n - m - 2 * k) * sine ** (m - n + 2 * k)
        total += sign * powers / (f(l + n - k) * f(k) * f(m - n + k) * f(l - m - k))
    return math.sqrt(f(l + m) * f(l - m) * f(l + n) * f(l - n)) * total


def goldberg_formula(s: int, l: int, m: int, theta: float, phi: float) -> complex:
    """Goldberg et al. (1967), equation (3.1), with the Condon-Shortley phase (−1)^m."""
    f, cosine, sine = math.factorial, math.cos(theta / 2), math.sin(theta / 2)
    total = 0.0
    for r in range(l - s + 1):
        if 0 <= r + s - m <= l + s:
            choose = math.comb(l - s, r) * math.comb(l + s, r + s - m) * (-1) ** (l - r - s)
            total += choose * cosine ** (2 * r + s - m) * sine ** (2 * l - 2 * r - s + m)
    norm = math.sqrt(f(l + m) * f(l - m) * (2 * l + 1) / (4 * math.pi * f(l + s) * f(l - s)))
    return (-1) ** m * norm * total * complex(math.cos(m * phi), math.sin(m * phi))


# --- Wigner d ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("x64")
def test_d_is_the_exponential_of_the_generator():
    bandlimit = 12
    expected = [exponential_d(bandlimit, beta) for beta in ANGLES]
    error = np.asarray(spinharm.wigner_d(bandlimit, np.array(ANGLES))) - expected
    assert np.max(np.abs(error)) < 100 * bandlimit * eps("float64")


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("beta", ANGLES)
def test_d_is_the_sum_of_factorials(beta: float):
    bandlimit = 7
    expected = np.zeros((bandlimit, 2 * bandlimit - 1, 2 * bandlimit - 1))
    for l, m, n in pairs(bandlimit):
        expected[l, m + bandlimit - 1, n + bandlimit - 1] = wigner_formula(l, m, n, beta)
    error = np.asarray(spinharm.wigner_d(bandlimit, beta)) - expected
    assert np.max(np.abs(error)) < 20 * bandlimit * eps("float64")


@pytest.mark.usefixtures("x64")
def test_D_is_the_conjugate_of_the_library_spherical():
    """`spherical` defines D through f(x) → f(R x), which conjugates every entry of ours."""
    bandlimit, angles = 16, (0.7, 1.9, -2.3)
    ours = np.asarray(spinharm.wigner_D(bandlimit, *angles))
    wigner = spherical.Wigner(bandlimit - 1)
    theirs = wigner.D(quaternionic.array.from_euler_angles(*angles))
    mine = np.array([ours[l, m + bandlimit - 1, n + bandlimit - 1] for l, m, n in pairs(bandlimit)])
    other = np.array([theirs[wigner.Dindex(l, m, n)] for l, m, n in pairs(bandlimit)])
    assert np.max(np.abs(mine - np.conj(other))) < 20 * bandlimit * eps("float64")
    assert np.max(np.abs(mine - other)) > 0.1


@pytest.mark.usefixtures("x64")
def test_d_symmetries():
    bandlimit, beta = 20, 0.83
    order = np.arange(-bandlimit + 1, bandlimit)
    sign = (-1.0) ** (order[:, None] - order[None, :])
    degree_sign = (-1.0) ** (np.arange(bandlimit)[:, None] + order)
    d, reverse, supplement, turned = np.asarray(
        spinharm.wigner_d(bandlimit, np.array([beta, -beta, np.pi - beta, beta + 2 * np.pi]))
    )
    tolerance = 20 * bandlimit * eps("float64")
    np.testing.assert_allclose(d.swapaxes(1, 2), reverse, rtol=0, atol=tolerance)
    np.testing.assert_allclose(sign * d, reverse, rtol=0, atol=tolerance)
    np.testing.assert_allclose(d[:, ::-1, ::-1], reverse, rtol=0, atol=tolerance)
    np.testing.assert_allclose(supplement, degree_sign[:, :, None] * d[:, :, ::-1], rtol=0, atol=tolerance)
    np.testing.assert_allclose(turned, d, rtol=0, atol=tolerance)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("traced", [False, True])
def test_d_at_zero_and_pi(traced: bool):
    bandlimit = 24
    table = spinharm.wigner_d if not traced else jax.jit(spinharm.wigner_d, static_argnums=0)
    start, end = np.asarray(table(bandlimit, np.array([0.0, np.pi])))
    order = np.arange(-bandlimit + 1, bandlimit)
    identity = padded(np.broadcast_to(np.eye(order.size), start.shape))
    flipped = padded(np.broadcast_to(np.eye(order.size)[:, ::-1], end.shape))
    degree_sign = (-1.0) ** (np.arange(bandlimit)[:, None, None] - order[None, None, :])
    tolerance = 20 * bandlimit * eps("float64")
    np.testing.assert_allclose(start, identity, rtol=0, atol=tolerance)
    np.testing.assert_allclose(end, degree_sign * flipped, rtol=0, atol=tolerance)


def test_d_is_exactly_zero_beyond_the_degree():
    bandlimit = 9
    outside = ~(inside(bandlimit)[:, :, None] & inside(bandlimit)[:, None, :])
    for table in (spinharm.wigner_d(bandlimit, 1.1), jax.jit(lambda b: spinharm.wigner_d(bandlimit, b))(1.1)):
        assert np.all(np.asarray(table)[outside] == 0.0)
        assert np.all(np.asarray(table)[~outside] != 0.0)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bandlimit", [1, 9, 32])
def test_traced_d_equals_the_concrete_one(dtype: str, bandlimit: int):
    beta = np.array(ANGLES, dtype)
    traced = jax.jit(jax.vmap(lambda b: spinharm.wigner_d(bandlimit, b)))(beta)
    concrete = spinharm.wigner_d(bandlimit, beta)
    assert traced.dtype == concrete.dtype == dtype
    # Rounding of k β before its cosine is taken: |β| times the largest k, in units of eps.
    assert np.max(np.abs(traced - concrete)) < 3 * (bandlimit + 2) * eps(dtype)


@pytest.mark.parametrize("bandlimit", [8, 33])
def test_float32_table_is_the_float64_one_rounded(bandlimit: int):
    single = spinharm.wigner_d(bandlimit, np.float32(0.7))
    with jax.enable_x64(True):
        double = spinharm.wigner_d(bandlimit, float(np.float32(0.7)))
        assert double.dtype == np.float64
    assert single.dtype == np.float32
    np.testing.assert_array_equal(np.asarray(single), np.asarray(double).astype(np.float32))


def test_python_numbers_take_the_default_type():
    assert spinharm.wigner_d(3, 0.5).dtype == np.float32
    assert spinharm.wigner_D(3, 0.5, 0.5, 0.5).dtype == np.complex64
    assert spinharm.wigner_delta(3).dtype == np.float32
    assert spinharm.spin_weighted_harmonics(3, 1, 0.5, 0.5).dtype == np.complex64
    with jax.enable_x64(True):
        assert spinharm.wigner_d(3, 0.5).dtype == np.float64
        assert spinharm.wigner_D(3, 0.5, 0.5, 0.5).dtype == np.complex128
        assert spinharm.wigner_delta(3).dtype == np.float64
        assert spinharm.spin_weighted_harmonics(3, 1, 0.5, 0.5).dtype == np.complex128
        # The type of an array decides, not the setting.
        assert spinharm.wigner_d(3, np.float32(0.5)).dtype == np.float32


@pytest.mark.parametrize("traced", [False, True])
def test_columns_are_picked_in_their_order(traced: bool):
    bandlimit, columns = 10, (3, -9, 0, 3)
    beta = np.array([0.4, 2.0], np.float32)

    def pick(b: jax.Array | np.ndarray) -> jax.Array:
        return spinharm.wigner_d(bandlimit, b, columns=iter(columns))

    full = np.asarray(spinharm.wigner_d(bandlimit, beta))
    picked = np.asarray((jax.jit(pick) if traced else pick)(beta))
    expected = full[..., [n + bandlimit - 1 for n in columns]]
    assert picked.shape == (2, bandlimit, 2 * bandlimit - 1, 4)
    assert np.max(np.abs(picked - expected)) < 5 * bandlimit * eps("float32") * traced + 1e-30
    assert spinharm.wigner_d(bandlimit, beta, columns=()).shape == (2, bandlimit, 2 * bandlimit - 1, 0)


def test_bandlimit_one_is_the_number_one():
    beta = np.array([0.0, 1.0, np.pi], np.float32)
    np.testing.assert_array_equal(spinharm.wigner_d(1, beta), np.ones((3, 1, 1, 1)))
    np.testing.assert_array_equal(jax.jit(lambda b: spinharm.wigner_d(1, b))(beta), np.ones((3, 1, 1, 1)))
    np.testing.assert_array_equal(spinharm.wigner_D(1, beta, beta, beta), np.ones((3, 1, 1, 1)))
    np.testing.assert_array_equal(spinharm.wigner_delta(1), np.ones((1, 1, 1)))
    constant = spinharm.spin_weighted_harmonics(1, 0, beta, beta)
    np.testing.assert_allclose(constant, np.full((3, 1, 1), 1 / math.sqrt(4 * math.pi)), rtol=eps("float32"))


@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (0,), (2, 0, 3)])
def test_batches_of_angles(shape: tuple[int, ...], rng: np.random.Generator):
    bandlimit = 5
    beta = rng.uniform(-4, 4, shape).astype(np.float32)
    single = [spinharm.wigner_d(bandlimit, b) for b in beta.ravel()]
    expected = np.array(single, np.float32).reshape(*shape, bandlimit, 2 * bandlimit - 1, 2 * bandlimit - 1)
    np.testing.assert_array_equal(spinharm.wigner_d(bandlimit, beta), expected)
    traced = jax.jit(lambda b: spinharm.wigner_d(bandlimit, b))(beta)
    assert traced.shape == expected.shape
    np.testing.assert_allclose(traced, expected, rtol=0, atol=5 * bandlimit * eps("float32"))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("bandlimit", [64, 128])
def test_d_stays_orthogonal(bandlimit: int):
    """Every row and column of every degree has norm one and is orthogonal to the others."""
    d = np.asarray(spinharm.wigner_d(bandlimit, 1.2345))
    excess = d @ d.swapaxes(1, 2) - np.eye(2 * bandlimit - 1) * inside(bandlimit)[:, None, :]
    assert np.max(np.abs(excess)) < bandlimit * eps("float64")


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("beta", [1e-3, 0.1, np.pi / 2, 3.0])
def test_columns_stay_of_norm_one_at_high_degree(beta: float):
    """Values below the smallest float64 (order 511 at β = 0.1 starts near 10^−660) vanish where d is negligible."""
    bandlimit, columns = 512, (32, -32, 0)
    d = np.asarray(spinharm.wigner_d(bandlimit, beta, columns=columns))
    norm = np.sum(d**2, axis=1)
    expected = np.arange(bandlimit)[:, None] >= np.abs(columns)
    # Near a pole the rounding of cos β moves β by eps / sin β.
    assert np.max(np.abs(norm - expected)) < bandlimit * eps("float64") * max(1, 0.1 / math.sin(beta)) * 10


@pytest.mark.usefixtures("x64")
def test_delta_is_d_at_the_equator():
    bandlimit = 17
    np.testing.assert_array_equal(spinharm.wigner_delta(bandlimit), spinharm.wigner_d(bandlimit, np.pi / 2))


@pytest.mark.usefixtures("x64")
def test_derivative_of_d_is_the_generator_times_d():
    """d/dβ exp(−iβJ_y) = −iJ_y exp(−iβJ_y), and twice: exact at every angle, the poles included."""
    bandlimit, beta = 10, np.array(ANGLES)
    y = -1j * generator_y(bandlimit)
    d = np.array([exponential_d(bandlimit, b) for b in ANGLES])

    def table(b: jax.Array) -> jax.Array:
        return spinharm.wigner_d(bandlimit, b)

    def slope(b: jax.Array) -> jax.Array:
        return jax.jvp(table, (b,), (jnp.ones_like(b),))[1]

    first, second = jax.jit(lambda b: jax.jvp(slope, (b,), (jnp.ones_like(b),)))(beta)
    np.testing.assert_allclose(first, (y @ d).real, rtol=0, atol=100 * bandlimit**2 * eps("float64"))
    np.testing.assert_allclose(second, (y @ y @ d).real, rtol=0, atol=100 * bandlimit**3 * eps("float64"))


@pytest.mark.usefixtures("x64")
def test_d_passes_check_grads():
    beta = np.array([0.0, 0.9, np.pi])
    check_grads(jax.jit(lambda b: spinharm.wigner_d(4, b)), (beta,), order=2)


# --- Wigner D ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("x64")
def test_D_is_unitary(rng: np.random.Generator):
    bandlimit = 32
    D = np.asarray(spinharm.wigner_D(bandlimit, *rng.uniform(-np.pi, np.pi, (3, 2))))
    excess = D @ np.conj(D.swapaxes(-1, -2)) - np.eye(2 * bandlimit - 1) * inside(bandlimit)[:, None, :]
    assert np.max(np.abs(excess)) < 2 * bandlimit * eps("float64")


@pytest.mark.usefixtures("x64")
def test_D_composes_like_rotations(rng: np.random.Generator):
    """D(R₁) D(R₂) = D(R₁ R₂) for z-y-z angles of SciPy's (intrinsic) rotations, and D(R⁻¹) = D(R)†."""
    bandlimit, count = 16, 5
    first, second = Rotation.random(count, rng=rng), Rotation.random(count, rng=rng)
    D = [np.asarray(spinharm.wigner_D(bandlimit, *r.as_euler("ZYZ").T)) for r in (first, second, first * second)]
    tolerance = 100 * bandlimit * eps("float64")
    assert np.max(np.abs(D[0] @ D[1] - D[2])) < tolerance
    back = np.asarray(spinharm.wigner_D(bandlimit, *first.inv().as_euler("ZYZ").T))
    assert np.max(np.abs(back - np.conj(D[0].swapaxes(-1, -2)))) < tolerance


@pytest.mark.usefixtures("x64")
def test_D_is_three_exponentials():
    bandlimit, (alpha, beta, gamma) = 8, (0.4, 2.2, -1.3)
    order = np.arange(-bandlimit + 1, bandlimit)
    left, right = np.exp(-1j * alpha * order)[:, None], np.exp(-1j * gamma * order)
    expected = left * exponential_d(bandlimit, beta) * right
    error = np.asarray(spinharm.wigner_D(bandlimit, alpha, beta, gamma)) - expected
    assert np.max(np.abs(error)) < 100 * bandlimit * eps("float64")


def test_D_of_degree_one_is_the_rotation_matrix():
    """In the basis of (x ∓ iy)/√2 and z, D of degree 1 is the 3×3 matrix itself."""
    angles = (0.5, 1.4, -0.8)
    to_cartesian = np.array([[1, 0, -1], [1j, 0, 1j], [0, math.sqrt(2), 0]]) / math.sqrt(2)
    D = np.asarray(spinharm.wigner_D(2, *angles))[1]
    matrix = to_cartesian.conj() @ D @ to_cartesian.T
    np.testing.assert_allclose(matrix, Rotation.from_euler("ZYZ", angles).as_matrix(), atol=10 * eps("float32"))


def test_D_broadcasts_and_traces_each_angle(rng: np.random.Generator):
    bandlimit = 5
    alpha, beta, gamma = (rng.uniform(-3, 3, shape).astype(np.float32) for shape in ((4, 1), (), (3,)))
    D = spinharm.wigner_D(bandlimit, alpha, beta, gamma)
    assert D.shape == (4, 3, bandlimit, 9, 9)
    one = spinharm.wigner_D(bandlimit, alpha[2, 0], beta, gamma[1])
    np.testing.assert_allclose(D[2, 1], one, rtol=0, atol=5 * bandlimit * eps("float32"))
    traced = jax.jit(lambda *angles: spinharm.wigner_D(bandlimit, *angles))(alpha, beta, gamma)
    np.testing.assert_allclose(traced, D, rtol=0, atol=20 * bandlimit * eps("float32"))


# --- Harmonics --------------------------------------------------------------------------------------------------------


@pytest.fixture
def points() -> tuple[np.ndarray, np.ndarray]:
    """Colatitudes with both poles and their neighbourhoods, and as many longitudes."""
    colatitude = np.array([0.0, 1e-9, 1e-3, 0.4, np.pi / 2, 1.9, 3.0, np.pi - 1e-6, np.pi])
    return colatitude, np.linspace(-2.0, 7.0, colatitude.size)


@pytest.mark.usefixtures("x64")
def test_spin_zero_harmonics_are_those_of_scipy(points: tuple[np.ndarray, np.ndarray]):
    bandlimit = 24
    degree, order = np.arange(bandlimit)[:, None], np.arange(-bandlimit + 1, bandlimit)
    theta, phi = (x[:, None, None] for x in points)
    expected = np.where(inside(bandlimit), scipy.special.sph_harm_y(degree, order, theta, phi), 0.0)
    error = np.asarray(spinharm.spin_weighted_harmonics(bandlimit, 0, *points)) - expected
    assert np.max(np.abs(error)) < 20 * bandlimit * eps("float64")


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("spin", SPINS)
def test_harmonics_are_those_of_goldberg(spin: int, points: tuple[np.ndarray, np.ndarray]):
    bandlimit = 8
    expected = np.zeros((points[0].size, bandlimit, 2 * bandlimit - 1), complex)
    for i, (theta, phi) in enumerate(zip(*points, strict=True)):
        for l in range(abs(spin), bandlimit):
            for m in range(-l, l + 1):
                expected[i, l, m + bandlimit - 1] = goldberg_formula(spin, l, m, theta, phi)
    error = np.asarray(spinharm.spin_weighted_harmonics(bandlimit, spin, *points)) - expected
    assert np.max(np.abs(error)) < 20 * bandlimit * eps("float64")


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("spin", SPINS)
def test_harmonics_are_those_of_the_library_spherical(spin: int):
    bandlimit, theta, phi = 20, 0.6, 2.3
    ours = np.asarray(spinharm.spin_weighted_harmonics(bandlimit, spin, theta, phi))
    wigner = spherical.Wigner(bandlimit - 1)
    theirs = wigner.sYlm(spin, quaternionic.array.from_spherical_coordinates(theta, phi))
    for l in range(abs(spin), bandlimit):
        for m in range(-l, l + 1):
            difference = abs(ours[l, m + bandlimit - 1] - theirs[wigner.Yindex(l, m)])
            assert difference < 20 * bandlimit * eps("float64"), (l, m)


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("spin", SPINS)
def test_harmonics_at_the_poles(spin: int, traced: bool):
    """One order survives: m = −s at the north pole, m = s at the south pole, with modulus √((2l+1)/4π)."""
    bandlimit, phi = 12, 0.7
    degree = np.arange(bandlimit)
    size = np.sqrt((2 * degree + 1) / (4 * np.pi)) * (degree >= abs(spin))
    north, south = np.zeros((2, bandlimit, 2 * bandlimit - 1), complex)
    north[:, bandlimit - 1 - spin] = (-1) ** spin * size * np.exp(-1j * spin * phi)
    south[:, bandlimit - 1 + spin] = (-1.0) ** degree * size * np.exp(1j * spin * phi)

    def harmonics(theta: jax.Array | np.ndarray) -> jax.Array:
        return spinharm.spin_weighted_harmonics(bandlimit, spin, theta, phi)

    values = (jax.jit(harmonics) if traced else harmonics)(np.array([0.0, np.pi], np.float32))
    assert values.dtype == np.complex64
    # float32's π is off by 9e-8, at a slope of up to l + 1/2 times the size.
    np.testing.assert_allclose(values, [north, south], rtol=0, atol=5 * bandlimit * eps("float32"))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("spin", SPINS)
def test_addition_theorem(spin: int, rng: np.random.Generator):
    """Σ_m conj(sYlm(x)) sYlm(y) = (2l+1)/4π at x = y, for every spin; P_l(x·y) times that for spin 0."""
    bandlimit = 40
    theta, phi = np.arccos(rng.uniform(-1, 1, 6)), rng.uniform(0, 2 * np.pi, 6)
    Y = np.asarray(spinharm.spin_weighted_harmonics(bandlimit, spin, theta, phi))
    degree = np.arange(bandlimit)
    norm = (2 * degree + 1) / (4 * np.pi)
    tolerance = 10 * bandlimit**2 * eps("float64")
    same = np.sum(np.abs(Y) ** 2, axis=-1)
    np.testing.assert_allclose(same, np.broadcast_to(norm * (degree >= abs(spin)), same.shape), rtol=0, atol=tolerance)
    if spin == 0:
        x = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)])
        pair = np.einsum("ilm,jlm->ijl", np.conj(Y), Y)
        legendre = scipy.special.eval_legendre(degree, (x.T @ x)[..., None])
        np.testing.assert_allclose(pair, norm * legendre, rtol=0, atol=tolerance)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("spin", [0, 1, -3])
def test_harmonics_are_orthonormal(spin: int):
    bandlimit = 10
    grid = spinharm.Grid.gauss_legendre(bandlimit)
    theta, phi = np.meshgrid(grid.colatitude, grid.longitude, indexing="ij")
    Y = np.asarray(spinharm.spin_weighted_harmonics(bandlimit, spin, theta, phi))
    gram = np.einsum(
        "jk,jkx,jky->xy",
        np.broadcast_to(grid.weights[:, None], theta.shape),
        *[part.reshape(*theta.shape, -1) for part in (np.conj(Y), Y)],
    )
    exists = inside(bandlimit) & (np.arange(bandlimit)[:, None] >= abs(spin))
    assert np.max(np.abs(gram - np.diag(exists.ravel()))) < 20 * bandlimit * eps("float64")


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("spin", [0, 1, -1, 2])
def test_derivative_of_harmonics_is_the_ladder(spin: int, points: tuple[np.ndarray, np.ndarray]):
    """∂_θ = −(ð + ð̄)/2 lowers and raises the spin: finite and right at the poles, for the value and its slope."""
    bandlimit = 6
    degree = np.arange(bandlimit)[:, None]
    theta, phi = points

    def harmonics(t: jax.Array) -> jax.Array:
        return spinharm.spin_weighted_harmonics(bandlimit, spin, t, phi)

    def neighbour(s: int) -> np.ndarray:
        return np.asarray(spinharm.spin_weighted_harmonics(bandlimit, s, theta, phi))

    up = np.sqrt(np.maximum((degree - spin) * (degree + spin + 1), 0)) * neighbour(spin + 1)
    down = np.sqrt(np.maximum((degree + spin) * (degree - spin + 1), 0)) * neighbour(spin - 1)
    slope = jax.jit(lambda t: jax.jvp(harmonics, (t,), (jnp.ones_like(t),))[1])(theta)
    np.testing.assert_allclose(slope, (down - up) / 2, rtol=0, atol=20 * bandlimit**2 * eps("float64"))


@pytest.mark.usefixtures("x64")
def test_harmonics_pass_check_grads():
    theta, phi = np.array([0.0, 1.0, np.pi]), np.array([0.3, -2.0, 1.0])
    check_grads(jax.jit(lambda t, p: spinharm.spin_weighted_harmonics(4, 2, t, p)), (theta, phi), order=1)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("spin", "dtype"), [(0, "float64"), (-1, "float32"), (5, "float64")])
def test_traced_harmonics_equal_the_concrete_ones(spin: int, dtype: str, points: tuple[np.ndarray, np.ndarray]):
    bandlimit = 16
    theta, phi = (x.astype(dtype) for x in points)
    concrete = spinharm.spin_weighted_harmonics(bandlimit, spin, theta, phi)
    traced = jax.jit(lambda t, p: spinharm.spin_weighted_harmonics(bandlimit, spin, t, p))(theta, phi)
    assert traced.dtype == concrete.dtype == np.result_type(dtype, np.complex64)
    assert np.max(np.abs(traced - concrete)) < 10 * bandlimit * eps(dtype)
    half = jax.jit(lambda p: spinharm.spin_weighted_harmonics(bandlimit, spin, theta, p))(phi)
    assert np.max(np.abs(half - concrete)) < 10 * bandlimit * eps(dtype)


def test_harmonics_broadcast_their_points():
    theta, phi = np.linspace(0, np.pi, 4, dtype=np.float32)[:, None], np.linspace(0, 6, 5, dtype=np.float32)
    Y = spinharm.spin_weighted_harmonics(6, 1, theta, phi)
    assert Y.shape == (4, 5, 6, 11)
    np.testing.assert_array_equal(Y[2, 3], spinharm.spin_weighted_harmonics(6, 1, theta[2, 0], phi[3]))


# --- Errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: spinharm.wigner_d(0, 0.1), ValueError, "`bandlimit` must be at least 1, got 0"),
        (lambda: spinharm.wigner_d(3001, 0.1), ValueError, "`bandlimit` must be at most 3000, got 3001"),
        (lambda: spinharm.wigner_d(2.5, 0.1), TypeError, r"`bandlimit` must be an integer, got 2\.5"),  # pyright: ignore[reportArgumentType]
        (lambda: spinharm.wigner_delta(0), ValueError, "`bandlimit` must be at least 1, got 0"),
        (lambda: spinharm.wigner_d(3, np.nan), ValueError, "`beta` must be finite, got nan"),
        (lambda: spinharm.wigner_d(3, np.array([0.0, np.inf])), ValueError, "`beta` must be finite, got inf"),
        (lambda: spinharm.wigner_d(3, 1j), TypeError, "`beta` must be real, got dtype complex"),
        (lambda: spinharm.wigner_d(3, np.array([1j])), TypeError, "`beta` must be real, got dtype complex"),
        (
            lambda: jax.jit(lambda b: spinharm.wigner_d(3, b))(1j),
            TypeError,
            "`beta` must be real, got dtype complex",
        ),
        (
            lambda: spinharm.wigner_d(3, 0.1, columns=(0, -3)),
            ValueError,
            r"`columns` must be below the bandlimit 3 in magnitude, got \[0, -3\]",
        ),
        (lambda: spinharm.wigner_d(3, 0.1, columns=(0.5,)), TypeError, "`columns` must be an integer"),  # pyright: ignore[reportArgumentType]
        (lambda: spinharm.wigner_D(3, np.nan, 0.0, 0.0), ValueError, "`alpha` must be finite, got nan"),
        (lambda: spinharm.wigner_D(3, 0.0, 0.0, np.inf), ValueError, "`gamma` must be finite, got inf"),
        (lambda: spinharm.wigner_D(3, 0.0, 0.0, 1j), TypeError, "`gamma` must be real"),
        (
            lambda: spinharm.wigner_D(3, np.zeros(2), np.zeros(3), 0.0),
            ValueError,
            r"`alpha`, `beta`, `gamma` must broadcast, got shapes \(2,\), \(3,\), \(\)",
        ),
        (
            lambda: spinharm.spin_weighted_harmonics(3, -3, 0.1, 0.1),
            ValueError,
            "`spin` must be below the bandlimit 3 in magnitude, got -3",
        ),
        (
            lambda: spinharm.spin_weighted_harmonics(3, 0.5, 0.1, 0.1),  # pyright: ignore[reportArgumentType]
            TypeError,
            r"`spin` must be an integer, got 0\.5",
        ),
        (
            lambda: spinharm.spin_weighted_harmonics(3, 0, np.nan, 0.1),
            ValueError,
            "`colatitude` must be finite, got nan",
        ),
        (
            lambda: spinharm.spin_weighted_harmonics(3, 0, 0.1, np.nan),
            ValueError,
            "`longitude` must be finite, got nan",
        ),
        (
            lambda: spinharm.spin_weighted_harmonics(3, 0, np.zeros(2), np.zeros(3)),
            ValueError,
            r"`colatitude`, `longitude` must broadcast, got shapes \(2,\), \(3,\)",
        ),
    ],
)
def test_bad_arguments_are_named(call, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        call()
