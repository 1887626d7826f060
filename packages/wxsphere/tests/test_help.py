"""Help, examples and `doctor` of the command line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from spinnn import command
from spinnn.training import save_config
from wxsphere.__main__ import _COMMANDS, main
from wxsphere._commands import train

HELPS = {name: command.help_of(one) for name, one in _COMMANDS.items() if one.help}


@pytest.mark.parametrize("name", sorted(HELPS))
def test_each_example_of_a_help_can_be_pasted_into_a_shell(name):
    help = HELPS[name]
    examples = command.examples_of(help.text, "wxsphere")
    assert examples
    for words in examples:
        assert words[0] == name
        kept = [word for word in words[1:] if word != "--json" or not _COMMANDS[name].json]
        command.parse(help.kind, "wxsphere", kept, help)


def test_each_example_of_training_can_be_pasted_into_a_shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "flow").mkdir(parents=True)
    save_config(tmp_path / "runs" / "flow" / "options.json", train.TrainOptions(data="data", out="runs/flow"))
    examples = command.examples_of(train.TEXT, "wxsphere")
    assert len(examples) >= 4
    for words in examples:
        assert train.read_options("train", words[1:]).out


def test_help_answers_without_jax():
    program = (
        "import sys, wxsphere.__main__ as program\n"
        "for name, one in program._COMMANDS.items():\n"
        "    if one.help: assert program.main([*name.split(), '--help']) == 0\n"
        "assert program.main(['--help']) == 0\n"
        "assert not {'jax', 'equinox', 'optax', 'xarray', 'dask', 'gcsfs', 'matplotlib'} & {*sys.modules}"
    )
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert "wxsphere evaluate FORECAST ... --truth TEXT --out TEXT [OPTIONS]" in found.stdout


def test_doctor(capsys):
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["package"] == "wxsphere"
    assert found["self_test"]["passed"]
    assert set(found["extras"]) >= {"grib", "plot"}
