"""Energies with forces: reading, the loss, training, evaluation, and the laws that forces obey."""

import dataclasses
import json
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest

from molsphere import (
    Evaluation,
    InteractingConfig,
    InteractingNetwork,
    Molecule,
    MoleculeSet,
    PropertyModel,
    RunConfig,
    Splits,
    TargetScaling,
    TrainOptions,
    evaluate,
    network_config,
    random_splits,
    read_molecules,
    read_run_data,
    run_training,
    train,
)
from molsphere.__main__ import main
from molsphere._model.forces import outputs_and_forces
from spinnn.training import OptimizerConfig, TrainingConfig

SMALL = InteractingConfig(species=(1, 8), max_degree=1, channels=6, radial=6, interactions=1)
WATER = np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]])


def potential(positions: np.ndarray) -> tuple[float, np.ndarray]:
    """Energy [eV] and forces [eV/Å] of springs between all atoms."""
    difference = positions[:, None] - positions[None]
    distance = np.linalg.norm(difference, axis=-1) + np.eye(len(positions))
    stretch = (distance - 1.2) * (1 - np.eye(len(positions)))
    slope = 2 * stretch[..., None] * difference / distance[..., None]
    return float((stretch**2).sum() / 2), -slope.sum(1)


def waters(count: int) -> list[Molecule]:
    """Distorted molecules with energies and forces."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        positions = WATER + 0.1 * rng.normal(size=WATER.shape)
        energy, forces = potential(positions)
        found.append(Molecule(np.array([8, 1, 1]), positions, properties={"energy": energy}, forces=forces))
    return found


def text(molecules: list[Molecule], column: str = "forces") -> str:
    """The molecules as extended XYZ."""
    lines = []
    for molecule in molecules:
        declared = f":{column}:R:3" if molecule.forces is not None else ""
        energy = molecule.properties["energy"]
        lines += ["3", f'Properties=species:S:1:pos:R:3{declared} energy={energy!r} energy_unit=eV pbc="F F F"']
        rows = molecule.positions if molecule.forces is None else np.hstack([molecule.positions, molecule.forces])
        for symbol, row in zip(molecule.symbols, rows, strict=True):
            lines.append(" ".join([symbol, *map(repr, row.tolist())]))
    return "\n".join(lines) + "\n"


def model_of(network: InteractingNetwork, state: eqx.nn.State) -> PropertyModel:
    scaling = TargetScaling(species=(1, 8), references=(-10.0, -2000.0), intercept=0.0, scale=5.0)
    return PropertyModel(eqx.nn.inference_mode(network), state, {"energy": "eV"}, {"energy": scaling})


@pytest.fixture(scope="module")
def model() -> PropertyModel:
    return model_of(*eqx.nn.make_with_state(InteractingNetwork)(SMALL, key=jax.random.key(1)))


def test_forces_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    molecules = waters(2)
    path = tmp_path / "a.extxyz"
    path.write_text(text([molecules[0], dataclasses.replace(molecules[1], forces=None)], "REF_forces"))
    first, second = read_molecules(path, forces="REF_forces")
    wanted = molecules[0].forces
    assert wanted is not None
    assert first.forces is not None
    np.testing.assert_allclose(first.forces, wanted, rtol=1e-15)
    assert second.forces is None
    with pytest.warns(match="forces are learned with `--forces REF_forces`"):
        assert read_molecules(path)[0].forces is None

    # Positions in bohr: forces per bohr become forces per Å.
    bohr = 0.529177210903
    given = dataclasses.replace(molecules[0], positions=molecules[0].positions / bohr)
    path.write_text(text([given]))
    found = read_molecules(path, forces="forces", length_unit="bohr")[0]
    np.testing.assert_allclose(found.positions, molecules[0].positions, rtol=1e-12)
    assert found.forces is not None
    np.testing.assert_allclose(found.forces, wanted / bohr, rtol=1e-8)


def test_broken_forces_are_told_by_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "a.extxyz"
    good = text(waters(1))
    lines = good.splitlines()
    for broken, message in (
        ([*lines[:3], lines[3].rsplit(" ", 1)[0], lines[4]], r"a.extxyz:4: must have three finite components"),
        ([*lines[:3], lines[3].rsplit(" ", 1)[0] + " nan", lines[4]], r"a.extxyz:4: must have three finite .*nan"),
        ([lines[0], lines[1].replace("forces:R:3", "forces:R:2:x:R:1"), *lines[2:]], "a.extxyz:2: .*three columns of"),
    ):
        path.write_text("\n".join(broken) + "\n")
        with pytest.raises(ValueError, match=message):
            read_molecules(path, forces="forces")
    path.write_text(good)
    with pytest.raises(ValueError, match="found no 'REF_forces'; columns beside positions: forces"):
        read_molecules(path, forces="REF_forces")
    smiles = tmp_path / "a.smi"
    smiles.write_text("O\n")
    with pytest.raises(ValueError, match="`forces` must be None for files other than extended XYZ"):
        read_molecules(smiles, forces="forces")


def test_sets_keep_forces(tmp_path: Path) -> None:
    molecules = waters(3)
    molecules[1] = dataclasses.replace(molecules[1], forces=None)
    data = MoleculeSet.from_molecules(molecules).subset([2, 1])
    assert data.forces is not None
    np.testing.assert_array_equal(data[0].forces, molecules[2].forces)
    assert data[1].forces is None
    padded = data.pad_forces([0, 1, -1], 4)
    np.testing.assert_array_equal(padded[0, :3], np.float32(molecules[2].forces))
    assert np.isnan(padded[0, 3]).all()
    assert np.isnan(padded[1:]).all()
    with pytest.raises(ValueError, match=r"`forces` must be finite, got .* at atom 1"):
        Molecule(np.array([8, 1, 1]), WATER, forces=np.diag([0, np.inf, 0]))


def test_forces_are_the_derivative_of_the_energy_and_add_up_to_zero() -> None:
    with jax.enable_x64(True):
        network, state = eqx.nn.make_with_state(InteractingNetwork)(SMALL, key=jax.random.key(0))
        network = jax.tree.map(lambda x: x.astype("float64") if eqx.is_inexact_array(x) else x, network)
        data = MoleculeSet.from_molecules(waters(2))
        batch = data.pad([0, 1], 4, dtype="float64")

        @eqx.filter_jit
        def energies(positions: jax.Array | np.ndarray) -> jax.Array:
            return network(eqx.tree_at(lambda m: m.positions, batch, positions), state)[0][:, 0]

        outputs, forces, _ = eqx.filter_jit(outputs_and_forces)(network, state, batch)
        np.testing.assert_allclose(outputs[:, 0], energies(batch.positions), rtol=1e-12)
        step = 1e-5
        for atom, axis in ((0, 2), (1, 1), (2, 0)):
            shift = np.zeros(batch.positions.shape)
            shift[:, atom, axis] = step
            slope = (energies(batch.positions + shift) - energies(batch.positions - shift)) / (2 * step)
            np.testing.assert_allclose(forces[:, atom, axis], -slope, atol=1e-8 * float(np.abs(forces).max()) + 1e-9)
        size = np.abs(forces).max()
        assert np.abs(np.sum(forces, 1)).max() < 1e-12 * size
        assert np.abs(np.cross(batch.positions, forces).sum(1)).max() < 1e-12 * size
        assert not np.any(forces[:, 3])


def test_training_on_forces_learns_them_and_resumes(tmp_path: Path) -> None:
    path = tmp_path / "water.extxyz"
    molecules = waters(40)
    molecules[3] = dataclasses.replace(molecules[3], forces=None)
    path.write_text(text(molecules))
    optimizer = OptimizerConfig(learning_rate=5e-3, warmup_epochs=1.0, ema_decay=None, clip_norm=10.0)
    options = TrainOptions(
        data=str(path),
        targets=("energy",),
        forces="forces",
        sizes=(32, 4, 4),
        out=str(tmp_path / "run"),
        network=SMALL,
        preset="interacting",
        batch_size=8,
        augmentation=True,
        plots=False,
        training=TrainingConfig(epochs=40, optimizer=optimizer),
    )
    data = read_run_data(options.data, options.targets, forces="forces")
    assert "40 molecules, 39 of them with forces" in data.source
    with jax.numpy_dtype_promotion("standard"):  # of Optax
        model, result = run_training(options, data, options.make_splits(40), progress=False)
    errors = result.summary()["energy"]["forces"]
    assert errors["unit"] == "eV/Å"
    assert errors["parts"]["training"]["molecules"] + errors["parts"]["test"]["molecules"] >= 35
    size = np.abs(np.stack([m.forces for m in molecules if m.forces is not None])).mean()
    assert errors["parts"]["test"]["mae"] < 0.25 * size
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert any("loss_forces" in line for line in lines)
    assert any("validation_forces" in line for line in lines)
    loaded = Evaluation.load(tmp_path / "run")
    np.testing.assert_array_equal(loaded.force_error, result.force_error)

    # A committee of one model twice has its forces; without reference forces there are no errors of forces.
    test = {"test": np.arange(5)}
    both, one = (evaluate(m, data.molecules, data.values, test) for m in ([model, model], model))
    assert both.force_error is not None
    assert one.force_error is not None
    np.testing.assert_allclose(both.force_error, one.force_error, rtol=1e-6)
    assert np.isnan(one.force_error).sum() == 1
    bare = dataclasses.replace(data.molecules, forces=None)
    assert evaluate(model, bare, data.values, test).force_error is None

    # The run knows its columns; other data are refused.
    assert main(["evaluate", str(tmp_path / "run")]) == 0
    assert data.fingerprint() != read_run_data(options.data, options.targets).fingerprint()


def test_what_cannot_be_learned_is_refused(tmp_path: Path, model: PropertyModel) -> None:
    data = MoleculeSet.from_molecules(waters(6))
    energies = data.properties["energy"]
    splits: Splits = random_splits(6, 4, 2)
    config = RunConfig(network=network_config("tiny"), training=TrainingConfig(epochs=1))
    with pytest.raises(ValueError, match="`network` must be an InteractingConfig to learn forces"):
        train(data, {"energy": energies}, {"energy": "eV"}, splits, config, tmp_path, progress=False)
    two = {"a": energies, "b": energies}
    with pytest.raises(ValueError, match="`values` must be one energy where molecules have forces, got a, b"):
        train(data, two, {"a": "eV", "b": "eV"}, splits, config, tmp_path, progress=False)
    with pytest.raises(ValueError, match="`property` must be"):
        model.predict_forces([data[0]], property="other")
    path = tmp_path / "a.extxyz"
    path.write_text(text(waters(2)))
    with pytest.raises(ValueError, match="`targets` must be one energy where forces are learned"):
        read_run_data(path, ("energy", "other"), forces="forces")
    assert (
        main(["train", "--data", str(path), "--targets", "energy", "--forces", "no", "--out", str(tmp_path / "r")]) != 0
    )


def test_predicted_forces_are_those_of_single_molecules(model: PropertyModel) -> None:
    molecules = [Molecule(np.array([1, 8]), np.array([[0, 0, 0.0], [0, 0.3, 0.9]])), *waters(3)]
    together = model.predict_forces(molecules, batch_size=2)
    for molecule, forces in zip(molecules, together, strict=True):
        assert forces.shape == molecule.positions.shape
        np.testing.assert_allclose(model.predict_forces([molecule])[0], forces, atol=2e-5 * np.abs(forces).max())
