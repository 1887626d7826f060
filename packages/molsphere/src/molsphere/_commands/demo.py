"""`molsphere demo`."""

from __future__ import annotations

from collections.abc import Sequence

from spinnn import command

from .._demo import run_demo
from .._options.demo import DEMO, DemoOptions


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    summary = run_demo(command.parse(DemoOptions, f"molsphere {name}", words, DEMO), say=command.say)
    command.result(summary)
    return 0
