"""`molsphere evaluate`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from spinnn import checks, command

from .._data.run_data import RunData, read_run_data
from .._model.ensemble import load_models
from .._model.invariance import invariance_error
from .._model.property_model import PropertyModel
from .._molecules.distances import LengthUnit
from .._run.evaluation import Evaluation, evaluate
from .._run.report import report, report_invariance
from .._run.run import indices_by_split, read_runs

_TEXT = """Mean absolute errors of a model, with units, by split and by number of atoms.

A run's folder is evaluated on its own splits, a model file on all molecules of --data, several models by the mean of
their predictions. Writes evaluation.json and predictions.npz, which `molsphere plot` draws, into the run's folder or
--out.

examples:
  molsphere evaluate runs/H
  molsphere evaluate runs/H --data elsewhere/qm9.npz
  molsphere evaluate runs/H --orientations 8     # predictions averaged over orientations
  molsphere evaluate runs/H --rotations 4        # and how much predictions change when molecules are rotated
  molsphere evaluate model.spinnn --data other.extxyz --out other-errors
  molsphere evaluate runs/H-0 runs/H-1 runs/H-2 --out committee"""

_MOST_ROTATED = 1000


@dataclasses.dataclass(frozen=True)
class EvaluateOptions:
    """Options of `molsphere evaluate`.

    Attributes:
        model: A run's folder or a model file; or several, whose mean is evaluated.
        data: Data; default those of the run.
        out: Folder for the results; default the run's.
        orientations: Average predictions over this many orientations of each molecule.
        rotations: Random rotations of each molecule of the last split (at most its first 1,000 molecules), to measure
            how much predictions change; 0 for none.
        units: With a model file: units of its properties in the data. They must agree with the model's and with those
            in the data; default the model's where the data name none.
        length_unit: Unit of the positions in the data; default Å, and data with implausible distances are refused.
        uncharacterized: For QM9: the file that lists the molecules to leave out, or `none` to keep all; default
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
    of_runs = all(Path(path).is_dir() for path in options.model)
    data, indices = _of_runs(options) if of_runs else _of_model_files(options, models)
    for problem in data.problems:
        command.warn(f"left out: {problem}")
    command.say(data.source)
    _check_units(models, data)
    result = evaluate(models, data.molecules, data.values, indices, orientations=options.orientations)
    out = Path(options.out or options.model[0])
    out.mkdir(parents=True, exist_ok=True)
    result.save(out)
    report(result)
    if options.rotations:
        _report_invariance(models[0], data, result, options.rotations)
    command.say(f"wrote {out / 'evaluation.json'} and {out / 'predictions.npz'}")
    return 1 if data.problems else 0


def _of_runs(options: EvaluateOptions) -> tuple[RunData, Mapping[str, np.ndarray]]:
    """Data of folders of runs, and the indices of their splits by name."""
    if len(options.model) > 1 and not options.out:
        raise ValueError("several models need `out`, by --out")
    if options.units:
        raise ValueError("`units` must be left out for a run's folder, which has its own; it goes with a model file")
    data, splits = read_runs(options.model, options.data, options.length_unit, options.uncharacterized)
    return data, indices_by_split(splits)


def _of_model_files(
    options: EvaluateOptions, models: Sequence[PropertyModel]
) -> tuple[RunData, Mapping[str, np.ndarray]]:
    """Data for model files, all of them one split."""
    if options.data is None or not options.out:
        raise ValueError("a model file needs `data` and `out`, by --data and --out; a run's folder has its own")
    data = read_run_data(
        options.data,
        tuple(dict.fromkeys(name for model in models for name in model.units)),
        options.units,
        length_unit=options.length_unit,
        uncharacterized=options.uncharacterized,
    )
    return data, {"all": np.arange(len(data.molecules))}


def _check_units(models: Sequence[PropertyModel], data: RunData) -> None:
    """Refuse data in other units than the models'."""
    for model in models:
        for quantity, unit in model.units.items():
            if (given := data.units[quantity]) and given != unit:
                raise ValueError(f"`data` must have {quantity!r} in {unit}, got {given}; convert the values")


def _report_invariance(model: PropertyModel, data: RunData, result: Evaluation, rotations: int) -> None:
    """Print how much predictions of the last split change under rotations, and with a reflection."""
    last = result.index[result.part == len(result.parts) - 1][:_MOST_ROTATED]
    molecules = [data.molecules[int(i)] for i in last]
    rotated, reflected = (
        invariance_error(model, molecules, rotations=rotations, reflections=reflect) for reflect in (False, True)
    )
    report_invariance(rotated, reflected, model.units, len(molecules))
