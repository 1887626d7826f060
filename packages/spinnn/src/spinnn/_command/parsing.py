"""Options of a command from the words of its line."""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from spinharm import checks, terminal
from spinharm.optional import require

from .. import _flags
from .help import ASKS, Help, Option, render

T = TypeVar("T")

# tyro's box, drawn with or without Unicode: the ends of its lines, and the rules between its parts.
_SIDE = re.compile(r"^[│\s]+|[│\s]+$")
_MARKUP = re.compile(r"\[/?bold\]")
_RULE = re.compile(r"[╭╰]?(─|-{3})[─-]*[╮╯]?")
# The title of a box and its first words.
_TWICE = re.compile(r"^(\w[\w ]+?):? \1\b", re.IGNORECASE)
CONFIGURED = (
    Option("config", "--config", "FILE", (), "Options from a JSON file; flags override it.", False, ""),
    Option("preset", "--preset", "NAME", (), "A network by name; its own flags override it.", False, ""),
)


def parse(kind: type[T], program: str, words: Sequence[str], text: str | Help, default: T | None = None) -> T:
    """Parse the options of a command with tyro.

    A field whose metadata hold `"flag"` has that name on the command line; with an empty name, options of a nested
    dataclass are flags without a prefix, as `--learning-rate` of `spinnn.training.OptimizerConfig`, and are read with
    it too, as `--optimizer.learning-rate`. Metadata `"flags"` name a dataclass whose options stand for the field: its
    class method `of` makes it from the field's value, its method `made` that value again.

    Args:
        kind: Frozen dataclass of the options.
        program: Program and command, for messages.
        words: The command line after the command.
        text: The help, or its text with examples.
        default: Values of options that are not given; default those of `kind`.

    Returns:
        The options.

    Raises:
        ModuleNotFoundError: tyro is not installed.
        TypeError: A default of another type.
        ValueError: Unknown options, or values of the wrong type or out of range.
        SystemExit: 0 after `--help` or `--help-all`.

    Examples:
        >>> from spinnn import command
        >>> from spinnn.training import TrainingConfig
        >>> config = command.parse(TrainingConfig, "train", ["--epochs", "3", "--learning-rate", "0.01"], "Train.")
        >>> config.epochs, config.optimizer.learning_rate
        (3, 0.01)
    """
    return _parse(program, words, _help_of(kind, text), default)


def _help_of(kind: type, text: object) -> Help:
    if isinstance(text, Help):
        return text
    checks.instance("text", text, str, "text or a Help")
    return Help(kind, str(text))


def _parse(program: str, words: Sequence[str], help: Help, default: Any, more: Sequence[Option] = ()) -> Any:
    """Parse options, or print the help and stop."""
    kind = help.kind
    for word in words:
        checks.instance("words", word, str, "text")
    if default is not None:
        checks.instance("default", default, kind, f"of the type of the options, {kind.__name__}, or None")
    if any(word in ASKS for word in words):
        print_help(program, help, default, words, more)
        raise SystemExit(0)
    tyro, told = require("tyro", "spinnn[command]", "the command line"), io.StringIO()
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
                description=help.text,
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


def print_help(
    program: str, help: Help, default: Any = None, words: Sequence[str] = ("--help",), more: Sequence[Option] = ()
) -> None:
    """Print what `--help` or `--help-all` among the words asks for."""
    everything, colored = "--help-all" in words, terminal.is_colored(sys.stdout)
    print(render(program, help, default, everything=everything, colored=colored, more=more), flush=True)


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
    message = _TWICE.sub(r"\1", message)
    return f"{message}; {remedy}" if message else remedy


def parse_with_config(
    kind: type[T],
    program: str,
    words: Sequence[str],
    text: str | Help,
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
        text: The help, or its text with examples.
        load: Function that reads options from a file.
        preset: Function that changes options to those of a preset, given its name.
        required: Names of text options that must not be empty.

    Returns:
        The options.

    Raises:
        ModuleNotFoundError: tyro is not installed.
        ValueError: As `parse`; or a required option that is empty.
        SystemExit: 0 after `--help` or `--help-all`.

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
    help = _help_of(kind, text)
    # What the file says stays visible as the default of the help.
    options = _parse(program, rest, help._replace(required=tuple(map(str, required))), default, CONFIGURED)
    for name in required:
        if not hasattr(options, str(name)):
            raise ValueError(f"`required` must name options of {type(options).__name__}, got {name!r}")
        if not getattr(options, name):
            raise ValueError(f"`{name}` must be given, by --{name} or in the file of --config; see {program} --help")
    return options
