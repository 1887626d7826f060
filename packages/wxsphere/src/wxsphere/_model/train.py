"""Training on prepared data, in stages of longer and longer rollouts."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

import spinharm
from spinnn import checks
from spinnn.training import OptimizerConfig, TrainingConfig, fit, to_json

from .._conventions.grids import grid_of
from .._conventions.names import LATITUDE, LONGITUDE, TIME
from .._fields.fields import FieldLayout
from .._fields.forcings import FORCINGS
from .._fields.normalize import Normalization, tendency_scale
from .._fields.weights import area_weights, point_weights
from .._prepare.prepared import Prepared
from .forecast_model import ForecastModel, make_network
from .loss import LossConfig, make_map_loss
from .networks import NETWORKS, NetworkConfig
from .pipeline import batch_iterator, batches_per_epoch
from .rollout import Stepper, make_rollout_loss, rollout
from .task import ForecastTask
from .windows import Batch, Windows

MODEL = "model.spinnn"
# Windows from which the typical change is measured where the statistics do not say it.
_CHANGE_SAMPLE = 64


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """A training run on prepared data.

    The defaults of `rollout`, `epochs`, `rate_factors`, `batch_size` and of the learning rate are those of the paper's
    iterated model.

    Attributes:
        variables: Fields that come in; default all with time.
        targets: Fields that go out; default those that come in, so that the model can be repeated.
        constants: Fields without time that come in; default all.
        forcings: Names of `FORCINGS` that come in; default all.
        offsets: Times of the fields that come in, relative to now [hours]: ascending, ending with 0.
        leads: Lead times that the network gives at once [hours]; default the cadence of the data.
        residual: The network gives changes in units of the typical change, not states.
        winds_as_scalars: Treat components of winds as scalars, which is wrong on the sphere, for comparison.
        members: Values of `number` to train on; default all.
        validation_members: Values of `number` to validate on; default those of `members`. Without validation times,
            they are validated on the training times.
        rollout: Steps that each stage repeats the model for.
        epochs: Passes over the data of each stage.
        rate_factors: What the learning rate of each stage is multiplied by.
        batch_size: Windows per step, over all devices.
        seed: Of the first weights and the order of the windows.
        optimizer: Optimiser; it begins anew in each stage.
        loss: Weights of the loss.
        remat: Keep only the states between the steps of a rollout, and compute each again in the backward pass.
        checkpoint_every: Training steps between checkpoints, each with the errors on the validation times.
        log_every: Training steps between lines of metrics.
        validation_windows: How many windows to validate on, evenly spaced.
        memory: Bytes; data that take no more are kept in memory.
        tensorboard: Also write TensorBoard files.
        network: The network.
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
    rollout: tuple[int, ...] = (4, 8, 12)
    epochs: tuple[int, ...] = (50, 10, 10)
    rate_factors: tuple[float, ...] = (1.0, 0.1, 0.01)
    batch_size: int = 32
    seed: int = 0
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=2e-4)
    loss: LossConfig = dataclasses.field(default_factory=LossConfig)
    remat: bool = True
    checkpoint_every: int = 500
    log_every: int = 20
    validation_windows: int = 64
    memory: int = 2**30
    tensorboard: bool = False
    network: NetworkConfig = NETWORKS["tiny"]

    def __post_init__(self) -> None:
        checks.integer_members(
            self,
            dict.fromkeys(
                ("batch_size", "checkpoint_every", "log_every", "validation_windows", "rollout", "epochs"), 1
            ),
        )
        checks.integer_members(self, dict.fromkeys(("seed", "memory", "members", "validation_members"), 0))
        counts = [len(values) for values in (self.rollout, self.epochs, self.rate_factors)]
        if counts[0] == 0 or len(set(counts)) > 1:
            raise ValueError(
                f"`rollout`, `epochs` and `rate_factors` must have one entry per stage and at least one, got "
                f"{self.rollout}, {self.epochs} and {self.rate_factors}"
            )
        checks.number_members(self, positive=("rate_factors", "leads"), finite=("offsets",))
        if any(value > 0 for value in self.offsets):
            raise ValueError(f"`offsets` must be 0 or below, of times that are known, got {self.offsets}")


def make_task(fields: xr.Dataset, cadence_hours: float, config: RunConfig) -> ForecastTask:
    """The task of a run.

    Args:
        fields: Prepared fields.
        cadence_hours: Between their times.
        config: The run.

    Returns:
        The task.

    Raises:
        ValueError: A variable, constant or forcing that is not there, or times that make no task.
    """
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


def train(prepared: Prepared, config: RunConfig, folder: str | os.PathLike, *, progress: bool = True) -> ForecastModel:
    """Train a model, or go on with the run that the folder holds; the result is the same, bit for bit.

    The same result needs as many processor cores; with another number, a warning says so.

    Each stage is a run of `spinnn.training.fit` in a folder of its own, `stage-1`, `stage-2`, …, that begins with the
    weights of the one before. With several devices, batches are divided among them. The finished model is
    `model.spinnn`.

    At each checkpoint the metrics get errors on the validation times, if there are any: `validation_loss` and that of
    persistence, and `validation_rmse_…` of each variable at the last lead time, in its units.

    Args:
        prepared: Fields, statistics and periods, from `prepare` or `open_prepared`.
        config: The run.
        folder: The run's folder.
        progress: Show a progress bar on a terminal.

    Returns:
        The trained model; averaged parameters if the configuration asks for an average.

    Raises:
        ValueError: Data that do not fit the configuration, a rollout that the model cannot make, or a folder of
            another run; and what `fit` raises.
    """
    folder, fields = Path(folder), prepared.fields
    cadence = float(prepared.statistics.attrs["cadence_hours"])
    task = make_task(fields, cadence, config)
    for steps in config.rollout:
        task.check_steps(steps)
    inputs, outputs = (Normalization.of(prepared.statistics, layout) for layout in (task.inputs, task.outputs))

    def windows(times: np.ndarray, members: tuple[int, ...]) -> Windows:
        return Windows(fields, task, inputs, outputs, times=times, members=members, memory=config.memory)

    data, held_out = windows(prepared.training_times, config.members), None
    if len(prepared.validation_times):
        held_out = windows(prepared.validation_times, config.validation_members or config.members)
    elif config.validation_members:
        held_out = windows(prepared.training_times, config.validation_members)
    if not task.residual:
        change = np.ones((len(task.leads), *outputs.scale.shape))
    elif task.leads == (cadence,):
        change = tendency_scale(prepared.statistics, task.outputs, outputs)[None]
    else:
        change = _measured_change(data)
    stepper = Stepper(task, inputs, outputs, change, _constants(fields, task))
    network, state = make_network(config.network, task, config.seed)
    described = {"run": to_json(config), "cadence_hours": cadence, "grid": str(task.grid)}
    place, shard = _placement(config.batch_size), (jax.process_index(), jax.process_count())
    # All stages' windows now: a later stage that cannot be is refused before hours of training.
    whole = [data.with_steps(steps) for steps in config.rollout]
    checked = [None if held_out is None else held_out.with_steps(steps) for steps in config.rollout]
    for stage, (data, to_check, epochs, factor) in enumerate(
        zip(whole, checked, config.epochs, config.rate_factors, strict=True), 1
    ):
        seed = config.seed + stage - 1
        rate = config.optimizer.learning_rate * factor
        network, state = fit(
            network,
            state,
            make_rollout_loss(stepper, config.loss, remat=config.remat),
            batch_iterator(data, config.batch_size, seed=seed, shard=shard),
            TrainingConfig(
                epochs=epochs,
                seed=seed,
                optimizer=dataclasses.replace(config.optimizer, learning_rate=rate),
                checkpoint_every=config.checkpoint_every,
                log_every=config.log_every,
                tensorboard=config.tensorboard,
            ),
            folder / f"stage-{stage}",
            steps_per_epoch=batches_per_epoch(len(data), config.batch_size),
            run_config={**described, "stage": stage, "windows": len(data)},
            place=place,
            on_checkpoint=None if to_check is None else _validation(stepper, config, to_check),
            progress=progress,
        )
    model = ForecastModel(config.network, eqx.nn.inference_mode(network), state, stepper)
    model.save(folder / MODEL, run=to_json(config))
    return model


def _constants(fields: xr.Dataset, task: ForecastTask) -> Float[np.ndarray, "lat lon constant"]:
    """Constants with mean 0 and standard deviation 1 over the sphere."""
    weights = area_weights(fields[LATITUDE].values)[:, None]
    maps = []
    for name in task.constants:
        values = np.asarray(fields[name].transpose(LATITUDE, LONGITUDE).values, np.float64)
        if not np.isfinite(values).all():
            raise ValueError(f"`constants` must be finite, got {name} that is not")
        mean = (values * weights).mean()
        std = ((values - mean) ** 2 * weights).mean() ** 0.5
        if std == 0:
            raise ValueError(f"`constants` must vary, got {name} that is {mean:g} everywhere")
        maps.append((values - mean) / std)
    return np.stack(maps, -1).astype(np.float32) if maps else np.zeros((*task.grid.shape, 0), np.float32)


def _measured_change(windows: Windows) -> Float[np.ndarray, "lead spin channel"]:
    """Root mean square of the change from now to each lead time, of normalised channels; 1 for padding."""
    task = windows.task
    chosen = np.unique(np.linspace(0, len(windows) - 1, _CHANGE_SAMPLE).astype(int))
    weights = point_weights(task.grid)
    total = np.zeros((len(task.leads), len(task.outputs.spins), task.outputs.channels))
    for one in chosen:
        batch = windows.batch(np.array([one]))
        error = np.asarray(batch.targets)[0] - np.asarray(task.now(jnp.asarray(batch.inputs)))[0]
        squares = (np.abs(error) ** 2 * weights).sum((1, 2))
        total += squares
    found = np.sqrt(total / len(chosen))
    # A wind's scale is that of one component.
    if task.outputs.winds:
        found[:, -1] /= 2**0.5
    return np.where(found > 0, found, 1.0)


def _placement(batch_size: int) -> Callable[[Batch], Batch]:
    """Divides batches among all devices."""
    devices = jax.device_count()
    if devices == 1:
        return lambda batch: batch
    if batch_size % devices:
        raise ValueError(f"`batch_size` must be a multiple of the {devices} devices, got {batch_size}")
    mesh = jax.make_mesh((devices,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("batch"))
    return lambda batch: jax.tree.map(lambda x: jax.make_array_from_process_local_data(sharding, x), batch)


def _validation(stepper: Stepper, config: RunConfig, windows: Windows) -> Callable[[Any, Any, int], dict[str, Any]]:
    """What `fit` calls at a checkpoint: errors on some windows."""
    task, chosen = stepper.task, np.unique(np.linspace(0, len(windows) - 1, config.validation_windows).astype(int))
    size = min(config.batch_size, len(chosen))
    padded = np.full(-(-len(chosen) // size) * size, -1)
    padded[: len(chosen)] = chosen
    of_error = make_map_loss(task.outputs, task.grid, config.loss)
    area = point_weights(task.grid)
    leads = len(task.leads)
    program: list[Any] = []

    def errors(arrays: Any, rest: Any, state: Any, batch: Batch) -> tuple[Array, Array, Array]:
        forcings = jnp.moveaxis(jnp.asarray(batch.forcings), 1, 0)
        inputs, targets = jnp.asarray(batch.inputs), jnp.asarray(batch.targets)
        outputs, _ = rollout(stepper, eqx.combine(arrays, rest), state, inputs, forcings)
        found = jnp.moveaxis(outputs, 0, 1).reshape(targets.shape)
        scale = jnp.asarray(np.tile(stepper.error_scale(), (forcings.shape[0], 1, 1))[:, None, None], forcings.dtype)
        scale, weight = scale.astype(targets.dtype), jnp.asarray(batch.weight)

        def losses(error: Array) -> Array:
            return (of_error(error / scale).mean(1) * weight).sum()

        error = found - targets
        squares = (jnp.abs(error) ** 2 * jnp.asarray(area, weight.dtype)).sum((2, 3))[:, -leads:]
        still = losses(task.now(inputs) - targets) if _can_persist(task) else jnp.zeros((), weight.dtype)
        return losses(error), still, (squares * weight[:, None, None, None]).sum(0)

    def validate(network: Any, state: Any, step: int) -> dict[str, Any]:
        arrays, rest = eqx.partition(eqx.nn.inference_mode(network), eqx.is_array)
        if not program:
            program.append(spinharm.jit(lambda arrays, state, batch: errors(arrays, rest, state, batch)))
        total: list[Any] = []
        for part in padded.reshape(-1, size):
            found = jax.device_get(program[0](arrays, state, windows.batch(part)))
            total = [a + b for a, b in zip(total, found, strict=True)] if total else list(found)
        loss, still, squares = (x / len(chosen) for x in total)
        out = {"validation_loss": loss}
        if _can_persist(task):
            out["validation_loss_persistence"] = still
        return out | _root_mean_squares(task, stepper.outputs, squares[-1])

    return validate


def _can_persist(task: ForecastTask) -> bool:
    return set(task.outputs.scalars) <= set(task.inputs.scalars) and set(task.outputs.winds) <= set(task.inputs.winds)


def _root_mean_squares(task: ForecastTask, normalization: Normalization, squares: np.ndarray) -> dict[str, float]:
    """By variable, over its levels, in units; of a wind, of the vector."""
    sums: dict[str, list[float]] = {}
    for row, channels in ((0, task.outputs.scalars), (-1, task.outputs.winds)):
        for at, channel in enumerate(channels):
            value = float(squares[row, at]) * float(normalization.scale[row, at]) ** 2
            sums.setdefault("+".join(channel.names), []).append(value)
    return {f"validation_rmse_{name}": float(np.mean(values)) ** 0.5 for name, values in sums.items()}
