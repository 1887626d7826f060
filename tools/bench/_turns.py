"""Contestants in processes of their own that take turns: one library each, peak memory each, and one clock.

A contestant is a script that calls `serve`; `Contestant` starts it and asks for turns. Between turns it waits, so that
only one of them computes at a time.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any


class Contestant:
    """A running script."""

    def __init__(self, script: Path, arguments: Mapping[str, Any]) -> None:
        """Start it; `facts` is what it says of itself once it is ready.

        Args:
            script: A module that calls `serve`.
            arguments: Its arguments, as one JSON text.
        """
        self.name = script.stem
        self._process = subprocess.Popen(
            [sys.executable, str(script), json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.facts: dict[str, Any] = self._answer()

    def ask(self, action: str) -> float:
        """Seconds of one turn of an action, or its peak memory so far [MiB] for "peak"."""
        assert self._process.stdin is not None
        print(action, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with status {self._process.wait()}; its error is above")
        return json.loads(line)

    def __enter__(self) -> Contestant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()  # closes its input, at which it ends


def serve(prepare: Callable[..., tuple[Mapping[str, Any], Mapping[str, Callable[[], Any]]]]) -> None:
    """Run a contestant: facts first, then the seconds of each action that is asked for.

    Args:
        prepare: Takes the arguments; returns the facts and the actions by name, each of which ends when its results
            are there.
    """
    # What libraries print is no answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    facts, actions = prepare(**json.loads(sys.argv[1]))
    print(json.dumps(facts), file=answers, flush=True)
    for line in sys.stdin:
        action = line.strip()
        if action == "peak":
            result = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        else:
            start = time.perf_counter()
            actions[action]()
            result = time.perf_counter() - start
        print(json.dumps(result), file=answers, flush=True)


def fastest_turns(contestants: Sequence[Contestant], action: str, rounds: int) -> list[float]:
    """The shortest of each contestant's turns [s]; one turn before that is for compilation."""
    turns = []
    for number in range(rounds + 1):
        seconds = [contestant.ask(action) for contestant in contestants]
        if number:
            turns.append(seconds)
    return [min(column) for column in zip(*turns, strict=True)]
