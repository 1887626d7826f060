"""Scorecard of a report: relative differences of the RMSE from a reference."""

from __future__ import annotations

import itertools

import numpy as np
import xarray as xr

from spinnn.command import figure as number

from .._conventions.names import LEAD
from .._maps.labels import lead_label, unit_of
from .elements import Cell, Row, Section, Table
from .quantities import BASELINES, Quantity, chosen_leads, of_quantity

_LEADS = 14

# Relative differences and the colour of what lies below each: blue is better, orange worse; black or white on it has a
# contrast of at least 4.5.
_STEPS = (-0.5, -0.2, -0.1, -0.05, -0.01, 0.01, 0.05, 0.1, 0.2, 0.5)
COLOURS = (
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


def scorecard_section(result: xr.Dataset, quantities: list[Quantity], reference: str) -> Section:
    """Tables of the relative difference of the RMSE from the reference and from baselines, by forecast and region."""
    there = [str(name) for name in result["forecast"].values]
    others = [name for name in there if name != reference and name not in BASELINES]
    references = [reference]
    # Past a day climatology is harder to beat than persistence.
    references += [name for name in ("climatology", "persistence") if name in there and name != reference and others]
    tables, tested = [], []
    for one in references:
        if others and _is_tested(result, quantities, one):
            tested.append(one)
        for name in others:
            tables += _tables(result, quantities, name, one)
    key = [f"below {_percent(_STEPS[0])}"]
    key += [f"{_percent(low)} … {_percent(high)}" for low, high in itertools.pairwise(_STEPS)]
    key += [f"above {_percent(_STEPS[-1])}"]
    lines = ["RMSE relative to that of a reference: blue and a minus sign are better than it, orange is worse."]
    if tested:
        lines.append("In brackets and italics: the 95 % interval of the difference holds zero.")
        if untested := [one for one in references if one not in tested]:
            lines.append(f"Differences from {', '.join(untested)} have no intervals: those are of {reference} alone.")
    labelled = tuple((kind, label) for (kind, _, _), label in zip(COLOURS, key, strict=True))
    return Section("scorecard", "Scorecard", tuple(lines), (), tuple(tables), labelled)


def _is_tested(result: xr.Dataset, quantities: list[Quantity], reference: str) -> bool:
    """Whether there are intervals of the differences from a reference."""
    named = any(f"{quantity.name}_difference_interval" in result for quantity in quantities)
    return named and result.attrs.get("reference") == reference


def _tables(result: xr.Dataset, quantities: list[Quantity], name: str, reference: str) -> list[Table]:
    """A table for each region in which a difference is defined; all but the first are folded."""
    leads = chosen_leads(result[LEAD].values, _LEADS)
    columns = ("variable", *map(lead_label, leads))
    out = []
    for region in result["region"].values:
        rows, last = [], None
        for quantity in quantities:
            cells = _card_cells(result, quantity, region, leads, (name, reference))
            if cells:
                rows.append(Row((str(quantity),), cells, quantity.name != last))
                last = quantity.name
        if rows:
            caption = f"{name} against {reference}, {region}: relative difference of the RMSE"
            folded = region != result["region"].values[0]
            out.append(Table(caption, columns, 1, rows, "card", folded=folded))
    return out


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
    kind = COLOURS[int(np.searchsorted(_STEPS, value))][0]
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
