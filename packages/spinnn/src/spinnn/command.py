"""Command line of a program: commands, options, output. Needs the extra `command`."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from spinharm import checks, failures
from spinharm.optional import require

from . import _flags
from ._memory import reuse_memory
from .files import FileWarning

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")

# tyro's box, drawn with or without Unicode: the ends of its lines, and the rules between its parts.
_SIDE = re.compile(r"^[│\s]+|[│\s]+$")
_MARKUP = re.compile(r"\[/?bold\]")
_RULE = re.compile(r"[╭╰]?(─|-{3})[─-]*[╮╯]?")
_WIDTH_OF_FILES = 120


class Command(NamedTuple):
    """A command of a program.

    Attributes:
        module: Its module, imported when the command is asked for; has `main(name, words) -> int`.
        purpose: What it does, in a few words.
        resumes: Whether the same command resumes where it stopped.

    Examples:
        >>> from spinnn.command import Command
        >>> Command("program._commands.train", "train a model", resumes=True).purpose
        'train a model'
    """

    module: str
    purpose: str
    resumes: bool = False


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
    if not words or words[0] in ("-h", "--help"):
        print(_help(program, purpose, commands, partly))
        return 0 if words else 2
    if words[0] == "--version":
        print(f"{program} {version}")
        return 0
    name = next((name for name in commands if words[: name.count(" ") + 1] == name.split()), None)
    if name is None:
        groups = {name.split()[0] for name in commands if " " in name}
        got = " ".join(words[: 2 if words[0] in groups else 1])
        print(f"{program}: no command {failures.printable(got)!r}; there are {', '.join(commands)}", file=sys.stderr)
        return 2
    reuse_memory()
    command = commands[name]

    def act() -> int:
        with _file_warnings():
            return importlib.import_module(command.module).main(name, words[name.count(" ") + 1 :])

    stopped = "the same command resumes where it stopped" if command.resumes else "unfinished output was not written"
    return failures.run(f"{program} {name}", words, act, stopped=stopped)


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
                warn(f"note: {message}")

        warnings.showwarning = show
        yield


def _help(program: str, purpose: str, commands: Mapping[str, Command], partly: str) -> str:
    width = max(map(len, commands)) + 2
    listed = "\n".join(f"  {name:<{width}}{command.purpose}" for name, command in commands.items())
    statuses = "0; " + (f"1 {partly}; " if partly else "") + "2 after an error; 70 after an unexpected exception."
    return f"""usage: {program} COMMAND [OPTIONS]

{purpose}

commands:
{listed}

options:
  -h, --help     show this message
  --version      show the version

`{program} COMMAND --help` says more, with examples.
Exit status: {statuses}"""


def parse(kind: type[T], program: str, words: Sequence[str], text: str, default: T | None = None) -> T:
    """Parse the options of a command with tyro.

    A field whose metadata hold `"flag"` has that name on the command line; with an empty name, options of a nested
    dataclass are flags without a prefix, as `--learning-rate` of `spinnn.training.OptimizerConfig`, and are read with
    it too, as `--optimizer.learning-rate`. Metadata `"flags"` name a dataclass whose options stand for the field: its
    class method `of` makes it from the field's value, its method `made` that value again.

    Args:
        kind: Frozen dataclass of the options.
        program: Program and command, for messages.
        words: The command line after the command.
        text: Text of the help, with examples.
        default: Values of options that are not given; default those of `kind`.

    Returns:
        The options.

    Raises:
        ModuleNotFoundError: tyro is not installed.
        TypeError: A default of another type.
        ValueError: Unknown options, or values of the wrong type or out of range.
        SystemExit: 0 after `--help`.

    Examples:
        >>> from spinnn import command
        >>> from spinnn.training import TrainingConfig
        >>> config = command.parse(TrainingConfig, "train", ["--epochs", "3", "--learning-rate", "0.01"], "Train.")
        >>> config.epochs, config.optimizer.learning_rate
        (3, 0.01)
    """
    tyro, told = require("tyro", "spinnn[command]", "the command line"), io.StringIO()
    for word in (text, *words):
        checks.instance("text` and `words", word, str, "text")
    if default is not None:
        checks.instance("default", default, kind, f"of the type of the options, {kind.__name__}, or None")
    narrow = _flags.narrowed(kind, default)
    if narrow is not kind and default is not None:
        default = narrow(**vars(default))
    given = {} if default is None else {"default": _flags.as_flags(default)}
    try:
        # tyro draws a box around an error; ours are one line.
        with contextlib.redirect_stderr(told), _flags.plain_numbers():
            flags = tyro.cli(
                _flags.flag_class(narrow),
                args=_flags.flat_words(narrow, words),
                prog=program,
                description=text,
                **given,
            )
        options = _flags.from_flags(narrow, flags)
        return options if narrow is kind else kind(**vars(options))
    except ValueError as error:
        # Some versions of tyro do not catch errors of the dataclass.
        raise ValueError(f"{error}; see {program} --help") from None
    except SystemExit as stop:
        if not stop.code:
            raise
        raise ValueError(_in_one_line(told.getvalue(), kind.__name__, f"see {program} --help")) from None


def _in_one_line(text: str, kind: str, remedy: str) -> str:
    """The message of tyro's error text, without its title, the help of the option and the frame."""
    parts: list[list[str]] = [[]]
    for line in (_SIDE.sub("", line) for line in text.splitlines()):
        if _RULE.fullmatch(line):
            parts.append([])
        elif line and not line.startswith("╭"):
            parts[-1].append(line)
    if not text.lstrip().startswith("╭"):
        parts[0] = []  # the title
    told = [" ".join(part).removesuffix(".") for part in parts if part]
    left = [part for part in told if not part.startswith(("Argument helptext:", "For full helptext"))]
    message = _MARKUP.sub("", "; ".join(left)).removeprefix("Error parsing ").removeprefix(f"{kind}: ")
    return f"{message}; {remedy}" if message else remedy


def parse_with_config(
    kind: type[T],
    program: str,
    words: Sequence[str],
    text: str,
    load: Callable[[str], T],
    preset: Callable[[T, str], T],
    required: Sequence[str] = (),
) -> T:
    """Parse the options of a command that also takes `--config FILE` and `--preset NAME`.

    The file gives the defaults, the preset changes them, and flags override both.

    Args:
        kind: Frozen dataclass of the options.
        program: Program and command, for messages.
        words: The command line after the command.
        text: Text of the help, with examples.
        load: Function that reads options from a file.
        preset: Function that changes options to those of a preset, given its name.
        required: Names of text options that must not be empty.

    Returns:
        The options.

    Raises:
        ModuleNotFoundError: tyro is not installed.
        ValueError: As `parse`; or a required option that is empty.
        SystemExit: 0 after `--help`.

    Examples:
        >>> from spinnn.command import parse_with_config
        >>> from spinnn.training import TrainingConfig, load_config
        >>> def load(path):
        ...     return load_config(path, TrainingConfig)
        >>> def preset(options, name):
        ...     return TrainingConfig(epochs={"short": 3, "long": 90}[name])
        >>> words = ["--preset", "long", "--seed", "1"]
        >>> options = parse_with_config(TrainingConfig, "train", words, "Train.", load, preset)
        >>> options.epochs, options.seed
        (90, 1)
    """
    for word in words:
        checks.instance("words", word, str, "text")
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    early.add_argument("--config")
    early.add_argument("--preset")
    try:
        first, rest = early.parse_known_args(list(words))
    except argparse.ArgumentError as error:
        raise ValueError(str(error)) from None
    default = kind() if first.config is None else load(first.config)
    if first.preset is not None:
        default = preset(default, first.preset)
    # What the file says stays visible as the default of the help.
    options = parse(kind, program, rest, text, default)
    for name in required:
        if not hasattr(options, str(name)):
            raise ValueError(f"`required` must name options of {type(options).__name__}, got {name!r}")
        if not getattr(options, name):
            raise ValueError(f"`{name}` must be given, by --{name} or in the file of --config, got ''")
    return options


def _console(*, error: bool = False) -> Console:
    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else _WIDTH_OF_FILES
    # Units stand in brackets, which rich would take for markup.
    make = require("rich.console", "spinnn[command]", "the command line").Console
    return make(file=stream, markup=False, highlight=False, width=width)


def say(text: str) -> None:
    """Print a line on the standard output, flushed; control characters are shown as escapes.

    Examples:
        >>> from spinnn import command
        >>> command.say("wrote scores.nc")
        wrote scores.nc
    """
    _console().print(failures.printable(text), soft_wrap=True)
    sys.stdout.flush()


def warn(text: str) -> None:
    """Print a line on the standard error; control characters are shown as escapes.

    Examples:
        >>> from spinnn import command
        >>> command.warn("left out: 3 of 10 molecules")
    """
    _console(error=True).print(failures.printable(text), soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on the standard output, all columns but the first to the right.

    Examples:
        >>> from spinnn import command
        >>> command.table("Errors", ("name", "rmse"), [("temperature", command.figure(1.23456))])
        Errors
        name         rmse...
        temperature  1.235...
    """
    console = _console()
    from rich.table import Table

    made = Table(title=failures.printable(title), title_justify="left", box=None, padding=(0, 2, 0, 0))
    for at, column in enumerate(columns):
        made.add_column(failures.printable(column), justify="right" if at else "left")
    for row in rows:
        made.add_row(*map(failures.printable, row))
    console.print(made)


def figure(value: float) -> str:
    """A number with four digits.

    Examples:
        >>> from spinnn import command
        >>> command.figure(0.0123456), command.figure(123456.7)
        ('0.01235', '123,457')
    """
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
