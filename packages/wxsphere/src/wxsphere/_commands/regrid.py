"""`wxsphere regrid`."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from spinnn import command
from spinnn.resume import claimed

from .._conventions.grids import grid_named
from .._conventions.names import LATITUDE, LEVEL, LONGITUDE
from .._files.checksums import create_store, seal_store, write_part
from .._files.open import open_dataset
from .._options.regrid import REGRID, RegridOptions
from .._prepare.regrid import regrid
from ._renames import renames


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    options = command.parse(RegridOptions, f"wxsphere {name}", words, REGRID)
    if not options.source:
        raise ValueError("`source` must name at least one store or file, got none")
    out = Path(options.out)
    if out.exists():
        raise ValueError(f"`out` must be a new folder, but {out} exists; remove it or choose another name")
    dataset = open_dataset(
        options.source[0] if len(options.source) == 1 else list(options.source),
        variables=options.variables or None,
        rename=renames(options.rename),
    )
    if options.levels:
        there = dataset[LEVEL].values if LEVEL in dataset.coords else np.zeros(0)
        lacking = np.setdiff1d(options.levels, there)
        if lacking.size:
            raise ValueError(f"`levels` must be levels of the source, {there.tolist()}, got {lacking[0]:g}")
        dataset = dataset.sel({LEVEL: np.sort(options.levels)})
    made = regrid(_even(dataset), grid_named(options.grid), method=options.method, bandlimit=options.bandlimit)
    lost = sorted(set(map(str, dataset.data_vars)) - set(map(str, made.data_vars)))
    if lost:
        command.warn(f"left out, as they have only one of latitude and longitude: {', '.join(lost)}")
    with claimed(out, out.with_name(f".{out.name}.lock")):
        _write(made, out)
    command.say(f"wrote {out}, {', '.join(sorted(map(str, made.data_vars)))} on {options.grid}")
    return 0


def _even(dataset: xr.Dataset) -> xr.Dataset:
    """Rechunk to one size along each dimension, as a store needs; chunks of several files may differ."""
    return dataset.chunk({dim: size[0] for dim, size in dataset.unify_chunks().chunks.items()})


def _write(dataset: xr.Dataset, out: Path) -> None:
    """Write a store under a temporary name, and rename it when it is complete."""
    partial = out.with_name(f".{out.name}.partial")
    if partial.exists():
        command.warn(f"{partial} is left from an interrupted run: removed, and started over")
        shutil.rmtree(partial, ignore_errors=True)
    encoding: dict[str, Any] = {}
    for name, field in dataset.variables.items():
        # The packing and compression of the source do not apply to the new store.
        field.encoding = {key: field.encoding[key] for key in ("units", "calendar") if key in field.encoding}
        if name in dataset.data_vars and {LATITUDE, LONGITUDE} <= set(field.dims):
            # A lost chunk must not read as zeros.
            encoding[str(name)] = {"fill_value": np.float32(np.nan)}
    try:
        create_store(dataset, partial, encoding)
        for field in dataset.data_vars.values():
            write_part(
                field.drop_vars(list(field.coords)).to_dataset(),
                partial,
                {str(dim): slice(0, size) for dim, size in field.sizes.items()},
            )
        seal_store(partial)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
