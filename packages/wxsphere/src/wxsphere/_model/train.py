"""Training on prepared data, in stages with rollouts of increasing length."""

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
from spinnn.training import Run, fit

from .. import _checks
from .._conventions.names import LATITUDE, LONGITUDE
from .._fields.normalize import Normalization, tendency_scale
from .._fields.weights import area_weights, point_weights
from .._prepare.prepared import Prepared
from .batches import batch_iterator, batches_per_epoch
from .forecast_model import ForecastModel, make_network
from .loss import make_map_loss
from .rollout import Stepper, make_rollout_loss, rollout
from .run_config import RunConfig, make_task
from .task import ForecastTask
from .windows import Batch, Windows

MODEL = "model.spinnn"
# Number of windows from which the typical change is computed if the statistics do not have it.
_CHANGE_SAMPLE = 64


def train(prepared: Prepared, config: RunConfig, folder: str | os.PathLike, *, progress: bool = True) -> ForecastModel:
    """Train a model, or resume the run in the folder, with a bitwise equal result.

    Results are bitwise equal on the same number of processor cores; a warning is given if that number has changed.

    Each stage is a run of `spinnn.training.fit` in its own folder, `stage-1`, `stage-2`, …, which starts from the
    weights of the stage before. With several devices, batches are divided among them. The trained model is written to
    `model.spinnn`.

    The metrics of each checkpoint include errors at the validation times, if there are any: `validation_loss`, that of
    persistence, and `validation_rmse_…` of each variable at the last lead time, in physical units.

    Args:
        prepared: Fields, statistics and periods, from `prepare` or `open_prepared`.
        config: Configuration of the run.
        folder: Folder of the run.
        progress: Show a progress bar on a terminal.

    Returns:
        The trained model, with averaged parameters if the configuration has an average.

    Raises:
        ValueError: The data do not fit the configuration, the model cannot be iterated for a rollout, or the folder is
            of another run; also the errors of `fit`.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import NetworkConfig, RunConfig, Stage, grid_dataset, prepare, train
        >>> times = np.arange("2020-01-01T00", "2020-01-02T00", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> fields = grid_dataset(Grid.gauss_legendre(4)).assign_coords(time=times)
        >>> values = np.random.default_rng(0).normal(280, 5, (4, 4, 8))
        >>> fields["2m_temperature"] = ("time", "latitude", "longitude"), values
        >>> small = NetworkConfig("resnet", bandlimits=(2,), widths=(2,), num_filter_params=(None,))
        >>> stages = (Stage(steps=1, epochs=1),)
        >>> config = RunConfig(stages=stages, batch_size=2, forcings=(), constants=(), network=small)
        >>> model = train(prepare(fields, "data"), config, "run", progress=False)
        >>> model.step.astype("timedelta64[h]")
        np.timedelta64(6,'h')
    """
    _checks.instance("prepared", prepared, Prepared, "a wxsphere.Prepared, as `open_prepared` gives it")
    _checks.instance("config", config, RunConfig, "a wxsphere.RunConfig")
    _checks.flag("progress", progress)
    folder, cadence = Path(folder), _cadence_hours(prepared)
    stepper, data, held_out = _begin(prepared, config)
    task, training = stepper.task, config.training
    network, state = make_network(config.network, task, training.seed)
    recorded = config.as_recorded()
    place, shard = _placement(config.batch_size), (jax.process_index(), jax.process_count())
    # The windows of all stages, so that an impossible stage is refused before hours of training.
    whole = [data.with_steps(stage.steps) for stage in config.stages]
    checked = [None if held_out is None else held_out.with_steps(stage.steps) for stage in config.stages]
    for number, (stage, data, to_check) in enumerate(zip(config.stages, whole, checked, strict=True), 1):
        seed = training.seed + number - 1
        rate = training.optimizer.learning_rate * stage.rate_factor
        optimizer = dataclasses.replace(training.optimizer, learning_rate=rate)
        described = {"run": recorded, "cadence_hours": cadence, "grid": str(task.grid)}
        run = Run(
            folder / f"stage-{number}",
            steps_per_epoch=batches_per_epoch(len(data), config.batch_size),
            described={**described, "stage": number, "windows": len(data)},
            place=place,
            on_checkpoint=None if to_check is None else _validation(stepper, config, to_check),
            progress=progress,
        )
        loss = make_rollout_loss(stepper, config.loss, remat=config.remat)
        batches = batch_iterator(data, config.batch_size, seed=seed, shard=shard)
        stage_config = training.for_epochs(stage.epochs, seed=seed, optimizer=optimizer)
        network, state = fit(network, state, loss, batches, stage_config, run)
    model = ForecastModel(config.network, eqx.nn.inference_mode(network), state, stepper)
    model.save(folder / MODEL, run=recorded)
    return model


def _cadence_hours(prepared: Prepared) -> float:
    return float(prepared.statistics.attrs["cadence_hours"])


def _begin(prepared: Prepared, config: RunConfig) -> tuple[Stepper, Windows, Windows | None]:
    """The stepper, and the windows of one step for training and for validation."""
    fields, cadence = prepared.fields, _cadence_hours(prepared)
    task = make_task(fields, cadence, config)
    for stage in config.stages:
        task.check_steps(stage.steps)
    inputs, outputs = (Normalization.of(prepared.statistics, layout) for layout in (task.inputs, task.outputs))

    def windows(times: np.ndarray, members: tuple[int, ...]) -> Windows:
        return Windows(fields, task, inputs, outputs, times=times, members=members, memory_gib=config.memory_gib)

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
    return Stepper(task, inputs, outputs, change, _constants(fields, task)), data, held_out


def _constants(fields: xr.Dataset, task: ForecastTask) -> Float[np.ndarray, "lat lon constant"]:
    """Constants, scaled to mean 0 and standard deviation 1 over the sphere."""
    weights = area_weights(fields[LATITUDE].values)[:, None]
    maps = []
    for name in task.constants:
        values = np.asarray(fields[name].transpose(LATITUDE, LONGITUDE).values, np.float64)
        if not np.isfinite(values).all():
            raise ValueError(f"`constants` must be finite, got NaN or infinity in {name}")
        mean = (values * weights).mean()
        std = ((values - mean) ** 2 * weights).mean() ** 0.5
        if std == 0:
            raise ValueError(f"`constants` must vary, got {name} that is {mean:g} everywhere")
        maps.append((values - mean) / std)
    return np.stack(maps, -1).astype(np.float32) if maps else np.zeros((*task.grid.shape, 0), np.float32)


def _measured_change(windows: Windows) -> Float[np.ndarray, "lead spin channel"]:
    """Root mean square change of normalised channels up to each lead time; 1 for padding."""
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
    # The scale of a wind is that of one component.
    if task.outputs.winds:
        found[:, -1] /= 2**0.5
    return np.where(found > 0, found, 1.0)


def _placement(batch_size: int) -> Callable[[Batch], Batch]:
    """Sharding that divides batches among all devices."""
    devices = jax.device_count()
    if devices == 1:
        return lambda batch: batch
    if batch_size % devices:
        raise ValueError(f"`batch_size` must be a multiple of the {devices} devices, got {batch_size}")
    mesh = jax.make_mesh((devices,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("batch"))
    return lambda batch: jax.tree.map(lambda x: jax.make_array_from_process_local_data(sharding, x), batch)


def _validation(stepper: Stepper, config: RunConfig, windows: Windows) -> Callable[[Any, Any, int], dict[str, Any]]:
    """Function that `fit` calls at a checkpoint: errors on some windows."""
    task, chosen = (
        stepper.task,
        np.unique(np.linspace(0, len(windows) - 1, min(len(windows), config.validation_windows)).astype(int)),
    )
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
    """RMSE by variable over its levels, in physical units; of winds, that of the vector."""
    sums: dict[str, list[float]] = {}
    for row, channels in ((0, task.outputs.scalars), (-1, task.outputs.winds)):
        for at, channel in enumerate(channels):
            value = float(squares[row, at]) * float(normalization.scale[row, at]) ** 2
            sums.setdefault("+".join(channel.names), []).append(value)
    return {f"validation_rmse_{name}": float(np.mean(values)) ** 0.5 for name, values in sums.items()}
