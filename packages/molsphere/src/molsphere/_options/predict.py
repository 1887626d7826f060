"""Options and help of `molsphere predict`."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import tyro

from spinnn import checks
from spinnn.command import Help

from .._units import LengthUnit

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
        # It needs JAX, which the help does not.
        from .. import _checks

        _checks.seed(self.seed)


PREDICT = Help(PredictOptions, _TEXT, common=("files", "smiles", "out"))
