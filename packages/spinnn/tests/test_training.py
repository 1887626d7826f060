import dataclasses
import json
import re
import shutil
import signal
import subprocess
import sys
import time
import types
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import spinharm
from spinnn import SpinConv
from spinnn._flags import flat_words
from spinnn.files import FileWarning, replacing
from spinnn.training import (
    Checkpoints,
    Diverged,
    OptimizerConfig,
    Run,
    TrainingConfig,
    fit,
    from_json,
    init_state,
    l1_loss,
    l2_loss,
    load_config,
    load_model,
    make_optimizer,
    make_schedule,
    make_step,
    read_header,
    save_config,
    save_model,
    to_json,
    trained_params,
    weighted_mean,
)
from spinnn.training._optimizer import blend

# A small spin network on coefficients, with state, and endless random batches whose position is a number.
PROGRAM = """
import sys
import time
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from spinnn import SpectralBatchNorm, SpinConv
from spinnn.training import OptimizerConfig, Run, TrainingConfig, fit


class Net(eqx.Module):
    conv: SpinConv
    norm: SpectralBatchNorm

    def __init__(self, key):
        self.conv = SpinConv((0,), (0,), 1, 2, bandlimit=3, key=key)
        self.norm = SpectralBatchNorm((0,), 2)

    def __call__(self, x, state):
        return self.norm(self.conv(x), state)


class Batches:
    pause = 0.0

    def __init__(self):
        self.position = 0

    def __next__(self):
        time.sleep(self.pause)
        self.position += 1
        x = np.random.default_rng(self.position).normal(size=(2, 4, 3, 5, 1, 1))
        return {"x": (x[0] + 1j * x[1]).astype(np.complex64)}

    def get_state(self):
        return {"position": self.position}

    def set_state(self, state):
        self.position = state["position"]


def loss(model, state, batch, key):
    noise = jax.random.normal(key, batch["x"].shape)
    y, state = model(batch["x"] + 0.1 * noise.astype(jnp.complex64), state)
    value = jnp.mean(jnp.abs(y[..., :1] - batch["x"]) ** 2)
    return value, (state, {"twice": 2 * value})


CONFIG = TrainingConfig(
    epochs=2,
    optimizer=OptimizerConfig(learning_rate=3e-2, ema_decay=0.9, clip_norm=1.0),
    checkpoint_every=7,
    log_every=5,
)


def run(folder):
    model, state = eqx.nn.make_with_state(Net)(jax.random.key(0))
    return fit(model, state, loss, Batches(), CONFIG, Run(folder, steps_per_epoch=20, progress=False))


def main(folder):
    model, state = run(folder)
    leaves = jax.tree.leaves((eqx.filter(model, eqx.is_array), state))
    np.savez(f"{folder}/result.npz", **{str(i): np.asarray(leaf) for i, leaf in enumerate(leaves)})


if __name__ == "__main__":
    if len(sys.argv) > 2:
        Batches.pause = float(sys.argv[2])
    main(sys.argv[1])
"""


@pytest.fixture(autouse=True)
def _standard_promotion():
    """Optax's own arithmetic relies on promotion."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("program") / "train.py"
    path.write_text(PROGRAM)
    return path


@pytest.fixture(scope="module")
def tiny(program):
    space: dict = {"__name__": "tiny"}
    exec(compile(program.read_text(), str(program), "exec"), space)
    return space


@pytest.fixture(scope="module")
def whole_run(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    with jax.numpy_dtype_promotion("standard"):
        tiny["main"](folder)
    return folder


def arrays(folder):
    with np.load(folder / "result.npz") as file:
        return dict(file)


def assert_same_run(one, other):
    a, b = arrays(one), arrays(other)
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])
    lines = [[json.loads(line) for line in (f / "metrics.jsonl").read_text().splitlines()] for f in (one, other)]
    for left, right in zip(*lines, strict=True):
        assert {k: v for k, v in left.items() if k != "steps_per_second"} == {
            k: v for k, v in right.items() if k != "steps_per_second"
        }


def interrupted_run(program, folder, kind, moments, seconds):
    """Run the program, stopping it by a signal at each of these shares of the time that a whole run takes."""
    for moment in moments:
        process = subprocess.Popen([sys.executable, str(program), str(folder)], stderr=subprocess.DEVNULL)
        time.sleep(moment * seconds)
        process.send_signal(kind)
        process.wait()
    subprocess.run([sys.executable, str(program), str(folder)], check=True)


def test_killed_and_resumed_is_bit_exact(program, tiny, whole_run, tmp_path):
    """Killed when the first checkpoint is there, and again at a later one; then finished by another process."""
    for step in (7, 21):
        command = [sys.executable, str(program), str(tmp_path), "0.05"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while process.poll() is None and not any((tmp_path / "checkpoints").glob(f"{step}/arrays")):
            time.sleep(0.01)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    with pytest.warns(FileWarning, match=rf"process {process.pid} locked it and has ended; its lock is taken over"):
        tiny["main"](tmp_path)
    assert_same_run(whole_run, tmp_path)


@pytest.mark.slow
def test_killed_at_ten_random_moments_is_bit_exact(program, whole_run, tmp_path, rng):
    start = time.perf_counter()
    subprocess.run([sys.executable, str(program), str(tmp_path / "timed")], check=True)
    seconds = time.perf_counter() - start
    interrupted_run(program, tmp_path / "killed", signal.SIGKILL, rng.uniform(0.3, 1.0, 10), seconds)
    assert_same_run(whole_run, tmp_path / "killed")


def test_ctrl_c_and_a_damaged_checkpoint_resume_bit_exactly(tiny, whole_run, tmp_path, monkeypatch):
    """Ctrl-C in the middle of training, between two checkpoints; the newest one is damaged before it goes on."""
    folder, count = tmp_path / "run", 0
    original = tiny["Batches"].__next__

    def stop_at_ten(self):
        nonlocal count
        count += 1
        if count == 10:
            signal.raise_signal(signal.SIGINT)
        return original(self)

    with monkeypatch.context() as patch:
        patch.setattr(tiny["Batches"], "__next__", stop_at_ten)
        with pytest.raises(SystemExit) as stopped:
            tiny["run"](folder)
    assert stopped.value.code == 130
    assert Checkpoints(folder / "checkpoints", json.loads((folder / "config.json").read_text())).latest_step() == 10
    flip_largest(folder / "checkpoints" / "10" / "arrays")
    told = r"checkpoint 10 in .*; it was removed, and the one before it, checkpoint 7, is used"
    monkeypatch.setattr("spinnn.resume.cores", lambda: 999)
    with pytest.warns(FileWarning) as said:
        model, state = tiny["run"](folder)
    assert re.search(told, str(said[0].message))
    assert "cores, resumes with 999: results may differ in the last digits" in str(said[1].message)
    for i, leaf in enumerate(jax.tree.leaves((eqx.filter(model, eqx.is_array), state))):
        np.testing.assert_array_equal(leaf, arrays(whole_run)[str(i)])


def test_a_finished_run_is_left_as_it_is(tiny, tmp_path):
    first, _ = tiny["run"](tmp_path)
    again, _ = tiny["run"](tmp_path)
    for a, b in zip(jax.tree.leaves(eqx.filter(first, eqx.is_array)), jax.tree.leaves(again), strict=False):
        np.testing.assert_array_equal(a, b)


def test_metrics_and_config_are_written(tiny, tmp_path):
    tiny["run"](tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(5, 41, 5))
    assert all(line["twice"] == pytest.approx(2 * line["loss"]) for line in lines)
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert from_json(TrainingConfig, json.loads((tmp_path / "config.json").read_text())["training"]) == tiny["CONFIG"]


def test_a_step_that_is_not_finite_stops_with_its_batch(tiny, tmp_path, monkeypatch):
    original = tiny["Batches"].__next__

    def poisoned(self):
        batch = original(self)
        return {"x": batch["x"] * np.float32(np.nan)} if self.position == 9 else batch

    monkeypatch.setattr(tiny["Batches"], "__next__", poisoned)
    with pytest.raises(Diverged, match=r"step 8: the loss is nan.*diverged-8.npz.*`learning_rate`"):
        tiny["run"](tmp_path)
    with np.load(tmp_path / "diverged-8.npz") as file:
        assert np.all(np.isnan(file["['x']"]))
    assert Checkpoints(tmp_path / "checkpoints", json.loads((tmp_path / "config.json").read_text())).latest_step() == 7


def test_a_step_compiles_once_and_leaves_a_bad_state_alone(tiny):
    model, net_state = eqx.nn.make_with_state(tiny["Net"])(jax.random.key(0))
    traced = []

    def loss(*args):
        traced.append(1)
        return tiny["loss"](*args)

    optimizer = make_optimizer(OptimizerConfig(warmup_epochs=0.0), 1, 10)
    state, static = init_state(model, net_state, optimizer, key=jax.random.key(1))
    step, batches = make_step(loss, static, optimizer), tiny["Batches"]()
    for _ in range(3):
        state, result = step(state, next(batches))
        assert bool(result.finite)
    before = jax.tree.map(np.asarray, state.params)
    state, result = step(state, {"x": next(batches)["x"] * np.float32(np.inf)})
    assert not bool(result.finite)
    assert int(state.step) == 3
    for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(state.params), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(traced) == 1


def test_a_folder_of_another_configuration_is_left_as_it_is(tiny, tmp_path, monkeypatch):
    tiny["run"](tmp_path)
    before = (tmp_path / "config.json").read_bytes()
    monkeypatch.setitem(tiny, "CONFIG", dataclasses.replace(tiny["CONFIG"], epochs=3))
    with pytest.raises(ValueError, match=r"was started with other options: training\.epochs \(2, now 3\)"):
        tiny["run"](tmp_path)
    assert (tmp_path / "config.json").read_bytes() == before
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json: cannot be read as JSON"):
        tiny["run"](tmp_path)


def test_tensorboard_and_profile_on_request(tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(tiny, "CONFIG", dataclasses.replace(tiny["CONFIG"], tensorboard=True, profile=(3, 100)))
    tiny["run"](tmp_path)
    assert list((tmp_path / "tensorboard").glob("events.out.tfevents.*"))
    assert list((tmp_path / "profile").rglob("*.trace.json.gz"))


def test_the_average_forgets_the_first_weights():
    first, last = jnp.full(3, 100.0), jnp.ones(3)
    average = first
    for step in range(300):
        average = blend(average, last, decay=0.999, step=jnp.asarray(step))
    # 0.999³⁰⁰ of the distance, 74, would be left without the ramp.
    np.testing.assert_allclose(average, last, atol=1e-3)
    # Long after the ramp it is the plain average.
    np.testing.assert_allclose(blend(first, last, decay=0.9, step=jnp.asarray(10_000)), 0.9 * first + 0.1, rtol=1e-6)


def test_on_checkpoint_sees_the_average_and_adds_metrics(tiny, tmp_path):
    model, state = eqx.nn.make_with_state(tiny["Net"])(jax.random.key(0))
    seen = []

    def look(model, state, step):
        seen.append((step, model.conv.weight))
        return {"validation": float(step)}

    run = tiny["Run"](tmp_path, steps_per_epoch=20, on_checkpoint=look, progress=False)
    model, _ = tiny["fit"](model, state, tiny["loss"], tiny["Batches"](), tiny["CONFIG"], run)
    assert [step for step, _ in seen] == [7, 14, 21, 28, 35, 40]
    np.testing.assert_array_equal(seen[-1][1], model.conv.weight)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "validation" in line] == [7, 14, 21, 28, 35, 40]


def test_a_rate_is_shown_on_a_terminal(monkeypatch, capsys):
    from spinnn._progress import progress

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("training", "steps") as advance:
        for step in range(5, 11):
            advance(step, 10)
    shown = capsys.readouterr().err
    assert "10/10" in shown
    assert "steps/s" in shown


def test_sharded_steps_equal_unsharded_ones(tiny):
    from jax.sharding import NamedSharding, PartitionSpec

    mesh = jax.make_mesh((2,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
    optimizer = make_optimizer(OptimizerConfig(warmup_epochs=0.0), 1, 10)
    results = []
    for place in (lambda x: x, lambda x: jax.device_put(x, NamedSharding(mesh, PartitionSpec("batch")))):
        model, net_state = eqx.nn.make_with_state(tiny["Net"])(jax.random.key(0))
        state, static = init_state(model, net_state, optimizer, key=jax.random.key(1))
        if results:
            state = jax.device_put(state, NamedSharding(mesh, PartitionSpec()))
        step, batches = make_step(tiny["loss"], static, optimizer), tiny["Batches"]()
        for _ in range(3):
            state, result = step(state, place(next(batches)))
        results.append(float(result.loss))
    assert results[0] == pytest.approx(results[1], rel=1e-5)


def test_checkpoint_of_another_configuration(tmp_path):
    tree = {"a": jnp.arange(3.0)}
    first = Checkpoints(tmp_path, {"width": 1})
    first.save(1, tree, {})
    first.close()
    with pytest.raises(ValueError, match="belongs to another configuration"):
        Checkpoints(tmp_path, {"width": 2}).restore(tree)
    with pytest.raises(ValueError, match=r"cannot be read into this model|the model's is"):
        Checkpoints(tmp_path, {"width": 1}).restore({"a": jnp.arange(4.0)})
    restored, _ = Checkpoints(tmp_path, {"width": 1}).restore(tree)
    np.testing.assert_array_equal(restored["a"], tree["a"])
    with pytest.raises(FileNotFoundError, match="no checkpoint 5 in"):
        Checkpoints(tmp_path, {"width": 1}).restore(tree, 5)
    with pytest.raises(ValueError, match=r"`tree` must hold at least one array, got \{\}"):
        first.save(7, {}, {})
    with pytest.raises(ValueError, match="`step` must be at least 0, got -1"):
        first.save(-1, tree, {})


def flip_largest(folder):
    """Turn a bit in the middle of the largest file of a folder."""
    path = max((one for one in folder.rglob("*") if one.is_file()), key=lambda one: one.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(bytes(content))


def test_a_flipped_bit_in_a_checkpoint_is_refused(tmp_path):
    """Noise, which orbax does not compress, so that any bit of it can be read."""
    tree = {"a": jnp.asarray(np.random.default_rng(0).normal(size=5000), jnp.float32)}
    checkpoints = Checkpoints(tmp_path, {})
    checkpoints.save(1, tree, {"position": 3})
    checkpoints.close()
    flip_largest(tmp_path / "1" / "arrays")
    with pytest.raises(ValueError, match=r"checkpoint 1 in .* (is damaged: its checksum|cannot be read)"):
        Checkpoints(tmp_path, {}).restore(tree)


def test_a_checkpoint_on_a_full_disk_is_one_error(tmp_path, monkeypatch):
    tree = {"a": jnp.arange(3.0)}
    checkpoints = Checkpoints(tmp_path, {})
    checkpoints.save(1, tree, {})
    monkeypatch.setattr("shutil.disk_usage", lambda path: types.SimpleNamespace(free=10_000))
    with pytest.raises(OSError, match=rf"No space left on device: '{tmp_path}'"):
        checkpoints.save(2, tree, {})
    checkpoints.close()
    restored, _ = Checkpoints(tmp_path, {}).restore(tree)
    np.testing.assert_array_equal(restored["a"], tree["a"])


def test_damaged_checkpoint(tmp_path):
    tree = {"a": jnp.arange(1000.0)}
    checkpoints = Checkpoints(tmp_path, {})
    checkpoints.save(1, tree, {})
    checkpoints.close()
    for path in (tmp_path / "1" / "arrays").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"checkpoint 1 in .* cannot be read"):
        Checkpoints(tmp_path, {}).restore(tree)


def test_model_file_round_trip_and_damage(tiny, tmp_path):
    path, config = tmp_path / "model.spinnn", {"seed": 3}

    def build(config):
        return eqx.nn.make_with_state(tiny["Net"])(jax.random.key(config["seed"]))

    saved = build({"seed": 5})
    save_model(path, saved, config)
    loaded, header = load_model(path, build)
    for a, b in zip(jax.tree.leaves(saved), jax.tree.leaves(loaded), strict=True):
        np.testing.assert_array_equal(a, b)
    assert header["config"] == config
    assert header["versions"]["jax"] == jax.__version__
    assert read_header(path) == header
    whole = path.read_bytes()
    for content, message in (
        (b"PK\x03\x04 a zip", "is not a spinnn model file"),
        (whole[:40], "damaged, cut off or too long"),
        (whole[:-30], "damaged, cut off or too long"),
        (whole + b"\0", "damaged, cut off or too long"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            load_model(path, build)
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="arrays that are not the 1 of the model"):
        load_model(path, lambda config: jnp.zeros(3))


def as_old_file(whole, header):
    """A model file as version 0.1 wrote it: another first line, and no checksum."""
    return b"SPINNN1\n" + (json.dumps(header).encode() + b"\n" if header else whole[whole.index(b"{") :])


def build_arrays(config):
    return {"a": jnp.zeros(5), "b": np.zeros((2, 3), np.float64)} if config["kind"] == "arrays" else {}


def test_a_flipped_bit_anywhere_in_a_model_file_is_refused(tmp_path):
    path = tmp_path / "model.spinnn"
    save_model(path, {"a": jnp.arange(5.0), "b": np.ones((2, 3))}, {"kind": "arrays"})
    whole = path.read_bytes()
    for at in np.linspace(0, len(whole) - 1, 60).astype(int):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        for read in (lambda: load_model(path, build_arrays), lambda: read_header(path)):
            with pytest.raises(ValueError, match=r"model\.spinnn(: the model file is damaged| is not a spinnn model)"):
                read()
    # A new file that pretends to be an old one has no header where that would be.
    path.write_bytes(b"SPINNN1\n" + whole[8:])
    with pytest.raises(ValueError, match="header of the model file is damaged"):
        load_model(path, build_arrays)


def test_a_model_file_of_the_version_without_checksums_is_read_and_said(tmp_path):
    path = tmp_path / "model.spinnn"
    save_model(path, {"a": jnp.arange(5.0), "b": np.ones((2, 3))}, {"kind": "arrays"})
    old = as_old_file(path.read_bytes(), None)
    path.write_bytes(old)
    with pytest.warns(FileWarning, match=r"model\.spinnn: a model file of an earlier version, without checksum"):
        loaded, _ = load_model(path, build_arrays)
    np.testing.assert_array_equal(loaded["a"], np.arange(5.0))
    path.write_bytes(old + b"more")
    with (
        pytest.warns(FileWarning, match="without checksum"),
        pytest.raises(ValueError, match="is too long, with bytes after its arrays"),
    ):
        load_model(path, build_arrays)


def test_weights_that_are_not_finite_are_said(tmp_path):
    tree = {"a": jnp.array([1.0, jnp.nan, 0, 0, 0]), "b": np.ones((2, 3))}
    with pytest.warns(FileWarning, match="1 of the model's 2 arrays have values that are not finite"):
        save_model(tmp_path / "m.spinnn", tree, {"kind": "arrays"})
    with pytest.warns(FileWarning, match=r"m\.spinnn: 1 of the model's 2 arrays"):
        load_model(tmp_path / "m.spinnn", build_arrays)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ([1], "header of the model file is damaged"),
        ({"config": 3, "versions": {}, "arrays": []}, "`config` of the model file's header must be an object, got 3"),
        ({"config": {}, "versions": {}, "arrays": 5}, "`arrays` of the model file's header must be a list, got 5"),
        ({"config": {}, "versions": {}, "arrays": []}, "the config of the model file must have 'kind'"),
        ({"config": {"kind": "arrays"}, "versions": {}, "arrays": [None]}, "1 arrays that are not the 2 of the model"),
    ],
)
@pytest.mark.filterwarnings("ignore::spinnn.files.FileWarning")
def test_malformed_headers_of_model_files(tmp_path, header, message):
    path = tmp_path / "model.spinnn"
    path.write_bytes(as_old_file(b"", header))
    with pytest.raises(ValueError, match=rf"model\.spinnn: .*{message}"):
        load_model(path, build_arrays)
    path.write_bytes(b"SPINNN1\n" + b"[" * 100_000 + b"\n")
    with pytest.raises(ValueError, match="header of the model file is damaged"):
        load_model(path, build_arrays)


@dataclasses.dataclass(frozen=True)
class Nested:
    pairs: tuple[tuple[float, float], ...] = ()
    mixed: tuple[int, tuple[str, ...]] | None = None


def test_nested_tuples_come_back_as_tuples(tmp_path):
    config = Nested(((1.0, 2.0), (3.0, 4.0)), (1, ("a", "b")))
    save_config(tmp_path / "c.json", config)
    loaded = load_config(tmp_path / "c.json", Nested)
    assert loaded == config
    assert hash(loaded) == hash(config)


@dataclasses.dataclass(frozen=True)
class Renamed:
    """Options, of which one had another name."""

    size: int = dataclasses.field(default=1, metadata={"formerly": "length"})


@dataclasses.dataclass(frozen=True)
class Outer:
    """Options with others inside."""

    inner: Renamed = Renamed()
    several: tuple[Renamed, ...] = ()


def test_renamed_fields_are_read_by_former_names():
    present = {"inner": {"size": 3}, "several": [{"size": 4}]}
    former = {"inner": {"length": 3}, "several": [{"length": 4}]}
    config = Outer(Renamed(3), (Renamed(4),))
    assert from_json(Outer, present) == from_json(Outer, former) == config
    assert to_json(config) == present
    assert to_json(config, former_names=True) == former
    both = "`length` must not be given together with `size`, its present name, got both in `inner`"
    with pytest.raises(ValueError, match=both):
        from_json(Outer, {"inner": {"size": 3, "length": 3}})
    words = ["--inner.length", "5", "--outer=6"]
    assert flat_words(Outer, words) == ["--inner.size", "5", "--outer=6"]
    assert flat_words(Outer, ["--inner.length=5"]) == ["--inner.size=5"]


def test_config_json_round_trip(tmp_path):
    config = TrainingConfig(epochs=3, optimizer=OptimizerConfig(name="muon", weight_decay=0.1), profile=(2, 4))
    save_config(tmp_path / "c.json", config)
    assert load_config(tmp_path / "c.json", TrainingConfig) == config
    assert [path.name for path in tmp_path.iterdir()] == ["c.json"]
    with pytest.raises(ValueError, match=r"TrainingConfig has no \['epoch'\], it has"):
        from_json(TrainingConfig, {"epoch": 3})
    optimizer = r"c\.json: `optimizer\.learning_rate` must be a finite number, got"
    for text, message in (
        ("{", r"c\.json: cannot be read as JSON"),
        ("3", r"c\.json: must be a JSON object, got int"),
        ("[" * 100_000, r"c\.json: cannot be read: its JSON is nested too deeply"),
        ('{"epochs": "3"}', r"c\.json: `epochs` must be an integer, got '3'"),
        ('{"epochs": true}', r"c\.json: `epochs` must be an integer, got True"),
        ('{"profile": [1]}', r"c\.json: `profile` must have 2 entries, got \[1\]"),
        ('{"profile": [1, 2.5]}', r"c\.json: `profile\[1\]` must be an integer, got 2\.5"),
        ('{"tensorboard": null}', r"c\.json: `tensorboard` must be true or false, got None"),
        ('{"optimizer": []}', r"c\.json: `optimizer` must be an object, got \[\]"),
        ('{"optimizer": {"learning_rate": "x"}}', optimizer + " 'x'"),
        ('{"optimizer": {"learning_rate": NaN}}', optimizer + " nan"),
        (f'{{"optimizer": {{"learning_rate": {10**400}}}}}', optimizer + " 1000"),
        (
            '{"optimizer": {"learning_rate": -1.0}}',
            r"c\.json: `learning_rate` must be above 0, got -1\.0 in `optimizer`",
        ),
        (
            '{"optimizer": {"name": "sgd"}}',
            r"c\.json: `optimizer\.name` must be 'adam' or 'adamw' or 'muon' or 'schedule-free', got 'sgd'",
        ),
    ):
        (tmp_path / "c.json").write_text(text)
        with pytest.raises(ValueError, match=message):
            load_config(tmp_path / "c.json", TrainingConfig)
    with pytest.raises(FileNotFoundError, match=r"found no .*none\.json"):
        load_config(tmp_path / "none.json", TrainingConfig)


def test_a_file_that_is_not_finished_leaves_the_old_one(tmp_path):
    path = tmp_path / "folder" / "file.txt"
    with replacing(path) as file:
        file.write("old")

    def interrupted():
        with replacing(path) as file:
            file.write("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert [other.name for other in path.parent.iterdir()] == ["file.txt"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "`epochs` must be at least 1, got 0"),
        ({"keep_checkpoints": 0}, "`keep_checkpoints` must be at least 1, got 0"),
        ({"profile": (5, 2)}, r"`profile` must be \(first, last\) with 0 ≤ first ≤ last, or None, got \(5, 2\)"),
    ],
)
def test_bad_training_config(untyped, change, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.0}, "`learning_rate` must be above 0, got 0.0"),
        ({"warmup_epochs": -1.0}, "`warmup_epochs` must be 0 or more, got -1.0"),
        ({"ema_decay": 1.0}, "`ema_decay` must be between 0 and 1, or None, got 1.0"),
        ({"weight_decay": 0.1}, "`weight_decay` needs name 'adamw', 'muon' or 'sched"),
        ({"name": "sgd"}, "`name` must be 'adam', 'adamw', 'muon' or 'schedule-free', got 'sgd'"),
        ({"schedule": "step"}, "`schedule` must be 'cosine', 'linear', 'constant' or 'inverse-sqrt', or None, got"),
        ({"b1": 1.0}, "`b1` must be 0 or more and below 1, got 1.0"),
        ({"b2": -0.1}, "`b2` must be 0 or more and below 1, got -0.1"),
        ({"schedule": "constant", "final_fraction": 0.1}, "`final_fraction` needs schedule 'cosine' or 'linear'"),
        ({"name": "schedule-free", "ema_decay": 0.9}, "`ema_decay` must be None with name 'schedule-free', which aver"),
        ({"name": "schedule-free", "schedule": "linear"}, "`schedule` must be 'constant' or None with name 'schedule-"),
        ({"name": "schedule-free", "final_fraction": 0.1}, "`final_fraction` needs schedule 'cosine' or 'linear'"),
        ({"name": "schedule-free", "b1": 0.0}, "`b1` must be above 0 with name 'schedule-free', got 0.0"),
    ],
)
def test_bad_optimizer(untyped, change, message):
    with pytest.raises(ValueError, match=message):
        OptimizerConfig(**change)


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (OptimizerConfig, {"learning_rate": "x"}, "`learning_rate` must be above 0, got 'x'"),
        (OptimizerConfig, {"clip_norm": (1,)}, r"`clip_norm` must be above 0, or None, got \(1,\)"),
        (TrainingConfig, {"epochs": 2.5}, r"`epochs` must be an integer, got 2\.5"),
        (TrainingConfig, {"seed": "a"}, "`seed` must be an integer, got 'a'"),
        # True would be taken as 1.
        (TrainingConfig, {"seed": True}, "`seed` must be an integer, got True"),
        (TrainingConfig, {"profile": (False, 2)}, r"`profile` must be \(first, last\) .* got \(False, 2\)"),
        (TrainingConfig, {"tensorboard": "no"}, "`tensorboard` must be True or False, got 'no'"),
        (OptimizerConfig, {"learning_rate": True}, "`learning_rate` must be above 0, got True"),
    ],
)
def test_configs_of_wrong_types(untyped, kind, change, message):
    with pytest.raises(TypeError, match=message):
        kind(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps_per_epoch": True}, "`steps_per_epoch` must be an integer, got True"),
        ({"place": "cpu"}, "`place` must be a function or None, got 'cpu'"),
        ({"progress": "no"}, "`progress` must be True or False, got 'no'"),
    ],
)
def test_runs_of_wrong_types(untyped, change, message):
    with pytest.raises(TypeError, match=message):
        Run(**{"folder": "run", "steps_per_epoch": 1, **change})


def test_schedule_warms_up_and_decays():
    schedule = make_schedule(OptimizerConfig(learning_rate=0.1, final_fraction=0.01), 5, 10)
    rates = [np.asarray(schedule(step)) for step in (0, 5, 10, 30, 50)]
    np.testing.assert_allclose(rates, [0, 0.05, 0.1, 0.1 * (0.01 + 0.99 * 0.5), 0.001], rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        ("linear", [0, 0.05, 0.1, 0.1 * (0.01 + 0.99 * 0.5), 0.001]),
        ("constant", [0, 0.05, 0.1, 0.1, 0.1]),
        ("inverse-sqrt", [0, 0.05, 0.1, 0.1 * 3**-0.5, 0.1 * 5**-0.5]),
    ],
)
def test_schedules(schedule, wanted):
    share = 0.01 if schedule == "linear" else 0.0
    made = make_schedule(OptimizerConfig(learning_rate=0.1, final_fraction=share, schedule=schedule), 5, 10)
    rates = [np.asarray(made(step)) for step in (0, 5, 10, 30, 50)]
    np.testing.assert_allclose(rates, wanted, rtol=1e-4, atol=1e-9)
    cold = make_schedule(OptimizerConfig(schedule=schedule, warmup_epochs=0.0), 5, 10)
    np.testing.assert_allclose(np.asarray(cold(0)), 1e-3, rtol=1e-6)


class Ones:
    """Batches of ones, without a position."""

    def __next__(self):
        return jnp.ones(4)

    def get_state(self):
        return 0

    def set_state(self, state):
        pass


def noisy_quadratic(optimizer, steps) -> Any:
    """The state after steps down 50 (w − 3)² with noise in the gradient."""

    def loss(model, net_state, batch, key):
        return 50 * jnp.sum((model - 3.0 + batch) ** 2), (net_state, {})

    state, static = init_state(jnp.zeros(2), None, optimizer, key=jax.random.key(0))
    step = make_step(loss, static, optimizer)
    for noise in np.random.default_rng(0).normal(size=(steps, 2)).astype(np.float32):
        state, _ = step(state, jnp.asarray(noise))
    return state


def test_schedule_free_evaluates_the_average_of_its_optimizer():
    """With b1 = 0.5, gradients are taken halfway between the average x and the optimiser's own sequence z."""
    config = OptimizerConfig(name="schedule-free", learning_rate=0.2, warmup_epochs=0.1, clip_norm=1e3, b1=0.5, b2=0.99)
    state = noisy_quadratic(make_optimizer(config, 1, 200), 200)
    average = trained_params(state)
    inner: Any = next(s for s in state.opt_state if isinstance(s, optax.contrib.ScheduleFreeState))
    np.testing.assert_allclose(state.params, 0.5 * average + 0.5 * inner.z, rtol=1e-5)
    assert np.abs(average - 3.0).max() < 0.3
    assert np.abs(average - state.params).max() > 1e-3
    # Without another average, other optimisers give the parameters themselves.
    adam = make_optimizer(OptimizerConfig(), 1, 2)
    plain = init_state(jnp.zeros(2), None, adam, key=jax.random.key(0))[0]
    assert trained_params(plain) is plain.params


def test_schedule_free_models_are_averages_and_resume(tmp_path):
    config = TrainingConfig(
        epochs=3, optimizer=OptimizerConfig(name="schedule-free", learning_rate=0.5, warmup_epochs=0.0, b1=0.5)
    )

    def loss(model, net_state, batch, key):
        return jnp.mean((model * batch - 3.0) ** 2), (net_state, {})

    def trained(folder, training):
        said = []

        def keep(model, net_state, step):
            said.append(float(model))
            return {}

        run = Run(folder, steps_per_epoch=4, progress=False, on_checkpoint=keep)
        model, _ = fit(jnp.zeros(()), None, loss, Ones(), training, run)
        return float(model), said

    model, said = trained(tmp_path / "whole", dataclasses.replace(config, checkpoint_every=6))
    assert said[-1] == model
    # Adam's first step is one learning rate long, and so is that of z; the average of that one step is z.
    first, _ = trained(tmp_path / "one", dataclasses.replace(config, epochs=1, checkpoint_every=1))
    assert 0 < first < model < 3
    checkpoints = tmp_path / "whole" / "checkpoints"
    newest = max(checkpoints.iterdir(), key=lambda path: int(path.name) if path.name.isdigit() else -1)
    shutil.rmtree(newest)
    assert trained(tmp_path / "whole", dataclasses.replace(config, checkpoint_every=6))[0] == model


def test_b1_and_b2_reach_the_optimizers():
    """Three steps with gradients 1, 2, 3 against the formula of Adam, by Nesterov's step for what Muon leaves to it."""
    rate, b1, b2 = 0.1, 0.7, 0.6
    mean = square = plain = nesterov = 0.0
    for step, gradient in enumerate((1.0, 2.0, 3.0), start=1):
        mean, square = b1 * mean + (1 - b1) * gradient, b2 * square + (1 - b2) * gradient**2
        scale = rate / (square / (1 - b2**step)) ** 0.5
        plain -= scale * mean / (1 - b1**step)
        nesterov -= scale * (b1 * mean / (1 - b1 ** (step + 1)) + (1 - b1) * gradient / (1 - b1**step))
    for name, wanted in (("adam", plain), ("adamw", plain), ("muon", nesterov)):
        config = OptimizerConfig(name=name, learning_rate=rate, warmup_epochs=0.0, schedule="constant", b1=b1, b2=b2)  # pyright: ignore[reportArgumentType]
        optimizer = make_optimizer(config, 1, 9)
        params: Any = jnp.zeros(1)
        state = optimizer.init(params)
        for gradient in (1.0, 2.0, 3.0):
            updates, state = optimizer.update(jnp.full(1, gradient), state, params)
            params = optax.apply_updates(params, updates)
        np.testing.assert_allclose(params, [wanted], rtol=1e-5, err_msg=name)


def test_records_of_runs_are_those_of_before_options_were_added():
    """Checkpoints of earlier versions know their run by these options alone."""
    before = {
        "name": "adamw",
        "learning_rate": 0.001,
        "warmup_epochs": 1.0,
        "final_fraction": 0.0,
        "weight_decay": 0.01,
        "clip_norm": None,
        "ema_decay": 0.9,
    }
    config = from_json(OptimizerConfig, before)
    assert (config.decay, config.b1, config.b2) == ("cosine", 0.9, 0.999)
    assert to_json(config, former_names=True) == before
    changed = dataclasses.replace(config, b2=0.99, schedule="linear")
    assert to_json(changed, former_names=True) == {**before, "b2": 0.99, "schedule": "linear"}
    assert from_json(OptimizerConfig, to_json(changed)) == changed


@pytest.mark.parametrize("name", ["adam", "adamw", "muon", "schedule-free"])
def test_optimizers_train_spin_layers(name):
    conv = SpinConv((0,), (0,), 2, 2, bandlimit=3, key=jax.random.key(0))
    optimizer = make_optimizer(OptimizerConfig(name=name, learning_rate=0.05, warmup_epochs=0.0), 1, 50)
    params, static = eqx.partition(conv, eqx.is_inexact_array)
    x = jnp.ones((3, 5, 1, 2), jnp.complex64)

    def loss(params):
        return l2_loss(eqx.combine(params, static)(x), x)

    @spinharm.jit
    def update(params, state):
        updates, state = optimizer.update(jax.grad(loss)(params), state, params)
        return optax.apply_updates(params, updates), state

    state, first = optimizer.init(params), float(loss(params))
    for _ in range(30):
        params, state = update(params, state)
    assert float(loss(params)) < 0.5 * first


def test_losses(rng):
    a, b = (jnp.asarray(x) for x in rng.normal(size=(2, 4, 3)).astype(np.float32))
    weights = jnp.asarray(rng.uniform(size=(4, 1)).astype(np.float32))
    np.testing.assert_allclose(l1_loss(a, b), np.abs(a - b).mean(), rtol=1e-5)
    np.testing.assert_allclose(
        l2_loss(a, b, weights), np.average((a - b) ** 2, weights=weights * np.ones(3)), rtol=1e-5
    )
    z = jax.lax.complex(a, b)
    np.testing.assert_allclose(l1_loss(z, 0 * z), np.abs(z).mean(), rtol=1e-5)
    np.testing.assert_allclose(l2_loss(z, 0 * z), (np.abs(z) ** 2).mean(), rtol=1e-5)
    assert jnp.all(jax.grad(lambda x: l1_loss(x, z))(z) == 0)
    assert float(weighted_mean(a, jnp.zeros((4, 1), bool))) == 0


def test_configs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingConfig().epochs = 3  # pyright: ignore[reportAttributeAccessIssue]
    assert to_json(TrainingConfig())["optimizer"]["name"] == "adam"
