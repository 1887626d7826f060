"""Results as JSON: reading, keeping the last ones, and comparing with former ones.

A file of results holds, by benchmark, what `measure()` returned (`rows` and figures beside them) and under `machine`
what `_timing.machine` found. A figure is a float. Rows are the same if all their other columns are, but for those of
which a benchmark says that "neither" less nor more is better.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

Results = dict[str, dict[str, Any]]

# What of a machine must be equal for times to be comparable.
SAME = ("processor", "cores", "memory [GiB]", "devices")
# A figure of a kind may get worse by this factor from one run to another. Times of a machine that does other work vary
# by tens of per cent; candidates that take turns vary together, so that their ratios are steadier.
TOLERANCES = {"time": 1.5, "memory": 1.2, "ratio": 1.25, "other": 2.0}
# By what is in the name of a column: its kind, and which is better.
COLUMNS = (
    ("[ms]", "time", "less"),
    ("[s]", "time", "less"),
    ("/s", "time", "more"),
    ("[MiB]", "memory", "less"),
    ("ratio", "ratio", "more"),
    ("error", "other", "less"),
)


class Change(NamedTuple):
    """A figure that got worse, or better, by more than the tolerance of its kind."""

    benchmark: str
    row: str
    column: str
    former: float
    now: float
    factor: float  # above 1: worse

    def __str__(self) -> str:
        """One line."""
        place = ", ".join(part for part in (self.benchmark, self.row, self.column) if part)
        times = f"{self.factor:.2f} times worse" if self.factor > 1 else f"{1 / self.factor:.2f} times better"
        return f"{place}: {self.former:.3g} → {self.now:.3g}, {times}"


class Comparison(NamedTuple):
    """What came of comparing one benchmark with its former results."""

    regressions: list[Change]
    gains: list[Change]
    compared: int  # figures
    notes: list[str]  # what could not be compared


def read(path: Path) -> Results:
    """The results in a file.

    Raises:
        ValueError: There is no such file, or it is no file of results; the message says which.
    """
    wanted = f"a file of results that `run.py` wrote, got {str(path)!r}"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"there must be {wanted}: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"there must be {wanted}, which is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"there must be {wanted}, which holds no benchmarks by name")
    for name, result in found.items():
        rows = result.get("rows") if isinstance(result, dict) else None
        if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
            raise ValueError(f"there must be {wanted}, which has no rows of {name!r}")
        facts = result.get("machine")
        missing = [key for key in SAME if not (isinstance(facts, dict) and key in facts)]
        if missing:
            raise ValueError(f"there must be {wanted}, which does not name the machine of {name!r}: no {missing}")
    return found


def write(path: Path, results: Results) -> None:
    """Write results; the file is whole at any time."""
    temporary = path.with_suffix(".tmp")
    text = json.dumps(dict(sorted(results.items())), indent=1, ensure_ascii=False)
    temporary.write_text(text + "\n", encoding="utf-8")
    os.replace(temporary, path)


def check_machine(name: str, former: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to compare times of two machines, each as `_timing.machine` describes it.

    Raises:
        ValueError: They differ; the message says in what.
    """
    differing = [key for key in SAME if former[key] != now[key]]
    if differing:
        said = ", ".join(f"{key} {former[key]!r} then, {now[key]!r} now" for key in differing)
        raise ValueError(f"{name}: results of another machine are not compared without --other-machine: {said}")


def kind(column: str, better: Mapping[str, str]) -> tuple[str, str] | None:
    """Kind of a column and which is better there, "less" or "more"; None where neither is.

    Args:
        column: Its name; a unit in it decides unless `better` has the column.
        better: What a benchmark says of its columns: "less", "more" or "neither"; "*" is for all that it does not name.
    """
    found, way = next(((kind, way) for part, kind, way in COLUMNS if part in column), ("other", "neither"))
    way = better.get(column, better.get("*", way) if way == "neither" else way)
    if way not in ("less", "more", "neither"):
        raise ValueError(f'`BETTER` must say "less", "more" or "neither" of {column!r}, got {way!r}')
    return None if way == "neither" else (found, way)


def compare(
    name: str,
    former: Mapping[str, Any],
    now: Mapping[str, Any],
    *,
    better: Mapping[str, str] = MappingProxyType({}),
    tolerances: Mapping[str, float] = TOLERANCES,
) -> Comparison:
    """Compare the figures of one benchmark with its former ones.

    Args:
        name: Of the benchmark.
        former: Its entry in the former results.
        now: Its entry in the new ones.
        better: See `kind`.
        tolerances: By kind, the factor by which a figure may be worse.

    Raises:
        ValueError: Two rows have the same name.
    """
    then, here = _figures(name, former, better), _figures(name, now, better)
    notes = [f"{name}: no former figures of {row or 'the whole'}" for row in here.keys() - then.keys()]
    notes += [f"{name}: no longer measured: {row or 'the whole'}" for row in then.keys() - here.keys()]
    unknown: set[str] = set()
    changes, compared = [], 0
    for row in here.keys() & then.keys():
        for column in here[row].keys() & then[row].keys():
            found = kind(column, better)
            if found is None:
                if better.get(column) != "neither":
                    unknown.add(column)
                continue
            compared += 1
            factor = _worse(then[row][column], here[row][column], found[1])
            if not 1 / tolerances[found[0]] <= factor <= tolerances[found[0]]:
                changes.append(Change(name, row, column, then[row][column], here[row][column], factor))
    if unknown:
        notes.append(f"{name}: neither less nor more is said to be better of {sorted(unknown)}")
    changes.sort(key=lambda change: change.factor, reverse=True)
    regressions = [change for change in changes if not change.factor < 1]
    return Comparison(regressions, [change for change in changes if change.factor < 1], compared, sorted(notes))


def _figures(name: str, result: Mapping[str, Any], better: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Figures by row and column; those beside the rows under an empty name."""
    found = {"": {key: value for key, value in result.items() if isinstance(value, float)}}
    for row in result["rows"]:
        named = {column: value for column, value in row.items() if better.get(column) != "neither"}
        key = ", ".join(f"{column} {value}" for column, value in named.items() if not isinstance(value, float))
        key = key or "the row"
        if key in found:
            raise ValueError(f"{name}: rows must differ in a column that is no float, two have {key}")
        found[key] = {column: value for column, value in row.items() if isinstance(value, float)}
    return found


def _worse(former: float, now: float, better: str) -> float:
    """By which factor a figure is worse: not a number counts as infinitely worse."""
    if former == now:
        return 1.0
    small, large = (former, now) if better == "less" else (now, former)
    if not (small > 0 and large >= 0):
        # One is zero, negative or not a number: only their order can be told.
        return 0.0 if (now < former if better == "less" else now > former) else float("inf")
    return large / small
