"""Rollouts, in which a model is applied to its own outputs, and their loss."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact

from .. import _checks
from .._fields.normalize import Normalization
from .loss import LossConfig, make_map_loss
from .task import ForecastTask
from .windows import Batch


@dataclasses.dataclass(frozen=True, eq=False)
class Stepper:
    """One step of a task with any network, on normalised fields.

    Attributes:
        task: Inputs and outputs.
        inputs: Normalisation of the inputs.
        outputs: Normalisation of the outputs.
        change: Typical change of residual outputs at each lead time, normalised, shape (lead, spin, channel).
        constants: Normalised constants, shape (lat, lon, constant).

    Examples:
        >>> import equinox as eqx
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import Channel, FieldLayout, ForecastTask, Normalization, Stepper
        >>> layout = FieldLayout((Channel(("2m_temperature",)),))
        >>> normalization = Normalization(np.array([[280.0]]), np.array([[5.0]]))
        >>> task = ForecastTask(layout, layout, Grid.gauss_legendre(4))
        >>> stepper = Stepper(task, normalization, normalization, np.full((1, 1, 1), 0.5), np.zeros((4, 8, 0)))
        >>> def warmer(x, state, mask=None):  # a network that adds one typical change
        ...     return x * 0 + 1, state
        >>> window = jnp.zeros((1, 1, 4, 8, 1, 1))
        >>> outputs, _ = stepper(warmer, eqx.nn.State(warmer), window, jnp.zeros((1, 4, 8, 0)))
        >>> float(outputs.max()), stepper.advance(window, outputs).shape, stepper.error_scale().tolist()
        (0.5, (1, 1, 4, 8, 1, 1), [[[0.5]]])
    """

    task: ForecastTask
    inputs: Normalization
    outputs: Normalization
    change: Float[np.ndarray, "lead spin channel"]
    constants: Float[np.ndarray, "lat lon constant"]

    def __call__(
        self,
        network: Any,
        state: eqx.nn.State,
        window: Inexact[Array, "*batch offset lat lon spin channel"],
        forcings: Float[Array, "*batch lat lon forcing"],
        mask: Bool[Array, "*batch"] | None = None,
    ) -> tuple[Inexact[Array, "*batch lead lat lon spin2 channel2"], eqx.nn.State]:
        """Compute the states at the lead times.

        Args:
            network: Network with the task's `network_inputs` and `network_outputs`.
            state: State of the network.
            window: Normalised states at the offsets.
            forcings: Scaled forcings at the initial time.
            mask: Which elements of the batch count in batch statistics.

        Returns:
            Normalised states, and the new state of the network.

        Raises:
            TypeError: An argument is not an array of numbers.
            ValueError: An array has another shape than the task needs.
        """
        _checks.ends("forcings", forcings, "forcing", (len(self.task.forcings),))
        real = forcings.dtype
        constants = jnp.asarray(self.constants, real)
        constants = jnp.broadcast_to(constants, (*forcings.shape[:-1], constants.shape[-1]))
        x = self.task.join(window, jnp.concatenate([constants, forcings], -1))
        output, state = network(x, state, mask=mask)
        out = self.task.split(output)
        if not self.task.residual:
            return out, state
        change = jnp.asarray(self.change[:, None, None], real).astype(out.dtype)
        return self.task.now(window) + change * out, state

    def advance(self, window: Array, outputs: Array) -> Array:
        """Window of the next step: the last states of the window and the outputs.

        Raises:
            TypeError: An argument is not an array of numbers.
            ValueError: The outputs and the window have different shapes.
        """
        _checks.array("window", window)
        _checks.array("outputs", outputs)
        if window.ndim < 5 or window.shape[:-5] + window.shape[-4:] != outputs.shape[:-5] + outputs.shape[-4:]:
            raise ValueError(
                f"`window` and `outputs` must have axes (*batch, offset or lead, lat, lon, spin, channel), "
                f"equal apart from the times, got {window.shape} and {outputs.shape}"
            )
        return jnp.concatenate([window[..., 1:, :, :, :, :], outputs], -5)

    def error_scale(self) -> Float[np.ndarray, "lead spin channel"]:
        """Divisor of errors in the loss: the typical change of residual outputs, else 1."""
        return self.change if self.task.residual else np.ones_like(self.change)


def rollout(
    stepper: Stepper,
    network: Any,
    state: eqx.nn.State,
    window: Inexact[Array, "*batch offset lat lon spin channel"],
    forcings: Float[Array, "step *batch lat lon forcing"],
    mask: Bool[Array, "*batch"] | None = None,
) -> tuple[Inexact[Array, "step *batch lead lat lon spin2 channel2"], Array]:
    """Compute several steps of a network in inference mode.

    Args:
        stepper: The step.
        network: The network.
        state: State of the network, which is not changed.
        window: Normalised states at the offsets.
        forcings: Scaled forcings at the beginning of each step.
        mask: Which elements of the batch count in batch statistics.

    Returns:
        Normalised states of each step, and the window of the next one.

    Raises:
        TypeError: `stepper` is not a `Stepper`, or an argument is not an array of numbers.
        ValueError: An array has another shape than the task needs.

    Examples:
        >>> import equinox as eqx
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import Channel, FieldLayout, ForecastTask, Normalization, Stepper, rollout
        >>> layout = FieldLayout((Channel(("2m_temperature",)),))
        >>> normalization = Normalization(np.array([[280.0]]), np.array([[5.0]]))
        >>> task = ForecastTask(layout, layout, Grid.gauss_legendre(4))
        >>> stepper = Stepper(task, normalization, normalization, np.full((1, 1, 1), 0.5), np.zeros((4, 8, 0)))
        >>> def warmer(x, state, mask=None):  # a network that adds one typical change
        ...     return x * 0 + 1, state
        >>> window, forcings = jnp.zeros((1, 1, 4, 8, 1, 1)), jnp.zeros((3, 1, 4, 8, 0))
        >>> outputs, _ = rollout(stepper, warmer, eqx.nn.State(warmer), window, forcings)
        >>> outputs.shape, outputs[:, 0, 0, 0, 0, 0, 0].tolist()
        ((3, 1, 1, 4, 8, 1, 1), [0.5, 1.0, 1.5])
    """
    _checks.instance("stepper", stepper, Stepper, "a wxsphere.Stepper")
    _checks.array("window", window)
    _checks.array("forcings", forcings)
    if not forcings.ndim:
        raise ValueError("`forcings` must have axes (step, *batch, lat, lon, forcing), got shape ()")

    def body(window: Array, now: Array) -> tuple[Array, Array]:
        outputs, _ = stepper(network, jax.tree.map(lambda leaf: leaf, state), window, now, mask)
        return (stepper.advance(window, outputs) if stepper.task.can_repeat else window), outputs

    window, outputs = jax.lax.scan(body, window, forcings)
    return outputs, window


def make_rollout_loss(
    stepper: Stepper, config: LossConfig, *, remat: bool = True
) -> Callable[[Any, eqx.nn.State, Batch, Any], tuple[Array, tuple[eqx.nn.State, dict[str, Array]]]]:
    """Make the loss of a rollout for `spinnn.training.fit`: the mean over steps, lead times and windows.

    Errors are divided by the typical change at the lead time if the outputs of the network are changes, else by the
    standard deviation; see `make_map_loss`. The number of steps is that of the forcings in the batch.

    Args:
        stepper: The step.
        config: Weights of the loss.
        remat: Keep only the states between steps, and recompute each step in the backward pass.

    Returns:
        `(network, state, batch, key) → (loss, (state, metrics))`; metrics are the losses of the first and of the last
        step.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: As for `make_map_loss`.

    Examples:
        >>> import equinox as eqx
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import (
        ...     Batch, Channel, FieldLayout, ForecastTask, LossConfig, Normalization, Stepper, make_rollout_loss
        ... )
        >>> layout = FieldLayout((Channel(("2m_temperature",)),))
        >>> normalization = Normalization(np.array([[280.0]]), np.array([[5.0]]))
        >>> task = ForecastTask(layout, layout, Grid.gauss_legendre(4))
        >>> stepper = Stepper(task, normalization, normalization, np.full((1, 1, 1), 0.5), np.zeros((4, 8, 0)))
        >>> def warmer(x, state, mask=None):  # a network that adds one typical change
        ...     return x * 0 + 1, state
        >>> states = np.zeros((1, 1, 4, 8, 1, 1), np.float32)
        >>> batch = Batch(states, states, np.zeros((1, 1, 4, 8, 0), np.float32), np.ones(1, np.float32), np.arange(1))
        >>> loss, (_, metrics) = make_rollout_loss(stepper, LossConfig())(warmer, eqx.nn.State(warmer), batch, None)
        >>> round(float(loss), 3), sorted(metrics)
        (1.0, ['loss_first_step', 'loss_last_step'])
    """
    _checks.instance("stepper", stepper, Stepper, "a wxsphere.Stepper")
    _checks.flag("remat", remat)
    task = stepper.task
    of_error = make_map_loss(task.outputs, task.grid, config)
    scale = stepper.error_scale()[:, None, None]

    def loss(
        network: Any, state: eqx.nn.State, batch: Batch, key: Any
    ) -> tuple[Array, tuple[eqx.nn.State, dict[str, Array]]]:
        weight = jnp.asarray(batch.weight)
        mask, share = weight > 0, weight / jnp.maximum(weight.sum(), 1)
        forcings = jnp.moveaxis(jnp.asarray(batch.forcings), 1, 0)
        steps, leads = forcings.shape[0], len(task.leads)
        targets = jnp.asarray(batch.targets)
        targets = targets.reshape(targets.shape[0], steps, leads, *targets.shape[2:]).swapaxes(0, 1)

        def step(carry: tuple[Array, Any], now: tuple[Array, Array]) -> tuple[tuple[Array, Any], Array]:
            window, state = carry
            outputs, state = stepper(network, state, window, now[0], mask)
            error = (outputs - now[1]) / jnp.asarray(scale, weight.dtype).astype(outputs.dtype)
            value = (of_error(error).mean(1) * share).sum()
            return (stepper.advance(window, outputs) if task.can_repeat else window, state), value

        # A rollout of one step has nothing to recompute.
        body = jax.checkpoint(step) if remat and steps > 1 else step
        (_, state), losses = jax.lax.scan(body, (jnp.asarray(batch.inputs), state), (forcings, targets))
        return losses.mean(), (state, {"loss_first_step": losses[0], "loss_last_step": losses[-1]})

    return loss
