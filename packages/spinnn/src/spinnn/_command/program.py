"""Programs: their commands, their help, the completion of a shell."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from spinharm import failures, terminal

from .. import _progress
from .._memory import reuse_memory
from ..files import FileWarning
from . import completion, output
from .help import ASKS, Help
from .parsing import print_help


class Command(NamedTuple):
    """A command of a program.

    Attributes:
        module: Its module, imported when the command is asked for; has `main(name, words) -> int`.
        purpose: What it does, in a few words.
        resumes: Whether the same command resumes where it stopped.
        help: Where its `Help` is, as `"package.module:NAME"`: a module that is imported in no time, so that `--help`
            does not wait for JAX; empty if the command's own module answers.
        json: Whether it takes `--json`, see `result`.

    Examples:
        >>> from spinnn.command import Command
        >>> Command("program._commands.train", "train a model", resumes=True).purpose
        'train a model'
    """

    module: str
    purpose: str
    resumes: bool = False
    help: str = ""
    json: bool = False


def run_program(
    program: str,
    version: str,
    purpose: str,
    commands: Mapping[str, Command],
    arguments: Sequence[str] | None = None,
    *,
    partly: str = "",
) -> int:
    """Run the command that the arguments name; freed memory is kept for reuse (`reuse_memory`).

    Besides the commands there are `--help`, `--version` and `completion SHELL`, which prints a script for the
    completion of a shell.

    Args:
        program: The program's name.
        version: Its version.
        purpose: A sentence for `--help`.
        commands: By name; names may have several words.
        arguments: Words of the command line after the program's name; default those of the process.
        partly: What exit status 1 means, if there is such.

    Returns:
        The exit status: the command's own, or one of `spinharm.failures.run`, after one line on the standard error: 2
        after an error, 130 and 143 after Ctrl-C and SIGTERM, 70 after an unexpected exception, with a report.

    Examples:
        >>> from spinnn.command import Command, run_program
        >>> commands = {"train": Command("program._commands.train", "train a model", resumes=True)}
        >>> run_program("program", "1.0", "Trains models.", commands, ["--version"])
        program 1.0
        0
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ASKS:
        print(_help(program, purpose, commands, partly))
        return 0 if words else 2
    if words[0] == "--version":
        print(f"{program} {version}")
        return 0
    if words[0] == "completion":
        return failures.run(program, words, lambda: _print_completion(program, commands, words[1:]))
    name = next((name for name in commands if words[: name.count(" ") + 1] == name.split()), None)
    if name is None:
        return _no_command(program, purpose, commands, words)
    command, words = commands[name], words[name.count(" ") + 1 :]
    if command.help and any(word in ASKS for word in words):
        print_help(f"{program} {name}", _with_json(command), words=words)
        return 0
    reuse_memory()
    # Alarms of XLA about slow compilations, which no user can act on; what fails is an exception all the same.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    as_json = command.json and "--json" in words

    def act() -> int:
        kept = [word for word in words if word != "--json"] if as_json else words
        with _file_warnings(), output.machine_readable(as_json):
            return importlib.import_module(command.module).main(name, kept)

    stopped = "the same command resumes where it stopped" if command.resumes else "unfinished output was not written"
    token = _progress.lines_wanted.set(True)
    try:
        return failures.run(f"{program} {name}", [*name.split(), *words], act, stopped=stopped)
    finally:
        _progress.lines_wanted.reset(token)


def help_of(command: Command) -> Help:
    """The `Help` that a command names.

    Args:
        command: A command whose `help` is not empty.

    Returns:
        The help.

    Raises:
        ValueError: The command names none.

    Examples:
        >>> from spinnn.command import Command, help_of
        >>> help_of(Command("program.train", "train a model"))
        Traceback (most recent call last):
        ValueError: `command` must name its help, got 'program.train' without
    """
    module, _, name = command.help.partition(":")
    if not name:
        raise ValueError(f"`command` must name its help, got {command.module!r} without")
    return getattr(importlib.import_module(module), name)


def _with_json(command: Command) -> Help:
    found = help_of(command)
    if not command.json:
        return found
    purpose, example, rest = found.text.partition("\n\nexample")
    told = f"{purpose}\n\nWith --json the result is a JSON object on standard output, all else goes to standard error."
    return found._replace(text=f"{told}{example}{rest}")


def _no_command(program: str, purpose: str, commands: Mapping[str, Command], words: Sequence[str]) -> int:
    """Help for a group of commands, or the line of an error."""
    group = {name: command for name, command in commands.items() if name.startswith(f"{words[0]} ")}
    if group and any(word in ASKS for word in words):
        print(_help(program, f"Commands of `{program} {words[0]}`.", group, "", f" {words[0]}"))
        return 0
    got = " ".join(words[: 2 if group else 1])
    hint = terminal.near(got, commands)
    told = f"no command {failures.printable(got)!r}; there are {', '.join(group or commands)}{hint}"
    print(f"{program}: {told}", file=sys.stderr)
    return 2


@contextlib.contextmanager
def _file_warnings() -> Iterator[None]:
    """Show each `FileWarning` as one line, other warnings as usual."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", FileWarning)
        before: Callable[..., Any] = warnings.showwarning
        told: set[str] = set()

        def show(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
            if not issubclass(category, FileWarning):
                before(message, category, *rest, **named)
            elif str(message) not in told:
                told.add(str(message))
                output.warn(f"note: {message}")

        warnings.showwarning = show
        yield


def _help(program: str, purpose: str, commands: Mapping[str, Command], partly: str, group: str = "") -> str:
    statuses = "0; " + (f"1 {partly}; " if partly else "") + "2 after an error; 70 after an unexpected exception."
    groups = [terminal.Group("commands", [(name, command.purpose) for name, command in commands.items()])]
    if not group:
        flags = [("-h, --help", "show this message"), ("--version", "show the version")]
        shells = [("completion SHELL", f"completion for {', '.join(completion.SHELLS)}: {_sourced(program)}")]
        groups += [terminal.Group("options", [*flags, *shells])]
    ending = f"`{program}{group} COMMAND --help` says more, with examples.\nExit status: {statuses}"
    colored = terminal.is_colored(sys.stdout)
    return terminal.help_text(f"{program}{group} COMMAND [OPTIONS]", purpose, groups, ending, colored=colored)


def _sourced(program: str) -> str:
    return f"source <({program} completion bash)"


def _print_completion(program: str, commands: Mapping[str, Command], words: Sequence[str]) -> int:
    if len(words) != 1 or words[0] not in completion.SHELLS:
        raise ValueError(f"`completion` must be followed by {', '.join(completion.SHELLS)}, got {' '.join(words)!r}")
    helps = {name: help_of(command) if command.help else None for name, command in commands.items()}
    flags = {name: ["--json"] if command.json else [] for name, command in commands.items()}
    print(completion.script(words[0], program, helps, flags), flush=True)
    return 0
