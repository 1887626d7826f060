"""Damages to files: cut, flipped, overwritten, of another kind, under another name; one file of a folder likewise."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_NUMBER = re.compile(rb"-?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")
_TOKENS = (
    b"nan", b"-inf", b"1e999", b"-1", b"0", b"9" * 400, b"99999999999", b"0.5", b"null", b"true", b"text", b"\x00",
    b"", b'"', b"[]", b"{}", b"\xff\xfe", "é\u2028".encode(), b"-2147483649", b"1_234", b"=1+1", b"\x1b[2J",
)  # fmt: skip
_LINES = (
    b"", b"\x00" * 9, b"," * 999, b"x" * 200_000, b'"' + b"y" * 200_000, b"1 2 3", b"C 0 0 0", b"\xff\xff",
    b"\r", b"[" * 3000, b"M  END", b"$$$$", b"999999",
)  # fmt: skip
_KINDS = ("cut", "cut", "flip", "flip", "flip", "zero", "insert", "remove", "whole", "token", "token", "line")
_DEEP = (b"[" * 200_000, b'{"a":' * 100_000, b'{"a": ' + b"9" * 5000 + b"}", b"{}", b"[]", b"null", b'""', b"1")


class Damage(NamedTuple):
    """What was done to a file.

    Attributes:
        label: In words.
        path: The damaged file or folder.
    """

    label: str
    path: Path


def damaged(good: Path, others: Sequence[Path], into: Path, rng: random.Random) -> Damage:
    """A damaged copy of a file or folder.

    Args:
        good: The file or folder.
        others: Files of other kinds.
        into: Where the copy goes; what is there is removed.
        rng: Chooses the damage.
    """
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    target = into / good.name
    if good.is_dir():
        return Damage(_of_folder(good, target, others, rng), target)
    kind = rng.random()
    if kind < 0.08:
        other = rng.choice(others)
        shutil.copyfile(other, target)
        return Damage(f"{other.name} under this name", target)
    if kind < 0.16:
        target = target.with_suffix(rng.choice([path.suffix for path in others] + ["", ".txt", ".gz"]))
        shutil.copyfile(good, target)
        return Damage(f"renamed to {target.name}", target)
    if kind < 0.18:
        target.mkdir()
        return Damage("a folder of this name", target)
    label, content = _of_bytes(good.read_bytes(), rng)
    target.write_bytes(content)
    return Damage(label, target)


def _of_folder(good: Path, target: Path, others: Sequence[Path], rng: random.Random) -> str:
    shutil.copytree(good, target)
    files = sorted(path for path in target.rglob("*") if path.is_file())
    # Small files are metadata; without this choice most damages would be of chunks.
    small = [path for path in files if path.suffix in (".json", "") and path.stat().st_size < 20_000]
    file = rng.choice(small if small and rng.random() < 0.5 else files)
    name, kind = file.relative_to(target), rng.random()
    if kind < 0.15:
        file.unlink()
        return f"without {name}"
    if kind < 0.25:
        other = rng.choice([path for path in files if path != file] or [file])
        shutil.copyfile(other, file) if other != file else None
        return f"{other.relative_to(target)} under the name {name}"
    if kind < 0.3:
        shutil.copyfile(rng.choice(others), file)
        return f"a file of another kind as {name}"
    if kind < 0.33:
        file.unlink()
        file.mkdir()
        return f"a folder as {name}"
    if kind < 0.36 and file.parent != target:
        shutil.rmtree(file.parent)
        return f"without {name.parent}"
    label, content = _of_bytes(file.read_bytes(), rng)
    file.write_bytes(content)
    return f"{name}: {label}"


def _of_bytes(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """A damaged content and what was done."""
    size = len(content)
    at = rng.randrange(size + 1)
    kind = rng.choice(
        ("cut", "cut", "flip", "flip", "flip", "zero", "insert", "remove", "whole", "token", "token", "line")
    )
    is_text = b"\x00" not in content[:2000]
    if kind in ("token", "line") and not is_text:
        # Texts in binary files, such as headers, are at their beginning.
        at, kind = min(at, 4096), rng.choice(("flip", "remove", "token"))
    if kind == "cut":
        at = rng.choice((at, at, 0, 1, max(size - 1, 0)))
        return f"cut at {at} of {size}", content[:at]
    if kind == "flip":
        changed, head = bytearray(content), rng.random() < 0.3
        places = (
            [rng.randrange(min(size, 512) if head else size) for _ in range(rng.choice((1, 1, 4, 32)))] if size else []
        )
        for place in places:
            changed[place] ^= 1 << rng.randrange(8)
        return f"bits flipped at {places[:4]}", bytes(changed)
    if kind == "zero":
        return f"64 bytes zero at {at}", content[:at] + bytes(min(64, size - at)) + content[at + 64 :]
    if kind == "insert":
        more = rng.randbytes(rng.choice((1, 7, 300)))
        return f"{len(more)} bytes inserted at {at}", content[:at] + more + content[at:]
    if kind == "remove":
        length = rng.choice((1, 4, 100))
        return f"{length} bytes removed at {at}", content[:at] + content[at + length :]
    if kind == "whole":
        number = rng.randrange(len(_DEEP) + 3)
        if number < len(_DEEP):
            return f"{_DEEP[number][:12]!r}… instead", _DEEP[number]
        return ("twice", content * 2) if number == len(_DEEP) else ("random bytes", rng.randbytes(max(size, 10)))
    if kind == "line":
        lines = content.split(b"\n")
        place, line = rng.randrange(len(lines)), rng.choice(_LINES)
        lines[place : place + rng.randrange(2)] = [line]
        return f"line {place + 1} is {line[:12]!r}", b"\n".join(lines)
    numbers = list(_NUMBER.finditer(content[:20_000]))
    if not numbers:
        return "empty", b""
    found, token = rng.choice(numbers), rng.choice(_TOKENS)
    return f"{token[:12]!r} for the number at {found.start()}", content[: found.start()] + token + content[
        found.end() :
    ]
