"""Variables and levels of scores, and how tables and figures name and order them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from spinnn.command import figure as number

from .._conventions.names import LEVEL, WINDS
from .._maps.labels import variable_label

BASELINES = ("persistence", "climatology")
UNITLESS = ("acc", "acc_per_forecast", "spread_skill_ratio")

_HEADLINES = (
    ("geopotential", 500),
    ("temperature", 850),
    ("wind", 850),
    ("2m_temperature", None),
    ("specific_humidity", 700),
    ("10m_wind", None),
    ("mean_sea_level_pressure", None),
    ("wind", 250),
)
_LABELS = {
    "rmse": "RMSE",
    "mse": "MSE",
    "mae": "MAE",
    "acc": "anomaly correlation",
    "acc_per_forecast": "anomaly correlation per forecast",
    "crps": "fair CRPS",
    "spread_skill_ratio": "spread/skill ratio",
}


class Quantity(NamedTuple):
    """Variable, with a level if it has levels."""

    name: str
    level: float | None

    def __str__(self) -> str:
        return variable_label(self.name, self.level)


def quantities_of(result: xr.Dataset) -> list[Quantity]:
    """Variables and levels of scores or maps, without intervals, differences and spectra."""
    out = []
    for key, field in result.data_vars.items():
        if not {"metric", "map"} & set(field.dims) or "bound" in field.dims:
            continue
        name = str(key)
        if name.endswith("_difference") and name.removesuffix("_difference") in result:
            continue
        levels = field[LEVEL].values.tolist() if LEVEL in field.dims else [None]
        out += [Quantity(name, level) for level in levels]
    return out


def has_members(result: xr.Dataset) -> bool:
    """Whether one of the forecasts is an ensemble."""
    if "spread" not in result["metric"].values:
        return False
    return any(np.isfinite(result[one.name].sel(metric="spread")).any() for one in quantities_of(result))


def headlines(quantities: Sequence[Quantity], limit: int = 6) -> list[Quantity]:
    """Headline quantities of forecast verification, and other variables at the level nearest to 500 hPa."""
    chosen = [Quantity(name, level) for name, level in _HEADLINES if (name, level) in quantities]
    components = {part for wind, parts in WINDS.items() for part in parts if any(q.name == wind for q in quantities)}
    for name in dict.fromkeys(one.name for one in quantities):
        if name not in components and all(one.name != name for one in chosen):
            chosen.append(min((one for one in quantities if one.name == name), key=lambda q: abs((q.level or 0) - 500)))
    return chosen[:limit]


def of_quantity(dataset: xr.Dataset, quantity: Quantity, suffix: str = "") -> xr.DataArray:
    """Field of a variable at its level."""
    field = dataset[quantity.name + suffix]
    return field if quantity.level is None else field.sel({LEVEL: quantity.level})


def metric_label(metric: str) -> str:
    """Label of a metric."""
    return _LABELS.get(metric, metric.replace("_", " "))


def figure_of(value: float, metric: str) -> str:
    """Text of a score in a table: four digits, or three decimals for correlations and ratios."""
    if not np.isfinite(value):
        return "–"
    return (f"{value:.3f}" if metric in UNITLESS else number(float(value))).replace("-", "−")


def chosen_leads(leads: np.ndarray, limit: int) -> np.ndarray:
    """Choose at most `limit` lead times, preferably whole days, including the last."""
    if leads.size <= limit:
        return leads
    days = leads[(leads % np.timedelta64(24, "h")) == np.timedelta64(0, "ns")]
    if days.size >= min(3, limit):
        leads = days
    at = np.linspace(0, leads.size - 1, min(limit, leads.size)).round().astype(int)
    return leads[np.unique(at)]
