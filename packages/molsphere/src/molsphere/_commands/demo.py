"""`molsphere demo`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from spinnn import checks, command

from .. import _checks
from .._demo import run_demo

_TEXT = """Everything once, without network or data: about two minutes on two CPU cores.

Makes geometries of shipped small molecules with RDKit and their MMFF94 energies, trains a tiny network, compares it
with the mean and with linear regression on composition, predicts a SMILES of yours, draws plots. The folder is that of
a run: `molsphere predict` and `molsphere plot` take it. The same seed gives the same result.

examples:
  molsphere demo --out demo-output
  molsphere demo --out demo-output --smiles CC(=O)N --seed 1
  molsphere demo --out small-demo --molecules 40 --geometries 2 --epochs 2"""


@dataclasses.dataclass(frozen=True)
class DemoOptions:
    """Options of `molsphere demo`.

    Attributes:
        out: Folder for everything.
        smiles: A molecule to predict, of H, C, N, O, F.
        molecules: Shipped molecules to use, at most 400.
        geometries: Geometries of each.
        epochs: Passes over the training part.
        max_buckets: Most sizes that molecules are padded to; compiling each takes seconds.
        seed: Of everything random.
    """

    out: str = "demo-output"
    smiles: str = "CCO"
    molecules: int = 400
    geometries: int = 3
    epochs: int = 20
    max_buckets: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        checks.integer_members(self, {"molecules": 1, "geometries": 1, "epochs": 1, "max_buckets": 1})
        _checks.seed(self.seed)


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(DemoOptions, f"molsphere {name}", words, _TEXT)
    run_demo(
        options.out,
        smiles=options.smiles,
        molecules=options.molecules,
        count=options.geometries,
        epochs=options.epochs,
        max_buckets=options.max_buckets,
        seed=options.seed,
        say=command.say,
    )
    return 0
