"""Sections of a report with figures: curves, maps of errors, spectra."""

from __future__ import annotations

import numpy as np
import xarray as xr

from spinnn.command import figure as number

from .._conventions.names import LEAD, WINDS
from .elements import Picture, Section
from .figures import (
    Quantity,
    chosen_leads,
    curves,
    error_figure,
    has_members,
    headlines,
    lead_label,
    metric_label,
    of_quantity,
    quantities_of,
    spectra,
)
from .svg import svg_markup

_SPECTRUM_LEADS = 4


def curves_section(result: xr.Dataset, chosen: list[Quantity]) -> Section:
    """Curves of scores by lead time, in the first region."""
    if result.sizes[LEAD] < 2:
        return Section("curves", "Scores by lead time")
    region = str(result["region"].values[0])
    pictures = []
    told = " Shaded: 95 % intervals of the bootstrap." if f"{chosen[0].name}_interval" in result else ""
    metrics = ["rmse", "acc", *(["spread_skill_ratio"] if has_members(result) else [])]
    for metric in metrics:
        drawn = [one for one in chosen if _defined(result, one, metric, region)]
        if metric in result["metric"].values and drawn:
            alt = "; ".join(_described(result, one, metric, region) for one in drawn)
            name = metric_label(metric)
            caption = f"{name[0].upper()}{name[1:]} by lead time, {region}.{told}"
            pictures.append(
                Picture(svg_markup(curves(result, drawn, metric, region), metric, f"{caption} {alt}."), caption)
            )
    return Section("curves", "Scores by lead time", (), tuple(pictures))


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
                figure = error_figure(maps, quantity, name, lead, land=land)
                kind = "as arrows" if quantity.name in WINDS else "blue too low, red too high"
                caption = f"{quantity}, {name} at {lead_label(lead)}: mean error ({kind}) and RMSE."
                unique = f"map-{name}-{lead_label(lead)}-{quantity}"
                pictures.append(Picture(svg_markup(figure, unique, caption), caption))
    count = maps.attrs.get("initial_times")
    text = (f"Over {count} initial times.",) if count else ()
    return Section("maps", "Maps of errors", text, tuple(pictures))


def spectra_section(result: xr.Dataset) -> Section:
    """Spectra of forecasts relative to those of the truth."""
    with_spectrum = [q for q in quantities_of(result) if f"{q.name}_spectrum" in result]
    chosen = headlines(with_spectrum)
    leads = chosen_leads(result[LEAD].values, _SPECTRUM_LEADS)
    pictures = []
    for name in map(str, result["source"].values):
        if name != "truth":
            caption = (
                f"Spectra of {name} at lead times {', '.join(map(lead_label, leads))} over that of the truth, by "
                "spherical harmonic degree; of winds the kinetic energy."
            )
            picture = svg_markup(spectra(result, chosen, name, leads), f"spectra-{name}", caption)
            pictures.append(Picture(picture, caption))
    text = "Power that falls below that of the truth at high degrees is blurring; power above it is noise."
    return Section("spectra", "Spectra", (text,), tuple(pictures))
