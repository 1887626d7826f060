"""`wxsphere check`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated

import tyro

from spinnn import command

from .._audit.audit import check_dataset
from .._files.open import open_dataset
from ._renames import renames

_TEXT = """Audit a store or file before it is used for training or evaluation.

Checks coordinates, gaps in time, missing values by variable and year, units by the range of values, and rows on the
poles. Every value is read once. The exit status is 1 if an error is found.

examples:
  wxsphere check era5.zarr
  wxsphere check u.nc v.nc t.nc
  wxsphere check era5-5.6 --variables geopotential temperature
  wxsphere check tos.nc --rename j=latitude i=longitude"""


@dataclasses.dataclass(frozen=True)
class CheckOptions:
    """Options of `wxsphere check`.

    Attributes:
        source: Paths, URLs, or a name of the catalogue; several files are combined.
        variables: Variables by their names in WeatherBench 2; default all.
        rename: OLD=NEW: names in the files and names in WeatherBench 2, for those that are not recognised.
    """

    source: Annotated[tuple[str, ...], tyro.conf.Positional]
    variables: tuple[str, ...] = ()
    rename: tuple[str, ...] = ()


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(CheckOptions, f"wxsphere {name}", words, _TEXT)
    if not options.source:
        raise ValueError("`source` must name at least one store or file, got none")
    source = options.source[0] if len(options.source) == 1 else list(options.source)
    found = check_dataset(open_dataset(source, rename=renames(options.rename)), options.variables or None)
    for one in found:
        command.say(str(one))
    errors, warnings = (sum(one.severity == kind for one in found) for kind in ("error", "warning"))
    command.say(f"{errors} errors, {warnings} warnings")
    return 1 if errors else 0
