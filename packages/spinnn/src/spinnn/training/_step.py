"""The training state and the training step."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

import spinharm
from spinharm import checks

from ._optimizer import blend, schedule_free_average

# (model, norm state, batch, key) → (loss, (norm state, metrics))
Loss = Callable[[Any, Any, Any, PRNGKeyArray], tuple[Float[Array, ""], tuple[Any, dict[str, Array]]]]


class TrainState(eqx.Module):
    """Everything that a training step changes.

    Attributes:
        params: The model's inexact arrays; None elsewhere.
        net_state: Running statistics of the norms (`equinox.nn.State`).
        opt_state: State of the optimiser.
        average: Exponential average of `params`, or None.
        step: Number of steps done.
        key: Random key; each step uses `fold_in(key, step)`.

    Examples:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import optax
        >>> from spinnn.training import init_state
        >>> state, _ = init_state({"w": jnp.zeros(2)}, None, optax.sgd(0.1), key=jax.random.key(0))
        >>> int(state.step), state.params["w"].shape
        (0, (2,))
    """

    params: Any
    net_state: Any
    opt_state: Any
    average: Any
    step: Int[Array, ""]
    key: PRNGKeyArray


class StepResult(eqx.Module):
    """Results of a training step.

    Attributes:
        loss: The loss of the batch.
        gradient_norm: Global norm of the gradient.
        metrics: The loss function's own metrics.
        finite: Whether loss and gradient were finite.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinnn.training import StepResult
        >>> result = StepResult(jnp.array(0.5), jnp.array(2.0), {"error": jnp.array(0.1)}, jnp.array(True))
        >>> float(result.loss), bool(result.finite)
        (0.5, True)
    """

    loss: Float[Array, ""]
    gradient_norm: Float[Array, ""]
    metrics: dict[str, Array]
    finite: Bool[Array, ""]


def init_state(
    model: Any, net_state: Any, optimizer: optax.GradientTransformation, *, key: PRNGKeyArray, average: bool = False
) -> tuple[TrainState, Any]:
    """Make the initial training state, and the rest of the model (structure and constants).

    Args:
        model: Equinox module; its inexact arrays are trained.
        net_state: Its state, from `equinox.nn.make_with_state`; None without one.
        optimizer: Optax transformation.
        key: Random key of the run.
        average: Whether to keep an exponential average of the parameters.

    Returns:
        `(state, static)`; `equinox.combine(state.params, static)` is the model. Its arrays are copies, so a donated
        step leaves the caller's model alone.

    Raises:
        TypeError: `optimizer`, `key`, `average` or a leaf of `net_state` of another type.

    Examples:
        >>> import equinox as eqx
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import optax
        >>> from spinnn.training import init_state
        >>> state, static = init_state({"w": jnp.ones(2)}, None, optax.sgd(0.1), key=jax.random.key(0), average=True)
        >>> eqx.combine(state.params, static)["w"].shape
        (2,)
    """
    _check_optimizer(optimizer)
    checks.instance("key", key, jax.Array, "a key of jax.random")
    checks.flag("average", average)
    params, static = eqx.partition(model, eqx.is_inexact_array)
    params, net_state = jax.tree.map(_own, (params, as_arrays("net_state", net_state)))
    opt_state = jax.tree.map(_own, optimizer.init(params))
    mean = jax.tree.map(_own, params) if average else None
    return TrainState(params, net_state, opt_state, mean, jnp.zeros((), jnp.int32), jnp.copy(key)), static


def trained_params(state: TrainState) -> Any:
    """The parameters to evaluate and to save: an average of those of all steps if there is one, else the last ones.

    Args:
        state: The training state.

    Returns:
        `state.average` unless that is None; the average of the optimiser `"schedule-free"`, which takes gradients
        elsewhere; else `state.params`.

    Raises:
        TypeError: `state` of another type.

    Examples:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> from spinnn.training import OptimizerConfig, init_state, make_optimizer, trained_params
        >>> optimizer = make_optimizer(OptimizerConfig(name="schedule-free"), epochs=1, steps_per_epoch=10)
        >>> state, _ = init_state({"w": jnp.ones(2)}, None, optimizer, key=jax.random.key(0))
        >>> print(trained_params(state)["w"])
        [1. 1.]
    """
    checks.instance("state", state, TrainState, "a spinnn.training.TrainState")
    if state.average is not None:
        return state.average
    average = schedule_free_average(state.opt_state, state.params)
    return state.params if average is None else average


def _check_optimizer(optimizer: object) -> None:
    """Raise `TypeError` unless it can be used as an Optax transformation."""
    if not all(callable(getattr(optimizer, name, None)) for name in ("init", "update")):
        raise TypeError(
            f"`optimizer` must be an Optax transformation, got {optimizer!r}; see spinnn.training.make_optimizer"
        )


def as_arrays(name: str, tree: Any) -> Any:
    """Convert the leaves of a pytree to arrays.

    Raises:
        TypeError: A leaf that an array cannot hold.
    """

    def convert(leaf: Any) -> Any:
        if isinstance(leaf, jax.Array | np.ndarray):
            return leaf
        try:
            return jnp.asarray(leaf)
        except (TypeError, ValueError, OverflowError) as error:
            raise TypeError(f"`{name}` must hold arrays, got {leaf!r}: {error}") from None

    return jax.tree.map(convert, tree)


def _own(x: jax.Array) -> jax.Array:
    """A copy without weak type, which would cost a second compilation after the first step."""
    return jax.lax.convert_element_type(jnp.copy(x), x.dtype) if eqx.is_inexact_array(x) else jnp.copy(x)


def make_step(
    loss: Loss, static: Any, optimizer: optax.GradientTransformation, *, ema_decay: float | None = None
) -> Callable[[TrainState, Any], tuple[TrainState, StepResult]]:
    """Make a compiled training step; it donates the buffers of the state that it is given.

    If loss or gradient is not finite, the step leaves the state unchanged and `StepResult.finite` is False.

    Args:
        loss: `(model, net_state, batch, key) → (loss, (net_state, metrics))`.
        static: From `init_state`.
        optimizer: Optax transformation.
        ema_decay: Decay of the average, if the state keeps one, approached by a ramp: `OptimizerConfig.ema_decay`.

    Returns:
        `step(state, batch) → (state, result)`, compiled once per shape of batch. Sharded batches give data-parallel
        steps: XLA sums gradients and batch statistics over devices. It raises `ValueError` for a batch all of whose
        arrays are empty, of which a mean loss is not a number.

    Raises:
        TypeError: `optimizer` or `ema_decay` of another type.
        ValueError: `ema_decay` out of range.

    Examples:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import optax
        >>> from spinnn.training import init_state, make_step
        >>> def loss(model, net_state, batch, key):
        ...     return jnp.mean((model["w"] * batch - 3.0) ** 2), (net_state, {})
        >>> optimizer = optax.sgd(0.5)
        >>> state, static = init_state({"w": jnp.zeros(())}, None, optimizer, key=jax.random.key(0))
        >>> step = make_step(loss, static, optimizer)
        >>> state, result = step(state, jnp.ones(4))
        >>> print(result.loss, state.params["w"])
        9.0 3.0
    """
    _check_optimizer(optimizer)
    if ema_decay is not None:
        ema_decay = checks.number("ema_decay", ema_decay, above=0.0, below=1.0)

    def step(state: TrainState, batch: Any) -> tuple[TrainState, StepResult]:
        shapes = [leaf.shape for leaf in jax.tree.leaves(batch) if eqx.is_array(leaf)]
        if shapes and all(0 in shape for shape in shapes):
            raise ValueError(f"`batch` must hold at least one element, got arrays of shapes {shapes}; leave it out")
        key = jax.random.fold_in(state.key, state.step)

        def objective(params: Any) -> tuple[Array, tuple[Any, dict[str, Array]]]:
            # A copy: Equinox state can be used once, and a step that is not finite returns the old one.
            return loss(eqx.combine(params, static), jax.tree.map(lambda x: x, state.net_state), batch, key)

        (value, (net_state, metrics)), gradient = jax.value_and_grad(objective, has_aux=True)(state.params)
        norm = optax.tree.norm(gradient)
        finite = jnp.isfinite(value) & jnp.isfinite(norm)
        updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        average = state.average
        if average is not None and ema_decay is not None:
            average = jax.tree.map(functools.partial(blend, decay=ema_decay, step=state.step), average, params)
        new = TrainState(params, net_state, opt_state, average, state.step + 1, state.key)

        def choose(new: Any, old: Any) -> Any:
            # The key never changes, and has a type of its own.
            return new if new is old else jnp.where(finite, new, old)

        return jax.tree.map(choose, new, state), StepResult(value, norm, metrics, finite)

    return spinharm.jit(step, donate_argnums=0)
