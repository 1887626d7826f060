"""The paper's networks, by name."""

import dataclasses
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import spinharm
from spinharm import Grid
from spinnn.testing import RandomInput, equivariance_error
from spinnn.training import OptimizerConfig, init_state, make_optimizer, make_step
from wxsphere import (
    NETWORKS,
    SCALING,
    Batch,
    Channel,
    FieldLayout,
    ForecastTask,
    LossConfig,
    NetworkConfig,
    Normalization,
    Stepper,
    make_rollout_loss,
    network_config,
)
from wxsphere._model.forecast_model import make_network


def scalars(count):
    return FieldLayout(tuple(Channel((f"field{i}",)) for i in range(count)))


def scalars_of(*names):
    return FieldLayout(tuple(Channel((name,)) for name in names))


WINDY = FieldLayout((Channel(("t",)), Channel(("z",))), (Channel(("u", "v")),))


def parameters(config, inputs, outputs, grid):
    """Parameters without the arrays themselves, which take gigabytes."""
    shapes = eqx.filter_eval_shape(lambda key: config.make(inputs, outputs, grid, key=key), jax.random.key(0))
    return sum(int(np.prod(x.shape)) for x in jax.tree.leaves(shapes) if isinstance(x, jax.ShapeDtypeStruct))


def test_the_sizes_of_the_paper():
    assert [NETWORKS[name].convolutions for name in ("weatherbench", "temperature", "iterative")] == [39, 9, 8]
    assert NETWORKS["iterative"].widths == (128, 128, 256, 256, 256, 256, 128, 128)
    # Of the eight maps of A.1.2, Table 7 counts seven: all but one at full resolution.
    for name, size in (("256", 8.4e7), ("192", 4.7e7), ("128", 2.1e7), ("64", 5.2e6), ("256-separable", 8.4e7)):
        config = SCALING[name]
        one = len(config.spins) * (2 * config.bandlimits[0]) ** 2 * config.widths[0]
        assert config.feature_size - one == pytest.approx(size, rel=0.02)
    # The channels of successive maps make Table 7's number of convolutions, 3.0e5, to 2 %, and its other rows exactly.
    for name, count in (("256", 3.0e5), ("256-75%", 1.7e5), ("256-50%", 7.4e4)):
        widths = SCALING[name].widths
        assert sum(a * b for a, b in itertools.pairwise(widths)) == pytest.approx(count, rel=0.025)


@pytest.mark.parametrize(
    ("name", "inputs", "outputs", "n"),
    [
        ("weatherbench", 2, 2, 64),
        ("weatherbench", 117, 3, 64),
        ("temperature", 5, 28, 128),
        ("iterative", 85, 78, 256),
    ],
)
def test_full_size_networks(name, inputs, outputs, n):
    config = network_config(name)
    found = parameters(config, scalars(inputs), scalars(outputs), Grid.equiangular(n, n))
    spins, knots = 2, 8
    widths, count = config.widths, spins * inputs * config.widths[0] * knots
    if config.kind == "resnet":
        count += (len(widths) - 1) * 2 * widths[0] ** 2 * spins**2 * knots
        convolutions = list(widths) + list(widths[1:])
    else:
        # On the way up, the features of the same bandlimit join those from below.
        joined = {"temperature": {6: 128, 7: 128, 8: 128}, "iterative": {6: 128, 7: 128}}[name]
        for at in range(1, len(widths)):
            count += (widths[at - 1] + joined.get(at, 0)) * widths[at] * spins**2 * knots
        convolutions = list(widths)
    count += spins * widths[-1] * outputs * knots
    # Filters are complex. The rest is PhaseCollapse, some 6 c² real weights, and the norms.
    rest = found - 2 * count
    assert 0 < rest < sum(8 * c * c for c in convolutions)


EQUIANGULAR, GAUSS = Grid.equiangular(16, 16), Grid.gauss_legendre(12, 20)
TASKS = {
    # Direct: several days at once, one field of two; repeated: two steps of itself.
    "weatherbench": ({"leads": (72.0,), "residual": False}, WINDY, 1, EQUIANGULAR),
    "temperature": ({"leads": tuple(24.0 * day for day in range(1, 29)), "residual": False}, scalars_of("t"), 1, GAUSS),
    "iterative": ({"constants": ("c",)}, WINDY, 2, EQUIANGULAR),
    "tiny": ({"offsets": (-6.0, 0.0)}, WINDY, 1, GAUSS),
}


def whole(config):
    return config


def shallow(config):
    """Without blocks like those before them: two of a residual network, else one of each run of one bandlimit."""
    runs = [list(run) for _, run in itertools.groupby(range(len(config.bandlimits)), config.bandlimits.__getitem__)]
    kept = (0, 1) if config.kind == "resnet" else [run[0] for run in runs]
    options = {name: tuple(getattr(config, name)[block] for block in kept) for name in ("bandlimits", "widths")}
    return dataclasses.replace(config, **options)


# All blocks of the paper's networks take half a minute each to compile; `tiny` has few.
@pytest.mark.parametrize(
    ("name", "reduce"),
    [("tiny", whole)]
    + [(name, shallow) for name in sorted(NETWORKS) if name != "tiny"]
    + [pytest.param(name, whole, marks=pytest.mark.slow) for name in sorted(NETWORKS) if name != "tiny"],
)
def test_a_step_at_reduced_size(name, reduce, rng):
    """With the loss that `train` uses, in the paper's setting of each network."""
    options, outputs, steps, grid = TASKS[name]
    task = ForecastTask(WINDY, outputs, grid, **options)
    config = reduce(NETWORKS[name]).scaled(resolution=8 / max(NETWORKS[name].bandlimits), channels=1 / 32)
    model, state = make_network(config, task)
    one = [Normalization(np.zeros(shape), np.ones(shape)) for shape in ((2, 2), (len(outputs.spins), outputs.channels))]
    change = np.full((len(task.leads), *one[1].scale.shape), 0.5)
    constants = np.zeros((*grid.shape, len(task.constants)), np.float32)
    loss = make_rollout_loss(Stepper(task, *one, change, constants), LossConfig())  # pyright: ignore[reportCallIssue]

    def draw(layout, times):
        shape = (2, times, *grid.shape, len(layout.spins), layout.channels)
        real = rng.standard_normal(shape).astype(np.float32)
        return real if not layout.winds else (real + 1j * rng.standard_normal(shape)).astype(np.complex64)

    batch = Batch(
        draw(WINDY, len(task.offsets)),
        draw(outputs, steps * len(task.leads)),
        np.zeros((2, steps, *grid.shape, 0), np.float32),
        np.ones(2, np.float32),
        np.arange(2, dtype=np.int32),
    )
    with jax.numpy_dtype_promotion("standard"):
        optimizer = make_optimizer(OptimizerConfig(learning_rate=1e-3, warmup_epochs=0.0), 1, 10)
        train, static = init_state(model, state, optimizer, key=jax.random.key(1))
        step = make_step(loss, static, optimizer)
        losses = []
        for _ in range(4):
            train, result = step(train, batch)
            losses.append(float(result.loss))
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def test_a_wind_turns_with_the_network():
    """Turning the sphere commutes with the network where winds are fields of spin 1, not where they are scalars."""
    grid = Grid.gauss_legendre(24)
    config = NetworkConfig(bandlimits=(8, 4, 8), widths=(4, 6, 4), num_filter_params=(4,))
    apart = FieldLayout((*WINDY.scalars, Channel(("u",)), Channel(("v",))))

    def error(layout, to_input, to_output):
        model, state = eqx.nn.make_with_state(config.make)(layout, layout, grid, key=jax.random.key(0))
        run = spinharm.jit(eqx.nn.inference_mode(model))
        return equivariance_error(
            lambda x: to_output(run(to_input(x), jax.tree.map(lambda leaf: leaf, state))[0]),
            RandomInput(8, (0, 1), 2, grid=grid),
            spins_out=(0, 1),
            grid_out=grid,
            bandlimit_out=8,
            key=jax.random.key(1),
        )

    def components(x):
        wind = x[..., 1, :1]
        return jnp.stack([x[..., 0, 0].real, x[..., 0, 1].real, wind.imag[..., 0], -wind.real[..., 0]], -1)[
            ..., None, :
        ]

    def together(y):
        wind = jax.lax.complex(-y[..., 0, 3], y[..., 0, 2])
        return jnp.stack([y[..., 0, :2].astype(wind.dtype), jnp.stack([wind, jnp.zeros_like(wind)], -1)], -2)

    def only_a_wind(x):
        return x.at[..., 1, 1].set(0)

    assert error(WINDY, only_a_wind, only_a_wind) < 0.2
    assert error(apart, components, together) > 0.5


def test_what_is_no_network(untyped):
    with pytest.raises(ValueError, match=r"`name` must be one of 'weatherbench', 'temperature', .*, got 'huge'"):
        network_config("huge")
    assert network_config("scaling-64").bandlimits[0] == 32
    with pytest.raises(ValueError, match=r"`bandlimits` and `widths` must have one entry per block"):
        NetworkConfig(bandlimits=(8,), widths=(4, 4))
    with pytest.raises(ValueError, match="`separable` must have one entry, or 4, one per block, got"):
        NetworkConfig(separable=(True, False))
    with pytest.raises(ValueError, match=r"`grid` must be one of 'square', 'gauss', got 'cube'"):
        NetworkConfig(grid="cube")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="`channels` must be finite and above 0, got 0"):
        NetworkConfig().scaled(channels=0)
    with pytest.raises(ValueError, match="`grid` must resolve 32 degrees"):
        NetworkConfig().make(WINDY, WINDY, Grid.equiangular(32, 32), key=jax.random.key(0))
