"""What a prediction would refuse is refused before training, and nothing is written."""

from __future__ import annotations

import numpy as np
import pytest

from molsphere import Molecule, MoleculeSet, Splits, TrainOptions, evaluate, run_training
from molsphere._data.run_data import RunData

H2, OH, C = ([1, 1], [8, 1], [6])


def data(*kinds: list[int], name: str = "energy", unit: str = "eV") -> RunData:
    places = np.array([[0.0, 0, 0], [0, 0, 0.9]])
    molecules = [Molecule(np.array(numbers), places[: len(numbers)]) for numbers in kinds]
    return RunData(MoleculeSet.from_molecules(molecules), {name: np.arange(float(len(kinds)))}, {name: unit}, "made")


def splits(count: int, test: int = 1) -> Splits:
    at = np.arange(count)
    return Splits(at[: count - test], at[:0], at[count - test :], count)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (data(H2, H2, OH), "of the test split must consist of H alone, the elements of the training split, got O in "
         "molecule 2; use another --split-seed, or leave such molecules out of the data"),
        (data(H2, C, H2), "at least two atoms each, got a lone C in molecule 1 of the training split: its spheres"),
        (data(H2, H2, C), "got a lone C in molecule 2 of the test split"),
        (data(H2, H2, name="=energy"), "`targets` must have names that are not spreadsheet formulas, which"),
        (data(H2, H2, name="smiles"), "`targets` must have names other than name, formula, smiles"),
        (data(H2, H2, name="a\nb"), r"`targets` must have names of printable characters, .*, got 'a\\nb'"),
        (data(H2, H2, unit="e\x07V"), r"`units` must be printable, got 'e\\x07V' for 'energy'"),
    ],
)  # fmt: skip
def test_training_is_refused_before_it_begins(tmp_path, given, message):
    options = TrainOptions(targets=tuple(given.values), out=str(tmp_path / "run"), data="made")
    with pytest.raises(ValueError, match=message):
        run_training(options, given, splits(len(given.molecules)), progress=False)
    assert not (tmp_path / "run").exists()


def test_names_that_predictions_need(tmp_path):
    given = data(H2, H2)
    values = {"energy": np.zeros(2), "energy_std": np.zeros(2)}
    given = RunData(given.molecules, values, dict.fromkeys(values, "eV"), "made")
    options = TrainOptions(targets=tuple(values), out=str(tmp_path / "run"), data="made")
    with pytest.raises(ValueError, match="must not hold 'energy_std' beside 'energy': predictions have a column"):
        run_training(options, given, splits(2), progress=False)


def test_evaluation_is_refused_before_it_begins(make_model):
    model, given = make_model({"energy": "eV"}), data(H2, [7, 1], [7, 1], C)
    for parts, message in (
        ({"all": np.array([0, 1, 2])}, "`molecules` must consist of H, C, O alone, got N in molecule 1 and 1 more"),
        ({"all": np.array([0, 3])}, "got a lone C in molecule 3: its spheres are empty"),
    ):
        with pytest.raises(ValueError, match=message):
            evaluate(model, given.molecules, given.values, parts)
