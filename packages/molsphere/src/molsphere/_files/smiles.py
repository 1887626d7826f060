"""Geometries from SMILES, by RDKit."""

from __future__ import annotations

import warnings

import numpy as np

from spinnn.files import FileWarning

from .. import _checks
from .._molecules.molecule import Molecule

_MAX_ITERATIONS = 2000
# Seconds for each of two attempts at an embedding, and atoms beyond which its bounds alone take minutes.
_TIME_LIMIT = 30
_MOST_ATOMS = 1000
_OTHER_WAY = "give its geometry in an .xyz"


def from_smiles(smiles: str, *, name: str = "", seed: int = 0) -> Molecule:
    """A conformer of a SMILES: hydrogens added, embedded by ETKDG (version 3), optimised with MMFF94.

    QM9's geometries are from density functional theory: the difference adds to the error of predictions.

    Args:
        smiles: One molecule; the SMILES of a mixture (`CCO.O`) does not give relative positions.
        name: Name of the molecule; default the SMILES.
        seed: Seed of the embedding. The same seed and version of RDKit give the same geometry.

    Returns:
        The molecule; its properties are `smiles`, `mmff94_energy` [kcal/mol], and `charge` [e] and
        `unpaired_electrons` where these are not 0.

    Raises:
        TypeError: A SMILES that is not a string, or a seed that is not an integer.
        ValueError: A seed that is not 0 … 2³¹ − 1, a mixture, more than 1,000 atoms, or a molecule that RDKit cannot
            read, or cannot embed within 30 s (twice), or that MMFF94 has no parameters for.

    Warns:
        FileWarning: The optimisation did not converge in 2,000 steps.

    References:
        Riniker and Landrum, Better informed distance geometry (2015); Halgren, Merck molecular force field (1996).

    Examples:
        >>> from molsphere import from_smiles
        >>> molecule = from_smiles("CCO", name="ethanol")
        >>> molecule.formula, molecule.positions.shape
        ('C2H6O', (9, 3))
    """
    molecule, note = embed(smiles, name, seed)
    if note:
        warnings.warn(f"{smiles}: {note}", FileWarning, stacklevel=2)
    return molecule


def embed(smiles: str, name: str, seed: int) -> tuple[Molecule, str]:
    """As `from_smiles`, with the text of a warning about the geometry, or `""`, instead of the warning."""
    if not isinstance(smiles, str):
        raise TypeError(f"`smiles` must be a string, got {smiles!r}")
    _checks.instance("name", name, str, "a string")
    _checks.seed(seed)
    try:
        return _embed(smiles, name, seed)
    except RuntimeError as error:  # a precondition of RDKit's
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise ValueError(
            f"`smiles` must be a molecule that RDKit can embed, got {smiles!r}: {reason}; {_OTHER_WAY}"
        ) from None


def _embed(smiles: str, name: str, seed: int) -> tuple[Molecule, str]:
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

    with rdBase.BlockLogs():
        molecule = _parse(smiles)
        if not rdForceFieldHelpers.MMFFHasAllMoleculeParams(molecule):
            raise ValueError(f"`smiles` must be of atoms that MMFF94 has parameters for, got {smiles!r}; {_OTHER_WAY}")
        parameters = rdDistGeom.ETKDGv3()
        parameters.randomSeed = seed
        if hasattr(parameters, "timeout"):  # RDKit 2024.09
            parameters.timeout = _TIME_LIMIT
        if rdDistGeom.EmbedMolecule(molecule, parameters) < 0:
            parameters.useRandomCoords = True
            if rdDistGeom.EmbedMolecule(molecule, parameters) < 0:
                raise ValueError(f"`smiles` must be a molecule that ETKDG can embed, got {smiles!r}; {_OTHER_WAY}")
        ((left, energy),) = rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(molecule, maxIters=_MAX_ITERATIONS)
        properties: dict[str, float | str] = {"smiles": smiles, "mmff94_energy": float(energy)}
        if charge := Chem.GetFormalCharge(molecule):
            properties["charge"] = float(charge)
        if unpaired := sum(atom.GetNumRadicalElectrons() for atom in molecule.GetAtoms()):
            properties["unpaired_electrons"] = float(unpaired)
    numbers = np.array([atom.GetAtomicNum() for atom in molecule.GetAtoms()])
    positions = np.asarray(molecule.GetConformer().GetPositions(), np.float64)
    note = f"the geometry did not converge in {_MAX_ITERATIONS:,} steps of MMFF94; {_OTHER_WAY}" if left else ""
    return Molecule(numbers, positions, name or smiles, properties), note


def _parse(smiles: str):
    """RDKit's molecule with hydrogens."""
    from rdkit import Chem

    parsed = Chem.MolFromSmiles(smiles, sanitize=False) if smiles.strip() else None
    if parsed is None or parsed.GetNumAtoms() == 0:
        raise ValueError(f"`smiles` must be the SMILES of a molecule, got {smiles!r}")
    if problems := Chem.DetectChemistryProblems(parsed):
        raise ValueError(
            f"`smiles` must be a possible molecule, got {smiles!r}: {problems[0].Message()}; correct it, or "
            f"{_OTHER_WAY}"
        )
    if (parts := len(Chem.GetMolFrags(parsed))) > 1:
        raise ValueError(
            f"`smiles` must be one molecule, got {smiles!r}, a mixture of {parts}, whose relative positions a SMILES "
            f"does not define; give them one by one, or the mixture with its geometry in an .xyz"
        )
    Chem.SanitizeMol(parsed)
    Chem.AssignStereochemistry(parsed, cleanIt=True)
    molecule = Chem.AddHs(parsed)
    if any(atom.GetAtomicNum() == 0 for atom in molecule.GetAtoms()):
        raise ValueError(f"`smiles` must name every atom, got {smiles!r} with a wildcard")
    if molecule.GetNumAtoms() > _MOST_ATOMS:
        raise ValueError(
            f"`smiles` must be of at most {_MOST_ATOMS:,} atoms, got {molecule.GetNumAtoms():,}; {_OTHER_WAY}"
        )
    return molecule
