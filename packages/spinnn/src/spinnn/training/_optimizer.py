"""Optimisers, learning-rate schedules, averages of parameters."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from spinharm import checks

from ._optimizer_config import OptimizerConfig

# Steps are counted in 32 bits.
_MOST_STEPS = 2**31 - 1


def make_schedule(config: OptimizerConfig, epochs: int, steps_per_epoch: int) -> optax.Schedule:
    """Learning rate by step: linear from 0 over the warm-up of w steps, then the decay of `config.schedule`.

    - `"cosine"`: half a cosine from `learning_rate` to the share `final_fraction` of it, reached in the last step.
    - `"linear"`: a straight line between the same values.
    - `"constant"`: `learning_rate`.
    - `"inverse-sqrt"`: `learning_rate` · √(w / step), which needs no number of epochs; w is at least 1.

    Args:
        config: Learning rate, warm-up, schedule and final fraction.
        epochs: Passes over the data.
        steps_per_epoch: Batches per pass.

    Returns:
        A function from the step, counted from 0, to the learning rate.

    Raises:
        TypeError: `config` of another type, or a count that is not an integer.
        ValueError: A count below 1, or 2³¹ steps or more.

    References:
        Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), A.1.

    Examples:
        >>> from spinnn.training import OptimizerConfig, make_schedule
        >>> schedule = make_schedule(OptimizerConfig(learning_rate=0.1), epochs=3, steps_per_epoch=10)
        >>> [round(float(schedule(step)), 3) for step in (0, 5, 10, 20, 30)]
        [0.0, 0.05, 0.1, 0.05, 0.0]
    """
    checks.instance("config", config, OptimizerConfig, "a spinnn.training.OptimizerConfig")
    total = checks.integer("epochs", epochs, 1) * checks.integer("steps_per_epoch", steps_per_epoch, 1)
    if total > _MOST_STEPS:
        raise ValueError(f"`epochs` times `steps_per_epoch` must be at most {_MOST_STEPS}, got {total}")
    warmup = min(round(config.warmup_epochs * steps_per_epoch), total)
    decay = _decay(config, warmup, max(total - warmup, 1))
    if warmup == 0:
        return decay
    return optax.join_schedules([optax.linear_schedule(0.0, config.learning_rate, warmup), decay], [warmup])


def _decay(config: OptimizerConfig, warmup: int, steps: int) -> optax.Schedule:
    """The learning rate by step after the warm-up."""
    rate = config.learning_rate
    if config.decay == "constant":
        return optax.constant_schedule(rate)
    if config.decay == "inverse-sqrt":
        first = float(max(warmup, 1))
        # Optax also evaluates it during the warm-up, at steps below 0.
        return lambda step: rate * jnp.sqrt(first / (first + jnp.maximum(step, 0)))
    if config.decay == "linear":
        return optax.linear_schedule(rate, config.final_fraction * rate, steps)
    return optax.cosine_decay_schedule(rate, steps, config.final_fraction)


def make_optimizer(config: OptimizerConfig, epochs: int, steps_per_epoch: int) -> optax.GradientTransformation:
    """The optimiser of a configuration, with its schedule and clipping.

    Args:
        config: Name and options of the optimiser.
        epochs: Passes over the data.
        steps_per_epoch: Batches per pass.

    Returns:
        An Optax transformation.

    Raises:
        TypeError: `config` of another type, or a count that is not an integer.
        ValueError: A count below 1, or 2³¹ steps or more.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinnn.training import OptimizerConfig, make_optimizer
        >>> optimizer = make_optimizer(OptimizerConfig(name="adamw", weight_decay=0.01), epochs=3, steps_per_epoch=10)
        >>> state = optimizer.init(jnp.zeros(2))
        >>> updates, state = optimizer.update(jnp.ones(2), state, jnp.zeros(2))
        >>> updates.shape
        (2,)
    """
    schedule = make_schedule(config, epochs, steps_per_epoch)
    means: dict[str, Any] = {"b1": config.b1, "b2": config.b2}
    if config.name == "adam":
        update = optax.adam(schedule, **means)
    elif config.name == "adamw":
        update = optax.adamw(schedule, weight_decay=config.weight_decay, **means)
    elif config.name == "schedule-free":
        # The wrapper takes a schedule, too, and weighs its average by it.
        rate: Any = schedule
        update = optax.contrib.schedule_free_adamw(rate, weight_decay=config.weight_decay, **means)
    else:
        decay = config.weight_decay
        update = optax.contrib.muon(schedule, weight_decay=decay, adam_b1=config.b1, adam_b2=config.b2)
    return update if config.clip_norm is None else optax.chain(optax.clip_by_global_norm(config.clip_norm), update)


def blend(average: jax.Array, new: jax.Array, decay: float, step: jax.Array) -> jax.Array:
    """Exponential average d · average + (1 − d) · new, with d = min(decay, (1 + step) / (10 + step)).

    The ramp removes the initial weights from the average of a short run.
    """
    ramp = jnp.minimum(decay, (1 + step) / (10 + step)).astype(average.real.dtype)
    return average + (1 - ramp) * (new - average)


def schedule_free_average(opt_state: Any, params: Any) -> Any:
    """The average of parameters that a schedule-free optimiser keeps, or None if the state is of another optimiser."""

    def keeps(state: Any) -> bool:
        return isinstance(state, optax.contrib.ScheduleFreeState)

    for state in jax.tree.leaves(opt_state, is_leaf=keeps):
        if keeps(state):
            return optax.contrib.schedule_free_eval_params(state, params)
    return None
