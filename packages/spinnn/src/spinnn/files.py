"""Files that appear whole or not at all, and are known again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from spinharm import checks, failures

_BLOCK = 2**22
_DIGEST = "sha256"


class FileWarning(UserWarning):
    """Something about a file that its user should know, in one line; commands print each line once."""


def file_digest(path: str | os.PathLike, start: int = 0) -> str:
    """SHA-256 of a file from a position on, 64 hexadecimal digits; read in blocks."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        file.seek(start)
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def read_json(path: str | os.PathLike) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It holds something else; the message names the file.
    """
    return parse_json(Path(path).read_bytes(), path)


def parse_json(content: bytes | str, name: str | os.PathLike) -> dict[str, Any]:
    """The JSON object in a text.

    Args:
        content: The text; bytes are UTF-8.
        name: Of its file, for messages.

    Raises:
        ValueError: No JSON, nested too deeply, or no object; the message begins with the name.
    """
    try:
        values = json.loads(content)
    except RecursionError:
        raise ValueError(f"{os.fspath(name)}: cannot be read: its JSON is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{os.fspath(name)}: cannot be read as JSON: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{os.fspath(name)}: must be a JSON object, got {type(values).__name__}")
    return values


def write_json(path: str | os.PathLike, values: Any) -> None:
    """Write JSON: the old file or the new one, never half of it."""
    with replacing(path) as file:
        file.write(json.dumps(values, indent=2) + "\n")


def write_checked_json(path: str | os.PathLike, values: dict[str, Any]) -> None:
    """Write a JSON object with a digest of itself, under the name `sha256`; the old file or the new one."""
    write_json(path, {**values, _DIGEST: _digest_of(values)})


def read_checked_json(path: str | os.PathLike) -> tuple[dict[str, Any], bool]:
    """The JSON object in a file, without the digest of itself, and whether it had one.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It holds something else, or its digest is not that of the rest; the message names the file.
    """
    values = read_json(path)
    digest = values.pop(_DIGEST, None)
    if digest is not None and digest != _digest_of(values):
        raise ValueError(
            f"{os.fspath(path)}: the file is damaged or was changed: its checksum is not that of its content; take "
            f"another copy of it"
        )
    return values, digest is not None


def check_digests(folder: str | os.PathLike, digests: Mapping[str, str], *, lost: str, other: str) -> None:
    """Compare files of a folder with their digests.

    Args:
        folder: The folder.
        digests: SHA-256 by name of file, as `file_digest` gives it.
        lost: What follows "… is missing" in the message of a file that is not there.
        other: What follows "… is damaged, or of " in the message of one that differs.

    Raises:
        TypeError: `digests` is no mapping.
        FileNotFoundError: A file is missing.
        ValueError: A file has another digest.
    """
    checks.instance("digests", digests, Mapping, "a mapping of digests by name of file")
    for name, digest in digests.items():
        path = Path(folder) / name
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing{lost}")
        if file_digest(path) != digest:
            raise ValueError(f"{path} is damaged, or of {other}")


def _digest_of(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


@contextlib.contextmanager
def well_formed(name: str | os.PathLike, what: str) -> Iterator[None]:
    """Turn what reading a malformed object raises (a missing name, a wrong type) into an error that names the file.

    Args:
        name: The file.
        what: The part of it that is read.

    Raises:
        ValueError: In place of the errors of types, names, positions and depth; a `ValueError` gets the file's name.
    """
    try:
        yield
    except KeyError as error:
        raise ValueError(f"{os.fspath(name)}: {what} must have {error}") from error
    except ValueError as error:
        told = str(error)
        raise ValueError(told if os.fspath(name) in told else f"{os.fspath(name)}: {what}: {told}") from error
    except (TypeError, AttributeError, IndexError, ArithmeticError, RecursionError, AssertionError) as error:
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ValueError(f"{os.fspath(name)}: {what} is not as it should be: {said}") from error


@contextlib.contextmanager
def replacing(path: str | os.PathLike, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a temporary file beside `path` that takes its name when the block ends well, and goes when it does not.

    Folders that are missing are made. A reader sees the old file or the new one, never half of it. On a full disk the
    error names the file.

    Args:
        path: The file.
        mode: `"w"` for text in UTF-8 with newlines as they are written, `"wb"` for bytes.

    Yields:
        The open file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    encoding, newline = (None, None) if "b" in mode else ("utf-8", "")
    try:
        with open(temporary, mode, encoding=encoding, newline=newline) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if failures.is_full(error) and error.filename in (None, str(temporary)):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)
