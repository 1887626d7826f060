"""Command line of `wxsphere`; each command is a module of `_commands`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from spinnn.command import Command, run_program

from .__about__ import __version__

_COMMANDS = {
    "demo": Command(
        "wxsphere._commands.demo", "simulation, training, forecast, scores and maps in two minutes", resumes=True
    ),
    "simulate": Command(
        "wxsphere._commands.simulate", "flow on the rotating sphere, written as a zarr store", resumes=True
    ),
    "prepare": Command(
        "wxsphere._commands.prepare", "data for training: part of a store, regridded, with statistics", resumes=True
    ),
    "train": Command("wxsphere._commands.train", "train a model on prepared data, or resume a run", resumes=True),
    "forecast": Command(
        "wxsphere._commands.forecast", "forecasts from initial states with a trained model", resumes=True
    ),
    "check": Command("wxsphere._commands.check", "audit of a store or file: grid, times, missing values, units, poles"),
    "regrid": Command("wxsphere._commands.regrid", "fields or forecasts on another grid, as a zarr store"),
    "evaluate": Command("wxsphere._commands.evaluate", "scores of forecasts: tables, NetCDF and an HTML report"),
    "plot maps": Command("wxsphere._commands.plot", "maps of the fields of a store at one time"),
    "plot spectra": Command("wxsphere._commands.plot", "power spectra and kinetic energy spectra of a store"),
    "plot curves": Command("wxsphere._commands.plot", "scores of an evaluation by lead time"),
    "plot learning": Command("wxsphere._commands.plot", "loss and validation errors of a training run by step"),
}
_PURPOSE = "Global weather fields on the sphere, and forecasts from spherical networks."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Arguments after the name of the program; default `sys.argv[1:]`.

    Returns:
        The exit status: 0 on success; 1 if `check` found errors; 2 after an error, which is one line on the standard
        error.
    """
    return run_program("wxsphere", __version__, _PURPOSE, _COMMANDS, arguments, partly="if `check` found errors")


if __name__ == "__main__":
    sys.exit(main())
