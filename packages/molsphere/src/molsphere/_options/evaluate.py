"""Options and help of `molsphere evaluate`."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import tyro

from spinnn import checks
from spinnn.command import Help

from .._units import LengthUnit

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
        forces: With a model file: columns of forces in the data to compare with, e.g. `forces`. A run's folder has its
            own.
    """

    model: Annotated[tuple[str, ...], tyro.conf.Positional]
    data: str | None = None
    out: str | None = None
    orientations: int = 1
    rotations: int = 0
    units: tuple[str, ...] = ()
    length_unit: LengthUnit | None = None
    uncharacterized: str | None = None
    forces: str | None = None

    def __post_init__(self) -> None:
        checks.integer_members(self, {"orientations": 1, "rotations": 0})


EVALUATE = Help(EvaluateOptions, _TEXT, common=("data", "out", "orientations", "rotations"))
