"""Choices that options of commands and arguments of functions share, in a module that is imported in no time."""

from __future__ import annotations

from typing import Literal

Method = Literal["spectral", "conservative"]
"""Methods of regridding."""
Convention = Literal["wb2", "wbx"]
"""Conventions of area weights: those of WeatherBench 2 and of WeatherBench-X."""
