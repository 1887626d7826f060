"""Products of fields and tensor products against Clebsch-Gordan coefficients, and their laws."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import e3nn_jax
import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from jax.test_util import check_grads

import doc_pages
import spinharm
from spinharm import Factors, Grid, Parts, TensorProduct, convert, mix_channels, powers, product
from spinharm._products import apply
from spinharm._products.apply import Tuning

WAYS = {
    "rings": Tuning(coupling_advantage=0.0, matrix_advantage=1e-9),
    "points": Tuning(coupling_advantage=0.0, matrix_advantage=1e9),
    "coefficients": Tuning(coupling_advantage=1e9),
}
# Blocks of 16 columns.
BLOCKS = {"coupling_bytes": 1, "map_bytes": 1}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(17)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Separable products ring by ring, by a matrix of all points, or by coefficients, whatever their size."""
    monkeypatch.setattr(apply, "TUNING", WAYS[request.param])
    return request.param


def entries(l: int) -> slice:
    return slice(l * l, (l + 1) ** 2)


def features(rng: np.random.Generator, degree: int, *shape: int, dtype: str = "float64") -> np.ndarray:
    return rng.normal(size=(*shape, (degree + 1) ** 2)).astype(dtype)


@functools.cache
def basis(l: int) -> np.ndarray:
    """Coefficients of Y_lm for each of e3nn's real entries of degree l, shape (entry, m)."""
    m = np.arange(1, l + 1)
    result = np.zeros((2 * l + 1, 2 * l + 1), complex)
    result[l, l] = 1
    result[l + m, l + m], result[l + m, l - m] = (-1.0) ** m / 2**0.5, 1 / 2**0.5
    result[l - m, l + m], result[l - m, l - m] = -1j * (-1.0) ** m / 2**0.5, 1j / 2**0.5
    return result


def clebsch_gordan(l1: int, l2: int) -> np.ndarray:
    """⟨l1 m1 l2 m2 | l m1+m2⟩/√(2l + 1), shape (l, m1, m2): eigenvectors of J² for each m, with signs by J₋."""
    table = np.zeros((l1 + l2 + 1, 2 * l1 + 1, 2 * l2 + 1))
    for m in range(l1 + l2, -l1 - l2 - 1, -1):
        m1 = np.arange(max(-l1, m - l2), min(l1, m + l2) + 1)
        m2 = m - m1
        up = np.sqrt((l1 - m1) * (l1 + m1 + 1.0) * (l2 + m2) * (l2 - m2 + 1.0))[:-1]
        vectors = np.linalg.eigh(np.diag(2.0 * m1 * m2) + np.diag(up, 1) + np.diag(up, -1))[1]
        for l, vector in enumerate(vectors.T, max(abs(m), abs(l1 - l2))):
            if l == m:
                sign = vector[-1]
            else:
                above = np.pad(table[l], ((0, 1), (0, 1)))
                step_1, step_2 = (np.sqrt((d - n) * (d + n + 1.0)) for d, n in ((l1, m1), (l2, m2)))
                sign = vector @ (step_1 * above[m1 + l1 + 1, m2 + l2] + step_2 * above[m1 + l1, m2 + l2 + 1])
            table[l, m1 + l1, m2 + l2] = np.sign(sign) * vector / np.sqrt(2 * l + 1)
    return table


def combined(table: np.ndarray, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Σ ⟨l1 m1 l2 m2 | l m⟩/√(2l + 1) x_m1 y_m2 for each l of coefficients of Y_lm."""
    l1, l2 = len(x) // 2, len(y) // 2
    z = np.zeros((l1 + l2 + 1, 2 * (l1 + l2) + 1), complex)
    for m1 in range(2 * l1 + 1):
        for m2 in range(2 * l2 + 1):
            z[:, m1 + m2] += table[:, m1, m2] * x[m1] * y[m2]
    return [z[l, l1 + l2 - l : l1 + l2 + l + 1] for l in range(l1 + l2 + 1)]


def in_e3nn(table: np.ndarray, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Σ C_ijk x_i y_j of e3nn's real coefficients for each l; its basis has the phases i^l."""
    l1, l2 = len(x) // 2, len(y) // 2
    each = combined(table, x @ basis(l1), y @ basis(l2))
    return [(1j ** (l1 + l2 - l) * basis(l).conj() @ z).real for l, z in enumerate(each)]


def by_e3nn(multiply: TensorProduct, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The tensor product of features that hold all degrees, path by path."""
    weights = np.ones(len(multiply.paths)) if weights is None else weights
    z = np.zeros((*np.broadcast_shapes(x.shape[:-1], y.shape[:-1]), (multiply.degrees_out[-1] + 1) ** 2))
    for path, weight in zip(multiply.paths, np.moveaxis(multiply.coefficients * weights, -1, 0), strict=True):
        c = e3nn_jax.clebsch_gordan(*path)
        one = np.einsum("...i,...j,ijk->...k", x[..., entries(path[0])], y[..., entries(path[1])], c)
        z[..., entries(path[2])] += np.asarray(weight)[..., None] * one
    return z


def norm(z: np.ndarray) -> float:
    return float(np.linalg.norm(z))


class EveryPath(NamedTuple):
    """A column for each (l1, l2), so that each degree of its result is one path."""

    pairs: list[tuple[int, int]]
    x: np.ndarray
    y: np.ndarray
    wanted: dict[tuple[int, int, int], np.ndarray]


@pytest.fixture(scope="module")
def every_path() -> EveryPath:
    """Paths between degrees 0 … 12."""
    # Of the scalar products of two long vectors, none nearly vanishes with this seed.
    rng, degree, wanted = np.random.default_rng(2), 12, {}
    pairs = [(l1, l2) for l1 in range(degree + 1) for l2 in range(degree + 1)]
    x, y = features(rng, degree, 2, len(pairs), dtype="float32").astype("float64")
    for column, (l1, l2) in enumerate(pairs):
        results = in_e3nn(clebsch_gordan(l1, l2), x[column, entries(l1)], y[column, entries(l2)])
        wanted.update({(l1, l2, l): results[l] for l in range(abs(l1 - l2), l1 + l2 + 1)})
    held = np.repeat(np.arange(degree + 1), 2 * np.arange(degree + 1) + 1)
    x, y = (z * (held == np.array(pairs)[:, [side]]) for side, z in enumerate((x, y)))
    return EveryPath(pairs, x, y, wanted)


@pytest.mark.parametrize("weighted", [False, True], ids=["maps", "coefficients"])
def test_every_path_to_degree_12(weighted: bool, dtype: str, every_path: EveryPath) -> None:
    multiply = TensorProduct(12, 12, 12 if weighted else None)
    weights = np.ones(len(multiply.paths), dtype) if weighted else None
    got = multiply.columns(every_path.x.T.astype(dtype), every_path.y.T.astype(dtype), weights)
    wanted = np.zeros(got.shape)
    for path, factor in zip(multiply.paths, multiply.coefficients, strict=True):
        wanted[entries(path[2]), every_path.pairs.index(path[:2])] = factor * every_path.wanted[path]
    of_product, of_path = (1e-6, 5e-6) if dtype == "float32" else (1e-13, 1e-13)
    error = np.asarray(got) - wanted
    assert np.all(np.linalg.norm(error, axis=0) < of_product * np.linalg.norm(wanted, axis=0))
    for path in multiply.paths:
        own = entries(path[2]), every_path.pairs.index(path[:2])
        assert norm(error[own]) < of_path * norm(wanted[own]), path


@pytest.mark.parametrize("normalization", ["natural", "gradient", "component", "norm"])
def test_agrees_with_e3nn(normalization: Any, way: str, dtype: str, rng: np.random.Generator) -> None:
    multiply = TensorProduct(3, 2, 4, normalization=normalization)
    x, y = features(rng, 3, 4, 2, dtype=dtype), features(rng, 2, 4, 1, dtype=dtype)
    weights = rng.normal(size=len(multiply.paths)).astype(dtype)
    bound = 1e-6 if dtype == "float32" else 1e-14
    for given in (None, weights):
        wanted = by_e3nn(multiply, x.astype("float64"), y.astype("float64"), given)
        assert norm(np.asarray(multiply(x, y, given)) - wanted) < bound * norm(wanted)


def test_the_tests_own_coefficients_are_those_of_e3nn(rng: np.random.Generator) -> None:
    for l1, l2, l in TensorProduct(3, 3).paths:
        x, y = rng.normal(size=2 * l1 + 1), rng.normal(size=2 * l2 + 1)
        wanted = np.einsum("i,j,ijk->k", x, y, e3nn_jax.clebsch_gordan(l1, l2, l))
        np.testing.assert_allclose(in_e3nn(clebsch_gordan(l1, l2), x, y)[l], wanted, atol=1e-13)


@pytest.mark.parametrize(
    ("spins", "precision"), [((0, 0), "complex64"), ((1, -1), "complex128"), ((2, 1), "complex64")]
)
def test_product_of_spins(spins: tuple[int, int], precision: str, rng: np.random.Generator) -> None:
    L1, L2, (s1, s2), bound = 4, 5, spins, 1e-6 if precision == "complex64" else 1e-14
    L = L1 + L2 - 1
    x, y = _dense(rng, L1), _dense(rng, L2)
    wanted = np.zeros((L, 2 * L - 1), complex)
    for l1 in range(abs(s1), L1):
        for l2 in range(abs(s2), L2):
            table = clebsch_gordan(l1, l2)
            results = combined(table, x[l1, L1 - 1 - l1 : L1 + l1], y[l2, L2 - 1 - l2 : L2 + l2])
            for l in range(max(abs(l1 - l2), abs(s1 + s2)), l1 + l2 + 1):
                weight = math.sqrt((2 * l1 + 1) * (2 * l2 + 1) * (2 * l + 1) / (4 * math.pi))
                wanted[l, L - 1 - l : L + l] += weight * table[l, l1 - s1, l2 - s2] * results[l]
    with jax.enable_x64(precision == "complex128"):
        x, y = x.astype(precision), y.astype(precision)
        got = np.asarray(product(x, y, spins=spins))
        low = np.asarray(product(x, y, spins=spins, bandlimit=4))
    assert norm(got - wanted) < bound * norm(wanted)
    assert norm(low - got[:4, L - 4 : L + 3]) < bound * norm(wanted)


def _dense(rng: np.random.Generator, L: int) -> np.ndarray:
    values = rng.normal(size=(L, 2 * L - 1)) + 1j * rng.normal(size=(L, 2 * L - 1))
    return np.where(abs(np.arange(-L + 1, L)) <= np.arange(L)[:, None], values, 0)


def test_product_of_unequal_bandlimits_broadcasts_and_ignores_invalid_entries(rng: np.random.Generator) -> None:
    x, y = _dense(rng, 9).astype("complex64"), _dense(rng, 2).astype("complex64")
    whole = np.asarray(product(x, y))
    cut = np.asarray(product(x, y, bandlimit=2))  # needs degrees 0 … 2 of x
    assert norm(cut - whole[:2, 8:11]) < 1e-6 * norm(whole)
    many = np.asarray(product(np.stack([x, 2 * x])[:, None], np.stack([y, y, 3 * y])))
    assert many.shape == (2, 3, 10, 19)
    assert norm(many[1, 2] - 6 * whole) < 1e-5 * norm(whole)
    x[0, 0] = np.nan
    assert np.isfinite(product(x, y)).all()
    assert product(np.zeros((0, 3, 5)), y).shape == (0, 4, 7)


@pytest.mark.parametrize("selection", ["all", "even", "odd"])
def test_weights_of_all_forms_agree(selection: Any, way: str, rng: np.random.Generator) -> None:
    multiply = TensorProduct((1, 2), (0, 1, 2), (0, 1, 3), paths=selection)
    x = rng.normal(size=(3, 5, 8)).astype("float32")
    y = rng.normal(size=(3, 5, 9)).astype("float32")
    first, second, out = (rng.normal(size=(2, 5, n)).astype("float32") for n in (2, 3, 3))
    second = second[:, :1]
    at = np.array([((1, 2).index(a), b, (0, 1, 3).index(c)) for a, b, c in multiply.paths]).T
    for terms in (slice(0, 1), slice(0, 2)):
        f, s, o = first[terms], second[terms], out[terms]
        full = np.sum(f[..., at[0]] * s[..., at[1]] * o[..., at[2]], 0)
        got, wanted = np.asarray(multiply(x, y, Factors(f, s, o))), np.asarray(multiply(x, y, full))
        assert norm(got - wanted) < 1e-6 * norm(wanted)
        assert norm(wanted[:, 3] - np.asarray(multiply(x[:, 3:4], y[:, 3:4], full[3]))[:, 0]) < 1e-6 * norm(wanted)
    if selection == "all":
        parts = multiply(x, y, Factors(first, second, out), separate=True)
        assert isinstance(parts, Parts)
        assert norm(np.asarray(parts.even + parts.odd) - got) < 1e-6 * norm(got)
        again = multiply(x, y, full, separate=True)
        assert isinstance(again, Parts)
        assert norm(np.asarray(parts.odd - again.odd)) < 1e-6 * norm(got)


def test_rotations_and_reflections(way: str, rng: np.random.Generator) -> None:
    multiply = TensorProduct(3, 3)
    angles = rng.uniform(0, 3, 3)

    def rotated(x: Any) -> np.ndarray:
        return np.asarray(convert.to_e3nn(spinharm.rotate(convert.from_e3nn(np.asarray(x)), *angles)))

    with jax.enable_x64(True):
        x, y = features(rng, 3, 2, 1), features(rng, 3, 2, 1)
        z = multiply(x, y)
        np.testing.assert_allclose(multiply(rotated(x), rotated(y)), rotated(z), atol=1e-13)
        sign = (-1.0) ** np.repeat(np.arange(7), 2 * np.arange(7) + 1)
        flip = {"natural": sign, "pseudo": -sign}
        for p1, p2 in (("natural", "natural"), ("natural", "pseudo"), ("pseudo", "pseudo")):
            parts = multiply(x, y, separate=True)
            after = multiply(x * flip[p1][:16], y * flip[p2][:16], separate=True)
            for part, other, parity in zip(parts, after, multiply.parities(p1, p2), strict=True):
                np.testing.assert_allclose(other, part * flip[parity], atol=1e-13)
                assert norm(np.asarray(part)) > 1


def test_derivatives(way: str, rng: np.random.Generator) -> None:
    multiply = TensorProduct(2, 1, 2)
    with jax.enable_x64(True):
        x, y = features(rng, 2, 2), features(rng, 1, 2)
        factors = Factors(rng.normal(size=(2, 2, 3)), None, rng.normal(size=(2, 1, 3)))
        weights = factors if way != "coefficients" else rng.normal(size=(2, len(multiply.paths)))
        check_grads(jax.jit(multiply), (x, y, weights), 2, modes=["rev"], rtol=1e-6)
        # The transpose of the product with y, and the same product with its sides exchanged.
        z, transpose = jax.vjp(lambda x: multiply(x, y), x)
        dx, dz = features(rng, 2, 2), features(rng, 2, 2)
        pairing = np.vdot(transpose(dz)[0], dx), np.vdot(dz, multiply(dx, y))
        assert abs(pairing[0] - pairing[1]) < 1e-12 * norm(np.asarray(z)) ** 2
    even = TensorProduct(2, paths="even")
    np.testing.assert_allclose(even(x, dx), even(dx, x), atol=1e-5)


def test_derivatives_of_mapped_products_with_weights_of_their_own(rng: np.random.Generator) -> None:
    multiply = TensorProduct(1, 1, 1)
    x, y, w = (rng.normal(size=s).astype("float32") for s in ((2, 3, 4), (3, 4), (2, 3, len(multiply.paths))))

    def value(x: Any, y: Any, w: Any) -> jax.Array:
        return jnp.sum(multiply(x, y, w) ** 2)

    mapped = jax.jit(jax.vmap(jax.grad(value, (0, 1, 2)), (0, None, 0)))(x, y, w)
    apart = [jax.jit(jax.grad(value, (0, 1, 2)))(x[i], y, w[i]) for i in (0, 1)]
    for both, *each in zip(mapped, *apart, strict=True):
        np.testing.assert_allclose(both, np.stack(each), rtol=1e-4, atol=1e-4)
    forward = jax.jit(lambda *at: jax.jvp(value, at, (x[1], y, w[1]))[1])(x[0], y, w[0])
    backward = sum(np.vdot(a, b) for a, b in zip(apart[0], (x[1], y, w[1]), strict=True))
    assert abs(forward - backward) < 1e-4 * abs(backward)


def test_blocks_of_columns(way: str, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    multiply = TensorProduct(1, 1, 1)
    x, y = features(rng, 1, 41, 1, dtype="float32"), features(rng, 1, 41, 1, dtype="float32")

    def value(x: jax.Array) -> jax.Array:
        return jnp.sum(multiply(x, y) ** 2)

    whole = jax.value_and_grad(value)(x)
    monkeypatch.setattr(apply, "TUNING", dataclasses.replace(WAYS[way], **BLOCKS))
    assert "while" in jax.jit(value).lower(x).as_text()
    for one, other in zip(whole, jax.value_and_grad(value)(x), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    channels = multiply(x[:, 0].reshape(41, 1, 4).repeat(2, 1), y, np.ones((2, len(multiply.paths)), "float32"))
    np.testing.assert_allclose(channels[:, 1], multiply(x, y)[:, 0], atol=1e-5)


def test_batches(way: str, rng: np.random.Generator) -> None:
    multiply = TensorProduct(2, 1, 2)
    x, y = features(rng, 2, 5, 4, 2, dtype="float32"), features(rng, 1, 4, 1, dtype="float32")
    z = np.asarray(multiply(x, y))
    assert z.shape == (5, 4, 2, 9)
    mapped = jax.vmap(multiply, (0, None))(x, y)
    np.testing.assert_allclose(mapped, z, atol=1e-5)
    np.testing.assert_allclose(spinharm.jit(multiply)(x, y), z, atol=1e-5)
    columns = multiply.columns(x.transpose(3, 0, 1, 2), y.transpose(2, 0, 1))
    np.testing.assert_allclose(columns, z.transpose(3, 0, 1, 2), atol=1e-5)
    assert multiply(x[:0], y).shape == (0, 4, 2, 9)
    assert multiply(x[:, :, :0], y[:, :0]).shape == (5, 4, 0, 9)


def test_powers_are_those_of_the_map(rng: np.random.Generator) -> None:
    x = features(rng, 2, 3, dtype="float32")
    got = np.asarray(powers(x, 3, degrees_out=6))
    grid = Grid.gauss_legendre(7)
    maps = np.asarray(spinharm.inverse(spinharm.change_bandlimit(convert.from_e3nn(x), 7), grid, real=True))
    wanted = np.asarray(convert.to_e3nn(spinharm.forward(np.stack([maps, maps**2, maps**3]), grid)))
    for one, other in zip(got, wanted, strict=True):
        assert norm(one - other) < 2e-6 * norm(other)
    np.testing.assert_allclose(powers(x, 2), got[:2, :, :9], atol=1e-5 * float(np.max(abs(got))))
    assert powers(x[:0], 2).shape == (2, 0, 9)


def test_mixed_channels_make_a_fully_connected_product(rng: np.random.Generator) -> None:
    x, y = features(rng, 1, 6, 3, dtype="float32"), features(rng, 1, 6, 2, dtype="float32")
    a, b, c = (rng.normal(size=(2, *s)).astype("float32") for s in ((3, 4), (2, 4), (4, 5)))
    multiply = TensorProduct(1, 1, 1)
    got = np.asarray(mix_channels(multiply(mix_channels(x, a), mix_channels(y, b)), c))
    wanted = np.zeros((6, 5, 4))
    for i in range(3):
        for j in range(2):
            for l1, l2, l in multiply.paths:
                one, two = np.zeros_like(x[:, :1]), np.zeros_like(y[:, :1])
                one[..., entries(l1)], two[..., entries(l2)] = x[:, [i], entries(l1)], y[:, [j], entries(l2)]
                weights = np.einsum("r,r,ro->o", a[l1, i], b[l2, j], c[l])
                wanted[..., entries(l)] += weights[:, None] * np.asarray(multiply(one, two))[..., entries(l)]
    assert norm(got - wanted) < 1e-5 * norm(wanted)
    one_degree = mix_channels(x[..., 1:], a[1:], degrees=(1,))
    np.testing.assert_allclose(one_degree, mix_channels(x, a)[..., 1:], atol=1e-6)


def test_a_product_is_a_value() -> None:
    assert TensorProduct(2) == TensorProduct((0, 1, 2), 2, 4)
    assert hash(TensorProduct(2)) == hash(TensorProduct(2, 2, 4))
    assert jax.tree.leaves(TensorProduct(2)) == []
    assert len(TensorProduct(8).paths) == 489
    # No path up to degree 12 is lost.
    assert np.min(abs(TensorProduct(12).coefficients)) > 0.1


ONES = np.ones((2, 1, 4), np.float32)
FOUR: Any = TensorProduct(1, 1, 1)
# Without types, to be called wrongly.
ANY: Any = spinharm


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ANY.TensorProduct(1.5), TypeError, "`degrees_1` must be an integer, got 1.5"),
        (lambda: ANY.TensorProduct((1, 1)), ValueError, "`degrees_1` must be ascending degrees without repeats"),
        (lambda: ANY.TensorProduct(1, ()), ValueError, "`degrees_2` must be ascending degrees"),
        (lambda: ANY.TensorProduct(1, "12"), TypeError, "`degrees_2` must be an integer or a sequence"),
        (
            lambda: ANY.TensorProduct(1, 1, (3,)),
            ValueError,
            "`degrees_out` must hold a degree that `paths` 'all' lead to",
        ),
        (lambda: ANY.TensorProduct(0, paths="odd"), ValueError, "`degrees_out` must hold a degree that `paths` 'odd'"),
        (
            lambda: ANY.TensorProduct(1, paths="both"),
            ValueError,
            "`paths` must be one of 'all', 'even', 'odd', got 'both'",
        ),
        (lambda: ANY.TensorProduct(1, normalization="integral"), ValueError, "`normalization` must be one of"),
        (lambda: FOUR(ONES[..., :3], ONES), ValueError, "`x` must have axes (*batch, channels, features) with 4"),
        (lambda: FOUR(ONES, ONES[0, 0]), ValueError, "`y` must have axes (*batch, channels, features)"),
        (lambda: FOUR(ONES, ONES + 0j), TypeError, "`y` must be real, got dtype complex64"),
        (lambda: FOUR(ONES.astype(int), ONES), TypeError, "`x` must have dtype float32"),
        (
            lambda: FOUR(e3nn_jax.IrrepsArray("0e+1o", jnp.asarray(ONES)), ONES),
            TypeError,
            "`x` must be a plain array, got an Irreps",
        ),
        (lambda: FOUR(ONES, np.ones((3, 1, 4), np.float32)), ValueError, "columns of `x` and `y` must broadcast"),
        (lambda: FOUR.columns(ONES, ONES), ValueError, "`x` must have axes (features, *columns) with 4 features"),
        (lambda: FOUR(ONES, ONES, np.ones(6, np.float32)), ValueError, "`weights` must have shape (paths,) or"),
        (lambda: FOUR(ONES, ONES, np.ones((3, 5), np.float32)), ValueError, "with 5 paths and 1 channels"),
        (lambda: FOUR(ONES, ONES, Factors(np.ones(3, np.float32))), ValueError, "`weights.first` must have axes"),
        (
            lambda: FOUR(ONES, ONES, Factors(ONES[:, :, :2], ONES[:, :, 2:], np.ones((3, 1, 2), np.float32))),
            ValueError,
            "`weights` must have one number of terms in all factors, got [2, 3]",
        ),
        (
            lambda: ANY.TensorProduct(1, paths="odd")(ONES, ONES, separate=True),
            ValueError,
            "`separate` needs paths 'all'",
        ),
        (lambda: FOUR.parities("even"), ValueError, "`parity_1` must be one of 'natural', 'pseudo', got 'even'"),
        (
            lambda: mix_channels(ONES, np.ones((2, 2, 2), np.float32)),
            ValueError,
            "`x` must have axes (*batch, channels",
        ),
        (lambda: mix_channels(ONES, ONES[0]), ValueError, "`matrices` must have axes (degree, channels_in"),
        (lambda: mix_channels(ONES, ONES[:, :, :1], degrees=2), ValueError, "one matrix for each of 3 degrees"),
        (lambda: powers(ONES, 0), ValueError, "`order` must be at least 1, got 0"),
        (lambda: powers(ONES[..., :3], 2), ValueError, "`x` must have 1 features on its last axis for degrees [0]"),
        (lambda: ANY.product(ONES, ONES), ValueError, "`x` must have axes (*batch, degree, order)"),
        (lambda: ANY.product(np.ones((2, 3)), np.ones((2, 3)), spins=(0, 2)), ValueError, "got spin 2 for `y`, whose"),
        (
            lambda: ANY.product(np.ones((2, 3)), np.ones((2, 3)), spins=1),
            TypeError,
            "`spins` must be a pair of integers",
        ),
        (
            lambda: ANY.product(np.ones((2, 3)), np.ones((2, 3)), bandlimit=4),
            ValueError,
            "at most L1 + L2 - 1 = 3, got 4",
        ),
        (
            lambda: ANY.product(np.ones((2, 3)), np.ones((2, 3)), spins=(1, 1), bandlimit=2),
            ValueError,
            "`bandlimit` must be above |s1 + s2| = 2",
        ),
        (
            lambda: ANY.product(np.ones((2, 2, 3)), np.ones((3, 2, 3))),
            ValueError,
            "batch axes of `x` and `y` must broadcast, got shapes (2, 2, 3) and (3, 2, 3)",
        ),
    ],
)
def test_wrong_arguments_are_refused(call: Callable[[], object], error: type[Exception], message: str) -> None:
    # As users have it: without the checks of types in these tests.
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        with doc_pages.settings_of_users(), pytest.raises(error, match=re.escape(message)):
            call()
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


def test_too_large_tables_are_refused() -> None:
    multiply = TensorProduct(40, 40, 40)
    x = np.ones((1, 41**2), np.float32)
    with pytest.raises(MemoryError, match=r"need a table of .* GiB, above 2 GiB; use spinharm.Factors"):
        multiply(x, x, np.ones(len(multiply.paths), np.float32))
