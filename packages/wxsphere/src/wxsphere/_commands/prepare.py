"""`wxsphere prepare`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spinnn import command

from .._conventions.names import LEVEL
from .._options.prepare import PREPARE, PrepareCommand
from .._prepare.prepare import prepare
from .._prepare.prepared import Prepared


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(PrepareCommand, f"wxsphere {name}", words, PREPARE)
    if not options.source:
        raise ValueError("`source` must name a store or file")
    with command.progress("preparing", "times") as progress:
        data = prepare(
            options.source[0] if len(options.source) == 1 else list(options.source),
            options.out,
            options.prepare_options(),
            progress=progress,
        )
    _report(data)
    return 0


def _report(data: Prepared) -> None:
    sizes = {period: data.times(period).size for period in ("training", "validation", "test")}
    told = ", ".join(f"{size} for {period}" for period, size in sizes.items() if size)
    command.say(f"{data.grid}; {told}, {data.manifest['cadence_hours']:g} h apart")
    rows = []
    for variable in data.variables:
        field = data.statistics[variable]
        levels = field[LEVEL].values if LEVEL in field.dims else [None]
        table = np.asarray(field.values).reshape(4, -1).T
        for level, values in zip(levels, table, strict=True):
            label = variable if level is None else f"{variable} {level:g}"
            rows.append((label, *(command.figure(float(value)) for value in values[[0, 1, 3]])))
    unit = f"change in {data.manifest['cadence_hours']:g} h"
    command.table("statistics of the training times", ("variable, level", "mean", "deviation", unit), rows)
    command.say(f"wrote {data.path}")
