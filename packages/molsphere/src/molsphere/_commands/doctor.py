"""`molsphere doctor`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spinharm import doctor
from spinnn import command

from .._files.smiles import from_smiles
from .._options.doctor import DOCTOR


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    command.parse(DOCTOR.kind, f"molsphere {name}", words, DOCTOR)
    return doctor.run("molsphere", _self_test, as_json=command.is_machine_readable())


def _self_test() -> Mapping[str, bool]:
    """Whether a SMILES gets a geometry with bonds of plausible lengths."""
    ethanol = from_smiles("CCO")
    bond = np.linalg.norm(ethanol.positions[0] - ethanol.positions[1])
    return {"atoms of a SMILES": len(ethanol.numbers) == 9, "geometry of a SMILES": bool(1.4 < bond < 1.7)}
