"""`molsphere demo`."""

from __future__ import annotations

from collections.abc import Sequence

from spinnn import command

from .._demo import DemoOptions, run_demo

_TEXT = """A complete run without downloads: about two minutes on two CPU cores.

Makes geometries of shipped small molecules with RDKit and their MMFF94 energies, trains a small network, compares it
with the mean and with linear regression on composition, predicts a given SMILES, draws plots. The result is the folder
of a run, for `molsphere predict` and `molsphere plot`. The same seed gives the same result.

examples:
  molsphere demo --out demo-output
  molsphere demo --out demo-output --smiles CC(=O)N --seed 1
  molsphere demo --out small-demo --molecules 40 --geometries 2 --epochs 2"""


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    run_demo(command.parse(DemoOptions, f"molsphere {name}", words, _TEXT), say=command.say)
    return 0
