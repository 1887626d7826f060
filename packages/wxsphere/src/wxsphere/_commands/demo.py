"""`wxsphere demo`."""

from __future__ import annotations

from collections.abc import Sequence

from spinnn import command

from .._demo import run_demo
from .._options.demo import DEMO, DemoOptions


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(DemoOptions, f"wxsphere {name}", words, DEMO)
    summary = run_demo(
        options.out,
        days=options.days,
        epochs=options.epochs,
        steps=options.steps,
        long_steps=options.long_steps,
        seed=options.seed,
        say=command.say,
    )
    command.result(summary)
    return 0
