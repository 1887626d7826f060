"""Configurations: frozen dataclasses that are saved as JSON with the results of a run."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from spinharm import checks

from ..checks import flag, integer_members
from ..files import read_json, write_json
from ._optimizer_config import OptimizerConfig, require_member

T = TypeVar("T")
_MOST_BETWEEN_CHECKPOINTS = 1000
# What JSON gives for values of a type.
_JSON_TYPES: dict[Any, Any] = {float: (int, float), int: int, str: str, bool: bool, dict: dict, tuple: list}
_JSON_TYPES |= dict.fromkeys((None, type(None)), type(None))


def _is_range_or_none(value: Any) -> bool:
    """Whether a value is None or two integers in order; other types raise."""
    if value is None:
        return True
    first, *rest = (checks.integer("profile", step) for step in value)
    return len(rest) == 1 and 0 <= first <= rest[0]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """Options of a training run that do not depend on its number of epochs: seed, optimiser, checkpoints, metrics.

    Attributes:
        seed: Seed of all random numbers in training.
        optimizer: Optimiser and schedule.
        checkpoint_every: Steps between checkpoints; None for twenty in a run, and at least one every 1,000 steps.
        keep_checkpoints: How many of the newest are kept.
        log_every: Steps between lines of metrics.
        tensorboard: Also write TensorBoard files (needs tensorboardX).
        profile: Steps (first, last), counted from 0, to trace with `jax.profiler` into `profile/`, or None.

    Examples:
        >>> from spinnn.training import LoopConfig
        >>> LoopConfig(seed=3).for_epochs(10).epochs
        10
    """

    seed: int = 0
    optimizer: OptimizerConfig = dataclasses.field(default=OptimizerConfig(), metadata={"flag": ""})
    checkpoint_every: int | None = 500
    keep_checkpoints: int = 2
    log_every: int = 20
    tensorboard: bool = False
    profile: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        integer_members(self, {"checkpoint_every": 1, "keep_checkpoints": 1, "log_every": 1, "seed": 0})
        checks.flag("tensorboard", self.tensorboard)
        require_member(self, "profile", _is_range_or_none, "(first, last) with 0 ≤ first ≤ last, or None")

    def for_epochs(self, epochs: int, **changes: Any) -> TrainingConfig:
        """Make the configuration of a run of so many epochs.

        Args:
            epochs: Passes over the data.
            **changes: Other values of some attributes.

        Returns:
            The configuration.

        Raises:
            ValueError: Values out of range.
        """
        shared = {field.name: getattr(self, field.name) for field in dataclasses.fields(LoopConfig)}
        return TrainingConfig(**{**shared, **changes, "epochs": epochs})


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig(LoopConfig):
    """A training run.

    Attributes:
        epochs: Passes over the data.

    Examples:
        >>> from spinnn.training import OptimizerConfig, TrainingConfig
        >>> config = TrainingConfig(epochs=3, optimizer=OptimizerConfig(learning_rate=0.01), checkpoint_every=None)
        >>> config.steps_between_checkpoints(steps_per_epoch=40)
        6
    """

    epochs: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        integer_members(self, {"epochs": 1})

    def steps_between_checkpoints(self, steps_per_epoch: int) -> int:
        """Number of steps between checkpoints: `checkpoint_every`, or its default for the length of the run.

        Args:
            steps_per_epoch: Steps of an epoch, at least 1.

        Returns:
            `checkpoint_every`; if that is None, a twentieth of all steps, between 1 and 1,000.
        """
        if self.checkpoint_every is not None:
            return self.checkpoint_every
        return min(max(self.epochs * steps_per_epoch // 20, 1), _MOST_BETWEEN_CHECKPOINTS)


def to_json(config: Any, *, former_names: bool = False) -> dict[str, Any]:
    """Convert a configuration to JSON types; nested dataclasses become objects.

    Args:
        config: A dataclass.
        former_names: Whether renamed fields have their former names, see `from_json`, and fields that earlier versions
            did not have, with the metadata `{"added": True}`, are left out at their defaults; for records that are
            compared with those of earlier versions.

    Returns:
        Names and values.

    Examples:
        >>> from spinnn.training import OptimizerConfig, to_json
        >>> to_json(OptimizerConfig())["learning_rate"]
        0.001
    """
    flag("former_names", former_names)
    values = _with_former_names(config) if former_names else dataclasses.asdict(config)
    return json.loads(json.dumps(values))


def _with_former_names(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return {
            field.metadata.get("formerly", field.name): _with_former_names(getattr(value, field.name))
            for field in fields
            if not (field.metadata.get("added") and getattr(value, field.name) == field.default)
        }
    if isinstance(value, list | tuple):
        return [_with_former_names(one) for one in value]
    return {name: _with_former_names(one) for name, one in value.items()} if isinstance(value, dict) else value


def from_json(kind: type[T] | types.UnionType, values: dict[str, Any]) -> T:
    """Make a configuration from JSON types; unknown or missing names and values of other types are refused.

    Values from earlier versions are read: a field with the metadata `{"formerly": name}` also by that name, and others
    by a class method `upgraded(values)` of the type, which converts them to the present format; see `moved`.

    Args:
        kind: The dataclass, or a union of dataclasses, of which the one with the most of these names is chosen.
        values: What `to_json` gave; names that are left out have their defaults.

    Returns:
        The configuration.

    Raises:
        TypeError: `kind` is not a dataclass or a union of dataclasses, or `values` not a dictionary.
        ValueError: A name that the type does not have, one without default that is missing, or a value of another type
            or out of range; the message has the dotted name of the field.

    Examples:
        >>> from spinnn.training import TrainingConfig, from_json
        >>> from_json(TrainingConfig, {"epochs": 30, "optimizer": {"name": "muon"}}).optimizer.name
        'muon'
        >>> from_json(TrainingConfig, {"optimizer": {"name": "sgd"}})
        Traceback (most recent call last):
            ...
        ValueError: `optimizer.name` must be 'adam' or 'adamw' or 'muon' or 'schedule-free', got 'sgd'
    """
    kinds = _options_of(kind)
    if not all(isinstance(one, type) and dataclasses.is_dataclass(one) for one in kinds):
        raise TypeError(f"`kind` must be a dataclass or a union of dataclasses, got {kind!r}")
    checks.instance("values", values, dict, "a dictionary of names and values")
    kind = _by_names(kinds, values)
    if (upgraded := getattr(kind, "upgraded", None)) is not None:
        values = upgraded(values)
    return _made(typing.cast("type[T]", kind), values, "")


def _made(kind: type[T], values: dict[str, Any], where: str) -> T:
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # pyright: ignore[reportArgumentType]
    inside = f" in `{where}`" if where else ""
    values = _with_present_names(fields, values, inside)
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


def _with_present_names(
    fields: Mapping[str, dataclasses.Field[Any]], values: Mapping[str, Any], inside: str
) -> dict[str, Any]:
    """Values with the former names of renamed fields replaced by the present ones."""
    out = dict(values)
    for name, field in fields.items():
        former = field.metadata.get("formerly")
        if former in out:
            if name in out:
                raise ValueError(
                    f"`{former}` must not be given together with `{name}`, its present name, got both{inside}"
                )
            out[name] = out.pop(former)
    return out


def _revive(hint: Any, value: Any, where: str) -> Any:
    """Restore a field's value from JSON: dataclasses from objects, tuples from lists; other types are refused."""
    options = _options_of(hint)
    fitting = [option for option in options if _fits(option, value)]
    if not fitting:
        raise ValueError(f"`{where}` must be {' or '.join(map(_named, options))}, got {value!r}")
    option = _by_names(fitting, value)
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


def _options_of(hint: Any) -> tuple[Any, ...]:
    """The types in a union, or the one type."""
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _by_names(options: Sequence[Any], value: Any) -> Any:
    """Of several dataclasses the one that has most of the names in an object, else the first option."""
    kinds = [option for option in options if dataclasses.is_dataclass(option)]
    if len(kinds) < 2:
        return options[0]

    def unknown(kind: Any) -> int:
        fields = dataclasses.fields(kind)
        return len(set(value) - {field.name for field in fields} - {field.metadata.get("formerly") for field in fields})

    return min(kinds, key=unknown)


def _fits(hint: Any, value: Any) -> bool:
    """Whether a JSON value can be of that type; entries of lists and objects are checked later."""
    if typing.get_origin(hint) is Literal:
        return any(value == one and type(value) is type(one) for one in typing.get_args(hint))
    kind = dict if dataclasses.is_dataclass(hint) else typing.get_origin(hint) or hint
    if kind not in _JSON_TYPES:
        # Other types cannot be told from their JSON.
        return True
    if isinstance(value, bool) or not isinstance(value, _JSON_TYPES[kind]):
        return kind is bool and isinstance(value, bool)
    return kind is not float or abs(value) <= sys.float_info.max


def _named(hint: Any) -> str:
    if typing.get_origin(hint) is Literal:
        return " or ".join(map(repr, typing.get_args(hint)))
    if dataclasses.is_dataclass(hint) or typing.get_origin(hint) is dict:
        return "an object"
    if typing.get_origin(hint) is tuple:
        return "a list"
    words = {int: "an integer", float: "a finite number", str: "a text", bool: "true or false", type(None): "null"}
    return words.get(hint, str(hint))


def moved(values: Mapping[str, Any], places: Mapping[str, str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Move values of a configuration from their names in an earlier version to the present ones.

    Args:
        values: What a file holds, JSON types.
        places: By the earlier name, the present one, dotted inside nested objects.
        defaults: Defaults of outermost objects by name, for entries that the values do not give.

    Returns:
        The values by their present names.

    Raises:
        TypeError: An argument that is not a dictionary, or a place that is not a text.
        ValueError: Values with both an earlier name and its present one.

    Examples:
        >>> from spinnn.training import moved
        >>> moved({"rate": 0.1, "out": "a"}, {"rate": "optimizer.rate"}, {"optimizer": {"rate": 1.0, "decay": 0}})
        {'out': 'a', 'optimizer': {'rate': 0.1, 'decay': 0}}
    """
    for argument, given in (("values", values), ("places", places), ("defaults", defaults)):
        checks.instance(argument, given, Mapping, "a dictionary")
    if wrong := [place for place in places.values() if not isinstance(place, str)]:
        raise TypeError(f"`places` must have dotted names as values, got {wrong[0]!r}")
    out = {name: value for name, value in values.items() if name not in places}
    for name, default in defaults.items():
        out[name] = _joined(default, out.get(name, {}))
    for name in (name for name in places if name in values):
        inside, at = out, places[name].split(".")
        if _holds(values, at):
            raise ValueError(f"`{name}` must not be given together with `{places[name]}`, its present name")
        for outer in at[:-1]:
            inside = inside.setdefault(outer, {})
            if not isinstance(inside, dict):
                raise ValueError(f"`{outer}` must be an object, got {inside!r}")
        inside[at[-1]] = _joined(inside.get(at[-1]), values[name])
    return out


def _joined(default: Any, value: Any) -> Any:
    """A value, with missing entries of objects taken from a default."""
    if not (isinstance(default, dict) and isinstance(value, dict)):
        return value
    return {name: _joined(default.get(name), value.get(name, default.get(name))) for name in {**default, **value}}


def _holds(values: Any, at: list[str]) -> bool:
    for name in at:
        if not isinstance(values, Mapping) or name not in values:
            return False
        values = values[name]
    return True


def save_config(path: str | os.PathLike, config: Any) -> None:
    """Write a dataclass configuration to a JSON file.

    Args:
        path: The file.
        config: A dataclass.

    Raises:
        OSError: The file cannot be written.

    Examples:
        >>> from spinnn.training import TrainingConfig, load_config, save_config
        >>> save_config("config.json", TrainingConfig(epochs=30))
        >>> load_config("config.json", TrainingConfig).epochs
        30
    """
    write_json(Path(path), to_json(config))


def load_config(path: str | os.PathLike, kind: type[T]) -> T:
    """Read a dataclass configuration from a JSON file.

    Args:
        path: The file.
        kind: The dataclass.

    Returns:
        The configuration.

    Raises:
        FileNotFoundError: No such file.
        ValueError: The file is not JSON, or not a configuration of that type; the message names the file and field.

    Examples:
        >>> from pathlib import Path
        >>> from spinnn.training import TrainingConfig, load_config
        >>> _ = Path("config.json").write_text('{"epochs": 0}')
        >>> load_config("config.json", TrainingConfig)
        Traceback (most recent call last):
            ...
        ValueError: config.json: `epochs` must be at least 1, got 0
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"found no {path}")
    values = read_json(path)
    try:
        return from_json(kind, values)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None
