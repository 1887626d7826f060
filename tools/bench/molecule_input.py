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
from molsphere import (
    QM9_SPECIES,
    coulomb_sphere_features,
    sphere_coefficients,
    sphere_features,
)
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
    options = {"species": QM9_SPECIES, "mask": batch.mask}
    stages = {
        "coefficients, L = 4, six powers": lambda p, z: sphere_coefficients(
            p, z, bandlimit=4, powers=(1, 2, 3, 4, 6, 9), **options
        ),
        "coefficients, L = 16, two powers": lambda p, z: sphere_coefficients(p, z, bandlimit=16, **options),
        "32×32 features, two powers": lambda p, z: sphere_features(p, z, grid=grid, **options),
        "32×32 features of Cohen et al.": lambda p, z: coulomb_sphere_features(p, z, grid=grid, **options),
    }
    compiled = {name: spinharm.jit(stage) for name, stage in stages.items()}
    runs = {name: (lambda f=f: f(batch.positions, batch.numbers)) for name, f in compiled.items()}
    spent = milliseconds(runs, 7)
    return {"rows": [{"stage": name, "molecules/s": 1e3 * BATCH / time} for name, time in spent.items()]}
