"""Sections of a report with figures: curves, maps of errors, spectra."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spinnn.command import figure as number

from .._conventions.names import LEAD, WINDS
from .._maps.labels import lead_label
from .elements import Picture, Section
from .figures import Kind, curves, error_figures, spectra
from .quantities import (
    Quantity,
    chosen_leads,
    has_members,
    headlines,
    metric_label,
    of_quantity,
    quantities_of,
)
from .svg import svg_markup

_SPECTRUM_LEADS = 4
_FEW_BLOCKS = 10


def curves_section(result: xr.Dataset, chosen: list[Quantity]) -> Section:
    """Curves of scores by lead time, in the first region."""
    if result.sizes[LEAD] < 2:
        return Section("curves", "Scores by lead time")
    region = str(result["region"].values[0])
    pictures = []
    told = " Shaded: 95 % intervals of the bootstrap." if f"{chosen[0].name}_interval" in result else ""
    metrics = ["rmse", "acc", *(["spread_skill_ratio"] if has_members(result) else [])]
    for metric in metrics:
        name = metric_label(metric)
        for one in chosen:
            if _defined(result, one, metric, region):
                caption = f"{name[0].upper()}{name[1:]} by lead time, {region}: {one}.{told}"
                figure = curves(result, [one], metric, region)
                alt = f"{caption} {_described(result, one, metric, region)}."
                pictures.append(Picture(svg_markup(figure, f"{metric}-{one}", alt), caption))
    return Section("curves", "Scores by lead time", _about_intervals(result), tuple(pictures))


def _about_intervals(result: xr.Dataset) -> tuple[str, ...]:
    """What the shaded intervals hold, and when they are too narrow."""
    if "bootstrap" not in result.attrs:
        return ()
    lines = [
        "Intervals hold the chance of the initial times alone. Forecasts that are scored at the same times share it: "
        "two bands that overlap may still differ, which the scorecard tests."
    ]
    words = str(result.attrs["bootstrap"]).split("blocks of ")
    times, block = result.attrs.get("initial_times"), words[-1].split()[0]
    if times is not None and len(words) == 2 and block.isdigit() and int(times) < _FEW_BLOCKS * int(block):
        lines.append(
            f"With {times} initial times in blocks of {block} there are fewer than {_FEW_BLOCKS} independent blocks: "
            f"these intervals are too narrow."
        )
    return tuple(lines)


def _defined(result: xr.Dataset, quantity: Quantity, metric: str, region: str) -> bool:
    if metric not in result["metric"].values:
        return False
    return bool(np.isfinite(of_quantity(result, quantity).sel(metric=metric, region=region)).any())


def _described(result: xr.Dataset, quantity: Quantity, metric: str, region: str) -> str:
    field = of_quantity(result, quantity).sel(metric=metric, region=region)
    ends = []
    for name in result["forecast"].values:
        values = field.sel(forecast=name).values
        if np.isfinite(values).any():
            ends.append(f"{name} {number(values[0])} to {number(values[-1])}")
    leads = result[LEAD].values
    return f"{quantity} from {lead_label(leads[0])} to {lead_label(leads[-1])}: {', '.join(ends)}"


def maps_section(maps: xr.Dataset, land: np.ndarray | None) -> Section:
    """Maps of the mean error and RMSE."""
    found = quantities_of(maps)
    winds = [
        Quantity(wind, one.level)
        for wind, parts in WINDS.items()
        for one in found
        if one.name == parts[0] and Quantity(parts[1], one.level) in found
    ]
    components = [part for one in winds for part in WINDS[one.name]]
    chosen = headlines([*winds, *(one for one in found if one.name not in components)], 4)
    pictures = []
    for name in map(str, maps["forecast"].values):
        for lead in maps[LEAD].values:
            for quantity in chosen:
                for what, figure in error_figures(maps, quantity, name, lead, land=land).items():
                    kind = ""
                    if what == "mean error":
                        kind = ", as arrows over its size" if quantity.name in WINDS else ", blue too low, red too high"
                    caption = f"{quantity}, {name} at {lead_label(lead)}: {what}{kind}."
                    unique = f"map-{name}-{lead_label(lead)}-{quantity}-{what}"
                    pictures.append(Picture(svg_markup(figure, unique, caption), caption))
    count = maps.attrs.get("initial_times")
    text = (f"Over {count} initial times.",) if count else ()
    return Section("maps", "Maps of errors", text, tuple(pictures))


def spectra_section(result: xr.Dataset) -> Section:
    """Spectra of forecasts relative to those of the truth, and as they are."""
    with_spectrum = [q for q in quantities_of(result) if f"{q.name}_spectrum" in result]
    chosen = headlines(with_spectrum)
    leads = chosen_leads(result[LEAD].values, _SPECTRUM_LEADS)
    pictures = []
    for name in map(str, result["source"].values):
        for quantity in chosen if name != "truth" else []:
            power = "kinetic energy" if quantity.name in WINDS else "power"
            kinds: tuple[Kind, ...] = ("ratio", "power")
            for kind in kinds:
                over = " over that of the truth at the same lead time" if kind == "ratio" else " and of the truth"
                caption = f"{quantity}: {power} of {name}{over}, by spherical harmonic degree."
                figure = spectra(result, [quantity], name, leads, kinds=(kind,))
                unique = f"spectra-{name}-{quantity}-{kind}"
                pictures.append(Picture(svg_markup(figure, unique, caption), caption))
    text = "Power that falls below that of the truth at high degrees is blurring; power above it is noise."
    return Section("spectra", "Spectra", (text,), tuple(pictures))
