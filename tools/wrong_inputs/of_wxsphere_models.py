"""Valid calls of what `wxsphere` offers for models: tasks, training, forecasts, and the folders that they need."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import wxsphere
from spinnn.training import LoopConfig, OptimizerConfig
from wxsphere import FieldLayout, ForecastModel, ForecastTask, NetworkConfig, Normalization, RunConfig, Stage, Stepper

from .calls import Call, always
from .weather import GRID, HOURS, NAMES, TIMES, dataset

_NETWORK = NetworkConfig("resnet", bandlimits=(2,), widths=(2,), num_filter_params=(None,))
_RUN = RunConfig(
    constants=("sine_of_latitude",), forcings=(), stages=(Stage(),), batch_size=2, validation_windows=1,
    training=LoopConfig(optimizer=OptimizerConfig(warmup_epochs=0.0)), network=_NETWORK,
)  # fmt: skip
_KEY = jax.random.key(0)


def calls() -> list[Call]:
    """One valid call for each public name."""
    return [*_tasks(), *_models(), *_folders()]


class _Grow(eqx.Module):
    """The state at the last offset times a factor."""

    factor: jax.Array

    def __call__(self, x: Any, state: Any, *, mask: Any = None) -> Any:
        return x[..., :2] * self.factor, state


def _model() -> ForecastModel:
    layout = FieldLayout.of(dataset(), NAMES)
    task = ForecastTask(layout, layout, GRID, forcings=("sine_of_day",))
    shape = (len(layout.spins), layout.channels)
    normal = Normalization(np.zeros(shape), np.full(shape, 100.0))
    stepper = Stepper(task, normal, normal, np.ones((1, *shape)), np.zeros((*GRID.shape, 0), np.float32))
    network, state = eqx.nn.make_with_state(_Grow)(jnp.asarray(0.1, jnp.complex64))
    return ForecastModel(_NETWORK, network, state, stepper)


def _tasks() -> list[Call]:
    data, model = dataset(), _model()
    task, stepper, layout, normal = model.task, model.stepper, model.layout, model.stepper.inputs
    maps = normal.normalize(layout.pack(data))
    window, forcing = maps[:, None], model.forcings(TIMES)
    statistics = wxsphere.field_statistics(data)
    windows = wxsphere.Windows(data, task, normal, normal)
    loss = wxsphere.LossConfig(variables={"temperature": 2.0})
    options = {f: getattr(_RUN, f) for f in RunConfig.__dataclass_fields__}
    options |= {"variables": NAMES, "targets": NAMES, "forcings": ("sine_of_day",), "leads": (6.0,)}
    network = {f: getattr(_NETWORK, f) for f in NetworkConfig.__dataclass_fields__}
    step = {"network": model.network, "state": model.state, "window": window}
    fixed = {name: "goes to the network as it is" for name in ("network", "state", "mask")}
    mask = np.array([True, False])
    make = functools.partial(_made, _NETWORK)
    parts = {
        "inputs": layout, "outputs": layout, "grid": GRID, "offsets": (-6.0, 0.0), "leads": (6.0,),
        "constants": ("sine_of_latitude",), "forcings": ("sine_of_day",), "residual": True,
    }  # fmt: skip
    learned = {
        "fields": data.expand_dims(number=[3, 4]), "task": task, "inputs": normal, "outputs": normal,
        "times": TIMES, "members": (3,), "steps": 1, "memory_gib": 0.001,
    }  # fmt: skip
    known = data.assign(wxsphere.constant_fields(GRID).data_vars)
    return [
        Call(
            "wxsphere.ForecastTask",
            ForecastTask,
            always(**parts),
        ),
        Call("wxsphere.ForecastTask.check_steps", task.check_steps, always(steps=2)),
        Call("wxsphere.ForecastTask.join", task.join, always(window=window, extra=forcing)),
        Call("wxsphere.ForecastTask.split", task.split, always(output=maps)),
        Call("wxsphere.ForecastTask.now", task.now, always(window=window)),
        Call(
            "wxsphere.LossConfig",
            wxsphere.LossConfig,
            always(variables={"temperature": 1.0}, levels="pressure", spectral=0.5, degree_power=1.0),
        ),
        Call("wxsphere.channel_weights", wxsphere.channel_weights, always(layout=layout, config=loss)),
        Call("wxsphere.make_map_loss", wxsphere.make_map_loss, always(layout=layout, grid=GRID, config=loss)),
        Call("wxsphere.NetworkConfig", NetworkConfig, always(**network)),
        Call("wxsphere.NetworkConfig.grid_of", _NETWORK.grid_of, always(bandlimit=2)),
        Call("wxsphere.NetworkConfig.scaled", _NETWORK.scaled, always(resolution=1.0, channels=1.0)),
        Call("wxsphere.NetworkConfig.make", make, always(inputs=layout, outputs=layout, grid=GRID, key=_KEY)),
        Call("wxsphere.network_config", wxsphere.network_config, always(name="tiny")),
        Call("wxsphere.Normalization.of", Normalization.of, always(statistics=statistics, layout=layout)),
        Call("wxsphere.Normalization.normalize", normal.normalize, always(maps=maps)),
        Call("wxsphere.Normalization.restore", normal.restore, always(maps=maps)),
        Call(
            "wxsphere.tendency_scale",
            wxsphere.tendency_scale,
            always(statistics=statistics, layout=layout, normalization=normal),
        ),
        Call(
            "wxsphere.Windows",
            wxsphere.Windows,
            always(**learned),
        ),
        Call("wxsphere.Windows.with_steps", windows.with_steps, always(steps=1)),
        Call("wxsphere.Windows.batch", windows.batch, always(index=np.array([0, -1]))),
        Call(
            "wxsphere.batch_iterator",
            lambda **arguments: next(wxsphere.batch_iterator(**arguments)),
            always(windows=windows, batch_size=2, seed=0, shuffle=True, epochs=1, shard=(0, 2), prefetch=0),
        ),
        Call("wxsphere.Stepper.__call__", stepper, always(**step, forcings=forcing, mask=mask), fixed=fixed),
        Call("wxsphere.Stepper.advance", stepper.advance, always(window=window, outputs=window)),
        Call(
            "wxsphere.rollout",
            wxsphere.rollout,
            always(stepper=stepper, **step, forcings=forcing[None], mask=mask),
            fixed=fixed,
        ),
        Call(
            "wxsphere.make_rollout_loss",
            wxsphere.make_rollout_loss,
            always(stepper=stepper, config=loss, remat=True),
        ),
        Call("wxsphere.RunConfig", RunConfig, always(**options)),
        Call(
            "wxsphere.RunConfig.upgraded",
            RunConfig.upgraded,
            always(values={"memory": 2**20, "seed": 1, "epochs": [1, 2, 3]}),
        ),
        Call("wxsphere.Stage", Stage, always(steps=2, epochs=3, rate_factor=0.5)),
        Call("wxsphere.make_task", wxsphere.make_task, always(fields=known, cadence_hours=6.0, config=_RUN)),
    ]


def _made(config: NetworkConfig, **arguments: Any) -> Any:
    return eqx.nn.make_with_state(config.make)(**arguments)


def _models() -> list[Call]:
    data, model, folder = dataset(), _model(), Path.cwd()
    states, forcings = model.pack(data, TIMES)[:, 0], model.forcings(TIMES)
    window = model.stepper.inputs.normalize(states)
    made = eqx.nn.make_with_state(_NETWORK.make)
    task = ForecastTask(model.layout, model.layout, GRID)
    network, state = made(task.network_inputs, task.network_outputs, GRID, key=_KEY)
    normal, change = model.stepper.inputs, model.stepper.change
    stepper = Stepper(task, normal, normal, change, np.zeros((*GRID.shape, 0), np.float32))
    ForecastModel(_NETWORK, network, state, stepper).save(folder / "model.spinnn")

    @functools.wraps(wxsphere.forecast)
    def forecast(**arguments: Any) -> Any:
        return wxsphere.forecast(**_elsewhere(arguments, "out"))

    run = {
        "model": model, "states": data, "out": folder / "new.zarr", "steps": 1, "times": TIMES, "chunk": 1,
        "batch": 2, "limit": 30.0, "progress": lambda done, total: None,
    }  # fmt: skip
    return [
        Call("wxsphere.ForecastModel.__call__", model, always(states=states, forcings=forcings)),
        Call("wxsphere.ForecastModel.forcings", model.forcings, always(times=TIMES)),
        Call("wxsphere.ForecastModel.pack", model.pack, always(fields=data, times=TIMES)),
        Call("wxsphere.ForecastModel.check", model.check, always(fields=data)),
        Call("wxsphere.ForecastModel.run", model.run, always(window=window, forcings=forcings[None])),
        Call("wxsphere.ForecastModel.save", model.save, always(path=folder / "other.spinnn", source="a")),
        Call("wxsphere.ForecastModel.load", ForecastModel.load, always(path=folder / "model.spinnn")),
        Call("wxsphere.initial_times", wxsphere.initial_times, always(model=model, states=data)),
        Call("wxsphere.forecast", forecast, always(**run)),
    ]


def _elsewhere(arguments: dict[str, Any], name: str) -> dict[str, Any]:
    """Arguments with another path for each call where it is the valid one, so that nothing is found done."""
    path = arguments[name]
    if isinstance(path, Path) and path.name == "new.zarr":
        arguments[name] = Path(tempfile.mkdtemp(dir=path.parent)) / path.name
    return arguments


def _folders() -> list[Call]:
    folder = Path.cwd()
    data = dataset(TIMES[0] + np.arange(8) * HOURS)
    flow = wxsphere.BarotropicVorticity(bandlimit=3)
    for name in ("data.nc", "other.nc"):
        data.to_netcdf(folder / name, engine="h5netcdf")
    chosen = {
        "variables": NAMES, "levels": (500.0,), "members": None,
        "training": ("2000-01-01", "2000-01-01"), "validation": ("2000-01-02", "2000-01-02"), "test": None,
        "cadence_hours": 6.0, "daily_mean": False, "grid": GRID, "method": "conservative", "bandlimit": None,
        "chunk": 2, "check": False, "allow_gaps": False, "rename": {}, "storage_options": {}, "library": "fsspec",
        "scheduler": "synchronous", "memory_gib": 0.001,
    }  # fmt: skip
    options = wxsphere.PrepareOptions(chunk=1)
    prepare = {"source": data, "out": folder / "new.zarr", "options": options, "progress": lambda done, total: None}
    ready = wxsphere.prepare(data, folder / "ready", **chosen)
    wxsphere.train(ready, _RUN, folder / "run", progress=False)
    simulation = {
        "model": flow, "state": wxsphere.random_state(flow, 0), "path": folder / "new.zarr", "outputs": 1,
        "steps_per_output": 1, "grid": flow.grid, "start": "2000-01-01", "chunk": 1,
        "progress": lambda done, total: None,
    }  # fmt: skip
    opening = {
        "source": folder / "data.nc", "variables": NAMES, "rename": {"temperature": "t"}, "chunks": {"time": 1},
        "storage_options": {}, "library": "fsspec", "absent_chunks": "refuse",
    }  # fmt: skip

    @functools.wraps(wxsphere.prepare)
    def prepared(**arguments: Any) -> Any:
        return wxsphere.prepare(**_elsewhere(arguments, "out"))

    @functools.wraps(wxsphere.simulate)
    def simulated(**arguments: Any) -> Any:
        return wxsphere.simulate(**_elsewhere(arguments, "path"))

    @functools.wraps(wxsphere.train)
    def trained(**arguments: Any) -> Any:
        other = arguments["folder"]
        if isinstance(other, str | Path) and not os.path.lexists(other):
            # A run that is done, so that a name that is taken costs no training.
            shutil.copytree(folder / "run", other)
        return wxsphere.train(**arguments)

    return [
        Call("wxsphere.open_dataset", wxsphere.open_dataset, always(**opening)),
        Call("wxsphere.PrepareOptions", wxsphere.PrepareOptions, always(**chosen)),
        Call("wxsphere.prepare", prepared, always(**prepare, **chosen)),
        Call("wxsphere.Prepared.times", ready.times, always(period="training")),
        Call("wxsphere.open_prepared", wxsphere.open_prepared, always(path=folder / "ready", allow_gaps=False)),
        Call(
            "wxsphere.train",
            trained,
            always(prepared=ready, config=_RUN, folder=folder / "run", progress=False),
        ),
        Call("wxsphere.simulate", simulated, always(**simulation)),
    ]
