"""Figures of scores, spectra and maps of errors, for files and for the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr

from spinharm.optional import require
from spinnn.plots import make_figure, plain

from .._conventions.grids import grid_of
from .._conventions.names import LATITUDE, LEAD, LONGITUDE, WINDS
from .._maps.draw import draw_arrows, draw_bar, draw_contours, draw_map
from .._maps.labels import lead_label, unit_of
from .._maps.projections import View
from .._maps.scales import scale_of
from .._maps.style import EXTRA, Theme, style
from .quantities import BASELINES, UNITLESS, Quantity, metric_label, of_quantity

Kind = Literal["power", "ratio"]

# Visible on white and on black.
_COLOURS = ("#2f86c9", "#e0661c", "#12a37a", "#c76bab", "#8a7bd8", "#d0a000")
_OF_BASELINES = {"persistence": ("#8c8c8c", "--", "s"), "climatology": ("#a98b5a", ":", "^")}
_FLOOR = 1e-9
_PANEL = 3.6
"""Width of a panel [inches]; one fills the width of a phone."""
_RATIOS = (0.02, 2.5)


def curves(
    result: xr.Dataset,
    quantities: Sequence[Quantity],
    metric: str = "rmse",
    region: str | None = None,
    *,
    theme: Theme = "light",
    columns: int = 3,
) -> Any:
    """Draw a score by lead time, with a panel per variable and a line per forecast, and bootstrap intervals if any.

    Args:
        result: Scores of `evaluate`.
        quantities: Variables and levels to draw.
        metric: Name of a metric in `result`.
        region: Name of a region in `result`; default the first.
        theme: `"light"` or `"dark"`.
        columns: Panels in a row, at most.

    Returns:
        A matplotlib figure.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    at = {"metric": metric, "region": result["region"].values[0] if region is None else region}
    hours = result[LEAD].values / np.timedelta64(1, "h")
    unit, x = ("days", hours / 24) if hours.max() >= 72 else ("hours", hours)
    columns = min(columns, len(quantities))
    rows = -(-len(quantities) // columns)
    with style(theme):
        figure = make_figure(_PANEL * columns + 0.2, 2.6 * rows + 0.45, EXTRA)
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
        _finish(figure, panels, len(quantities))
    return figure


def spectra(
    result: xr.Dataset,
    quantities: Sequence[Quantity],
    source: str,
    leads: np.ndarray,
    *,
    kinds: Sequence[Kind] = ("power",),
    theme: Theme = "light",
    columns: int = 3,
) -> Any:
    """Draw spectra of one forecast at some lead times, with a panel per variable and kind.

    Args:
        result: Scores of `evaluate` with `spectra`, or a dataset with fields `<name>_spectrum`.
        quantities: Variables and levels to draw.
        source: Name of the forecast.
        leads: Lead times.
        kinds: `"power"`, with that of the truth if it is there, or `"ratio"` to that of the truth at the same lead
            time.
        theme: `"light"` or `"dark"`.
        columns: Panels in a row, at most.

    Returns:
        A matplotlib figure.
    """
    drawn = [(quantity, kind) for quantity in quantities for kind in kinds]
    columns = min(columns, len(drawn))
    rows = -(-len(drawn) // columns)
    with style(theme):
        figure = make_figure(_PANEL * columns + 0.2, 2.7 * rows + 0.6, EXTRA)
        shades = require("matplotlib", EXTRA, "plotting").colormaps["plasma"](np.linspace(0.3, 0.85, leads.size))
        panels = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
        for panel, (quantity, kind) in zip(panels, drawn, strict=False):
            field = of_quantity(result, quantity, "_spectrum").isel(degree=slice(1, None))
            (_draw_ratios if kind == "ratio" else _draw_powers)(panel, field, source, leads, shades)
            _bare(panel)
            panel.set_title(plain(str(quantity)))
            panel.set_xlabel("spherical harmonic degree")
            power = "kinetic energy" if quantity.name in WINDS else "power"
            unit = _power_unit(result, quantity)
            panel.set_ylabel(plain(f"{power} / truth's" if kind == "ratio" else power + (f" [{unit}]" if unit else "")))
        _finish(figure, panels, len(drawn))
    return figure


def _draw_powers(panel: Any, field: xr.DataArray, source: str, leads: np.ndarray, shades: np.ndarray) -> None:
    degree = field["degree"].values
    if "truth" in field["source"].values:
        ink = require("matplotlib", EXTRA, "plotting").rcParams["text.color"]
        panel.loglog(degree, field.sel(source="truth").mean(LEAD), color=ink, lw=2.2, alpha=0.55, label="truth")
    for shade, lead in zip(shades, leads, strict=True):
        one = field.sel({"source": source, LEAD: lead})
        panel.loglog(degree, one, color=shade, lw=1.2, label=plain(f"{source}, {lead_label(lead)}"))
    # Smaller values are rounding errors.
    largest = float(field.max())
    if float(field.min()) < _FLOOR * largest:
        panel.set_ylim(bottom=_FLOOR * largest)


def _draw_ratios(panel: Any, field: xr.DataArray, source: str, leads: np.ndarray, shades: np.ndarray) -> None:
    truth = field.sel(source="truth")
    # Where the truth has no power beyond rounding errors, a ratio to it says nothing.
    truth = truth.where(truth > _FLOOR * float(truth.max()))
    panel.axhline(1.0, color=require("matplotlib", EXTRA, "plotting").rcParams["text.color"], lw=1.6, alpha=0.55)
    shown = []
    for shade, lead in zip(shades, leads, strict=True):
        ratio = field.sel({"source": source, LEAD: lead}) / truth.sel({LEAD: lead})
        panel.loglog(field["degree"].values, ratio, color=shade, lw=1.4, label=plain(f"{source}, {lead_label(lead)}"))
        shown.append(ratio.values[np.isfinite(ratio.values) & (ratio.values > 0)])
    values = np.concatenate(shown)
    low, high = (float(values.min()), float(values.max())) if values.size else (1.0, 1.0)
    # Ratios far below the axis are those of a field without these degrees.
    panel.set_ylim(max(min(low * 0.8, 0.5), _RATIOS[0]), max(1.25 * high, _RATIOS[1]))
    ticks = [at for at in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10) if panel.get_ylim()[0] <= at <= panel.get_ylim()[1]]
    panel.set_yticks(ticks, [f"{at:g}" for at in ticks])
    panel.minorticks_off()
    degrees = [at for at in (1, 2, 5, 10, 20, 50, 100, 200, 500) if at <= field["degree"].values[-1]]
    panel.set_xticks(degrees, [str(at) for at in degrees])


def _power_unit(result: xr.Dataset, quantity: Quantity) -> str:
    if quantity.name in WINDS:
        return "m² s⁻²"
    return _squared(unit_of(result[quantity.name])) if quantity.name in result else ""


def error_figures(
    maps: xr.Dataset,
    quantity: Quantity,
    forecast: str,
    lead: np.timedelta64,
    *,
    projection: str = "robinson",
    land: np.ndarray | None = None,
) -> dict[str, Any]:
    """Draw maps of the mean error, of winds as arrows, and of the root mean square error, of winds of the vector.

    Args:
        maps: Result of `error_maps`.
        quantity: Variable, or wind whose components are in `maps`.
        forecast: Name of the forecast.
        lead: Lead time.
        projection: Projection of the maps.
        land: Land-sea mask on the grid of the maps, whose contour 0.5 is drawn in place of the Earth's coasts.

    Returns:
        Two matplotlib figures by what they show.
    """
    at = {"forecast": forecast, LEAD: lead}
    grid, view = grid_of(maps), View(projection)
    parts = WINDS.get(quantity.name, (quantity.name,))
    fields = [of_quantity(maps, Quantity(part, quantity.level)).sel(at) for part in parts]
    bias = [field.sel(map="bias").transpose(LATITUDE, LONGITUDE).values for field in fields]
    square = sum(field.sel(map="rmse").transpose(LATITUDE, LONGITUDE).values ** 2 for field in fields)
    wind = len(bias) == 2
    drawn = {
        "mean error": np.hypot(*bias) if wind else bias[0],
        "RMSE of the vector" if wind else "RMSE": np.sqrt(square),
    }
    out = {}
    with style():
        for what, values in drawn.items():
            figure = make_figure(4.8, 2.5, EXTRA)
            panel = figure.subplots()
            scale = scale_of([values], signed=what == "mean error" and not wind)
            mesh = draw_map(panel, values, grid, view, scale, coast=land is None)
            if land is not None and land.min() < 0.5 < land.max():
                draw_contours(panel, land, grid, view, np.array([0.5]), labels=False)
            if wind and what == "mean error":
                draw_arrows(panel, bias[0], bias[1], grid, view, scale.high)
            panel.set_title(plain(f"{quantity}: {what}"))
            draw_bar(figure, panel, mesh, scale, plain(unit_of(fields[0])))
            out[what] = figure
    return out


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


def _finish(figure: Any, panels: Sequence[Any], used: int) -> None:
    """Add one legend for all panels, as wide as the figure."""
    for panel in panels[used:]:
        panel.remove()
    found: dict[str, Any] = {}
    for panel in panels[:used]:
        handles, labels = panel.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    # About eleven letters to the inch, with a line of 0.6 inches before each.
    longest = max((len(label) for label in found), default=1)
    ncols = max(1, int(float(figure.get_figwidth()) / (longest / 11 + 0.6)))
    figure.legend(list(found.values()), list(found), loc="outside upper left", ncols=ncols, frameon=False)
