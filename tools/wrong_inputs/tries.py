"""How tries end, noted so that another process can go on where one was ended."""

from __future__ import annotations

import argparse
import collections
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
STATE = Path("tries.json")


def given(description: str | None, count: int, counted: str, only: str, *positional: str) -> argparse.Namespace:
    """The command line of a module that tries; from here on nothing is warned of.

    Args:
        description: What the module does.
        count: Default of `--count`.
        counted: What that counts.
        only: What `--only` chooses from.
        positional: Arguments before the options.
    """
    parser = argparse.ArgumentParser(description=description)
    for name in positional:
        parser.add_argument(name)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=count, help=counted)
    parser.add_argument("--only", default="", help=f"{only} that contain this")
    parser.add_argument("--part", default="1/1", metavar="K/N", help="the K-th of N parts of them")
    parser.add_argument("--start", type=int, default=0, help="number of the first try")
    warnings.simplefilter("ignore")
    return parser.parse_args()


def part_of(items: Sequence[T], part: str) -> Sequence[T]:
    """Every N-th of the items, from the K-th on, for the part `"K/N"`."""
    first, step = map(int, part.split("/"))
    return items[first - 1 :: step]


class Tries:
    """Counts of tries by how they ended, and those that ended in a way that is not allowed.

    Attributes:
        counts: By outcome.
        findings: Call, argument, value and what happened.
    """

    def __init__(self, start: int) -> None:
        """Leave out the tries before number `start`, which another process did."""
        self._start, self._number = start, 0
        before = json.loads(STATE.read_text()) if start else {"counts": {}, "findings": []}
        self.counts: collections.Counter[str] = collections.Counter(before["counts"])
        self.findings: list[dict[str, str]] = before["findings"]

    def tell(self, **more: Any) -> None:
        """Print counts and findings, and more beside them, as one line of JSON."""
        print(json.dumps({**more, "counts": self.counts, "findings": self.findings}))

    @property
    def is_due(self) -> bool:
        """Whether the next try is to be done."""
        return self._number >= self._start

    def begin(self, call: str, argument: str, value: str) -> bool:
        """Whether the next try is to be done; what it is then stands in a file."""
        self._number += 1
        if self._number <= self._start:
            return False
        now = {"number": self._number, "call": call, "argument": argument, "value": value}
        state = {"now": now, "counts": self.counts, "findings": self.findings}
        STATE.write_text(json.dumps(state))
        return True

    def note(self, call: str, argument: str, value: str, outcome: str, detail: str = "") -> None:
        """Count how a try ended."""
        self.counts[outcome] += 1
        if outcome == "not allowed":
            self.findings.append({"call": call, "argument": argument, "value": value, "what": detail})
