"""Forecast stores: the layout, the numbers, interruption, divergence; model files; turning the sphere."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import runpy
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import spinharm
import wxsphere._model.forecast
from spinharm import Grid
from spinnn.files import FileWarning
from spinnn.testing import RandomInput, equivariance_error
from wxsphere import (
    Channel,
    FieldLayout,
    ForecastModel,
    ForecastTask,
    NetworkConfig,
    Normalization,
    Stage,
    Stepper,
    forecast,
    grid_dataset,
    open_dataset,
    rollout,
)
from wxsphere._model.forecast_model import make_network

GRID = Grid.equiangular(5, 8, poles=False)
LAYOUT = FieldLayout(
    (Channel(("temperature",), 500.0), Channel(("temperature",), 850.0)),
    (Channel(("10m_u_component_of_wind", "10m_v_component_of_wind")),),
)
TASK = ForecastTask(LAYOUT, LAYOUT, GRID, offsets=(-6.0, 0.0), forcings=("sine_of_day",))
CONFIG = NetworkConfig("resnet", bandlimits=(2,), widths=(2,), num_filter_params=(None,))


class Grow(eqx.Module):
    """The first offset times a factor, and a bit of the forcing."""

    factor: jax.Array

    def __call__(self, x, state, *, mask=None):
        scalars, winds = x[..., 0, :2] * self.factor + 0.1 * x[..., 0, 4:5], x[..., 1, :2] * self.factor
        return jnp.stack([scalars, winds * jnp.array([1, 0], x.dtype)], -2), state


def model(factor: float = 0.3) -> ForecastModel:
    rng = np.random.default_rng(5)
    normal = Normalization(np.array([[250.0, 280.0], [0, 0]]), np.array([[10.0, 12.0], [8, 1]]))
    stepper = Stepper(TASK, normal, normal, rng.uniform(0.1, 0.3, (1, 2, 2)), np.zeros((*GRID.shape, 0), np.float32))
    network, state = eqx.nn.make_with_state(Grow)(jnp.asarray(factor + 0j, jnp.complex64))
    return ForecastModel(CONFIG, network, state, stepper)


def states(members: int | None = 2, times: int = 8) -> xr.Dataset:
    rng = np.random.default_rng(1)
    stamps = np.datetime64("2000-01-01", "ns") + np.arange(times) * np.timedelta64(6 * 3600 * 10**9, "ns")
    out = grid_dataset(GRID).assign_coords(time=stamps, level=[500.0, 850.0])
    front, sizes = ("time",), (times,)
    if members:
        front, sizes = ("time", "number"), (times, members)
        out = out.assign_coords(number=np.arange(members) + 3)
    warm = 260 + 10 * rng.standard_normal((*sizes, 2, *GRID.shape))
    out["temperature"] = ((*front, "level", "latitude", "longitude"), warm.astype(np.float32), {"units": "K"})
    for name in LAYOUT.winds[0].names:
        wind = 8 * rng.standard_normal((*sizes, *GRID.shape))
        out[name] = ((*front, "latitude", "longitude"), wind.astype(np.float32))
    return out


def same_stores(one, other) -> bool:
    a, b = (open_dataset(path).load() for path in (one, other))
    return a.drop_attrs().identical(b.drop_attrs())


def test_a_forecast_is_the_model_repeated(tmp_path):
    """Step by step with `__call__`, for members and initial times, whatever the blocks."""
    made, data = model(), states()
    data.time.attrs["source_calendar"] = "noleap"
    times = data.time.values[[1, 3, 4]]
    path = forecast(made, data, tmp_path / "a.zarr", steps=7, times=times, chunk=3, batch=4)
    found = open_dataset(path).load().transpose("time", "prediction_timedelta", "number", "level", ...)
    assert dict(found.sizes) == {
        "time": 3, "prediction_timedelta": 7, "number": 2, "level": 2, "latitude": 5, "longitude": 8
    }  # fmt: skip
    assert found["temperature"].dims == ("time", "prediction_timedelta", "number", "level", "latitude", "longitude")
    assert found["temperature"].attrs["units"] == "K"
    assert found.time.attrs["source_calendar"] == "noleap"
    np.testing.assert_array_equal(found.prediction_timedelta / np.timedelta64(6, "h"), np.arange(1, 8))
    np.testing.assert_array_equal(found.number, [3, 4])
    window = jnp.asarray(made.pack(data, times))
    for step in range(7):
        forcings = made.forcings(times + np.timedelta64(6 * step, "h"))
        out = made(window, jnp.asarray(np.repeat(forcings[:, None], 2, 1)))
        wanted = LAYOUT.unpack(np.asarray(out)[:, :, 0], GRID, {"time": times, "number": found.number.values})
        for name in LAYOUT.variables:
            given = found[name].isel(prediction_timedelta=step)
            np.testing.assert_allclose(given, wanted[name].transpose(*given.dims), rtol=1e-5, atol=1e-4)
        window = jnp.concatenate([window[:, :, 1:], out], 2)
    other = forecast(made, data, tmp_path / "b.zarr", steps=7, times=times, chunk=4, batch=1)
    moved = open_dataset(other)
    for name in LAYOUT.variables:
        np.testing.assert_allclose(moved[name].transpose(*found[name].dims), found[name], rtol=1e-5, atol=1e-4)
    alone = forecast(made, data.isel(number=1, drop=True), tmp_path / "c.zarr", steps=2, times=times)
    lonely = open_dataset(alone)["temperature"]
    assert "number" not in lonely.dims
    np.testing.assert_allclose(lonely, found["temperature"].isel(number=1)[:, :2], rtol=1e-5)
    # Also after what it has compiled, it goes to another process.
    for copied in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert copied.fingerprint() == made.fingerprint()


@pytest.mark.parametrize("after", [1, 5])
def test_an_interrupted_forecast_goes_on_identically(tmp_path, monkeypatch, after):
    made, data = model(), states()
    whole = forecast(made, data, tmp_path / "whole.zarr", steps=7, chunk=3, batch=6)
    write, calls = wxsphere._model.forecast._write, []

    def fail(*arguments):
        calls.append(1)
        if len(calls) == after:
            raise KeyboardInterrupt
        write(*arguments)

    monkeypatch.setattr(wxsphere._model.forecast, "_write", fail)
    with pytest.raises(KeyboardInterrupt):
        forecast(made, data, tmp_path / "part.zarr", steps=7, chunk=3, batch=6)
    assert not (tmp_path / "part.zarr").exists()
    monkeypatch.setattr(wxsphere._model.forecast, "_write", write)
    if after > 1:
        with pytest.raises(ValueError, match=r"part.zarr.partial was started with other options: model \('"):
            forecast(model(0.2), data, tmp_path / "part.zarr", steps=7, chunk=3, batch=6)
    done = []
    part = forecast(made, data, tmp_path / "part.zarr", steps=7, chunk=3, batch=6, progress=lambda *x: done.append(x))
    assert len(done) == 9 - after + 1
    assert done[-1] == (49, 49)
    assert same_stores(whole, part)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part.zarr", "whole.zarr"]
    before = (part / "zarr.json").stat().st_mtime_ns
    assert forecast(made, data, part, steps=7, chunk=3, batch=6) == part
    assert (part / "zarr.json").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match=r"part.zarr was started with other options: steps \(7, now 8\); give those"):
        forecast(made, data, part, steps=8, chunk=3, batch=6)


def flip(chunk):
    """Turn one bit in the middle of a file."""
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("time", "damage"),
    [(1, flip), (1, lambda chunk: chunk.write_bytes(chunk.read_bytes()[:50])), (2, Path.unlink)],
)
def test_chunks_lost_from_an_unfinished_forecast_are_made_again(tmp_path, monkeypatch, time, damage):
    """Killed in the third of four groups of times, one state each; a file of one before is damaged, cut off or gone."""
    made, data = model(), states(members=None, times=5)
    whole = forecast(made, data, tmp_path / "whole.zarr", steps=7, chunk=3, batch=1)
    write, calls = wxsphere._model.forecast._write, []

    def fail(*arguments):
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        write(*arguments)

    monkeypatch.setattr(wxsphere._model.forecast, "_write", fail)
    with pytest.raises(KeyboardInterrupt):
        forecast(made, data, tmp_path / "part.zarr", steps=7, chunk=3, batch=1)
    damage(tmp_path / ".part.zarr.partial" / "temperature" / "c" / str(time) / "0" / "0" / "0" / "0")
    calls.clear()
    monkeypatch.setattr(wxsphere._model.forecast, "_write", lambda *arguments: (calls.append(1), write(*arguments)))
    told = rf"a chunk is damaged or missing; forecasts are repeated from 2000-01-01T{6 * time + 6:02}:00"
    with pytest.warns(FileWarning, match=told):
        part = forecast(made, data, tmp_path / "part.zarr", steps=7, chunk=3, batch=1)
    assert same_stores(whole, part)
    # Four times of three blocks each, without the groups that were whole.
    assert len(calls) == 12 - 3 * time


def test_divergence_is_told_and_what_was_written_stays(tmp_path):
    made, data = model(8.0), states()
    times = data.time.values[[1, 2]]
    with pytest.raises(FloatingPointError) as told:
        forecast(made, data, tmp_path / "a.zarr", steps=12, times=times, chunk=5, batch=1)
    folder = tmp_path / ".a.zarr.partial"
    assert str(folder) in str(told.value)
    assert not (tmp_path / "a.zarr").exists()
    found = open_dataset(folder).load()
    bad = found["temperature"].isnull()
    # Finite up to a lead time, nothing after it; the message names that lead time.
    lost = bad.any(("level", "latitude", "longitude"))
    first = int(lost.isel(time=0).any("number").argmax("prediction_timedelta"))
    assert f"at lead time {(first + 1) * 6} h" in str(told.value)
    assert "from 2000-01-01T06:00, member" in str(told.value)
    assert bool(lost.isel(time=0, prediction_timedelta=slice(5, None)).all())
    assert 1 <= first < 5
    kept = found.isel(time=0, prediction_timedelta=slice(0, first))
    assert bool(np.isfinite(kept["temperature"]).all())
    scaled = np.abs((kept["temperature"] - xr.DataArray([250.0, 280.0], dims="level")) / 10)
    assert float(scaled.max()) <= 30 * 1.2
    # The same call begins at the block that failed, and ends the same way.
    with pytest.raises(FloatingPointError, match=r"more than `limit` 30"):
        forecast(made, data, tmp_path / "a.zarr", steps=12, times=times, chunk=5, batch=1)
    with pytest.raises(FloatingPointError, match="infinitely many standard deviations"):
        forecast(model(np.nan), data, tmp_path / "b.zarr", steps=2)


def test_what_cannot_be_forecast(untyped, tmp_path):
    made, data, path = model(), states(), tmp_path / "a.zarr"
    for given, options, message in (
        (data.drop_vars("temperature"), {}, "`fields` must have temperature, which the model needs"),
        (data.sel(level=[500.0]), {}, r"`fields` must have temperature@850, which the model needs, got levels \[500"),
        (data.isel(latitude=slice(0, 4)), {}, "latitude|must be on"),
        (data.isel(time=0), {}, "`fields` must have a dimension and coordinate 'time'"),
        (
            data.isel(time=[0, 2, 4]),
            {},
            r"`states` must have a time at which all offsets, \(-6.0, 0.0\) h, are available, got 3 times",
        ),
        (
            data,
            {"times": data.time.values[:1]},
            "`fields` must have the times of all offsets .* got none for 1999-12-31",
        ),
        (data, {"times": data.time.values[[3, 1]]}, "`times` must be at least one time, in ascending order"),
        (data, {"limit": 0.0}, "`limit` must be finite and above 0"),
        (data.where(data.longitude > 0), {}, "`fields` must be finite, got NaN or infinity at 2000"),
    ):
        with pytest.raises(ValueError, match=message):
            forecast(made, given, path, steps=2, **options)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="`steps` must be an integer"):
        forecast(made, data, path, steps=2.5)  # pyright: ignore[reportArgumentType]
    direct = dataclasses.replace(TASK, leads=(24.0, 48.0))
    stepper = dataclasses.replace(made.stepper, task=direct)
    with pytest.raises(ValueError, match="2 steps need a model whose outputs are its inputs, with one lead time"):
        forecast(dataclasses.replace(made, stepper=stepper), data, path, steps=2)
    assert not any(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore::spinnn.files.FileWarning")
def test_malformed_headers_of_model_files_name_the_file(tmp_path):
    network, state = make_network(CONFIG, TASK)
    path = tmp_path / "model.spinnn"
    dataclasses.replace(model(), network=network, state=state).save(path)
    _, line, arrays = path.read_bytes().split(b"\n", 3)[1:]
    header = json.loads(line)
    for change, message in (
        ({"kind": "molsphere.PropertyModel"}, "must be a wxsphere model, got the kind 'molsphere.PropertyModel'"),
        ({"task": None}, "the config of the model file is malformed: Type"),
        ({"task": {}}, "the config of the model file must have 'offsets'"),
        ({"network": {"widths": "wide"}}, "the config of the model file: `widths` must be a list, got 'wide'"),
        ({"change": [[1.0]]}, "(`change` must be finite numbers of shape|.* is malformed: Type)"),
        ({"normalization_in": {"shift": "x", "scale": 1}}, "the config of the model file: could not convert"),
    ):
        text = json.dumps({**header, "config": {**header["config"], **change}})
        # As version 0.1 wrote them, so that the checksum does not come first.
        path.write_bytes(b"SPINNN1\n" + text.encode() + b"\n" + arrays)
        with pytest.raises(ValueError, match=rf"model\.spinnn.*{message}"):
            ForecastModel.load(path)


def test_a_model_file_is_the_model(tmp_path, rng):
    task = ForecastTask(LAYOUT, LAYOUT, GRID, constants=("land_sea_mask",), forcings=("sine_of_day",))
    network, state = make_network(CONFIG, task, seed=3)
    shapes = [rng.uniform(1, 2, (2, 2)) for _ in range(5)]
    stepper = Stepper(
        task,
        Normalization(*shapes[:2]),
        Normalization(*shapes[2:4]),
        shapes[4][None],
        rng.standard_normal((*GRID.shape, 1)).astype(np.float32),
    )
    made = ForecastModel(CONFIG, eqx.nn.inference_mode(network), state, stepper)
    path = tmp_path / "model.spinnn"
    made.save(path, note="x")
    back = ForecastModel.load(path)
    assert back.task == made.task
    assert back.config == made.config
    assert back.fingerprint() == made.fingerprint()
    assert (back.step, back.offsets, back.layout) == (np.timedelta64(6, "h"), (0.0,), LAYOUT)
    np.testing.assert_array_equal(back.stepper.constants, stepper.constants)
    assert dataclasses.replace(made, stepper=dataclasses.replace(stepper, change=shapes[0][None])).fingerprint() != (
        made.fingerprint()
    )
    cut = tmp_path / "cut.spinnn"
    cut.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged, cut off or too long"):
        ForecastModel.load(cut)
    other = tmp_path / "other"
    other.write_bytes(b"hello")
    with pytest.raises(ValueError, match="is not a spinnn model file"):
        ForecastModel.load(other)
    with pytest.raises(ValueError, match=r"`states` must have axes \(\*batch, offset, lat, lon, spin, channel\)"):
        back(jnp.zeros((2, *GRID.shape, 2, 2), jnp.complex64))
    with pytest.raises(ValueError, match="`forcings` must be sine_of_day of shape"):
        back(jnp.zeros((1, *GRID.shape, 2, 2), jnp.complex64))


def test_turning_the_sphere_commutes_with_forecasting():
    """Three steps, no constants or forcings: winds of spin 1 turn with the sphere, winds as scalars do not."""
    grid = Grid.gauss_legendre(16)
    wind = ("u_component_of_wind", "v_component_of_wind")
    spin = FieldLayout((Channel(("t",)),), (Channel(wind),))
    scalar = FieldLayout((Channel(("t",)), *(Channel((name,)) for name in wind)))
    config = NetworkConfig("resnet", bandlimits=(6,), widths=(4,), grid="square", num_filter_params=(None,))

    def error(layout, enter, leave):
        task = ForecastTask(layout, layout, grid)
        shape = (len(layout.spins), layout.channels)
        one = Normalization(np.zeros(shape), np.ones(shape))
        stepper = Stepper(task, one, one, np.full((1, *shape), 0.3), np.zeros((*grid.shape, 0), np.float32))
        network, state = make_network(config, task)
        network = eqx.nn.inference_mode(network)

        def apply(x):
            forcings = jnp.zeros((3, *x.shape[:-4], *grid.shape, 0))
            outputs, _ = rollout(stepper, network, state, enter(x)[..., None, :, :, :, :], forcings)
            return leave(outputs[-1][..., 0, :, :, :, :])

        return equivariance_error(
            spinharm.jit(apply),
            RandomInput(6, (0, 1), 1, grid=grid),
            spins_out=(0, 1),
            grid_out=grid,
            bandlimit_out=6,
            key=jax.random.key(1),
        )

    def real(x):
        return x.at[..., 0, :].set(x[..., 0, :].real.astype(x.dtype))

    def apart(x):
        return jnp.stack([x[..., 0, 0].real, x[..., 1, 0].imag, -x[..., 1, 0].real], -1)[..., None, :]

    def together(y):
        parts = (
            jax.lax.complex(y[..., 0, 0], jnp.zeros_like(y[..., 0, 0])),
            jax.lax.complex(-y[..., 0, 2], y[..., 0, 1]),
        )
        return jnp.stack(parts, -1)[..., None]

    good, bad = error(spin, real, lambda y: y), error(scalar, apart, together)
    assert good < 0.1
    assert bad > 5 * good


@pytest.mark.slow
def test_so_do_trained_networks(tmp_path):
    """The example, shortened: data, both trainings and all forecasts."""
    path = Path(__file__).parents[1] / "examples" / "rotated_forecasts.py"
    example = runpy.run_path(str(path))
    small = NetworkConfig("resnet", bandlimits=(8,), widths=(4,), num_filter_params=(None,))
    run = dataclasses.replace(
        example["RUN"],
        stages=(Stage(1, 8),),
        batch_size=4,
        validation_windows=4,
        network=small,
    )
    with jax.numpy_dtype_promotion("standard"):
        rows = example["main"](tmp_path, 20, run, 10)
    found = {(row["winds"], row["variable"], row["lead [h]"]): row for row in rows}
    assert len(found) == 12
    for (winds, variable, hours), row in found.items():
        if winds == "two scalars":
            assert row["difference"] > 2 * found["spin 1", variable, hours]["difference"]
        else:
            assert row["difference"] < row["error"]
