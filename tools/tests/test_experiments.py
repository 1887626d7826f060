"""The runner of experiments: commands that parse, runs that are resumed, tables of their errors."""

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from experiments import run
from experiments._experiment import Experiment, Row, table
from experiments._runs import Run, outcome
from molsphere import TrainOptions
from spinnn.command import parse_with_config

RUNS = {row.run.name: row.run for made in run.EXPERIMENTS.values() for row in made.rows()}


class Made(Run):
    """A run of a program of the test."""

    def command(self, data: Path, out: Path) -> list[str]:
        return ["-c", data.read_text(), str(out / self.name)]


def ended(out: Path, name: str, errors: tuple[float, float, float], seconds: float, *, whole: bool = True) -> None:
    """Files of a run that ended."""
    record = {"running": False, "ended": True, "seconds": seconds, "whole": whole, "command": []}
    (out / f"{name}.json").write_text(json.dumps(record))
    (out / name).mkdir()
    parts = {part: {"mae": mae} for part, mae in zip(("training", "validation", "test"), errors, strict=True)}
    (out / name / "evaluation.json").write_text(json.dumps({"H": {"unit": "meV", "parts": parts}}))


@pytest.mark.parametrize("name", ["mu", "H-500", "H-short-scalars", "H-short-muon", "H-short-schedule-free"])
def test_commands_parse_to_the_options_that_they_name(name: str) -> None:
    words = RUNS[name].command(Path("qm9.npz"), Path("runs"))[3:]
    options = parse_with_config(
        TrainOptions, "train", words, "Train.", lambda _: TrainOptions(), TrainOptions.with_preset
    )
    assert options.out == str(Path("runs") / name)
    assert options.training.epochs == RUNS[name].options["epochs"]
    assert options.make_splits(11_000).train.size == RUNS[name].options["sizes"][0]
    assert options.network == TrainOptions().with_preset("interacting").network or any("network" in w for w in words)


def test_runs_of_one_name_are_one_run() -> None:
    for made in run.EXPERIMENTS.values():
        for row in made.rows():
            assert RUNS[row.run.name] == row.run


def test_table_has_ended_runs_and_the_spread_of_seeds(tmp_path: Path) -> None:
    rows = [
        Row({"network": "a"}, Run("a", {})),
        Row({"network": "a"}, Run("a-1", {})),
        Row({"network": "b"}, Run("b", {})),
    ]
    assert table(rows, tmp_path) == []
    ended(tmp_path, "a", (1.0, 2.0, 3.0), 60.0)
    figures = {"one core [min]": 1.0, "training": 1.0, "validation": 2.0, "test": 3.0}
    assert table(rows, tmp_path)[0] == {"network": "a", "seeds": 1, **figures, "unit": "meV"}
    ended(tmp_path, "a-1", (1.0, 2.0, 5.0), 120.0)
    ended(tmp_path, "b", (1.0, 2.0, 5.0), 120.0, whole=False)
    both, other = table(rows, tmp_path)
    assert (both["seeds"], both["one core [min]"], both["test"]) == (2, 1.5, "4 ± 1.4")
    assert other["one core [min]"] is None


def test_run_that_fails_is_told_and_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "program.py"
    program.write_text("import sys; sum(range(10**6)); print('no'); sys.exit(3)")
    made = Made("made", {})
    assert run.perform([made], program, tmp_path, 1) == [made]
    assert "made: failed with status 3, see" in capsys.readouterr().out
    assert (tmp_path / "made.log").read_text() == "no\n"
    record: dict[str, Any] = json.loads((tmp_path / "made.json").read_text())
    assert not record["ended"]
    assert record["seconds"] > 0

    program.write_text("print('yes')")
    assert run.perform([made], program, tmp_path, 1) == []
    assert (tmp_path / "made.log").read_text() == "no\nyes\n"
    again = json.loads((tmp_path / "made.json").read_text())
    assert again["ended"]
    assert again["seconds"] > record["seconds"]


def test_stopped_runner_stops_its_runs_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = ["-c", "import time; print(1, flush=True); time.sleep(60)"]
    monkeypatch.setattr(Run, "command", lambda self, data, out: waiting)

    def interrupt() -> None:
        log = tmp_path / "H.log"
        while not (log.exists() and log.read_text()):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    monkeypatch.setitem(run.EXPERIMENTS, "one", Experiment("", lambda: [Row({}, RUNS["H"]), Row({}, RUNS["H-80"])]))
    assert run.main(["one", "--data", __file__, "--out", str(tmp_path), "--jobs", "1"]) == 130
    assert capsys.readouterr().err == "stopped; the same command again resumes\n"
    record = json.loads((tmp_path / "H.json").read_text())
    assert (record["running"], record["ended"], record["whole"]) == (False, False, True)
    assert outcome(RUNS["H"], tmp_path) is None
    assert not (tmp_path / "H-80.json").exists()


def test_wrong_names_and_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["nothing", "--data", __file__, "--out", str(tmp_path)])
    assert "NAME must be of molecule-targets" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run.main(["molecule-seeds", "--data", str(tmp_path / "none"), "--out", str(tmp_path)])
    assert "--data must be the file of QM9" in capsys.readouterr().err


@pytest.mark.slow
def test_an_experiment_in_miniature(tmp_path: Path, qm9_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["molecule-seeds", "--data", str(qm9_file), "--out", str(tmp_path), "--smoke"]
    assert run.main(words) == 0
    assert "interacting" in capsys.readouterr().out
    assert run.main(words) == 0  # nothing is repeated
    assert (tmp_path / "smoke-H.log").read_text().count("wrote") == 1
