"""Every command and option that a text of the sources names can be typed."""

import ast
import contextlib
import importlib
import io
import re
from pathlib import Path

import pytest

import wxsphere
from wxsphere.__main__ import _COMMANDS, main

SOURCES = sorted(Path(wxsphere.__file__).parent.rglob("*.py"))


def _options():
    """By command, the options that its help lists below what it says of it."""
    out = {}
    for name, command in _COMMANDS.items():
        told = io.StringIO()
        with contextlib.redirect_stdout(told), contextlib.suppress(SystemExit):
            main([*name.split(), "--help"])
        listed = "".join(re.split(r"^[╭─ ]*options\b", told.getvalue(), maxsplit=1, flags=re.MULTILINE)[1:])
        out[name] = {"--help", "--version", *re.findall(r"--[a-z][\w.-]*", listed)}
        if hasattr(importlib.import_module(command.module), "read_options"):
            out[name] |= {"--config", "--preset"}
        assert len(out[name]) > 2, told.getvalue()
    return out


def _texts(path):
    """Texts of a module, with their lines; what is filled in is shown as X."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [str(one.value) if isinstance(one, ast.Constant) else "X" for one in node.values]
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def _named(text):
    """Commands with their options, and options without a command, in a text."""
    text = text.replace("\\\n", " ")
    calls = re.findall(r"`wxsphere ([^`]+)`", text) + re.findall(r"^  +wxsphere ([a-z].*)$", text, re.MULTILINE)
    for call in calls:
        yield call, re.findall(r"--[a-z][\w.-]*", call)
    for call in calls:
        text = text.replace(call, "")
    yield None, re.findall(r"(?<![\w-])--[a-z][\w.-]*\b", text)


@pytest.fixture(scope="module")
def options():
    return _options()


def test_what_texts_name_can_be_typed(options):
    wrong, commands, loose = [], 0, 0
    for path in SOURCES:
        for line, text in _texts(path):
            for call, flags in _named(text):
                if call is None:
                    loose += len(flags)
                    wrong += [
                        (path.name, line, flag) for flag in flags if not any(flag in one for one in options.values())
                    ]
                    continue
                commands += 1
                name = next((name for name in options if f"{call} ".startswith(f"{name} ")), None)
                # A command's name is filled in, or a group of commands is meant.
                if name is None and not (call.startswith("X") or any(one.startswith(f"{call} ") for one in options)):
                    wrong.append((path.name, line, call))
                wrong += [(path.name, line, f"{name} {flag}") for flag in flags if name and flag not in options[name]]
    assert not wrong
    # The texts were found.
    assert commands > 40
    assert loose > 10


def test_a_remedy_that_does_not_exist_would_be_found(options):
    ((call, flags), (none, loose)) = _named("bring it there by `wxsphere prepare SOURCE --gird X`, or with --no-chekc")
    assert call == "prepare SOURCE --gird X"
    assert none is None
    assert not {*flags, *loose} & set.union(*options.values())
