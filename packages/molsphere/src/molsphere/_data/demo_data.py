"""Data of the demo: small molecules, distorted at random, with their MMFF94 energies."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

import numpy as np

from .._molecules import distances
from .._molecules.dataset import MoleculeSet
from .._molecules.molecule import Molecule
from .splits import Splits

PROPERTY, UNIT = "energy", "kcal/mol"
_LARGEST_DISPLACEMENT = 0.1
_MAX_ITERATIONS = 2000


def demo_smiles() -> list[str]:
    """The shipped SMILES: 400 molecules of two to seven heavy atoms of C, N, O, F."""
    text = resources.files("molsphere").joinpath("_data/demo.smi").read_text(encoding="utf-8")
    return text.split()


def choose_smiles(count: int, seed: int) -> list[str]:
    """Choose some of the shipped SMILES, in random order.

    Raises:
        ValueError: Fewer than ten, or more than there are.
    """
    every = demo_smiles()
    if not 10 <= count <= len(every):
        raise ValueError(f"`molecules` must be 10 … {len(every)}, got {count}")
    order = np.random.default_rng((seed, 0)).permutation(len(every))[:count]
    return [every[i] for i in order]


def geometries(smiles: Sequence[str], count: int, seed: int) -> tuple[list[Molecule], np.ndarray]:
    """Make geometries of molecules, with their MMFF94 energies [kcal/mol] as the property `energy`.

    They alternate between two conformers from ETKDG. The first is a minimum; in the others atoms have normally
    distributed displacements of standard deviation u · 0.1 Å, with u uniform in 0 … 1 and drawn per geometry. Those in
    which atoms overlap are drawn again.

    Args:
        smiles: Molecules that RDKit can embed and MMFF94 has parameters for.
        count: Geometries per molecule.
        seed: Seed of all random numbers.

    Returns:
        The geometries, molecule by molecule, and the index in `smiles` of each, shape (geometries,).

    Raises:
        ValueError: No geometries, or a molecule that cannot be embedded.
    """
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers
    from rdkit.ForceField import rdForceField  # noqa: F401 - older RDKit gives force fields no class without it

    if count < 1:
        raise ValueError(f"`geometries` must be at least 1, got {count}")
    found, owner = [], []
    with rdBase.BlockLogs():
        for at, text in enumerate(smiles):
            rng = np.random.default_rng((seed, 1, at))
            molecule = Chem.AddHs(Chem.MolFromSmiles(text))
            parameters = rdDistGeom.ETKDGv3()
            parameters.randomSeed = seed
            conformers = list(rdDistGeom.EmbedMultipleConfs(molecule, min(count, 2), parameters))
            if not conformers:
                raise ValueError(f"`smiles` must be molecules that ETKDG can embed, got {text!r}")
            rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(molecule, maxIters=_MAX_ITERATIONS)
            properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(molecule)
            numbers = np.array([atom.GetAtomicNum() for atom in molecule.GetAtoms()])
            for number in range(count):
                conformer = conformers[number % len(conformers)]
                positions = np.asarray(molecule.GetConformer(conformer).GetPositions(), np.float64)
                if number:
                    positions = _displaced(positions, numbers, rng)
                field = rdForceFieldHelpers.MMFFGetMoleculeForceField(molecule, properties, confId=conformer)
                energy = float(field.CalcEnergy(positions.ravel().tolist()))
                found.append(Molecule(numbers, positions, text, {"smiles": text, PROPERTY: energy}))
                owner.append(at)
    return found, np.array(owner)


def _displaced(positions: np.ndarray, numbers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Positions with random displacements without overlaps, which would be left out of training."""
    while True:
        moved = positions + _LARGEST_DISPLACEMENT * rng.uniform() * rng.normal(size=positions.shape)
        if distances.closest_pairs(np.array([len(numbers)]), numbers, moved).ratio[0] >= distances.OVERLAP:
            return moved


def demo_splits(owner: np.ndarray) -> Splits:
    """Splits of 80 %, 10 % and 10 % of the molecules, with all geometries of a molecule in one split."""
    count = int(owner.max()) + 1
    held_out = max(count // 10, 1)
    train, validation = count - 2 * held_out, count - held_out
    where = np.arange(owner.size)
    return Splits(
        where[owner < train], where[(owner >= train) & (owner < validation)], where[owner >= validation], owner.size
    )


def baselines(data: MoleculeSet, values: np.ndarray, splits: Splits) -> dict[str, float]:
    """Test errors of two baselines: the mean of the training split, and its regression on composition.

    Returns:
        Mean absolute errors by name, in the unit of the values.
    """
    from .scaling import TargetScaling

    training, test = data.subset(splits.train), data.subset(splits.test)
    known, wanted = values[splits.train], values[splits.test]
    composition = TargetScaling.fit(training, known, species=data.species).baseline(test)
    return {
        "the mean": float(np.abs(known.mean() - wanted).mean()),
        "linear regression on composition": float(np.abs(composition - wanted).mean()),
    }
