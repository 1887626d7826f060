"""Molecules of the benchmarks: the geometries of QM9, or made-up ones."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from molsphere import MoleculeSet


def geometries(count: int) -> MoleculeSet:
    """Random molecules of QM9 without fluorine, if `SPHERE_DATA` names the data folder, else of 9 to 27 atoms."""
    rng = np.random.default_rng(0)
    path = Path(os.environ.get("SPHERE_DATA", ""), "qm9", "qm9_geometries_128744.npz")
    if path.is_file():
        with np.load(path) as file:
            sizes, numbers, positions = (file[name] for name in ("num_atoms", "charges", "positions"))
    else:
        sizes = rng.integers(9, 28, count)
        numbers = rng.choice([1, 6, 7, 8], sizes.sum())
        positions = 3 * rng.standard_normal((sizes.sum(), 3))
    data = MoleculeSet(sizes.astype(int), numbers.astype(np.int32), positions, np.arange(sizes.size))
    return data.subset(np.random.default_rng(1).permutation(len(data))[:count])
