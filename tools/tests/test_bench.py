"""The runner of benchmarks and the comparison of results, on a benchmark made up here."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import _results, run

FACTS = {"processor": "one", "cores": 2, "memory [GiB]": 8, "devices": ["cpu"]}
MODULE = '''"""Made up."""

from pathlib import Path

PACKAGES = ()
TABLE = (Path(__file__).parent / "page.md", ".3g")


def measure():
    """One row."""
    return {{"rows": [{{"L": 16, "time [ms]": {time}, "ratio": 2.0}}], "mean ratio": 2.0}}
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Benchmarks: one that runs, one that lacks a library, one that fails."""
    (tmp_path / "made_up.py").write_text(MODULE.format(time=10.0))
    (tmp_path / "made_of_air.py").write_text("import no_such_library.part\n")
    (tmp_path / "made_wrong.py").write_text(
        '"""Wrong."""\nPACKAGES = ()\n\n\ndef measure():\n    raise OSError("so")\n'
    )
    (tmp_path / "page.md").write_text("# Page\n\n<!-- begin made_up -->\n<!-- end made_up -->\n\nEnd.\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "made_up", raising=False)
    return tmp_path


def result(*rows: dict[str, Any], **figures: float) -> dict[str, Any]:
    return {"rows": list(rows), **figures, "machine": FACTS}


def test_write_puts_table_into_page_and_keeps_results(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["made_up", "--write", "--out", str(folder / "new.json")], folder=folder) == 0
    page = (folder / "page.md").read_text()
    assert "| 16 | 10 | 2 |" in page
    assert page.endswith("<!-- end made_up -->\n\nEnd.\n")
    kept = _results.read(folder / "results.json")
    assert kept == _results.read(folder / "new.json")
    assert kept["made_up"]["rows"] == [{"L": 16, "time [ms]": 10.0, "ratio": 2.0}]
    facts = kept["made_up"]["machine"]
    assert {*FACTS, "system", "python", "versions", "date", "commit"} <= facts.keys()
    assert facts["cores"] >= 1
    assert facts["versions"]["jax"] in page

    # Another benchmark's results stay; the same figures are no regression; slower ones are.
    (folder / "results.json").write_text(json.dumps({**kept, "other": kept["made_up"]}))
    assert run.main(["made_up", "--against"], folder=folder) == 0
    kept["made_up"]["rows"][0]["time [ms]"] = 4.0
    (folder / "results.json").write_text(json.dumps({**kept, "other": kept["made_up"]}))
    capsys.readouterr()
    assert run.main(["made_up", "--write", "--against"], folder=folder) == 1
    assert "WORSE  made_up, L 16, time [ms]: 4 → 10, 2.50 times worse" in capsys.readouterr().out
    assert _results.read(folder / "results.json").keys() == {"made_up", "other"}
    kept["made_up"]["rows"][0]["time [ms]"] = 4.0
    (folder / "results.json").write_text(json.dumps(kept))
    assert run.main(["made_up", "--against", "--tolerance", "time=3"], folder=folder) == 0


def test_missing_library_and_failure_leave_the_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["made_of_air", "made_wrong", "made_up"], folder=folder) == 1
    out, err = capsys.readouterr()
    assert "made_of_air is left out: it needs `no_such_library`; pip install no-such-library" in err
    assert "OSError: so" in err
    assert "made_up: Made up." in out
    (folder / "made_wrong.py").unlink()
    assert run.main([], folder=folder) == 0  # nobody asked for the one that lacks a library


def test_page_without_a_place_is_told_before_measuring(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "page.md").write_text("# Page\n")
    assert run.main(["made_up", "--write"], folder=folder) == 1
    assert "must have the lines <!-- begin made_up -->" in capsys.readouterr().err
    assert not (folder / "results.json").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        ("| a table |", "no JSON"),
        ("[1, 2]", "no benchmarks by name"),
        ('{"made_up": {"rows": 3}}', "no rows of 'made_up'"),
        ('{"made_up": {"rows": [], "machine": {"processor": "one"}}}', "no ['cores', 'memory [GiB]', 'devices']"),
    ],
)
def test_no_file_of_results(folder: Path, capsys: pytest.CaptureFixture[str], text: str | None, message: str) -> None:
    path = folder / "former.json"
    if text:
        path.write_text(text)
    with pytest.raises(SystemExit) as stopped:
        run.main(["made_up", "--against", str(path)], folder=folder)
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert "former.json" in error
    assert message in error


def test_bad_arguments(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        (["made_down"], "NAME must be of made_of_air, made_up, made_wrong; got made_down"),
        (["made_up", "--tolerance", "time=0.5"], "FACTOR at least 1, got 'time=0.5'"),
    ):
        with pytest.raises(SystemExit):
            run.main(arguments, folder=folder)
        assert message in capsys.readouterr().err


def test_other_machine_is_refused_unless_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "former.json"
    path.write_text(json.dumps({"made_up": result({"L": 16, "time [ms]": 9.0})}))
    with pytest.raises(SystemExit) as stopped:
        run.main(["made_up", "--against", str(path)], folder=folder)
    assert stopped.value.code == 2
    assert "--other-machine: processor 'one' then" in capsys.readouterr().err
    assert run.main(["made_up", "--against", str(path), "--other-machine"], folder=folder) == 0


def test_changes_beyond_the_tolerance_of_each_kind() -> None:
    former = result(
        {"L": 16, "a [ms]": 10.0, "b [ms]": 10.0, "c/s": 10.0, "ratio": 2.0, "peak [MiB]": 100.0}, ratio=3.0
    )
    now = result({"L": 16, "a [ms]": 14.0, "b [ms]": 4.0, "c/s": 6.0, "ratio": 1.5, "peak [MiB]": 121.0}, ratio=2.9)
    found = _results.compare("x", former, now)
    assert {change.column for change in found.regressions} == {"c/s", "ratio", "peak [MiB]"}
    assert [change.column for change in found.gains] == ["b [ms]"]
    assert found.regressions[0].factor == pytest.approx(10 / 6)
    assert found.compared == 6
    assert not found.notes


def test_rows_are_matched_by_what_is_no_figure() -> None:
    slow, fast = {"L": 64, "grid": "Gauss", "a [ms]": 90.0}, {"L": 16, "grid": "Gauss", "a [ms]": 1.0}
    found = _results.compare("x", result(fast, slow), result(slow, {**fast, "L": 32}))
    assert not found.regressions
    assert found.compared == 1
    assert found.notes == ["x: no former figures of L 32, grid Gauss", "x: no longer measured: L 16, grid Gauss"]
    options = [result({**fast, "option": option}) for option in ("fft", "dft")]
    assert _results.compare("x", *options, better={"option": "neither"}).compared == 1
    with pytest.raises(ValueError, match="two have L 16, grid Gauss"):
        _results.compare("x", result(fast), result(fast, fast))


def test_a_benchmark_says_what_is_better() -> None:
    former, now = (
        result({"ratio": 1.0, "spin 0": 1e-7, "share": 0.5}),
        result({"ratio": 2.0, "spin 0": 1e-6, "share": 0.1}),
    )
    assert [change.column for change in _results.compare("x", former, now).gains] == ["ratio"]
    assert _results.compare("x", former, now).notes == [
        "x: neither less nor more is said to be better of ['share', 'spin 0']"
    ]
    better = {"ratio": "less", "share": "neither", "*": "less"}
    assert {change.column for change in _results.compare("x", former, now, better=better).regressions} == {
        "ratio",
        "spin 0",
    }
    with pytest.raises(ValueError, match="`BETTER` must say"):
        _results.kind("spin 0", {"spin 0": "up"})


@pytest.mark.parametrize(
    ("then", "here", "worse"),
    [(1.0, float("nan"), True), (0.0, 1.0, True), (1.0, 0.0, False), (0.0, 0.0, None), (-2.0, -1.0, True)],
)
def test_figures_without_a_factor(then: float, here: float, worse: bool | None) -> None:
    found = _results.compare("x", result({"a [ms]": then}), result({"a [ms]": here}))
    assert bool(found.regressions) == (worse is True)
    assert bool(found.gains) == (worse is False)
