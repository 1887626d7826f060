"""The loss against written-out sums; rollouts against loops, finite differences and one device."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import spinharm
from spinharm import Grid
from wxsphere import (
    Batch,
    Channel,
    FieldLayout,
    ForecastTask,
    LossConfig,
    NetworkConfig,
    Normalization,
    Stepper,
    area_weights,
    channel_weights,
    make_map_loss,
    make_rollout_loss,
    rollout,
)
from wxsphere._model.forecast_model import make_network

GRID = Grid.equiangular(7, 12)
LEVELS = (200.0, 500.0, 800.0)
LAYOUT = FieldLayout(
    (Channel(("p",)), *(Channel(("t",), level) for level in LEVELS)),
    tuple(Channel(("u", "v"), level) for level in LEVELS[:2]),
)
COMPONENTS = FieldLayout(LAYOUT.scalars + tuple(Channel((name,), level) for name in ("u", "v") for level in LEVELS[:2]))
SMALL = FieldLayout((Channel(("t",)),), (Channel(("u", "v")),))
NETWORK = NetworkConfig("resnet", bandlimits=(3,), widths=(2,), num_filter_params=(None,))


def maps(rng, layout, *batch, grid=GRID):
    shape = (*batch, *grid.shape, len(layout.spins), layout.channels)
    out = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    out[..., 0, :] = out[..., 0, :].real
    for row, channels in ((0, layout.scalars), (-1, layout.winds)):
        out[..., row, len(channels) :] = 0
    return out


def test_the_loss_is_the_written_out_sum(rng):
    config = LossConfig(variables={"t": 3.0, "u": 0.5}, levels="pressure")
    error = maps(rng, LAYOUT, 2)
    found = make_map_loss(LAYOUT, GRID, config)(jnp.asarray(error, jnp.complex64))
    area = area_weights(GRID.latitude_deg)
    wanted = np.zeros(2)
    for i in range(2):
        for j in range(GRID.nlat):
            for k in range(GRID.nlon):
                e = error[i, j, k]
                total = abs(e[0, 0]) ** 2
                total += sum(3 * p / 500 * abs(e[0, 1 + at]) ** 2 for at, p in enumerate(LEVELS))
                # A wind weighs as the mean of its components: (0.5 + 1) / 2.
                total += sum(0.75 * p / 350 * abs(e[1, at]) ** 2 for at, p in enumerate(LEVELS[:2]))
                wanted[i] += area[j] * total / (GRID.nlat * GRID.nlon) / 8
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_a_wind_weighs_what_its_components_weigh(rng):
    error = maps(rng, LAYOUT, 3)
    apart = np.concatenate([error[..., 0, :4], error[..., 1, :2].imag, -error[..., 1, :2].real], -1)[..., None, :].real  # pyright: ignore[reportAttributeAccessIssue]
    for config in (LossConfig(), LossConfig(levels="pressure"), LossConfig(variables={"u": 2.0, "v": 2.0})):
        together = make_map_loss(LAYOUT, GRID, config)(jnp.asarray(error, jnp.complex64))
        alone = make_map_loss(COMPONENTS, GRID, config)(jnp.asarray(apart, jnp.float32))
        np.testing.assert_allclose(together, alone, rtol=1e-5)
    assert channel_weights(LAYOUT, LossConfig())[:, -1].tolist() == [1 / 8, 0]


def test_the_spectral_loss_is_parsevals(rng, smooth_field):
    """Of equal weights for all degrees both parts agree; else a field of one degree weighs as that degree."""
    grid = Grid.gauss_legendre(8)
    layout = FieldLayout((Channel(("t",)),), (Channel(("u", "v")),))
    error = np.stack([smooth_field(grid, 6), smooth_field(grid, 6, spin=1)], -1)[..., None]
    x = jnp.asarray(error, jnp.complex64)
    flat = make_map_loss(layout, grid, LossConfig(spectral=1.0, degree_power=0.0))(x)
    weights = grid.weights[:, None] / (4 * np.pi)
    squares = (np.abs(error[..., 0]) ** 2 * weights[..., None]).sum((0, 1))
    assert float(flat) == pytest.approx(squares.sum() / 3, rel=1e-4)
    coeffs = np.zeros((8, 15), np.complex64)
    coeffs[5, 7 + 2] = 1.0
    one = np.zeros((*grid.shape, 2, 1), np.complex64)
    one[..., 1, 0] = spinharm.inverse(coeffs, grid, spin=1)
    for share in (0.0, 0.5, 1.0):
        found = make_map_loss(layout, grid, LossConfig(spectral=share, degree_power=2.0))(jnp.asarray(one))
        area = (np.abs(one[..., 1, 0]) ** 2 * area_weights(grid.latitude_deg)[:, None]).mean() / 3
        wanted = (1 - share) * area + share * (6 / 8) ** 2 / (4 * np.pi) / 3
        assert float(found) == pytest.approx(float(wanted), rel=1e-4)


def test_what_is_no_loss(untyped):
    for options, message in (
        ({"levels": "height"}, "`levels` must be one of 'uniform', 'pressure'"),
        ({"spectral": 2.0}, "`spectral` must be between 0 and 1"),
        ({"variables": {"t": -1.0}}, "`variables` must have weights of 0 or more, got -1"),
    ):
        with pytest.raises(ValueError, match=message):
            LossConfig(**options)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="`variables` must be among p, t, u, v, got 'q'"):
        channel_weights(LAYOUT, LossConfig(variables={"q": 1.0}))
    with pytest.raises(ValueError, match="`variables` must have at least one weight above 0"):
        channel_weights(SMALL, LossConfig(variables={"t": 0.0, "u": 0.0, "v": 0.0}))


def stepper(rng, task, constants=1):
    def normal(layout):
        shape = (len(layout.spins), layout.channels)
        return Normalization(np.zeros(shape), np.ones(shape))

    change = rng.uniform(0.2, 0.5, (len(task.leads), len(task.outputs.spins), task.outputs.channels))
    fixed = rng.standard_normal((*task.grid.shape, constants)).astype(np.float32)
    return Stepper(task, normal(task.inputs), normal(task.outputs), change, fixed)


def a_batch(rng, task, steps, size=2, dtype="complex64"):
    inputs = maps(rng, task.inputs, size, len(task.offsets), grid=task.grid).astype(dtype)
    targets = maps(rng, task.outputs, size, steps * len(task.leads), grid=task.grid).astype(dtype)
    targets = targets if task.outputs.winds else targets.real
    real = np.zeros(0, dtype).real.dtype  # pyright: ignore[reportAttributeAccessIssue]
    forcings = rng.standard_normal((size, steps, *task.grid.shape, len(task.forcings))).astype(real)
    return Batch(inputs, targets, forcings, np.ones(size, real), np.arange(size, dtype=np.int32))


class Linear(eqx.Module):
    """Mixes channels point by point; quick to compile."""

    weight: jax.Array

    def __init__(self, task, key):
        inputs, outputs = task.network_inputs, task.network_outputs
        self.weight = 0.3 * jax.random.normal(key, (len(outputs.spins), inputs.channels, outputs.channels))

    def __call__(self, x, state, *, mask=None):
        x = x[..., : self.weight.shape[0], :]
        return jnp.einsum("...si,sio->...so", x, self.weight.astype(x.dtype)), state


def compiled_rollout(made, network, state, batch):
    run = spinharm.jit(lambda *args: rollout(made, *args))
    return run(network, state, jnp.asarray(batch.inputs), jnp.moveaxis(batch.forcings, 1, 0))


def linear(task):
    return eqx.nn.make_with_state(Linear)(task, jax.random.key(0))


@pytest.mark.parametrize("residual", [True, False])
def test_a_rollout_is_a_loop(rng, residual):
    """Written out in NumPy: offsets, constants and forcings by channel, changes scaled and added."""
    task = ForecastTask(
        SMALL, SMALL, GRID, (-6.0, 0.0), (6.0,), constants=("c",), forcings=("sine_of_day",), residual=residual
    )
    made, batch = stepper(rng, task), a_batch(rng, task, 3)
    network, state = linear(task)
    outputs, window = compiled_rollout(made, network, state, batch)
    weight = np.asarray(network.weight)
    before, now = batch.inputs[:, 0], batch.inputs[:, 1]
    losses = []
    for step in range(3):
        fixed = np.broadcast_to(made.constants, (2, *made.constants.shape))
        scalars = [before[..., 0, :1], now[..., 0, :1], fixed, batch.forcings[:, step]]
        new = np.zeros_like(now)
        new[..., 0, :] = (np.concatenate(scalars, -1) @ weight[0]).real
        # Two winds among four channels, the rest padding.
        new[..., 1, :] = before[..., 1, :] * weight[1, 0] + now[..., 1, :] * weight[1, 1]
        if residual:
            new = now + made.change[0] * new
        np.testing.assert_allclose(outputs[step, :, 0], new, rtol=1e-4, atol=1e-5)
        error = (new - batch.targets[:, step]) / (made.change[0] if residual else 1)
        squares = (np.abs(error) ** 2).sum((-2, -1)) * area_weights(GRID.latitude_deg)[:, None] / 3
        losses.append(squares.mean((1, 2)).mean())
        before, now = now, new
    np.testing.assert_allclose(window, np.stack([before, now], 1), rtol=1e-4, atol=1e-5)
    value, (_, metrics) = spinharm.jit(make_rollout_loss(made, LossConfig()))(network, state, batch, None)
    assert float(value) == pytest.approx(np.mean(losses), rel=1e-4)
    assert float(metrics["loss_last_step"]) == pytest.approx(losses[-1], rel=1e-4)


def test_several_lead_times_at_once(rng):
    outputs = FieldLayout((Channel(("t",)),))
    task = ForecastTask(SMALL, outputs, GRID, leads=(24.0, 48.0, 96.0), constants=("c",))
    made, batch = stepper(rng, task), a_batch(rng, task, 1, dtype="complex64")
    network, state = linear(task)
    found, _ = compiled_rollout(made, network, state, batch)
    assert found.shape == (1, 2, 3, *GRID.shape, 1, 1)
    now = batch.inputs[:, 0, ..., 0, 0].real  # pyright: ignore[reportAttributeAccessIssue]
    for lead in range(3):
        mixed = now * float(network.weight[0, 0, lead]) + made.constants[..., 0] * float(network.weight[0, 1, lead])
        wanted = now + made.change[lead, 0, 0] * mixed
        np.testing.assert_allclose(found[0, :, lead, ..., 0, 0].real, wanted, rtol=1e-4, atol=1e-5)
    assert np.isfinite(float(spinharm.jit(make_rollout_loss(made, LossConfig()))(network, state, batch, None)[0]))


def test_empty_windows_do_not_count(rng):
    task = ForecastTask(SMALL, SMALL, GRID, constants=("c",))
    made, batch = stepper(rng, task), a_batch(rng, task, 2, size=3)
    network, state = linear(task)
    loss = spinharm.jit(make_rollout_loss(made, LossConfig()))
    filled = eqx.tree_at(lambda b: b.weight, batch, np.array([1, 1, 0], np.float32))
    alone = jax.tree.map(lambda x: x[:2], batch)
    a, b = (float(loss(network, state, x, None)[0]) for x in (filled, alone))
    assert a == pytest.approx(b, rel=1e-6)


def value_of(made, network, state, remat):
    """The loss as a function of parameters and batch, and the parameters."""
    params, static = eqx.partition(network, eqx.is_inexact_array)
    loss = make_rollout_loss(made, LossConfig(spectral=0.3), remat=remat)

    def of(params, batch):
        return loss(eqx.combine(params, static), jax.tree.map(lambda x: x, state), batch, None)[0]

    return spinharm.jit(jax.value_and_grad(of)), params


@pytest.mark.parametrize(
    "make",
    [pytest.param(lambda task: make_network(NETWORK, task), marks=pytest.mark.slow), linear],
    ids=["net", "linear"],
)
def test_gradients_through_a_rollout(rng, make):
    """Against finite differences, in float64; of a network that has batch norms as well."""
    task = ForecastTask(SMALL, SMALL, Grid.gauss_legendre(4), constants=("c",))
    with jax.enable_x64(), jax.numpy_dtype_promotion("standard"):
        made, batch = stepper(rng, task), a_batch(rng, task, 3, dtype="complex128")
        of, params = value_of(made, *make(task), remat=True)
        _, gradient = of(params, batch)
        direction = jax.tree.map(lambda x: jnp.asarray(rng.standard_normal(x.shape)), params)
        slope = sum(jax.tree.leaves(jax.tree.map(lambda a, b: float((a * b).sum()), gradient, direction)))
        small, ends = 1e-5, []
        for sign in (1, -1):
            moved = jax.tree.map(lambda x, d, by=sign * small: x + by * d, params, direction)
            ends.append(float(of(moved, batch)[0]))
        assert (ends[0] - ends[1]) / (2 * small) == pytest.approx(slope, rel=1e-6)


def test_recomputing_and_dividing_change_nothing(rng):
    """Each step computed again in the backward pass, or kept; a batch on two devices, or on one."""
    task = ForecastTask(SMALL, SMALL, GRID, constants=("c",))
    made, batch = stepper(rng, task), a_batch(rng, task, 3)
    again, params = value_of(made, *linear(task), remat=True)
    keep, _ = value_of(made, *linear(task), remat=False)
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
    shards = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("batch"))
    found, gradient = keep(params, batch)
    for other, gradient2 in (again(params, batch), keep(params, jax.device_put(batch, shards))):
        assert float(other) == pytest.approx(float(found), rel=1e-6)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), gradient, gradient2)
