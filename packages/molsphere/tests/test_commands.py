"""The command line, each command through `main`."""

from __future__ import annotations

import contextlib
import csv
import json
import shutil
import signal
import sys
from xml.etree import ElementTree

import jax
import numpy as np
import pytest

from molsphere import (
    Molecule,
    PropertyModel,
    RegressorConfig,
    Splits,
    batch_iterator,
    draw_spheres,
    from_smiles,
    random_splits,
    read_molecules,
    write_predictions,
)
from molsphere.__main__ import _COMMANDS, main
from molsphere._run.evaluation import Evaluation
from spinnn import parameter_count

NETWORK = (
    "--network.powers 2 --network.bandlimits 3 --network.widths 4 --network.num-filter-params None "
    "--network.interactions 1 --network.embedding 2 --network.head.width 8"
).split()
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def _standard_promotion():
    """Optax's own arithmetic relies on promotion."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Chains of four atoms; the property is Σ 1/r over pairs of different elements, in a file with units."""
    rng, molecules, bent = np.random.default_rng(0), [], []
    for at in range(48):
        where = np.arange(4)[:, None] * np.array([1.2, 0, 0]) + rng.uniform(-0.3, 0.3, (4, 3))
        numbers = rng.permutation([1, 1, 6, 6])
        distance = np.linalg.norm(where[:, None] - where, axis=-1)
        molecules.append(Molecule(numbers, where, f"chain {at}"))
        bent.append(sum(1 / distance[i, j] for i in range(4) for j in range(i) if numbers[i] != numbers[j]))
    path = tmp_path_factory.mktemp("data") / "chains.extxyz"
    write_predictions(path, molecules, {"bent": bent}, {"bent": "1/Å"})
    return path


def train_words(data, out, *more):
    words = ["train", "--data", str(data), "--targets", "bent", "--out", str(out), *NETWORK]
    return [*words, *"--epochs 2 --batch-size 8 --sizes 32 8 8 --checkpoint-every 3 --log-every 2".split(), *more]


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "bent"
    with jax.numpy_dtype_promotion("standard"):
        assert main(train_words(data, out)) == 0
    return out


@pytest.fixture
def one_line(capsys):
    """`one_line(words)`: runs, expects status 2 and one line on the error stream; returns it."""

    def check(words):
        words = [str(word) for word in words]
        assert main(words) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1, error
        assert error.startswith(("molsphere ", "molsphere: no command"))
        return error

    return check


def rows(text):
    return list(csv.DictReader(text.splitlines()))


def test_a_run_has_all_of_its_files(run, data):
    names = {path.name for path in run.iterdir()}
    assert names >= {
        "options.json", "config.json", "data.json", "splits.npz", "metrics.jsonl", "checkpoints", "model.spinnn",
        "evaluation.json", "predictions.npz", "parity.png", "error-by-size.png", "learning-curve.png",
    }  # fmt: skip
    assert all((run / name).read_bytes().startswith(PNG) for name in names if name.endswith(".png"))
    order = np.random.default_rng(0).permutation(48)
    splits = Splits.load(run / "splits.npz")
    np.testing.assert_array_equal(splits.train, order[:32])
    np.testing.assert_array_equal(splits.test, order[40:])
    model = PropertyModel.load(run / "model.spinnn")
    assert model.units == {"bent": "1/Å"}
    assert f"{parameter_count(model.network):,}" in model._repr_html_()
    assert isinstance(model.config, RegressorConfig)
    assert model.config.widths == (4,)
    held_out = [read_molecules(data)[i] for i in splits.test]
    wanted = np.array([m.properties["bent"] for m in held_out])
    found = json.loads((run / "evaluation.json").read_text("utf-8"))["bent"]
    assert found["unit"] == "1/Å"
    assert found["parts"]["test"]["molecules"] == 8
    error = np.abs(model.predict(held_out)["bent"] - wanted).mean()
    assert found["parts"]["test"]["mae"] == pytest.approx(error, rel=1e-4)
    assert found["sizes"] == [{"atoms": [4, 4], "molecules": 8, "mae": found["parts"]["test"]["mae"]}]


def test_an_interrupted_run_is_resumed_by_the_same_command(run, data, tmp_path, monkeypatch, capsys):
    count = 0

    class Stopping:
        """Asks for a stop at the fifth batch."""

        def __init__(self, inner):
            self.inner, self.get_state, self.set_state = inner, inner.get_state, inner.set_state

        def __next__(self):
            nonlocal count
            count += 1
            if count == 5:
                signal.raise_signal(signal.SIGTERM)
            return next(self.inner)

    with monkeypatch.context() as patch:
        patch.setattr("molsphere._run.train.batch_iterator", lambda *args: Stopping(batch_iterator(*args)))
        with pytest.raises(SystemExit) as stopped:
            main(train_words(data, tmp_path / "again"))
    assert stopped.value.code == 143
    assert "the same command resumes" in capsys.readouterr().err
    assert not (tmp_path / "again" / "model.spinnn").exists()
    assert main(train_words(data, tmp_path / "again")) == 0
    assert (tmp_path / "again" / "model.spinnn").read_bytes() == (run / "model.spinnn").read_bytes()
    # A configuration file instead of flags; the run is finished, so nothing is left to do.
    assert main(["train", "--config", str(tmp_path / "again" / "options.json"), "--no-plots"]) == 0
    assert "Mean absolute error" in capsys.readouterr().out
    assert (tmp_path / "again" / "model.spinnn").read_bytes() == (run / "model.spinnn").read_bytes()


def test_a_folder_of_another_run_is_refused(run, data, one_line, tmp_path):
    error = one_line(train_words(data, run, "--learning-rate", "0.5"))
    assert f"{run} was started with other options: training.optimizer.learning_rate (0.002, now 0.5)" in error
    other = tmp_path / "other.extxyz"
    other.write_text(data.read_text("utf-8").replace("bent=", "bent=1", 1), "utf-8")
    assert f"`data` must be those that the run in {run} began with, got others" in one_line(train_words(other, run))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--targets", "mu"], "must hold numbers 'mu'; its numeric columns: bent"),
        (["--data", "nothing.xyz"], "found no nothing.xyz"),
        (["--data", ""], "`data` must be given"),
        (["--sizes", "40", "8", "8"], "at most `total` = 48 together, got 40 + 8 + 8"),
        (["--sizes", "0", "8", "8"], "must leave molecules to train on"),
        (["--split", "cormorant"], "`total` must be 130831"),
        (["--units", "a", "b"], "`units` must be one per target, 1, got ('a', 'b')"),
        (["--preset", "huge"], "must be one of paper, small, tiny, interacting, got 'huge'"),
        (["--config", "none.json"], "found no none.json"),
        (["--config"], "argument --config: expected one argument"),
        (["--learning-rate", "-1"], "`learning_rate` must be above 0"),
        (["--batch-size", "0"], "`batch_size` must be at least 1, got 0"),
        (["--network.bandlimits", "3", "3"], "must have one entry per block"),
    ],
)
def test_training_that_cannot_be(data, tmp_path, one_line, more, message):
    assert message in one_line(train_words(data, tmp_path / "run", *more))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train --epochs 0", "`epochs` must be at least 1, got 0; see molsphere train --help"),
        (
            "train --epochs 1e3",
            "--epochs: must be an integer in the digits 0 to 9, got '1e3'; see molsphere train --help",
        ),
        (f"train --seed {10**30}", f"`seed` must be at most {2**63 - 1}, got {10**30}; see"),
        ("train --learning-rate nan", "`learning_rate` must be above 0, got nan; see"),
        ("train --sizes 0 1 1", "`sizes` must leave molecules to train on, got (0, 1, 1); see"),
        ("train --network.widths 0", "network: `widths` must be at least 1, got 0; see"),
        (
            "train --network.spins 1",
            "`spins` must be distinct, 0 among them, below the 4 of `bandlimits`, got (1,); see",
        ),
        ("train --network.head.layers 0", "network.head: `layers` must be at least 1, got 0; see"),
        ("train --network.block.momentum 2", "network.block: `momentum` must be at least 0 and below 1, got 2.0; see"),
        ("predict --models none --batch-size 0", "`batch_size` must be at least 1, got 0; see"),
        ("predict --models none --seed -1", "`seed` must be at least 0, got -1; see"),
        ("evaluate none --rotations -1", "`rotations` must be at least 0, got -1; see"),
        ("plot spheres none.xyz --powers inf", "`powers` must be finite and above 0, got inf; see"),
        ("demo --out none --max-buckets 0", "`max_buckets` must be at least 1, got 0; see"),
    ],
)
def test_numbers_are_refused_before_files_are_looked_for(one_line, words, message):
    name = words.split(" --")[0].split(" none")[0]
    given = ["--data", "none", "--targets", "a", "--out", "none"] if name == "train" else []
    error = one_line([*words.split(), *given])
    assert error.startswith(f"molsphere {name}: ")
    assert message in error
    assert error.endswith(f"see molsphere {name} --help\n")


def test_a_damaged_configuration(tmp_path, one_line):
    for text, message in (
        ("{", "Expecting property name"),
        ('{"colour": 1}', "has no ['colour']"),
        ("3", "a JSON object"),
    ):
        (tmp_path / "c.json").write_text(text)
        assert message in one_line(["train", "--config", tmp_path / "c.json"])


def test_evaluate(run, data, tmp_path, capsys, one_line):
    before = (run / "evaluation.json").read_bytes()
    assert main(["evaluate", str(run)]) == 0
    printed = capsys.readouterr().out
    assert (run / "evaluation.json").read_bytes() == before
    assert "bent, validation" in printed
    assert "1/Å" in printed
    assert main(["evaluate", str(run), "--rotations", "1", "--orientations", "2", "--out", str(tmp_path / "two")]) == 0
    assert "rotation and reflection" in capsys.readouterr().out
    assert "`rotations` must be at least 0, got -1" in one_line(["evaluate", run, "--rotations", "-1"])
    words = ["evaluate", str(run / "model.spinnn"), "--data", str(data), "--out", str(tmp_path / "out")]
    assert main(words) == 0
    result = Evaluation.load(tmp_path / "out")
    assert result.parts == ("all",)
    assert result.index.size == 48
    assert "48" in [cell.text for cell in ElementTree.fromstring(result._repr_html_()).iter("td")]
    assert "needs `data` and `out`" in one_line(["evaluate", run / "model.spinnn"])
    assert "found no" in one_line(["evaluate", tmp_path])
    assert "which has 'bent' in '1/Å', got 'eV'" in one_line([*words, "--units", "eV"])
    assert "`units` must be left out for a run's folder" in one_line(["evaluate", run, "--units", "eV"])
    # Twice the same run is a committee with the errors of one.
    assert main(["evaluate", str(run), str(run), "--out", str(tmp_path / "committee")]) == 0
    assert (tmp_path / "committee" / "evaluation.json").read_bytes() == before
    assert "several models need `out`, by --out" in one_line(["evaluate", run, run])
    assert "`rotations` must be 0 with several models, got 2" in one_line(["evaluate", run, run, "--rotations", "2"])
    other = tmp_path / "other-parts"
    shutil.copytree(run, other)
    random_splits(48, 30, 9).save(other / "splits.npz")
    error = one_line(["evaluate", other])
    assert "splits.npz is damaged, or of another run: its checksum is not that in data.json; take another copy" in error
    # As version 0.1 wrote them, without checksums.
    known = json.loads((other / "data.json").read_text())
    (other / "data.json").write_text(json.dumps({"fingerprint": known["fingerprint"]}))
    assert main(["evaluate", str(run), str(other), "--out", str(tmp_path / "no")]) == 2
    note, error = capsys.readouterr().err.splitlines()
    assert note == f"note: {other}: a run of an earlier version, without checksums: damage in it cannot be detected"
    assert f"must be runs with the same splits, not {run} and {other}" in error
    other = tmp_path / "other.extxyz"
    other.write_text("2\nbent=1.0\nO 0 0 0\nH 0 0 1\n")
    error = one_line(["evaluate", run / "model.spinnn", "--data", other, "--out", tmp_path / "no"])
    assert "must consist of H, C alone, got O in molecule 0" in error


def test_predict_files(run, data, tmp_path, capsys, one_line):
    whole = read_molecules(data)
    model = PropertyModel.load(run / "model.spinnn")
    wanted = model.predict(whole.molecules)["bent"]
    assert main(["predict", str(data), "--models", str(run), "--out", str(tmp_path / "out.csv")]) == 0
    found = rows((tmp_path / "out.csv").read_text("utf-8"))
    np.testing.assert_allclose([float(row["bent [1/Å]"]) for row in found], wanted, rtol=1e-6)
    assert found[3]["name"] == "chain 3"
    assert main(["predict", str(data), "--models", str(run), "--out", str(tmp_path / "out.xyz")]) == 0
    again = read_molecules(tmp_path / "out.xyz")
    np.testing.assert_allclose([float(m.properties["bent"]) for m in again], wanted, rtol=1e-6)
    assert again[0].properties["bent_unit"] == "1/Å"
    capsys.readouterr()
    assert main(["predict", "--smiles", "C#C", "--smiles", "C(", "--models", str(run)]) == 1
    captured = capsys.readouterr()
    (row,) = rows(captured.out)
    assert row["smiles"] == "C#C"
    assert captured.err.startswith("--smiles C(: `smiles` must be")
    assert captured.err.endswith("left out: 1 of 2 records\n")
    assert "`files` or `smiles`" in one_line(["predict", "--models", run])
    assert "`out` must end in" in one_line(["predict", data, "--models", run, "--out", "x.pdf"])
    assert "consist of H, C alone, got O in" not in (error := one_line(["predict", "--smiles", "O", "--models", run]))
    assert "--smiles O: `molecules` must consist of H, C alone, got O" in error
    assert "found no" in one_line(["predict", data, "--models", tmp_path / "no.spinnn"])
    (tmp_path / "empty.xyz").write_text("")
    assert "must hold molecules, got an empty file" in one_line(["predict", tmp_path / "empty.xyz", "--models", run])


def test_broken_records_are_told_by_line_and_the_rest_is_predicted(run, tmp_path, capsys):
    path = tmp_path / "some.smi"
    path.write_text("C#C ethyne\nC( broken\nO water\nC methane\nCC(C)C isobutane\n")
    assert main(["predict", str(path), "--models", str(run)]) == 1
    captured = capsys.readouterr()
    assert [row["name"] for row in rows(captured.out)] == ["ethyne", "methane", "isobutane"]
    assert f"{path}:2: `smiles` must be" in captured.err
    assert f"{path}:3: `molecules` must consist of H, C alone, got O (water)" in captured.err
    assert "left out: 2 of 5 records" in captured.err


def test_damaged_and_foreign_models(run, data, tmp_path, one_line):
    whole = (run / "model.spinnn").read_bytes()
    for size in (4, 200, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.spinnn").write_bytes(whole[:size])
        error = one_line(["predict", data, "--models", tmp_path / "cut.spinnn"])
        assert "cut.spinnn" in error
    (tmp_path / "text.spinnn").write_text("not a model")
    assert "is not a spinnn model file" in one_line(["predict", data, "--models", tmp_path / "text.spinnn"])


def test_ensembles_and_the_gap(make_model, tmp_path, capsys, one_line):
    paths = []
    for name, seed in (("homo", 0), ("homo", 1), ("lumo", 2), ("lumo", 3)):
        paths.append(str(tmp_path / f"{name}-{seed}.spinnn"))
        make_model({name: "meV"}, seed).save(paths[-1])
    words = ["predict", "--smiles", "CCO", "--smiles", "C=O", "--models"]
    assert main([*words, *paths]) == 0
    found = rows(capsys.readouterr().out)
    alone = []
    for path in paths:
        assert main([*words, path]) == 0
        table = rows(capsys.readouterr().out)
        (column,) = (title for title in table[0] if title.endswith("[meV]"))
        alone.append(np.array([float(row[column]) for row in table]))
    column = {title: np.array([float(row[f"{title} [meV]"]) for row in found]) for title in (
        "homo", "homo_std", "lumo", "lumo_std", "gap", "gap_std",
    )}  # fmt: skip
    np.testing.assert_allclose(column["homo"], (alone[0] + alone[1]) / 2, rtol=1e-6)
    np.testing.assert_allclose(column["homo_std"], np.abs(alone[0] - alone[1]) / np.sqrt(2), rtol=1e-4)
    np.testing.assert_allclose(column["gap"], column["lumo"] - column["homo"], atol=1e-6)
    np.testing.assert_allclose(column["gap_std"], np.hypot(column["homo_std"], column["lumo_std"]), rtol=1e-5)
    assert main([*words, *paths, "--no-gap"]) == 0
    assert "gap" not in capsys.readouterr().out
    both = [str(tmp_path / f"both-{seed}.spinnn") for seed in (0, 1)]
    for seed, path in enumerate(both):
        make_model({"homo": "meV", "lumo": "meV"}, seed).save(path)
    assert main([*words, *both]) == 0
    table = rows(capsys.readouterr().out)
    models = [PropertyModel.load(path) for path in both]
    molecules = [from_smiles("CCO"), from_smiles("C=O")]
    gaps = [(p := m.predict(molecules))["lumo"] - p["homo"] for m in models]
    np.testing.assert_allclose([float(r["gap_std [meV]"]) for r in table], np.std(gaps, 0, ddof=1), rtol=1e-4)
    make_model({"homo": "eV"}, 5).save(tmp_path / "other.spinnn")
    assert "in one unit, got 'meV' and 'eV'" in one_line([*words, paths[0], tmp_path / "other.spinnn"])


def test_plots(run, tmp_path, one_line):
    for kind in ("parity", "sizes", "learning"):
        assert main(["plot", kind, str(run), "--out", str(tmp_path / f"{kind}.png")]) == 0
        assert (tmp_path / f"{kind}.png").read_bytes().startswith(PNG)
    for projection in ("mollweide", "orthographic"):
        out = tmp_path / f"{projection}.png"
        words = ["plot", "spheres", "--smiles", "C=O", "--atom", "1", "--projection", projection, "--out", str(out)]
        assert main(words) == 0
        assert out.read_bytes().startswith(PNG)
    assert "`atom` must be 0 … 2, got 7" in one_line(["plot", "spheres", "--smiles", "O", "--atom", "7"])
    assert "`file` or `smiles`" in one_line(["plot", "spheres"])
    assert "run `molsphere evaluate` first" in one_line(["plot", "parity", tmp_path])
    assert "found no" in one_line(["plot", "learning", tmp_path])
    assert "`out` must end in .png, .svg or .pdf" in one_line(["plot", "parity", run, "--out", "x.gif"])


@pytest.mark.slow
def test_spheres_of_a_model_have_its_radial_functions(make_model, tmp_path):
    model = make_model({"homo": "eV"}, 0)
    figure = draw_spheres(from_smiles("CO"), 0, model=model)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title().startswith("O, ")]
    assert titles == [f"O, power {power:g}" for power in model.config.make_representation().radial.powers]
    model.save(tmp_path / "model.spinnn")
    words = ["plot", "spheres", "--smiles", "CO", "--model", str(tmp_path / "model.spinnn")]
    assert main([*words, "--out", str(tmp_path / "spheres.png")]) == 0


def test_missing_matplotlib_names_the_extra(run, data, monkeypatch, one_line, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    error = one_line(["plot", "parity", run])
    assert error == (
        "molsphere plot parity: plotting needs matplotlib, which is not installed: pip install 'molsphere[plot]'\n"
    )
    # Training does not fail for it.
    assert main(train_words(data, run)) == 0
    assert "no plots: plotting needs matplotlib" in capsys.readouterr().out


def test_qm9_fetch(monkeypatch, tmp_path, capsys, one_line):
    from molsphere import FetchError
    from molsphere._commands import qm9

    def give(folder, *, progress=None):
        return tmp_path / "archive"

    monkeypatch.setattr(qm9, "fetch_qm9", give)
    assert main(["qm9", "fetch", "--out", str(tmp_path)]) == 0
    assert "verified" in capsys.readouterr().out

    def fail(folder, *, progress=None):
        raise FetchError("no mirror provided archive. Put it at x by hand")

    monkeypatch.setattr(qm9, "fetch_qm9", fail)
    assert one_line(["qm9", "fetch", "--out", tmp_path]) == (
        "molsphere qm9 fetch: no mirror provided archive. Put it at x by hand\n"
    )


@pytest.mark.parametrize("name", list(_COMMANDS))
def test_help_has_examples(name, capsys):
    with contextlib.suppress(SystemExit):
        assert main([*name.split(), "--help"]) == 0
    printed = capsys.readouterr().out
    assert "example" in printed
    assert f"molsphere {name}" in printed


def test_usage(capsys, one_line):
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in _COMMANDS)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("molsphere ")
    assert main([]) == 2
    capsys.readouterr()
    assert "no command 'fly'; there are demo, qm9 fetch" in one_line(["fly"])
    assert "no command 'plot'" in one_line(["plot"])
    assert "--bogus" in one_line(["predict", "--models", "a", "--bogus"])
    assert "--models" in one_line(["predict"])
    assert "flat" in one_line(["plot", "spheres", "--projection", "flat"])
