"""The command line of `wxsphere`; each command stands in a module of `_commands`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from spinnn.command import Command, run_program

from .__about__ import __version__

_COMMANDS = {
    "demo": Command(
        "wxsphere._commands.demo", "simulate, train, forecast, evaluate and draw, in two minutes", resumes=True
    ),
    "simulate": Command(
        "wxsphere._commands.simulate", "flow on the rotating sphere, written as a store of fields", resumes=True
    ),
    "prepare": Command(
        "wxsphere._commands.prepare", "part of a store, regridded, with statistics, for training", resumes=True
    ),
    "train": Command("wxsphere._commands.train", "a model on prepared data, or go on with a run", resumes=True),
    "forecast": Command(
        "wxsphere._commands.forecast", "forecasts of a model from initial states, as a store", resumes=True
    ),
    "check": Command("wxsphere._commands.check", "audit of a store or file: grid, times, missing values, units, poles"),
    "regrid": Command("wxsphere._commands.regrid", "fields or forecasts on another grid, as a store"),
    "evaluate": Command("wxsphere._commands.evaluate", "scores of forecasts, as tables, NetCDF and one HTML file"),
    "plot maps": Command("wxsphere._commands.plot", "fields of a store at one time"),
    "plot spectra": Command("wxsphere._commands.plot", "power and kinetic energy by degree, of a store"),
    "plot curves": Command("wxsphere._commands.plot", "scores by lead time, of an evaluation"),
    "plot learning": Command("wxsphere._commands.plot", "loss and validation errors by step, of a run"),
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
