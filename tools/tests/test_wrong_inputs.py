"""Wrong inputs end in exceptions of the documented types, as users see them: without the hooks of the tests."""

from __future__ import annotations

import collections
import os
import random
from pathlib import Path

import pytest

import molsphere.__main__
import wxsphere.__main__
from wrong_inputs import drive
from wrong_inputs.arguments import try_call
from wrong_inputs.calls import Call
from wrong_inputs.command_lines import lines
from wrong_inputs.damage import damaged
from wrong_inputs.tries import Tries
from wrong_inputs.words import type_of, wrong_words

PACKAGES = ("spinharm", "spinnn", "molsphere", "wxsphere")
# Processes of pytest-xdist share what is drawn.
DRAWN = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID")).randrange(1, 2**31)
SEEDS = [pytest.param(0, id="fixed"), pytest.param(DRAWN, id="drawn")]


def _told(result: dict, title: str) -> None:
    counts = collections.Counter(result["counts"])
    things = [f"{counts.pop(name)} {name}" for name in ("arguments", "files", "options") if name in counts]
    print(f"\n{title}: {', '.join(things)}, {counts.total()} tries: {dict(counts.most_common())}")
    lines = [f"{x['call']}({x['argument']}: {x['value']}): {x['what']}" for x in result["findings"]]
    assert not lines, "\n".join(lines)
    assert not result.get("missing"), f"no valid call of {result['missing']}"


def test_that_some_wrong_arguments_end_in_documented_exceptions(tmp_path: Path) -> None:
    result = drive.run("wrong_inputs.arguments", ["spinharm", "--only", "spinharm.Grid", "--count", "6"], tmp_path, 300)
    _told(result, "spinharm.Grid")
    assert result["counts"]["arguments"] >= 15
    assert result["counts"]["ValueError"] + result["counts"]["TypeError"] > 40


def test_that_other_exceptions_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def documented(size: int) -> int:
        """A function.

        Raises:
            IndexError: Mostly.
        """
        return [0][size]

    def careless(size: int) -> int:
        return {0: 1}[size] if isinstance(size, int | float) else 0

    tries = Tries(0)
    for function in (documented, careless):
        try_call(Call(function.__name__, function, lambda: {"size": 0}), 0, 24, tries)
    assert tries.counts["arguments"] == 2
    assert tries.counts["IndexError"] >= 3
    assert {x["call"] for x in tries.findings} == {"careless"}
    assert {x["what"].split(":")[0] for x in tries.findings} == {"KeyError"}


def test_that_damages_are_those_of_their_seed(tmp_path: Path) -> None:
    good, other = tmp_path / "good.json", tmp_path / "other.txt"
    good.write_text('{"size": 12, "rate": -1.5e-3}')
    other.write_text("another")
    found = [damaged(good, [other], tmp_path / "bad", random.Random(seed)) for seed in range(60)]
    again = [damaged(good, [other], tmp_path / "bad", random.Random(seed)) for seed in range(60)]
    assert found == again
    words = " ".join(damage.label for damage in found)
    assert all(word in words for word in ("cut at", "bits flipped", "renamed to", "under this name", "for the number"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("package", PACKAGES)
def test_that_wrong_arguments_end_in_documented_exceptions(package: str, seed: int, tmp_path: Path) -> None:
    result = drive.run("wrong_inputs.arguments", [package, "--seed", str(seed)], tmp_path, 2400)
    _told(result, f"{package}, seed {seed}")


def test_that_every_option_has_twenty_wrong_words() -> None:
    every = lines()
    programs = ("molsphere", molsphere.__main__._COMMANDS), ("wxsphere", wxsphere.__main__._COMMANDS)
    commands = {f"{program} {name}" for program, names in programs for name in names if name != "doctor"}
    assert {line.title for line in every} == commands | {"spinharm demo", "spinharm grid"}
    for line in every:
        for name, hint in line.options.items():
            words = wrong_words(type_of(hint), ("0",), 20, random.Random(name))
            assert len(set(words)) >= 20, f"{line.title} {name}"


@pytest.mark.slow
@pytest.mark.parametrize("part", ["1/2", "2/2"])
@pytest.mark.parametrize("seed", SEEDS)
def test_that_damaged_files_end_in_one_line(seed: int, part: str, tmp_path: Path) -> None:
    result = drive.run("wrong_inputs.damaged_files", ["--seed", str(seed), "--part", part], tmp_path, 2400)
    assert result["counts"]["files"] >= 800
    # HDF5 2.0 reads some damaged lists of attributes for ever; nothing in this process can stop it.
    endless = [x for x in result["findings"] if "fields.nc" in x["call"] and "no end" in x["what"]]
    result["findings"] = [x for x in result["findings"] if x not in endless]
    print("\n", *(f"HDF5 does not end: {x['value']}\n" for x in endless))
    _told(result, f"damaged files, part {part}, seed {seed}")


@pytest.mark.slow
@pytest.mark.parametrize("program", ["spinharm", "molsphere", "wxsphere"])
@pytest.mark.parametrize("seed", SEEDS)
def test_that_wrong_options_end_in_one_line(seed: int, program: str, tmp_path: Path) -> None:
    result = drive.run("wrong_inputs.options", ["--seed", str(seed), "--only", program], tmp_path, 2400)
    assert sum(result["counts"].values()) >= 21 * result["counts"]["options"] > 100
    _told(result, f"options of {program}, seed {seed}")
