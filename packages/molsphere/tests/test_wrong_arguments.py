"""Wrong arguments are refused by name, as users meet them: without the checks of shapes that tests have."""

# pyright: reportArgumentType=false, reportCallIssue=false, reportAttributeAccessIssue=false

from __future__ import annotations

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import molsphere as ms
from molsphere import Molecule, MoleculeSet, RegressorConfig, Splits, TargetScaling
from spinharm import Grid

pytestmark = pytest.mark.usefixtures("untyped")

WATER = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]), "water")
BATCH = ms.pad_molecules([WATER])
DATA = MoleculeSet.from_molecules([WATER, WATER])
ARRAYS = {"num_atoms": DATA.num_atoms, "numbers": DATA.numbers, "positions": DATA.positions, "index": DATA.index}
SPLITS = Splits(np.array([0]), np.array([1]), np.zeros(0, int), 2)
SCALING = TargetScaling((1, 8), (-1.0, -2.0), 0.5, 2.0)
GEOMETRY = {"positions": BATCH.positions, "numbers": BATCH.numbers}
SPHERES = ms.Representation(species=(1, 8), bandlimit=2)
POOL = ms.Aggregation("type", 2, (1, 8))
FEATURES = np.ones((1, 3, 2), np.float32)


def replaced(record, **changes):
    return dataclasses.replace(record, **changes)


def heads(**changes):
    sizes = {"features": 2, "outputs": 1, "config": ms.HeadConfig(width=2), "species": (1,), "key": jax.random.key(0)}
    return ms.DeepSetsHead(**{**sizes, **changes})


TYPES = [
    (lambda: ms.check_molecules(["C"], (1, 6)), "`molecules` must be objects of type Molecule, got 'C' at 0"),
    (lambda: ms.pad_molecules(WATER), r"must be a sequence of molecules, got the one .*; write \[molecule\]"),
    (lambda: MoleculeSet.from_molecules("CO"), "`molecules` must be a sequence of molecules, got 'CO'"),
    (lambda: ms.displacements([WATER]), "`molecules` must be a padded batch, as from pad_molecules"),
    (lambda: ms.augment([[0.0, 0, 0]], jax.random.key(0)), "`positions` must be an array, got"),
    (lambda: ms.augment(jnp.ones((2, 3), jnp.bfloat16), jax.random.key(0)), "must be floats, float32 or float64"),
    (lambda: SPHERES.coefficients(**{**GEOMETRY, "positions": [[0.0, 0, 0]]}), "`positions` must be an array"),
    (lambda: SPHERES.coefficients(**{**GEOMETRY, "numbers": [[8, 1, 1]]}), "`numbers` must be an array"),
    (lambda: ms.augment(BATCH.positions, jax.random.key(0), reflections="no"), "`reflections` must be True or False"),
    (lambda: ms.predict_ensemble([], [WATER], gap=1), "`gap` must be True or False, got 1"),
    (lambda: ms.target_values(DATA, "H", atomization="no"), "`atomization` must be True or False, got 'no'"),
    (lambda: ms.HeadConfig(width=2, linear="no"), "`linear` must be True or False, got 'no'"),
    (lambda: ms.TrainOptions(plots="no"), "`plots` must be True or False, got 'no'"),
    (lambda: ms.HeadConfig(width=True), "`width` must be an integer, got True"),
    (lambda: ms.Representation(species=8, bandlimit=2), "`species` must be atomic numbers"),
    (lambda: POOL(FEATURES.tolist(), BATCH), "`features` must be an array"),
    (lambda: ms.bucket_of(np.array([2.5]), (3,)), "`sizes` must be integers"),
    (lambda: ms.BatchPlan.build(DATA.num_atoms, 2, buckets=(3.5,)), r"`buckets` must be an integer, got 3\.5"),
    (lambda: ms.batch_iterator([WATER], {}, ms.BatchPlan.build(DATA.num_atoms, 2)), "`data` must be a MoleculeSet"),
    (lambda: MoleculeSet(**{**ARRAYS, "numbers": np.ma.masked_equal(DATA.numbers, 1)}), "got a masked one"),
    (lambda: MoleculeSet(**{**ARRAYS, "numbers": [8, 1, 1] * 2}), "`numbers` must be an array"),
    (lambda: MoleculeSet(**ARRAYS, properties={"a": np.array(["1", "2"])}), "`a` must be numbers, got dtype <U1"),
    (
        lambda: DATA.subset(np.array([True, False])),
        r"`at` must be indices, got a mask; write np\.flatnonzero\(mask\)",
    ),
    (lambda: DATA.subset([0.9]), "`at` must be integers"),
    (lambda: SCALING.baseline([WATER]), "`molecules` must be a MoleculeSet"),
    (lambda: SCALING.restore([1.0], BATCH.numbers), "`scaled` must be an array"),
    (lambda: ms.TrainingRange.of([WATER]), "`data` must be a MoleculeSet"),
    (lambda: ms.target_values([WATER], "H"), "`molecules` must be a MoleculeSet"),
    (lambda: SPLITS.equals(None), "`other` must be of type Splits, got None"),
    (lambda: replaced(SPLITS, train=np.array([0.0])), "`train` must be integers, got dtype float64"),
    # A number would be read as a descriptor of an open file, and that file closed.
    (lambda: Splits.load(987), "not int"),
    (lambda: ms.random_splits(4, 2, 1, seed=None), "`seed` must be an integer, got None"),
    (lambda: heads(config=2), "`config` must be of type HeadConfig, got 2"),
    (lambda: RegressorConfig(head="deepsets"), "`head` must be of type HeadConfig, got 'deepsets'"),
    (lambda: ms.TrainOptions(targets="mu"), "`targets` must be a sequence of strings, got 'mu'"),
    (lambda: ms.TrainOptions.upgraded(None), "`values` must be a dictionary of options by name, got None"),
    (lambda: ms.RunConfig(augmentation="no"), "`augmentation` must be True or False, got 'no'"),
    (lambda: ms.SphereRegressor({}, key=jax.random.key(0)), r"`config` must be of type RegressorConfig, got \{\}"),
    (lambda: ms.from_smiles("O", seed=math.inf), "`seed` must be an integer, got inf"),
    (lambda: ms.read_run_data("a.csv", "mu"), "`targets` must be a sequence of strings, got 'mu'"),
    (lambda: ms.fetch("a.txt", "folder"), "`file` must be a RemoteFile, got 'a.txt'"),
    (lambda: ms.write_predictions("a.csv", [WATER], {"a": [1j]}, {"a": ""}), "`predictions` must be real numbers"),
    (
        lambda: ms.write_predictions("a.csv", [WATER], {"a": [1.0]}, {"a": 1}),
        "`units` must be strings by property, got 1",
    ),
    (lambda: Molecule(np.array([8]), np.array([["0", "0", "0"]])), "`positions` must be real numbers, got dtype <U1"),
]
VALUES = [
    (lambda: ms.pad_molecules([WATER], 2**31), "`size` must be at most 1048576, got 2147483648"),
    (lambda: ms.pad_molecules([WATER], dtype=","), "`dtype` must be one of 'float32', 'float64', got ','"),
    (lambda: ms.bucket_molecules([WATER], batch_size=2**40), "`batch_size` must be at most 1048576"),
    (lambda: ms.random_rotation(jax.random.key(0), (2,) * 99), "`shape` must be at most 1048576"),
    (lambda: replaced(SPHERES, bandlimit=2**31), "`bandlimit` must be at most 4096"),
    (
        lambda: ms.CoulombRepresentation(Grid.gauss_legendre(2), radius=1e300),
        r"`radius` must be finite and above 0 and below 10000, got 1e\+300",
    ),
    (lambda: POOL(np.ones((1, 3, 5), np.float32), BATCH), r"`features` must have shape \(1, 3, 2\).*, got \(1, 3, 5\)"),
    (lambda: ms.TrainOptions(sizes=(1, 2)), r"`sizes` must be three integers, .*, got \(1, 2\)"),
    (lambda: heads(outputs=-1), "`outputs` must be at least 1, got -1"),
    (lambda: ms.HeadConfig(width=2**31), "`width` must be at most 16777216"),
    (
        lambda: heads(config=ms.HeadConfig("transformer", width=2)),
        "`config` must be of the kind 'deepsets', got 'transformer'; take the head of that kind",
    ),
    (lambda: RegressorConfig(embedding=-1), "`embedding` must be at least 1, got -1"),
    (lambda: MoleculeSet(**{**ARRAYS, "positions": DATA.positions * np.nan}), "`positions` must be finite"),
    (lambda: MoleculeSet(**{**ARRAYS, "numbers": DATA.numbers * 99}), "`numbers` must be atomic numbers 1 … 118, got"),
    (lambda: SCALING.scale_values(DATA, np.array(1.0)), r"shape \(2,\), got \(\)"),
    (lambda: replaced(SCALING, scale=0.0), "`scale` must be finite and above 0, got 0.0"),
    (lambda: replaced(SCALING, references=(1.0,)), r"`references` must be one for each of the species \(1, 8\)"),
    (lambda: ms.TrainingRange.from_json(np.float64(1)), "`fields` must be a result of `to_json`"),
    (lambda: ms.fetch_qm9("folder", files=()), "`files` must hold at least one file, got none"),
    (lambda: ms.fetch(ms.RemoteFile("../a", 1, "md5:0", ()), "folder"), "`name` must be a plain file name"),
    (lambda: ms.from_smiles("O", seed=2**40), "`seed` must be at most 2147483647"),
    (
        lambda: ms.read_run_data(".", ("mu",), length_unit="inch"),
        "`length_unit` must be one of 'angstrom', 'bohr', 'nm'",
    ),
    (
        lambda: ms.train(DATA, {"a": np.zeros(2)}, {"a": ""}, replaced(SPLITS, total=3), ms.RunConfig(), "run"),
        "`splits` must be of the 2 molecules of `data`, got splits of 3",
    ),
]


@pytest.mark.parametrize(("call", "message"), TYPES)
def test_values_of_other_types(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize(("call", "message"), VALUES)
def test_values_out_of_range(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_positions_beyond_a_set():
    with pytest.raises(IndexError, match=r"`at` must be within 2 molecules, got 0 … 2"):
        DATA.pad([0, 2], 3)
    with pytest.raises(IndexError, match=r"`at` must be within 2 molecules, got -2 … -2"):
        DATA.pad([-2], 3)


def test_models_with_inconsistent_fields(make_model):
    model = make_model({"energy": "eV", "gap": "eV"})
    for changes, message in (
        (
            {"units": {"gap": "eV", "energy": "eV"}},
            r"one for each of the network's 2 outputs, got \['gap', 'energy'\]",
        ),
        ({"units": {"energy": "eV"}}, "must be of the same properties"),
        ({"scalings": dict.fromkeys(("energy", "gap"), SCALING)}, r"species \(1, 6, 8\), 'energy' has \(1, 8\)"),
    ):
        with pytest.raises(ValueError, match=message):
            replaced(model, **changes)
    for call, message in (
        (lambda: model.predict([WATER], orientations=2**40), "`orientations` must be at most 10000"),
        (lambda: model.save("model.spinnn", kind="other"), r"`extra` must have names other than .*, got \['kind'\]"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="`model` must be a PropertyModel, got None"):
        ms.invariance_error(None, [WATER])


def test_a_model_of_the_other_precision_names_it(make_model, tmp_path):
    path = tmp_path / "model.spinnn"
    with jax.enable_x64(True):
        make_model({"energy": "eV"}).save(path)
    with pytest.raises(ValueError, match=r"holds arrays of float64, JAX makes float32 here; .*JAX_ENABLE_X64=1"):
        ms.PropertyModel.load(path)
    make_model({"energy": "eV"}).save(path)
    with jax.enable_x64(True), pytest.raises(ValueError, match=r"holds arrays of float32, those built .* are float64"):
        ms.PropertyModel.load(path)
