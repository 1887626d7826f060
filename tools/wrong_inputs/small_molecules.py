"""Few atoms, a network of few numbers and a server of one file: what valid calls of `molsphere` use."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
from pathlib import Path

import equinox as eqx
import jax
import numpy as np

import molsphere
from molsphere import Molecule, MoleculeSet, PropertyModel, RegressorConfig, SphereRegressor, Splits, TargetScaling
from qm9_record import METHANE

SPECIES = (1, 6, 8)
WATER = Molecule(np.array([8, 1, 1]), np.array([[0.0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]), "water")
MONOXIDE = Molecule(np.array([6, 8]), np.array([[0.0, 0, 0], [0, 0, 1.13]]), "carbon monoxide", {"energy": 2.5})
SPLITS = Splits(np.array([0, 1]), np.array([2]), np.array([3]), 4)
_FILE = b"a file"


def some_molecules() -> MoleculeSet:
    """Four molecules, two of them water, with an energy and the enthalpy of QM9."""
    energies = {"energy": np.array([1.5, 2.5, 1.25, 2.0]), "H": np.array([-76.4, -113.3, -76.3, -113.2])}
    whole = MoleculeSet.from_molecules([WATER, MONOXIDE, WATER, MONOXIDE])
    return MoleculeSet(whole.num_atoms, whole.numbers, whole.positions, whole.index, energies)


def small_config(**changes: object) -> RegressorConfig:
    """A network of one block of degree 2 and two channels."""
    fixed = {"species": SPECIES, "powers": (2,), "bandlimits": (2,), "widths": (2,), "num_filter_params": (None,)}
    head = molsphere.HeadConfig(width=2, linear=True)
    return RegressorConfig(**{**fixed, "embedding": 2, "head": head, **changes})  # pyright: ignore[reportArgumentType]


def small_model() -> PropertyModel:
    """A model of random weights of the property `energy` in eV."""
    network, state = eqx.nn.make_with_state(SphereRegressor)(small_config(), key=jax.random.key(0))
    scaling = TargetScaling(SPECIES, (-3.0, -3.0, -3.0), 0.5, 2.0)
    seen = molsphere.TrainingRange.of(some_molecules())
    return PropertyModel(eqx.nn.inference_mode(network), state, {"energy": "eV"}, {"energy": scaling}, seen)


def write_records(folder: Path) -> Path:
    """A folder of two records of QM9, and the list of those to leave out."""
    folder.mkdir()
    for number in (1, 2):
        text = METHANE.replace("gdb 1\t", f"gdb {number}\t")
        (folder / f"dsgdb9nsd_{number:06d}.xyz").write_text(text, encoding="utf-8")
    (folder / "uncharacterized.txt").write_text("  2  C  b\n  21725  C  c\n", encoding="utf-8")
    return folder


@functools.cache
def published_file() -> molsphere.RemoteFile:
    """A file that a server in this process gives."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/file"
    return molsphere.RemoteFile("file.bin", len(_FILE), f"sha256:{hashlib.sha256(_FILE).hexdigest()}", (url,))


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(http.HTTPStatus.OK)
        self.send_header("Content-Length", str(len(_FILE)))
        self.end_headers()
        self.wfile.write(_FILE)

    def log_message(self, format: str, *args: object) -> None:
        pass
