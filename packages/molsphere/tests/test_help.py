"""Help, examples and `doctor` of the command line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from molsphere.__main__ import _COMMANDS, main
from molsphere._commands import plot, train
from molsphere._run.options import TrainOptions
from spinnn import command
from spinnn.training import save_config

HELPS = {name: command.help_of(one) for name, one in _COMMANDS.items() if one.help}
HELPS["plot spheres"] = plot.SPHERES


@pytest.mark.parametrize("name", sorted(HELPS))
def test_each_example_of_a_help_can_be_pasted_into_a_shell(name):
    help = HELPS[name]
    examples = command.examples_of(help.text, "molsphere")
    assert examples
    for words in examples:
        other = next((other for other in HELPS if words[: other.count(" ") + 1] == other.split()), None)
        if other is not None:
            kept = [word for word in words[other.count(" ") + 1 :] if word != "--json" or not _COMMANDS[other].json]
            command.parse(HELPS[other].kind, "molsphere", kept, HELPS[other])


def test_each_example_of_training_can_be_pasted_into_a_shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "H").mkdir(parents=True)
    save_config(tmp_path / "runs" / "H" / "options.json", TrainOptions(data="data.csv", targets=("H",), out="runs/H"))
    examples = command.examples_of(train.TEXT, "molsphere")
    assert len(examples) >= 5
    for words in examples:
        assert train.read_options("train", words[1:]).out


def test_help_answers_without_jax():
    program = (
        "import sys, molsphere.__main__ as program\n"
        "for name, one in program._COMMANDS.items():\n"
        "    if one.help: assert program.main([*name.split(), '--help']) == 0\n"
        "assert program.main(['--help']) == 0\n"
        "assert not {'jax', 'equinox', 'optax', 'rdkit', 'matplotlib'} & {*sys.modules}"
    )
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert "molsphere predict --models TEXT ... [OPTIONS]" in found.stdout


def test_doctor(capsys):
    pytest.importorskip("rdkit")
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["package"] == "molsphere"
    assert found["self_test"]["passed"]
    assert found["devices"]
