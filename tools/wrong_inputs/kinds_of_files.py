"""One good file of each kind that the programs read, and what reads it."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

import molsphere
import molsphere.__main__
import spinharm.__main__
import spinnn
import wxsphere
import wxsphere.__main__
from qm9_record import METHANE
from spinharm import Grid
from spinharm._commands import files
from spinnn import plots, training

from .small_molecules import small_model

_GRID = Grid.equiangular(7, 12)


class Kind(NamedTuple):
    """A kind of file.

    Attributes:
        path: A good one, a file or folder.
        readers: What reads it: names, and functions of its path.
        commands: Programs and words of their command lines, in which `FILE` stands for the path.
        share: How many damages, relative to the others.
    """

    path: Path
    readers: Mapping[str, Callable[[Path], Any]]
    commands: Sequence[tuple[Callable[[Sequence[str]], int], str]] = ()
    share: float = 1.0


def kinds(folder: Path) -> list[Kind]:
    """Write one good file of each kind and say what reads it.

    Args:
        folder: Made anew; paths of the command lines are relative to it.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with contextlib.redirect_stdout(io.StringIO()):
        return _kinds(folder)


def _kinds(folder: Path) -> list[Kind]:
    return [*_molecules(folder), *_qm9(folder), *_models(folder), *_runs(folder), *_fields(folder), *_stores(folder)]


def _molecules(folder: Path) -> list[Kind]:
    program = molsphere.__main__.main
    molecules = [molsphere.from_smiles(text, name=text) for text in ("CO", "C", "CCO")]
    for name in ("some.xyz", "some.extxyz", "some.csv"):
        columns = {"energy": np.arange(3.0) - 0.5}
        molsphere.write_predictions(folder / name, molecules, columns, {"energy": "eV"})
    (folder / "some.smi").write_text("smiles name\nCO methanol\nCCO ethanol\n# none\nO water\n", encoding="utf-8")
    (folder / "labels.csv").write_text('smiles,name,energy [eV]\nCO,"a, b",1.5\nCCO,c,-2e-3\n', encoding="utf-8")
    atoms = "".join(f"{x:10.4f}{0.1 * x:10.4f}{0:10.4f} {e}   0  0\n" for e, x in (("O", 0.0), ("H", 0.9), ("H", -0.9)))
    block = f"water\n  test\n\n  3  2  0  0  0  0            999 V2000\n{atoms}  1  2  1  0\n  1  3  1  0\nM  END\n"
    (folder / "some.sdf").write_text((block + ">  <energy>\n1.5\n\n$$$$\n") * 2, encoding="utf-8")
    readers = {
        "read_molecules": functools.partial(molsphere.read_molecules),
        "read_molecules, collect": functools.partial(molsphere.read_molecules, on_error="collect"),
        "read_run_data": lambda path: molsphere.read_run_data(path, ("energy",)),
    }
    commands = [
        (program, "predict FILE --models good/model.spinnn"),
        (program, "plot spheres FILE --out spheres.png"),
        (program, "evaluate good/model.spinnn --data FILE --out bad-errors"),
    ]
    names = ("some.xyz", "some.extxyz", "some.csv", "some.smi", "labels.csv", "some.sdf")
    return [Kind(folder / name, readers, commands) for name in names]


def _qm9(folder: Path) -> list[Kind]:
    records, plain = folder / "records", folder / "qm9.tar.bz2"
    records.mkdir()
    with tarfile.open(plain, "w:bz2") as archive:
        for number in (1, 2, 3):
            content = METHANE.replace("gdb 1\t", f"gdb {number}\t").encode()
            (records / f"dsgdb9nsd_{number:06d}.xyz").write_bytes(content)
            member = tarfile.TarInfo(f"dsgdb9nsd_{number:06d}.xyz")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    (folder / "uncharacterized.txt").write_text("  1  C  a\n  2  C  b\n" + "  21725  C  c\n", encoding="utf-8")
    read = functools.partial(molsphere.read_qm9, num_molecules=None, uncharacterized=())
    read(plain).save(folder / "qm9.npz")

    def read_data(path: Path) -> Any:
        shutil.copy(folder / "uncharacterized.txt", path if path.is_dir() else path.parent)
        return molsphere.read_run_data(path, ("mu", "H"))

    readers = {"read_qm9": read, "read_run_data": read_data}
    commands = [(molsphere.__main__.main, "evaluate good/model.spinnn --data FILE --out bad-errors")]
    listed = {"read_uncharacterized": molsphere.read_uncharacterized}
    return [
        Kind(plain, readers, commands),
        Kind(folder / "qm9.npz", readers, commands),
        Kind(records, readers, commands),
        Kind(folder / "uncharacterized.txt", listed, share=0.5),
    ]


def _models(folder: Path) -> list[Kind]:
    small_model().save(folder / "model.spinnn")
    _forecaster().save(folder / "forecaster.spinnn")
    layer = spinnn.SpinConv((0,), (0,), 1, 1, bandlimit=2, key=jax.random.key(0))
    training.save_model(folder / "layer.spinnn", layer, {"size": 2, "nested": {"a": [1, 2.5, None]}})
    header = {"read_header": training.read_header}
    predict = [(molsphere.__main__.main, "predict --smiles C --models FILE")]
    plain = {**header, "load_model": lambda path: training.load_model(path, lambda config: layer)}
    weather = "forecast FILE --states good/fields.nc --out bad-forecast.zarr --steps 1"
    return [
        Kind(folder / "model.spinnn", {**header, "PropertyModel.load": molsphere.PropertyModel.load}, predict, 2.0),
        Kind(
            folder / "forecaster.spinnn",
            {**header, "ForecastModel.load": wxsphere.ForecastModel.load},
            [(wxsphere.__main__.main, weather)],
            2.0,
        ),
        Kind(folder / "layer.spinnn", plain),
    ]


def _forecaster() -> wxsphere.ForecastModel:
    from wxsphere._model.forecast_model import make_network

    layout = wxsphere.FieldLayout((wxsphere.Channel(("2m_temperature",)),), ())
    task = wxsphere.ForecastTask(layout, layout, _GRID, offsets=(0.0,), forcings=("sine_of_day",))
    config = wxsphere.NetworkConfig("resnet", bandlimits=(2,), widths=(2,), num_filter_params=(None,))
    network, state = make_network(config, task)
    normal = wxsphere.Normalization(np.array([[280.0]]), np.array([[10.0]]))
    stepper = wxsphere.Stepper(task, normal, normal, np.ones((1, 1, 1)), np.zeros((*_GRID.shape, 0), np.float32))
    return wxsphere.ForecastModel(config, eqx.nn.inference_mode(network), state, stepper)


def _runs(folder: Path) -> list[Kind]:
    training.save_config(folder / "training.json", training.TrainingConfig())
    # What is right in them ends at a file that is not there, before anything is trained.
    options = molsphere.TrainOptions(data="good/missing.csv", targets=("energy",), out="bad-run")
    training.save_config(folder / "options.json", options)
    weather = folder / "weather.json"
    from wxsphere._commands.train import TrainOptions as WeatherOptions

    training.save_config(weather, WeatherOptions(data="good/missing", out="bad-run"))
    molsphere.random_splits(8, 4, 2, seed=0).save(folder / "splits.npz")
    counts = np.arange(6)
    values = {"energy": np.arange(6.0)}
    molsphere.Evaluation(
        counts, counts // 3, counts % 2 + 3, ("training", "test"), {"energy": "eV"}, values, values
    ).save(folder / "run")
    lines = [{"step": step, "loss": 1.0 / step, "validation_error": 1.0} for step in (1, 2, 3)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    saved = training.Checkpoints(folder / "checkpoints", {"a": 1})
    for step in (1, 2):
        saved.save(step, {"x": jnp.ones(2), "y": jnp.zeros((2, 2))}, {"b": 1})
    saved.close()
    load = training.load_config
    program, weather_program = molsphere.__main__.main, wxsphere.__main__.main
    return [
        Kind(
            folder / "options.json",
            {"load_config": lambda path: load(path, molsphere.TrainOptions)},
            [(program, "train --config FILE")],
            2.0,
        ),
        Kind(
            weather,
            {"load_config": lambda path: load(path, WeatherOptions)},
            [(weather_program, "train --config FILE")],
            2.0,
        ),
        Kind(folder / "training.json", {"load_config": lambda path: load(path, training.TrainingConfig)}),
        Kind(
            folder / "run",
            {"Evaluation.load": molsphere.Evaluation.load},
            [(program, "plot parity FILE --out parity.png"), (program, "plot sizes FILE --out sizes.png")],
            2.0,
        ),
        Kind(folder / "splits.npz", {"Splits.load": molsphere.Splits.load}),
        Kind(folder / "metrics.jsonl", {"learning_curve": lambda path: plots.learning_curve(path, "a")}, share=0.5),
        Kind(folder / "checkpoints", {"Checkpoints.restore": _restored}),
    ]


def _restored(path: Path) -> Any:
    saved = training.Checkpoints(path, {"a": 1})
    try:
        return saved.restore({"x": jnp.zeros(2), "y": jnp.zeros((2, 2))})
    finally:
        saved.close()


def _dataset(times: int = 6) -> xr.Dataset:
    rng = np.random.default_rng(0)
    stamps = np.datetime64("2020-01-01", "ns") + np.arange(times) * np.timedelta64(6 * 3600 * 10**9, "ns")
    out = wxsphere.grid_dataset(_GRID).assign_coords(time=stamps, level=("level", [500, 850], {"units": "hPa"}))
    flat = ("time", "latitude", "longitude")
    deep = ("time", "level", "latitude", "longitude")
    warm = 280 + rng.standard_normal((times, *_GRID.shape))
    out["2m_temperature"] = (flat, warm.astype(np.float32), {"units": "K"})
    for name in ("u_component_of_wind", "v_component_of_wind"):
        out[name] = (deep, rng.standard_normal((times, 2, *_GRID.shape)).astype(np.float32), {"units": "m s**-1"})
    return out


def _look(path: Path) -> Any:
    """Open and read every value, as commands do."""
    return wxsphere.check_dataset(wxsphere.open_dataset(path))


def _fields(folder: Path) -> list[Kind]:
    data = _dataset()
    data.to_netcdf(folder / "fields.nc", engine="h5netcdf")
    data.astype({name: "float64" for name in data.data_vars}).to_netcdf(folder / "classic.nc", engine="scipy")
    (folder / "fields.grib").write_bytes(_grib())
    readers = {"open_dataset": _look}
    weather, harmonics = wxsphere.__main__.main, spinharm.__main__.main
    prepare = "prepare FILE --out bad-prepared --training 2020-01-01 2020-01-01"
    commands = [(weather, "check FILE"), (weather, "plot maps FILE --out maps.png"), (weather, prepare)]
    mine = [(harmonics, "grid FILE")]
    winds = {**readers, "read_wind": lambda path: files.read_wind([path], {})}
    return [
        Kind(folder / "fields.nc", winds, [*commands, *mine], 2.0),
        Kind(folder / "classic.nc", winds, [*commands, *mine], 2.0),
        Kind(folder / "fields.grib", readers, commands),
    ]


def _grib() -> bytes:
    """Two messages: temperatures of 2 m at two times."""
    import eccodes

    messages = []
    for hour in (0, 600):
        handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
        for key, value in (
            ("Ni", 12), ("Nj", 7), ("latitudeOfFirstGridPointInDegrees", 90.0),
            ("longitudeOfFirstGridPointInDegrees", 0.0), ("latitudeOfLastGridPointInDegrees", -90.0),
            ("longitudeOfLastGridPointInDegrees", 330.0),
            ("iDirectionIncrementInDegrees", 30.0), ("jDirectionIncrementInDegrees", 30.0),
            ("dataDate", 20200101), ("dataTime", hour), ("shortName", "2t"),
        ):  # fmt: skip
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set_values(handle, (280 + np.arange(84) % 5).astype(float))
        messages.append(eccodes.codes_get_message(handle))
        eccodes.codes_release(handle)
    return b"".join(messages)


def _stores(folder: Path) -> list[Kind]:
    data = _dataset()
    data.chunk(time=3).to_zarr(folder / "three.zarr", zarr_format=3, consolidated=False)
    data.chunk(time=3).to_zarr(folder / "two.zarr", zarr_format=2, consolidated=True)
    wxsphere.prepare(
        folder / "three.zarr", folder / "prepared", training=("2020-01-01", "2020-01-01T12"), chunk=2,
        variables=("2m_temperature",), scheduler="synchronous",
    )  # fmt: skip
    made = folder / "forecast.zarr"
    wxsphere.forecast(wxsphere.ForecastModel.load(folder / "forecaster.spinnn"), data, made, steps=2)
    weather = wxsphere.__main__.main
    weather(
        [
            "evaluate",
            str(made),
            "--truth",
            str(folder / "three.zarr"),
            "--drop-missing",
            "--out",
            str(folder / "scores"),
        ]
    )
    readers = {"open_dataset": _look}
    commands = [(weather, "check FILE"), (weather, "plot spectra FILE --out spectra.png")]
    scoring = [
        (weather, "evaluate FILE --truth good/three.zarr --drop-missing --out bad-scores"),
        (weather, "evaluate good/forecast.zarr --truth FILE --drop-missing --out bad-scores"),
    ]
    return [
        Kind(folder / "three.zarr", readers, [*commands, scoring[1]], 2.0),
        Kind(folder / "two.zarr", readers, commands, 2.0),
        Kind(made, {"open_dataset": lambda path: wxsphere.open_dataset(path).load()}, [scoring[0]], 2.0),
        Kind(
            folder / "prepared",
            {"open_prepared": lambda path: wxsphere.open_prepared(path).fields.load()},
            [(weather, "forecast good/forecaster.spinnn --states FILE --out bad-forecast.zarr --steps 1")],
            2.0,
        ),
    ]
