"""Download published files: from mirrors, resumable, verified."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, BinaryIO

from .._checks import entries, instance, integer, number

_LONGEST = 1e6
_CHUNK = 2**20
Progress = Callable[[str, int, int], None]


@dataclasses.dataclass(frozen=True)
class RemoteFile:
    """A published file.

    Attributes:
        name: Its name on disk.
        size: Bytes.
        checksum: `"md5:…"` or `"sha256:…"`, in hexadecimal.
        urls: Mirrors, http or https, in the order to try.

    Examples:
        >>> from molsphere import RemoteFile
        >>> RemoteFile("some.txt", 7, "md5:9a0364b9e99bb480dd25e1f0284c8555", ("https://example.org/some.txt",)).size
        7
    """

    name: str
    size: int
    checksum: str
    urls: tuple[str, ...]


class FetchError(OSError):
    """No mirror provided a file; the message names it, its checksum, and where to put it by hand.

    Examples:
        >>> from molsphere import FetchError
        >>> issubclass(FetchError, OSError)
        True
    """


# Sizes and MD5 sums as figshare gives them for the collection doi:10.6084/m9.figshare.978904.
QM9_FILES = (
    RemoteFile(
        "dsgdb9nsd.xyz.tar.bz2",
        86_144_227,
        "md5:ad1ebd51ee7f5b3a6e32e974e5d54012",
        (
            "https://ndownloader.figshare.com/files/3195389",
            "https://springernature.figshare.com/ndownloader/files/3195389",
            "https://s3-eu-west-1.amazonaws.com/pstorage-npg-968563215/3195389/dsgdb9nsd.xyz.tar.bz2",
            "https://paddle-org.bj.bcebos.com/paddlematerials/datasets/qm9/dsgdb9nsd.xyz.tar.bz2",
        ),
    ),
    RemoteFile(
        "uncharacterized.txt",
        486_752,
        "md5:a361887bacb427b8a0ce7903d92a53b4",
        (
            "https://ndownloader.figshare.com/files/3195404",
            "https://springernature.figshare.com/ndownloader/files/3195404",
        ),
    ),
)


def fetch(file: RemoteFile, folder: str | Path, *, progress: Progress | None = None, timeout: float = 60.0) -> Path:
    """Download a file into a folder, unless it is already there and verified.

    Data go to `<name>.part`, which a later call continues; the file gets its name when size and checksum are right.

    Args:
        file: The file to download.
        folder: Where to; made if it does not exist.
        progress: Called with the name, the bytes so far and the total.
        timeout: Seconds without an answer or data after which a mirror is given up.

    Returns:
        The path of the verified file.

    Raises:
        FetchError: Another file of that name is there, or no mirror provided this one.
        TypeError: Anything other than a file, a folder and a number.
        ValueError: An invalid name, checksum or address, or a time that is not above 0.

    Examples:
        >>> import hashlib
        >>> from pathlib import Path
        >>> from molsphere import RemoteFile, fetch
        >>> _ = Path("some.txt").write_bytes(b"content")
        >>> checksum = f"md5:{hashlib.md5(b'content').hexdigest()}"
        >>> file = RemoteFile("some.txt", 7, checksum, ("https://example.org/some.txt",))
        >>> fetch(file, ".").name  # already there and verified: nothing is downloaded
        'some.txt'
    """
    _check_file(file)
    timeout = number("timeout", timeout, above=0.0, below=_LONGEST)
    kind, _, expected = file.checksum.partition(":")
    if kind not in ("md5", "sha256"):
        raise ValueError(f"`checksum` must start with md5: or sha256:, got {file.checksum!r}")
    if strange := [url for url in file.urls if urllib.parse.urlsplit(url).scheme not in ("http", "https")]:
        raise ValueError(f"`urls` must be http or https, got {strange[0]!r}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path, part = folder / file.name, folder / f"{file.name}.part"
    if path.exists():
        if (found := _digest(path, kind)) == expected:
            return path
        raise FetchError(f"{path} exists but has {kind} {found} instead of {expected}; move it away and fetch again")
    failures = []
    for url in file.urls:
        # A partial file that does not fit the one of the mirror is removed, and the download begun again.
        for _ in range(2):
            resumed = part.exists()
            try:
                _download(url, part, file, progress, timeout)
            except (OSError, http.client.HTTPException) as error:
                failures.append(f"{url}: {error}")
                break
            size, found = part.stat().st_size, _digest(part, kind)
            if size == file.size and found == expected:
                part.replace(path)
                return path
            failures.append(f"{url}: {size} bytes with {kind} {found}")
            part.unlink()
            if not resumed:
                break
    raise FetchError(
        f"no mirror provided {file.name}. Put it at {path} by hand: {file.size} bytes, {kind} {expected}. Tried "
        + "; ".join(failures)
    )


def fetch_qm9(folder: str | Path, *, progress: Progress | None = None, files: Sequence[RemoteFile] = QM9_FILES) -> Path:
    """Download QM9's archive and its list of uncharacterised molecules into a folder, for `read_qm9`.

    Args:
        folder: Where to; made if it does not exist.
        progress: Called with the name, the bytes so far and the total.
        files: The files to download, the archive first; default the published files.

    Returns:
        The path of the archive.

    Raises:
        FetchError: A file that no mirror provides; the message names it and where to put it by hand.
        TypeError: Anything other than files and a folder.
        ValueError: No files.

    Examples:
        >>> import hashlib
        >>> from pathlib import Path
        >>> from molsphere import RemoteFile, fetch_qm9
        >>> _ = Path("some.txt").write_bytes(b"content")
        >>> checksum = f"md5:{hashlib.md5(b'content').hexdigest()}"
        >>> file = RemoteFile("some.txt", 7, checksum, ("https://example.org/some.txt",))
        >>> fetch_qm9(".", files=(file,)).name  # existing files are verified
        'some.txt'
    """
    files = entries("files", files, "a sequence of files")
    if not files:
        raise ValueError("`files` must hold at least one file, got none")
    paths = [fetch(file, folder, progress=progress) for file in files]
    return paths[0]


def _check_file(file: object) -> None:
    """Check the types of the fields, and that the name is that of a file in the folder itself."""
    instance("file", file, RemoteFile, "a RemoteFile")
    name, size, checksum, urls = vars(file).values()
    for field, text in (("name", name), ("checksum", checksum)):
        instance(field, text, str, "a string")
    integer("size", size, 0)
    for url in entries("urls", urls, "a sequence of addresses"):
        instance("urls", url, str, "a sequence of addresses")
    if not name or name in (".", "..") or PurePosixPath(name).name != name or PureWindowsPath(name).name != name:
        raise ValueError(f"`name` must be a plain file name, got {name!r}")


def _download(url: str, part: Path, file: RemoteFile, progress: Progress | None, timeout: float) -> None:
    """Append what is missing to `part`, or write all of it if the server cannot continue a download."""
    done = part.stat().st_size if part.exists() else 0
    if done == file.size:
        return
    if done > file.size:
        part.unlink()
        done = 0
    response = _open(url, done, timeout)
    if response is None:
        return
    with contextlib.closing(response):
        continued = response.status == http.HTTPStatus.PARTIAL_CONTENT
        if continued and not str(response.headers.get("Content-Range", "")).startswith(f"bytes {done}-"):
            raise OSError(f"unexpected range {response.headers.get('Content-Range')!r}")
        with part.open("ab" if continued else "wb") as out:
            done = _copy(response, out, file, done if continued else 0, progress)
    if done < file.size:
        raise OSError(f"the connection ended after {done} of {file.size} bytes")
    if done > file.size:
        part.unlink()
        raise OSError(f"it sends more than {file.size} bytes")


def _open(url: str, done: int, timeout: float) -> Any:
    """The server's response with the bytes after `done`; None if its file ends before, so that it must be read anew."""
    request = urllib.request.Request(url, headers={"User-Agent": "molsphere"})
    if done:
        request.add_header("Range", f"bytes={done}-")
    try:
        return urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and done:
            return None
        raise OSError(f"{error.code} {error.reason}") from None


def _copy(response: Any, out: BinaryIO, file: RemoteFile, done: int, progress: Progress | None) -> int:
    """Write a response until it ends or is longer than the file must be; returns the number of bytes then."""
    while chunk := response.read(_CHUNK):
        done += len(chunk)
        if done > file.size:
            break
        out.write(chunk)
        if progress is not None:
            progress(file.name, done, file.size)
    return done


def _digest(path: Path, kind: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
