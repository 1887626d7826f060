"""`molsphere plot parity`, `sizes`, `learning` and `spheres`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from spinnn import checks, command
from spinnn.plots import check_picture, save_figure

from .. import _checks
from .._files.readers import read_molecules
from .._files.smiles import from_smiles
from .._model.property_model import PropertyModel
from .._molecules.distances import LengthUnit
from .._molecules.molecule import Molecule
from .._options.plot import FILES, OF_RUNS, RunPlotOptions
from .._run.evaluation import Evaluation
from .._run.plots import error_by_size, learning_curve, parity, units_of_run
from .._run.sphere_plot import Projection, draw_spheres

_SPHERES_TEXT = """A molecule and the sphere of one atom: a map per species and radial function, on 121×240 points.

examples:
  molsphere plot spheres --smiles CCO --out ethanol.png
  molsphere plot spheres some.xyz --molecule 3 --atom 5 --powers 1 2 6 --projection orthographic
  molsphere plot spheres --smiles CCO --model runs/H/model.spinnn"""


@dataclasses.dataclass(frozen=True)
class SpheresOptions:
    """Options of `molsphere plot spheres`.

    Attributes:
        file: A file of molecules.
        smiles: A SMILES instead of a file.
        molecule: Index of the molecule in the file, from 0.
        atom: Index of the atom, from 0.
        powers: Exponents of the distance.
        projection: Projection of the maps; orthographic shows one hemisphere.
        length_unit: Unit of the positions in the file; default Å, and files with implausible distances are refused.
        model: File of a model, whose radial functions are drawn instead of the powers.
        out: A .png, .svg or .pdf.
    """

    file: Annotated[str | None, tyro.conf.Positional] = None
    smiles: str | None = None
    molecule: int = 0
    atom: int = 0
    powers: tuple[float, ...] = (2.0, 6.0)
    projection: Projection = "mollweide"
    length_unit: LengthUnit | None = None
    model: str | None = None
    out: str = "spheres.png"

    def __post_init__(self) -> None:
        checks.integer_members(self, {"molecule": 0, "atom": 0})
        _checks.radial_functions(self.powers, ())
        check_picture("out", self.out)


SPHERES = command.Help(SpheresOptions, _SPHERES_TEXT)


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    if name == "plot spheres":
        options = command.parse(SpheresOptions, f"molsphere {name}", words, SPHERES)
        model = None if options.model is None else PropertyModel.load(options.model)
        figure = draw_spheres(
            _molecule(options), options.atom, powers=options.powers, projection=options.projection, model=model
        )
        out: str | Path = options.out
    else:
        chosen = command.parse(RunPlotOptions, f"molsphere {name}", words, OF_RUNS[name])
        figure, out = _draw(name, Path(chosen.run)), chosen.out or Path(chosen.run) / FILES[name]
    command.say(f"wrote {save_figure(figure, out)}")
    return 0


def _draw(name: str, folder: Path) -> Any:
    if name == "plot learning":
        return learning_curve(folder / "metrics.jsonl", units_of_run(folder))
    return (parity if name == "plot parity" else error_by_size)(Evaluation.load(folder))


def _molecule(options: SpheresOptions) -> Molecule:
    if (options.file is None) == (options.smiles is None):
        raise ValueError("`file` or `smiles` must be given, one of the two")
    if options.smiles is not None:
        return from_smiles(options.smiles)
    result = read_molecules(str(options.file), on_error="collect", length_unit=options.length_unit)
    if not result.molecules:
        raise ValueError(str(result.problems[0]))
    for problem in result.problems:
        command.warn(f"left out: {problem}")
    if not 0 <= options.molecule < len(result):
        raise ValueError(f"`molecule` must be 0 … {len(result) - 1}, got {options.molecule}")
    return result[options.molecule]
