"""Checkpoints of a training run, through orbax and nowhere else."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp

from ._step import as_arrays

T = TypeVar("T")


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
    """The checkpoints in a folder: written asynchronously and whole or not at all, the newest few kept.

    Each holds the arrays of a pytree and a JSON object, with a fingerprint of the run's configuration; a checkpoint of
    another configuration is refused.
    """

    def __init__(self, folder: str | Path, config: Any, *, keep: int = 2) -> None:
        """Open or create the folder.

        Args:
            folder: Where checkpoints are.
            config: The run's configuration as JSON types.
            keep: How many of the newest are kept.
        """
        self._folder, self._fingerprint = Path(folder).absolute(), _fingerprint(config)
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, cleanup_tmp_directories=True)
        self._manager = ocp.CheckpointManager(self._folder, options=options, item_names=("arrays", "meta"))

    def latest_step(self) -> int | None:
        """The newest step that is there whole, or None."""
        return self._manager.latest_step()

    def save(self, step: int, tree: Any, meta: dict[str, Any]) -> None:
        """Begin to write; returns when the arrays may change.

        Args:
            step: Number of the checkpoint.
            tree: Pytree of arrays.
            meta: JSON types.
        """
        # Copies: the next step may reuse the buffers (donation) while they are being written.
        arrays = jax.tree.map(jnp.copy, as_arrays("tree", _plain(tree)))
        meta = {"fingerprint": self._fingerprint, **meta}
        self._manager.save(
            step,
            args=ocp.args.Composite(arrays=ocp.args.StandardSave(arrays), meta=ocp.args.JsonSave(meta)),
        )

    def restore(self, template: T, step: int | None = None) -> tuple[T, dict[str, Any]]:
        """Read a checkpoint.

        Args:
            template: Pytree of the structure, shapes, types and shardings that was saved.
            step: Which; default the newest.

        Returns:
            The pytree and the JSON object.

        Raises:
            FileNotFoundError: No such checkpoint.
            ValueError: One of another configuration, of other arrays, or one that cannot be read.
        """
        step = self.latest_step() if step is None else step
        if step is None or step not in self._manager.all_steps():
            raise FileNotFoundError(f"no checkpoint {'' if step is None else step} in {self._folder}")
        where = f"checkpoint {step} in {self._folder}"
        try:
            meta = dict(self._manager.restore(step, args=ocp.args.Composite(meta=ocp.args.JsonRestore()))["meta"])
        except Exception as error:
            raise ValueError(f"{where} cannot be read: {error}") from error
        if meta.pop("fingerprint", None) != self._fingerprint:
            raise ValueError(f"{where} belongs to another configuration; use its own folder's config, or a new folder")
        wanted = jax.tree.map(_abstract, _plain(template))
        try:
            arguments = ocp.args.Composite(arrays=ocp.args.StandardRestore(wanted))
            arrays = self._manager.restore(step, args=arguments)["arrays"]
        except Exception as error:
            raise ValueError(f"{where} cannot be read into this model: {error}") from error
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

    def close(self) -> None:
        """Finish writing and release the folder."""
        self._manager.wait_until_finished()
        self._manager.close()


def _abstract(leaf: Any) -> Any:
    if isinstance(leaf, jax.Array):
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding)
    return leaf
