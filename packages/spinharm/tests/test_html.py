"""Tables in notebooks, and the examination of an installation."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from spinharm import Grid, SpinTransform, html
from spinharm.__main__ import main


def test_tables_are_well_formed_and_hold_the_numbers():
    grid = Grid.gauss_legendre(8, 16)
    for value in (grid, SpinTransform(grid, 8, (1,))):
        text = "".join(ET.fromstring(value._repr_html_()).itertext())
        assert "8" in text
        assert "16" in text


def test_cells_are_escaped_and_nothing_runs():
    made = html.table("<script>", ("a & b",), [("<img onerror=x>", 1234567), (0.123456, True)])
    assert "<script" not in made
    cells = [cell.text for cell in ET.fromstring(made).iter("td")]
    assert cells == ["<img onerror=x>", "1,234,567", "0.1235", "True"]


def test_doctor(capsys):
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["self_test"]["tried"] == {"transform": True, "spectrum": True}
    assert main(["doctor"]) == 0
    assert "self-test     passed" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["demo"], ["grid"], ["doctor"]])
def test_help_in_groups(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*words, "--help"])
    assert not stop.value.code
    printed = capsys.readouterr().out
    assert printed.startswith(f"usage: {' '.join(['spinharm', *words])}")
    assert "options:\n  -h, --help" in printed


def test_help_answers_without_jax():
    program = "import sys, spinharm.__main__ as p\ntry: p.main(['--help'])\nfinally: assert 'jax' not in sys.modules"
    assert (
        "commands:"
        in subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    )
