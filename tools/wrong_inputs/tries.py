"""How tries end, noted so that another process can go on where one was ended."""

from __future__ import annotations

import collections
import json
from pathlib import Path

STATE = Path("tries.json")


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
