"""Buckets: gcsfs, anonymous, against a server on this machine that speaks what it asks for of Google's JSON API."""

from __future__ import annotations

import http.server
import json
import sys
import threading
import tomllib
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr

from spinharm import Grid
from wxsphere import open_dataset

BUCKET = "weatherbench2"


class _Server(http.server.BaseHTTPRequestHandler):
    """Objects of one bucket, out of a folder: metadata, listing and media."""

    folder: ClassVar[Path]
    seen: ClassVar[list[tuple[str, str | None]]]

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.seen.append((url.path, self.headers.get("Authorization")))
        head, found, name = url.path.partition(f"/b/{BUCKET}/o")
        if not found:
            self._send(404, json.dumps({"error": {"code": 404, "message": "no such bucket"}}).encode())
        elif name.strip("/"):
            self._object(urllib.parse.unquote(name[1:]), query.get("alt") == "media" or "/download/" in head)
        else:
            self._list(query.get("prefix", ""), query.get("delimiter"))

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""

    def _object(self, name: str, media: bool) -> None:
        path = self.folder / name
        if not path.is_file():
            self._send(404, json.dumps({"error": {"code": 404, "message": f"No such object: {name}"}}).encode())
        elif media:
            data = path.read_bytes()
            wanted = self.headers.get("Range")
            if wanted is None:
                self._send(200, data)
            else:
                begin, end = wanted.removeprefix("bytes=").split("-")
                self._send(206, data[int(begin) : int(end) + 1 if end else None])
        else:
            self._send(200, json.dumps(self._metadata(path)).encode())

    def _metadata(self, path: Path) -> dict[str, str]:
        name = path.relative_to(self.folder).as_posix()
        stamp = "2020-01-01T00:00:00.000Z"
        size = str(path.stat().st_size)
        return {"kind": "storage#object", "bucket": BUCKET, "name": name, "size": size, "updated": stamp,
                "timeCreated": stamp, "generation": "1", "metageneration": "1"}  # fmt: skip

    def _list(self, prefix: str, delimiter: str | None) -> None:
        items, prefixes = [], set()
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_file() and name.startswith(prefix):
                rest = name[len(prefix) :]
                if delimiter and delimiter in rest:
                    prefixes.add(prefix + rest.split(delimiter)[0] + delimiter)
                else:
                    items.append(self._metadata(path))
        self._send(200, json.dumps({"items": items, "prefixes": sorted(prefixes)}).encode())

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def bucket(tmp_path) -> Iterator[tuple[str, Path, list]]:
    """Endpoint, folder behind the bucket, and the requests seen."""
    handler = type("Handler", (_Server,), {"folder": tmp_path / BUCKET, "seen": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", tmp_path / BUCKET, handler.seen
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_bucket_is_read_anonymously_and_lazily(bucket, make_dataset, zarr_format):
    pytest.importorskip("gcsfs")
    endpoint, folder, seen = bucket
    dataset = make_dataset(Grid.equiangular(7, 12))
    chunked = dataset.chunk(time=1)
    chunked.to_zarr(folder / "datasets" / "era5.zarr", zarr_format=zarr_format, consolidated=zarr_format == 2)
    options = {"endpoint_url": endpoint, "skip_instance_cache": True}
    out = open_dataset(f"gs://{BUCKET}/datasets/era5.zarr", storage_options=options)
    assert not [path for path, _ in seen if "geopotential%2Fc" in path or "geopotential%2F0" in path], (
        "nothing is read yet"
    )
    assert out.geopotential.chunks[0] == (1, 1, 1, 1)
    seen.clear()
    np.testing.assert_array_equal(out.geopotential.isel(time=2), dataset.geopotential.isel(time=2))
    assert len({path for path, _ in seen}) <= 2, "one chunk for one time"
    xr.testing.assert_equal(out.load(), dataset)
    assert not any(authorisation for _, authorisation in seen)


def test_a_store_that_is_not_in_the_bucket_is_told(bucket):
    pytest.importorskip("gcsfs")
    endpoint, _, _ = bucket
    options = {"endpoint_url": endpoint, "skip_instance_cache": True}
    with pytest.raises((FileNotFoundError, ValueError), match=r"gs://weatherbench2/nothing.zarr"):
        open_dataset(f"gs://{BUCKET}/nothing.zarr", storage_options=options)


@pytest.mark.parametrize(
    ("url", "module"),
    [("gs://b/a.zarr", "gcsfs"), ("s3://b/a.zarr", "s3fs"), ("https://b.org/a.zarr", "aiohttp")],
)
def test_an_address_without_its_library_is_answered_with_the_command(monkeypatch, url, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        ModuleNotFoundError, match=rf"needs {module}, which is not installed: pip install 'wxsphere\[cloud\]'"
    ):
        open_dataset(url)


def test_the_plain_install_has_no_library_of_a_cloud():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    clouds = ("gcsfs", "s3fs", "obstore")
    assert not [line for line in project["dependencies"] if line.startswith((*clouds, "boto", "google"))]
    extras = project["optional-dependencies"]
    assert [line.partition(">")[0] for line in extras["cloud"]] == ["gcsfs", "obstore", "s3fs"]
    assert extras["obstore"] == ["wxsphere[cloud]"]
