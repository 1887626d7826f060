"""What a model has seen, and molecules that are unlike it."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest

from molsphere import Molecule, MoleculeSet, PropertyModel, TrainingRange, evaluate
from spinnn.files import FileWarning


def chain(*numbers: int, step: float = 1.2, name: str = "") -> Molecule:
    return Molecule(np.array(numbers), np.arange(len(numbers))[:, None] * np.array([0.0, 0, step]), name)


TRAINED = [chain(1, 8), chain(1, 6, 8), chain(6, 6, 1, step=1.5)]
SEEN = TrainingRange.of(MoleculeSet.from_molecules(TRAINED))


def test_ranges_are_those_of_all_pairs(random_molecules, rng):
    sizes = [2, 3, 3, 7, 9]
    positions, numbers = random_molecules(rng, sizes, 9)
    molecules = [Molecule(z[:n], x[:n]) for z, x, n in zip(numbers, positions, sizes, strict=True)]
    shortest: dict[tuple[int, int], float] = {}
    nearest = []
    for molecule in molecules:
        distance = np.linalg.norm(molecule.positions[:, None] - molecule.positions, axis=-1)
        nearest.append((distance + np.diag(np.full(len(molecule), np.inf))).min(1).max())
        for i, j in itertools.combinations(range(len(molecule)), 2):
            low, high = sorted((int(molecule.numbers[i]), int(molecule.numbers[j])))
            shortest[low, high] = min(shortest.get((low, high), np.inf), distance[i, j])
    found = TrainingRange.of(MoleculeSet.from_molecules(molecules))
    assert found.atoms == (2, 9)
    assert found.shortest == pytest.approx(shortest)
    assert found.isolation == pytest.approx(max(nearest))
    assert found.differences(molecules) == [""] * 5
    assert TrainingRange.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize(
    ("molecule", "told"),
    [
        (chain(1, 8, step=1.1), ""),
        (chain(1, 6, 6, 6, step=1.5), "4 atoms (trained with 2 … 3)"),
        (chain(8, 6, 8), "O and O in one molecule, not so in training"),
        (chain(1, 8, step=0.05), "H and O 0.05 Å apart (in training at least 1.2 Å)"),
        (chain(1, 8, step=3.0), "an atom 3 Å from its nearest neighbor (in training at most 1.5 Å)"),
        (chain(1, 1, step=0.05), "H and H in one molecule, not so in training"),
    ],
)
def test_descriptions_of_differences(molecule, told):
    assert SEEN.differences([TRAINED[0], molecule, TRAINED[2]]) == ["", told, ""]


def test_predictions_warn_by_molecule(make_model, tmp_path):
    model = dataclasses.replace(make_model({"energy": "eV"}), seen=SEEN)
    model.save(tmp_path / "model.spinnn")
    assert PropertyModel.load(tmp_path / "model.spinnn").seen == SEEN
    strange = chain(1, 6, 6, 6, step=1.5, name="long")
    with pytest.warns(FileWarning) as told:
        predicted = model.predict([TRAINED[0], strange])
    assert [str(one.message) for one in told] == [
        "molecule 1 (long): unlike the training data: 4 atoms (trained with 2 … 3); its prediction may be meaningless"
    ]
    with pytest.warns(FileWarning) as told:
        model.predict([strange] * 25)
    assert len(told) == 21
    assert str(told[20].message) == "and 5 more molecules unlike the training data"
    data = MoleculeSet.from_molecules([TRAINED[0], strange])
    with pytest.warns(FileWarning, match=r"1 of 2 molecules are unlike the training.*: molecule 1: 4 atoms"):
        evaluate(model, data, predicted, {"all": np.arange(2)})


def test_models_of_earlier_versions_have_no_ranges(make_model, tmp_path):
    make_model({"energy": "eV"}).save(tmp_path / "model.spinnn")
    assert PropertyModel.load(tmp_path / "model.spinnn").seen is None


@pytest.mark.parametrize(
    "fields",
    [
        None,
        3,
        {},
        {"atoms": [1], "shortest": {}, "isolation": 1.0},
        {"atoms": [1, 2], "shortest": {"1": 1}, "isolation": 1.0},
        {"atoms": [1, 2], "shortest": {"1-999": 1.0}, "isolation": 1.0},
        {"atoms": [1, 2], "shortest": [], "isolation": 1.0},
    ],
)
def test_ranges_of_another_kind(fields):
    with pytest.raises(ValueError, match="`fields` must be a result of `to_json`, got"):
        TrainingRange.from_json(fields)


def test_calculators_warn_once(make_model, recwarn):
    pytest.importorskip("ase")
    from molsphere.ase import SphereCalculator

    calculator = SphereCalculator(dataclasses.replace(make_model({"energy": "eV"}), seen=SEEN))
    calculator._warn(chain(6, 8))
    with pytest.warns(FileWarning, match=r"CO: unlike the training data: C and O 0.5 Å apart .*reported once") as told:
        calculator._warn(chain(6, 8, step=0.5))
    assert len(told) == 1
    calculator._warn(chain(6, 8, step=0.6))
    assert not len(recwarn)
