"""`molsphere evaluate`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from spinnn import checks, command

from .._data.run_data import read_run_data
from .._model.ensemble import load_models
from .._model.invariance import invariance_error
from .._molecules.distances import LengthUnit
from .._run.evaluation import evaluate
from .._run.report import report, report_invariance
from .._run.run import parts_of, read_runs

_TEXT = """Mean absolute errors of a model, with units, by part and by number of atoms.

Of a run's folder: by its own parts. Of a model file: on all molecules of --data. Of several: of the mean of their
predictions. Writes evaluation.json and predictions.npz, which `molsphere plot` draws, into the run's folder or --out.

examples:
  molsphere evaluate runs/H
  molsphere evaluate runs/H --data elsewhere/qm9.npz
  molsphere evaluate runs/H --orientations 8     # predictions averaged over orientations
  molsphere evaluate runs/H --rotations 4        # and how much predictions change when molecules are rotated
  molsphere evaluate model.spinnn --data other.extxyz --out other-errors
  molsphere evaluate runs/H-0 runs/H-1 runs/H-2 --out committee"""

# Molecules that are rotated.
_TURNED = 1000


@dataclasses.dataclass(frozen=True)
class EvaluateOptions:
    """Options of `molsphere evaluate`.

    Attributes:
        model: A run's folder or a model file; or several, whose mean is evaluated.
        data: Data; default those of the run.
        out: Folder for the results; default the run's.
        orientations: Predict the mean over so many orientations of each molecule.
        rotations: Random rotations of each molecule of the last part (at most the first 1,000 of it), by which to
            measure how much predictions change; 0 for none.
        units: With a model file: units of its properties in the data, which must be the model's and those that the
            data say; default the model's where the data say none.
        length_unit: Unit of the positions in the data; default Å, and files that do not look like it are refused.
        uncharacterized: Of QM9: the file that lists the molecules to leave out, or `none` to keep all; default
            uncharacterized.txt beside the data.
    """

    model: Annotated[tuple[str, ...], tyro.conf.Positional]
    data: str | None = None
    out: str | None = None
    orientations: int = 1
    rotations: int = 0
    units: tuple[str, ...] = ()
    length_unit: LengthUnit | None = None
    uncharacterized: str | None = None

    def __post_init__(self) -> None:
        checks.integer_members(self, {"orientations": 1, "rotations": 0})


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(EvaluateOptions, f"molsphere {name}", words, _TEXT)
    models, several = load_models(options.model), len(options.model) > 1
    if several and options.rotations:
        raise ValueError(f"`rotations` must be 0 with several models, got {options.rotations}")
    out = options.out or ("" if several else options.model[0])
    if all(Path(path).is_dir() for path in options.model):
        if not out:
            raise ValueError("several models need `out`, by --out")
        if options.units:
            raise ValueError(
                "`units` must be left out for a run's folder, which has its own; it goes with a model file"
            )
        data, splits = read_runs(options.model, options.data, options.length_unit, options.uncharacterized)
        parts = parts_of(splits)
    else:
        if options.data is None or options.out is None:
            raise ValueError("a model file needs `data` and `out`, by --data and --out; a run's folder has its own")
        targets = tuple(dict.fromkeys(name for model in models for name in model.units))
        data = read_run_data(
            options.data,
            targets,
            options.units,
            length_unit=options.length_unit,
            uncharacterized=options.uncharacterized,
        )
        parts = {"all": np.arange(len(data.molecules))}
    for problem in data.problems:
        command.warn(f"left out: {problem}")
    command.say(data.source)
    for model in models:
        for quantity, unit in model.units.items():
            if (given := data.units[quantity]) and given != unit:
                raise ValueError(f"`data` must have {quantity!r} in {unit}, got {given}")
    result = evaluate(models, data.molecules, data.values, parts, orientations=options.orientations)
    Path(out).mkdir(parents=True, exist_ok=True)
    result.save(out)
    report(result)
    if options.rotations:
        last = result.index[result.part == len(result.parts) - 1][:_TURNED]
        few = [data.molecules[int(i)] for i in last]
        turned, mirrored = (
            invariance_error(models[0], few, rotations=options.rotations, reflections=mirror)
            for mirror in (False, True)
        )
        report_invariance(turned, mirrored, models[0].units, len(few))
    command.say(f"wrote {Path(out) / 'evaluation.json'} and {Path(out) / 'predictions.npz'}")
    return 1 if data.problems else 0
