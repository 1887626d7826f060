"""Atomic writing of files, JSON, checksums, and warnings about files."""

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
    """A one-line warning about a file; commands print each such line once.

    Examples:
        >>> import warnings
        >>> from spinnn.files import FileWarning
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("error", FileWarning)
        ...     warnings.warn("water.xyz: 2 of 10 lines are empty", FileWarning)
        Traceback (most recent call last):
            ...
        spinnn.files.FileWarning: water.xyz: 2 of 10 lines are empty
    """


def file_digest(path: str | os.PathLike, start: int = 0) -> str:
    """SHA-256 of a file, read in blocks.

    Args:
        path: The file.
        start: Position of the first byte that counts.

    Returns:
        64 hexadecimal digits.

    Raises:
        OSError: The file cannot be read.

    Examples:
        >>> from pathlib import Path
        >>> from spinnn.files import file_digest
        >>> Path("data.bin").write_bytes(b"abc")
        3
        >>> file_digest("data.bin")
        'ba7816bf8f01cfea...f20015ad'
    """
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        file.seek(start)
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def read_json(path: str | os.PathLike) -> dict[str, Any]:
    """The JSON object in a file.

    Args:
        path: The file, in UTF-8.

    Returns:
        The object.

    Raises:
        FileNotFoundError: No such file.
        ValueError: It holds something else; the message names the file.

    Examples:
        >>> from spinnn.files import read_json, write_json
        >>> write_json("run.json", {"epochs": 3})
        >>> read_json("run.json")
        {'epochs': 3}
    """
    return parse_json(Path(path).read_bytes(), path)


def parse_json(content: bytes | str, name: str | os.PathLike) -> dict[str, Any]:
    """The JSON object in a text.

    Args:
        content: The text; bytes are UTF-8.
        name: The name of its file, for messages.

    Returns:
        The object.

    Raises:
        ValueError: The text is not JSON, is nested too deeply, or is not an object; the message begins with the name.

    Examples:
        >>> from spinnn.files import parse_json
        >>> parse_json('{"epochs": 3}', "run.json")
        {'epochs': 3}
        >>> parse_json("[3]", "run.json")
        Traceback (most recent call last):
            ...
        ValueError: run.json: must be a JSON object, got list
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
    """Write a JSON file; other processes see the old file or the complete new one.

    Args:
        path: The file.
        values: JSON types.

    Raises:
        OSError: The file cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> from spinnn.files import write_json
        >>> write_json("run.json", {"epochs": 3})
        >>> print(Path("run.json").read_text(), end="")
        {
          "epochs": 3
        }
    """
    with replacing(path) as file:
        file.write(json.dumps(values, indent=2) + "\n")


def write_checked_json(path: str | os.PathLike, values: dict[str, Any]) -> None:
    """Write a JSON object together with its own SHA-256, under the name `sha256`.

    Args:
        path: The file; other processes see the old file or the complete new one.
        values: The object, of JSON types.

    Raises:
        OSError: The file cannot be written.

    Examples:
        >>> from spinnn.files import read_checked_json, read_json, write_checked_json
        >>> write_checked_json("run.json", {"epochs": 3})
        >>> sorted(read_json("run.json"))
        ['epochs', 'sha256']
        >>> read_checked_json("run.json")
        ({'epochs': 3}, True)
    """
    write_json(path, {**values, _DIGEST: _digest_of(values)})


def read_checked_json(path: str | os.PathLike) -> tuple[dict[str, Any], bool]:
    """Read a file of `write_checked_json` and compare its checksum.

    Args:
        path: The file.

    Returns:
        The object without its checksum, and whether it had one.

    Raises:
        FileNotFoundError: No such file.
        ValueError: The file is not a JSON object, or its checksum does not match its content; the message names it.

    Examples:
        >>> from spinnn.files import read_checked_json, write_json
        >>> write_json("run.json", {"epochs": 3})
        >>> read_checked_json("run.json")  # written without a digest
        ({'epochs': 3}, False)
    """
    values = read_json(path)
    digest = values.pop(_DIGEST, None)
    if digest is not None and digest != _digest_of(values):
        raise ValueError(
            f"{os.fspath(path)}: the file is damaged or was changed: its checksum does not match its content; take "
            f"another copy of it"
        )
    return values, digest is not None


def check_digests(folder: str | os.PathLike, digests: Mapping[str, str], *, lost: str, other: str) -> None:
    """Compare files in a folder with known checksums.

    Args:
        folder: The folder.
        digests: SHA-256 by name of file, as `file_digest` gives it.
        lost: What follows "… is missing" in the message of a file that is not there.
        other: What follows "… is damaged, or of " in the message of one that differs.

    Raises:
        TypeError: `digests` is not a mapping.
        FileNotFoundError: A file is missing.
        ValueError: A file has another digest.

    Examples:
        >>> from pathlib import Path
        >>> from spinnn.files import check_digests, file_digest
        >>> _ = Path("a.txt").write_text("one")
        >>> digests = {"a.txt": file_digest("a.txt")}
        >>> check_digests(".", digests, lost="; copy it again", other="another data set")
        >>> _ = Path("a.txt").write_text("two")
        >>> check_digests(".", digests, lost="; copy it again", other="another data set")
        Traceback (most recent call last):
            ...
        ValueError: a.txt is damaged, or of another data set
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
    """Turn errors of reading a malformed object (a missing name, a wrong type) into one that names the file.

    Args:
        name: The file.
        what: The part of the file that is read, for messages.

    Yields:
        Nothing.

    Raises:
        ValueError: Instead of errors of names, types, positions and depth, and of a `ValueError` without the file's
            name.

    Examples:
        >>> from spinnn.files import well_formed
        >>> with well_formed("run.json", "the model"):
        ...     {"width": 8}["depth"]
        Traceback (most recent call last):
            ...
        ValueError: run.json: the model must have 'depth'
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
        raise ValueError(f"{os.fspath(name)}: {what} is malformed: {said}") from error


@contextlib.contextmanager
def replacing(path: str | os.PathLike, mode: str = "w") -> Iterator[IO[Any]]:
    r"""Open a temporary file that replaces `path` if the block succeeds and is removed if it fails.

    Missing folders are made. Other processes see the old file or the complete new one. On a full disk the error
    names the file.

    Args:
        path: The file.
        mode: `"w"` for text in UTF-8 with newlines as they are written, `"wb"` for bytes.

    Yields:
        The open file.

    Raises:
        OSError: The file cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> from spinnn.files import replacing
        >>> with replacing("out/table.txt") as file:
        ...     print("3.0", file=file)
        ...     Path("out/table.txt").exists()
        False
        >>> Path("out/table.txt").read_text()
        '3.0\n'
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
