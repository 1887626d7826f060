"""Scores as tables on the terminal."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spinnn import command

from .._conventions.names import LEAD
from .figures import (
    UNITLESS,
    chosen_leads,
    figure_of,
    has_members,
    headlines,
    lead_label,
    metric_label,
    of_quantity,
    quantities_of,
    unit_of,
)

_LEADS = 8


def print_scores(result: xr.Dataset) -> None:
    """Print RMSE, ACC where there is a climatology, and CRPS of ensembles, of the headline variables by lead time.

    Args:
        result: Of `evaluate`.
    """
    leads = chosen_leads(result[LEAD].values, _LEADS)
    region, chosen = result["region"].values[0], headlines(quantities_of(result))
    for metric in ("rmse", "acc", *(["crps"] if has_members(result) else [])):
        rows = []
        for quantity in chosen if metric in result["metric"].values else []:
            field = of_quantity(result, quantity).sel({"metric": metric, "region": region, LEAD: leads})
            unit = f" [{unit_of(field)}]" if metric not in UNITLESS and unit_of(field) else ""
            for name in result["forecast"].values:
                values = field.sel(forecast=name).values
                if np.isfinite(values).any():
                    figures = [figure_of(x, metric) for x in values]
                    rows.append((f"{quantity}{unit}", str(name), *figures))
        if rows:
            command.table(f"{metric_label(metric)}, {region}", ("variable", "forecast", *map(lead_label, leads)), rows)
