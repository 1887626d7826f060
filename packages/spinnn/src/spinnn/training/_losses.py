"""Losses, learning-rate schedule and optimiser."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Inexact

from spinharm import checks

from ._config import OptimizerConfig

_ARRAYS = (jax.Array, np.ndarray, np.generic)
# Steps are counted in 32 bits.
_MOST_STEPS = 2**31 - 1


def weighted_mean(
    values: Float[Array, "*shape"], weights: Float[Array, "*#shape"] | Bool[Array, "*#shape"] | None = None
) -> Float[Array, ""]:
    """Weighted mean Σ w v / Σ w; 0 where all weights are 0.

    Args:
        values: v, any shape.
        weights: w, weights or a mask, of a shape that broadcasts to that of `values`; all 1 if left out.

    Returns:
        The mean, a scalar.

    Raises:
        TypeError: `values` or `weights` is not an array.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinnn.training import weighted_mean
        >>> print(weighted_mean(jnp.array([1.0, 2.0, 9.0]), jnp.array([True, True, False])))
        1.5
    """
    checks.instance("values", values, _ARRAYS, "an array")
    if weights is None:
        return values.mean()
    checks.instance("weights", weights, _ARRAYS, "an array or None")
    weights = jnp.broadcast_to(weights.astype(values.dtype), values.shape)
    total = weights.sum()
    return (weights * values).sum() / jnp.where(total > 0, total, 1)


def l1_loss(
    prediction: Inexact[Array, "*shape"],
    target: Inexact[Array, "*shape"],
    weights: Float[Array, "*#shape"] | Bool[Array, "*#shape"] | None = None,
) -> Float[Array, ""]:
    """Weighted mean of |prediction − target|, real or complex; complex differences of 0 have gradient 0.

    Args:
        prediction: Predictions, any shape.
        target: Targets of the same shape.
        weights: See `weighted_mean`.

    Returns:
        The mean, a real scalar.

    Raises:
        TypeError: `weights` is not an array.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinnn.training import l1_loss
        >>> print(l1_loss(jnp.array([1.0, 2.0]), jnp.array([0.0, 5.0])))
        2.0
    """
    difference = prediction - target
    if jnp.iscomplexobj(difference):
        from .._layers.pairs import modulus

        return weighted_mean(modulus(difference), weights)
    return weighted_mean(jnp.abs(difference), weights)


def l2_loss(
    prediction: Inexact[Array, "*shape"],
    target: Inexact[Array, "*shape"],
    weights: Float[Array, "*#shape"] | Bool[Array, "*#shape"] | None = None,
) -> Float[Array, ""]:
    """Weighted mean of |prediction − target|², real or complex.

    Args:
        prediction: Predictions, any shape.
        target: Targets of the same shape.
        weights: See `weighted_mean`.

    Returns:
        The mean, a real scalar.

    Raises:
        TypeError: `weights` is not an array.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinnn.training import l2_loss
        >>> print(l2_loss(jnp.array([1.0, 2.0]), jnp.array([0.0, 5.0]), jnp.array([3.0, 1.0])))
        3.0
    """
    difference = prediction - target
    return weighted_mean(difference.real**2 + difference.imag**2, weights)


def make_schedule(config: OptimizerConfig, epochs: int, steps_per_epoch: int) -> optax.Schedule:
    """Learning rate by step: linear from 0 over the warm-up, then half a cosine to `final_fraction`.

    Args:
        config: Learning rate, warm-up and final fraction.
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
    decay = optax.cosine_decay_schedule(config.learning_rate, max(total - warmup, 1), config.final_fraction)
    if warmup == 0:
        return decay
    return optax.join_schedules([optax.linear_schedule(0.0, config.learning_rate, warmup), decay], [warmup])


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
    if config.name == "adam":
        update = optax.adam(schedule)
    elif config.name == "adamw":
        update = optax.adamw(schedule, weight_decay=config.weight_decay)
    else:
        update = optax.contrib.muon(schedule, weight_decay=config.weight_decay)
    return update if config.clip_norm is None else optax.chain(optax.clip_by_global_norm(config.clip_norm), update)


def blend(average: jax.Array, new: jax.Array, decay: float, step: jax.Array) -> jax.Array:
    """Exponential average d · average + (1 − d) · new, with d = min(decay, (1 + step) / (10 + step)).

    The ramp removes the initial weights from the average of a short run.
    """
    ramp = jnp.minimum(decay, (1 + step) / (10 + step)).astype(average.real.dtype)
    return average + (1 - ramp) * (new - average)
