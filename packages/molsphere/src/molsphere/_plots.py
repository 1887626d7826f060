"""Plots of a run, as PNG files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from spinharm.optional import require
from spinnn.files import replacing

from ._evaluation import Evaluation

_PURPOSE = "plotting"
_BLUE, _ORANGE, _GREY = "#0072b2", "#d55e00", "0.55"


def make_figure(width: float, height: float) -> Any:
    """An empty matplotlib figure [inches], tied to no window.

    Raises:
        ModuleNotFoundError: matplotlib is not installed; the message names the extra that brings it.
    """
    return require("matplotlib.figure", "molsphere[plot]", _PURPOSE).Figure(
        figsize=(width, height), dpi=120, layout="constrained"
    )


def save_figure(figure: Any, path: str | Path) -> Path:
    """Write a figure as PNG under a temporary name that is then renamed.

    Raises:
        ValueError: Another suffix.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"`out` must end in .png, got {str(path)!r}")
    with replacing(path, "wb") as file:
        figure.savefig(file, format="png")
    return path


def parity(result: Evaluation) -> Any:
    """A figure of predictions over what is right, of the last part, a panel per property."""
    figure = make_figure(4.4 * len(result.units), 4.3)
    last = result.part == len(result.parts) - 1
    for panel, (name, unit) in zip(_panels(figure, len(result.units)), result.units.items(), strict=True):
        wanted, predicted = result.wanted[name][last], result.predicted[name][last]
        both = np.concatenate([wanted, predicted])
        ends = [float(both.min()), float(both.max())]
        panel.plot(ends, ends, color=_GREY, lw=0.8, zorder=0)
        dots = float(np.clip(90 / np.sqrt(wanted.size), 1.5, 6))
        panel.plot(wanted, predicted, "o", color=_BLUE, ms=dots, alpha=0.5, mec="none", rasterized=True)
        error = float(np.abs(predicted - wanted).mean())
        count = f"{last.sum()} molecules"
        panel.set_title(f"{name}, {result.parts[-1]}: MAE {error:.3g} {unit}, {count}", fontsize=9)
        panel.set_xlabel(_label(name, unit, "data"))
        panel.set_ylabel(_label(name, unit, "predicted"))
        panel.set_aspect("equal", adjustable="datalim")
    return figure


def error_by_size(result: Evaluation) -> Any:
    """A figure of the mean absolute error by number of atoms, of the last part, a panel per property."""
    figure = make_figure(4.4 * len(result.units), 3.6)
    last = result.part == len(result.parts) - 1
    sizes = result.num_atoms[last]
    for panel, (name, unit) in zip(_panels(figure, len(result.units)), result.units.items(), strict=True):
        error = np.abs(result.predicted[name] - result.wanted[name])[last]
        distinct = np.unique(sizes)
        panel.bar(distinct, [error[sizes == n].mean() for n in distinct], color=_BLUE, width=0.8)
        panel.axhline(error.mean(), color=_ORANGE, lw=1.2, label=f"all: {error.mean():.3g} {unit}")
        panel.set_xlabel("atoms")
        panel.set_ylabel(_label(name, unit, "mean absolute error"))
        panel.legend(frameon=False)
    return figure


def learning_curve(path: str | Path) -> Any:
    """A figure of the loss and of the errors on the validation part by step, from a run's `metrics.jsonl`.

    Raises:
        FileNotFoundError: No such file.
        ValueError: A file without such lines.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"found no {path}")
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        loss = [(line["step"], line["loss"]) for line in lines if "loss" in line]
        names = sorted({name for line in lines for name in line if name.startswith("validation_")})
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} must hold lines of JSON with a step each") from None
    if not loss:
        raise ValueError(f"{path} must hold lines with a loss, got none")
    figure = make_figure(4.4 * (1 + len(names)), 3.6)
    panels = _panels(figure, 1 + len(names))
    panels[0].semilogy(*np.transpose(loss), color=_GREY, lw=0.8)
    panels[0].set_ylabel("loss of a batch, scaled values")
    for panel, name in zip(panels[1:], names, strict=True):
        panel.semilogy(*np.transpose([(x["step"], x[name]) for x in lines if name in x]), "o-", color=_BLUE, ms=3)
        panel.set_ylabel(f"{name.removeprefix('validation_')}: mean absolute error, validation")
    for panel in panels:
        panel.set_xlabel("step")
    return figure


def draw_run(folder: str | Path, result: Evaluation) -> list[Path]:
    """Draw all plots of a run into its folder.

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
        written.append(save_figure(learning_curve(folder / "metrics.jsonl"), folder / "learning-curve.png"))
    return written


def _panels(figure: Any, count: int) -> list[Any]:
    panels = list(np.atleast_1d(figure.subplots(1, count)))
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(visible=True, color="0.92", lw=0.6)
        panel.set_axisbelow(True)
    return panels


def _label(name: str, unit: str, kind: str) -> str:
    return f"{name}, {kind}" + (f" [{unit}]" if unit else "")
