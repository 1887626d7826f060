"""An experiment: rows that say what differs, each with a training run, and the table of their errors."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from experiments._runs import PARTS, Outcome, Run, outcome

SMOKE: Mapping[str, Any] = {"sizes": (800, 50, 50), "epochs": 1, "batch-size": 40}
SMOKE_MOLSPHERE: Mapping[str, Any] = {"network.channels": 4, "max-buckets": 1, "plots": False}


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the table; rows with the same labels are seeds of one row."""

    labels: Mapping[str, Any]
    run: Run


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What is compared, and the runs that compare it."""

    title: str
    make_rows: Callable[[], list[Row]]

    def rows(self, *, smoke: bool = False) -> list[Row]:
        """All rows; with `smoke` their runs are of seconds, in folders of their own."""
        rows = self.make_rows()
        return [Row(row.labels, _smoke(row.run)) for row in rows] if smoke else rows


def _smoke(run: Run) -> Run:
    changes = {**SMOKE, **(SMOKE_MOLSPHERE if run.program == "molsphere" else {})}
    return Run(f"smoke-{run.name}", {**run.options, **changes}, run.program)


def table(rows: list[Row], out: Path) -> list[dict[str, Any]]:
    """Mean absolute errors of the rows whose runs have ended; of several seeds the mean ± standard deviation."""
    seeds: dict[tuple[Any, ...], list[Outcome]] = {}
    labels: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in rows:
        found = outcome(row.run, out)
        if found is not None:
            key = tuple(row.labels.values())
            labels[key] = row.labels
            seeds.setdefault(key, []).append(found)
    return [_line(labels[key], found) for key, found in seeds.items()]


def _line(labels: Mapping[str, Any], found: list[Outcome]) -> dict[str, Any]:
    minutes = [one.minutes for one in found if one.minutes is not None]
    errors = {part: _spread([one.errors[part] for one in found]) for part in PARTS}
    time = statistics.mean(minutes) if len(minutes) == len(found) else None
    return {**labels, "seeds": len(found), "one core [min]": time, **errors, "unit": found[0].unit}


def _spread(values: list[float]) -> float | str:
    if len(values) == 1:
        return values[0]
    return f"{statistics.mean(values):.3g} ± {statistics.stdev(values):.2g}"
