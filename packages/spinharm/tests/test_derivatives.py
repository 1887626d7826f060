"""Derivatives and the other transformations of JAX: jit, vmap, scan, checkpoint, sharding."""

import functools
import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec
from jax.test_util import check_grads

import spinharm
from spinharm import Grid, SpinTransform
from spinharm._transform.transform import linear

# Bounds are a few roundings of programs compiled as users do.
pytestmark = pytest.mark.optimized

# Grids with poles and without, symmetric rings and not, each method and Fourier transform. All of one shape, so that
# the arithmetic between the transforms is compiled once.
POLES, GAUSS = Grid.equiangular(6, 10), Grid.gauss_legendre(6, 10)
SKEW = Grid(6, 10, "circle", False, True, 0.3, True)
SMALL = {
    "tables-dft": SpinTransform(POLES, 5, (0, 1, -2), method="tables", fourier="dft"),
    "tables-fft": SpinTransform(GAUSS, 5, (0, 1, -2), method="tables", fourier="fft"),
    "recursion-dft": SpinTransform(SKEW, 5, (0, 1, -2), method="recursion", fourier="dft"),
    "recursion-fft": SpinTransform(POLES, 5, (0, 1, -2), method="recursion", fourier="fft"),
    "torus-dft": SpinTransform(POLES, 5, (0, 1, -2), method="torus", fourier="dft"),
}
METHODS = {"tables": SMALL["tables-dft"], "recursion": SMALL["recursion-fft"], "torus": SMALL["torus-dft"]}
methods = pytest.mark.parametrize("transform", METHODS.values(), ids=METHODS)


# Every way of compiling with tables, one with each other method.
compiled = pytest.mark.parametrize(
    ("transform", "compile_"),
    [
        pytest.param(METHODS["tables"], lambda f: f, id="tables-eager"),
        pytest.param(METHODS["tables"], jax.jit, id="tables-jax.jit"),
        pytest.param(METHODS["tables"], spinharm.jit, id="tables-spinharm.jit"),
        pytest.param(METHODS["recursion"], spinharm.jit, id="recursion-spinharm.jit"),
        pytest.param(METHODS["torus"], jax.jit, id="torus-jax.jit"),
    ],
)


def scalar(transform: SpinTransform) -> SpinTransform:
    return SpinTransform(
        transform.grid, 5, method=transform.method, fourier=transform.fourier, delta_symmetry=transform.delta_symmetry
    )


def random_maps(rng, transform, batch=(), channels=1, real=False) -> jax.Array:
    shape = (*batch, *transform.grid.shape, len(transform.spins), channels)
    maps = rng.normal(size=shape)
    return jnp.asarray(maps if real else maps + 1j * rng.normal(size=shape))


def energy(x: jax.Array) -> jax.Array:
    """Σ |x|² with a factor that tells the entries apart."""
    factor = 1 + jnp.arange(x.size, dtype=jnp.finfo(x.dtype).dtype).reshape(x.shape) / x.size
    return jnp.sum(factor * (x.real**2 + x.imag**2))


def spectral_step(transform: SpinTransform, maps: jax.Array) -> jax.Array:
    """A step of a solver or a layer: to coefficients, a product there, and back."""
    return transform.inverse(transform.forward(maps) * 0.9)


def value_and_slope(step):
    """The step, and the gradient through it, as one function."""

    def function(x):
        out, pull = jax.vjp(step, x)
        return out, pull(jnp.conj(out) + 1)[0]

    return function


@pytest.mark.parametrize(
    ("transform", "real", "order"),
    [
        pytest.param(SMALL["tables-dft"], False, 2, id="tables-dft"),
        pytest.param(SMALL["tables-fft"], True, 2, id="tables-fft-real"),
        pytest.param(SMALL["recursion-dft"], False, 2, id="recursion-dft"),
        pytest.param(SMALL["recursion-fft"], True, 2, id="recursion-fft-real"),
        # No rules of its own: JAX differentiates it, and its second order takes longest.
        pytest.param(SMALL["torus-dft"], False, 1, id="torus-dft"),
    ],
)
@pytest.mark.usefixtures("x64")
def test_gradients(rng, transform, real, order):
    """Of maps → coefficients → maps, with a square between for the second order to find something."""
    if real:
        transform = scalar(transform)
    x = random_maps(rng, transform, real=real)

    def function(x):
        return transform.inverse(transform.forward(x) ** 2, real=real)

    check_grads(function, (x,), order=order, modes=("fwd", "rev"), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(("spin", "real"), [(0, True), (2, False)], ids=["real", "spin-2"])
@pytest.mark.usefixtures("x64")
def test_gradients_of_the_functions(rng, spin, real):
    f = jnp.asarray(rng.normal(size=(6, 10)) + (0 if real else 1j * rng.normal(size=(6, 10))))

    def function(f):
        return spinharm.inverse(spinharm.forward(f, POLES, spin=spin) ** 2, POLES, spin=spin, real=real)

    check_grads(function, (f,), order=2, modes=("fwd", "rev"), atol=1e-6, rtol=1e-6)


@methods
@pytest.mark.usefixtures("x64")
def test_hessian_of_the_spectral_energy(rng, relative_error, transform):
    """The Hessian of ½ Σ |A x|² is Re AᴴA."""
    transform = scalar(transform)
    size = transform.grid.nlat * transform.grid.nlon

    def coefficients(x):
        return transform.forward(x.reshape(*transform.grid.shape, 1, 1)).reshape(-1)

    def half_energy(x):
        a = coefficients(x)
        return 0.5 * jnp.sum(a.real**2 + a.imag**2)

    matrix = np.asarray(jax.vmap(coefficients, out_axes=1)(jnp.eye(size)))
    hessian = jax.hessian(half_energy)(jnp.asarray(rng.normal(size=size)))
    assert relative_error(hessian, np.real(matrix.conj().T @ matrix)) <= 1e-13


@methods
@pytest.mark.parametrize("direction", ["forward", "inverse"])
@pytest.mark.usefixtures("x64")
def test_gradients_at_the_poles_are_finite(rng, random_coefficients, transform, direction):
    assert transform.grid.colatitude[0] == 0
    assert set(transform.spins) >= {1, -2}
    x = random_maps(rng, transform) if direction == "forward" else random_coefficients(rng, 5, transform.spins)
    # A field of zeros too: every step is smooth there.
    for point in (jnp.asarray(x), jnp.zeros_like(x)):
        gradient = jax.grad(lambda x: energy(getattr(transform, direction)(x)))(point)
        assert np.all(np.isfinite(gradient))
        assert np.any(gradient != 0) == np.any(point != 0)


@pytest.mark.parametrize(
    ("method", "compile_"),
    [("tables", jax.jit), ("tables", spinharm.jit), ("recursion", spinharm.jit), ("torus", jax.jit)],
    ids=["tables-jax.jit", "tables-spinharm.jit", "recursion-spinharm.jit", "torus-jax.jit"],
)
@pytest.mark.usefixtures("x64")
def test_jit_changes_nothing(rng, relative_error, method, compile_):
    x = random_maps(rng, METHODS[method])
    function = value_and_slope(functools.partial(spectral_step, METHODS[method]))
    for got, wanted in zip(compile_(function)(x), function(x), strict=True):
        assert relative_error(got, wanted) <= 1e-14


@methods
@pytest.mark.usefixtures("x64")
def test_vmap_over_any_axis(rng, relative_error, transform):
    x = random_maps(rng, transform, (3, 2), channels=2)
    expected = transform.forward(x)
    assert relative_error(jax.vmap(transform.forward)(x), expected) <= 1e-14
    last = jax.vmap(transform.forward, in_axes=-1, out_axes=-1)(jnp.moveaxis(x, 1, -1))
    assert relative_error(jnp.moveaxis(last, -1, 1), expected) <= 1e-14
    twice = jax.vmap(jax.vmap(transform.forward, in_axes=1, out_axes=2), in_axes=1, out_axes=1)
    # (3, 2, lat, …) to (lat, 2, 3, lon, …): neither of the mapped axes leads.
    assert relative_error(twice(jnp.moveaxis(x, 0, 2).swapaxes(0, 1)), jnp.moveaxis(expected, (0, 1), (3, 1))) <= 1e-14
    back = jax.vmap(transform.inverse, in_axes=1)(expected)
    assert relative_error(back, transform.inverse(expected).swapaxes(0, 1)) <= 1e-14


@methods
@pytest.mark.usefixtures("x64")
def test_vmap_of_a_gradient(rng, relative_error, transform):
    x = random_maps(rng, transform, (3,))
    function = value_and_slope(functools.partial(spectral_step, transform))
    each = [function(one) for one in x]
    for got, wanted in zip(jax.vmap(function)(x), zip(*each, strict=True), strict=True):
        assert relative_error(got, jnp.stack(wanted)) <= 1e-14


@pytest.mark.parametrize(
    ("method", "remat"),
    [("tables", lambda f: f), ("tables", jax.checkpoint), ("recursion", jax.checkpoint)],
    ids=["tables", "tables-checkpoint", "recursion-checkpoint"],
)
@pytest.mark.usefixtures("x64")
def test_scan_and_checkpoint(rng, relative_error, method, remat):
    x = random_maps(rng, METHODS[method])
    step = functools.partial(spectral_step, METHODS[method])

    def scan(x):
        return jax.lax.scan(lambda x, _: (remat(step)(x), None), x, None, length=3)[0]

    expected = value_and_slope(lambda x: step(step(step(x))))(x)
    for got, wanted in zip(jax.jit(value_and_slope(scan))(x), expected, strict=True):
        assert relative_error(got, wanted) <= 1e-13


# What a compiled program holds


def test_lowered_program_of_bandlimit_128_is_small():
    transform = SpinTransform(Grid.gauss_legendre(128), spins=(0, 1))
    assert transform.method == "tables"
    maps = jax.ShapeDtypeStruct((2, *transform.grid.shape, 2, 1), "float32")
    loss = jax.value_and_grad(lambda maps: energy(transform.inverse(transform.forward(maps))))
    for function in (transform.forward, loss):
        text = spinharm.jit(function).lower(maps).as_text()
        assert len(text) < 5e6


def compilations(caplog: pytest.LogCaptureFixture) -> int:
    return sum("Finished XLA compilation" in record.getMessage() for record in caplog.records)


@compiled
def test_same_shapes_compile_once(rng, caplog, transform, compile_):
    traces = []

    def function(x):
        traces.append(x.shape)
        return transform.forward(x)

    called = compile_(function)
    # A batch size that no other test uses.
    x, y = (random_maps(rng, transform, (7,)).astype("complex64") for _ in range(2))
    jax.block_until_ready(called(x))
    first = len(traces)
    with caplog.at_level(logging.WARNING), jax.log_compiles():
        for _ in range(3):
            called(y)
        assert compilations(caplog) == 0
        assert len(traces) == first + (3 if called is function else 0)
        # The same count sees a new shape.
        called(random_maps(rng, transform, (8,)).astype("complex64"))
        assert compilations(caplog) >= 1


def test_equal_transforms_share_one_compilation(rng, caplog):
    def make():
        return SpinTransform(Grid.equiangular(6, 10), 5, (0, -1))

    x = random_maps(rng, make()).astype("complex64")
    jax.block_until_ready(make().forward(x))
    with caplog.at_level(logging.WARNING), jax.log_compiles():
        make().forward(x)
    assert compilations(caplog) == 0


# What a transform is, and what it keeps


def test_a_transform_is_a_static_value():
    one, other = (SpinTransform(Grid.equiangular(13, 24), 12, [0, 1]) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other, SpinTransform(Grid.equiangular(13, 24), 11, (0, 1))}) == 2
    assert jax.tree.leaves(one) == []
    assert jax.tree.map(lambda x: x, {"a": one}) == {"a": other}
    with pytest.raises(AttributeError, match="bandlimit"):
        one.bandlimit = 5  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("method", ["tables", "recursion"])
def test_equal_transforms_share_tables(method):
    one, other, coarse = (
        SpinTransform(Grid.equiangular(13, 24), 12, (0, 1), method=method, precision=precision)
        for precision in (jax.lax.Precision.HIGHEST, jax.lax.Precision.HIGHEST, jax.lax.Precision.DEFAULT)
    )
    tables = [linear.tables(transform._plan("analysis", "float32")) for transform in (one, other, coarse)]
    for shared in tables[1:]:
        assert all(a is b for a, b in zip(tables[0], shared, strict=True))


def test_cleared_tables_are_made_again(rng):
    transform = SMALL["tables-dft"]
    x = random_maps(rng, transform).astype("complex64")
    plan, before = transform._plan("analysis", "float32"), np.asarray(transform.forward(x))
    tables = linear.tables(plan)
    spinharm.clear_tables()
    assert linear.tables(plan)[2] is not tables[2]
    np.testing.assert_array_equal(transform.forward(x), before)


@pytest.mark.parametrize("spins", [(0,), (0, 1), (5, -7)])
@pytest.mark.parametrize("grid", [Grid.gauss_legendre(40), Grid.equiangular(41, 80), Grid.mcewen_wiaux(40)], ids=str)
def test_table_bytes_are_those_of_the_tables(grid, spins, dtype):
    transform = SpinTransform(grid, 40, spins, method="tables")
    # The first two are for the Fourier transform.
    built = [
        table
        for direction in ("analysis", "synthesis")
        for table in linear.tables(transform._plan(direction, dtype))[2:]
    ]
    assert transform.table_bytes(dtype) == sum(table.nbytes for table in built)


@pytest.mark.parametrize("grid", [Grid.gauss_legendre(40), Grid.equiangular(41, 80), Grid.mcewen_wiaux(40)], ids=str)
def test_table_bytes_of_the_recursion_are_an_upper_estimate(grid, dtype):
    transform = SpinTransform(grid, 40, (0, 1), method="recursion")
    plans = (transform._plan(direction, dtype) for direction in ("analysis", "synthesis"))
    built = sum(table.nbytes for plan in plans for table in linear.tables(plan)[2:])
    assert built <= transform.table_bytes(dtype) <= 3 * built


@pytest.mark.parametrize("method", ["tables", "recursion"])
@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_reverse_mode_keeps_no_tables_of_its_own(direction, method):
    """What the backward pass holds is the shared tables or nothing: the same buffers, not copies."""
    transform = SpinTransform(Grid.equiangular(33, 64), 32, (0, 1), method=method)
    shape = (*transform.grid.shape, 2, 1) if direction == "forward" else (32, 63, 2, 1)
    _, pull = jax.vjp(getattr(transform, direction), jnp.zeros(shape, "complex64"))
    plan = transform._plan("analysis" if direction == "forward" else "synthesis", "float32")
    shared = {table.unsafe_buffer_pointer() for table in linear.tables(plan)}
    own = [leaf for leaf in jax.tree.leaves(pull) if leaf.unsafe_buffer_pointer() not in shared]
    assert sum(leaf.nbytes for leaf in own) == 0


def test_memory_of_a_compiled_gradient_is_that_of_maps():
    transform = SpinTransform(Grid.gauss_legendre(128), spins=(0, 1), method="tables")
    maps = jax.ShapeDtypeStruct((1, *transform.grid.shape, 2, 1), "complex64")
    program = spinharm.jit(jax.grad(lambda maps: energy(transform.forward(maps)))).lower(maps).compile()
    memory = program.memory_analysis()
    one_map = np.prod(maps.shape) * 8
    assert transform.table_bytes() > 16 * one_map
    assert memory.temp_size_in_bytes < 12 * one_map
    assert memory.output_size_in_bytes < 2 * one_map


# Several devices


def mesh() -> jax.sharding.Mesh:
    return jax.make_mesh((2,), ("device",), axis_types=(jax.sharding.AxisType.Auto,), devices=jax.devices()[:2])


BATCH, CHANNEL = PartitionSpec("device"), PartitionSpec(None, None, None, None, "device")


@pytest.mark.parametrize(
    ("method", "spec", "compile_"),
    [
        pytest.param("tables", BATCH, lambda f: f, id="tables-batch-eager"),
        pytest.param("tables", BATCH, spinharm.jit, id="tables-batch-spinharm.jit"),
        pytest.param("tables", CHANNEL, spinharm.jit, id="tables-channel-spinharm.jit"),
        pytest.param("recursion", BATCH, spinharm.jit, id="recursion-batch-spinharm.jit"),
        pytest.param("recursion", CHANNEL, lambda f: f, id="recursion-channel-eager"),
        pytest.param("torus", CHANNEL, jax.jit, id="torus-channel-jax.jit"),
    ],
)
def test_sharded_inputs(rng, relative_error, method, spec, compile_):
    x = random_maps(rng, METHODS[method], (4,), channels=2).astype("complex64")
    function = value_and_slope(functools.partial(spectral_step, METHODS[method]))
    sharded = jax.device_put(x, NamedSharding(mesh(), spec))
    assert sharded.addressable_shards[0].data.size == x.size // 2
    for got, wanted in zip(compile_(function)(sharded), function(x), strict=True):
        assert relative_error(got, wanted) <= 1e-6
        assert got.addressable_shards[0].data.size == got.size // 2


@pytest.mark.parametrize(
    ("method", "compile_"),
    [("tables", lambda f: f), ("tables", spinharm.jit), ("recursion", spinharm.jit), ("torus", jax.jit)],
    ids=["tables-eager", "tables-spinharm.jit", "recursion-spinharm.jit", "torus-jax.jit"],
)
def test_shard_map_over_the_batch(rng, relative_error, method, compile_):
    x = random_maps(rng, METHODS[method], (4,), channels=2).astype("complex64")
    function = value_and_slope(functools.partial(spectral_step, METHODS[method]))
    parallel = jax.shard_map(function, mesh=mesh(), in_specs=BATCH, out_specs=BATCH)
    for got, wanted in zip(compile_(parallel)(x), function(x), strict=True):
        assert relative_error(got, wanted) <= 1e-6
