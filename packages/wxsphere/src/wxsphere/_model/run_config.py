"""Configuration of training runs: fields, stages, optimiser, network; and the task of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import xarray as xr

from spinnn import checks
from spinnn.training import LoopConfig, OptimizerConfig, from_json, moved, to_json

from .. import _checks
from .._conventions.grids import grid_of
from .._conventions.names import LATITUDE, LONGITUDE, TIME
from .._fields.fields import FieldLayout
from .._fields.forcings import FORCINGS
from .loss import LossConfig
from .networks import NETWORKS, NetworkConfig
from .task import ForecastTask


@dataclasses.dataclass(frozen=True)
class Stage:
    """Stage of training with rollouts of a fixed number of steps.

    Attributes:
        steps: Number of steps of the rollout, at least 1.
        epochs: Passes over the data, at least 1.
        rate_factor: Factor of the learning rate, above 0.

    Examples:
        >>> from wxsphere import Stage
        >>> Stage(steps=4, epochs=10, rate_factor=0.1)
        Stage(steps=4, epochs=10, rate_factor=0.1)
    """

    steps: int = 1
    epochs: int = 1
    rate_factor: float = 1.0

    def __post_init__(self) -> None:
        for name in ("steps", "epochs"):
            _checks.integer(name, getattr(self, name), 1)
        _checks.number("rate_factor", self.rate_factor, above=0.0)


@dataclasses.dataclass(frozen=True)
class StageFlags:
    """Stages in the form of the flags of `wxsphere train` and of option files of earlier versions.

    Attributes:
        rollout: Steps of the rollout in each stage.
        epochs: Passes over the data in each stage.
        rate_factors: Factor of the learning rate in each stage.
    """

    rollout: tuple[int, ...]
    epochs: tuple[int, ...]
    rate_factors: tuple[float, ...]

    @classmethod
    def of(cls, stages: Sequence[Stage]) -> StageFlags:
        """Convert stages to flags."""
        columns = zip(*(dataclasses.astuple(stage) for stage in stages), strict=True)
        return cls(*columns) if stages else cls((), (), ())

    def made(self) -> tuple[Stage, ...]:
        """Convert the flags to stages.

        Raises:
            ValueError: Flags have different lengths or no entry, or values are out of range.
        """
        columns = (self.rollout, self.epochs, self.rate_factors)
        if not self.rollout or len({len(values) for values in columns}) > 1:
            raise ValueError(
                f"`rollout`, `epochs` and `rate_factors` must have one entry per stage and at least one, got "
                f"{self.rollout}, {self.epochs} and {self.rate_factors}"
            )
        return tuple(Stage(*values) for values in zip(*columns, strict=True))


_STAGES = (Stage(4, 50), Stage(8, 10, 0.1), Stage(12, 10, 0.01))
_TRAINING = LoopConfig(optimizer=OptimizerConfig(learning_rate=2e-4))
# Present places of the options of earlier files.
_PLACES = {name: f"training.{name}" for name in ("seed", "optimizer", "checkpoint_every", "log_every", "tensorboard")}


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Configuration of a training run on prepared data.

    The defaults of `stages`, `batch_size` and the learning rate are those of the iterated model of the paper.

    Attributes:
        variables: Input fields; default all fields with time.
        targets: Output fields; default the input fields, so that the model can be iterated.
        constants: Input fields without time; default all.
        forcings: Names in `FORCINGS` of input forcings; default all.
        offsets: Times of the input fields relative to the initial time [hours], ascending, the last 0.
        leads: Lead times of the outputs of one step [hours]; default the cadence of the data.
        residual: Outputs of the network are changes in units of the typical change, not states.
        winds_as_scalars: Treat wind components as scalars, which is not equivariant; for comparison.
        members: Values of `number` to train on; default all.
        validation_members: Values of `number` to validate on; default `members`. If there are no validation times,
            these members are validated at the training times.
        stages: Stages of training, in order.
        batch_size: Windows per step, over all devices.
        training: Seed of the initial weights and of the order of windows; optimiser, which is reset in each stage;
            checkpoints, each with errors at the validation times.
        loss: Weights of the loss.
        remat: Keep only the states between the steps of a rollout, and recompute each step in the backward pass.
        validation_windows: Number of windows to validate on, evenly spaced.
        memory_gib: Data up to this size [GiB] are kept in memory.
        network: Configuration of the network.

    Raises:
        TypeError: A value has the wrong type.
        ValueError: A number is out of range, an offset is above 0, or there is no stage.

    Examples:
        >>> from spinnn.training import LoopConfig, OptimizerConfig
        >>> from wxsphere import RunConfig, Stage, network_config
        >>> config = RunConfig(
        ...     stages=(Stage(1, epochs=20), Stage(4, epochs=5, rate_factor=0.3)),
        ...     training=LoopConfig(seed=1, optimizer=OptimizerConfig(learning_rate=3e-3, ema_decay=0.999)),
        ...     network=network_config("tiny"),
        ... )
        >>> [stage.steps for stage in config.stages]
        [1, 4]
        >>> config.as_recorded()["rollout"]
        [1, 4]
        >>> RunConfig.upgraded({"memory": 2**29})["memory_gib"]
        0.5
    """

    variables: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    constants: tuple[str, ...] | None = None
    forcings: tuple[str, ...] | None = None
    offsets: tuple[float, ...] = (0.0,)
    leads: tuple[float, ...] = ()
    residual: bool = True
    winds_as_scalars: bool = False
    members: tuple[int, ...] = ()
    validation_members: tuple[int, ...] = ()
    stages: tuple[Stage, ...] = dataclasses.field(default=_STAGES, metadata={"flags": StageFlags})
    batch_size: int = 32
    training: LoopConfig = dataclasses.field(default=_TRAINING, metadata={"flag": ""})
    loss: LossConfig = dataclasses.field(default_factory=LossConfig)
    remat: bool = True
    validation_windows: int = 64
    memory_gib: float = 1.0
    network: NetworkConfig = NETWORKS["tiny"]

    def __post_init__(self) -> None:
        for name in ("variables", "targets", "constants", "forcings"):
            if (value := getattr(self, name)) is not None or name in ("variables", "targets"):
                object.__setattr__(self, name, tuple(_checks.names(name, value)))
        for name in ("offsets", "leads"):
            object.__setattr__(self, name, _checks.numbers(name, getattr(self, name)))
        for name in ("members", "validation_members"):
            object.__setattr__(self, name, _checks.integers(name, getattr(self, name)))
        for name in ("residual", "winds_as_scalars", "remat"):
            _checks.flag(name, getattr(self, name))
        for name, kind in (("training", LoopConfig), ("loss", LossConfig), ("network", NetworkConfig)):
            _checks.instance(name, getattr(self, name), kind, f"a {kind.__name__}")
        _checks.instance("stages", self.stages, (tuple, list), "a tuple of wxsphere.Stage")
        object.__setattr__(self, "stages", tuple(self.stages))
        checks.integer_members(self, dict.fromkeys(("batch_size", "validation_windows"), 1))
        checks.integer_members(self, dict.fromkeys(("members", "validation_members"), 0))
        checks.number_members(self, positive=("leads",), finite=("offsets",))
        if any(value > 0 for value in self.offsets):
            raise ValueError(f"`offsets` must be 0 or below, as later times are not known, got {self.offsets}")
        _checks.memory_bytes("memory_gib", self.memory_gib)
        for stage in self.stages:
            _checks.instance("stages", stage, Stage, "a tuple of wxsphere.Stage")
        if not self.stages:
            raise ValueError("`stages` must have at least one stage, got ()")

    @classmethod
    def upgraded(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Convert options of earlier versions: stages as three lists, `memory` in bytes, a flat `seed` and others.

        Args:
            values: Content of an option file, JSON types.

        Returns:
            The options in the form of this version.

        Raises:
            ValueError: An option is given under both names, or lists have different lengths.
        """
        _checks.instance("values", values, dict, "a dictionary of options by name")
        out = moved(values, {**_PLACES, "memory": "memory_gib"}, {"training": to_json(_TRAINING)})
        if "memory" in values:
            out["memory_gib"] = _checks.integer("memory", values["memory"], 0) / 2**30
        lists = {field.name: out.pop(field.name) for field in dataclasses.fields(StageFlags) if field.name in out}
        if lists:
            if "stages" in values:
                raise ValueError(f"`{next(iter(lists))}` must not be given together with `stages`")
            flags = from_json(StageFlags, {**to_json(StageFlags.of(_STAGES)), **lists})
            out["stages"] = [to_json(stage) for stage in flags.made()]
        return out

    def as_recorded(self) -> dict[str, Any]:
        """Content of `config.json` in the folder of a run, which identifies the run of a checkpoint.

        Options have the names of the first version, so that runs of that version can be resumed; options that do not
        change results are left out.
        """
        values = to_json(self, former_names=True)
        training = {old: values["training"][old] for old in _PLACES}
        stages, memory = to_json(StageFlags.of(self.stages)), _checks.memory_bytes("memory_gib", self.memory_gib)
        kept = {name: value for name, value in values.items() if name not in ("stages", "training", "memory_gib")}
        return {**kept, **training, **stages, "memory": memory}


def make_task(fields: xr.Dataset, cadence_hours: float, config: RunConfig) -> ForecastTask:
    """Make the task of a run.

    Args:
        fields: Prepared fields.
        cadence_hours: Spacing of their times [hours].
        config: Configuration of the run.

    Returns:
        The task.

    Raises:
        ValueError: A variable, constant or forcing is missing, or `ForecastTask` refuses the times.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import RunConfig, grid_dataset, make_task
        >>> times = np.datetime64("2000-01-01", "ns") + np.arange(4) * np.timedelta64(6, "h")
        >>> fields = grid_dataset(Grid.gauss_legendre(4)).assign_coords(time=times)
        >>> fields["2m_temperature"] = (("time", "latitude", "longitude"), np.zeros((4, 4, 8), np.float32))
        >>> make_task(fields, 6.0, RunConfig(forcings=())).leads
        (6.0,)
    """
    _checks.dataset("fields", fields)
    _checks.number("cadence_hours", cadence_hours, above=0.0, below=_checks.MOST_HOURS)
    _checks.instance("config", config, RunConfig, "a wxsphere.RunConfig")
    maps = {str(name) for name, field in fields.data_vars.items() if {LATITUDE, LONGITUDE} <= set(field.dims)}
    varying = sorted(name for name in maps if TIME in fields[name].dims)
    static = sorted(maps - set(varying))
    for name, given, there in (
        ("variables", config.variables, varying),
        ("targets", config.targets, varying),
        ("constants", config.constants or (), static),
        ("forcings", config.forcings or (), sorted(FORCINGS)),
    ):
        unknown = [one for one in given if one not in there]
        if unknown:
            raise ValueError(f"`{name}` must be among {', '.join(there) or 'none'}, got {unknown[0]!r}")
    inputs = FieldLayout.of(fields, config.variables or varying, winds_as_scalars=config.winds_as_scalars)
    outputs = inputs
    if config.targets:
        outputs = FieldLayout.of(fields, config.targets, winds_as_scalars=config.winds_as_scalars)
    return ForecastTask(
        inputs,
        outputs,
        grid_of(fields),
        config.offsets,
        config.leads or (cadence_hours,),
        tuple(static) if config.constants is None else config.constants,
        tuple(sorted(FORCINGS)) if config.forcings is None else config.forcings,
        config.residual,
    )
