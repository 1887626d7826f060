"""`molsphere evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spinnn import command

from .._data.run_data import RunData, read_run_data
from .._model.ensemble import load_models
from .._model.invariance import invariance_error
from .._model.property_model import PropertyModel
from .._options.evaluate import EVALUATE, EvaluateOptions
from .._run.evaluation import Evaluation, evaluate
from .._run.report import report, report_invariance
from .._run.run import indices_by_split, read_runs

_MOST_ROTATED = 1000


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(EvaluateOptions, f"molsphere {name}", words, EVALUATE)
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
    told: dict[str, Any] = {"errors": result.summary(), "left_out": [str(problem) for problem in data.problems]}
    if options.rotations:
        told["changes"] = _report_invariance(models[0], data, result, options.rotations)
    command.result({"files": [str(out / name) for name in ("evaluation.json", "predictions.npz")], **told})
    command.say(f"wrote {out / 'evaluation.json'} and {out / 'predictions.npz'}")
    return 1 if data.problems else 0


def _of_runs(options: EvaluateOptions) -> tuple[RunData, Mapping[str, np.ndarray]]:
    """Data of folders of runs, and the indices of their splits by name."""
    if len(options.model) > 1 and not options.out:
        raise ValueError("several models need `out`, by --out")
    if options.units:
        raise ValueError("`units` must be left out for a run's folder, which has its own; it goes with a model file")
    if options.forces:
        raise ValueError("`forces` must be left out for a run's folder, which has its own; it goes with a model file")
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
        forces=options.forces,
    )
    return data, {"all": np.arange(len(data.molecules))}


def _check_units(models: Sequence[PropertyModel], data: RunData) -> None:
    """Refuse data in other units than the models'."""
    for model in models:
        for quantity, unit in model.units.items():
            if (given := data.units[quantity]) and given != unit:
                raise ValueError(f"`data` must have {quantity!r} in {unit}, got {given}; convert the values")


def _report_invariance(model: PropertyModel, data: RunData, result: Evaluation, rotations: int) -> Any:
    """Print how much predictions of the last split change under rotations, and with a reflection."""
    last = result.index[result.part == len(result.parts) - 1][:_MOST_ROTATED]
    molecules = [data.molecules[int(i)] for i in last]
    rotated, reflected = (
        invariance_error(model, molecules, rotations=rotations, reflections=reflect) for reflect in (False, True)
    )
    report_invariance(rotated, reflected, model.units, len(molecules))
    return {"rotation": dict(rotated), "rotation and reflection": dict(reflected)}
