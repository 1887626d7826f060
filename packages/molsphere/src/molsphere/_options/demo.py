"""Options and help of `molsphere demo`."""

from __future__ import annotations

import dataclasses

from spinnn import checks
from spinnn.command import Help

_TEXT = """A complete run without downloads: about two minutes on two CPU cores.

Makes geometries of shipped small molecules with RDKit and their MMFF94 energies, trains a small network, compares it
with the mean and with linear regression on composition, predicts a given SMILES, draws plots. The result is the folder
of a run, for `molsphere predict` and `molsphere plot`. The same seed gives the same result.

examples:
  molsphere demo --out demo-output
  molsphere demo --out demo-output --smiles 'CC(=O)N' --seed 1
  molsphere demo --out small-demo --molecules 40 --geometries 2 --epochs 2"""


@dataclasses.dataclass(frozen=True)
class DemoOptions:
    """Options of `molsphere demo`.

    Attributes:
        out: Folder for all files. A demo that was stopped resumes in it.
        smiles: A molecule to predict, of H, C, N, O, F.
        molecules: Number of shipped molecules to use, at most 400.
        geometries: Geometries of each.
        epochs: Passes over the training split.
        max_buckets: Largest number of sizes that molecules are padded to; compiling each takes seconds.
        seed: Seed of all random numbers.
    """

    out: str = "demo-output"
    smiles: str = "CCO"
    molecules: int = 400
    geometries: int = 24
    epochs: int = 10
    max_buckets: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        checks.integer_members(self, {"molecules": 1, "geometries": 1, "epochs": 1, "max_buckets": 1})
        # It needs JAX, which the help does not.
        from .. import _checks

        _checks.seed(self.seed)


DEMO = Help(DemoOptions, _TEXT, common=("out", "smiles", "epochs", "seed"))
