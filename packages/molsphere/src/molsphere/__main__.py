"""The command line: `molsphere demo`, `qm9 fetch`, `train`, `evaluate`, `predict`, `plot …`, `doctor`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from spinnn.command import Command, run_program

from .__about__ import __version__

_COMMANDS = {
    name: Command(
        f"molsphere._commands.{module}",
        purpose,
        resumes=name in ("demo", "qm9 fetch", "train"),
        help=f"molsphere._options.{module}:{help}" if help else "",
        json=name in ("demo", "evaluate", "predict", "doctor"),
    )
    for name, module, help, purpose in (
        ("demo", "demo", "DEMO", "make data, train, evaluate, predict and plot, in about two minutes"),
        ("qm9 fetch", "qm9", "QM9_FETCH", "download QM9, resumable and verified"),
        ("train", "train", "", "train a model, or resume a run"),
        ("evaluate", "evaluate", "EVALUATE", "errors of a model by split and by number of atoms"),
        ("predict", "predict", "PREDICT", "properties of the molecules in a file, or of SMILES"),
        ("plot parity", "plot", "PARITY", "predictions against reference values"),
        ("plot sizes", "plot", "SIZES", "errors by number of atoms"),
        ("plot learning", "plot", "LEARNING", "loss and validation errors by step"),
        ("plot spheres", "plot", "", "the spheres of a molecule"),
        ("doctor", "doctor", "DOCTOR", "versions, devices, memory, what extras lack, and a self-test"),
    )
}
_PURPOSE = "Molecules as functions on spheres, and their properties from spherical networks."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Command-line arguments; default those of the process.

    Returns:
        The exit status: 0; 1 if some records could not be read or predicted, or the self-test of `doctor` failed; 2
        after an error, which is one line on the standard error.
    """
    partly = "if some records were left out, or `doctor` found faults"
    return run_program("molsphere", __version__, _PURPOSE, _COMMANDS, arguments, partly=partly)


if __name__ == "__main__":
    sys.exit(main())
