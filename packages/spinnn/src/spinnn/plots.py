"""Learning curves, and helpers that make and write figures. Needs matplotlib."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spinharm import checks
from spinharm.failures import printable
from spinharm.optional import require

from .files import replacing

_MOST_PANELS = 1000
_PERSISTENCE = "_persistence"
_SUFFIXES = (".png", ".svg", ".pdf")
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "0.55"


def make_figure(width: float, height: float, extra: str) -> Any:
    """An empty matplotlib figure that belongs to no window.

    Args:
        width: Width [inches].
        height: Height [inches].
        extra: The extra that installs matplotlib, in pip's form, e.g. `"molsphere[plot]"`.

    Returns:
        The figure.

    Raises:
        ModuleNotFoundError: matplotlib is not installed; the message names the extra.

    Examples:
        >>> from spinnn.plots import make_figure
        >>> make_figure(4.0, 3.0, "spinnn[plot]").get_size_inches()
        array([4., 3.])
    """
    return require("matplotlib.figure", extra, "plotting").Figure(
        figsize=(width, height), dpi=120, layout="constrained"
    )


def check_png(name: str, path: str | Path | None) -> None:
    """Check that the name of a file ends in `.png`; None passes.

    Args:
        name: Name of the argument or option in messages.
        path: The file.

    Raises:
        TypeError: Not a path.
        ValueError: Another suffix.

    Examples:
        >>> from spinnn.plots import check_png
        >>> check_png("out", "maps.png")
        >>> check_png("out", "maps.gif")
        Traceback (most recent call last):
            ...
        ValueError: `out` must end in .png, got 'maps.gif'
    """
    checks.instance(name, path, (str, Path, type(None)), "a path")
    if path is not None and Path(path).suffix.lower() != ".png":
        raise ValueError(f"`{name}` must end in .png, got {str(path)!r}")


def check_picture(name: str, path: str | Path | None, more: Sequence[str] = ()) -> None:
    """Check that the name of a file ends in `.png`, `.svg` or `.pdf`; None passes.

    Args:
        name: Name of the argument or option in messages.
        path: The file.
        more: Further suffixes, with their points.

    Raises:
        TypeError: Not a path.
        ValueError: Another suffix.

    Examples:
        >>> from spinnn.plots import check_picture
        >>> check_picture("out", "maps.svg")
        >>> check_picture("out", "maps.gif", (".gif",))
        >>> check_picture("out", "maps.txt")
        Traceback (most recent call last):
            ...
        ValueError: `out` must end in .png, .svg or .pdf, got 'maps.txt'
    """
    checks.instance(name, path, (str, Path, type(None)), "a path")
    if isinstance(more, str):
        raise TypeError(f"`more` must be a sequence of suffixes, got {more!r}; write ({more!r},)")
    known = (*_SUFFIXES, *more)
    if path is not None and Path(path).suffix.lower() not in known:
        raise ValueError(f"`{name}` must end in {', '.join(known[:-1])} or {known[-1]}, got {str(path)!r}")


def save_figure(figure: Any, path: str | Path) -> Path:
    """Write a figure as PNG, SVG or PDF; other processes see the old file or the complete new one.

    Args:
        figure: A matplotlib figure.
        path: The file, with the suffix `.png`, `.svg` or `.pdf`.

    Returns:
        The path.

    Raises:
        TypeError: `figure` is not a matplotlib figure, or `path` not a path.
        ValueError: Another suffix.

    Examples:
        >>> from spinnn.plots import make_figure, save_figure
        >>> save_figure(make_figure(1.0, 1.0, "spinnn[plot]"), "empty.png").name
        'empty.png'
    """
    if not callable(getattr(figure, "savefig", None)):
        raise TypeError(f"`figure` must be a matplotlib figure, got {type(figure).__name__}")
    check_picture("path", path)
    path = Path(path)
    form = path.suffix.lower().removeprefix(".")
    # The same figure gives the same file: without dates, and names within it that are not drawn by chance.
    plain_file = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form, {})
    matplotlib = require("matplotlib", "spinnn[plot]", "plotting")
    with replacing(path, "wb") as file, matplotlib.rc_context({"svg.hashsalt": "spinnn", "svg.fonttype": "none"}):
        figure.savefig(file, format=form, metadata=plain_file or None)
    return path


def plain(text: str) -> str:
    r"""Escape a text for a figure: matplotlib typesets text between two `$` as mathematics.

    Args:
        text: Any text, such as a name from a file.

    Returns:
        The text with each `$` escaped, and control characters as visible escapes.

    Raises:
        TypeError: `text` is not a string.

    Examples:
        >>> from spinnn.plots import plain
        >>> print(plain("costs $5"))
        costs \$5
    """
    checks.instance("text", text, str, "a text")
    return printable(text).replace("$", r"\$")


def make_panels(figure: Any, count: int) -> list[Any]:
    """A row of axes with a faint grid.

    Args:
        figure: A matplotlib figure.
        count: How many, 1 … 1000.

    Returns:
        The axes, from left to right.

    Raises:
        TypeError: `count` is not an integer.
        ValueError: `count` is out of range.

    Examples:
        >>> from spinnn.plots import make_figure, make_panels
        >>> len(make_panels(make_figure(4.0, 2.0, "spinnn[plot]"), 2))
        2
    """
    count = checks.integer("count", count, 1, _MOST_PANELS)
    panels = list(np.atleast_1d(figure.subplots(1, count)))
    _tidy(panels)
    return panels


def _tidy(panels: Sequence[Any]) -> None:
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        # A gray that is faint on white and on black.
        panel.grid(visible=True, color="#808080", alpha=0.25, lw=0.6)
        panel.set_axisbelow(True)


def learning_curve(
    paths: str | Path | Sequence[str | Path],
    extra: str,
    *,
    validation: str = "validation",
    units: Mapping[str, str] | None = None,
    columns: int = 3,
) -> Any:
    r"""Plot the loss and the validation metrics of a run by step.

    Args:
        paths: A run's `metrics.jsonl`, or those of its stages, one after the other.
        extra: As in `make_figure`.
        validation: Label of the axes that show metrics named `validation_…`.
        units: Units of the metrics by name without `validation_`; losses are of scaled values and have none.
        columns: Panels in a row, at least 1.

    Returns:
        A matplotlib figure; lines between stages are dotted, a metric of persistence is dashed beside its own.

    Raises:
        FileNotFoundError: No such file.
        TypeError: Arguments of another type.
        ValueError: A file holds no lines with a loss, or `columns` is below 1.

    Examples:
        >>> from pathlib import Path
        >>> from spinnn.plots import learning_curve
        >>> lines = ['{"step": 1, "loss": 3.0}', '{"step": 2, "loss": 1.0, "validation_error": 2.0}']
        >>> _ = Path("metrics.jsonl").write_text("\n".join(lines))
        >>> units = {"error": "eV"}
        >>> figure = learning_curve("metrics.jsonl", "spinnn[plot]", validation="mean error", units=units)
        >>> [panel.get_ylabel() for panel in figure.axes]
        ['loss of a batch, scaled values', 'mean error [eV]']
    """
    columns = checks.integer("columns", columns, 1, _MOST_PANELS)
    checks.instance("units", units, (Mapping, type(None)), "names to units, or None")
    lines: list[dict[str, Any]] = []
    ends = []
    for path in [paths] if isinstance(paths, str | Path) else paths:
        begin = lines[-1]["step"] if lines else 0
        lines += [{**line, "step": begin + line["step"], "stage": len(ends)} for line in _read(Path(path))]
        ends.append(lines[-1]["step"])
    found = sorted({name for line in lines for name in line if name.startswith("validation_")})
    beside = {name + _PERSISTENCE for name in found}
    names = [name for name in found if name not in beside]
    count = 1 + len(names)
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = make_figure(3.9 * columns, 3.3 * rows, extra)
    panels = list(np.atleast_1d(figure.subplots(rows, columns)).ravel())
    for panel in panels[count:]:
        panel.remove()
    panels = panels[:count]
    _tidy(panels)
    loss = [(line["step"], line["loss"]) for line in lines if "loss" in line]
    panels[0].semilogy(*np.transpose(loss), color=GREY, lw=0.8)
    panels[0].set_ylabel("loss of a batch, scaled values")
    panels[0].set_title("training", fontsize=9)
    for panel, name in zip(panels[1:], names, strict=True):
        panel.semilogy(*_points(lines, name), "o-", color=BLUE, ms=3)
        if name + _PERSISTENCE in found:
            panel.semilogy(*_points(lines, name + _PERSISTENCE), "s--", color=ORANGE, ms=3, lw=1.2, label="persistence")
            panel.legend(frameon=False, fontsize=8)
        metric = name.removeprefix("validation_")
        unit = "scaled values" if metric.startswith("loss") else (units or {}).get(metric, "")
        panel.set_title(plain(metric.replace("+", " +\n").replace("_", " ")), fontsize=9)
        panel.set_ylabel(plain(f"{validation} [{unit}]" if unit else validation))
    for panel in panels:
        panel.set_xlabel("step")
        for end in ends[:-1]:
            panel.axvline(end, color=GREY, lw=0.8, ls=":")
    return figure


def _points(lines: list[dict[str, Any]], name: str) -> np.ndarray:
    """Steps and values of a metric, with a gap between stages, whose metrics may be of other lead times."""
    found = [line for line in lines if name in line]
    out: list[tuple[float, float]] = []
    for at, line in enumerate(found):
        if at and line["stage"] != found[at - 1]["stage"]:
            out.append((line["step"], np.nan))
        out.append((line["step"], line[name]))
    return np.transpose(out)


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise FileNotFoundError(f"found no {path}")
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        loss = [(float(line["step"]), float(line["loss"])) for line in lines if "loss" in line]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} must hold a JSON object with a step on each line; is it a metrics.jsonl?") from None
    if not loss:
        raise ValueError(f"{path} must hold at least one line with a loss, got none")
    return lines
