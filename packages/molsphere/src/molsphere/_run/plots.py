"""Plots of a run, as PNG files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spinnn import plots
from spinnn.plots import BLUE, GREY, ORANGE, make_panels, plain, save_figure

from .evaluation import Evaluation

_EXTRA = "molsphere[plot]"


def make_figure(width: float, height: float) -> Any:
    """An empty matplotlib figure [inches], see `spinnn.plots.make_figure`."""
    return plots.make_figure(width, height, _EXTRA)


def parity(result: Evaluation) -> Any:
    """A figure of predictions against reference values of the last split, a panel per property."""
    figure = make_figure(4.4 * len(result.units), 4.3)
    for panel, name, unit, last in _panels(figure, result):
        wanted, predicted = result.wanted[name][last], result.predicted[name][last]
        both = np.concatenate([wanted, predicted])
        ends = [float(both.min()), float(both.max())]
        panel.plot(ends, ends, color=GREY, lw=0.8, zorder=0)
        dots = float(np.clip(90 / np.sqrt(wanted.size), 1.5, 6))
        panel.plot(wanted, predicted, "o", color=BLUE, ms=dots, alpha=0.5, mec="none", rasterized=True)
        error = float(np.abs(predicted - wanted).mean())
        count = f"{last.sum()} molecules"
        panel.set_title(plain(f"{name}, {result.parts[-1]}: MAE {error:.3g} {unit}, {count}"), fontsize=9)
        panel.set_xlabel(_label(name, unit, "data"))
        panel.set_ylabel(_label(name, unit, "predicted"))
        panel.set_aspect("equal", adjustable="datalim")
    return figure


def error_by_size(result: Evaluation) -> Any:
    """A figure of the mean absolute error by number of atoms in the last split, a panel per property."""
    figure = make_figure(4.4 * len(result.units), 3.6)
    for panel, name, unit, last in _panels(figure, result):
        sizes = result.num_atoms[last]
        error = np.abs(result.predicted[name] - result.wanted[name])[last]
        distinct = np.unique(sizes)
        panel.bar(distinct, [error[sizes == n].mean() for n in distinct], color=BLUE, width=0.8)
        panel.axhline(error.mean(), color=ORANGE, lw=1.2, label=plain(f"all: {error.mean():.3g} {unit}"))
        panel.set_xlabel("atoms")
        panel.set_ylabel(_label(name, unit, "mean absolute error"))
        panel.legend(frameon=False)
    return figure


def _panels(figure: Any, result: Evaluation) -> Iterator[tuple[Any, str, str, np.ndarray]]:
    """A panel for each property with values in the last split, its name and unit, and a mask of the molecules."""
    tested = result.part == len(result.parts) - 1
    for panel, (name, unit) in zip(make_panels(figure, len(result.units)), result.units.items(), strict=True):
        last = tested & np.isfinite(result.wanted[name])
        if last.any():
            yield panel, name, unit, last
        else:
            panel.set_title(plain(f"{name}, {result.parts[-1]}: no values"), fontsize=9)


def learning_curve(path: str | Path, units: Mapping[str, str] | None = None) -> Any:
    """A figure of the loss and the validation errors by step, from a run's `metrics.jsonl`."""
    return plots.learning_curve(path, _EXTRA, validation="mean absolute error, validation", units=units)


def units_of_run(folder: Path) -> dict[str, str]:
    """Unit by property, from the description of a run; none for a folder without one."""
    try:
        units = json.loads((folder / "config.json").read_text(encoding="utf-8"))["units"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {str(name): str(unit) for name, unit in units.items()} if isinstance(units, dict) else {}


def draw_run(folder: str | Path, result: Evaluation) -> list[Path]:
    """Draw all plots of a run in its folder.

    Args:
        folder: The run's folder.
        result: Its evaluation.

    Returns:
        The files written.
    """
    folder = Path(folder)
    written = [
        save_figure(parity(result), folder / "parity.png"),
        save_figure(error_by_size(result), folder / "error-by-size.png"),
    ]
    if (folder / "metrics.jsonl").is_file():
        figure = learning_curve(folder / "metrics.jsonl", result.units)
        written.append(save_figure(figure, folder / "learning-curve.png"))
    return written


def _label(name: str, unit: str, kind: str) -> str:
    return plain(f"{name}, {kind}" + (f" [{unit}]" if unit else ""))
