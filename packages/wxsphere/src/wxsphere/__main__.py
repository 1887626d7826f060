"""The command line: `wxsphere simulate`, `prepare`, `check`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from spinnn.command import Command, run_program

from .__about__ import __version__

_COMMANDS = {
    "simulate": Command("wxsphere._commands.simulate", "flow on the rotating sphere, written as a store of fields"),
    "prepare": Command("wxsphere._commands.prepare", "part of a store, regridded, with statistics, for training"),
    "check": Command("wxsphere._commands.check", "audit of a store or file: grid, times, missing values, units, poles"),
}
_PURPOSE = "Global weather fields on the sphere, and forecasts from spherical networks."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Words of the command line after the program's name; default those of the process.

    Returns:
        The exit status: 0; 1 if `check` found errors; 2 after an error, told in one line on the standard error.
    """
    return run_program("wxsphere", __version__, _PURPOSE, _COMMANDS, arguments, partly="if `check` found errors")


if __name__ == "__main__":
    sys.exit(main())
