"""Options and help of `wxsphere check`."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import tyro

from spinnn.command import Help

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


CHECK = Help(CheckOptions, _TEXT, common=())
