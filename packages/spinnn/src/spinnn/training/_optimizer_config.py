"""Options of optimisers and learning-rate schedules, read without JAX and Optax."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, Literal, get_args

OptimizerName = Literal["adam", "adamw", "muon", "schedule-free"]
Schedule = Literal["cosine", "linear", "constant", "inverse-sqrt"]
# Of fields that earlier versions did not have, see `to_json`.
ADDED = {"added": True}


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
