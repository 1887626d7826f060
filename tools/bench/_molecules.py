"""Molecules of the benchmarks: those of QM9, or made-up ones."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from _sample import Sample

from molsphere import BatchPlan, MoleculeSet, TargetScaling, choose_buckets, read_run_data
from molsphere._data import demo_data


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


def labelled() -> tuple[MoleculeSet, np.ndarray, str]:
    """Molecules, their energies [meV or kcal/mol] and where they are from.

    The 11,000 molecules of QM9 with their enthalpies of atomisation, if `SPHERE_DATA` names the data folder, else the
    molecules of molsphere's demo in geometries from RDKit, with MMFF94 energies.
    """
    path = Path(os.environ.get("SPHERE_DATA", ""), "qm9", "qm9_11k.npz")
    if path.is_file():
        data = read_run_data(path, ["H"])
        return data.molecules, data.values["H"], "QM9"
    smiles = demo_data.choose_smiles(400, 0)
    molecules, _ = demo_data.geometries(smiles, 4, 0)
    data = MoleculeSet.from_molecules(molecules)
    return data, data.properties[demo_data.PROPERTY], "demo"


def draw(batch: int, count: int) -> Sample:
    """Full batches out of an epoch over `labelled` molecules."""
    molecules, values, _ = labelled()
    scaled = TargetScaling.fit(molecules, values).scale_values(molecules, values)
    plan = BatchPlan.build(molecules.num_atoms, batch, buckets=choose_buckets(molecules.num_atoms, 6), seed=0)
    full = [(size, members) for size, members in plan.epoch(0) if (members >= 0).all()][:count]
    chosen = molecules.subset(np.concatenate([members for _, members in full]))
    return Sample(
        chosen.num_atoms,
        chosen.numbers,
        chosen.positions,
        np.concatenate([scaled[members] for _, members in full]).astype(np.float32),
        np.arange(len(full) * batch).reshape(len(full), batch),
        np.array([size for size, _ in full]),
    )
