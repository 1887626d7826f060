"""Tables of scores on the terminal."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spinnn import command

from .._conventions.names import LEAD
from . import figures

_LEADS = 8


def print_scores(result: xr.Dataset) -> None:
    """Print RMSE, ACC (with a climatology) and CRPS (of ensembles) of the headline variables by lead time.

    Args:
        result: Scores of `evaluate`.
    """
    leads = figures.chosen_leads(result[LEAD].values, _LEADS)
    region, chosen = result["region"].values[0], figures.headlines(figures.quantities_of(result))
    for metric in ("rmse", "acc", *(["crps"] if figures.has_members(result) else [])):
        rows = []
        for quantity in chosen if metric in result["metric"].values else []:
            field = figures.of_quantity(result, quantity).sel({"metric": metric, "region": region, LEAD: leads})
            unit = f" [{figures.unit_of(field)}]" if metric not in figures.UNITLESS and figures.unit_of(field) else ""
            for name in result["forecast"].values:
                values = field.sel(forecast=name).values
                if np.isfinite(values).any():
                    cells = [figures.figure_of(x, metric) for x in values]
                    rows.append((f"{quantity}{unit}", str(name), *cells))
        if rows:
            command.table(
                f"{figures.metric_label(metric)}, {region}",
                ("variable", "forecast", *map(figures.lead_label, leads)),
                rows,
            )
