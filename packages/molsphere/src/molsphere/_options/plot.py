"""Options and help of `molsphere plot parity`, `sizes` and `learning`."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import tyro

from spinnn.command import Help
from spinnn.plots import check_picture

_RUN_TEXT = {
    "plot parity": "Predictions against reference values, of the last split (test) of a run or an evaluation.",
    "plot sizes": "Mean absolute error by number of atoms, of the last split (test) of a run or an evaluation.",
    "plot learning": "Loss by step, and errors on the validation split by checkpoint, from a run's metrics.jsonl.",
}
FILES = {"plot parity": "parity.png", "plot sizes": "error-by-size.png", "plot learning": "learning-curve.png"}


@dataclasses.dataclass(frozen=True)
class RunPlotOptions:
    """Options of a plot of a run.

    Attributes:
        run: The run's folder, or that of an evaluation.
        out: A .png, .svg or .pdf; default in the folder.
    """

    run: Annotated[str, tyro.conf.Positional]
    out: str | None = None

    def __post_init__(self) -> None:
        check_picture("out", self.out)


OF_RUNS = {
    name: Help(RunPlotOptions, f"{text}\n\nexample:\n  molsphere {name} runs/H --out {FILES[name]}")
    for name, text in _RUN_TEXT.items()
}
PARITY, SIZES, LEARNING = OF_RUNS.values()
