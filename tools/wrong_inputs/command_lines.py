"""A command line that is right for each command of the programs, and the options that each has."""

from __future__ import annotations

import dataclasses
import importlib
import sys
import typing
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import molsphere.__main__
import spinharm.__main__
import wxsphere.__main__
from wxsphere._model.networks import NETWORKS


class Line(NamedTuple):
    """A command line that is right.

    Attributes:
        program: The program's `main`.
        command: The words of the command.
        words: Options by name, each with its words; `""` for those without name.
        lacking: What to put in place of some of them so that the line ends before it reads or computes anything, with
            an error that tells of no other option.
        options: The types of all options by name.
        begins: Module and name of a function that is reached when all options have been taken.
        seconds: After how many seconds a line is stopped, having gone on.
    """

    program: Callable[[Sequence[str]], int]
    command: str
    words: dict[str, str]
    lacking: dict[str, str]
    options: Mapping[str, Any]
    begins: tuple[Any, str] | None = None
    seconds: int = 10

    @property
    def title(self) -> str:
        """Program and command."""
        return f"{self.program.__module__.partition('.')[0]} {self.command}"

    def typed(self, option: str, words: Sequence[str], *, lacking: bool) -> list[str]:
        """The words of the line with others for an option."""
        chosen: dict[str, Any] = {**self.words, **(self.lacking if lacking else {}), option: words}
        out = self.command.split()
        for name, given in chosen.items():
            out += [f"--{name}"] if name else []
            out += given.split() if isinstance(given, str) else given
        return out


def lines() -> list[Line]:
    """One line for each command that has options."""
    return [*_molecules(), *_weather(), *_harmonics()]


def _molecules() -> Iterator[Line]:
    program = molsphere.__main__.main
    # Nothing can be written inside a file.
    nowhere = {"out": "good/labels.csv/out"}
    fit = (sys.modules[molsphere.train.__module__], "fit")
    of_plots = _options("molsphere", "plot", "RunPlotOptions")
    config = {"config": str, **_fields(molsphere.TrainOptions)}
    yield Line(
        program, "predict", {"": "good/some.xyz", "models": "good/model.spinnn"}, {"models": "good/missing.spinnn"},
        _options("molsphere", "predict", "PredictOptions"),
    )  # fmt: skip
    yield Line(
        program, "evaluate", {"": "good/model.spinnn", "data": "good/some.extxyz", "out": "bad-errors"},
        {"": "good/missing.spinnn"}, _options("molsphere", "evaluate", "EvaluateOptions"),
    )  # fmt: skip
    yield Line(
        program, "train", {"data": "good/some.extxyz", "targets": "energy", "out": "bad-run"},
        {"data": "good/missing.csv"}, config, fit,
    )  # fmt: skip
    yield Line(
        program, "train", {"data": "good/some.extxyz", "targets": "energy", "out": "bad-run", "preset": "interacting"},
        {"data": "good/missing.csv"}, _fields(molsphere.InteractingConfig, "network."), fit,
    )  # fmt: skip
    yield Line(program, "plot parity", {"": "good/run"}, {"": "good/missing"}, of_plots)
    yield Line(program, "plot sizes", {"": "good/run"}, {"": "good/missing"}, of_plots)
    yield Line(program, "plot learning", {"": "good", "out": "bad-learning.png"}, {"": "good/missing"}, of_plots)
    yield Line(
        program, "plot spheres", {"": "good/some.xyz", "out": "bad-spheres.png"}, {"": "good/missing.xyz"},
        _options("molsphere", "plot", "SpheresOptions"),
    )  # fmt: skip
    small = {"out": "bad-demo", "molecules": "20", "geometries": "1"}
    yield Line(program, "demo", small, nowhere, _options("molsphere", "demo", "DemoOptions"), fit)
    yield Line(
        program, "qm9 fetch", {"out": "bad-data"}, nowhere, _options("molsphere", "qm9", "QM9FetchOptions"),
        (urllib.request, "urlopen"),
    )  # fmt: skip


def _weather() -> Iterator[Line]:
    program, nowhere = wxsphere.__main__.main, {"out": "good/labels.csv/out"}
    missing, fields = "good/missing.zarr", "good/three.zarr"

    def line(name: str, words: dict[str, str], lacking: dict[str, str], kind: str, **more: Any) -> Line:
        return Line(program, name, words, lacking, _options("wxsphere", name.split()[0], kind), **more)

    simulated = (importlib.import_module("wxsphere._commands.simulate"), "integrate")
    yield line("demo", {"out": "bad-demo"}, nowhere, "DemoOptions", begins=simulated)
    yield line("simulate", {"out": "bad-flow", "bandlimit": "8"}, nowhere, "SimulateOptions", begins=simulated)
    yield line("prepare", {"": fields, "out": "bad-prepared"}, {"": missing}, "PrepareCommand")
    train = line(
        "train", {"data": "good/prepared", "out": "bad-run", "rollout": "1", "epochs": "1", "rate-factors": "1"},
        {"data": "good/missing"}, "TrainOptions", begins=(sys.modules[wxsphere.train.__module__], "fit"),
    )  # fmt: skip
    preset = {"config": str, "preset": Literal[tuple(NETWORKS)]}  # pyright: ignore[reportInvalidTypeForm]
    yield train._replace(options={**preset, **train.options})
    forecast = {"": "good/forecaster.spinnn", "states": "good/fields.nc", "out": "bad-forecast.zarr", "steps": "1"}
    begins = (importlib.import_module("wxsphere._commands.forecast"), "forecast")
    yield line("forecast", forecast, {"": "good/missing.spinnn"}, "ForecastOptions", begins=begins)
    yield line("check", {"": fields}, {"": missing}, "CheckOptions")
    regrid = {"": fields, "grid": "8x16+gauss", "out": "bad-regridded"}
    yield line("regrid", regrid, {"": missing}, "RegridOptions")
    evaluate = {"": "good/forecast.zarr", "truth": fields, "out": "bad-scores", "drop-missing": ""}
    yield line("evaluate", evaluate, {"": missing}, "EvaluateCommand")
    yield line("plot maps", {"": fields, "out": "bad-maps.png"}, {"": missing}, "MapsOptions")
    yield line("plot spectra", {"": fields, "out": "bad-spectra.png"}, {"": missing}, "SpectraOptions")
    yield line("plot curves", {"": "good/scores", "out": "bad-curves.png"}, {"": missing}, "CurvesOptions")
    yield line("plot learning", {"": "good", "out": "bad-learning.png"}, {"": missing}, "LearningOptions")


def _harmonics() -> Iterator[Line]:
    program, missing = spinharm.__main__.main, {"data": "good/missing.nc"}
    demo = {"out": str, "bandlimit": int | None, "data": tuple[str, ...], "select": str, "seed": int}
    begins = (importlib.import_module("spinharm._commands.demo"), "run")
    yield Line(program, "demo", {"out": "bad-demo", "bandlimit": "2"}, missing, demo, begins)
    yield Line(program, "grid", {"": "good/fields.nc"}, {"": "good/missing.nc"}, {"": str})


def _options(package: str, module: str, kind: str) -> dict[str, Any]:
    return _fields(getattr(importlib.import_module(f"{package}._commands.{module}"), kind))


def _fields(kind: Any, prefix: str = "") -> dict[str, Any]:
    """Types by names as they are typed, those of nested records too; `""` for what has no name."""
    hints, out = typing.get_type_hints(kind, include_extras=True), {}
    for field in dataclasses.fields(kind):
        flag, flags = field.metadata.get("flag"), field.metadata.get("flags")
        hint, name = hints[field.name], f"{prefix}{flag or field.name.replace('_', '-')}"
        if flags is not None:
            out |= _fields(flags, prefix)
        elif any(dataclasses.is_dataclass(one) for one in typing.get_args(hint)):
            # One of several, whose default decides which flags there are.
            out |= _fields(type(field.default), f"{name}.")
        elif dataclasses.is_dataclass(hint):
            out |= _fields(hint, prefix if flag == "" else f"{name}.")
        else:
            out["" if "Positional" in str(hint) else name] = hint
    return out
