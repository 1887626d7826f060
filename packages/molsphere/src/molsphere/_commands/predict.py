"""`molsphere predict`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from spinnn import command

from .._files.readers import read_molecules
from .._files.smiles import from_smiles
from .._files.writers import SUFFIXES, check_columns, write_predictions
from .._model.ensemble import load_models, predict_ensemble
from .._model.property_model import PropertyModel
from .._molecules.molecule import Molecule, check_molecules
from .._options.predict import PREDICT, PredictOptions


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(PredictOptions, f"molsphere {name}", words, PREDICT)
    if not options.files and not options.smiles:
        raise ValueError("`files` or `smiles` must be given, got neither")
    if options.out is not None and Path(options.out).suffix.lower() not in SUFFIXES:
        raise ValueError(f"`out` must end in .csv, .xyz or .extxyz, got {options.out!r}")
    models = load_models(options.models)
    check_columns(options.out or "x.csv", [name for model in models for name in model.units])
    molecules, problems = _read(options)
    kept, strange = _predictable(molecules, models)
    problems += strange
    if not kept:
        raise ValueError(problems[0] + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""))
    for problem in problems:
        command.warn(problem)
    columns, units = predict_ensemble(
        models, kept, gap=options.gap, batch_size=options.batch_size, orientations=options.orientations
    )
    _write(options.out, kept, columns, units)
    values = {key: np.asarray(found).tolist() for key, found in columns.items()}
    names = [molecule.name for molecule in kept]
    command.result({"molecules": names, "predictions": values, "units": dict(units), "left_out": problems})
    if problems:
        command.warn(f"left out: {len(problems)} of {len(problems) + len(kept)} records")
    return 1 if problems else 0


def _read(options: PredictOptions) -> tuple[list[tuple[str, Molecule]], list[str]]:
    """Molecules with where they are from, and what could not be read."""
    molecules, problems = [], []
    for file in options.files:
        result = read_molecules(file, on_error="collect", seed=options.seed, length_unit=options.length_unit)
        problems += [str(problem) for problem in result.problems]
        molecules += [(f"{file}:{line}", molecule) for line, molecule in zip(result.lines, result, strict=True)]
    for text in options.smiles:
        try:
            molecules.append((f"--smiles {text}", from_smiles(text, seed=options.seed)))
        except ValueError as error:
            problems.append(f"--smiles {text}: {error}")
    return molecules, problems


def _predictable(
    molecules: Sequence[tuple[str, Molecule]], models: Sequence[PropertyModel]
) -> tuple[list[Molecule], list[str]]:
    """The molecules that all models can predict, and what is wrong with the others."""
    species = set.intersection(*(set(model.config.species) for model in models))
    if not species:
        raise ValueError("`models` must share at least one species, got none")
    kept, problems = [], []
    for where, molecule in molecules:
        try:
            check_molecules([molecule], sorted(species))
        except ValueError as error:
            problems.append(f"{where}: {str(error).replace(' in molecule 0', '')}")
        else:
            kept.append(molecule)
    return kept, problems


def _write(
    out: str | None, molecules: Sequence[Molecule], columns: Mapping[str, np.ndarray], units: Mapping[str, str]
) -> None:
    """Write predictions to a file, or as CSV to the standard output."""
    if out is not None:
        write_predictions(out, molecules, columns, units)
        command.say(f"wrote {out}: {len(molecules)} molecules, {', '.join(columns)}")
        return
    if command.is_machine_readable():
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.csv"
        write_predictions(path, molecules, columns, units)
        sys.stdout.write(path.read_text(encoding="utf-8"))
        sys.stdout.flush()
