"""Tables of scores on the terminal."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spinnn import command

from .._conventions.names import LEAD
from .._maps.labels import lead_label, unit_of
from . import quantities

_LEADS = 8


def print_scores(result: xr.Dataset) -> None:
    """Print RMSE, ACC (with a climatology) and CRPS (of ensembles) of the headline variables by lead time.

    Args:
        result: Scores of `evaluate`.
    """
    leads = quantities.chosen_leads(result[LEAD].values, _LEADS)
    region, chosen = result["region"].values[0], quantities.headlines(quantities.quantities_of(result))
    for metric in ("rmse", "acc", *(["crps"] if quantities.has_members(result) else [])):
        rows = []
        for quantity in chosen if metric in result["metric"].values else []:
            field = quantities.of_quantity(result, quantity).sel({"metric": metric, "region": region, LEAD: leads})
            unit = f" [{unit_of(field)}]" if metric not in quantities.UNITLESS and unit_of(field) else ""
            for name in result["forecast"].values:
                values = field.sel(forecast=name).values
                if np.isfinite(values).any():
                    cells = [quantities.figure_of(x, metric) for x in values]
                    rows.append((f"{quantity}{unit}", str(name), *cells))
        if rows:
            command.table(
                f"{quantities.metric_label(metric)}, {region}",
                ("variable", "forecast", *map(lead_label, leads)),
                rows,
            )
