"""Learning curves, and helpers that make and write figures. Needs matplotlib."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spinharm import checks
from spinharm.failures import printable
from spinharm.optional import require

from .files import replacing

_MOST_PANELS = 1000
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


def save_figure(figure: Any, path: str | Path) -> Path:
    """Write a figure as PNG; other processes see the old file or the complete new one.

    Args:
        figure: A matplotlib figure.
        path: The file, with the suffix `.png`.

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
    check_png("path", path)
    path = Path(path)
    with replacing(path, "wb") as file:
        figure.savefig(file, format="png")
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
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(visible=True, color="0.92", lw=0.6)
        panel.set_axisbelow(True)
    return panels


def learning_curve(paths: str | Path | Sequence[str | Path], extra: str, *, validation: str = "validation") -> Any:
    r"""Plot the loss and the validation metrics of a run by step.

    Args:
        paths: A run's `metrics.jsonl`, or those of its stages, one after the other.
        extra: As in `make_figure`.
        validation: Label of the axes that show metrics named `validation_…`.

    Returns:
        A matplotlib figure; lines between stages are dotted.

    Raises:
        FileNotFoundError: No such file.
        ValueError: A file holds no lines with a loss.

    Examples:
        >>> from pathlib import Path
        >>> from spinnn.plots import learning_curve
        >>> lines = ['{"step": 1, "loss": 3.0}', '{"step": 2, "loss": 1.0, "validation_error": 2.0}']
        >>> _ = Path("metrics.jsonl").write_text("\n".join(lines))
        >>> figure = learning_curve("metrics.jsonl", "spinnn[plot]", validation="mean error")
        >>> [panel.get_ylabel() for panel in figure.axes]
        ['loss of a batch, scaled values', 'mean error']
    """
    lines: list[dict[str, Any]] = []
    ends = []
    for path in [paths] if isinstance(paths, str | Path) else paths:
        begin = lines[-1]["step"] if lines else 0
        lines += [{**line, "step": begin + line["step"]} for line in _read(Path(path))]
        ends.append(lines[-1]["step"])
    names = sorted({name for line in lines for name in line if name.startswith("validation_")})
    figure = make_figure(4.4 * (1 + len(names)), 3.6, extra)
    panels = make_panels(figure, 1 + len(names))
    loss = [(line["step"], line["loss"]) for line in lines if "loss" in line]
    panels[0].semilogy(*np.transpose(loss), color=GREY, lw=0.8)
    panels[0].set_ylabel("loss of a batch, scaled values")
    for panel, name in zip(panels[1:], names, strict=True):
        panel.semilogy(*np.transpose([(x["step"], x[name]) for x in lines if name in x]), "o-", color=BLUE, ms=3)
        panel.set_title(plain(name.removeprefix("validation_").replace("+", " +\n")), fontsize=9)
        panel.set_ylabel(validation)
    for panel in panels:
        panel.set_xlabel("step")
        for end in ends[:-1]:
            panel.axvline(end, color=GREY, lw=0.8, ls=":")
    return figure


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
