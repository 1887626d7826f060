"""Downloads from a server on this machine: whole, resumed, broken, wrong."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from molsphere import FetchError, RemoteFile, fetch, fetch_qm9

CONTENT = bytes(range(256)) * 5000
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Server(ThreadingHTTPServer):
    """Paths say how it behaves; it keeps the requests it got."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str | None]] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.requests.append((self.path, wanted))
        content = {"/wrong": CONTENT[:-1] + b"?", "/short": CONTENT[:1000], "/long": CONTENT * 2}.get(
            self.path, CONTENT
        )
        if self.path == "/missing":
            self.send_error(404)
            return
        start = 0
        if wanted is not None and self.path != "/ignores-range":
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            shown = start + 1 if self.path == "/shifted" else start
            self.send_header("Content-Range", f"bytes {shown}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        body = content[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        # A connection that breaks half-way, the first time.
        if self.path == "/breaks" and wanted is None:
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def remote(server: Server, *paths: str, name: str = "data.bin", checksum: str = f"md5:{MD5}") -> RemoteFile:
    return RemoteFile(name, len(CONTENT), checksum, tuple(server.url(path) for path in paths))


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_download(server, tmp_path):
    seen = []
    path = fetch(remote(server, "good"), tmp_path / "new", progress=lambda *args: seen.append(args))
    assert path.read_bytes() == CONTENT
    assert names(path.parent) == ["data.bin"]
    assert seen[-1] == ("data.bin", len(CONTENT), len(CONTENT))
    fetch(remote(server, "good"), tmp_path / "new")
    assert len(server.requests) == 1


def test_sha256(server, tmp_path):
    checksum = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    assert fetch(remote(server, "good", checksum=checksum), tmp_path).read_bytes() == CONTENT


def test_a_broken_connection_is_continued_by_the_next_call(server, tmp_path):
    with pytest.raises(FetchError, match=f"ended after {len(CONTENT) // 2} of {len(CONTENT)} bytes|IncompleteRead"):
        fetch(remote(server, "breaks"), tmp_path)
    assert names(tmp_path) == ["data.bin.part"]
    half = (tmp_path / "data.bin.part").stat().st_size
    assert 0 < half < len(CONTENT)
    path = fetch(remote(server, "breaks"), tmp_path)
    assert server.requests[-1] == ("/breaks", f"bytes={half}-")
    assert path.read_bytes() == CONTENT
    assert names(tmp_path) == ["data.bin"]


def test_the_next_mirror_continues(server, tmp_path):
    assert fetch(remote(server, "missing", "breaks", "good"), tmp_path).read_bytes() == CONTENT
    assert server.requests[-1][0] == "/good"
    assert server.requests[-1][1] is not None


def test_a_server_that_cannot_continue_starts_anew(server, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(CONTENT[:1000])
    assert fetch(remote(server, "ignores-range"), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("part", [b"rubbish" * 100, CONTENT[:-1] + b"?", CONTENT * 2])
def test_a_part_that_does_not_belong_is_dropped(server, tmp_path, part):
    (tmp_path / "data.bin.part").write_bytes(part)
    assert fetch(remote(server, "good"), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("wrong", f"{len(CONTENT)} bytes with md5 "),
        ("short", f"ended after 1000 of {len(CONTENT)} bytes"),
        ("long", f"it sends more than {len(CONTENT)} bytes"),
        ("missing", "404 Not Found"),
    ],
)
def test_failures_name_the_file_to_put_where(server, tmp_path, path, message):
    with pytest.raises(FetchError, match=message) as caught:
        fetch(remote(server, path), tmp_path)
    text = str(caught.value)
    assert f"no mirror provided data.bin. Put it at {tmp_path / 'data.bin'} by hand" in text
    assert f"{len(CONTENT)} bytes, md5 {MD5}" in text
    assert server.url(path) in text
    assert not (tmp_path / "data.bin").exists()


def test_a_shifted_range_is_refused(server, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(CONTENT[:1000])
    with pytest.raises(FetchError, match="unexpected range 'bytes 1001-"):
        fetch(remote(server, "shifted"), tmp_path)


def test_nobody_is_there(tmp_path):
    file = RemoteFile("data.bin", 3, f"md5:{MD5}", ("http://127.0.0.1:9/data.bin",))
    with pytest.raises(FetchError, match=r"no mirror provided data\.bin.*127\.0\.0\.1:9"):
        fetch(file, tmp_path, timeout=5.0)


def test_another_file_of_that_name_is_not_touched(server, tmp_path):
    (tmp_path / "data.bin").write_bytes(b"mine")
    with pytest.raises(FetchError, match=f"data.bin exists but has md5 .* instead of {MD5}; move it away"):
        fetch(remote(server, "good"), tmp_path)
    assert (tmp_path / "data.bin").read_bytes() == b"mine"


def test_all_files_of_qm9(server, tmp_path):
    files = (remote(server, "good", name="archive"), remote(server, "good", name="list"))
    assert fetch_qm9(tmp_path, files=files) == tmp_path / "archive"
    assert names(tmp_path) == ["archive", "list"]


def test_bad_descriptions(tmp_path):
    with pytest.raises(ValueError, match="`checksum` must start with md5: or sha256:, got 'crc:1'"):
        fetch(RemoteFile("a", 1, "crc:1", ()), tmp_path)
    with pytest.raises(ValueError, match="`urls` must be http or https, got 'file:///etc/hosts'"):
        fetch(RemoteFile("a", 1, "md5:1", ("file:///etc/hosts",)), tmp_path)
