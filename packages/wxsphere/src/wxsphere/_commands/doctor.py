"""`wxsphere doctor`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spinharm import Grid, doctor
from spinnn import command

from .._conventions.grids import grid_dataset, grid_of
from .._options.doctor import DOCTOR
from .._prepare.regrid import regrid


def main(name: str, words: Sequence[str]) -> int:
    """Run the command."""
    command.parse(DOCTOR.kind, f"wxsphere {name}", words, DOCTOR)
    return doctor.run("wxsphere", _self_test, as_json=command.is_machine_readable())


def _self_test() -> Mapping[str, bool]:
    """Whether a grid is recognised, and a smooth field regridded."""
    fine, coarse = Grid.gauss_legendre(8, 16), Grid.equiangular(4, 8)
    fields = [np.broadcast_to(np.sin(np.radians(grid.latitude_deg))[:, None], grid.shape) for grid in (fine, coarse)]
    dataset = grid_dataset(fine).assign(sine=(("latitude", "longitude"), fields[0]))
    made = regrid(dataset, coarse)["sine"].values
    return {
        "grid of coordinates": grid_of(dataset) == fine,
        "regridding": bool(np.allclose(made, fields[1], atol=1e-5)),
    }
