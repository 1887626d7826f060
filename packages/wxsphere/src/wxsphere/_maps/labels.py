"""Texts on maps and figures: units, lead times, headings."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from .._conventions.names import LEAD, MEMBER, TIME

_POWERS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def unit_of(field: xr.DataArray) -> str:
    """Unit with superscript exponents: `m**2 s**-2` becomes m² s⁻²."""
    pieces = str(field.attrs.get("units", "")).split("**")
    out = pieces[0]
    for piece in pieces[1:]:
        digits = len(piece) - len(piece.lstrip("-0123456789"))
        out += piece[:digits].translate(_POWERS) + piece[digits:]
    return out


def lead_label(lead: np.timedelta64) -> str:
    """Label of a lead time, e.g. `"6 h"` or `"3 d"`."""
    hours = float(lead / np.timedelta64(1, "h"))
    return f"{hours / 24:g} d" if hours and hours % 24 == 0 else f"{hours:g} h"


def variable_label(name: str, level: float | int | None) -> str:
    """Words for a variable, with its level if it has one: `"temperature, 850 hPa"`."""
    words = name.replace("_", " ")
    return words if level is None else f"{words}, {level:g} hPa"


def times_label(fields: xr.Dataset) -> str:
    """Valid time of fields, of forecasts also initial time and lead; and the member of an ensemble."""
    words = []
    if TIME in fields.coords and fields[TIME].ndim == 0 and fields[TIME].dtype.kind == "M":
        begin: Any = fields[TIME].values
        if LEAD in fields.coords and fields[LEAD].ndim == 0:
            lead: Any = fields[LEAD].values
            words += [f"initial {_utc(begin)}", f"valid {_utc(begin + lead)}", f"lead {lead_label(lead)}"]
        else:
            words.append(_utc(begin))
    elif LEAD in fields.coords and fields[LEAD].ndim == 0:
        alone: Any = fields[LEAD].values
        words.append(f"lead {lead_label(alone)}")
    if MEMBER in fields.coords and fields[MEMBER].ndim == 0:
        words.append(f"member {fields[MEMBER].item()}")
    return ", ".join(words)


def value_label(value: float) -> str:
    """A value with at most four figures and no exponent where that is readable: `-12.3`, `55260`."""
    size = abs(value)
    if size >= 1e6 or 0 < size < 1e-3:
        return f"{value:.3g}".replace("-", "−")
    digits = 0 if size >= 1000 or not size else max(0, 3 - int(np.floor(np.log10(size))))
    text = f"{value:.{min(digits, 4)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−")


def _utc(time: np.datetime64) -> str:
    text = np.datetime_as_string(time, "m").replace("T", " ")
    return f"{text[:-3] if text.endswith(':00') else text} UTC"
