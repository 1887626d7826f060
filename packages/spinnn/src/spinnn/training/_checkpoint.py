"""Checkpoints of a training run, written and read by orbax."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from spinharm import checks
from spinharm.failures import first_line

from ..files import FileWarning
from ._step import as_arrays

T = TypeVar("T")
# What orbax writes beside the arrays, and more.
_SPARE = 2**20


def _fingerprint(config: Any) -> str:
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]


def _plain(tree: Any) -> dict[str, jax.Array]:
    """Leaves by position, with random keys as their data."""
    leaves = jax.tree.leaves(tree)
    return {f"{i:05d}": _key_data(leaf) for i, leaf in enumerate(leaves)}


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _key_data(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


class Checkpoints:
    """The checkpoints in a folder: written asynchronously and atomically; only the newest few are kept.

    Each holds the arrays of a pytree, a JSON object and a fingerprint of the run's configuration; a checkpoint of
    another configuration is refused.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinnn.training import Checkpoints
        >>> weights = {"weight": jnp.ones(3)}
        >>> checkpoints = Checkpoints("checkpoints", {"epochs": 3})
        >>> checkpoints.save(100, weights, {"position": 4})
        >>> checkpoints.close()
        >>> again = Checkpoints("checkpoints", {"epochs": 3})
        >>> again.latest_step()
        100
        >>> restored, meta = again.restore(weights)
        >>> print(restored["weight"], meta)
        [1. 1. 1.] {'position': 4}
        >>> again.close()
    """

    def __init__(self, folder: str | Path, config: Any, *, keep: int = 2) -> None:
        """Open a folder of checkpoints, or make it.

        Args:
            folder: The folder.
            config: The run's configuration as JSON types.
            keep: How many of the newest checkpoints are kept.
        """
        self._folder, self._fingerprint = Path(folder).absolute(), _fingerprint(config)
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, cleanup_tmp_directories=True)
        self._manager = ocp.CheckpointManager(self._folder, options=options, item_names=("arrays", "meta"))

    def latest_step(self) -> int | None:
        """The step of the newest complete checkpoint, or None."""
        return self._manager.latest_step()

    def save(self, step: int, tree: Any, meta: dict[str, Any]) -> None:
        """Begin to write a checkpoint; after the call the arrays may be changed.

        Args:
            step: Number of the checkpoint, 0 or more.
            tree: Pytree of arrays, at least one.
            meta: A JSON object to keep with them.

        Raises:
            TypeError: A step that is not an integer, or leaves that are no arrays.
            ValueError: A step below 0, or a tree without arrays.
            OSError: This checkpoint or the one before cannot be written, e.g. on a full disk; earlier ones are intact.
        """
        step = checks.integer("step", step, 0)
        # Copies: the next step may reuse the buffers (donation) while they are being written.
        arrays = jax.tree.map(jnp.copy, as_arrays("tree", _plain(tree)))
        if not arrays:
            # Orbax would refuse it after it began to write, and keep the process from ending.
            raise ValueError(f"`tree` must hold at least one array, got {tree!r}")
        self._check_space(arrays)
        meta = {"fingerprint": self._fingerprint, **meta}
        meta["sha256"] = _digest(arrays, meta)
        with self._writing():
            self._manager.save(
                step,
                args=ocp.args.Composite(arrays=ocp.args.StandardSave(arrays), meta=ocp.args.JsonSave(meta)),
            )

    def restore(self, template: T, step: int | None = None) -> tuple[T, dict[str, Any]]:
        """Read a checkpoint; if the newest one is damaged, it is removed and the one before it is read.

        Args:
            template: Pytree of the structure, shapes, types and shardings that was saved.
            step: Number of the checkpoint; default the newest that can be read.

        Returns:
            The pytree and the JSON object.

        Raises:
            FileNotFoundError: There is no such checkpoint.
            ValueError: The checkpoint is of another configuration or of other arrays, or none can be read.

        Warns:
            FileWarning: A damaged checkpoint was removed; one of an earlier version, without checksum, was read.
        """
        steps = sorted(self._manager.all_steps(), reverse=True)
        if not steps or (step is not None and step not in steps):
            raise FileNotFoundError(f"no checkpoint {'' if step is None else step} in {self._folder}")
        damaged: dict[int, _DamagedError] = {}
        for one in steps if step is None else [step]:
            try:
                restored = self._restore(template, one)
            except _DamagedError as error:
                damaged[one] = error
                continue
            for bad, error in damaged.items():
                self._manager.delete(bad)
                told = f"{error}; it was removed, and the one before it, checkpoint {one}, is used"
                warnings.warn(told, FileWarning, stacklevel=2)
            return restored
        raise next(iter(damaged.values()))

    def _restore(self, template: T, step: int) -> tuple[T, dict[str, Any]]:
        where = f"checkpoint {step} in {self._folder}"
        try:
            meta = dict(self._manager.restore(step, args=ocp.args.Composite(meta=ocp.args.JsonRestore()))["meta"])
        # Orbax raises whatever it meets.
        except Exception as error:
            raise _DamagedError(f"{where} cannot be read: {first_line(error)}") from error
        if meta.get("fingerprint") != self._fingerprint:
            raise ValueError(f"{where} belongs to another configuration; use its own folder's config, or a new folder")
        wanted = jax.tree.map(_abstract, _plain(template))
        try:
            arguments = ocp.args.Composite(arrays=ocp.args.StandardRestore(wanted))
            arrays = self._manager.restore(step, args=arguments)["arrays"]
        except Exception as error:
            raise _DamagedError(f"{where} cannot be read into this model: {first_line(error)}") from error
        digest = meta.pop("sha256", None)
        if digest is None:
            told = f"{where}: written by an earlier version, without checksum: damage in it cannot be detected"
            warnings.warn(told, FileWarning, stacklevel=3)
        elif digest != _digest(arrays, meta):
            raise _DamagedError(f"{where} is damaged: its checksum does not match its content")
        del meta["fingerprint"]
        leaves, structure = jax.tree.flatten(template)
        restored = []
        for (name, value), leaf in zip(sorted(arrays.items()), leaves, strict=True):
            if isinstance(leaf, jax.Array) and not leaf.committed:
                # Bound to no device, so that the next step may divide its work among several, as the one before did.
                value = jnp.array(np.asarray(value))
            if _is_key(leaf):
                value = jax.random.wrap_key_data(value, impl=jax.random.key_impl(leaf))
            if value.shape != leaf.shape or value.dtype != leaf.dtype:
                raise ValueError(
                    f"{where}: array {name} is {value.shape} {value.dtype}, the model's is {leaf.shape} {leaf.dtype}"
                )
            restored.append(value)
        return jax.tree.unflatten(structure, restored), meta

    def _check_space(self, arrays: dict[str, Any]) -> None:
        """Refuse a checkpoint that the disk cannot hold, since orbax reports a full disk in hundreds of lines."""
        needed = sum(array.nbytes for array in arrays.values()) + _SPARE
        if shutil.disk_usage(self._folder).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._folder))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn errors of orbax in writing into one `OSError` that names the folder."""
        try:
            yield
        except Exception as error:
            for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                if os.strerror(number) in str(error) or getattr(error, "errno", None) == number:
                    raise OSError(number, os.strerror(number), str(self._folder)) from error
            raise OSError(f"{self._folder}: no checkpoint could be written: {first_line(error)}") from error

    def close(self) -> None:
        """Wait for writing to end and release the folder.

        Raises:
            OSError: As `save`.
        """
        with self._writing():
            self._manager.wait_until_finished()
            self._manager.close()


class _DamagedError(ValueError):
    """A checkpoint cannot be read."""


def _digest(arrays: dict[str, Any], meta: dict[str, Any]) -> str | None:
    """SHA-256 of arrays and JSON object; None where other processes hold parts of the arrays."""
    if not all(array.is_fully_addressable for array in arrays.values() if isinstance(array, jax.Array)):
        return None
    digest = hashlib.sha256(json.dumps(meta, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        values = np.ascontiguousarray(jax.device_get(array))
        digest.update(f"{name} {values.shape} {values.dtype}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


class _Quiet(logging.Filter):
    """Drop tracebacks of errors that orbax both logs and raises."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "orbax" not in record.pathname or record.levelno < logging.ERROR


logging.getLogger("absl").addFilter(_Quiet())


def _abstract(leaf: Any) -> Any:
    if isinstance(leaf, jax.Array):
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding)
    return leaf
