"""The demo, much reduced, and its data."""

from __future__ import annotations

import json
import shlex

import jax
import numpy as np
import pytest
from rdkit import Chem

from molsphere import InteractingConfig, PropertyModel
from molsphere.__main__ import main
from molsphere._data import demo_data
from molsphere._run.run import read_run


@pytest.fixture(autouse=True)
def _standard_promotion():
    """Optax's own arithmetic relies on promotion."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def test_shipped_smiles_are_valid_small_and_unique():
    smiles = demo_data.demo_smiles()
    assert len(smiles) == 400
    molecules = [Chem.MolFromSmiles(text) for text in smiles]
    assert len({Chem.MolToSmiles(molecule) for molecule in molecules}) == 400
    heavy = [molecule.GetNumHeavyAtoms() for molecule in molecules]
    assert (min(heavy), max(heavy)) == (2, 7)
    assert {atom.GetSymbol() for molecule in molecules for atom in molecule.GetAtoms()} == set("CNOF")
    assert not any(atom.GetFormalCharge() for molecule in molecules for atom in molecule.GetAtoms())


def test_geometries_are_reproducible_and_lie_above_rest():
    smiles = ["CCO", "C1CC1"]
    found, owner = demo_data.geometries(smiles, 4, 3)
    again, _ = demo_data.geometries(smiles, 4, 3)
    other, _ = demo_data.geometries(smiles, 4, 4)
    assert owner.tolist() == [0] * 4 + [1] * 4
    energies = np.array([m.properties["energy"] for m in found]).reshape(2, 4)
    assert (energies[:, 1:] > energies[:, :1]).all()
    np.testing.assert_array_equal(found[3].positions, again[3].positions)
    assert np.abs(found[3].positions - other[3].positions).max() > 1e-3
    # A molecule's geometries do not depend on its neighbours in the list.
    alone, _ = demo_data.geometries(smiles[:1], 2, 3)
    np.testing.assert_array_equal(alone[1].positions, found[1].positions)


def test_parts_do_not_share_molecules():
    splits = demo_data.demo_splits(np.repeat(np.arange(20), 3))
    assert (splits.train.size, splits.validation.size, splits.test.size) == (48, 6, 6)
    owners = [set((part // 3).tolist()) for part in (splits.train, splits.validation, splits.test)]
    assert not owners[0] & owners[1]
    assert not owners[1] & owners[2]


def test_a_small_demo(tmp_path, capsys):
    out = tmp_path / "demo"
    words = ["demo", "--out", str(out), "--molecules", "10", "--geometries", "2", "--epochs", "1", "--max-buckets", "1"]
    assert main([*words, "--smiles", "CO"]) == 0
    printed = capsys.readouterr().out
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert set(summary["test_errors"]) == {"the mean", "linear regression on composition", "molsphere"}
    assert all(error > 0 for error in summary["test_errors"].values())
    assert summary["smiles"] == "CO"
    assert (out / "prediction.csv").read_text("utf-8").splitlines()[0] == "name,formula,smiles,energy [kcal/mol]"
    for name in ("parity.png", "error-by-size.png", "learning-curve.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    assert PropertyModel.load(out / "model.spinnn").units == {"energy": "kcal/mol"}
    for figure in ("the mean", "kcal/mol", "20 geometries of 10 molecules", f"{summary['predicted']:.1f}"):
        assert figure in printed
    commands = [shlex.split(line)[1:] for line in printed.partition("Next:")[2].splitlines() if line.strip()]
    assert [words[0] for words in commands] == ["predict", "evaluate", "plot"]
    assert main(commands[-1]) == 0
    assert (out / "spheres.png").read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()
    # Another demo does not touch its data.
    assert main([*words, "--seed", "1"]) == 2
    assert "data.extxyz holds other geometries" in capsys.readouterr().err
    # Its folder is that of a run.
    options, data, splits = read_run(out)
    assert isinstance(options.network, InteractingConfig)
    assert options.targets == ("energy",)
    assert len(data.molecules) == splits.total == 20


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--smiles", "C("], "`smiles` must be"),
        (["--smiles", "CS"], "`smiles` must be of H, C, N, O, F, which the demo trains with, got S"),
        (["--molecules", "401"], "`molecules` must be 10 … 400, got 401"),
        (["--geometries", "0"], "`geometries` must be at least 1, got 0"),
    ],
)
def test_a_demo_that_cannot_be(tmp_path, capsys, more, message):
    assert main(["demo", "--out", str(tmp_path), *more]) == 2
    error = capsys.readouterr().err
    assert error.startswith("molsphere demo: ")
    assert message in error
    assert not list(tmp_path.iterdir())
