"""Every command and option that a message names can be typed."""

import contextlib
import importlib
import io
import re
from pathlib import Path

import pytest

from remedies import check_remedies, texts


def help_options(program: str, name: str, module: str) -> set[str]:
    """Options in the help of a command, and those that are read before it."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.suppress(SystemExit):
        importlib.import_module(f"{program}.__main__").main([*name.split(), "--help-all"])
    columns = [
        re.split(r"\s{2,}", found[1])[0] for found in re.finditer(r"^[│ ] +(-.*)$", told.getvalue(), re.MULTILINE)
    ]
    source = Path(str(importlib.import_module(module).__file__)).read_text(encoding="utf-8")
    early = {"--config", "--preset"} if "parse_with_config" in source else set()
    return {*re.findall(r"(?<![\w-])--[a-z][a-z0-9.-]*", " ".join(columns))} | early


@pytest.mark.parametrize("program", ["molsphere", "wxsphere"])
def test_every_remedy_of_a_message_can_be_typed(program):
    commands = importlib.import_module(f"{program}.__main__")._COMMANDS
    folder = Path(str(importlib.import_module(program).__file__)).parent
    modules = {name: command.module for name, command in commands.items()}
    problems = check_remedies(folder, program, modules, lambda name: help_options(program, name, modules[name]))
    assert not problems, "\n".join(problems)
    # There are such texts.
    assert sum(f"{program} " in text.text or "--" in text.text for text in texts(folder)) > 30


def test_remedies_that_cannot_be_typed_are_found(tmp_path):
    (tmp_path / "_commands").mkdir()
    (tmp_path / "_commands" / "bake.py").write_text(
        '''
"""`cook bake`."""
TEXT = """Bake.

  cook bake cake --heat 200   # and --colour
  cook bake cake \\
    --time 30
"""
raise ValueError(f"run `cook bake --heat {z}`, `cook {name} --quick` or `cook burn`, give --time, --heat")
'''
    )
    (tmp_path / "other.py").write_text('raise ValueError("give --heat or --sauce.*, --spice.*, see `cook stir`")')
    modules = {"bake": "cook._commands.bake", "stir up": "cook._commands.stir"}
    options = {"bake": ["--heat"], "stir up": ["--time", "--sauce.red"]}
    found = [
        problem.removeprefix(f"{tmp_path}/")
        for problem in check_remedies(tmp_path, "cook", modules, lambda name: options[name])
    ]
    assert found == [
        "_commands/bake.py:3: `cook bake cake --time 30`: no option --time of bake",
        "_commands/bake.py:9: `cook burn`: no such command",
        "_commands/bake.py:9: no option --time",
        "other.py:1: no option --spice.*",
    ]
