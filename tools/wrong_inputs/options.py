"""Every option of every command with wrong words: `python -m wrong_inputs.options --seed N`.

Each command line must end with exit status 0, 1 or 2, and after an error with one line. One that goes on for long has
taken the word, and is stopped.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import random
import sys
import typing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import molsphere.__main__
import spinharm.__main__
import wxsphere.__main__

from .damaged_files import command_outcome
from .kinds_of_files import kinds
from .tries import Tries, given

_WORDS = (
    "", " ", "-", "--", "-1", "0", "1", "3", "1.5", "nan", "inf", "1e400", "9" * 30, "True", "None", "text", "a b",
    "é\u2028", "\x1b[2J", "a\x00b", "../..", "missing.nc", "good", "good/model.spinnn", "[1]", "{}", "=1+1", "1,2", "*",
    "2020-13-45", "x" * 5000, "--help=", "1_234", "٣", "\udcff",
)  # fmt: skip


class Line(NamedTuple):
    """A command line that is right.

    Attributes:
        program: The program's `main`.
        command: The words of the command.
        words: Options by name, each with its words; `""` for those without name.
        kind: The dataclass of its options, or all their names.
        seconds: After how many it is stopped.
    """

    program: Callable[[Sequence[str]], int]
    command: str
    words: dict[str, str]
    kind: Any
    seconds: int


def lines() -> list[Line]:
    """One line for each command but `qm9 fetch`, which would download."""
    molecules, weather, harmonics = molsphere.__main__.main, wxsphere.__main__.main, spinharm.__main__.main
    # Nothing can be written inside a file: what is right ends there, before it takes long.
    nowhere = "good/labels.csv/out"
    table = [
        (molecules, "predict", {"": "good/some.xyz", "models": "good/model.spinnn"}, "PredictOptions"),
        (
            molecules,
            "evaluate",
            {"": "good/model.spinnn", "data": "good/some.extxyz", "out": "bad-errors"},
            "EvaluateOptions",
        ),
        (molecules, "train", {"data": "good/missing.csv", "targets": "energy", "out": "bad-run"}, None),
        (molecules, "plot parity", {"": "good"}, "RunPlotOptions"),
        (molecules, "plot sizes", {"": "good"}, "RunPlotOptions"),
        (molecules, "plot learning", {"": "good", "out": "bad-learning.png"}, "RunPlotOptions"),
        (molecules, "plot spheres", {"": "good/some.xyz", "out": "bad-spheres.png"}, "SpheresOptions"),
        (molecules, "demo", {"out": nowhere}, "DemoOptions"),
        (weather, "demo", {"out": nowhere}, "DemoOptions"),
        (weather, "simulate", {"out": nowhere}, "SimulateOptions"),
        (weather, "prepare", {"": "good/three.zarr", "out": "bad-prepared"}, "PrepareOptions"),
        (weather, "train", {"data": "good/missing", "out": "bad-run"}, "TrainOptions"),
        (
            weather,
            "forecast",
            {"": "good/forecaster.spinnn", "states": "good/fields.nc", "out": "bad-forecast.zarr", "steps": "1"},
            "ForecastOptions",
        ),
        (weather, "check", {"": "good/three.zarr"}, "CheckOptions"),
        (
            weather,
            "evaluate",
            {"": "good/forecast.zarr", "truth": "good/three.zarr", "out": "bad-scores"},
            "EvaluateOptions",
        ),
        (weather, "plot maps", {"": "good/three.zarr", "out": "bad-maps.png"}, "MapsOptions"),
        (weather, "plot spectra", {"": "good/three.zarr", "out": "bad-spectra.png"}, "SpectraOptions"),
        (weather, "plot curves", {"": "good/scores.nc", "out": "bad-curves.png"}, "CurvesOptions"),
        (weather, "plot learning", {"": "good", "out": "bad-learning.png"}, "LearningOptions"),
        (harmonics, "demo", {"out": nowhere, "bandlimit": "2"}, ("out", "bandlimit", "data", "select", "seed")),
        (harmonics, "grid", {"": "good/fields.nc"}, ("",)),
    ]
    return [
        # What these two compute first has nothing to do with the words.
        Line(program, name, words, _kind(program, name, kind), 1 if name in ("demo", "simulate") else 10)
        for program, name, words, kind in table
    ]


def _kind(program: Any, name: str, kind: Any) -> Any:
    package = program.__module__.partition(".")[0]
    if kind is None:
        return molsphere.TrainOptions
    if isinstance(kind, str):
        return getattr(importlib.import_module(f"{package}._commands.{name.split()[0]}"), kind)
    return kind


def option_names(kind: Any, prefix: str = "") -> Iterator[str]:
    """Names as they are typed, those of nested records too; `""` for what has no name."""
    if isinstance(kind, tuple):
        yield from kind
        return
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint):
            yield from option_names(hint, f"{prefix}{field.name.replace('_', '-')}.")
        else:
            yield "" if "Positional" in str(hint) else f"{prefix}{field.name.replace('_', '-')}"


def main() -> int:
    """Try in the current folder; the last line of the output is a JSON object of counts and findings."""
    options = given(__doc__, 20, "wrong words for each option", "command lines")
    kinds(Path("good"))
    tries = Tries(options.start)
    for line in lines():
        program = line.program.__module__.partition(".")[0]
        if options.only in f"{program} {line.command}":
            _try(line, program, options.seed, options.count, tries)
    tries.tell()
    return 0


def _try(line: Line, program: str, seed: int, count: int, tries: Tries) -> None:
    for name in option_names(line.kind):
        rng = random.Random(f"{seed} {program} {line.command} {name}")
        for number, word in enumerate(rng.sample(_WORDS, count)):
            if not tries.begin(f"{program} {line.command}", name, repr(word)[:60]):
                continue
            tries.counts["options"] += number == 0
            words = {**line.words, name: word}
            typed = [part for key, value in words.items() for part in ([f"--{key}", value] if key else [value])]
            outcome, detail = command_outcome(line.program, [*line.command.split(), *typed], line.seconds)
            outcome = "goes on" if detail.startswith("more than") else outcome
            tries.note(f"{program} {line.command}", name, repr(word)[:60], outcome, detail)


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    sys.exit(main())
