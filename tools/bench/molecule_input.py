"""Molecules per second through each representation, in batches of 64.

One compiled function of a batch of 64 molecules of QM9, or made up (`_molecules`), padded to 18 atoms, the mean size.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
from _molecules import geometries
from _timing import milliseconds

import spinharm
from molsphere import CoulombRepresentation, RadialBasis, Representation
from spinharm import Grid

PACKAGES = ("spinharm", "molsphere", "grain")
TABLE = (Path(__file__).with_name("README.md"), ".3g")
BATCH, ATOMS, COUNT = 64, 18, 10_000


def measure() -> dict[str, Any]:
    """A row per representation."""
    data = geometries(COUNT)
    eighteen = data.subset(np.flatnonzero(data.num_atoms <= ATOMS)[:BATCH])
    batch = jax.tree.map(jax.device_put, eighteen.pad(np.arange(BATCH), ATOMS))
    grid = Grid.equiangular(32, 32)
    stages = {
        "coefficients, L = 4, six powers": Representation(
            radial=RadialBasis((1, 2, 3, 4, 6, 9)), bandlimit=4
        ).coefficients,
        "coefficients, L = 16, two powers": Representation(bandlimit=16).coefficients,
        "32×32 features, two powers": Representation(grid=grid).maps,
        "32×32 features of Cohen et al.": CoulombRepresentation(grid).maps,
    }
    compiled = {name: spinharm.jit(stage) for name, stage in stages.items()}
    runs = {name: (lambda f=f: f(batch.positions, batch.numbers, mask=batch.mask)) for name, f in compiled.items()}
    spent = milliseconds(runs, 7)
    return {"rows": [{"stage": name, "molecules/s": 1e3 * BATCH / time} for name, time in spent.items()]}
