import dataclasses
import json
import signal
import zipfile
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest

import molsphere._model.property_model as property_model
import molsphere._run.train as train_module
import spinharm
from molsphere import (
    HeadConfig,
    Molecule,
    MoleculeSet,
    PropertyModel,
    RegressorConfig,
    RunConfig,
    batch_iterator,
    bucket_molecules,
    mean_errors,
    random_splits,
    train,
)
from molsphere._molecules.batch import padded_size
from spinnn.training import OptimizerConfig, TrainingConfig, save_model

NETWORK = RegressorConfig(
    powers=(2,),
    gaussians=((1.2, 0.4),),
    bandlimits=(3,),
    grid="gauss",
    widths=(4,),
    num_filter_params=(None,),
    embedding=2,
    head=HeadConfig(width=8, linear=True),
)
CONFIG = RunConfig(
    network=NETWORK,
    training=TrainingConfig(
        epochs=6,
        optimizer=OptimizerConfig(learning_rate=1e-2, ema_decay=0.9),
        checkpoint_every=5,
        log_every=5,
    ),
    batch_size=8,
)
UNITS = {"bent": "1/Å", "size": "1"}


@pytest.fixture(autouse=True)
def _standard_promotion():
    """Optax's own arithmetic relies on promotion."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture(scope="module")
def data():
    """Chains of four atoms; the property is Σ 1/r over hydrogens and carbons, and one that composition explains."""
    rng = np.random.default_rng(0)
    molecules, bent, size = [], [], []
    for _ in range(64):
        where = np.arange(4)[:, None] * np.array([1.2, 0, 0]) + rng.uniform(-0.3, 0.3, (4, 3))
        numbers = rng.permutation([1, 1, 6, 6])
        distance = np.linalg.norm(where[:, None] - where, axis=-1)
        molecules.append(Molecule(numbers, where))
        bent.append(sum(1 / distance[i, j] for i in range(4) for j in range(i) if numbers[i] != numbers[j]))
        size.append(2.0)
    return MoleculeSet.from_molecules(molecules), {"size": np.array(size), "bent": np.array(bent)}


@pytest.fixture(scope="module")
def splits():
    return random_splits(64, 40, 12, seed=0)


@pytest.fixture(scope="module")
def trained(data, splits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    with jax.numpy_dtype_promotion("standard"):
        model = train(data[0], data[1], UNITS, splits, CONFIG, folder, progress=False)
    return model, folder


def test_a_run_folder_and_its_model(data, splits, trained):
    model, folder = trained
    molecules, values = data
    held_out = molecules.subset(splits.test)
    wanted = {name: v[splits.test] for name, v in values.items()}
    errors = mean_errors(model, held_out, wanted)
    assert errors["size"] < 0.1
    spread = np.abs(values["bent"] - np.median(values["bent"])).mean()
    assert errors["bent"] < 0.9 * spread
    assert {"config.json", "metrics.jsonl", "checkpoints", "splits.npz", "model.spinnn"} <= {
        path.name for path in folder.iterdir()
    }
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert any("validation_bent" in line for line in lines)
    again = PropertyModel.load(folder / "model.spinnn")
    assert again.units == {"bent": "1/Å", "size": "1"}
    few = [held_out[i] for i in range(3)]
    for name, v in model.predict(few).items():
        np.testing.assert_array_equal(again.predict(few)[name], v)


def test_padding_does_not_depend_on_batch_mates(data, trained, monkeypatch):
    """Else every call would compile shapes of its own."""
    model, _ = trained
    padded = []
    monkeypatch.setattr(
        property_model,
        "bucket_molecules",
        lambda *args, **options: padded.append(options["buckets"]) or bucket_molecules(*args, **options),
    )
    molecules = [data[0][i] for i in range(9)]
    for some in (molecules, molecules[:1], molecules[5:7]):
        model.predict(some)
    assert set(padded[1]) | set(padded[2]) <= set(padded[0]) <= {padded_size(n) for n in range(1, 40)}


def test_predictions_do_not_depend_on_batch_mates(data, trained):
    model, _ = trained
    molecules = [data[0][i] for i in range(9)]
    together, alone = model.predict(molecules, batch_size=4), model.predict(molecules[:1])
    assert together["bent"].shape == (9,)
    np.testing.assert_allclose(alone["bent"], together["bent"][:1], rtol=1e-5)
    on_device = spinharm.jit(model)(data[0].pad([0], 6))["bent"]
    np.testing.assert_allclose(on_device, alone["bent"], rtol=1e-5)


def test_interrupted_and_repeated_runs_are_the_same(data, splits, trained, tmp_path, monkeypatch):
    model, _ = trained
    original, count = batch_iterator, 0

    class Stopping:
        """Asks for a stop after thirteen batches."""

        def __init__(self, inner):
            self.inner = inner
            self.get_state, self.set_state = inner.get_state, inner.set_state

        def __next__(self):
            nonlocal count
            count += 1
            if count == 13:
                signal.raise_signal(signal.SIGTERM)
            return next(self.inner)

    with monkeypatch.context() as patch:
        patch.setattr(train_module, "batch_iterator", lambda *args: Stopping(original(*args)))
        with pytest.raises(SystemExit):
            train(data[0], data[1], UNITS, splits, CONFIG, tmp_path, progress=False)
    resumed = train(data[0], data[1], UNITS, splits, CONFIG, tmp_path, progress=False)
    for a, b in zip(jax.tree.leaves(resumed.network), jax.tree.leaves(model.network), strict=True):
        np.testing.assert_array_equal(a, b)


def test_derivatives_agree_with_differences(data, trained):
    """The derivative of a prediction in a position against central differences."""
    model, _ = trained
    batch = data[0].pad([1], 4)

    @spinharm.jit
    @jax.value_and_grad
    def energy_and_force(positions):
        return model(eqx.tree_at(lambda m: m.positions, batch, positions))["bent"][0]

    positions = np.asarray(batch.positions)
    force = np.asarray(energy_and_force(positions)[1])
    step = 3e-3
    for atom, axis in ((0, 0), (2, 1), (3, 2)):
        shift = np.zeros_like(positions)
        shift[0, atom, axis] = step
        after, before = (energy_and_force(moved)[0] for moved in (positions + shift, positions - shift))
        difference = float(after - before) / (2 * step)
        assert difference == pytest.approx(force[0, atom, axis], abs=2e-2 * float(np.abs(force).max()))


def test_bad_input(data, splits, trained, tmp_path):
    model, folder = trained
    with pytest.raises(ValueError, match=r"`units` must name a unit for each of \['bent', 'size'\].*got \['bent'\]"):
        train(data[0], data[1], {"bent": "1"}, splits, CONFIG, tmp_path)
    with pytest.raises(ValueError, match="must consist of H, C alone, got O"):
        model.predict([Molecule(np.array([8, 1]), np.eye(3)[:2])])
    with pytest.raises(ValueError, match="at least two atoms each, got a lone C"):
        model.predict([Molecule(np.array([6]), np.zeros((1, 3)))])
    other = dataclasses.replace(CONFIG, batch_size=4)
    with pytest.raises(ValueError, match=r"was started with other options: run\.batch_size \(8, now 4\)"):
        train(data[0], data[1], UNITS, splits, other, folder, progress=False)
    parts = random_splits(64, 40, 12, seed=1)
    with pytest.raises(ValueError, match=r"`splits` must be those that the run in .* began with, got others"):
        train(data[0], data[1], UNITS, parts, CONFIG, folder, progress=False)
    save_model(tmp_path / "other.spinnn", {"a": jax.numpy.ones(2)}, {"kind": "something"})
    with pytest.raises(ValueError, match="must be a molsphere model, got the kind 'something'"):
        PropertyModel.load(tmp_path / "other.spinnn")
    whole = (folder / "model.spinnn").read_bytes()
    (tmp_path / "cut.spinnn").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="damaged, cut off or too long"):
        PropertyModel.load(tmp_path / "cut.spinnn")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 0}, "`batch_size` must be at least 1, got 0"),
        ({"loss": "huber"}, "`loss` must be one of .*'huber'"),
    ],
)
def test_bad_run(untyped, change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CONFIG, **change)


def test_what_was_written_before_is_read(data, splits, tmp_path):
    """A model, and a run that was stopped after its first checkpoint, of November 2026."""
    zipfile.ZipFile(Path(__file__).with_name("written_before.zip")).extractall(tmp_path)
    model = PropertyModel.load(tmp_path / "model.spinnn")
    few = [data[0][int(i)] for i in splits.test[:3]]
    wanted = {"bent": [2.26828880, 2.26564349, 2.26879793], "size": [2.02930814, 2.02309836, 2.01511682]}
    for name, values in model.predict(few).items():
        np.testing.assert_allclose(values, wanted[name], rtol=1e-5)
    resumed = train(data[0], data[1], UNITS, splits, CONFIG, tmp_path / "run", progress=False)
    for name, values in resumed.predict(few).items():
        np.testing.assert_allclose(values, wanted[name], rtol=1e-3)
    steps = [json.loads(line)["step"] for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert steps[-1] == 30
