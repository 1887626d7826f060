"""Command line of `wxsphere`; each command is a module of `_commands`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from spinnn.command import Command, run_program

from .__about__ import __version__

_COMMANDS = {
    name: Command(
        f"wxsphere._commands.{module}",
        purpose,
        resumes=name in ("demo", "simulate", "prepare", "train", "forecast"),
        help=f"wxsphere._options.{module}:{module.upper()}" if module not in ("plot", "train") else "",
        json=name in ("demo", "simulate", "check", "evaluate", "doctor"),
    )
    for name, module, purpose in (
        ("demo", "demo", "simulation, training, forecast, scores and maps in two minutes"),
        ("simulate", "simulate", "flow on the rotating sphere, written as a zarr store"),
        ("prepare", "prepare", "data for training: part of a store, regridded, with statistics"),
        ("train", "train", "train a model on prepared data, or resume a run"),
        ("forecast", "forecast", "forecasts from initial states with a trained model"),
        ("check", "check", "audit of a store or file: grid, times, missing values, units, poles"),
        ("regrid", "regrid", "fields or forecasts on another grid, as a zarr store"),
        ("evaluate", "evaluate", "scores of forecasts: tables, NetCDF and an HTML report"),
        ("plot maps", "plot", "maps of the fields of a store at one time"),
        ("plot spectra", "plot", "power spectra and kinetic energy spectra of a store"),
        ("plot curves", "plot", "scores of an evaluation by lead time"),
        ("plot learning", "plot", "loss and validation errors of a training run by step"),
        ("doctor", "doctor", "versions, devices, memory, what extras lack, and a self-test"),
    )
}
_PURPOSE = "Global weather fields on the sphere, and forecasts from spherical networks."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Arguments after the name of the program; default `sys.argv[1:]`.

    Returns:
        The exit status: 0 on success; 1 if `check` or `doctor` found errors; 2 after an error, which is one line on the
        standard error.
    """
    partly = "if `check` or `doctor` found errors"
    return run_program("wxsphere", __version__, _PURPOSE, _COMMANDS, arguments, partly=partly)


if __name__ == "__main__":
    sys.exit(main())
