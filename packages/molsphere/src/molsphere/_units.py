"""Units that options of commands and arguments of functions share, in a module that is imported in no time."""

from __future__ import annotations

from typing import Literal

LengthUnit = Literal["angstrom", "bohr", "nm"]
"""Units of positions."""
