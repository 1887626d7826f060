"""The command line of a program, on a small one made here."""

import json
import signal
import subprocess
import sys
import tempfile
import types
import warnings

import pytest

pytest.importorskip("tyro")

import dataclasses

from spinnn import _progress, command
from spinnn.files import FileWarning
from spinnn.training import OptimizerConfig, TrainingConfig


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
        if options.size == 100:
            raise {}[f"no such {chr(27)}[31m"]
        if options.size == 130:
            raise KeyboardInterrupt
        if options.size == 143:
            signal.raise_signal(signal.SIGTERM)
        if options.size == 101:
            for _ in range(2):
                warnings.warn("a file of \x1b[2J old times", FileWarning, stacklevel=1)
        command.say(f"{name} [{options.size}]")
        return 1 if options.size > 9 else 0

    vars(module)["main"] = main
    monkeypatch.setitem(sys.modules, "a_program_grow", module)
    commands = {
        "grow": command.Command("a_program_grow", "make it larger", resumes=True),
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
    lines = printed.splitlines()
    assert f"  {'grow':<24}make it larger" in lines
    assert f"  {'plot size':<24}draw it" in lines
    assert "Exit status: 0; 1 if it was large; 2 after an error; 70 after an unexpected exception." in printed
    with pytest.raises(SystemExit) as stop:
        program("grow", "--help")
    assert not stop.value.code
    assert "How large; default 3." in capsys.readouterr().out


def test_help_shows_what_is_common_and_all_on_request(monkeypatch, capsys):
    def read(*words, **more):
        help = command.Help(RunOptions, "Grows a thing.\n\nexample:\n  program grow --size 4", ("size",))
        with pytest.raises(SystemExit) as stop:
            command.parse_with_config(
                RunOptions, "program grow", words, help, lambda path: RunOptions(7), lambda a, b: a, ("out",)
            )
        assert not stop.value.code
        return capsys.readouterr().out

    short = read("--help")
    assert short.startswith("usage: program grow --out TEXT [OPTIONS]\n\nGrows a thing.\n\nrequired:\n  --out TEXT")
    assert f"  {'--size INT':<24}How large; default 3." in short.splitlines()
    assert "--depth" not in short
    assert "--help-all" in short
    assert short.endswith("example:\n  program grow --size 4\n")
    assert f"  {'--depth INT':<24}How deep; default 1." in read("--help-all").splitlines()
    assert "How large; default 7." in read("--config", "file", "-h")
    assert "\x1b" not in short
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[1mrequired:\x1b[0m" in read("--help")
    monkeypatch.setenv("NO_COLOR", "1")
    assert read("--help") == short


def test_help_of_a_group_of_commands(program, capsys):
    assert program("plot", "--help") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("usage: program plot COMMAND [OPTIONS]\n\nCommands of `program plot`.")
    assert "draw it" in printed
    assert "make it larger" not in printed


def test_json_alone_on_the_standard_output(capsys):
    with command.machine_readable(True):
        assert command.is_machine_readable()
        command.say("for people")
        command.table("Things", ("name",), [("a",)])
        command.result({"rmse": float("nan"), "leads": (6, 12.5)})
    command.result({"rmse": 1.0})
    said = capsys.readouterr()
    assert json.loads(said.out) == {"rmse": None, "leads": [6, 12.5]}
    assert "for people" in said.err
    assert "Things" in said.err
    command.say("again")
    assert capsys.readouterr().out == "again\n"


def test_progress_is_a_few_lines_in_the_log_of_a_command(capsys):
    with command.progress("growing", "steps") as advance:
        advance(1, 2)
    assert capsys.readouterr().err == ""
    token = _progress.lines_wanted.set(True)
    try:
        with command.progress("growing", "steps") as advance:
            for done in range(1, 1001):
                advance(done, 1000)
    finally:
        _progress.lines_wanted.reset(token)
    lines = capsys.readouterr().err.splitlines()
    assert 2 <= len(lines) <= 12
    assert lines[-1] == "growing: 1000 of 1000 steps"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_of_a_shell(shell, capsys):
    commands = {
        "grow": command.Command("a_program_grow", "make it larger", help="test_command_helps:GROW", json=True),
        "plot size": command.Command("a_program_grow", "draw it"),
    }
    helps = types.ModuleType("test_command_helps")
    vars(helps)["GROW"] = command.Help(RunOptions, "Grows a thing.")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "test_command_helps", helps)
        assert command.run_program("program", "1.2", "A program.", commands, ["completion", shell]) == 0
    printed = capsys.readouterr().out
    for word in ("grow", "plot", "depth", "json"):
        assert word in printed
    if shell == "bash":
        asked = "COMP_WORDS=(program grow --de); COMP_CWORD=2; _program_complete; echo ${COMPREPLY[@]}"
        found = subprocess.run(["bash", "-c", f"{printed}\n{asked}"], check=True, capture_output=True, text=True)
        assert found.stdout == "--depth\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("shrink",), "program: no command 'shrink'; there are grow, plot size"),
        (("plot", "mass"), "program: no command 'plot mass'; there are plot size"),
        (("grow", "--size", "-1"), "program grow: `size` must be at least 0, got -1"),
        (("grow", "--size", "0"), "program grow: ZeroDivisionError"),
        (("grow", "--colour", "red"), "program grow: Unrecognized options: --colour"),
        (
            ("grow", "--size", "x"),
            "program grow: --size: must be an integer in the digits 0 to 9, got 'x'; see program grow",
        ),
        (("grow", "--size", "1_234"), "program grow: --size: must be an integer in the digits 0 to 9, got '1_234'"),
        (("grow", "--size", "٣"), "program grow: --size: must be an integer in the digits 0 to 9, got '٣'"),
        (("grow", "--size", " 3"), "program grow: --size: must be an integer in the digits 0 to 9, got ' 3'"),
        (("grow", "--size"), "program grow: "),
        (("grwo",), "program: no command 'grwo'; there are grow, plot size; did you mean 'grow'?"),
        (("grow", "--colour", "red", "--taste", "x"), "program grow: Unrecognized options: --colour"),
        (("completion", "tcsh"), "program: `completion` must be followed by bash, zsh, fish, got 'tcsh'"),
    ],
)
def test_errors_are_one_line(program, capsys, words, message):
    assert program(*words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(message)
    assert captured.err.count("\n") == 1


def test_an_exception_that_nobody_foresaw_is_one_line_and_a_report(program, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert program("grow", "--size", "100") == 70
    line = capsys.readouterr().err
    (report,) = tmp_path.glob("program-*.txt")
    begin = r"program grow: unexpected KeyError: 'no such \x1b[31m'; the full report is in"
    assert line == f"{begin} {report}\n"
    text = report.read_text()
    for part in ("arguments: ['grow', '--size', '100']", "Traceback (most recent call last):", "spinnn 0.", "KeyError"):
        assert part in text
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert program("grow", "--size", "100") == 70
    assert capsys.readouterr().err.endswith("; no report could be written\n")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("grow", "--size", "130"), 130, "program grow: interrupted; the same command resumes where it stopped\n"),
        (
            ("plot", "size", "--size", "143"),
            143,
            "program plot size: terminated; unfinished output was not written\n",
        ),
    ],
)
def test_ctrl_c_and_termination_are_one_line(program, capsys, words, status, message):
    before = signal.getsignal(signal.SIGTERM)
    assert program(*words) == status
    assert capsys.readouterr().err == message
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_a_file_says_does_not_act_on_the_terminal(program, capsys):
    assert program("grow", "--size", "101") == 1
    assert capsys.readouterr().err == "note: a file of \\x1b[2J old times\n"
    command.say("\x1b]0;title\x07 \u202eevil \udc80 ℓ = 3 m²")
    command.table("a\x1b", ("b\x9b",), [("c\x00",)])
    printed = capsys.readouterr().out
    assert printed.startswith("\\x1b]0;title\\x07 \\u202eevil \\udc80 ℓ = 3 m²\n")
    assert not {*printed} & {"\x1b", "\x9b", "\x00"}


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
        ((), r"`out` must be given, by --out or in the file of --config; see program grow --help"),
        (("--config",), "argument --config: expected one argument"),
        (("--conf", "file"), "--conf"),
    ):
        with pytest.raises(ValueError, match=message):
            read(*words)
    with pytest.raises(SystemExit):
        read("--config", "some-file", "--help")
    assert "some-file" in capsys.readouterr().out


def test_options_of_nested_dataclasses_are_flags_without_a_prefix(capsys):
    def read(*words, default=None):
        return command.parse(TrainingConfig, "program train", words, "Trains.", default)

    got = read("--seed", "3", "--optimizer", "adamw", "--learning-rate", "0.5", "--epochs", "2")
    assert got == TrainingConfig(epochs=2, seed=3, optimizer=OptimizerConfig("adamw", 0.5))
    assert read(default=got) == got
    long = ("--optimizer.name=muon", "--optimizer.learning_rate", "0.1")
    assert read(*long, default=got).optimizer == OptimizerConfig("muon", 0.1)
    with pytest.raises(ValueError, match=r"`learning_rate` must be above 0, got -1\.0"):
        read("--learning-rate", "-1")
    with pytest.raises(ValueError, match="--optimizer"):
        read("--optimizer", "sgd")
    for word in ("1_0.5", "٠.٥", "0.5 "):
        with pytest.raises(ValueError, match="--learning-rate: must be a number in the digits 0 to 9, got"):
            read("--learning-rate", word)
    assert read("--clip-norm", "2", "--checkpoint-every", "None", "--profile", "1", "2") == TrainingConfig(
        optimizer=OptimizerConfig(clip_norm=2.0), checkpoint_every=None, profile=(1, 2)
    )
    with pytest.raises(SystemExit):
        read("--help")
    assert "Decoupled weight decay" not in capsys.readouterr().out
    with pytest.raises(SystemExit):
        read("--help-all")
    assert "Decoupled weight decay" in capsys.readouterr().out


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
