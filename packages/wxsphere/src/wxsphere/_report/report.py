"""Report of scores as one self-contained HTML file."""

from __future__ import annotations

import datetime
import importlib.resources
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from spinharm.optional import require
from spinnn.files import replacing

from .. import _checks
from ..__about__ import __version__
from .._conventions.names import LEAD
from .._maps.labels import lead_label
from .._maps.style import EXTRA
from .elements import Section
from .pictures import curves_section, maps_section, spectra_section
from .quantities import headlines, quantities_of
from .report_checks import check_maps, check_result
from .score_tables import all_scores_section, headline_section
from .scorecard import COLOURS, scorecard_section


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
        land_sea_mask: On the grid of `maps`, shape (lat, lon), whose coasts are drawn instead of the Earth's; zeros
            for none.
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
    check_result(result)
    _checks.instance("title", title, str, "a text")
    _checks.texts("details", details)
    if created is not None:
        _checks.instance("created", created, datetime.datetime, "a datetime.datetime or None")
    if maps is not None:
        check_maps(maps, land_sea_mask)
    if path.suffix.lower() != ".html":
        raise ValueError(f"`path` must end in .html, got {str(path)!r}")
    sections = _sections(result, maps, land_sea_mask, reference)
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
        colours=COLOURS,
        footer=f"Written by wxsphere {__version__} on {stamp:%Y-%m-%d %H:%M} {stamp.tzname() or ''}".rstrip() + ".",
    )
    with replacing(path) as file:
        file.write(page)
    return path


def _sections(
    result: xr.Dataset, maps: xr.Dataset | None, land_sea_mask: np.ndarray | None, reference: str | None
) -> list[Section]:
    """The sections in their order, those that have nothing to show too."""
    quantities = quantities_of(result)
    if not quantities or "rmse" not in result["metric"].values:
        raise ValueError(f"`result` must be scores of `evaluate` with the metric 'rmse', got {list(result.data_vars)}")
    there = [str(name) for name in result["forecast"].values]
    if reference is None:
        reference = result.attrs.get("reference", "persistence" if "persistence" in there else there[-1])
    _checks.option("reference", reference, there)
    chosen = headlines(quantities)
    sections = [scorecard_section(result, quantities, str(reference)), headline_section(result, chosen)]
    sections.append(curves_section(result, chosen))
    if maps is not None:
        sections.append(maps_section(maps, land_sea_mask))
    if any(str(name).endswith("_spectrum") for name in result.data_vars):
        sections.append(spectra_section(result))
    sections.append(all_scores_section(result, quantities, chosen))
    return sections


def _facts(result: xr.Dataset) -> Iterator[tuple[str, str]]:
    attributes, leads = result.attrs, result[LEAD].values
    count = attributes.get("initial_times")
    if count is not None:
        begin, end = (str(attributes[f"{which}_initial_time"])[:16] for which in ("first", "last"))
        yield "Initial times", f"{count}, {begin}" + (f" … {end}" if end != begin else "")
    if "members" in attributes:
        yield (
            "Members",
            f"{attributes['members']}, each compared with the truth of its number, as further initial states",
        )
    span = f" … {lead_label(leads[-1])}" if leads.size > 1 else ""
    yield "Lead times", f"{leads.size}, {lead_label(leads[0])}{span}"
    if "left_out" in attributes:
        yield "Left out", str(attributes["left_out"])
    if "convention" in attributes:
        yield "Convention", str(attributes["convention"])
    if "bootstrap" in attributes:
        yield "Intervals", f"circular block bootstrap over initial times, {attributes['bootstrap']}"
