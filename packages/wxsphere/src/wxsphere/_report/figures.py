"""Figures of scores, spectra and fields, for files and for the report."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from spinharm.optional import require
from spinnn.command import figure as number
from spinnn.plots import make_figure, plain

from .._conventions.grids import grid_of
from .._conventions.names import LATITUDE, LEAD, LEVEL, LONGITUDE, WINDS
from .maps import EXTRA, Projection, axes_options, draw_arrows, draw_map, land_of

BASELINES = ("persistence", "climatology")
UNITLESS = ("acc", "acc_per_forecast", "spread_skill_ratio")

INK = "#0b0b0c"
"""Colour of text and axes; the report replaces it by its text colour."""

# Visible on white and on black.
_COLOURS = ("#2f86c9", "#e0661c", "#12a37a", "#c76bab", "#8a7bd8", "#d0a000")
_OF_BASELINES = {"persistence": ("#8c8c8c", "--", "s"), "climatology": ("#a98b5a", ":", "^")}
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
_FLOOR = 1e-9
_LABELS = {
    "rmse": "RMSE",
    "mse": "MSE",
    "mae": "MAE",
    "acc": "anomaly correlation",
    "acc_per_forecast": "anomaly correlation per forecast",
    "crps": "fair CRPS",
    "spread_skill_ratio": "spread/skill ratio",
}
_POWERS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Quantity(NamedTuple):
    """Variable, with a level if it has levels."""

    name: str
    level: float | None

    def __str__(self) -> str:
        words = self.name.replace("_", " ")
        return words if self.level is None else f"{words}, {self.level:g} hPa"


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


def unit_of(field: xr.DataArray) -> str:
    """Unit with superscript exponents: `m**2 s**-2` becomes m² s⁻²."""
    pieces = str(field.attrs.get("units", "")).split("**")
    out = pieces[0]
    for piece in pieces[1:]:
        digits = len(piece) - len(piece.lstrip("-0123456789"))
        out += piece[:digits].translate(_POWERS) + piece[digits:]
    return out


def metric_label(metric: str) -> str:
    """Label of a metric."""
    return _LABELS.get(metric, metric.replace("_", " "))


def figure_of(value: float, metric: str) -> str:
    """Text of a score in a table: four digits, or three decimals for correlations and ratios."""
    if not np.isfinite(value):
        return "–"
    return (f"{value:.3f}" if metric in UNITLESS else number(float(value))).replace("-", "−")


def lead_label(lead: np.timedelta64) -> str:
    """Label of a lead time, e.g. `"6 h"` or `"3 d"`."""
    hours = float(lead / np.timedelta64(1, "h"))
    return f"{hours / 24:g} d" if hours and hours % 24 == 0 else f"{hours:g} h"


def chosen_leads(leads: np.ndarray, limit: int) -> np.ndarray:
    """Choose at most `limit` lead times, preferably whole days, including the last."""
    if leads.size <= limit:
        return leads
    days = leads[(leads % np.timedelta64(24, "h")) == np.timedelta64(0, "ns")]
    if days.size >= min(3, limit):
        leads = days
    at = np.linspace(0, leads.size - 1, min(limit, leads.size)).round().astype(int)
    return leads[np.unique(at)]


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Context with the settings of matplotlib for figures of this package."""
    names = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    settings = {name: INK for name in names} | {"font.size": 9, "axes.titlesize": 10, "svg.fonttype": "none"}
    with require("matplotlib", EXTRA, "plotting").rc_context(settings):
        yield


def curves(result: xr.Dataset, quantities: Sequence[Quantity], metric: str = "rmse", region: str | None = None) -> Any:
    """Draw a score by lead time, with a panel per variable and a line per forecast, and bootstrap intervals if any.

    Args:
        result: Scores of `evaluate`.
        quantities: Variables and levels to draw.
        metric: Name of a metric in `result`.
        region: Name of a region in `result`; default the first.

    Returns:
        A matplotlib figure.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    at = {"metric": metric, "region": result["region"].values[0] if region is None else region}
    hours = result[LEAD].values / np.timedelta64(1, "h")
    unit, x = ("days", hours / 24) if hours.max() >= 72 else ("hours", hours)
    columns = min(3, len(quantities))
    rows = -(-len(quantities) // columns)
    with style():
        figure = make_figure(3.5 * columns + 0.3, 2.7 * rows + 0.4, EXTRA)
        panels = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
        for panel, quantity in zip(panels, quantities, strict=False):
            field = of_quantity(result, quantity).sel(at)
            bounds = None
            if f"{quantity.name}_interval" in result:
                bounds = of_quantity(result, quantity, "_interval").sel(at)
            for name, (colour, dashes, marker) in _looks(result["forecast"].values).items():
                y = field.sel(forecast=name).values
                if not np.isfinite(y).any():
                    continue
                size = 3.5 if x.size <= 20 else 0
                panel.plot(x, y, color=colour, ls=dashes, marker=marker, ms=size, lw=1.6, label=plain(name))
                if bounds is not None:
                    low, high = (bounds.sel(forecast=name, bound=b).values for b in ("low", "high"))
                    panel.fill_between(x, low, high, color=colour, alpha=0.22, lw=0)
            _bare(panel)
            panel.set_title(plain(str(quantity)))
            panel.set_xlabel(f"lead time [{unit}]")
            unit_text = "" if metric in UNITLESS else unit_of(field)
            panel.set_ylabel(plain(metric_label(metric) + (f" [{unit_text}]" if unit_text else "")))
            if metric in ("rmse", "mse", "mae", "crps", "spread", "spread_skill_ratio"):
                panel.set_ylim(bottom=0)
        _finish(figure, panels, len(quantities), columns)
    return figure


def spectra(result: xr.Dataset, quantities: Sequence[Quantity], source: str, leads: np.ndarray) -> Any:
    """Draw spectra of one forecast at some lead times, and of truth, with a panel per variable.

    Args:
        result: Scores of `evaluate` with `spectra`, or a dataset with fields `<name>_spectrum`.
        quantities: Variables and levels to draw.
        source: Name of the forecast.
        leads: Lead times.

    Returns:
        A matplotlib figure.
    """
    columns = min(3, len(quantities))
    rows = -(-len(quantities) // columns)
    with style():
        figure = make_figure(3.5 * columns + 0.3, 2.9 * rows + 0.4, EXTRA)
        shades = require("matplotlib", EXTRA, "plotting").colormaps["plasma"](np.linspace(0.25, 0.85, leads.size))
        panels = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
        for panel, quantity in zip(panels, quantities, strict=False):
            field = of_quantity(result, quantity, "_spectrum").isel(degree=slice(1, None))
            degree = field["degree"].values
            if "truth" in field["source"].values:
                truth = field.sel(source="truth").mean(LEAD)
                panel.loglog(degree, truth, color=INK, lw=2.2, alpha=0.55, label="truth")
            largest = float(field.max())
            for shade, lead in zip(shades, leads, strict=True):
                one = field.sel({"source": source, LEAD: lead})
                panel.loglog(degree, one, color=shade, lw=1.2, label=plain(f"{source}, {lead_label(lead)}"))
            _bare(panel)
            # Smaller values are rounding errors.
            if float(field.min()) < _FLOOR * largest:
                panel.set_ylim(bottom=_FLOOR * largest)
            panel.set_title(plain(str(quantity)))
            panel.set_xlabel("degree")
            wind = quantity.name in WINDS
            unit = "m² s⁻²" if wind else _squared(unit_of(result[quantity.name])) if quantity.name in result else ""
            panel.set_ylabel(plain(("kinetic energy" if wind else "power") + (f" [{unit}]" if unit else "")))
        _finish(figure, panels, len(quantities), columns)
    return figure


def error_figure(
    maps: xr.Dataset, quantity: Quantity, forecast: str, lead: np.timedelta64, projection: Projection = "mollweide",
    land: np.ndarray | None = None,
) -> Any:  # fmt: skip
    """Draw maps of the mean error, of winds as arrows, and of the root mean square error, of winds of the vector.

    Args:
        maps: Result of `error_maps`.
        quantity: Variable, or wind whose components are in `maps`.
        forecast: Name of the forecast.
        lead: Lead time.
        projection: Projection of the maps.
        land: Land-sea mask on the grid of the maps.

    Returns:
        A matplotlib figure.
    """
    at = {"forecast": forecast, LEAD: lead}
    grid = grid_of(maps)
    parts = WINDS.get(quantity.name, (quantity.name,))
    fields = [of_quantity(maps, Quantity(part, quantity.level)).sel(at) for part in parts]
    bias = [field.sel(map="bias").transpose(LATITUDE, LONGITUDE).values for field in fields]
    square = sum(field.sel(map="rmse").transpose(LATITUDE, LONGITUDE).values ** 2 for field in fields)
    unit = unit_of(fields[0])
    with style():
        figure = make_figure(9.6, 2.6, EXTRA)
        left, right = figure.subplots(1, 2, subplot_kw=axes_options(projection))
        wind = len(bias) == 2
        mesh = draw_map(left, np.hypot(*bias) if wind else bias[0], grid, diverging=not wind, land=land)
        if wind:
            draw_arrows(left, bias[0], bias[1], grid, colour="white")
        figure.colorbar(mesh, ax=left, shrink=0.75, pad=0.02, label=plain(unit))
        left.set_title(plain(f"{quantity}: mean error"))
        mesh = draw_map(right, np.sqrt(square), grid, land=land)
        figure.colorbar(mesh, ax=right, shrink=0.75, pad=0.02, label=plain(unit))
        right.set_title(plain(f"{quantity}: RMSE{' of the vector' if wind else ''}"))
    return figure


def field_figure(
    fields: xr.Dataset, names: Sequence[str], title: str, projection: Projection = "equirectangular"
) -> Any:
    """Draw maps of fields at one time, winds as speed and arrows.

    Args:
        fields: Variables with dimensions (latitude, longitude), with both components of winds.
        names: Names of variables or winds.
        title: Title of the figure.
        projection: Projection of the maps.

    Returns:
        A matplotlib figure.
    """
    grid, land = grid_of(fields), land_of(fields)
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    with style():
        figure = make_figure(6.2 * columns, 3.2 * rows + 0.3, EXTRA)
        panels = figure.subplots(rows, columns, squeeze=False, subplot_kw=axes_options(projection)).ravel().tolist()
        for panel, name in zip(panels, names, strict=False):
            parts = [fields[part].transpose(LATITUDE, LONGITUDE) for part in WINDS.get(name, (name,))]
            values = [np.asarray(part.values, np.float64) for part in parts]
            wind = len(values) == 2
            mesh = draw_map(panel, np.hypot(*values) if wind else values[0], grid, land=land)
            if wind:
                draw_arrows(panel, values[0], values[1], grid, colour="white")
            figure.colorbar(mesh, ax=panel, shrink=0.8, pad=0.02, label=plain(unit_of(parts[0])))
            panel.set_title(plain(name.replace("_", " ")))
        for panel in panels[len(names) :]:
            panel.remove()
        figure.suptitle(plain(title))
    return figure


def _looks(names: np.ndarray) -> dict[str, tuple[str, str, str]]:
    models = [str(name) for name in names if name not in BASELINES]
    out = {name: (_COLOURS[at % len(_COLOURS)], "-", "o") for at, name in enumerate(models)}
    return out | {str(name): _OF_BASELINES[name] for name in names if name in BASELINES}


def _squared(unit: str) -> str:
    return f"({unit})²" if " " in unit else f"{unit}²" if unit else ""


def _bare(panel: Any) -> None:
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(visible=True, color="#808080", alpha=0.25, lw=0.6)
    panel.set_axisbelow(True)


def _finish(figure: Any, panels: Sequence[Any], used: int, columns: int) -> None:
    """Add one legend for all panels, with two entries per panel width."""
    for panel in panels[used:]:
        panel.remove()
    found: dict[str, Any] = {}
    for panel in panels[:used]:
        handles, labels = panel.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    figure.legend(list(found.values()), list(found), loc="outside upper left", ncols=2 * columns, frameon=False)
