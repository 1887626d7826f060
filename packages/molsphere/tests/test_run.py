"""Options, data of runs, evaluations and ensembles, without the command line."""

from __future__ import annotations

import dataclasses
import io
import json
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from molsphere import (
    NETWORKS,
    TARGETS,
    TRAINING,
    Evaluation,
    MessageConfig,
    RegressorConfig,
    TrainOptions,
    evaluate,
    from_smiles,
    predict_ensemble,
    read_qm9,
    read_run_data,
    target_values,
)
from molsphere._data.labels import find_outliers
from molsphere._molecules.dataset import MoleculeSet
from molsphere._molecules.distances import closest_pairs
from spinnn.command import parse
from spinnn.files import FileWarning
from spinnn.training import OptimizerConfig, from_json, load_config, save_config, to_json


@pytest.mark.parametrize(
    ("target", "preset", "head"),
    [
        ("H", "tiny", ("deepsets", "type", "sum")),
        ("homo", "paper", ("deepsets", "type", "mean")),
        ("mu", "tiny", ("deepsets", "displacement", "sum")),
        ("r2", "tiny", ("deepsets", "distance", "sum")),
        ("mu", "interacting", ("deepsets", "displacement", "sum")),
        ("r2", "interacting", ("deepsets", "distance", "sum")),
        ("gap", "interacting", ("deepsets", "type", "mean")),
        ("r2", "paper", ("transformer", "distance", "sum")),
        ("alpha", "paper", ("transformer", "type", "sum")),
        ("alpha", "small", ("deepsets", "type", "sum")),
        ("something", "tiny", ("deepsets", "type", "sum")),
    ],
)
def test_heads_follow_the_target(target, preset, head):
    options = TrainOptions(targets=(target,), preset=preset, network=NETWORKS[preset])
    made = options.make_head()
    assert (made.kind, made.weighting, made.reduction) == head
    assert made.width == NETWORKS[preset].head.width
    given = dataclasses.replace(options, head="transformer", weighting="type", reduction="mean").make_head()
    assert (given.kind, given.weighting, given.reduction) == ("transformer", "type", "mean")


def test_targets_that_want_different_heads():
    options = TrainOptions(targets=("mu", "H"))
    with pytest.raises(
        ValueError, match="same default weighting, got mu: displacement, H: type; train them one by one"
    ):
        options.make_head()
    assert dataclasses.replace(options, weighting="type").make_head().weighting == "type"
    assert TrainOptions(targets=("homo", "lumo")).make_head().reduction == "mean"


def test_splits_of_options():
    order = np.random.default_rng(0).permutation(11_000)
    splits = TrainOptions(sizes=(9000, 1000, 1000)).make_splits(11_000)
    for part, wanted in ((splits.train, order[:9000]), (splits.test, order[10_000:])):
        np.testing.assert_array_equal(part, wanted)
    splits = TrainOptions().make_splits(48)
    assert (splits.train.size, splits.validation.size, splits.test.size, splits.total) == (38, 4, 6, 48)
    assert TrainOptions(split="cormorant").make_splits(130_831).train.size == 100_000


def test_checkpoints_by_default():
    ten = dataclasses.replace(TrainOptions().training, epochs=10)
    options = TrainOptions(targets=("H",), training=ten)
    assert options.run_config(100).training.checkpoint_every == 50
    assert options.run_config(10_000).training.checkpoint_every == 1000
    assert options.run_config(1).training.checkpoint_every == 1
    seven = dataclasses.replace(ten, checkpoint_every=7)
    assert dataclasses.replace(options, training=seven).run_config(1).training.checkpoint_every == 7


def test_option_files_written_before_are_read(tmp_path):
    """Options of training stood beside the others, each by a name of its own."""
    path = Path(__file__).parent / "files" / "options_before.json"
    options = load_config(path, TrainOptions)
    assert (options.training.epochs, options.training.seed, options.training.checkpoint_every) == (7, 5, 40)
    assert (options.training.log_every, options.training.tensorboard) == (5, True)
    assert options.training.optimizer == OptimizerConfig("muon", 0.01, 0.5, 0.1, 0.02, None, 0.99)
    assert (options.sizes, options.loss, options.batch_size, options.network) == (
        (90, 10, 10),
        "l2",
        8,
        NETWORKS["tiny"],
    )
    save_config(tmp_path / "now.json", options)
    assert load_config(tmp_path / "now.json", TrainOptions) == options
    # What a short file leaves out is as ever, wherever it stands now.
    (tmp_path / "short.json").write_text('{"epochs": 3, "training": {"optimizer": {"ema_decay": null}}}')
    short, usual = load_config(tmp_path / "short.json", TrainOptions).training, TrainOptions().training
    optimizer = dataclasses.replace(usual.optimizer, ema_decay=None)
    assert short == dataclasses.replace(usual, epochs=3, optimizer=optimizer)
    for text, message in (
        ('{"epochs": 3, "training": {"epochs": 3}}', "`epochs` must not be given together with `training.epochs`"),
        ('{"epochs": 3, "training": 3}', "`training` must be an object, got 3"),
        ('{"optimizer": {"name": "adam"}}', "`training.optimizer.name` must be 'adam' or 'adamw' or 'muon' or 'sch"),
    ):
        (tmp_path / "wrong.json").write_text(text)
        with pytest.raises(ValueError, match=message):
            load_config(tmp_path / "wrong.json", TrainOptions)


def test_columns_with_units(tmp_path):
    (tmp_path / "a.csv").write_text("smiles,energy [eV],other\nO,1.5,2\nCO,2.5,3\n")
    data = read_run_data(tmp_path / "a.csv", ("energy", "other"))
    np.testing.assert_array_equal(data.values["energy"], [1.5, 2.5])
    assert data.units == {"energy": "eV", "other": ""}
    again = read_run_data(tmp_path / "a.csv", ("energy", "other"), ("eV", "K"))
    assert again.units == {"energy": "eV", "other": "K"}
    assert again.fingerprint() == data.fingerprint()
    (tmp_path / "b.csv").write_text("smiles,energy [eV],other\nO,1.5,2\nCO,2.6,3\nC(,1,1\n")
    changed = read_run_data(tmp_path / "b.csv", ("energy", "other"))
    assert changed.fingerprint() != data.fingerprint()
    assert [problem.line for problem in changed.problems] == [4]
    with pytest.raises(ValueError, match="`targets` must be distinct names, at least one"):
        read_run_data(tmp_path / "a.csv", ())
    (tmp_path / "c.csv").write_text("smiles\nC(\n")
    with pytest.raises(ValueError, match=r"none can be read: .*c.csv:2"):
        read_run_data(tmp_path / "c.csv", ("energy",))
    (tmp_path / "d.csv").write_text("smiles,e\nC,nan\n")
    with pytest.raises(ValueError, match=r"d\.csv:2: 'e' must be a number, got nan; none of 1 records has one"):
        read_run_data(tmp_path / "d.csv", ("e",))


def test_a_part_of_qm9_in_an_archive(tmp_path, qm9_record):
    path = tmp_path / "part.tar.bz2"
    with tarfile.open(path, "w:bz2") as file:
        for number in (1, 2, 5):
            text = qm9_record(number).encode()
            info = tarfile.TarInfo(f"dsgdb9nsd_{number:06d}.xyz")
            info.size = len(text)
            file.addfile(info, io.BytesIO(text))
    with pytest.raises(FileNotFoundError, match=r"`molsphere qm9 fetch --out .*` downloads it; --uncharacterized none"):
        read_run_data(path, ("H",))
    with pytest.warns(FileWarning, match=r"part\.tar\.bz2 holds 3 of the 133,885 molecules of QM9"):
        assert len(read_run_data(path, ("H",), uncharacterized="none").molecules) == 3
    (tmp_path / "list.txt").write_text("2 C C\n")
    with pytest.warns(FileWarning, match="holds 3 of"):
        data = read_run_data(path, ("H",), uncharacterized=str(tmp_path / "list.txt"))
    assert "1 uncharacterised ones left out" in data.source
    (tmp_path / "a.csv").write_text("smiles,e\nC,1\n")
    with pytest.raises(
        ValueError, match=r"`uncharacterized` must be None for data other than QM9, such as .*, got 'none'"
    ):
        read_run_data(tmp_path / "a.csv", ("e",), uncharacterized="none")


def test_lone_atoms_are_left_out_by_line(tmp_path):
    path = tmp_path / "a.extxyz"
    path.write_text("1\ne=1.0\nH 0 0 0\n2\ne=2.0\nH 0 0 0\nO 0 0 1\n")
    data = read_run_data(path, ("e",))
    assert list(map(str, data.problems)) == [
        f"{path}:1: must have at least two atoms, got a lone H: its spheres are empty"
    ]
    np.testing.assert_array_equal(data.values["e"], [2.0])


def test_qm9_in_reporting_units(qm9_npz):
    data = read_run_data(qm9_npz, ("H", "mu"))
    assert data.units == {"H": "meV", "mu": "D"}
    np.testing.assert_array_equal(data.values["H"], target_values(read_qm9(qm9_npz).molecules, "H"))
    assert len(data.molecules) == 11_000
    # None of its geometries is odd and none of its values stands out, but mistakes among them do.
    pairs = closest_pairs(data.molecules.num_atoms, data.molecules.numbers, data.molecules.positions)
    assert not pairs.outside.any()
    for name in TARGETS:
        assert find_outliers(data.molecules, data.molecules.properties[name]) == ({}, {}), name
    values = data.values["H"].copy()
    values[[5, 9]] *= 10, 1e30
    assert [list(found) for found in find_outliers(data.molecules, values)] == [[5], [9]]


def test_evaluation(make_model, tmp_path):
    molecules = [from_smiles(s) for s in ("O", "CO", "C", "CC", "C=O")]
    data, model = MoleculeSet.from_molecules(molecules), make_model({"energy": "eV"})
    values = {"energy": model.predict(molecules)["energy"] + np.array([1.0, -2, 3, 0, 4])}
    parts = {"training": np.array([3, 0]), "validation": np.array([], int), "test": np.array([4, 1, 2])}
    result = evaluate(model, data, values, parts)
    assert result.parts == ("training", "test")
    summary = result.summary()["energy"]
    assert summary["parts"]["training"] == {"molecules": 2, "mae": pytest.approx(0.5, abs=1e-4)}
    assert summary["parts"]["test"]["mae"] == pytest.approx(3, abs=1e-4)
    assert [size["atoms"] for size in summary["sizes"]] == [[4, 4], [5, 5], [6, 6]]
    assert [size["mae"] for size in summary["sizes"]] == pytest.approx([4, 3, 2], abs=1e-4)
    result.save(tmp_path)
    again = Evaluation.load(tmp_path)
    assert again.units == {"energy": "eV"}
    assert again.summary() == result.summary()
    path = tmp_path / "predictions.npz"
    with np.load(path) as file:
        arrays = dict(file)
    for wrong, message in (
        ({"part": np.full(5, 2)}, r"must be what `molsphere evaluate` wrote: `part` must be 0 … 1, got 2 … 2"),
        ({"predicted_energy": np.zeros(4)}, "'predicted_energy' must be 5 numbers along one axis, got float64"),
        ({"units": np.zeros(1)}, "'units' must be strings along one axis"),
        ({"names": np.array(["mu"])}, "it lacks 'predicted_mu'"),
    ):
        np.savez(path, **{**arrays, **wrong})
        with pytest.raises(ValueError, match=message):
            Evaluation.load(tmp_path)
    path.write_bytes(path.read_bytes()[:99])
    with pytest.raises(ValueError, match=r"predictions.npz must be an .npz of plain arrays"):
        Evaluation.load(tmp_path)
    with pytest.raises(ValueError, match=r"must be of the model's properties, \['energy'\], got \['mu'\] too"):
        evaluate(model, data, {"mu": values["energy"]}, parts)
    with pytest.raises(ValueError, match="at least one molecule and one property, got none"):
        evaluate(model, data, values, {"test": np.array([], int)})


def test_an_ensemble_of_one_has_no_deviation(make_model):
    molecules = [from_smiles("CO")]
    columns, units = predict_ensemble([make_model({"gap": "eV"})], molecules)
    assert set(columns) == {"gap"} == set(units)
    with pytest.raises(ValueError, match="`models` must hold at least one model, got none"):
        predict_ensemble([], molecules)


def test_options_of_training_are_keywords_by_the_names_of_their_flags():
    options = TrainOptions(data="a", epochs=7, learning_rate=2e-3, optimizer="muon", keep_checkpoints=5)
    training = options.training
    assert (training.epochs, training.keep_checkpoints, training.checkpoint_every) == (7, 5, None)
    assert (training.optimizer.learning_rate, training.optimizer.name) == (2e-3, "muon")
    assert training.optimizer.ema_decay == TRAINING.optimizer.ema_decay
    assert TrainOptions(training=training, data="a") == options
    assert dataclasses.replace(options, out="b").training == training
    assert pickle.loads(pickle.dumps(options)) == options
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.epochs = 8  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ValueError, match="`epochs` must be at least 1, got 0"):
        TrainOptions(epochs=0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'epoch'"):
        TrainOptions(epoch=3)
    both = (
        r"`learning_rate` must not be given together with `training`, got both; set it there, by dataclasses.replace\("
    )
    with pytest.raises(TypeError, match=both + r"training\.optimizer, …\)"):
        TrainOptions(training=training, learning_rate=1e-3)
    with pytest.raises(TypeError, match="`epochs` must not be given together with `training`"):
        TrainOptions(NETWORKS["tiny"], training, epochs=3)


def test_fields_have_present_names_and_are_read_by_former_ones(tmp_path):
    """`shells` and `passes` became `gaussians` and `interactions`, in options, model files and records of runs."""
    path = tmp_path / "options.json"
    former = {"network": {"shells": [[1.0, 0.5]], "passes": 2, "messages": {"shells": [[2.0, 0.5]], "channels": 3}}}
    path.write_text(json.dumps(former))
    network = load_config(path, TrainOptions).network
    assert isinstance(network, RegressorConfig)
    assert (network.gaussians, network.interactions) == (((1.0, 0.5),), 2)
    assert network.messages == MessageConfig(gaussians=((2.0, 0.5),), channels=3)
    present, recorded = to_json(network), to_json(network, former_names=True)
    assert {"gaussians", "interactions"} <= set(present)
    assert not {"shells", "passes"} & set(present)
    assert (recorded["shells"], recorded["messages"]["shells"]) == ([[1.0, 0.5]], [[2.0, 0.5]])
    assert from_json(RegressorConfig, present) == from_json(RegressorConfig, recorded) == network
    path.write_text('{"network": {"passes": 2, "interactions": 2}}')
    both = r"`passes` must not be given together with `interactions`, its present name, got both in `network`"
    with pytest.raises(ValueError, match=both):
        load_config(path, TrainOptions)


def test_former_flags_are_read():
    words = "--network.passes 2 --network.messages.shells=2 0.5 --network.shells 1 0.5 --epochs 3".split()
    network = parse(TrainOptions, "molsphere train", words, "Train.").network
    assert isinstance(network, RegressorConfig)
    assert (network.interactions, network.gaussians, network.messages.gaussians) == (2, ((1, 0.5),), ((2, 0.5),))
