"""Changes of the fields of a file by regridding there and back, and of the vorticity and divergence of winds.

    python regrid_there_and_back.py falwa_eraint_2005-01-23-0000-u.nc falwa_eraint_2005-01-23-0000-v.nc --level 250

Prints area-weighted root mean squares for each variable: its standard deviation, the change by regridding there and
back, and the change on the new grid by a second round; and for winds the relative errors of vorticity and divergence on
the new grid, for the degrees that both grids resolve.
"""

from __future__ import annotations

import argparse

import numpy as np
import xarray as xr

import spinharm
from spinharm import Grid
from spinnn import command
from wxsphere import area_weights, grid_of, open_dataset, regrid
from wxsphere._conventions.grids import grid_named
from wxsphere._conventions.names import WINDS

_METHODS = ("spectral", "conservative")


def main() -> None:
    """Read the file, print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--grid", default="64x128+gauss")
    parser.add_argument("--level", type=float)
    words = parser.parse_args()
    fields = open_dataset(words.files)
    if words.level is not None and "level" in fields.dims:
        fields = fields.sel(level=words.level)
    fields = fields.squeeze(drop=True).load()
    whole = [name for name, field in fields.data_vars.items() if np.isfinite(field).all()]
    fields, source, grid = fields[whole], grid_of(fields), grid_named(words.grid)
    there = {method: regrid(fields, grid, method=method) for method in _METHODS}
    back = {method: regrid(there[method], source, method=method) for method in _METHODS}
    again = {method: regrid(back[method], grid, method=method) for method in _METHODS}
    rows = []
    for name in map(str, whole):
        typical = _size(fields[name] - _mean(fields[name]))
        row = [name, typical]
        for method in _METHODS:
            row += [_size(back[method][name] - fields[name]), _size(again[method][name] - there[method][name])]
        rows.append([row[0], *(command.figure(float(value)) for value in row[1:])])
    columns = ["variable", "deviation", "spectral", "2nd round", "conservative", "2nd round"]
    command.table(f"{source} → {grid} → back, root mean square by area", columns, rows)
    rows = []
    for wind, parts in WINDS.items():
        if all(part in whole for part in parts):
            for name, derived in (("vorticity", spinharm.vorticity), ("divergence", spinharm.divergence)):
                wanted = _derived(derived, fields, parts, source, grid)
                found = [_derived(derived, there[method], parts, grid, grid) for method in _METHODS]
                errors = [np.linalg.norm(one - wanted) / np.linalg.norm(wanted) for one in found]
                rows.append([f"{name} of {wind}", *(f"{error:.1e}" for error in errors)])
    if rows:
        command.table("relative error of the degrees that it resolves", ["on the new grid", *_METHODS], rows)


def _mean(field: xr.DataArray) -> float:
    return float((field * xr.DataArray(area_weights(field.latitude), dims="latitude")).mean())


def _size(field: xr.DataArray) -> float:
    return _mean(field**2) ** 0.5


def _derived(derived, fields: xr.Dataset, parts: tuple[str, str], on: Grid, target: Grid) -> np.ndarray:
    u, v = (fields[part].transpose(..., "latitude", "longitude").values.astype(np.float32) for part in parts)
    limit = min(on.max_bandlimit, target.max_bandlimit)
    return np.asarray(derived(spinharm.forward(spinharm.wind_to_spin(u, v), on, spin=1, bandlimit=limit)))


if __name__ == "__main__":
    main()
