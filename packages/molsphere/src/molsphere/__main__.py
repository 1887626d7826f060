"""The command line: `molsphere demo`, `qm9 fetch`, `train`, `evaluate`, `predict`, `plot …`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from .__about__ import __version__

# Command → (module that has `main`, what it does). Modules are imported when they are asked for.
_COMMANDS = {
    "demo": ("demo", "make data, train, evaluate, predict and plot, in about two minutes"),
    "qm9 fetch": ("qm9", "download QM9, resumable and verified"),
    "train": ("train", "train a model, or go on with a run"),
    "evaluate": ("evaluate", "errors of a model by part and by size of the molecule"),
    "predict": ("predict", "properties of the molecules in a file, or of SMILES"),
    "plot parity": ("plot", "predictions over what is right"),
    "plot sizes": ("plot", "errors by number of atoms"),
    "plot learning": ("plot", "loss and validation errors by step"),
    "plot spheres": ("plot", "the spheres of a molecule"),
}
_HELP = """usage: molsphere COMMAND [OPTIONS]

Molecules as functions on spheres, and their properties from spherical networks.

commands:
{commands}

options:
  -h, --help     show this message
  --version      show the version

`molsphere COMMAND --help` says more, with examples.
Exit status: 0; 1 if some records were left out; 2 after an error."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Words of the command line after the program's name; default those of the process.

    Returns:
        The exit status: 0, 1 if some records could not be read or predicted, 2 after an error, told in one line on the
        standard error.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        print(_HELP.format(commands="\n".join(f"  {name:<15}{text}" for name, (_, text) in _COMMANDS.items())))
        return 0 if words else 2
    if words[0] == "--version":
        print(f"molsphere {__version__}")
        return 0
    name = next((name for name in _COMMANDS if words[: name.count(" ") + 1] == name.split()), None)
    if name is None:
        got = " ".join(words[:2] if words[0] in ("qm9", "plot") else words[:1])
        print(f"molsphere: no command {got!r}; there are {', '.join(_COMMANDS)}", file=sys.stderr)
        return 2
    from spinnn.training import Diverged

    try:
        module = importlib.import_module(f"molsphere._commands.{_COMMANDS[name][0]}")
        return module.main(name, words[name.count(" ") + 1 :])
    except (ValueError, TypeError, OSError, MemoryError, ImportError, Diverged) as error:
        lines = str(error).strip().splitlines()
        print(f"molsphere {name}: {lines[0] if lines else type(error).__name__}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
