"""A training step of a residual network from three real fields to one: what several benchmarks time."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax

from spinharm import Grid
from spinnn import SpinResNet
from spinnn.training import OptimizerConfig, init_state, l2_loss, make_optimizer, make_step


def _loss(model: Any, state: Any, batch: dict[str, jax.Array], key: jax.Array) -> Any:
    prediction, state = model(batch["x"], state)
    return l2_loss(prediction, batch["y"]), (state, {})


def residual_step(grid: Grid, blocks: int, channels: int, batch: int) -> tuple[SpinResNet, Any, Any, Any]:
    """Network, compiled step, its first state and a batch; blocks of 8 knots and one grid, L2 loss, Adam."""
    network, net_state = eqx.nn.make_with_state(SpinResNet)(
        (0,),
        3,
        grid_in=grid,
        grids=[grid] * blocks,
        widths=[channels] * blocks,
        num_filter_params=[8] * blocks,
        spins_out=(0,),
        channels_out=1,
        output="real",
        key=jax.random.key(0),
    )
    optimizer = make_optimizer(OptimizerConfig(warmup_epochs=0.0), 1, 100)
    state, static = init_state(network, net_state, optimizer, key=jax.random.key(1))
    x = jax.random.normal(jax.random.key(2), (batch, *grid.shape, 1, 3))
    return network, make_step(_loss, static, optimizer), state, {"x": x, "y": x[..., :1]}
