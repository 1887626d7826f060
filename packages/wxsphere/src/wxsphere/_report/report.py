"""Report of scores as one self-contained HTML file."""

from __future__ import annotations

import datetime
import importlib.resources
import io
import itertools
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from spinharm.optional import require
from spinnn.command import figure as number
from spinnn.files import replacing

from .. import _checks
from ..__about__ import __version__
from .._conventions.names import LATITUDE, LEAD, LONGITUDE, WINDS
from .figures import (
    BASELINES,
    INK,
    UNITLESS,
    Quantity,
    chosen_leads,
    curves,
    error_figure,
    figure_of,
    has_members,
    headlines,
    lead_label,
    metric_label,
    of_quantity,
    quantities_of,
    spectra,
    style,
    unit_of,
)
from .maps import EXTRA

_CARD_LEADS = 14
_TABLE_LEADS = 10
_SPECTRUM_LEADS = 4
# Rows of all tables of all scores together; beyond, levels that are no headline are left to the NetCDF file.
_MAX_ROWS = 3000
_RESOLUTION_DPI = 110

# Relative differences and the colour of what lies below each: blue is better, orange worse; black or white on it has a
# contrast of at least 4.5.
_STEPS = (-0.5, -0.2, -0.1, -0.05, -0.01, 0.01, 0.05, 0.1, 0.2, 0.5)
_COLOURS = (
    ("better-5", "#0b4f94", "#ffffff"),
    ("better-4", "#2e7cc4", "#000000"),
    ("better-3", "#6aa9de", "#000000"),
    ("better-2", "#a3cbec", "#000000"),
    ("better-1", "#d3e6f6", "#000000"),
    ("same", "#eeeeee", "#000000"),
    ("worse-1", "#fbe3cf", "#000000"),
    ("worse-2", "#f5c499", "#000000"),
    ("worse-3", "#eb9c57", "#000000"),
    ("worse-4", "#d4711f", "#000000"),
    ("worse-5", "#963f06", "#ffffff"),
)


class Cell(NamedTuple):
    """A cell of a table."""

    text: str
    kind: str = ""
    title: str = ""


class Row(NamedTuple):
    """A row of a table; `first` draws a line above."""

    heads: tuple[str, ...]
    cells: list[Cell]
    first: bool = False


class Table(NamedTuple):
    """A table; `heads` columns name the rows."""

    caption: str
    columns: tuple[str, ...]
    heads: int
    rows: list[Row]
    kind: str = "scores"
    folded: bool = False


class Picture(NamedTuple):
    """A figure as markup, and what stands below it."""

    svg: Any
    caption: str


class Section(NamedTuple):
    """A part of the report."""

    id: str
    title: str
    text: tuple[str, ...] = ()
    figures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    key: tuple[tuple[str, str], ...] = ()


def write_report(
    result: xr.Dataset,
    path: str | os.PathLike,
    *,
    maps: xr.Dataset | None = None,
    land_sea_mask: np.ndarray | None = None,
    title: str = "Forecast evaluation",
    details: Mapping[str, str] | None = None,
    reference: str | None = None,
    created: datetime.datetime | None = None,
) -> Path:
    """Write scores as one HTML file: scorecard, curves, maps of errors, spectra, all numbers.

    The file loads nothing: figures are inline SVG, maps in them PNG. It follows the reader's light or dark setting,
    prints, and has texts for figures and headers for tables. It appears whole or not at all.

    Args:
        result: Of `evaluate`. With `reference` and `samples` given there, the scorecard says which differences are
            more than chance; with `spectra` there are spectra.
        path: The file, `….html`.
        maps: Of `error_maps`, at the lead times to draw.
        land_sea_mask: On the grid of `maps`, shape (lat, lon), for coasts.
        title: Of the report.
        details: What stands above: names of stores and the like.
        reference: Forecast or baseline that the scorecard compares with; default that of `result`, else persistence,
            else the last forecast.
        created: Time that is written; default now.

    Returns:
        The path.

    Raises:
        ModuleNotFoundError: jinja2 or matplotlib is not installed; the message names the extra that brings both.
        ValueError: Another suffix, scores without RMSE, or an unknown reference.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import evaluate, grid_dataset, persistence_forecast, write_report
        >>> times = np.arange("2020-01-01T00", "2020-01-02T00", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> truth = grid_dataset(Grid.equiangular(5, 8, poles=True)).assign_coords(time=times)
        >>> values = np.random.default_rng(0).normal(280, 5, (4, 5, 8))
        >>> truth["2m_temperature"] = ("time", "latitude", "longitude"), values
        >>> forecast = persistence_forecast(truth, times[:2], np.array([6, 12], "timedelta64[h]"))
        >>> write_report(evaluate(forecast, truth), "report.html", title="Persistence").name
        'report.html'
    """
    jinja2 = require("jinja2", EXTRA, "the report")
    path = Path(path)
    _check_result(result)
    _checks.instance("title", title, str, "a text")
    _checks.texts("details", details)
    if created is not None:
        _checks.instance("created", created, datetime.datetime, "a datetime.datetime or None")
    if maps is not None:
        _check_maps(maps, land_sea_mask)
    if path.suffix.lower() != ".html":
        raise ValueError(f"`path` must end in .html, got {str(path)!r}")
    quantities = quantities_of(result)
    if not quantities or "rmse" not in result["metric"].values:
        raise ValueError(f"`result` must be scores of `evaluate` with the metric 'rmse', got {list(result.data_vars)}")
    there = [str(name) for name in result["forecast"].values]
    if reference is None:
        reference = result.attrs.get("reference", "persistence" if "persistence" in there else there[-1])
    _checks.option("reference", reference, there)
    chosen = headlines(quantities)
    sections = [_scorecard(result, quantities, str(reference)), _headline_scores(result, chosen)]
    sections.append(_curves(result, chosen))
    if maps is not None:
        sections.append(_maps(maps, land_sea_mask))
    if any(str(name).endswith("_spectrum") for name in result.data_vars):
        sections.append(_spectra(result))
    sections.append(_all_scores(result, quantities, chosen))
    stamp = datetime.datetime.now(datetime.UTC) if created is None else created
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = importlib.resources.files("wxsphere").joinpath("_report/report.html").read_text(encoding="utf-8")
    facts = [*(details or {}).items(), *_facts(result)]
    page = environment.from_string(text).render(
        title=title,
        facts=facts,
        sections=[section for section in sections if section.figures or section.tables],
        colours=_COLOURS,
        footer=f"Written by wxsphere {__version__} on {stamp:%Y-%m-%d %H:%M} {stamp.tzname() or ''}".rstrip() + ".",
    )
    with replacing(path) as file:
        file.write(page)
    return path


def _check_result(result: xr.Dataset) -> None:
    _checks.dataset("result", result)
    lacking = [
        dim for dim in ("forecast", "metric", "region", LEAD) if dim not in result.coords or not result.sizes.get(dim)
    ]
    others = [str(name) for name, field in result.data_vars.items() if field.dtype.kind != "f"]
    if not lacking:
        _check_names("result", result)
    if lacking or others:
        why = f"without {lacking[0]!r}" if lacking else f"in which {others[0]!r} holds no real numbers"
        raise ValueError(f"`result` must be scores of `evaluate`, got a dataset of sizes {dict(result.sizes)} {why}")
    if any(str(name).endswith("_spectrum") for name in result.data_vars) and (
        "source" not in result.coords or "truth" not in result["source"].values.tolist()
    ):
        raise ValueError("`result` must have the source 'truth' beside its spectra, as `evaluate` gives them")


def _check_names(name: str, dataset: xr.Dataset) -> None:
    for one in dataset["forecast"].values.tolist():
        _checks.instance(f"{name}` must have forecasts by name; one of them", one, str, "a text")


def _check_maps(maps: xr.Dataset, land_sea_mask: np.ndarray | None) -> None:
    _checks.dataset("maps", maps)
    wanted = {"map", "forecast", LEAD, LATITUDE, LONGITUDE}
    if not wanted <= set(maps.coords) or not wanted <= set(maps.dims) or not maps.data_vars:
        raise ValueError(f"`maps` must be those of `error_maps`, got {dict(maps.sizes)}")
    _check_names("maps", maps)
    if maps["map"].values.tolist() != ["bias", "rmse"] or any(one.dtype.kind != "f" for one in maps.data_vars.values()):
        raise ValueError("`maps` must be those of `error_maps`, 'bias' and 'rmse' as real numbers")
    if land_sea_mask is not None:
        _checks.array("land_sea_mask", land_sea_mask, axes=2, real=True)
        if np.any((land_sea_mask < -1e-3) | (land_sea_mask > 1.001)):
            raise ValueError("`land_sea_mask` must lie between 0 and 1, got values that do not")
        sizes = (maps.sizes[LATITUDE], maps.sizes[LONGITUDE])
        if land_sea_mask.shape != sizes:
            raise ValueError(f"`land_sea_mask` must be on the grid of `maps`, {sizes}, got {land_sea_mask.shape}")


def _facts(result: xr.Dataset) -> Iterator[tuple[str, str]]:
    attributes, leads = result.attrs, result[LEAD].values
    count = attributes.get("initial_times")
    if count is not None:
        begin, end = (str(attributes[f"{which}_initial_time"])[:16] for which in ("first", "last"))
        yield "Initial times", f"{count}, {begin}" + (f" … {end}" if end != begin else "")
    if "members" in attributes:
        yield "Members", f"{attributes['members']}, each with a truth of its own, counted as further initial states"
    span = f" … {lead_label(leads[-1])}" if leads.size > 1 else ""
    yield "Lead times", f"{leads.size}, {lead_label(leads[0])}{span}"
    if "left_out" in attributes:
        yield "Left out", str(attributes["left_out"])
    if "convention" in attributes:
        yield "Convention", str(attributes["convention"])
    if "bootstrap" in attributes:
        yield "Intervals", f"circular block bootstrap over initial times, {attributes['bootstrap']}"


def _scorecard(result: xr.Dataset, quantities: list[Quantity], reference: str) -> Section:
    leads = chosen_leads(result[LEAD].values, _CARD_LEADS)
    columns = ("variable", *map(lead_label, leads))
    tables = []
    others = [str(name) for name in result["forecast"].values if name != reference and name not in BASELINES]
    tested = bool(others) and result.attrs.get("reference") == reference
    tested = tested and any(f"{quantity.name}_difference_interval" in result for quantity in quantities)
    for name in others:
        for region in result["region"].values:
            rows, last = [], None
            for quantity in quantities:
                cells = _card_cells(result, quantity, region, leads, (name, reference))
                if cells:
                    rows.append(Row((str(quantity),), cells, quantity.name != last))
                    last = quantity.name
            caption = f"{name} against {reference}, {region}: relative difference of the RMSE"
            tables.append(Table(caption, columns, 1, rows, "card", folded=region != result["region"].values[0]))
    key = [f"below {_percent(_STEPS[0])}"]
    key += [f"{_percent(low)} … {_percent(high)}" for low, high in itertools.pairwise(_STEPS)]
    key += [f"above {_percent(_STEPS[-1])}"]
    text = f"RMSE relative to that of {reference}: blue and a minus sign are better than {reference}, orange is worse."
    more = "In brackets and italics: the 95 % interval of the difference holds zero." if tested else ""
    lines = (text, more) if more else (text,)
    labelled = tuple((kind, label) for (kind, _, _), label in zip(_COLOURS, key, strict=True))
    return Section("scorecard", "Scorecard", lines, (), tuple(tables), labelled)


def _card_cells(
    result: xr.Dataset, quantity: Quantity, region: str, leads: np.ndarray, pair: tuple[str, str]
) -> list[Cell]:
    """One cell for each lead time of a forecast against the reference; none if no difference is defined."""
    name, reference = pair
    at = {"metric": "rmse", "region": region}
    score = of_quantity(result, quantity).sel(at)
    mine, other = (score.sel({"forecast": which, LEAD: leads}).values for which in pair)
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = mine / other - 1
    if not np.isfinite(difference).any():
        return []
    bounds: list[np.ndarray | None] = [None] * len(leads)
    if result.attrs.get("reference") == reference and f"{quantity.name}_difference_interval" in result:
        interval = of_quantity(result, quantity, "_difference_interval").sel(at)
        bounds = list(interval.sel({"forecast": name, LEAD: leads}).transpose(LEAD, "bound").values)
    unit = unit_of(score)
    return [
        _card_cell(value, one, two, unit, bound)
        for value, one, two, bound in zip(difference, mine, other, bounds, strict=True)
    ]


def _card_cell(value: float, mine: float, other: float, unit: str, bounds: np.ndarray | None) -> Cell:
    if not np.isfinite(value):
        return Cell("–", "", "not defined")
    kind = _COLOURS[int(np.searchsorted(_STEPS, value))][0]
    told = f"{number(mine)} against {number(other)} {unit}".rstrip()
    text = _percent(value)
    if bounds is not None and np.isfinite(bounds).all():
        told += f", 95 %: {_percent(bounds[0])} … {_percent(bounds[1])}"
        if bounds[0] <= 0 <= bounds[1]:
            return Cell(f"({text})", f"{kind} unsure", told)
    return Cell(text, kind, told)


def _percent(value: float) -> str:
    rounded = 100 * value
    digits = 0 if abs(rounded) >= 0.95 else 1
    text = f"{rounded:+.{digits}f}".replace("-", "−")
    return f"{text} %" if float(f"{rounded:.{digits}f}") else "0 %"


def _score_table(
    result: xr.Dataset, quantities: list[Quantity], metric: str, region: str, caption: str, *, folded: bool = False
) -> Table:
    leads = chosen_leads(result[LEAD].values, _TABLE_LEADS)
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


def _headline_scores(result: xr.Dataset, chosen: list[Quantity]) -> Section:
    region = str(result["region"].values[0])
    tables = [_score_table(result, chosen, "rmse", region, f"{metric_label('rmse')}, {region}")]
    for metric in ("acc", "crps", "spread_skill_ratio"):
        applies = metric == "acc" or has_members(result)
        if applies and metric in result["metric"].values:
            table = _score_table(result, chosen, metric, region, f"{metric_label(metric)}, {region}")
            tables += [table] if table.rows else []
    return Section("scores", "Headline scores", ("The best of each column is bold.",), (), tuple(tables))


def _curves(result: xr.Dataset, chosen: list[Quantity]) -> Section:
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
            pictures.append(Picture(_svg(curves(result, drawn, metric, region), metric, f"{caption} {alt}."), caption))
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


def _maps(maps: xr.Dataset, land: np.ndarray | None) -> Section:
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
                pictures.append(Picture(_svg(figure, unique, caption), caption))
    count = maps.attrs.get("initial_times")
    text = (f"Over {count} initial times.",) if count else ()
    return Section("maps", "Maps of errors", text, tuple(pictures))


def _spectra(result: xr.Dataset) -> Section:
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
            picture = _svg(spectra(result, chosen, name, leads), f"spectra-{name}", caption)
            pictures.append(Picture(picture, caption))
    text = "Power that falls below that of the truth at high degrees is blurring; power above it is noise."
    return Section("spectra", "Spectra", (text,), tuple(pictures))


def _all_scores(result: xr.Dataset, quantities: list[Quantity], chosen: list[Quantity]) -> Section:
    regions, metrics = result["region"].values, result["metric"].values
    text: tuple[str, ...] = ("Every score by region and metric; open a line to see its table.",)
    if len(quantities) * regions.size * metrics.size * result.sizes["forecast"] > _MAX_ROWS:
        quantities = chosen
        text = ("Of the headline variables; the NetCDF file beside this report has all.",)
    if result.sizes[LEAD] > _TABLE_LEADS:
        text = (*text, f"{_TABLE_LEADS} of {result.sizes[LEAD]} lead times are shown.")
    tables = []
    for region in map(str, regions):
        for metric in map(str, metrics):
            # Of forecasts without members it is the mean absolute error.
            if metric == "crps" and not has_members(result):
                continue
            table = _score_table(result, quantities, metric, region, f"{metric_label(metric)}, {region}", folded=True)
            tables += [table] if table.rows else []
    return Section("all", "All scores", text, (), tuple(tables))


def _svg(figure: Any, unique: str, alt: str) -> Any:
    """A figure as inline markup, in the colour of the text around it."""
    markup = require("markupsafe", EXTRA, "the report")
    prefix = re.sub(r"[^a-z0-9]+", "-", unique.lower()).strip("-")
    out = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with style(), require("matplotlib", EXTRA, "plotting").rc_context({"svg.hashsalt": prefix}):
        figure.savefig(out, format="svg", transparent=True, dpi=_RESOLUTION_DPI, metadata=nothing)
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    # Names must be unique in the page; colour bars are images with the same one, which nothing refers to.
    text = re.sub(r'(<image\b[^>]*?) id="[^"]*"', r"\1", text)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'href="#', f'href="#{prefix}-', text).replace("url(#", f"url(#{prefix}-")
    text = text.replace(INK, "currentColor").replace("'DejaVu Sans', ", "")
    width = float(figure.get_figwidth()) * 96
    head = f'<svg role="img" aria-label="{markup.escape(alt)}" style="max-width: {width:.0f}px" fill="currentColor"'
    text = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", text, count=1)
    return markup.Markup(text.replace("<svg", head, 1))
