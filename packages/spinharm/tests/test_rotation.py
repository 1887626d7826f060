"""Rotation of coefficients: against matrices, against fields rotated in space, and by the laws of the group."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from jax.test_util import check_grads
from scipy.spatial.transform import Rotation

import spinharm

# The last four are where z-y-z angles are degenerate or outside their usual range.
EULER = [(0.4, 1.1, -2.0), (3.0, 2.7, 0.2), (0.5, 0.0, 0.7), (0.5, np.pi, 0.7), (-4.0, -0.9, 9.0), (0.0, 4.0, 0.0)]

# Compiled as one program, which is many times faster to prepare than one program for each operation.
rotate = spinharm.jit(spinharm.rotate, static_argnames="axis")


def eps(dtype: str) -> float:
    return float(np.finfo(dtype).eps)


def random_coeffs(
    rng: np.random.Generator, bandlimit: int, shape: tuple[int, ...] = (), *, spin: int = 0, dtype: str = "complex128"
) -> np.ndarray:
    """Coefficients (*shape, L, 2L−1) that are zero where |m| > l or l < |spin|."""
    parts = rng.normal(size=(2, *shape, bandlimit, 2 * bandlimit - 1))
    degree, order = np.arange(bandlimit)[:, None], np.arange(-bandlimit + 1, bandlimit)
    return ((parts[0] + 1j * parts[1]) * ((np.abs(order) <= degree) & (degree >= abs(spin)))).astype(dtype)


def relative(actual, expected) -> float:
    """Largest difference over the largest value."""
    a, b = np.asarray(actual), np.asarray(expected)
    assert a.shape == b.shape, f"shapes differ: {a.shape} and {b.shape}"
    return float(np.max(np.abs(a - b)) / np.max(np.abs(b)))


def by_matrix(coeffs: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """The definition, a′_lm = Σ_n D^l_{mn} a_ln, of one field (L, 2L−1) for some angles."""
    bandlimit, (alpha, beta, gamma) = coeffs.shape[-2], angles
    order = np.arange(-bandlimit + 1, bandlimit)
    turned = np.exp(-1j * order * gamma[:, None, None]) * coeffs
    turned = np.einsum("...lmn,...ln->...lm", np.asarray(spinharm.wigner_d(bandlimit, beta)), turned)
    return np.exp(-1j * order * alpha[:, None, None]) * turned


def harmonics(bandlimit: int, spin: int, theta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Their definition by Wigner d, shape (*points, L, 2L−1)."""
    d = np.asarray(spinharm.wigner_d(bandlimit, theta, columns=(-spin,)))[..., 0]
    norm = (-1) ** spin * np.sqrt((2 * np.arange(bandlimit) + 1) / (4 * np.pi))
    return norm[:, None] * d * np.exp(1j * np.arange(-bandlimit + 1, bandlimit) * np.asarray(phi)[..., None, None])


def values(coeffs: np.ndarray, spin: int, theta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Σ_lm a_lm sYlm at points."""
    return np.einsum("...lm,plm->...p", coeffs, harmonics(coeffs.shape[-2], spin, theta, phi))


def cartesian(theta: np.ndarray, phi: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The unit vectors r̂, θ̂ (southward) and φ̂ (eastward), each (points, 3)."""
    zero = np.zeros_like(theta)
    return (
        np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], -1),
        np.stack([np.cos(theta) * np.cos(phi), np.cos(theta) * np.sin(phi), -np.sin(theta)], -1),
        np.stack([-np.sin(phi), np.cos(phi), zero], -1),
    )


def spherical(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.arctan2(np.hypot(x[:, 0], x[:, 1]), x[:, 2]), np.arctan2(x[:, 1], x[:, 0])


@pytest.fixture
def points(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return np.arccos(rng.uniform(-1, 1, 40)), rng.uniform(0, 2 * np.pi, 40)


# --- What a rotation does ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("bandlimit", [16, 17, 40])
def test_rotate_is_the_product_with_D(bandlimit: int, rng: np.random.Generator):
    """Bandlimits at, just above and well above the block of degrees."""
    coeffs, angles = random_coeffs(rng, bandlimit), np.array(EULER).T
    rotated = rotate(coeffs, *angles)
    assert rotated.shape == (len(EULER), bandlimit, 2 * bandlimit - 1)
    assert relative(rotated, by_matrix(coeffs, angles)) < 10 * bandlimit * eps("float64")


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("angles", EULER)
def test_scalar_field_at_rotated_points(angles: tuple, rng: np.random.Generator, points: tuple):
    """(R f)(x) = f(R⁻¹ x)."""
    coeffs = random_coeffs(rng, 12)
    rotation = Rotation.from_euler("ZYZ", angles)
    source = spherical(rotation.inv().apply(cartesian(*points)[0]))
    actual = values(np.asarray(rotate(coeffs, *angles)), 0, *points)
    assert relative(actual, values(coeffs, 0, *source)) < 500 * eps("float64")


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("angles", EULER)
def test_wind_turns_as_a_tangent_vector_field(angles: tuple, rng: np.random.Generator, points: tuple):
    """The wind V = v_θ θ̂ + v_φ φ̂ of the rotated spin +1 coefficients is R V(R⁻¹ x) in three dimensions."""
    coeffs = random_coeffs(rng, 12, spin=1)
    rotation = Rotation.from_euler("ZYZ", angles)
    x, south, east = cartesian(*points)
    source = spherical(rotation.inv().apply(x))
    before, (_, south_there, east_there) = values(coeffs, 1, *source), cartesian(*source)
    turned = rotation.apply(np.real(before)[:, None] * south_there + np.imag(before)[:, None] * east_there)
    expected = np.sum(turned * south, -1) + 1j * np.sum(turned * east, -1)
    actual = values(np.asarray(rotate(coeffs, *angles)), 1, *points)
    assert relative(actual, expected) < 500 * eps("float64")


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("spins", [(1, 1), (3, -2)])
def test_products_of_fields_rotate_as_products(spins: tuple[int, int], rng: np.random.Generator):
    """The product of fields of spins s and t has spin s + t: one D serves every spin."""
    bandlimit, angles = 6, EULER[0]
    grid = spinharm.Grid.gauss_legendre(2 * bandlimit)
    a, b = (random_coeffs(rng, bandlimit, spin=spin) for spin in spins)

    def product(a: np.ndarray | jax.Array, b: np.ndarray | jax.Array) -> np.ndarray:
        f, g = (spinharm.inverse(c, grid, spin=spin) for c, spin in zip((a, b), spins, strict=True))
        return np.asarray(spinharm.forward(f * g, grid, spin=sum(spins)))

    first = rotate(product(a, b), *angles)
    second = product(rotate(a, *angles), rotate(b, *angles))
    assert relative(first, second) < 100 * bandlimit * eps("float64")


# --- Laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("x64")
def test_norm_of_every_degree_is_kept(rng: np.random.Generator):
    coeffs = random_coeffs(rng, 40)
    rotated = rotate(coeffs, *np.array(EULER).T)
    before, after = (np.sum(np.abs(np.asarray(c)) ** 2, -1) for c in (coeffs, rotated))
    np.testing.assert_allclose(after, np.broadcast_to(before, after.shape), rtol=40 * 10 * eps("float64"))


@pytest.mark.usefixtures("x64")
def test_composition_and_inverse(rng: np.random.Generator):
    bandlimit = 20
    coeffs = random_coeffs(rng, bandlimit, (3,))
    first, second = Rotation.random(3, rng=rng), Rotation.random(3, rng=rng)
    twice = rotate(rotate(coeffs, *second.as_euler("ZYZ").T), *first.as_euler("ZYZ").T)
    once = rotate(coeffs, *(first * second).as_euler("ZYZ").T)
    assert relative(twice, np.asarray(once)) < 50 * bandlimit * eps("float64")
    alpha, beta, gamma = first.as_euler("ZYZ").T
    back = rotate(rotate(coeffs, alpha, beta, gamma), -gamma, -beta, -alpha)
    assert relative(back, coeffs) < 20 * bandlimit * eps("float64")


@pytest.mark.usefixtures("x64")
def test_identity_and_rotation_about_the_axis(rng: np.random.Generator):
    bandlimit = 24
    coeffs = random_coeffs(rng, bandlimit)
    assert relative(rotate(coeffs, 0.0, 0.0, 0.0), coeffs) < 10 * bandlimit * eps("float64")
    order = np.arange(-bandlimit + 1, bandlimit)
    turned = rotate(coeffs, 0.9, 0.0, 0.4)
    assert relative(turned, coeffs * np.exp(-1.3j * order)) < 10 * bandlimit * eps("float64")


@pytest.mark.usefixtures("x64")
def test_real_fields_stay_real(rng: np.random.Generator):
    """a_{l,−m} = (−1)^m conj(a_lm) survives."""
    bandlimit = 10
    sign = (-1.0) ** np.arange(-bandlimit + 1, bandlimit)
    coeffs = random_coeffs(rng, bandlimit)
    coeffs = coeffs + sign * np.conj(coeffs[:, ::-1])
    rotated = np.asarray(rotate(coeffs, *EULER[1]))
    assert relative(sign * np.conj(rotated[:, ::-1]), rotated) < 10 * bandlimit * eps("float64")


@pytest.mark.usefixtures("x64")
def test_rotation_commutes_with_the_transform(rng: np.random.Generator):
    """A quarter turn about the axis shifts the columns of maps of any spin by a quarter of a ring."""
    transform = spinharm.SpinTransform(spinharm.Grid.equiangular(13, 24), 12, (0, 1, -2))
    coeffs = np.stack([random_coeffs(rng, 12, spin=spin) for spin in transform.spins], -1)[..., None]
    turned = transform.inverse(rotate(coeffs, np.pi / 2, 0.0, 0.0))
    shifted = np.roll(np.asarray(transform.inverse(coeffs)), 6, axis=-3)
    assert relative(turned, shifted) < 500 * eps("float64")


def test_entries_outside_the_triangle_do_not_matter(rng: np.random.Generator):
    bandlimit = 18
    coeffs = random_coeffs(rng, bandlimit, dtype="complex64")
    filled = np.where(np.abs(np.arange(-bandlimit + 1, bandlimit)) > np.arange(bandlimit)[:, None], 1e3, coeffs)
    rotated = np.asarray(rotate(filled.astype(np.complex64), *EULER[0]))
    np.testing.assert_array_equal(rotated, rotate(coeffs, *EULER[0]))
    assert np.all(rotated[coeffs == 0] == 0)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("bandlimit", [8, 33, 128])
def test_float32_accuracy(bandlimit: int, rng: np.random.Generator):
    """Worst at large angles: rounding m α in float32 costs m |α| eps."""
    coeffs, angles = random_coeffs(rng, bandlimit, dtype="complex64"), (3.1, 1.3, -2.9)
    exact = np.asarray(rotate(coeffs.astype(np.complex128), *angles))
    single = rotate(coeffs, *angles)
    assert single.dtype == np.complex64
    error = np.linalg.norm(np.asarray(single) - exact) / np.linalg.norm(exact)
    assert 0 < error < (3 + bandlimit) * eps("float32")


def test_bandlimit_one_is_left_alone():
    for shape in [(1, 1), (2, 1, 1, 1, 1)]:
        coeffs = np.arange(1, 1 + np.prod(shape), dtype=np.float32).reshape(shape).astype(np.complex64)
        np.testing.assert_array_equal(rotate(coeffs, 0.3, 1.0, 2.0), coeffs)


# --- Shapes -----------------------------------------------------------------------------------------------------------


def one_by_one(coeffs: np.ndarray, alpha: np.ndarray, beta: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    """Rotate (batch, L, 2L−1) with angles (batch,), one call each."""
    return np.stack([rotate(c, *euler) for c, *euler in zip(coeffs, alpha, beta, gamma, strict=True)])


@pytest.mark.parametrize("axis", [None, -2, 1, -4])
def test_layouts(axis: int | None, rng: np.random.Generator):
    """(batch, L, 2L−1), and (batch, L, 2L−1, spin, channel), whose tail shares the angles."""
    bandlimit, angles = 6, rng.uniform(-3, 3, (3, 4)).astype(np.float32)
    tail = () if axis == -2 else (2, 5)
    coeffs = random_coeffs(rng, bandlimit, (*tail, 4), dtype="complex64")
    expected = np.stack([one_by_one(c, *angles) for c in coeffs.reshape(-1, 4, 6, 11)], -1).reshape(4, 6, 11, *tail)
    coeffs = np.moveaxis(coeffs, range(len(tail)), range(-len(tail), 0)) if tail else coeffs
    rotated = rotate(coeffs, *angles, axis=axis)
    assert rotated.shape == (4, 6, 11, *tail)
    assert relative(rotated, expected) < 10 * bandlimit * eps("float32")


def test_explicit_axis_settles_an_ambiguous_shape(rng: np.random.Generator):
    """(3, 5, 2, 3) is bandlimit 3 with two spins and three channels, or bandlimit 2 with a batch of (3, 5)."""
    both = rng.normal(size=(3, 5, 2, 3)).astype(np.float32).astype(np.complex64)
    with pytest.raises(ValueError, match=r"`axis` must be given for `coeffs` of shape \(3, 5, 2, 3\): both -2 and -4"):
        spinharm.rotate(both, *EULER[0])
    as_batch = np.stack([rotate(c, *EULER[0]) for c in both.reshape(15, 2, 3)]).reshape(both.shape)
    as_tail = [rotate(c, *EULER[0]) for c in both.reshape(3, 5, 6).transpose(2, 0, 1)]
    for axis, expected in ((-2, as_batch), (-4, np.stack(as_tail, -1).reshape(both.shape))):
        assert relative(rotate(both, *EULER[0], axis=axis), expected) < 20 * eps("float32")


@pytest.mark.parametrize(
    ("batch", "shapes", "whole", "tail"),
    [
        ((), ((3,), (), ()), (3,), ()),
        ((4, 1), ((), (3,), (1, 1)), (4, 3), (1, 2)),
        ((3,), ((2, 1), (3,), ()), (2, 3), ()),
        ((), ((2, 1), (1, 1), (1, 3)), (2, 3), (1, 2)),
        ((0,), ((), (), ()), (0,), ()),
        ((), ((0,), (), ()), (0,), (1, 2)),
    ],
)
def test_angles_broadcast_with_the_batch(
    batch: tuple, shapes: tuple, whole: tuple, tail: tuple, rng: np.random.Generator
):
    bandlimit = 4
    angles = [rng.uniform(-3, 3, shape).astype(np.float32) for shape in shapes]
    coeffs = random_coeffs(rng, bandlimit, (*tail, *batch), dtype="complex64")
    coeffs = np.moveaxis(coeffs, range(len(tail)), range(-len(tail), 0)) if tail else coeffs
    rotated = rotate(coeffs, *angles)
    assert rotated.shape == (*whole, 4, 7, *tail)
    full = np.broadcast_to(coeffs, rotated.shape)
    each = [np.broadcast_to(angle, whole) for angle in angles]
    for index in np.ndindex(whole):
        expected = np.asarray(rotate(full[index], *(angle[index] for angle in each)))
        assert relative(rotated[index], expected) < 10 * bandlimit * eps("float32")


def test_real_coefficients_count_as_complex(rng: np.random.Generator):
    coeffs = np.real(random_coeffs(rng, 5, dtype="complex64"))
    rotated = rotate(coeffs, *EULER[0])
    assert rotated.dtype == np.complex64
    np.testing.assert_array_equal(rotated, rotate(coeffs.astype(np.complex64), *EULER[0]))


# --- Transformations --------------------------------------------------------------------------------------------------


def test_traced_angles_and_coefficients(rng: np.random.Generator):
    """One compiled program for all angles gives what the call without `jit` gives; `spinharm.jit` too."""
    coeffs, traces = random_coeffs(rng, 9, (2,), dtype="complex64"), []

    @jax.jit
    def counted(coeffs: jax.Array, *angles: jax.Array) -> jax.Array:
        traces.append(None)
        return spinharm.rotate(coeffs, *angles)

    for angles in np.array(EULER, np.float32):
        plain = np.asarray(spinharm.rotate(coeffs, *angles))
        assert relative(counted(coeffs, *angles), plain) < 10 * eps("float32")
        assert relative(rotate(coeffs, *angles), plain) < 10 * eps("float32")
    assert len(traces) == 1


def test_vmap_over_coefficients_and_angles(rng: np.random.Generator):
    coeffs, angles = random_coeffs(rng, 6, (4, 3), dtype="complex64"), np.array(EULER[:4], np.float32)
    both = jax.jit(jax.vmap(lambda c, euler: spinharm.rotate(c, *euler)))(coeffs, angles)
    alone = jax.jit(jax.vmap(jax.vmap(lambda c: spinharm.rotate(c, *EULER[0]))))(coeffs)
    turned = jax.jit(jax.vmap(lambda euler: spinharm.rotate(coeffs, *euler), out_axes=1))(angles)
    for i in range(4):
        expected = np.asarray(rotate(coeffs[i], *angles[i]))
        assert relative(both[i], expected) < 10 * eps("float32")
        assert relative(turned[i, i], expected) < 10 * eps("float32")
    assert relative(alone, np.asarray(rotate(coeffs, *EULER[0]))) < 10 * eps("float32")


@pytest.mark.usefixtures("x64")
def test_check_grads_in_coefficients_and_angles(rng: np.random.Generator):
    """Forward and reverse, at generic angles and at β = 0 and π, where z-y-z angles are degenerate."""
    coeffs = random_coeffs(rng, 3)
    alpha, beta, gamma = (
        np.array([0.4, 0.4, 0.4, -2.0]),
        np.array([1.1, 0.0, np.pi, -0.3]),
        np.array([2.0, 0.7, 0.7, 0.0]),
    )
    check_grads(jax.jit(spinharm.rotate), (coeffs, alpha, beta, gamma), order=2)


@pytest.mark.usefixtures("x64")
def test_slope_in_beta_is_a_difference_of_neighbouring_orders(rng: np.random.Generator):
    """With α = 0: d/dβ a′_lm = ½ (√((l−m)(l+m+1)) a′_{l,m+1} − √((l+m)(l−m+1)) a′_{l,m−1}), poles included."""
    bandlimit, beta = 20, np.array([0.0, 1.3, np.pi])
    coeffs = random_coeffs(rng, bandlimit)

    def turned(b: jax.Array) -> jax.Array:
        return spinharm.rotate(coeffs, 0.0, b, 0.8)

    rotated, slope = jax.jit(lambda b: jax.jvp(turned, (b,), (jnp.ones_like(b),)))(beta)
    degree, order = np.arange(bandlimit)[:, None], np.arange(-bandlimit + 1, bandlimit)
    raised, lowered = (np.sqrt(np.maximum((degree - s * order) * (degree + s * order + 1), 0)) for s in (1, -1))
    wide = np.pad(np.asarray(rotated), ((0, 0), (0, 0), (1, 1)))
    expected = (raised * wide[..., 2:] - lowered * wide[..., :-2]) / 2
    assert relative(slope, expected) < 20 * bandlimit * eps("float64")


def test_sharded_batch(rng: np.random.Generator):
    """A batch spread over two devices stays spread, and gives the same."""
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(AxisType.Auto,), devices=jax.devices()[:2])
    sharding = NamedSharding(mesh, PartitionSpec("batch"))
    coeffs = random_coeffs(rng, 8, (4,), dtype="complex64")
    angles = rng.uniform(-3, 3, (3, 4)).astype(np.float32)
    spread = [jax.device_put(x, sharding) for x in (coeffs, *angles)]
    rotated = jax.jit(spinharm.rotate)(*spread)
    assert rotated.sharding.is_equivalent_to(sharding, rotated.ndim)
    assert relative(rotated, np.asarray(rotate(coeffs, *angles))) < 10 * eps("float32")


# --- Errors -----------------------------------------------------------------------------------------------------------

GOOD = np.zeros((4, 3, 5), np.complex64)


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((GOOD, np.nan, 0.0, 0.0), ValueError, "`alpha` must be finite, got nan"),
        ((GOOD, 0.0, np.array([0, np.inf, 0, 0]), 0.0), ValueError, "`beta` must be finite, got inf"),
        ((GOOD, 0.0, 0.0, -np.inf), ValueError, "`gamma` must be finite, got -inf"),
        ((GOOD, 0.0, 1j, 0.0), TypeError, "`beta` must be real, got dtype complex"),
        ((GOOD, np.zeros(4, complex), 0.0, 0.0), TypeError, "`alpha` must be real, got dtype complex"),
        (
            (GOOD, np.zeros(3), 0.0, np.zeros((2, 1))),
            ValueError,
            r"`alpha`, `beta`, `gamma` must broadcast with the batch axes \(4,\) of `coeffs`, got shapes \(3,\), \(\), "
            r"\(2, 1\)",
        ),
        ((GOOD, np.zeros(4), np.zeros(2), 0.0), ValueError, r"must broadcast .* got shapes \(4,\), \(2,\), \(\)"),
        ((GOOD[..., :4], 0.0, 0.0, 0.0), ValueError, r"`coeffs` must have axes .* got shape \(4, 3, 4\)"),
        ((GOOD[0, 0], 0.0, 0.0, 0.0), ValueError, r"`coeffs` must have axes .* got shape \(5,\)"),
        (
            (np.zeros((4, 3, 5), np.int32), 0.0, 0.0, 0.0),
            TypeError,
            "`coeffs` must have dtype .* got int32; convert",
        ),
        ((np.zeros((4, 3, 5), np.float16), 0.0, 0.0, 0.0), TypeError, "`coeffs` must have dtype .* got float16"),
    ],
)
def test_bad_arguments_are_named(arguments: tuple, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        spinharm.rotate(*arguments)


@pytest.mark.parametrize("axis", [0, -3, -1, 2, 7, -9])
def test_axis_that_is_no_degree_axis(axis: int):
    with pytest.raises(ValueError, match=r"`coeffs` must have a degree axis of size L at .* got shape \(4, 3, 5\)"):
        spinharm.rotate(GOOD, 0.0, 0.0, 0.0, axis=axis)


def test_table_that_is_too_large_is_refused_before_it_is_made():
    coeffs = jax.ShapeDtypeStruct((1500, 2999), jnp.complex64)
    with pytest.raises(MemoryError, match=r"bandlimit 1500 in float32 needs a Wigner table of \d+\.\d GiB, above"):
        jax.eval_shape(lambda c: spinharm.rotate(c, 0.1, 0.2, 0.3), coeffs)
