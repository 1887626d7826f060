"""Element symbols and atomic numbers."""

from __future__ import annotations

import functools

import numpy as np
from jaxtyping import Float

LARGEST = 118


@functools.cache
def symbols() -> tuple[str, ...]:
    """Symbol of each atomic number; the entry of 0 is empty."""
    from rdkit.Chem import GetPeriodicTable

    table = GetPeriodicTable()
    return ("", *(table.GetElementSymbol(z) for z in range(1, LARGEST + 1)))


@functools.cache
def covalent_radii() -> Float[np.ndarray, " numbers"]:
    """Covalent radius [Å] of each atomic number, of RDKit; the entry of 0 is 0."""
    from rdkit.Chem import GetPeriodicTable

    table = GetPeriodicTable()
    radii = np.array([0.0, *(table.GetRcovalent(z) for z in range(1, LARGEST + 1))])
    radii.flags.writeable = False
    return radii


@functools.cache
def _numbers() -> dict[str, int]:
    return {symbol: z for z, symbol in enumerate(symbols()) if z}


def atomic_number(text: str) -> int:
    """Atomic number of a symbol in any case, or of digits.

    Raises:
        ValueError: Neither a symbol nor an atomic number.
    """
    number = _numbers().get(text.capitalize())
    if number is None and text.isascii() and text.isdecimal() and 1 <= int(text) <= LARGEST:
        number = int(text)
    if number is None:
        raise ValueError(f"{text!r} is not an element")
    return number
