"""Parsing, comparison and conversion of units of fields."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class Unit(NamedTuple):
    """A unit in terms of kg, m, s, K and rad: value in base units = factor · x + offset.

    Attributes:
        powers: Exponents of the base units, without those that are 0.
        factor: Base units in one unit.
        offset: Value of 0 in base units; for temperatures.
    """

    powers: Mapping[str, int]
    factor: float = 1.0
    offset: float = 0.0

    def same(self, other: Unit) -> bool:
        """Whether equal numbers in both units mean equal values."""
        return (
            dict(self.powers) == dict(other.powers)
            and bool(np.isclose(self.factor, other.factor, rtol=1e-6, atol=0.0))
            and abs(self.offset - other.offset) < 1e-3
        )


_PASCAL = {"kg": 1, "m": -1, "s": -2}
# Spellings of one unit are separated by spaces; case matters for those of one or two letters.
_TABLE: Mapping[str, Unit] = {
    "1 fraction proportion dimensionless unitless": Unit({}),
    "% percent": Unit({}, 0.01),
    "K kelvin kelvins degk deg_k degree_kelvin degrees_kelvin": Unit({"K": 1}),
    "°C C degc deg_c celsius celcius degree_c degrees_c degree_celsius degrees_celsius": Unit({"K": 1}, 1.0, 273.15),
    "°F F degf deg_f fahrenheit degree_fahrenheit degrees_fahrenheit": Unit({"K": 1}, 5 / 9, 273.15 - 160 / 9),
    "Pa pascal pascals": Unit(_PASCAL),
    "hpa mb mbar mbars millibar millibars hectopascal hectopascals": Unit(_PASCAL, 1e2),
    "kpa kilopascal kilopascals": Unit(_PASCAL, 1e3),
    "bar bars": Unit(_PASCAL, 1e5),
    "m metre metres meter meters gpm": Unit({"m": 1}),
    "km kilometre kilometres kilometer kilometers": Unit({"m": 1}, 1e3),
    "dam gpdm": Unit({"m": 1}, 10.0),
    "cm centimetre centimetres centimeter centimeters": Unit({"m": 1}, 1e-2),
    "mm millimetre millimetres millimeter millimeters": Unit({"m": 1}, 1e-3),
    "kt kts knot knots": Unit({"m": 1, "s": -1}, 1852 / 3600),
    "s sec secs second seconds": Unit({"s": 1}),
    "min mins minute minutes": Unit({"s": 1}, 60.0),
    "h hr hrs hour hours": Unit({"s": 1}, 3600.0),
    "d day days": Unit({"s": 1}, 86400.0),
    "kg kilogram kilograms": Unit({"kg": 1}),
    "g gram grams": Unit({"kg": 1}, 1e-3),
    "mg milligram milligrams": Unit({"kg": 1}, 1e-6),
    "N newton newtons": Unit({"kg": 1, "m": 1, "s": -2}),
    "J joule joules": Unit({"kg": 1, "m": 2, "s": -2}),
    "W watt watts": Unit({"kg": 1, "m": 2, "s": -3}),
    "rad radian radians": Unit({"rad": 1}),
    "° deg degree degrees": Unit({"rad": 1}, float(np.pi) / 180),
}
_NAMED: Mapping[str, Unit] = {name: unit for names, unit in _TABLE.items() for name in names.split()}
_NONE = ("", "-", "~", "none", "unknown", "undefined", "n/a")
_PHRASES: Mapping[str, str] = {
    "(0 - 1)": "1",
    "0-1": "1",
    "m of water equivalent": "m",
    "m of water": "m",
    "mm of water equivalent": "mm",
}
_TOKEN = re.compile(r"([^\W\d]+|[°%]\w?|\d+(?:\.\d+)?(?:e-?\d+)?)(-?\d+)?")


def parse_unit(text: object) -> Unit | None:
    """The unit that a text names, e.g. `"m**2 s**-2"`, `"m²/s²"` or `"J kg-1"`.

    Args:
        text: Attribute `units` of a variable.

    Returns:
        The unit, or None if the text is not a known unit. A mass of water per area, kg/m², is read as a depth in mm.
    """
    powers: dict[str, int] = {}
    factor, offset = 1.0, 0.0
    tokens = _tokens(text)
    sign = 1
    for token in tokens:
        if token == "/":
            sign = -1
            continue
        found = _TOKEN.fullmatch(token)
        unit = None if found is None else _named(found[1])
        if found is None or unit is None:
            return None
        power = sign * int(found[2] or 1)
        if len(tokens) == 1 and power == 1:
            offset = unit.offset
        factor *= unit.factor**power
        for base, exponent in unit.powers.items():
            powers[base] = powers.get(base, 0) + power * exponent
        sign = 1
    if not tokens:
        return None
    return _water_as_depth(Unit({base: power for base, power in powers.items() if power}, factor, offset))


def _tokens(text: object) -> list[str]:
    """Symbols with exponents, and `/`, in the order of the text."""
    words = " ".join(unicodedata.normalize("NFKC", str(text)).replace("−", "-").split())
    words = _PHRASES.get(words.lower(), words)
    words = re.sub(r"\b([Dd]eg(?:ree)?s?) ([A-Za-z])", r"\1_\2", words)
    words = re.sub(r"(?<=\w)\.(?=[A-Za-z])", " ", re.sub(r"\*\*|[\^{}]", "", words))
    return re.findall(r"/|[^\s*·/]+", re.sub(r"\bper\b", "/", words))


def _water_as_depth(unit: Unit) -> Unit:
    """Convert a mass of water per area, or its rate, to a depth, or its rate: 1 kg/m² is 1 mm."""
    powers = unit.powers
    if powers.get("kg") == 1 and powers.get("m") == -2 and powers.get("s", -1) == -1:
        return Unit({"m": 1, **({"s": -1} if "s" in powers else {})}, unit.factor * 1e-3, unit.offset)
    return unit


def _named(word: str) -> Unit | None:
    if word[0].isdigit():
        return Unit({}, float(word)) if float(word) else None
    return _NAMED.get(word) or (_NAMED.get(word.lower()) if len(word) > 2 else None)


def has_unit(text: object) -> bool:
    """Whether an attribute names a unit."""
    return text is not None and str(text).strip().lower() not in _NONE


def same_unit(mine: object, other: object) -> bool | None:
    """Whether two attributes `units` name the same unit; None if one of them is not a known unit.

    Args:
        mine: One attribute, or None.
        other: The other attribute, or None.

    Returns:
        True, False or None; True also if one of them is absent.
    """
    if not has_unit(mine) or not has_unit(other) or str(mine).strip() == str(other).strip():
        return True
    first, second = parse_unit(mine), parse_unit(other)
    return None if first is None or second is None else first.same(second)


def conversion(name: str, mine: object, wanted: object) -> str:
    """A Python statement that converts a field to another unit.

    Args:
        name: Name of the variable.
        mine: Its unit.
        wanted: The unit to convert to.

    Returns:
        The statement; if the units are of different quantities, one that corrects the attribute.
    """
    first, second = parse_unit(mine), parse_unit(wanted)
    if first is None or second is None or dict(first.powers) != dict(second.powers):
        return f"`dataset[{name!r}].attrs['units'] = {str(wanted)!r}` if the attribute is wrong"
    factor, offset = first.factor / second.factor, (first.offset - second.offset) / second.factor
    text = f"dataset[{name!r}]" + (f" * {factor:.9g}" if abs(factor - 1) > 1e-9 else "")
    text += f" {'+' if offset > 0 else '-'} {abs(offset):.9g}" if abs(offset) > 1e-9 else ""
    return f"`dataset[{name!r}] = ({text}).assign_attrs(units={str(wanted)!r})`"
