"""Options and help of `wxsphere demo`."""

from __future__ import annotations

import dataclasses

from spinnn import checks
from spinnn.command import Help

_TEXT = """Run all steps once, without download: about two minutes on two CPU cores.

Simulates shallow water on the rotating sphere, prepares the data, trains a small U-net with rollouts, forecasts,
compares with persistence and climatology, draws maps and writes a report. The demo runs the other commands and prints
each of them, so that they can be repeated and changed. The same seed gives the same result.

examples:
  wxsphere demo --out demo-output
  wxsphere demo --out demo-output --seed 1
  wxsphere demo --out small-demo --days 40 --epochs 1 1 --steps 8"""


@dataclasses.dataclass(frozen=True)
class DemoOptions:
    """Options of `wxsphere demo`.

    Attributes:
        out: Folder of all results; an interrupted demo is resumed in it.
        days: Length of the simulation [days].
        epochs: Passes over the data with one step, and with rollouts of four steps.
        steps: Number of steps of the forecasts that are scored.
        long_steps: Number of steps of one long forecast.
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


DEMO = Help(DemoOptions, _TEXT, common=("out", "days", "seed"))
