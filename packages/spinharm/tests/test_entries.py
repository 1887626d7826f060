"""Entries without a meaning, empty batches and open batch sizes: what every function of coefficients does with them."""

import inspect
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import spinharm
from spinharm import Grid, SpinTransform, convert

L = 4
GAUSS, SQUARE = Grid.gauss_legendre(L), Grid.equiangular(2 * L, 2 * L)
DEGREE, ORDER = np.arange(L)[:, None], np.arange(-L + 1, L)
PACKED = L * (L + 1) // 2


class Case(NamedTuple):
    """A function of coefficients (or maps) and what it is given: the spins of the entries of a trailing spin axis."""

    function: Callable[[Any], Any]
    spins: tuple[int, ...] = (0,)
    shape: tuple[int, ...] = (L, 2 * L - 1)
    dtype: str = "complex64"


def inverse(grid: Grid, **options: Any) -> Case:
    transform = SpinTransform(grid, L, (0, 2), **options)
    return Case(transform.inverse, (0, 2), (L, 2 * L - 1, 2, 1))


# Functions of dense coefficients.
DENSE = {
    "SpinTransform.inverse tables": inverse(GAUSS),
    "SpinTransform.inverse fft": inverse(SQUARE, fourier="fft"),
    "SpinTransform.inverse recursion": inverse(GAUSS, method="recursion"),
    "SpinTransform.inverse torus": inverse(SQUARE, method="torus"),
    "inverse real": Case(lambda c: spinharm.inverse(c, GAUSS, real=True)),
    "evaluate": Case(lambda c: spinharm.evaluate(c, np.array([0.0, 1.0]), 0.2, spin=1), (1,)),
    "rotate": Case(lambda c: spinharm.rotate(c, 0.1, 0.2, 0.3, spin=1), (1,)),
    "rotate two spins": Case(
        lambda c: spinharm.rotate(c, 0.1, 0.2, 0.3, axis=-4, spin=(0, 2)), (0, 2), (L, 2 * L - 1, 2, 1)
    ),
    "power_spectrum": Case(lambda c: spinharm.power_spectrum(c, spin=-2), (-2,)),
    "power_spectrum two spins": Case(
        lambda c: spinharm.power_spectrum(c, axis=-4, spin=[0, 2]), (0, 2), (L, 2 * L - 1, 2, 1)
    ),
    "cross_spectrum": Case(lambda c: spinharm.cross_spectrum(c, 1j * c, spin=1), (1,)),
    "change_bandlimit up": Case(lambda c: spinharm.change_bandlimit(c, L + 1, spin=1), (1,)),
    "change_bandlimit down": Case(lambda c: spinharm.change_bandlimit(c, L - 1, spin=1), (1,)),
    "eth": Case(lambda c: spinharm.eth(c, -2), (-2,)),
    "ethbar": Case(lambda c: spinharm.ethbar(c, 2), (2,)),
    "laplacian": Case(spinharm.laplacian),
    "inverse_laplacian": Case(spinharm.inverse_laplacian),
    "gradient": Case(spinharm.gradient),
    "divergence": Case(spinharm.divergence, (1,)),
    "vorticity": Case(spinharm.vorticity, (1,)),
    "helmholtz": Case(spinharm.helmholtz, (1,)),
    "product": Case(lambda c: spinharm.product(c, 1j * c, spins=(1, 1)), (1,)),
    "to_packed": Case(convert.to_packed),
    "to_packed_complex": Case(lambda c: convert.to_packed_complex(c, spin=1), (1,)),
    "to_ducc0_spin": Case(lambda c: convert.to_ducc0_spin(c, 2), (2,)),
    "to_e3nn": Case(convert.to_e3nn),
    "to_s2fft": Case(lambda c: convert.to_s2fft(c, spin=-1), (-1,)),
    "from_s2fft": Case(lambda c: convert.from_s2fft(c, spin=-1), (-1,)),
    "to_cosines": Case(convert.to_cosines),
    "from_cosines": Case(convert.from_cosines),
}
# Functions of maps, of coefficients in other layouts, and of angles.
OTHERS = {
    "SpinTransform.forward": Case(SpinTransform(GAUSS, L, (0, 2)).forward, shape=(*GAUSS.shape, 2, 1)),
    "SpinTransform.forward fft": Case(
        SpinTransform(SQUARE, L, (0, 2), fourier="fft").forward, shape=(*SQUARE.shape, 2, 1)
    ),
    "forward": Case(lambda x: spinharm.forward(x, GAUSS), shape=GAUSS.shape, dtype="float32"),
    "resample": Case(lambda x: spinharm.resample(x, GAUSS, SQUARE), shape=GAUSS.shape, dtype="float32"),
    "wind_to_spin": Case(lambda x: spinharm.wind_to_spin(x, x), dtype="float32"),
    "spin_to_wind": Case(spinharm.spin_to_wind),
    "from_packed": Case(convert.from_packed, shape=(PACKED,)),
    "from_packed_complex": Case(convert.from_packed_complex, shape=(L * L,)),
    "from_ducc0_spin": Case(lambda x: convert.from_ducc0_spin(x, 1), shape=(2, PACKED)),
    "from_e3nn": Case(convert.from_e3nn, shape=(L * L,), dtype="float32"),
    "evaluate points": Case(
        lambda x: spinharm.evaluate(np.ones((L, 2 * L - 1), np.complex64), x, 0.2), shape=(), dtype="float32"
    ),
    "rotate angles": Case(
        lambda x: spinharm.rotate(np.ones((L, 2 * L - 1), np.complex64), 0.1, x, 0.3), shape=(), dtype="float32"
    ),
    "mix_channels": Case(
        lambda x: spinharm.mix_channels(x, np.ones((L, 2, 3), np.float32)), shape=(2, L * L), dtype="float32"
    ),
    "powers": Case(lambda x: spinharm.powers(x, 2)[1], shape=(2, L * L), dtype="float32"),
    "wigner_d": Case(lambda x: spinharm.wigner_d(L, x), shape=(), dtype="float32"),
    "wigner_D": Case(lambda x: spinharm.wigner_D(L, 0.1, x, 0.3), shape=(), dtype="float32"),
    "spin_weighted_harmonics": Case(
        lambda x: spinharm.spin_weighted_harmonics(L, 1, x, 0.2), shape=(), dtype="float32"
    ),
}
ALL = DENSE | OTHERS


def test_no_public_function_is_left_out():
    """What takes or gives arrays with axes of coefficients, maps or points is in one of the tables above."""
    found = {name for name in dir(spinharm) if name[0] != "_" and inspect.isfunction(getattr(spinharm, name))}
    found |= {name for name in vars(convert) if name.startswith(("to_", "from_"))}
    assert {"rotate", "to_e3nn", "divergence"} <= found
    tested = {name.partition(" ")[0] for name in ALL}
    assert found - tested == {"clear_tables", "jit", "limit_tables", "wigner_delta"}


@pytest.mark.parametrize("name", DENSE)
def test_entries_without_a_meaning_do_not_matter(name: str, rng: np.random.Generator):
    """Whatever stands where |m| > l or l < |s|, values and gradients are the same, and zeros come out there."""
    function, spins, shape, dtype = DENSE[name]
    first = np.maximum(abs(ORDER)[:, None], np.abs(spins))
    valid = (DEGREE[..., None] >= first).reshape(L, 2 * L - 1, len(spins), 1)[..., : shape[-1] if len(shape) > 2 else 1]
    valid = valid.reshape(shape)
    clean = np.where(valid, rng.normal(size=shape) + 1j * rng.normal(size=shape), 0).astype(dtype)

    def energy(coeffs: jax.Array) -> tuple[jax.Array, Any]:
        result = function(coeffs)
        # Whatever the function gives, a sum whose slope is nowhere zero by accident.
        return sum((jnp.sum(jnp.abs(x + 0.5) ** 2) for x in jax.tree.leaves(result)), jnp.zeros(())), result

    run = (
        jax.jit(jax.value_and_grad(energy, has_aux=True)).lower(clean).compile({"xla_backend_optimization_level": "0"})
    )
    (value, wanted), slope = run(clean)
    assert np.isfinite(value)
    assert np.any(slope != 0)
    assert np.all(np.asarray(slope)[~valid] == 0)
    for filling in (np.nan, complex(np.inf, np.nan), 1e30 - 1e30j):
        filled = np.where(valid, clean, np.complex64(filling))
        jax.tree.map(np.testing.assert_array_equal, run(filled), ((value, wanted), slope))
    for leaf in jax.tree.leaves(wanted):
        if leaf.shape[:2] in [(n, 2 * n - 1) for n in (L - 1, L, L + 1)]:
            degree, order = np.arange(leaf.shape[0])[:, None], np.arange(1 - leaf.shape[0], leaf.shape[0])
            assert np.all(np.asarray(leaf)[abs(order) > degree] == 0)


def test_without_spin_what_stands_at_low_degrees_stays_there(rng: np.random.Generator):
    """Spectra, `rotate` and `change_bandlimit` that are told no spin treat l < |s| as any other degree."""
    clean = np.where(abs(ORDER) <= DEGREE, rng.normal(size=(L, 2 * L - 1)) + 0j, 0)
    filled = np.where(DEGREE < 2, 7.0, clean)
    for function in (spinharm.power_spectrum, lambda c: spinharm.rotate(c, 0.1, 0.2, 0.3)):
        np.testing.assert_array_equal(function(filled)[2:], function(clean)[2:])
        assert np.any(function(filled)[:2] != 0)


@pytest.fixture(scope="module")
def of_nothing() -> dict[str, Any]:
    """What every function gives for an empty batch, from one program."""
    empty = {name: np.zeros((0, *case.shape), case.dtype) for name, case in ALL.items()}
    return jax.jit(lambda inputs: {name: ALL[name].function(x) for name, x in inputs.items()})(empty)


@pytest.mark.parametrize("name", ALL)
def test_empty_batches(name: str, of_nothing: dict[str, Any]):
    """Empty in, empty out, of the shape and type that follow from a batch of two."""
    case = ALL[name]
    wanted = jax.eval_shape(case.function, jax.ShapeDtypeStruct((2, *case.shape), case.dtype))
    found = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), of_nothing[name])
    assert found == jax.tree.map(lambda x: jax.ShapeDtypeStruct((0, *x.shape[1:]), x.dtype), wanted)


def test_empty_batches_without_jit_and_of_many_points():
    """Large transforms, which fold their rings, and more points than are evaluated at once."""
    folded = SpinTransform(Grid.gauss_legendre(128)).forward
    assert folded(np.zeros((0, 128, 256, 1, 1), np.float32)).shape == (0, 128, 255, 1, 1)
    empty = np.zeros((0, L, 2 * L - 1), np.complex64)
    assert spinharm.evaluate(empty, np.zeros((2, 1025)), 0.0).shape == (0, 2, 1025)
    assert spinharm.rotate(empty, 0.1, 0.2, 0.3).shape == empty.shape


OPEN = [name for name in ALL if "fft" in name or name in ("forward", "rotate", "evaluate")]


@pytest.mark.parametrize("name", ["SpinTransform.inverse tables", "SpinTransform.inverse recursion", *OPEN])
def test_export_with_a_batch_size_that_is_left_open(name: str):
    """One program for all batch sizes."""
    function, _, shape, dtype = ALL[name]
    (size,) = export.symbolic_shape("b")
    exported = export.export(jax.jit(function))(jax.ShapeDtypeStruct((size, *shape), dtype))
    assert str(jax.tree.leaves(exported.out_avals)[0].shape[0]) == "b"
    if name in ("forward", "SpinTransform.inverse tables"):
        x = np.linspace(0.1, 1.0, 3 * int(np.prod(shape)), dtype=np.float32).reshape(3, *shape).astype(dtype)
        np.testing.assert_allclose(exported.call(x), function(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda c: spinharm.power_spectrum(c, spin=[0, 1]),
            "`spin` must be an integer, or one for each entry of the spin axis, got [0, 1] for coefficients of shape "
            "(4, 7) with no spin axis",
        ),
        (
            lambda c: spinharm.rotate(c[..., None, None], 0.0, 0.0, 0.0, spin=[0, 1]),
            "got [0, 1] for coefficients of shape (4, 7, 1, 1) with a spin axis of size 1",
        ),
        (
            lambda c: spinharm.change_bandlimit(c, 5, spin=-4),
            "`spin` must be below the bandlimit 4 in magnitude, got -4",
        ),
        (lambda c: convert.to_packed_complex(c, spin=4), "`spin` must be below the bandlimit 4 in magnitude, got 4"),
        (
            lambda c: convert.to_cosines(c, degree_axis=1),
            "`degree_axis` must be an axis of size 4 beside the 7 orders, got 1 for coefficients of shape (4, 7)",
        ),
    ],
)
def test_errors(call: Callable[[Any], Any], message: str):
    with pytest.raises(ValueError, match=re.escape(message)):
        call(np.zeros((L, 2 * L - 1), np.complex64))


@pytest.mark.parametrize("bandlimit", [2**31, 2**62])
def test_change_bandlimit_to_more_than_the_machine_holds(bandlimit: int):
    """XLA ends the process when sizes overflow."""
    with pytest.raises(MemoryError, match=rf"`bandlimit` {bandlimit} needs .* GiB for a result of shape \({bandlimit}"):
        spinharm.change_bandlimit(np.zeros((L, 2 * L - 1), np.complex64), bandlimit)
    with pytest.raises(ValueError, match=f"`bandlimit` must be at most {2**63 - 1}, got 1000"):
        spinharm.change_bandlimit(np.zeros((L, 2 * L - 1), np.complex64), 10**30)


def test_cosines_find_the_degrees(rng: np.random.Generator):
    """The degree axis is the one before the orders, or named; with None orders are mixed as they are."""
    coeffs = (rng.normal(size=(L, 2 * L - 1)) + 0j).astype(np.complex64)
    clean = np.where(abs(ORDER) <= DEGREE, coeffs, 0)
    wanted = np.asarray(convert.to_cosines(clean))
    np.testing.assert_array_equal(convert.to_cosines(coeffs.T, axis=0, degree_axis=1), wanted.T)
    np.testing.assert_array_equal(convert.to_cosines(coeffs[..., None], axis=-2)[..., 0], wanted)
    whole = convert.to_cosines(coeffs, degree_axis=None)
    np.testing.assert_array_equal(whole[:2], convert.to_cosines(coeffs[:2]))
    assert np.any(np.asarray(whole) != wanted)
