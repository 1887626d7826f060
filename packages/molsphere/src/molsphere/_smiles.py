"""Geometries from SMILES, by RDKit."""

from __future__ import annotations

import numpy as np

from ._molecule import Molecule

_MAX_ITERATIONS = 2000


def from_smiles(smiles: str, *, name: str = "", seed: int = 0) -> Molecule:
    """A conformer of a SMILES: hydrogens added, embedded by ETKDG (version 3), optimised with MMFF94.

    Such a geometry is not one of density functional theory, as QM9's are: predictions for it carry that difference.

    Args:
        smiles: One molecule.
        name: Its name; default the SMILES.
        seed: Seed of the embedding. The same seed and version of RDKit give the same geometry.

    Returns:
        The molecule; its properties are `smiles` and `mmff94_energy` [kcal/mol].

    Raises:
        TypeError: Not a text.
        ValueError: RDKit cannot read or embed it, or MMFF94 has no parameters for it.

    References:
        Riniker and Landrum, Better informed distance geometry (2015); Halgren, Merck molecular force field (1996).
    """
    if not isinstance(smiles, str):
        raise TypeError(f"`smiles` must be a text, got {smiles!r}")
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

    with rdBase.BlockLogs():
        parsed = Chem.MolFromSmiles(smiles, sanitize=False) if smiles.strip() else None
        if parsed is None or parsed.GetNumAtoms() == 0:
            raise ValueError(f"`smiles` must be the SMILES of a molecule, got {smiles!r}")
        if problems := Chem.DetectChemistryProblems(parsed):
            raise ValueError(f"`smiles` must be a possible molecule, got {smiles!r}: {problems[0].Message()}")
        Chem.SanitizeMol(parsed)
        Chem.AssignStereochemistry(parsed, cleanIt=True)
        molecule = Chem.AddHs(parsed)
        if any(atom.GetAtomicNum() == 0 for atom in molecule.GetAtoms()):
            raise ValueError(f"`smiles` must name every atom, got {smiles!r} with a wildcard")
        if not rdForceFieldHelpers.MMFFHasAllMoleculeParams(molecule):
            raise ValueError(f"`smiles` must be of atoms that MMFF94 has parameters for, got {smiles!r}")
        parameters = rdDistGeom.ETKDGv3()
        parameters.randomSeed = int(seed)
        if rdDistGeom.EmbedMolecule(molecule, parameters) < 0:
            parameters.useRandomCoords = True
            if rdDistGeom.EmbedMolecule(molecule, parameters) < 0:
                raise ValueError(f"`smiles` must be a molecule that ETKDG can embed, got {smiles!r}")
        ((_, energy),) = rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(molecule, maxIters=_MAX_ITERATIONS)
    numbers = np.array([atom.GetAtomicNum() for atom in molecule.GetAtoms()])
    positions = np.asarray(molecule.GetConformer().GetPositions(), np.float64)
    return Molecule(numbers, positions, name or smiles, {"smiles": smiles, "mmff94_energy": float(energy)})
