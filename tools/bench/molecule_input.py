"""Molecules per second through the pipeline and through each representation, in batches of 64.

The 128,744 geometries of QM9 without fluorine, if `SPHERE_DATA` names the data folder, else random sizes. Pipeline:
10,000 molecules, shuffled and padded to at most six sizes, to arrays on the host. Representations: one compiled
function of a batch of 64 molecules padded to 18 atoms, the mean size.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from _timing import milliseconds

import spinharm
from molsphere import (
    QM9_SPECIES,
    BatchPlan,
    MoleculeSet,
    batch_iterator,
    coulomb_sphere_features,
    sphere_coefficients,
    sphere_features,
)
from spinharm import Grid

PACKAGES = ("spinharm", "molsphere", "grain")
TABLE = (Path(__file__).resolve().parents[2] / "packages" / "molsphere" / "docs" / "performance.md", ".3g")
BATCH, ATOMS, COUNT = 64, 18, 10_000


def _geometries() -> MoleculeSet:
    rng = np.random.default_rng(0)
    path = Path(os.environ.get("SPHERE_DATA", ""), "qm9", "qm9_geometries_128744.npz")
    if path.is_file():
        with np.load(path) as file:
            sizes, numbers, positions = (file[name] for name in ("num_atoms", "charges", "positions"))
    else:
        sizes = rng.integers(9, 28, COUNT)
        numbers = rng.choice([1, 6, 7, 8], sizes.sum())
        positions = 3 * rng.standard_normal((sizes.sum(), 3))
    return MoleculeSet(sizes.astype(int), numbers.astype(np.int32), positions, np.arange(sizes.size))


def measure() -> dict[str, Any]:
    """A row per stage."""
    data = _geometries()
    part = data.subset(np.random.default_rng(1).permutation(len(data))[:COUNT])
    plan = BatchPlan.build(part.num_atoms, BATCH)
    batches = batch_iterator(part, {"y": np.zeros(len(part))}, plan)
    next(batches)
    start = time.perf_counter()
    for _ in range(plan.batches_per_epoch):
        next(batches)
    rows = [{"stage": "pipeline", "molecules/s": COUNT / (time.perf_counter() - start)}]

    eighteen = part.subset(np.flatnonzero(part.num_atoms <= ATOMS)[:BATCH])
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
    for name, spent in milliseconds(runs, 7).items():
        rows.append({"stage": name, "molecules/s": 1e3 * BATCH / spent})
    return {"rows": rows}
