"""Training on prepared data: stages, validation, resume, what is refused."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import wxsphere._model.train
import wxsphere._model.windows
from spinharm import Grid
from spinnn.training import LoopConfig, OptimizerConfig, load_config, save_config
from wxsphere import (
    ForecastModel,
    NetworkConfig,
    Prepared,
    RunConfig,
    Stage,
    forecast,
    grid_dataset,
    make_task,
    open_dataset,
    open_prepared,
    prepare,
    train,
)
from wxsphere.__main__ import main
from wxsphere._commands.train import TrainOptions, read_options
from wxsphere._model.train import _measured_change

GRID = Grid.gauss_legendre(4)
CONFIG = RunConfig(
    constants=("sine_of_latitude",),
    forcings=(),
    stages=(Stage(1, 2), Stage(2, 1, 0.5)),
    batch_size=4,
    training=LoopConfig(
        optimizer=OptimizerConfig(learning_rate=3e-2, warmup_epochs=0.0, ema_decay=0.9),
        checkpoint_every=3,
        log_every=1,
    ),
    validation_windows=3,
    network=NetworkConfig("resnet", bandlimits=(3,), widths=(2,), num_filter_params=(None,)),
)


def source(times: int = 24) -> xr.Dataset:
    """Waves that travel eastward, so that there is something to learn."""
    stamps = np.datetime64("2000-01-01", "ns") + np.arange(times) * np.timedelta64(6 * 3600 * 10**9, "ns")
    out = grid_dataset(GRID).assign_coords(time=stamps)
    phase = np.radians(out.longitude.values)[None, None, :] - 0.5 * np.arange(times)[:, None, None]
    shape = np.sin(GRID.colatitude)[None, :, None]
    waves = {
        "temperature": 280 + 10 * shape * np.cos(phase),
        "u_component_of_wind": 5 + 4 * shape * np.sin(phase),
        "v_component_of_wind": 4 * np.cos(2 * phase) * shape,
    }
    for name, values in waves.items():
        out[name] = (("time", "latitude", "longitude"), values.astype(np.float32))
    return out


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Prepared:
    return prepare(
        source(),
        tmp_path_factory.mktemp("prepared") / "data",
        training=("2000-01-01", "2000-01-04"),
        validation=("2000-01-05", "2000-01-06"),
        check=False,
    )


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    with jax.numpy_dtype_promotion("standard"):
        return train(data, CONFIG, folder, progress=False), folder


def lines(folder, stage):
    text = (folder / f"stage-{stage}" / "metrics.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_a_run_learns_and_says_so(run, data):
    model, folder = run
    first = [line["loss"] for line in lines(folder, 1) if "loss" in line]
    # 16 training times are 15 windows, 4 batches; of two steps 14 windows.
    assert len(first) == 8
    assert len([line for line in lines(folder, 2) if "loss" in line]) == 4
    assert np.mean(first[-2:]) < 0.8 * np.mean(first[:2])
    checked = [line for line in lines(folder, 1) if "validation_loss" in line]
    assert [line["step"] for line in checked] == [3, 6, 8]
    assert checked[-1]["validation_loss"] < checked[0]["validation_loss"]
    assert ForecastModel.load(folder / "model.spinnn").fingerprint() == model.fingerprint()
    assert model.task == make_task(data.fields, 6.0, CONFIG)


def test_validation_is_what_a_forecast_has(run, data, tmp_path):
    """RMSE of the last checkpoint against forecasts of the same windows, of two steps."""
    model, folder = run
    told = lines(folder, 2)[-1]
    times = data.validation_times[[0, 2, 5]]
    found = open_dataset(forecast(model, data.fields, tmp_path / "a.zarr", steps=2, times=times)).load()
    area = GRID.weights[:, None] / (4 * np.pi)
    squares = {"temperature": 0.0, "u_component_of_wind+v_component_of_wind": 0.0}
    for at, time in enumerate(times):
        truth = data.fields.sel(time=time + np.timedelta64(12, "h"))
        for name in model.layout.variables:
            error = found[name].values[at, 1] - truth[name].values
            key = name if name in squares else "u_component_of_wind+v_component_of_wind"
            squares[key] += float((error.astype(np.float64) ** 2 * area).sum()) / 3
    for name, value in squares.items():
        # Area weights by mid-points between latitudes, not by quadrature.
        assert told[f"validation_rmse_{name}"] == pytest.approx(value**0.5, rel=0.03)


class Scale(eqx.Module):
    """A factor for each channel, and a count of calls in its state; quick to compile."""

    factor: jax.Array
    calls: eqx.nn.StateIndex

    def __init__(self, task):
        self.factor = jnp.full((len(task.outputs.spins), task.outputs.channels), 0.1)
        self.calls = eqx.nn.StateIndex(jnp.zeros(()))

    def __call__(self, x, state, *, mask=None):
        state = state.set(self.calls, state.get(self.calls) + 1)
        return x[..., : self.factor.shape[-1]] * self.factor.astype(x.dtype), state


def test_a_killed_run_goes_on_bit_for_bit(data, tmp_path, monkeypatch):
    """Killed in the first stage, and again in the second."""
    monkeypatch.setattr(
        wxsphere._model.train, "make_network", lambda *_: eqx.nn.make_with_state(Scale)(make_task_of(data))
    )
    batch, calls = wxsphere._model.windows.Windows.batch, []

    def fail(self, index):
        calls.append(1)
        if len(calls) == 8:
            raise RuntimeError("pulled the plug")
        return batch(self, index)

    with jax.numpy_dtype_promotion("standard"):
        model = train(data, CONFIG, tmp_path / "whole", progress=False)
        for _ in range(2):
            calls.clear()
            monkeypatch.setattr(wxsphere._model.windows.Windows, "batch", fail)
            with pytest.raises(RuntimeError, match="pulled the plug"):
                train(data, CONFIG, tmp_path / "run", progress=False)
            assert not (tmp_path / "run" / "model.spinnn").exists()
        assert (tmp_path / "run" / "stage-2" / "metrics.jsonl").exists()
        monkeypatch.setattr(wxsphere._model.windows.Windows, "batch", batch)
        again = train(data, CONFIG, tmp_path / "run", progress=False)
    assert float(model.state.get(model.network.calls)) == 8 + 2 * 4
    assert again.fingerprint() == model.fingerprint()
    for stage in (1, 2):
        one, other = (
            [{k: v for k, v in line.items() if k != "steps_per_second"} for line in lines(tmp_path / name, stage)]
            for name in ("whole", "run")
        )
        assert one == other


def make_task_of(data):
    return make_task(data.fields, 6.0, CONFIG)


def test_what_is_no_run(untyped, data, run, tmp_path):
    def with_options(**options):
        return RunConfig(**{**{name: getattr(CONFIG, name) for name in CONFIG.__dataclass_fields__}, **options})

    for options, message in (
        ({"stages": ()}, r"`stages` must have at least one stage, got \(\)"),
        ({"memory_gib": -1.0}, "`memory_gib` must be a number of GiB, at least 0, got -1.0"),
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            with_options(**options)
    stages: tuple[tuple[dict[str, Any], str], ...] = (
        ({"steps": 0}, "`steps` must be at least 1, got 0"),
        ({"epochs": 0}, "`epochs` must be at least 1, got 0"),
        ({"rate_factor": -1.0}, "`rate_factor` must be finite and above 0"),
    )
    for stage, message in stages:
        with pytest.raises(ValueError, match=message):
            Stage(**stage)
    for options, message in (
        ({"variables": ("geopotential",)}, "`variables` must be among temperature, u_component_of_wind, v_comp.* got"),
        ({"variables": ("u_component_of_wind",)}, "`variables` must name both components of a wind"),
        ({"constants": ("orography",)}, "`constants` must be among cosine_of_longitude, .*, got 'orography'"),
        ({"forcings": ("moonlight",)}, "`forcings` must be among cosine_of_day, .*, got 'moonlight'"),
        ({"leads": (6.0, 12.0)}, "2 steps need a model whose outputs are its inputs, with one lead time"),
        ({"stages": (Stage(1), Stage(40))}, "`fields` must have at least one window of 240 h without gaps"),
        ({"batch_size": 5}, "`batch_size` must be a multiple of the 2 devices, got 5"),
        ({"members": (1,)}, "`members` needs fields with a dimension 'number'"),
    ):
        with pytest.raises(ValueError, match=message):
            train(data, with_options(**options), tmp_path / "none", progress=False)
    _, folder = run
    with pytest.raises(ValueError, match=r"was started with other options: run.seed \(0, now 1"):
        train(data, with_options(training=dataclasses.replace(CONFIG.training, seed=1)), folder, progress=False)


def test_the_typical_change_is_measured_where_statistics_do_not_say_it(data):
    """Waves of phase speed ω change by 2 |sin(ω t / 2)| of their size."""
    from wxsphere import Normalization, Windows

    task = make_task(data.fields, 6.0, RunConfig(leads=(6.0, 12.0), constants=(), forcings=()))
    normal = Normalization.of(data.statistics, task.inputs)
    found = _measured_change(Windows(data.fields, task, normal, normal, times=data.training_times))
    std = float(data.statistics["temperature"].sel(statistic="std"))
    area = GRID.weights[:, None] * np.ones(GRID.nlon) / (4 * np.pi)
    rms = 10 * np.sqrt((np.sin(GRID.colatitude)[:, None] ** 2 / 2 * area).sum())
    for lead, turn in enumerate((0.5, 1.0)):
        assert found[lead, 0, 0] == pytest.approx(2 * np.sin(turn / 2) * rms / std, rel=0.03)


def test_option_files_written_before_are_read(tmp_path):
    """Stages were three lists, the optimiser and others stood outside `training`, memory was in bytes."""
    path = Path(__file__).parent / "files" / "options_before.json"
    options = load_config(path, TrainOptions)
    assert options.stages == (Stage(1, 20), Stage(4, 5, 0.3))
    assert options.memory_gib == 0.25
    optimizer = OptimizerConfig("adamw", 3e-3, weight_decay=0.01, clip_norm=1.0, ema_decay=0.98)
    loop = LoopConfig(seed=2, optimizer=optimizer, checkpoint_every=60, log_every=30, tensorboard=True)
    assert options.training == loop
    save_config(tmp_path / "now.json", options)
    assert load_config(tmp_path / "now.json", TrainOptions) == options
    # By what a run's checkpoints know it is as it was: runs begun before are gone on with.
    before = json.loads(path.read_text())
    assert options.run_config().as_recorded() == {name: before[name] for name in before if name not in ("data", "out")}
    for text, message in (
        ('{"rollout": [1], "stages": []}', "`rollout` must not be given together with `stages`"),
        ('{"rollout": [1, 2]}', "must have one entry per stage"),
        ('{"epochs": [1, 2, "x"]}', r"`epochs\[2\]` must be an integer, got 'x'"),
        ('{"seed": 1, "training": {"seed": 1}}', "`seed` must not be given together with `training.seed`"),
        ('{"memory": "much"}', "`memory` must be an integer, got 'much'"),
    ):
        (tmp_path / "wrong.json").write_text(text)
        with pytest.raises(ValueError, match=message):
            load_config(tmp_path / "wrong.json", TrainOptions)


def test_the_command_line(run, data, tmp_path, capsys):
    _, folder = run
    options = read_options("train", ["--data", "a", "--out", "b", "--preset", "iterative", "--network.remat"])
    assert options.network.bandlimits[0] == 128
    assert options.network.remat
    assert options.stages == RunConfig().stages == (Stage(4, 50), Stage(8, 10, 0.1), Stage(12, 10, 0.01))
    path = tmp_path / "options.json"
    save_config(path, options)
    assert load_config(path, TrainOptions) == options
    assert read_options("train", ["--config", str(path), "--seed", "3"]).training.seed == 3
    words = "--data a --out b --rollout 1 4 --epochs 5 2 --rate-factors 1 0.3 --ema-decay 0.9 --memory-gib 0.5".split()
    flat = read_options("train", words)
    assert flat.stages == (Stage(1, 5), Stage(4, 2, 0.3))
    assert flat.memory_gib == 0.5
    assert flat.training.optimizer == OptimizerConfig(learning_rate=2e-4, ema_decay=0.9)
    # Flags by the names that they had before.
    long = ["--optimizer.name", "muon", "--optimizer.ema_decay=0.9", "--optimizer.clip-norm", "1"]
    options = read_options("train", ["--data", "a", "--out", "b", *long])
    assert options.training.optimizer == OptimizerConfig("muon", 2e-4, ema_decay=0.9, clip_norm=1.0)
    out = tmp_path / "f.zarr"
    words = ["forecast", str(folder / "model.spinnn"), "--states", str(data.path), "--period", "validation"]
    assert main([*words, "--verified", "--every", "2", "--steps", "3", "--out", str(out)]) == 0
    found = open_dataset(out)
    np.testing.assert_array_equal(found.time, data.validation_times[: 8 - 3][::2])
    for given, message in (
        (["train", "--data", str(data.path)], "`out` must be given"),
        (["train", "--data", str(tmp_path), "--out", "x"], "must be a folder that `wxsphere prepare` has finished"),
        (["train", "--config", "nowhere.json"], "found no nowhere.json"),
        (["train", "--rollout", "1", "2"], "`rollout`, `epochs` and `rate_factors` must have one entry per stage"),
        (["train", "--memory", "512"], "Perhaps you meant: --memory-gib"),
        ([*words[:-1], "test", "--out", "x.zarr"], "`period` must have times in"),
        ([*words, "--verified", "--steps", "9", "--out", "x.zarr"], "`steps` must end within the period"),
    ):
        assert main(given) == 2
        assert message in capsys.readouterr().err


def test_what_was_written_before_is_read(tmp_path):
    """Prepared data, a model, a forecast, and a run that was stopped after its first checkpoint, of November 2026."""
    zipfile.ZipFile(Path(__file__).with_name("written_before.zip")).extractall(tmp_path)
    data = open_prepared(tmp_path / "prepared")
    np.testing.assert_allclose(data.fields.temperature, source().temperature[: data.fields.sizes["time"]], rtol=1e-6)
    model = ForecastModel.load(tmp_path / "model.spinnn")
    with open_dataset(tmp_path / "forecast.zarr") as before:
        after = forecast(model, source(), tmp_path / "after.zarr", steps=2, times=[np.datetime64("2000-01-01")])
        with open_dataset(after) as again:
            np.testing.assert_allclose(again.temperature, before.temperature, rtol=1e-5)
    with jax.numpy_dtype_promotion("standard"):
        resumed = train(data, CONFIG, tmp_path / "run", progress=False)
    for one, other in zip(jax.tree.leaves(resumed.network), jax.tree.leaves(model.network), strict=True):
        # Adam makes the last digits of small gradients large.
        np.testing.assert_allclose(one, other, atol=0.02)
    assert [line["step"] for line in lines(tmp_path / "run", 1) if "loss" in line] == list(range(1, 9))
