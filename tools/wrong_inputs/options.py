"""Every option of every command with wrong words: `python -m wrong_inputs.options --seed N`.

Each command line must end with exit status 0, 1 or 2, and after an error with one line. A word that no value of the
option's type is, or that is out of its range, must be refused before anything is read or computed: also when the
command's files are missing, by a line that tells of the word and not of them. A text may be right; a command that has
taken it is stopped where its work begins, or when it goes on for long.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sys
from pathlib import Path
from unittest import mock

from .command_lines import Line, lines
from .damaged_files import command_outcome
from .kinds_of_files import kinds
from .tries import Tries, given, part_of
from .words import NONSENSE, Type, type_of, wrong_words

# Words at the edges of a type that options take, by the option's name or by command and name.
_MAY_BE = {
    **dict.fromkeys(
        (
            "seed",
            "split-seed",
            "rotations",
            "center",
            "bootstrap",
            "molecule",
            "atom",
            "spins",
            "profile",
            "max-degree",
        ),
        ("0",),
    ),
    **dict.fromkeys(("center", "member", "members", "validation-members", "lead", "map-leads", "momentum"), ("0",)),
    **dict.fromkeys(("warmup-epochs", "final-fraction", "weight-decay", "b1", "b2", "loss.spectral"), ("0",)),
    **dict.fromkeys(("days", "spin-up-days", "diffusion-hours", "loss.variables"), ("0",)),
    **dict.fromkeys(("evaluate leads", "plot spectra leads", "train memory-gib"), ("0",)),
    **dict.fromkeys(("tilt", "offsets", "loss.degree-power"), ("-1", "0")),
    "network.separable": ("True",),
    "train reference": ("none",),
    "network.products": ("none",),
}
# For what must be refused at once, on a busy machine.
_SECONDS = 60
_ANY_TEXT = ("out", "names", "title")
_KEPT = ("good", "tries.json", "said.txt", "result.txt")


class WorkBegins(BaseException):
    """A command has taken all its options. No `Exception`, so that nothing catches it."""


def main() -> int:
    """Try in the current folder; the last line of the output is a JSON object of counts and findings."""
    options = given(__doc__, 20, "wrong words for each option", "command lines")
    kinds(Path("good"))
    tries = Tries(options.start)
    for line in part_of([line for line in lines() if options.only in line.title], options.part):
        _try_line(line, options.seed, options.count, tries)
    tries.tell()
    return 0


def _try_line(line: Line, seed: int, count: int, tries: Tries) -> None:
    missing = line.typed("", line.lacking.get("", line.words.get("", "")).split(), lacking=True)
    usual = _outcome(line, missing, _SECONDS)
    if usual[0] != "status 2":
        raise ValueError(f"{line.title} with {line.lacking} must end with status 2, got {usual}")
    for name, hint in line.options.items():
        rng, of = random.Random(f"{seed} {line.title} {name}"), type_of(hint)
        may_be = [
            word for key in (name, name.rpartition(".")[2], f"{line.command} {name}") for word in _MAY_BE.get(key, ())
        ]
        for number, word in enumerate(wrong_words(of, may_be, count, rng)):
            if tries.begin(line.title, name, repr(word)[:60]):
                tries.counts["options"] += number == 0
                tries.note(line.title, name, repr(word)[:60], *_tried(line, name, of, word, usual[1]))
        _clear()


def _tried(line: Line, name: str, of: Type, word: str, usual: str) -> tuple[str, str]:
    """How a line with a word ends, and what is not allowed of it."""
    sure = of.kind != "text"
    typed = line.typed(name, [*of.before, *[word] * of.times], lacking=sure)
    outcome, told = _outcome(line, typed, _SECONDS if sure else line.seconds)
    if sure and (outcome != "status 2" or told == usual):
        return "not allowed", f"taken: {outcome} {told}"
    if word in NONSENSE and name not in _ANY_TEXT and outcome not in ("status 1", "status 2"):
        return "not allowed", f"taken: {outcome} {told}"
    program = line.title.split()[0]
    if outcome == "status 2" and not told.startswith((f"{line.title}: ", f"{program}: ")):
        return "not allowed", f"no line of {program}: {told}"
    return outcome, told


def _outcome(line: Line, typed: list[str], seconds: int) -> tuple[str, str]:
    stopped = (
        contextlib.nullcontext() if line.begins is None else mock.patch.object(*line.begins, side_effect=WorkBegins)
    )
    with stopped:
        outcome, told = command_outcome(line.program, typed, seconds)
    if outcome == "not allowed" and told.startswith(("more than", "WorkBegins")):
        return ("goes on" if told.startswith("more than") else "work begins"), told
    return outcome, told


def _clear() -> None:
    """Remove what commands wrote under the words that they took."""
    for path in Path().iterdir():
        if path.name not in _KEPT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    sys.exit(main())
