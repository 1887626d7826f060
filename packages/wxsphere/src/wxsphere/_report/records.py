"""Scores as records of JSON types."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from .._conventions.names import LEAD, LEVEL

_AXES = ("metric", "region", "forecast", LEAD)


def score_records(result: xr.Dataset) -> list[dict[str, Any]]:
    """All finite scores: a record for each variable, level, metric, region, forecast and lead time.

    Args:
        result: Scores of `evaluate`.
    """
    records = []
    for name, field in result.data_vars.items():
        if not set(_AXES) <= set(field.dims):
            continue
        levels = field[LEVEL].values if LEVEL in field.dims else [None]
        for level in levels:
            chosen = (field if level is None else field.sel({LEVEL: level})).transpose(*_AXES, ...)
            values = np.asarray(chosen.values, np.float64)
            if values.ndim != len(_AXES):
                continue
            hours = chosen[LEAD].values / np.timedelta64(1, "h")
            for at in np.argwhere(np.isfinite(values)):
                labels = {axis: str(chosen[axis].values[i]) for axis, i in zip(_AXES[:3], at[:3], strict=True)}
                place = {"variable": str(name), "level": None if level is None else float(level), **labels}
                records.append({**place, "lead_hours": float(hours[at[3]]), "value": float(values[tuple(at)])})
    return records
