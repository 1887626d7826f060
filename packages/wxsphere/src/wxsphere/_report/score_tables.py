"""Tables of scores of a report."""

from __future__ import annotations

import numpy as np
import xarray as xr

from .._conventions.names import LEAD
from .._maps.labels import lead_label, unit_of
from .elements import Cell, Row, Section, Table
from .quantities import (
    UNITLESS,
    Quantity,
    chosen_leads,
    figure_of,
    has_members,
    metric_label,
    of_quantity,
)

_LEADS = 10
# Rows of all tables of all scores together; beyond, only the headline variables are shown.
_MAX_ROWS = 3000


def headline_section(result: xr.Dataset, chosen: list[Quantity]) -> Section:
    """RMSE, correlation and ensemble scores of the headline variables."""
    region = str(result["region"].values[0])
    tables = [_score_table(result, chosen, "rmse", region, f"{metric_label('rmse')}, {region}")]
    for metric in ("acc", "crps", "spread_skill_ratio"):
        applies = metric == "acc" or has_members(result)
        if applies and metric in result["metric"].values:
            table = _score_table(result, chosen, metric, region, f"{metric_label(metric)}, {region}")
            tables += [table] if table.rows else []
    return Section("scores", "Headline scores", ("The best of each column is bold.",), (), tuple(tables))


def all_scores_section(result: xr.Dataset, quantities: list[Quantity], chosen: list[Quantity]) -> Section:
    """All scores by region and metric, in folded tables."""
    regions, metrics = result["region"].values, result["metric"].values
    text: tuple[str, ...] = ("Every score by region and metric; open a line to see its table.",)
    if len(quantities) * regions.size * metrics.size * result.sizes["forecast"] > _MAX_ROWS:
        quantities = chosen
        text = ("Of the headline variables; the NetCDF file beside this report has all.",)
    if result.sizes[LEAD] > _LEADS:
        text = (*text, f"{_LEADS} of {result.sizes[LEAD]} lead times are shown.")
    tables = []
    for region in map(str, regions):
        for metric in map(str, metrics):
            # Of forecasts without members it is the mean absolute error.
            if metric == "crps" and not has_members(result):
                continue
            table = _score_table(result, quantities, metric, region, f"{metric_label(metric)}, {region}", folded=True)
            tables += [table] if table.rows else []
    return Section("all", "All scores", text, (), tuple(tables))


def _score_table(
    result: xr.Dataset, quantities: list[Quantity], metric: str, region: str, caption: str, *, folded: bool = False
) -> Table:
    leads = chosen_leads(result[LEAD].values, _LEADS)
    largest = metric in ("acc", "acc_per_forecast")
    ranked = largest or metric in ("rmse", "mse", "mae", "crps")
    rows = []
    for quantity in quantities:
        field = of_quantity(result, quantity).sel({"metric": metric, "region": region, LEAD: leads})
        values = field.transpose("forecast", LEAD).values
        best = np.full(leads.size, -1)
        if ranked and values.shape[0] > 1:
            filled = np.where(np.isfinite(values), -values if largest else values, np.inf)
            best = np.where(np.isfinite(filled).any(0), filled.argmin(0), -1)
        first = True
        for at, name in enumerate(result["forecast"].values):
            if np.isfinite(values[at]).any():
                cells = [
                    Cell(figure_of(value, metric), "best" if best[k] == at else "")
                    for k, value in enumerate(values[at])
                ]
                unit = "" if metric in UNITLESS else unit_of(field)
                head = f"{quantity} [{unit}]" if unit else str(quantity)
                rows.append(Row((head, str(name)), cells, first))
                first = False
    return Table(caption, ("variable", "forecast", *map(lead_label, leads)), 2, rows, "scores", folded)
