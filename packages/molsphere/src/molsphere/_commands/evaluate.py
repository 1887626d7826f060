"""`molsphere evaluate`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from spinnn import command

from .. import _checks
from .._evaluation import evaluate
from .._invariance import invariance_error
from .._property_model import PropertyModel
from .._report import report, report_invariance
from .._run import MODEL, parts_of, read_run
from .._run_data import read_run_data

_TEXT = """Mean absolute errors of a model, with units, by part and by number of atoms.

Of a run's folder: by its own parts. Of a model file: on all molecules of --data. Writes evaluation.json and
predictions.npz, which `molsphere plot` draws, into the run's folder or --out.

examples:
  molsphere evaluate runs/H
  molsphere evaluate runs/H --data elsewhere/qm9.npz
  molsphere evaluate runs/H --orientations 8     # predictions averaged over orientations
  molsphere evaluate runs/H --rotations 4        # and how much predictions change when molecules are turned
  molsphere evaluate model.spinnn --data other.extxyz --out other-errors"""

# Molecules that are turned.
_TURNED = 1000


@dataclasses.dataclass(frozen=True)
class EvaluateOptions:
    """Options of `molsphere evaluate`.

    Attributes:
        model: A run's folder or a model file.
        data: Data; default those of the run.
        out: Folder for the results; default the run's.
        orientations: Predict the mean over so many orientations of each molecule.
        rotations: Random rotations of each molecule of the last part (at most the first 1,000 of it), by which to
            measure how much predictions change; 0 for none.
        units: Units of the model's properties in the data, to be sure; default not compared where the file says none.
    """

    model: Annotated[str, tyro.conf.Positional]
    data: str | None = None
    out: str | None = None
    orientations: int = 1
    rotations: int = 0
    units: tuple[str, ...] = ()


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(EvaluateOptions, f"molsphere {name}", words, _TEXT)
    _checks.integer("rotations", options.rotations, 0)
    path = Path(options.model)
    if path.is_dir():
        _, data, splits = read_run(path, options.data)
        model, parts, out = PropertyModel.load(path / MODEL), parts_of(splits), options.out or str(path)
    else:
        if options.data is None or options.out is None:
            raise ValueError("a model file needs `data` and `out`; a run's folder has its own")
        model = PropertyModel.load(path)
        data = read_run_data(options.data, tuple(model.units), options.units)
        parts, out = {"all": np.arange(len(data.molecules))}, options.out
    for problem in data.problems:
        command.warn(f"left out: {problem}")
    command.say(data.source)
    for quantity, unit in data.units.items():
        if unit and unit != model.units[quantity]:
            raise ValueError(f"`data` must have {quantity!r} in {model.units[quantity]}, got {unit}")
    result = evaluate(model, data.molecules, data.values, parts, orientations=options.orientations)
    Path(out).mkdir(parents=True, exist_ok=True)
    result.save(out)
    report(result)
    if options.rotations:
        last = result.index[result.part == len(result.parts) - 1][:_TURNED]
        few = [data.molecules[int(i)] for i in last]
        turned, mirrored = (
            invariance_error(model, few, rotations=options.rotations, reflections=mirror) for mirror in (False, True)
        )
        report_invariance(turned, mirrored, model.units, len(few))
    command.say(f"wrote {Path(out) / 'evaluation.json'} and {Path(out) / 'predictions.npz'}")
    return 1 if data.problems else 0
