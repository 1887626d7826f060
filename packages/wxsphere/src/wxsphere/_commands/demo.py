"""`wxsphere demo`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from spinnn import checks, command

from .._demo import run_demo

_TEXT = """Everything once, without network or data: about two minutes on two CPU cores.

Simulates shallow water on the rotating sphere, prepares the data, trains a small U-net that is applied to its own
outputs, forecasts, compares with persistence and climatology, draws maps and writes the report. It runs the other
commands and shows each, so that they can be repeated and changed. The same seed gives the same result.

examples:
  wxsphere demo --out demo-output
  wxsphere demo --out demo-output --seed 1
  wxsphere demo --out small-demo --days 40 --epochs 1 1 --steps 8"""


@dataclasses.dataclass(frozen=True)
class DemoOptions:
    """Options of `wxsphere demo`.

    Attributes:
        out: Folder for everything. A demo that was stopped resumes in it.
        days: Days to simulate.
        epochs: Passes over the data, at one step and at a rollout of four.
        steps: Steps of the forecasts that are scored.
        long_steps: Steps of one long forecast.
        seed: Seed of all random numbers.
    """

    out: str = "demo-output"
    days: int = 140
    epochs: tuple[int, int] = (4, 2)
    steps: int = 40
    long_steps: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        checks.integer_members(self, {"days": 40, "epochs": 1, "steps": 1, "long_steps": 1, "seed": 0})


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(DemoOptions, f"wxsphere {name}", words, _TEXT)
    run_demo(
        options.out,
        days=options.days,
        epochs=options.epochs,
        steps=options.steps,
        long_steps=options.long_steps,
        seed=options.seed,
        say=command.say,
    )
    return 0
