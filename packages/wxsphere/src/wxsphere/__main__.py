"""The command line: `wxsphere simulate`, `check`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from .__about__ import __version__

# Command → (module that has `main`, what it does). Modules are imported when they are asked for.
_COMMANDS = {
    "simulate": ("simulate", "flow on the rotating sphere, written as a store of fields"),
    "check": ("check", "audit of a store or file: grid, times, missing values, units, poles"),
}
_HELP = """usage: wxsphere COMMAND [OPTIONS]

Global weather fields on the sphere, and forecasts from spherical networks.

commands:
{commands}

options:
  -h, --help     show this message
  --version      show the version

`wxsphere COMMAND --help` says more, with examples.
Exit status: 0; 1 if `check` found errors; 2 after an error."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Words of the command line after the program's name; default those of the process.

    Returns:
        The exit status: 0; 1 if `check` found errors; 2 after an error, told in one line on the standard error.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        print(_HELP.format(commands="\n".join(f"  {name:<15}{text}" for name, (_, text) in _COMMANDS.items())))
        return 0 if words else 2
    if words[0] == "--version":
        print(f"wxsphere {__version__}")
        return 0
    name = words[0]
    if name not in _COMMANDS:
        print(f"wxsphere: no command {name!r}; there are {', '.join(_COMMANDS)}", file=sys.stderr)
        return 2
    try:
        module = importlib.import_module(f"wxsphere._commands.{_COMMANDS[name][0]}")
        return module.main(name, words[1:])
    except (ValueError, TypeError, OSError, MemoryError, ImportError, ArithmeticError) as error:
        lines = str(error).strip().splitlines()
        print(f"wxsphere {name}: {lines[0] if lines else type(error).__name__}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
