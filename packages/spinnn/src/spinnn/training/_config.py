"""Configurations: frozen dataclasses, saved as JSON beside what they made."""

from __future__ import annotations

import dataclasses
import json
import os
import types
import typing
from pathlib import Path
from typing import Any, Literal, TypeVar

from ..files import replacing

T = TypeVar("T")


def _require(config: Any, name: str, condition: bool, wanted: str) -> None:
    if not condition:
        raise ValueError(f"`{name}` must be {wanted}, got {getattr(config, name)!r}")


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """The optimiser and its schedule: linear warm-up, then cosine decay.

    Attributes:
        name: `"adam"`, `"adamw"` or `"muon"` (for matrices, AdamW for the rest).
        learning_rate: The largest, reached after the warm-up.
        warmup_epochs: Epochs of linear warm-up from 0; the paper's is 1.
        final_fraction: Share of `learning_rate` left at the end.
        weight_decay: Decoupled weight decay of `"adamw"` and `"muon"`.
        clip_norm: Largest global norm of a gradient; None for no clipping.
        ema_decay: Decay per step t of the exponential average of the parameters, at most (1 + t)/(10 + t) so that the
            first weights are soon forgotten; None for no average.
    """

    name: Literal["adam", "adamw", "muon"] = "adam"
    learning_rate: float = 1e-3
    warmup_epochs: float = 1.0
    final_fraction: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    ema_decay: float | None = None

    def __post_init__(self) -> None:
        _require(self, "name", self.name in ("adam", "adamw", "muon"), "'adam', 'adamw' or 'muon'")
        _require(self, "learning_rate", self.learning_rate > 0, "above 0")
        _require(self, "warmup_epochs", self.warmup_epochs >= 0, "0 or more")
        _require(self, "final_fraction", 0 <= self.final_fraction <= 1, "between 0 and 1")
        _require(self, "weight_decay", self.weight_decay >= 0, "0 or more")
        _require(self, "clip_norm", self.clip_norm is None or self.clip_norm > 0, "above 0, or None")
        _require(self, "ema_decay", self.ema_decay is None or 0 < self.ema_decay < 1, "between 0 and 1, or None")
        if self.name == "adam" and self.weight_decay:
            raise ValueError(f"`weight_decay` needs name 'adamw' or 'muon', got {self.weight_decay} with name 'adam'")


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """A training run.

    Attributes:
        epochs: Passes over the data.
        seed: Of everything random in training.
        optimizer: Optimiser and schedule.
        checkpoint_every: Steps between checkpoints.
        keep_checkpoints: How many of the newest are kept.
        log_every: Steps between lines of metrics.
        tensorboard: Also write TensorBoard files (needs tensorboardX).
        profile: Steps (first, last), counted from 0, to trace with `jax.profiler` into `profile/`, or None.
    """

    epochs: int = 1
    seed: int = 0
    optimizer: OptimizerConfig = OptimizerConfig()
    checkpoint_every: int = 500
    keep_checkpoints: int = 2
    log_every: int = 20
    tensorboard: bool = False
    profile: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "checkpoint_every", "keep_checkpoints", "log_every"):
            _require(self, name, getattr(self, name) >= 1, "at least 1")
        ordered = self.profile is None or 0 <= self.profile[0] <= self.profile[1]
        _require(self, "profile", ordered, "(first, last) with 0 ≤ first ≤ last, or None")


def to_json(config: Any) -> dict[str, Any]:
    """A configuration as JSON types; nested dataclasses become objects."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def from_json(kind: type[T], values: dict[str, Any]) -> T:
    """The configuration of that dataclass type; unknown or missing names are refused.

    Raises:
        ValueError: A name that the type does not have, or one without default that is missing.
    """
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # pyright: ignore[reportArgumentType]
    if unknown := sorted(set(values) - set(fields)):
        raise ValueError(f"{kind.__name__} has no {unknown}, it has {sorted(fields)}")
    chosen = {name: _revive(hints[name], value) for name, value in values.items()}
    try:
        return kind(**chosen)
    except TypeError as error:
        raise ValueError(f"cannot make {kind.__name__} of {values}: {error}") from None


def _revive(hint: Any, value: Any) -> Any:
    """Dataclasses and tuples, which JSON turned into objects and lists."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    for option in options:
        if dataclasses.is_dataclass(option) and isinstance(value, dict):
            return from_json(option, value)  # pyright: ignore[reportArgumentType]
        if typing.get_origin(option) is tuple and isinstance(value, list):
            inner = typing.get_args(option)
            each = inner[:1] * len(value) if inner[1:] == (...,) else inner
            # Of another length than the type's: for the dataclass to refuse.
            return (
                tuple(_revive(*pair) for pair in zip(each, value, strict=True))
                if len(each) == len(value)
                else tuple(value)
            )
    return value


def write_json(path: Path, values: Any) -> None:
    """Write JSON: the old file or the new one, never half of it."""
    with replacing(path) as file:
        file.write(json.dumps(values, indent=2) + "\n")


def save_config(path: str | os.PathLike, config: Any) -> None:
    """Write a dataclass configuration to a JSON file."""
    write_json(Path(path), to_json(config))


def load_config(path: str | os.PathLike, kind: type[T]) -> T:
    """Read a dataclass configuration from a JSON file.

    Raises:
        FileNotFoundError: No such file.
        ValueError: The file is not JSON, or not a configuration of that type; the message names the file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"found no {path}")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError(f"must be a JSON object, got {type(values).__name__}")
        return from_json(kind, values)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None
