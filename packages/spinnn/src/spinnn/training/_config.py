"""Configurations: frozen dataclasses, saved as JSON beside what they made."""

from __future__ import annotations

import dataclasses
import json
import math
import numbers
import os
import sys
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

from spinharm import checks

from ..checks import integer_members
from ..files import read_json, write_json

T = TypeVar("T")


def _require(config: Any, name: str, holds: Callable[[Any], bool], wanted: str) -> None:
    value = getattr(config, name)
    try:
        good = holds(value)
    except (TypeError, LookupError):
        raise TypeError(f"`{name}` must be {wanted}, got {value!r}") from None
    if not good:
        raise ValueError(f"`{name}` must be {wanted}, got {value!r}")


def _at_least(minimum: int) -> Callable[[Any], bool]:
    """Whether a value is an integer and not below a minimum; other types raise."""

    def holds(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise TypeError
        return value >= minimum  # pyright: ignore[reportOperatorIssue]

    return holds


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
        _require(self, "name", lambda x: x in ("adam", "adamw", "muon"), "'adam', 'adamw' or 'muon'")
        _require(self, "learning_rate", lambda x: 0 < x < math.inf, "above 0")
        _require(self, "warmup_epochs", lambda x: 0 <= x < math.inf, "0 or more")
        _require(self, "final_fraction", lambda x: 0 <= x <= 1, "between 0 and 1")
        _require(self, "weight_decay", lambda x: 0 <= x < math.inf, "0 or more")
        _require(self, "clip_norm", lambda x: x is None or 0 < x < math.inf, "above 0, or None")
        _require(self, "ema_decay", lambda x: x is None or 0 < x < 1, "between 0 and 1, or None")
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
            _require(self, name, _at_least(1), "at least 1")
        _require(self, "seed", _at_least(0), "an integer of 0 or more")
        # At most 64 bits.
        integer_members(self, dict.fromkeys(("epochs", "checkpoint_every", "keep_checkpoints", "log_every", "seed"), 0))
        _require(
            self, "profile", lambda x: x is None or 0 <= x[0] <= x[1], "(first, last) with 0 ≤ first ≤ last, or None"
        )


def to_json(config: Any) -> dict[str, Any]:
    """A configuration as JSON types; nested dataclasses become objects."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def from_json(kind: type[T], values: dict[str, Any]) -> T:
    """The configuration of that dataclass type; unknown or missing names and values of other types are refused.

    Args:
        kind: The dataclass.
        values: What `to_json` gave; names that are left out have their defaults.

    Returns:
        The configuration.

    Raises:
        TypeError: `kind` is no dataclass, or `values` no dictionary.
        ValueError: A name that the type does not have, one without default that is missing, or a value of another type
            or out of range; the message has the dotted name of the field.
    """
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        raise TypeError(f"`kind` must be a dataclass, got {kind!r}")
    checks.instance("values", values, dict, "a dictionary of names and values")
    return _made(kind, values, "")


def _made(kind: type[T], values: dict[str, Any], where: str) -> T:
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # pyright: ignore[reportArgumentType]
    inside = f" in `{where}`" if where else ""
    if unknown := sorted(set(values) - set(fields)):
        raise ValueError(f"{kind.__name__} has no {unknown}{inside}, it has {sorted(fields)}")
    chosen = {name: _revive(hints[name], value, f"{where}.{name}".lstrip(".")) for name, value in values.items()}
    try:
        return kind(**chosen)
    except TypeError as error:
        raise ValueError(f"cannot make {kind.__name__}{inside} of {values}: {error}") from None
    except ValueError as error:
        if not where:
            raise
        raise ValueError(f"{error}{inside}") from None


def _revive(hint: Any, value: Any, where: str) -> Any:
    """The value of a field: dataclasses and tuples, which JSON made objects and lists of; nothing of another type."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    fitting = [option for option in options if _fits(option, value)]
    if not fitting:
        raise ValueError(f"`{where}` must be {' or '.join(map(_named, options))}, got {value!r}")
    option = fitting[0]
    if dataclasses.is_dataclass(option):
        return _made(option, value, where)  # pyright: ignore[reportArgumentType]
    inner = typing.get_args(option)
    if typing.get_origin(option) is tuple:
        each = inner[:1] * len(value) if inner[1:] == (...,) else inner
        if len(each) != len(value):
            raise ValueError(f"`{where}` must have {len(each)} entries, got {value!r}")
        return tuple(_revive(one, x, f"{where}[{i}]") for i, (one, x) in enumerate(zip(each, value, strict=True)))
    if typing.get_origin(option) is dict:
        return {name: _revive(inner[1], x, f"{where}.{name}") for name, x in value.items()}
    return value


def _fits(hint: Any, value: Any) -> bool:
    """Whether a JSON value can be of that type; the insides of lists and objects are looked at later."""
    if hint is bool or (isinstance(value, bool) and hint in (int, float)):
        return hint is bool and isinstance(value, bool)
    origin = typing.get_origin(hint) or hint
    if origin is Literal:
        return any(value == one and type(value) is type(one) for one in typing.get_args(hint))
    if hint is float:
        return isinstance(value, int | float) and abs(value) <= sys.float_info.max
    if hint is None or hint is type(None):
        return value is None
    if dataclasses.is_dataclass(hint) or origin is dict:
        return isinstance(value, dict)
    if origin is tuple:
        return isinstance(value, list)
    # Other types cannot be told from their JSON.
    return isinstance(value, hint) if hint in (int, str) else True


def _named(hint: Any) -> str:
    if typing.get_origin(hint) is Literal:
        return " or ".join(map(repr, typing.get_args(hint)))
    if dataclasses.is_dataclass(hint) or typing.get_origin(hint) is dict:
        return "an object"
    if typing.get_origin(hint) is tuple:
        return "a list"
    words = {int: "an integer", float: "a finite number", str: "a text", bool: "true or false", type(None): "null"}
    return words.get(hint, str(hint))


def save_config(path: str | os.PathLike, config: Any) -> None:
    """Write a dataclass configuration to a JSON file."""
    write_json(Path(path), to_json(config))


def load_config(path: str | os.PathLike, kind: type[T]) -> T:
    """Read a dataclass configuration from a JSON file.

    Raises:
        FileNotFoundError: No such file.
        ValueError: The file is not JSON, or not a configuration of that type; the message names the file and field.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"found no {path}")
    values = read_json(path)
    try:
        return from_json(kind, values)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None
