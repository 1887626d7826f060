"""Optimisers, learning-rate schedules, averages of parameters."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import optax

from spinharm import checks

OptimizerName = Literal["adam", "adamw", "muon", "schedule-free"]
Schedule = Literal["cosine", "linear", "constant", "inverse-sqrt"]
# Of fields that earlier versions did not have, see `to_json`.
ADDED = {"added": True}
# Steps are counted in 32 bits.
_MOST_STEPS = 2**31 - 1


def require_member(config: Any, name: str, holds: Callable[[Any], bool], wanted: str) -> None:
    value = getattr(config, name)
    try:
        if isinstance(value, bool):
            raise TypeError
        good = holds(value)
    except (TypeError, LookupError):
        raise TypeError(f"`{name}` must be {wanted}, got {value!r}") from None
    if not good:
        raise ValueError(f"`{name}` must be {wanted}, got {value!r}")


def _either(options: Any) -> str:
    *most, last = map(repr, get_args(options))
    return f"{', '.join(most)} or {last}"


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """The optimiser and its schedule: linear warm-up, then a decay.

    Attributes:
        name: `"adam"`, `"adamw"`, `"muon"` (for matrices, AdamW for the rest) or `"schedule-free"` (AdamW that
            keeps an average of its parameters; the average is evaluated and saved).
        learning_rate: The largest, reached after the warm-up.
        warmup_epochs: Epochs of linear warm-up from 0; the paper's is 1.
        final_fraction: Share of `learning_rate` left at the end by the schedules `"cosine"` and `"linear"`.
        weight_decay: Decoupled weight decay of all but `"adam"`.
        clip_norm: Largest global norm of a gradient; None for no clipping.
        ema_decay: Decay per step t of the exponential average of the parameters, at most (1 + t)/(10 + t) so that the
            first weights are soon forgotten; None for no average.
        schedule: The learning rate after the warm-up: half a `"cosine"` or `"linear"` to `final_fraction`,
            `"constant"`, or `"inverse-sqrt"` of the step; None is `"constant"` with `"schedule-free"`, else `"cosine"`.
        b1: Decay per step of the mean of gradients; with `"schedule-free"` the share of the average in the parameters
            at which gradients are taken; with `"muon"` for what is not a matrix.
        b2: Decay per step of the mean of squared gradients.

    References:
        Defazio et al., The road less scheduled (2024), for `"schedule-free"`.

    Examples:
        >>> from spinnn.training import OptimizerConfig
        >>> OptimizerConfig(name="adamw", weight_decay=0.01).learning_rate
        0.001
        >>> OptimizerConfig(learning_rate=0.0)
        Traceback (most recent call last):
            ...
        ValueError: `learning_rate` must be above 0, got 0.0
    """

    name: OptimizerName = dataclasses.field(default="adam", metadata={"flag": "optimizer"})
    learning_rate: float = 1e-3
    warmup_epochs: float = 1.0
    final_fraction: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    ema_decay: float | None = None
    schedule: Schedule | None = dataclasses.field(default=None, metadata=ADDED)
    b1: float = dataclasses.field(default=0.9, metadata=ADDED)
    b2: float = dataclasses.field(default=0.999, metadata=ADDED)

    def __post_init__(self) -> None:
        require_member(self, "name", lambda x: x in get_args(OptimizerName), _either(OptimizerName))
        require_member(self, "learning_rate", lambda x: 0 < x < math.inf, "above 0")
        require_member(self, "warmup_epochs", lambda x: 0 <= x < math.inf, "0 or more")
        require_member(self, "final_fraction", lambda x: 0 <= x <= 1, "between 0 and 1")
        require_member(self, "weight_decay", lambda x: 0 <= x < math.inf, "0 or more")
        require_member(self, "clip_norm", lambda x: x is None or 0 < x < math.inf, "above 0, or None")
        require_member(self, "ema_decay", lambda x: x is None or 0 < x < 1, "between 0 and 1, or None")
        require_member(
            self, "schedule", lambda x: x is None or x in get_args(Schedule), f"{_either(Schedule)}, or None"
        )
        require_member(self, "b1", lambda x: 0 <= x < 1, "0 or more and below 1")
        require_member(self, "b2", lambda x: 0 <= x < 1, "0 or more and below 1")
        self._check_together()

    def _check_together(self) -> None:
        """Refuse options that would do nothing with the others."""
        if self.name == "adam" and self.weight_decay:
            raise ValueError(
                f"`weight_decay` needs name 'adamw', 'muon' or 'schedule-free', got {self.weight_decay} with name "
                f"'adam'"
            )
        if self.final_fraction and self.decay not in ("cosine", "linear"):
            raise ValueError(
                f"`final_fraction` needs schedule 'cosine' or 'linear', got {self.final_fraction} with {self.decay!r}"
            )
        if self.name != "schedule-free":
            return
        if self.ema_decay is not None:
            raise ValueError(
                f"`ema_decay` must be None with name 'schedule-free', which averages the parameters itself, got "
                f"{self.ema_decay}; give None"
            )
        if self.decay != "constant":
            raise ValueError(
                f"`schedule` must be 'constant' or None with name 'schedule-free', which averages the parameters "
                f"instead of a decay, got {self.schedule!r}"
            )
        if not self.b1:
            raise ValueError(f"`b1` must be above 0 with name 'schedule-free', got {self.b1}")

    @property
    def decay(self) -> Schedule:
        """The schedule after the warm-up, with the default filled in.

        Examples:
            >>> from spinnn.training import OptimizerConfig
            >>> OptimizerConfig().decay
            'cosine'
        """
        return self.schedule or ("constant" if self.name == "schedule-free" else "cosine")


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
