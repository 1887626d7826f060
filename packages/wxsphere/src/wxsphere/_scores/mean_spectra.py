"""Spectra of forecasts and truth, averaged over initial times in blocks that fit memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from .._conventions.names import LATITUDE, LEAD, LEVEL, LONGITUDE, MEMBER, TIME
from .alignment import Common, Source
from .block_statistics import ARRAYS, blocks
from .spectra import power_spectra


def mean_spectra(common: Common, truth: xr.Dataset, memory: int) -> xr.Dataset:
    """Power spectra of forecasts and truth, averaged over initial times and members.

    Args:
        common: Common times, variables and levels of forecasts and truth.
        truth: Analyses.
        memory: Bytes that a block of fields may take.

    Returns:
        Variables `<name>` (source, prediction_timedelta[, level], degree); source is a forecast or `truth`.
    """
    sources, times, leads, names, levels = common[:5]
    if levels is not None:
        truth = truth.sel({LEVEL: levels})

    def of_truth(stamps: np.ndarray, steps: np.ndarray) -> xr.Dataset:
        parts = [truth[names].sel({TIME: stamps + step}).assign_coords({TIME: stamps}) for step in steps]
        return xr.concat(parts, xr.DataArray(steps, dims=LEAD, name=LEAD), coords="minimal", compat="override")

    def total(source: Source, points: int) -> xr.Dataset | None:
        out: xr.Dataset | None = None
        for block in blocks(len(times), 1, None, points, memory):
            fields = source(times[block.times], leads)[names]
            if levels is not None:
                fields = fields.sel({LEVEL: levels})
            if common.members is not None:
                fields = fields.sel({MEMBER: common.members})
            part = power_spectra(fields, names)
            part = part.sum([dim for dim in (TIME, MEMBER) if dim in part.dims])
            out = part if out is None else out + part
        return out

    sources = {**sources, "truth": of_truth}
    means = []
    for name, source in sources.items():
        members = common.ensembles.get(name, 1 if common.members is None else common.members.size)
        # Of one variable and initial time, all lead times and levels are transformed together.
        maps = members * len(leads) * (1 if levels is None else len(levels))
        points = ARRAYS * maps * truth.sizes[LATITUDE] * truth.sizes[LONGITUDE]
        if (summed := total(source, points)) is not None:
            means.append(summed / (len(times) * members))
    whole: Any = xr.concat(means, xr.DataArray(list(sources), dims="source", name="source"), coords="minimal")
    return whole
