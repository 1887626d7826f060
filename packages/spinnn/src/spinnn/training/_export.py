"""A trained model in one file: a JSON header, then the arrays. Reading it runs no code from the file."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import equinox as eqx
import jax

from ..files import replacing

T = TypeVar("T")

_MAGIC = b"SPINNN1\n"
_LARGEST_HEADER = 16 * 2**20
_PACKAGES = ("spinharm", "spinnn", "molsphere", "wxsphere", "jax", "jaxlib", "equinox", "numpy")


def save_model(path: str | os.PathLike, tree: Any, config: dict[str, Any]) -> None:
    """Write a model (and its norm state) to one file, by way of a temporary name.

    Layout: the line `SPINNN1`, one line of JSON (`config`, package versions, array shapes and types), then the arrays
    as `equinox.tree_serialise_leaves` writes them.

    Args:
        path: The file.
        tree: Pytree whose arrays are written, e.g. `(model, state)`.
        config: JSON types from which the same structure can be built again.
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
        file.write(_MAGIC + json.dumps(header).encode() + b"\n")
        eqx.tree_serialise_leaves(file, eqx.filter(tree, eqx.is_array))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def read_header(path: str | os.PathLike) -> dict[str, Any]:
    """The header of a model file: `config`, `versions`, `arrays`.

    Raises:
        ValueError: The file is not a model file, or its header is cut off.
    """
    with Path(path).open("rb") as file:
        return _header(file, path)


def _header(file: Any, path: str | os.PathLike) -> dict[str, Any]:
    if file.read(len(_MAGIC)) != _MAGIC:
        raise ValueError(f"{path} is not a spinnn model file: it does not begin with {_MAGIC.decode().strip()!r}")
    line = file.readline(_LARGEST_HEADER)
    try:
        return json.loads(line)
    except ValueError:
        raise ValueError(f"{path}: the header of the model file is damaged or cut off") from None


def load_model(path: str | os.PathLike, build: Callable[[dict[str, Any]], T]) -> tuple[T, dict[str, Any]]:
    """Read a model file.

    Args:
        path: The file.
        build: Makes the structure from the header's `config`: the same that was saved, with any values in it.

    Returns:
        What `build` made, with the file's arrays in it, and the header.

    Raises:
        ValueError: Not a model file, one that is cut off, or one whose arrays do not fit what `build` made.
    """
    with Path(path).open("rb") as file:
        header = _header(file, path)
        tree = build(header["config"])
        arrays, rest = eqx.partition(tree, eqx.is_array)
        found = [[list(leaf.shape), str(leaf.dtype)] for leaf in jax.tree.leaves(arrays)]
        if found != header["arrays"]:
            raise ValueError(
                f"{path}: the file holds {len(header['arrays'])} arrays that are not the {len(found)} of the model "
                f"built from its config; it was written by {header['versions']}"
            )
        try:
            arrays = eqx.tree_deserialise_leaves(file, arrays)
        except Exception as error:
            raise ValueError(f"{path}: the arrays of the model file are damaged or cut off: {error}") from error
    return eqx.combine(arrays, rest), header
