"""`molsphere predict`."""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from spinnn import checks, command

from .. import _checks
from .._files.readers import read_molecules
from .._files.smiles import from_smiles
from .._files.writers import SUFFIXES, check_columns, write_predictions
from .._model.ensemble import load_models, predict_ensemble
from .._model.property_model import PropertyModel
from .._molecules.distances import LengthUnit
from .._molecules.molecule import Molecule, check_molecules

_TEXT = """Predict properties of the molecules in files (.xyz .extxyz .sdf .mol .smi .csv), or of SMILES.

Several models of a property are an ensemble: their mean, and their standard deviation as `…_std`. Models of homo and
lumo give gap = lumo − homo too. Broken records are reported by line on the standard error; the rest is predicted, and
the exit status is 1. The result has units in its header: CSV on the standard output, or the file of --out (.csv, .xyz,
.extxyz).

examples:
  molsphere predict some.sdf --models runs/H/model.spinnn --out predicted.csv
  molsphere predict --smiles CCO --smiles c1ccccc1 --models runs/H
  molsphere predict some.xyz --models runs/H-0 runs/H-1 runs/H-2 --out predicted.extxyz
  molsphere predict some.csv --models runs/homo runs/lumo"""


@dataclasses.dataclass(frozen=True)
class PredictOptions:
    """Options of `molsphere predict`.

    Attributes:
        files: Files of molecules.
        models: Model files, or folders of runs.
        smiles: A SMILES; may be given several times.
        out: The result, .csv, .xyz or .extxyz; default CSV on the standard output.
        gap: Add the gap where homo and lumo are predicted.
        batch_size: Molecules per batch.
        orientations: Average predictions over this many orientations of each molecule.
        seed: Seed of the geometries of SMILES.
        length_unit: Unit of the positions in the files; default Å, and files with implausible distances are refused.
    """

    models: tuple[str, ...]
    files: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    smiles: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    out: str | None = None
    gap: bool = True
    batch_size: int = 32
    orientations: int = 1
    seed: int = 0
    length_unit: LengthUnit | None = None

    def __post_init__(self) -> None:
        checks.integer_members(self, {"batch_size": 1, "orientations": 1})
        _checks.seed(self.seed)


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(PredictOptions, f"molsphere {name}", words, _TEXT)
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
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.csv"
        write_predictions(path, molecules, columns, units)
        sys.stdout.write(path.read_text(encoding="utf-8"))
        sys.stdout.flush()
