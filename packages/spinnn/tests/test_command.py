"""The command line of a program, on a small one made here."""

import subprocess
import sys
import types

import pytest

pytest.importorskip("tyro")

import dataclasses

from spinnn import command


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of the command.

    Attributes:
        size: How large.
    """

    size: int = 3


@pytest.fixture
def program(monkeypatch):
    """`program(*words)` runs it."""
    module = types.ModuleType("a_program_grow")

    def main(name, words):
        options = command.parse(Options, f"program {name}", words, "Grows a thing.")
        if options.size < 0:
            raise ValueError(f"`size` must be at least 0, got {options.size}\nmore that nobody needs")
        if options.size == 0:
            raise ZeroDivisionError
        command.say(f"{name} [{options.size}]")
        return 1 if options.size > 9 else 0

    vars(module)["main"] = main
    monkeypatch.setitem(sys.modules, "a_program_grow", module)
    commands = {
        "grow": command.Command("a_program_grow", "make it larger"),
        "plot size": command.Command("a_program_grow", "draw it"),
    }

    def run(*words):
        return command.run_program("program", "1.2", "A program.", commands, words, partly="if it was large")

    return run


def test_commands_of_one_word_and_of_two(program, capsys):
    assert program("grow", "--size", "4") == 0
    assert program("plot", "size") == 0
    assert program("grow", "--size", "10") == 1
    # Brackets are no markup.
    assert capsys.readouterr().out == "grow [4]\nplot size [3]\ngrow [10]\n"


def test_help_and_version(program, capsys):
    assert program("--version") == 0
    assert capsys.readouterr().out == "program 1.2\n"
    assert program() == 2
    assert program("--help") == 0
    printed = capsys.readouterr().out
    assert "  grow       make it larger\n  plot size  draw it\n" in printed
    assert "Exit status: 0; 1 if it was large; 2 after an error." in printed
    with pytest.raises(SystemExit) as stop:
        program("grow", "--help")
    assert not stop.value.code
    assert "How large." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("shrink",), "program: no command 'shrink'; there are grow, plot size"),
        (("plot", "mass"), "program: no command 'plot mass'; there are grow, plot size"),
        (("grow", "--size", "-1"), "program grow: `size` must be at least 0, got -1"),
        (("grow", "--size", "0"), "program grow: ZeroDivisionError"),
        (("grow", "--colour", "red"), "program grow: "),
    ],
)
def test_errors_are_one_line(program, capsys, words, message):
    assert program(*words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(message)
    assert captured.err.count("\n") == 1


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """Options of a run.

    Attributes:
        size: How large.
        depth: How deep.
        out: Where to.
    """

    size: int = 3
    depth: int = 1
    out: str = ""


def test_flags_win_over_the_preset_and_that_over_the_file(capsys):
    def read(*words):
        return command.parse_with_config(
            RunOptions,
            "program grow",
            words,
            "Grows a thing.",
            lambda path: RunOptions(7, 8, path),
            lambda options, name: dataclasses.replace(options, depth=len(name)),
            ("out",),
        )

    assert read("--out", "a") == RunOptions(out="a")
    assert read("--config", "file") == RunOptions(7, 8, "file")
    assert read("--config", "file", "--preset", "deep") == RunOptions(7, 4, "file")
    assert read("--depth", "2", "--preset", "deep", "--out", "a", "--config", "file") == RunOptions(7, 2, "a")
    for words, message in (
        ((), r"`out` must be given, by --out or in the file of --config, got ''"),
        (("--config",), "argument --config: expected one argument"),
        (("--conf", "file"), "--conf"),
    ):
        with pytest.raises(ValueError, match=message):
            read(*words)
    with pytest.raises(SystemExit):
        read("--config", "some-file", "--help")
    assert "some-file" in capsys.readouterr().out


def test_a_table(capsys):
    command.table("Things", ("name", "size"), [("a", command.figure(1.23456)), ("bcd", command.figure(123456.0))])
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["Things"],
        ["name", "size"],
        ["a", "1.235"],
        ["bcd", "123,456"],
    ]
    command.warn("careful")
    assert capsys.readouterr().err == "careful\n"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the allocator is glibc's")
def test_freed_memory_is_used_again():
    """In a process of its own: large arrays made again and again bring no page faults once the settings are there."""
    program = """
import resource
import numpy as np
import spinnn
from ctypes import CDLL

assert spinnn.reuse_memory() == hasattr(CDLL(None), "mallopt")

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        np.ones(2**23)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults() if hasattr(CDLL(None), "mallopt") else 0)
"""
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    # 64 MiB are 16,384 pages.
    assert int(found.stdout) < 1000
