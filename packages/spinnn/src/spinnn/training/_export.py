"""A trained model in one file: a checksum, a JSON header, then the arrays. Reading it runs no code from the file."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import IO, Any, TypeVar

import equinox as eqx
import jax
import numpy as np

from ..files import FileWarning, file_digest, parse_json, replacing, well_formed

T = TypeVar("T")

_MAGIC = b"SPINNN2\n"
# Files of version 0.1, without checksums.
_OLD_MAGIC = b"SPINNN1\n"
_DIGEST = 64
_BEGIN = len(_MAGIC) + _DIGEST + 1
_LARGEST_HEADER = 16 * 2**20
_PACKAGES = ("spinharm", "spinnn", "molsphere", "wxsphere", "jax", "jaxlib", "equinox", "numpy")


def save_model(path: str | os.PathLike, tree: Any, config: dict[str, Any]) -> None:
    """Write a model (and its norm state) to one file, atomically.

    Layout: the line `SPINNN2`, a line with the SHA-256 of all that follows it, one line of JSON (`config`, package
    versions, array shapes and types), then the arrays as `equinox.tree_serialise_leaves` writes them.

    Args:
        path: The file.
        tree: Pytree whose arrays are written, e.g. `(model, state)`.
        config: JSON types from which the same structure can be built again.

    Raises:
        OSError: The file cannot be written.

    Warns:
        FileWarning: Some arrays have values that are not finite.

    Examples:
        >>> import jax
        >>> from spinnn import SpinConv
        >>> from spinnn.training import load_model, save_model
        >>> def build(config):
        ...     return SpinConv((0,), (1,), 1, 1, bandlimit=config["bandlimit"], key=jax.random.key(0))
        >>> config = {"bandlimit": 4}
        >>> save_model("wind.spinnn", build(config), config)
        >>> model, header = load_model("wind.spinnn", build)
        >>> model.bandlimit
        4
    """
    arrays = [leaf for leaf in jax.tree.leaves(tree) if eqx.is_array(leaf)]
    versions = {name: _version(name) for name in _PACKAGES}
    header = {
        "config": config,
        "versions": {name: version for name, version in versions.items() if version}
        | {"python": platform.python_version()},
        "arrays": [[list(leaf.shape), str(leaf.dtype)] for leaf in arrays],
    }
    with replacing(path, "wb") as file:
        hashed = _Hashed(file)
        file.write(_MAGIC + b"0" * _DIGEST + b"\n")
        hashed.write(json.dumps(header).encode() + b"\n")
        eqx.tree_serialise_leaves(hashed, eqx.filter(tree, eqx.is_array))  # pyright: ignore[reportArgumentType]
        file.seek(len(_MAGIC))
        file.write(hashed.digest.hexdigest().encode())
    _say_what_is_not_finite(path, arrays)


class _Hashed:
    """A file that hashes what is written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return self._file.write(data)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def read_header(path: str | os.PathLike) -> dict[str, Any]:
    """Read the header of a model file and compare the checksum of the whole file.

    Args:
        path: The file.

    Returns:
        `config` (as given to `save_model`), `versions` of packages by name, and shape and type of the `arrays`.

    Raises:
        ValueError: The file is not a model file, or it is damaged or cut off.

    Warns:
        FileWarning: A file of an earlier version, which has no checksum.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinnn.training import read_header, save_model
        >>> save_model("weights.spinnn", {"weight": jnp.ones(3)}, {"width": 3})
        >>> read_header("weights.spinnn")["arrays"]
        [[[3], 'float32']]
    """
    with Path(path).open("rb") as file:
        return _header(file, path)


def _header(file: IO[bytes], path: str | os.PathLike) -> dict[str, Any]:
    magic = file.read(len(_MAGIC))
    if magic not in (_MAGIC, _OLD_MAGIC):
        raise ValueError(f"{path} is not a spinnn model file: it does not begin with {_MAGIC.decode().strip()!r}")
    if magic == _MAGIC:
        told = file.read(_DIGEST + 1)
        if told != file_digest(path, _BEGIN).encode() + b"\n":
            raise ValueError(
                f"{path}: the model file is damaged, cut off or too long: its checksum does not match its "
                f"content; take another copy of it"
            )
    line = file.readline(_LARGEST_HEADER)
    try:
        header = parse_json(line, path)
    except ValueError:
        raise ValueError(f"{path}: the header of the model file is damaged or cut off") from None
    for name, kind, what in (
        ("config", dict, "an object"),
        ("versions", dict, "an object"),
        ("arrays", list, "a list"),
    ):
        if not isinstance(header.get(name), kind):
            raise ValueError(f"{path}: `{name}` of the model file's header must be {what}, got {header.get(name)!r}")
    if magic == _OLD_MAGIC:
        told = f"{path}: a model file of an earlier version, without checksum: damage in it cannot be detected"
        warnings.warn(told, FileWarning, stacklevel=4)
    return header


def load_model(path: str | os.PathLike, build: Callable[[dict[str, Any]], T]) -> tuple[T, dict[str, Any]]:
    """Read a model file.

    Args:
        path: The file.
        build: Function from the header's `config` to a pytree of the structure that was saved, with any values.

    Returns:
        The result of `build` with the file's arrays in it, and the header.

    Raises:
        ValueError: The file is not a model file, is damaged, cut off or too long; `build` fails on its config; or its
            arrays do not fit the result of `build`.

    Warns:
        FileWarning: A file of an earlier version, which has no checksum; arrays with values that are not finite.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinnn.training import load_model, save_model
        >>> save_model("weights.spinnn", {"weight": jnp.full(3, 2.0)}, {"width": 3})
        >>> model, header = load_model("weights.spinnn", lambda config: {"weight": jnp.zeros(config["width"])})
        >>> print(model["weight"], header["config"])
        [2. 2. 2.] {'width': 3}
    """
    with Path(path).open("rb") as file:
        header = _header(file, path)
        with well_formed(path, "the config of the model file"):
            tree = build(header["config"])
        arrays, rest = eqx.partition(tree, eqx.is_array)
        found = [[list(leaf.shape), str(leaf.dtype)] for leaf in jax.tree.leaves(arrays)]
        if found != header["arrays"]:
            _refuse_precision(path, found, header["arrays"])
            raise ValueError(
                f"{path}: the file holds {len(header['arrays'])} arrays that are not the {len(found)} of the model "
                f"built from its config; it was written by {header['versions']}"
            )
        try:
            arrays = eqx.tree_deserialise_leaves(file, arrays)
        except Exception as error:
            raise ValueError(f"{path}: the arrays of the model file are damaged or cut off: {error}") from error
        if file.read(1):
            raise ValueError(
                f"{path}: the model file is too long, with bytes after its arrays; take another copy of it"
            )
    _say_what_is_not_finite(path, jax.tree.leaves(arrays))
    return eqx.combine(arrays, rest), header


def _refuse_precision(path: str | os.PathLike, found: list[Any], wanted: list[Any]) -> None:
    """Refuse arrays that differ from those of a model in precision alone, with a message that says so."""
    if not all(isinstance(entry, list) and len(entry) == 2 for entry in wanted):
        return
    if [shape for shape, _ in found] != [shape for shape, _ in wanted]:
        return
    types, own = ({str(dtype) for _, dtype in arrays} for arrays in (wanted, found))
    if "float64" in types - own and not jax.config.read("jax_enable_x64"):
        raise ValueError(
            f"{path}: the file holds arrays of float64, JAX makes float32 here; load it with 64-bit types on: "
            f"JAX_ENABLE_X64=1, or jax.config.update('jax_enable_x64', True)"
        )
    if "float32" in types - own and "float64" in own:
        raise ValueError(
            f"{path}: the file holds arrays of float32, those built from its config are float64; load it with 64-bit "
            f"types off: without JAX_ENABLE_X64, or within `with jax.enable_x64(False)`"
        )


def _say_what_is_not_finite(path: str | os.PathLike, arrays: list[Any]) -> None:
    bad = sum(not np.isfinite(np.asarray(x)).all() for x in arrays if eqx.is_inexact_array(x))
    if bad:
        told = f"{path}: {bad} of the model's {len(arrays)} arrays have values that are not finite"
        warnings.warn(f"{told}; its predictions will not be finite either", FileWarning, stacklevel=3)
