"""`spinharm.jit` beside `jax.jit`, and the tables that it and transforms hold."""

import functools
import gc
import re
import weakref
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import spinharm
from spinharm import Grid, SpinTransform
from spinharm._arrays import cache

SMALL = SpinTransform(Grid.equiangular(6, 10), 5, (0, 1, -2))
SCALAR = SpinTransform(Grid.equiangular(6, 10), 5)


def random_maps(rng: np.random.Generator, transform: SpinTransform, real: bool = False) -> jax.Array:
    shape = (*transform.grid.shape, len(transform.spins), 1)
    maps = rng.normal(size=shape)
    return jnp.asarray(maps if real else maps + 1j * rng.normal(size=shape))


def energy(x: jax.Array) -> jax.Array:
    return jnp.sum(x.real**2 + x.imag**2)


def spectral_step(transform: SpinTransform, maps: jax.Array) -> jax.Array:
    return transform.inverse(transform.forward(maps) * 0.9)


def test_tables_stay_out_of_the_program():
    """A plain `jax.jit` writes them as literals: the reason for `spinharm.jit`, which would be pointless without."""
    transform = SpinTransform(Grid.gauss_legendre(32))
    maps = jnp.zeros((*transform.grid.shape, 1, 1))
    plain, ours = (compile_(transform.forward).lower(maps).as_text() for compile_ in (jax.jit, spinharm.jit))
    assert len(plain) > transform.table_bytes() / 2
    assert len(ours) < transform.table_bytes() / 2


def test_takes_and_returns_trees(rng, relative_error):
    transform = SMALL
    x = random_maps(rng, transform).astype("complex64")

    @spinharm.jit
    def function(pair, *, scale):
        maps, nothing = pair
        return {"coeffs": transform.forward(maps) * scale, "nothing": nothing, "constant": 3}

    out = function((x, None), scale=2.0)
    assert set(out) == {"coeffs", "nothing", "constant"}
    assert out["nothing"] is None
    assert int(out["constant"]) == 3
    assert relative_error(out["coeffs"], 2 * transform.forward(x)) <= 1e-6
    # A transform is a static tree: it may be an argument.
    called = spinharm.jit(lambda transform, x: transform.forward(x))
    assert relative_error(called(transform, x), transform.forward(x)) <= 1e-6


def test_static_arguments(rng, relative_error):
    transform = SCALAR
    coeffs = transform.forward(random_maps(rng, transform, real=True))

    @functools.partial(spinharm.jit, static_argnames=("real", "times"))
    def function(coeffs, *, real, times=1):
        assert isinstance(real, bool)
        return transform.inverse(coeffs, real=real) * times

    assert function(coeffs, real=True).dtype == np.float32
    assert function(coeffs, real=False).dtype == np.complex64
    assert relative_error(function(coeffs, real=True, times=3), 3 * function(coeffs, real=True)) <= 1e-6


def test_donates(rng, relative_error):
    transform = SMALL
    function = spinharm.jit(lambda scale, x: spectral_step(transform, x) * scale, donate_argnums=1)
    x = random_maps(rng, transform).astype("complex64")
    expected = spectral_step(transform, x)
    for _ in range(2):  # the tables, which come before the arguments, are not what is donated
        given = jnp.array(x)
        assert relative_error(function(1.0, given), expected) <= 1e-6
        assert given.is_deleted()


def test_nests(rng, relative_error):
    transform = SMALL
    x = random_maps(rng, transform).astype("complex64")
    inner = spinharm.jit(transform.forward)
    outer = spinharm.jit(lambda x: transform.inverse(inner(x) + jax.jit(transform.forward)(x)))
    expected = 2 * transform.inverse(transform.forward(x))
    assert relative_error(outer(x), expected) <= 1e-6
    gradient = jax.grad(lambda x: energy(outer(x)))(x)
    assert relative_error(gradient, jax.grad(lambda x: energy(2 * transform.inverse(transform.forward(x))))(x)) <= 1e-5
    wide = SpinTransform(Grid.gauss_legendre(32))
    nested = spinharm.jit(lambda x: jax.jit(wide.forward)(x) + 1)
    assert len(nested.lower(jnp.zeros((*wide.grid.shape, 1, 1))).as_text()) < wide.table_bytes() / 2


class Plain:
    """A class that is no pytree, without a state."""

    @spinharm.jit
    def double(self, x: Any) -> Any:
        return 2 * x


class Stateful:
    def __init__(self, factor: float) -> None:
        self.factor = factor

    @spinharm.jit
    def scaled(self, x: Any) -> Any:
        return x * self.factor

    @functools.partial(spinharm.jit, static_argnames="self")
    def as_told(self, x: Any) -> Any:
        return x * self.factor


class Layer:
    """A network: an array, a number, and leaves that are neither."""

    def __init__(self, weight: Any, training: Any, activation: Any, name: Any) -> None:
        self.weight, self.training, self.activation, self.name = weight, training, activation, name

    @spinharm.jit
    def __call__(self, x: Any) -> Any:
        y = self.activation(x * self.weight) if self.training else x
        return y if self.name == "first" else -y


jax.tree_util.register_dataclass(Layer, ["weight", "training", "activation", "name"], [])


class Scale:
    """A function with a state, which has no name."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, x: Any) -> Any:
        return x * self.factor


def test_a_callable_with_a_state_is_refused():
    with pytest.raises(TypeError, match=r"\.Scale as argument 0, whose attributes could change unnoticed"):
        spinharm.jit(lambda scale, x: scale(x))(Scale(2.0), jnp.ones(2))


def test_methods():
    x = jnp.arange(-1.0, 2.0)
    np.testing.assert_array_equal(Plain().double(x), 2 * x)
    np.testing.assert_array_equal(Stateful(3.0).as_told(x), 3 * x)
    message = (
        "arguments of a compiled function must be arrays, numbers, hashable constants or pytrees of them, got "
        + Stateful.__module__
        + ".Stateful as argument 0, whose attributes could change unnoticed; make it a pytree, e.g. an "
        "equinox.Module"
    )
    with pytest.raises(TypeError, match=re.escape(message)):
        Stateful(3.0).scaled(x)


def test_networks_are_arguments():
    """Flags, names and functions in a tree are constants, each value of which has its own program."""
    x = jnp.arange(-1.0, 2.0)
    for training, activation, name in [
        (True, jax.nn.relu, "first"),
        (False, jax.nn.relu, "first"),
        (True, jnp.sin, ""),
    ]:
        layer = Layer(jnp.float32(2.0), training, activation, name)
        wanted = Layer.__call__.__wrapped__(layer, x)
        np.testing.assert_allclose(layer(x), wanted, rtol=1e-6)


def test_constants_of_other_types_have_programs_of_their_own():
    one = jnp.int32(3)
    kind = spinharm.jit(lambda x, n: x.astype(type(n)), static_argnames="n")
    assert [kind(one, n).dtype for n in (1, 1.0, True, 1)] == [np.int32, np.float32, np.bool_, np.int32]
    assert kind(one, n=1.0).dtype == np.float32
    flag = spinharm.jit(lambda x, on: x if on else -x)
    assert [int(flag(one, on)) for on in (True, False)] == [3, -3]


def test_static_arguments_by_position(rng, relative_error):
    coeffs = SCALAR.forward(random_maps(rng, SCALAR, real=True))
    inverse = spinharm.jit(
        lambda coeffs, real, scale: SCALAR.inverse(coeffs, real=real) * scale, static_argnames="real"
    )
    assert relative_error(inverse(coeffs, True, 2.0), 2 * SCALAR.inverse(coeffs, real=True)) <= 1e-6
    assert inverse(coeffs, False, scale=2.0).dtype == np.complex64


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: spinharm.jit(lambda x, mode: x, static_argnames="modes"),
            ValueError,
            "`static_argnames` must name arguments of <lambda>, got 'modes'; it has x, mode",
        ),
        (
            lambda: spinharm.jit(lambda x, axes: x, static_argnames="axes")(1.0, [0]),
            ValueError,
            "a static argument must be hashable, got [0] as argument 1; pass e.g. a tuple",
        ),
        (
            lambda: spinharm.jit(lambda x: x)({"names": {"a"}}),
            TypeError,
            "hashable constants or pytrees of them, got builtins.set as argument 0, at ['names']; make it hashable",
        ),
        (
            lambda: spinharm.jit(lambda x, rng: x)(1.0, rng=np.random.default_rng(0)),
            TypeError,
            "got numpy.random._generator.Generator as argument `rng`, whose attributes could change unnoticed",
        ),
        (
            lambda: export.export(spinharm.jit(lambda x: x))(jnp.ones(3)),  # pyright: ignore[reportArgumentType]
            ValueError,
            "Function to be exported must be the result of `jit`",
        ),
        (
            lambda: spinharm.limit_tables(0),
            ValueError,
            "`memory_gib` must be finite and above 0 and below 1e+09, got 0",
        ),
        (
            lambda: spinharm.limit_tables("8"),  # pyright: ignore[reportArgumentType]
            TypeError,
            "`memory_gib` must be a number, got '8'",
        ),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_refuses(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


@pytest.mark.parametrize("precision", ["bfloat16", "highest"])
def test_settings_of_jax_are_those_of_the_call(precision):
    """A function that was compiled under one precision is compiled anew under another."""
    square = spinharm.jit(lambda a: a @ a)
    x = jnp.ones((3, 3))
    assert "HIGHEST" not in square.lower(x).as_text()
    with jax.default_matmul_precision(precision):
        assert ("HIGHEST" in square.lower(x).as_text()) == (precision == "highest")
    assert "HIGHEST" not in square.lower(x).as_text()


def test_values_from_outside_are_not_kept():
    """A function that closes over values of `grad` or `vmap` is no other than with `jax.jit`."""

    def outer(weight: jax.Array) -> jax.Array:
        return jnp.sum(spinharm.jit(lambda x: x * weight)(jnp.arange(3.0)))

    assert float(jax.grad(outer)(2.0)) == 3.0
    np.testing.assert_array_equal(jax.vmap(outer)(jnp.arange(2.0)), [0.0, 3.0])


def test_lowered_and_compiled_programs_are_called_without_tables(rng, relative_error):
    x = random_maps(rng, SMALL).astype("complex64")
    function = spinharm.jit(SMALL.forward)
    program = function.lower(jax.ShapeDtypeStruct(x.shape, x.dtype)).compile()
    assert relative_error(program(x), SMALL.forward(x)) <= 1e-6
    assert program.memory_analysis().argument_size_in_bytes >= SMALL.table_bytes() / 2
    assert function.eval_shape(x).shape == (5, 9, 3, 1)


@pytest.mark.parametrize("simplified", [False, True])
def test_simplified_constants_of_jax_change_nothing(simplified):
    """With JAX's own way of naming arrays in a program they are arguments, too."""
    wide = SpinTransform(Grid.gauss_legendre(32))
    before = jax.config.jax_use_simplified_jaxpr_constants  # pyright: ignore[reportAttributeAccessIssue]
    jax.config.update("jax_use_simplified_jaxpr_constants", simplified)
    try:
        text = spinharm.jit(wide.forward).lower(jnp.zeros((*wide.grid.shape, 1, 1))).as_text()
    finally:
        jax.config.update("jax_use_simplified_jaxpr_constants", before)
    assert len(text) < wide.table_bytes() / 2


def test_no_table_is_alive_once_cleared():
    wide = SpinTransform(Grid.gauss_legendre(9))
    function, x = spinharm.jit(wide.forward), jnp.zeros((*wide.grid.shape, 1, 1))
    spinharm.clear_tables()
    function(x)
    arrays = [weakref.ref(leaf) for value, _ in cache._tables._entries.values() for leaf in jax.tree.leaves(value)]
    assert arrays
    spinharm.clear_tables()
    gc.collect()
    assert not any(array() is not None for array in arrays)
    assert function(x).shape == (9, 17, 1, 1)


def test_tables_are_kept_up_to_a_limit_of_bytes():
    """The least recently used go first, the newest stays, however large."""
    made = []

    @cache.cached_table
    def table(name: str, kibibytes: int) -> dict[str, np.ndarray]:
        made.append(name)
        return {"rows": np.zeros(512 * kibibytes, np.uint8), "columns": np.zeros(512 * kibibytes, np.uint8)}

    try:
        spinharm.limit_tables(3 / 2**20)
        for name in "abc":
            table(name, 1)
        assert table("a", 1) is table("a", 1)  # b is now the least recently used
        table("d", 1)
        assert made == list("abcd")
        table("c", 1)
        table("b", 1)
        assert made == list("abcdb")
        table("large", 5)
        table("large", 5)
        assert made == [*"abcdb", "large"]
        table("b", 1)
        assert made == [*"abcdb", "large", "b"]
        spinharm.limit_tables(1 / 2**20)
        table("b", 1)
        assert made[-2:] == ["large", "b"]
    finally:
        spinharm.limit_tables(8)
