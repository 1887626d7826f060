"""Demo that simulates, trains, forecasts and evaluates in one folder."""

from __future__ import annotations

import dataclasses
import importlib
import json
import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from spinharm.optional import require
from spinnn.files import replacing
from spinnn.plots import save_figure

from . import _checks
from ._conventions.names import LEAD, TIME, WINDS
from ._fields.weights import area_weights
from ._files.checksums import create_store, seal_store
from ._files.netcdf import read_netcdf
from ._files.open import open_dataset
from ._maps.figure import map_figure
from ._maps.options import MapOptions
from ._maps.panels import layers_of, panels_of, scales_of
from ._maps.style import EXTRA
from ._prepare.prepared import Prepared, open_prepared

FLOW, DATA, RUN, CLIMATOLOGY = "flow.zarr", "data", "run", "climatology.zarr"
FORECAST, LONG, SCORES, SUMMARY = "forecast.zarr", "long.zarr", "scores", "summary.json"
_MAP_LEAD = np.timedelta64(72, "h").astype("timedelta64[ns]")
_BANDLIMIT, _HOURS, _SPIN_UP = 22, 6, 10
_FIRST = np.datetime64("2000-01-01", "h")
_HEADLINES = ("geopotential", "wind")


def run_demo(
    out: str | Path,
    *,
    days: int = 140,
    epochs: tuple[int, int] = (4, 2),
    steps: int = 40,
    long_steps: int = 100,
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Simulate, prepare, train, forecast, evaluate and draw in one folder; reproducible for a seed.

    Args:
        out: Folder of all results; an interrupted demo is resumed in it.
        days: Length of the simulation [days], at least 40.
        epochs: Passes over the data with one step, and with rollouts of four steps.
        steps: Number of steps of 6 h of the forecasts that are scored.
        long_steps: Number of steps of one long forecast.
        seed: Seed of all random numbers.
        say: Function called with the description of each step and its results.

    Returns:
        The content of `summary.json`: RMSE by variable, forecast and lead time, and times in seconds.

    Raises:
        ValueError: A size is out of range, or the folder is of another demo.
    """
    begun = time.perf_counter()
    for library in ("matplotlib", "jinja2"):  # an error here comes before a minute of training
        require(library, EXTRA, "the demo")
    _checks.integer("days", days, 40)
    folder = Path(out)
    test_states = int(days * 24 / _HOURS) - int(days * 0.85) * 24 // _HOURS
    if not 1 <= steps < test_states:
        raise ValueError(f"`steps` must be 1 … {test_states - 1} for {days} days, got {steps}")

    # An error here comes before the simulation.
    folder.mkdir(parents=True, exist_ok=True)
    demo = _Demo(folder, days, epochs, steps, long_steps, seed, say)
    demo.simulate()
    demo.prepare()
    demo.train()
    data = demo.forecast()
    demo.evaluate(data)
    summary = {
        "rmse": _errors(folder / SCORES / "scores.nc"),
        "long": _spread(folder / LONG, data),
        "days": days,
        "epochs": list(epochs),
        "seed": seed,
        "seconds": round(time.perf_counter() - begun, 1),
    }
    demo.say_summary(summary)
    say(f"maps: {', '.join(map(str, _draw(folder, data)))}")
    with replacing(folder / SUMMARY) as file:
        file.write(json.dumps(summary, indent=1) + "\n")
    say(f"{summary['seconds']:.0f} s; summary in {folder / SUMMARY}, report in {folder / SCORES / 'report.html'}")
    return summary


@dataclasses.dataclass(frozen=True)
class _Demo:
    """Commands of the demo in order; for the fields see `run_demo`."""

    folder: Path
    days: int
    epochs: tuple[int, int]
    steps: int
    long_steps: int
    seed: int
    say: Callable[[str], None]

    def simulate(self) -> None:
        self.say("1. Shallow water on the rotating sphere")
        self._run(
            "simulate", "--out", self.folder / FLOW, "--bandlimit", _BANDLIMIT, "--time-step", 1800,
            "--days", self.days, "--hours", _HOURS, "--spin-up-days", _SPIN_UP, "--diffusion-hours", 12,
            "--seed", self.seed, "--grid", f"{_BANDLIMIT}x{2 * _BANDLIMIT}+gauss",
        )  # fmt: skip

    def prepare(self) -> None:
        at = self._time
        self.say("2. Prepared data: 80 % of the time for training, 5 % for validation, 15 % for testing")
        self._run(
            "prepare", self.folder / FLOW, "--out", self.folder / DATA, "--variables", "geopotential", *WINDS["wind"],
            "--training", at(0.0), at(0.8), "--validation", at(0.8, 12), at(0.85, -12), "--test", at(0.85), at(1.0),
        )  # fmt: skip

    def train(self) -> None:
        self.say("3. A U-net that predicts the change in 6 h; winds are one field of spin 1")
        self._run(
            "train", "--data", self.folder / DATA, "--out", self.folder / RUN, "--constants", "sine_of_latitude",
            "--forcings", "--rollout", 1, 4, "--epochs", *self.epochs, "--rate-factors", 1, 0.3, "--batch-size", 8,
            "--seed", self.seed, "--no-remat", "--checkpoint-every", 1000, "--validation-windows", 16,
            "--learning-rate", 3e-3, "--clip-norm", 1, "--ema-decay", 0.99, "--warmup-epochs", 0.5,
            "--network.bandlimits", 16, 8, 16, "--network.widths", 16, 24, 16, "--network.num-filter-params", "None",
        )  # fmt: skip

    def forecast(self) -> Prepared:
        """Make the forecasts, and return the prepared data."""
        self.say(f"4. Forecasts of {self.steps * _HOURS / 24:g} days, and one of {self.long_steps * _HOURS / 24:g}")
        data = open_prepared(self.folder / DATA)
        common = ("forecast", self.folder / RUN / "model.spinnn", "--states", self.folder / DATA, "--chunk", 20)
        self._run(
            *common, "--period", "test", "--verified", "--every", 4, "--steps", self.steps, "--batch", 12,
            "--out", self.folder / FORECAST,
        )  # fmt: skip
        begin = str(data.test_times[0].astype("datetime64[m]"))
        self._run(*common, "--times", begin, "--steps", self.long_steps, "--batch", 12, "--out", self.folder / LONG)
        return data

    def evaluate(self, data: Prepared) -> None:
        self.say("5. Scores against the simulation")
        _write_climatology(data, self.folder / CLIMATOLOGY)
        self._run(
            "evaluate", self.folder / FORECAST, "--truth", self.folder / DATA,
            "--climatology", self.folder / CLIMATOLOGY, "--names", "unet", "--out", self.folder / SCORES,
            "--spectra", "--no-coast",
            "--bootstrap", 200, "--title", "Shallow water, steps of 6 h by a small U-net",
        )  # fmt: skip

    def say_summary(self, summary: dict[str, Any]) -> None:
        for name, table in summary["rmse"].items():
            better = [lead for lead, value in table["unet"].items() if value < table["persistence"][lead]]
            self.say(f"{name}: smaller error than persistence at {len(better)} of {len(table['unet'])} lead times")
        spread = summary["long"]
        self.say(
            f"after {self.long_steps} steps geopotential is finite and deviates from its mean by "
            f"{spread['forecast']:.0f} m²/s² (simulation: {spread['simulation']:.0f})"
        )

    def _time(self, share: float, hours: int = 0) -> str:
        """The time after a share of all days and some hours."""
        return str(_FIRST + np.timedelta64(int(self.days * share) * 24 + hours, "h"))

    def _run(self, name: str, *words: Any) -> None:
        """Print a command of `wxsphere` and run it."""
        given = [str(word) for word in words]
        self.say(f"$ wxsphere {name} {shlex.join(given)}")
        status = importlib.import_module(f"wxsphere._commands.{name}").main(name, given)
        if status:
            raise ValueError(f"wxsphere {name} ended with status {status}")


def _write_climatology(data: Prepared, path: Path) -> None:
    """Write the mean of the training times for every hour and day, as the simulation has no seasons."""
    if path.exists():
        return
    fields = data.fields[list(data.variables)].sel({TIME: data.training_times}).astype("float64").mean(TIME).load()
    hours, days = np.arange(0, 24, _HOURS), np.arange(1, 367)
    whole = fields.astype("float32").expand_dims({"hour": hours, "dayofyear": days})
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    create_store(whole, partial)
    seal_store(partial)
    partial.rename(path)


def _errors(path: Path) -> dict[str, dict[str, dict[str, float]]]:
    """RMSE by variable, forecast and lead time [h]."""
    chosen = read_netcdf(path)[list(_HEADLINES)].sel(metric="rmse", region="global")
    hours = [f"{lead / np.timedelta64(1, 'h'):g}" for lead in chosen[LEAD].values]
    return {
        name: {
            str(one): dict(zip(hours, map(float, chosen[name].sel(forecast=one).values), strict=True))
            for one in chosen["forecast"].values
        }
        for name in _HEADLINES
    }


def _spread(path: Path, data: Prepared) -> dict[str, float]:
    """Standard deviation of geopotential over the sphere at the end of the long forecast and of the data."""
    weights = xr.DataArray(area_weights(data.grid.latitude_deg), dims="latitude")

    def std(field: xr.DataArray) -> float:
        return float(field.load().astype("float64").weighted(weights.reset_coords(drop=True)).std())

    last = open_dataset(path)["geopotential"].isel({TIME: 0, LEAD: -1})
    return {"forecast": std(last), "simulation": std(data.fields["geopotential"].isel({TIME: -1}))}


def _draw(folder: Path, data: Prepared) -> list[Path]:
    """Draw forecast and simulation at the same valid time, with the same colours."""
    forecast = open_dataset(folder / FORECAST)
    hours = float(min(_MAP_LEAD, forecast[LEAD].values[-1]) / np.timedelta64(1, "h"))
    options = MapOptions(lead_hours=hours, coast=False, columns=1)  # the simulated planet has no land
    both = {"forecast": forecast, "simulation": data.fields[list(data.variables)]}
    layers, _ = layers_of(both, None, options)
    rows = panels_of(layers, None, _HEADLINES, options)
    scales = zip(_HEADLINES, scales_of(rows, options), strict=True)
    limits = {name: (scale.low, scale.high) for name, scale in scales}
    drawn = []
    for label, layer in zip(both, layers, strict=True):
        figure = map_figure({label: layer.chosen.fields.load()}, _HEADLINES, options, limits=limits, lead_hours=None)
        drawn.append(save_figure(figure, folder / f"{label}.png"))
    return drawn
