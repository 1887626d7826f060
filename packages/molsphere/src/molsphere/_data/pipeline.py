"""Batches for training and evaluation, by Grain: shuffled, of one bucket each, resumable."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Int

from spinnn.training import iterate_batches

from .. import _checks
from .._molecules.batch import Molecules, bucket_of, choose_buckets
from .._molecules.dataset import MoleculeSet


class Batch(eqx.Module):
    """A batch for a training step: a pytree of arrays.

    Attributes:
        molecules: Padded molecules, shape (batch, atoms).
        targets: Values by name, each of shape (batch,); 0 for empty molecules, NaN where a molecule has no value.
        weight: 1 for molecules, 0 for empty ones, which fill up a batch, shape (batch,).
        index: Indices in the data, −1 for empty molecules, shape (batch,).
        forces: Reference forces, shape (batch, atoms, 3), NaN where there are none; None for data without.

    Examples:
        >>> import numpy as np
        >>> from molsphere import MoleculeSet, BatchPlan, batch_iterator, from_smiles
        >>> molecules = MoleculeSet.from_molecules([from_smiles(smiles) for smiles in ("O", "C", "CO")])
        >>> plan = BatchPlan.build(molecules.num_atoms, 2, shuffle=False)
        >>> batch = next(batch_iterator(molecules, {"energy": np.array([1.0, 2.0, 3.0])}, plan, epochs=1))
        >>> batch.molecules.positions.shape, batch.targets["energy"].shape
        ((2, 3, 3), (2,))
    """

    molecules: Molecules
    targets: Mapping[str, Float[Array | np.ndarray, " batch"]]
    weight: Float[Array | np.ndarray, " batch"]
    index: Int[Array | np.ndarray, " batch"]
    forces: Float[Array | np.ndarray, "batch atoms 3"] | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class BatchPlan:
    """Assignment of molecules to batches, a function of the seed and the number of the batch alone.

    Each epoch has every molecule once. Molecules of a bucket are shuffled and divided into batches; the last of each
    bucket is filled up with empty molecules (−1); then the batches are shuffled. All epochs have the same number of
    batches of each bucket.

    Attributes:
        sizes: Atoms of each molecule, shape (molecules,).
        batch_size: Molecules per batch, over all shards.
        buckets: Ascending sizes to pad to.
        seed: Seed of the shuffling.
        shuffle: Whether to shuffle; otherwise batches go bucket by bucket in the order of the data.

    Examples:
        >>> import numpy as np
        >>> from molsphere import BatchPlan
        >>> plan = BatchPlan.build(np.array([3, 5, 3, 4]), batch_size=2, buckets=(3, 5))
        >>> plan.batches_per_epoch
        2
        >>> sum(len(index) for index in plan.epoch(0))
        4
    """

    sizes: Int[np.ndarray, " molecules"]
    batch_size: int
    buckets: tuple[int, ...]
    seed: int = 0
    shuffle: bool = True

    @classmethod
    def build(
        cls,
        sizes: Int[np.ndarray, " molecules"],
        batch_size: int,
        *,
        buckets: Sequence[int] | None = None,
        seed: int = 0,
        shuffle: bool = True,
    ) -> BatchPlan:
        """Make a plan.

        Args:
            sizes: Atoms of each molecule, at least one molecule.
            batch_size: Molecules per batch, over all shards.
            buckets: Ascending sizes to pad to; default `choose_buckets(sizes)`.
            seed: Seed of the shuffling.
            shuffle: Whether to shuffle.

        Returns:
            The plan.

        Raises:
            TypeError: Sizes, a batch size or a seed that are not integers.
            ValueError: No molecules, or buckets that do not hold them.
        """
        sizes = _checks.whole_numbers("sizes", sizes)
        if buckets is None:
            edges = choose_buckets(sizes)
        else:
            edges = tuple(_checks.count("buckets", b) for b in _checks.entries("buckets", buckets, "ascending sizes"))
        bucket_of(sizes, edges)
        size = _checks.count("batch_size", batch_size)
        _checks.flag("shuffle", shuffle)
        return cls(sizes, size, edges, _checks.integer("seed", seed, 0), bool(shuffle))

    @functools.cached_property
    def _members(self) -> list[np.ndarray]:
        which = bucket_of(self.sizes, self.buckets)
        return [np.flatnonzero(which == at) for at in range(len(self.buckets))]

    @property
    def batches_per_epoch(self) -> int:
        """Batches in one pass over the data."""
        return sum(-(-members.size // self.batch_size) for members in self._members)

    def epoch(self, number: int) -> list[tuple[int, Int[np.ndarray, " batch"]]]:
        """The batches of an epoch.

        Args:
            number: Epoch, from 0.

        Returns:
            (number of atoms to pad to, indices of the molecules with −1 for empty ones), one per batch.

        Raises:
            TypeError: A number that is not an integer.
            ValueError: A number below 0.
        """
        number = _checks.integer("number", number, 0)
        random = np.random.default_rng((self.seed, number))
        batches = []
        for size, members in zip(self.buckets, self._members, strict=True):
            order = random.permutation(members) if self.shuffle else members
            full = np.full(-(-order.size // self.batch_size) * self.batch_size, -1)
            full[: order.size] = order
            batches += [(size, index) for index in full.reshape(-1, self.batch_size)]
        if self.shuffle:
            batches = [batches[i] for i in random.permutation(len(batches))]
        return batches


def batch_iterator(
    data: MoleculeSet,
    targets: Mapping[str, np.ndarray],
    plan: BatchPlan,
    *,
    epochs: int | None = None,
    shard: tuple[int, int] = (0, 1),
    prefetch: int = 2,
) -> Any:
    """Iterate over the batches of a plan, endlessly or for some epochs.

    The k-th batch depends on the plan and k alone, so the iterator's state is one number, independent of prefetching.

    Args:
        data: The molecules of the plan.
        targets: Target values by name, each of shape (molecules,), NaN where missing; they are converted to float32, so
            scale them first.
        plan: Assignment of molecules to batches.
        epochs: Passes over the data; default endless.
        shard: (number, count): this process gets every count-th molecule of each batch, starting at number; all
            processes get the same shapes at the same time.
        prefetch: Number of batches that a thread prepares ahead; 0 for none.

    Returns:
        A Grain iterator over `Batch` of NumPy arrays, with `get_state` and `set_state` for exact resume, for
        `spinnn.training.fit`.

    Raises:
        TypeError: Anything other than molecules, a plan and targets, or a number that is not an integer.
        ValueError: A plan for other molecules, targets of another shape or infinite, or a shard that does not divide
            the batch.

    Examples:
        >>> import numpy as np
        >>> from molsphere import MoleculeSet, BatchPlan, batch_iterator, from_smiles
        >>> molecules = MoleculeSet.from_molecules([from_smiles(smiles) for smiles in ("O", "C", "CO")])
        >>> plan = BatchPlan.build(molecules.num_atoms, 2, seed=0)
        >>> batches = batch_iterator(molecules, {"energy": np.array([1.0, 2.0, 3.0])}, plan, epochs=1)
        >>> sum(int(batch.weight.sum()) for batch in batches)
        3
    """
    _checks.instance("data", data, MoleculeSet, "a MoleculeSet")
    _checks.instance("plan", plan, BatchPlan, "a BatchPlan")
    _checks.mapping("targets", targets, "values by name")
    if not np.array_equal(plan.sizes, data.num_atoms):
        raise ValueError(f"`plan` must be made for the sizes of `data`, {len(data)} molecules, got {plan.sizes.size}")
    for name, values in targets.items():
        _checks.array("targets", values, "fiu")
        if values.shape != (len(data),) or np.isinf(values).any():
            given = f"{values.shape} for {name!r}" + (", with infinite values" if np.isinf(values).any() else "")
            raise ValueError(f"`targets` must be finite or NaN for none, shape ({len(data)},), got {given}")
    values = {name: values.astype(np.float32) for name, values in targets.items()}

    def load(batch: tuple[int, np.ndarray], part: slice) -> Batch:
        size, members = batch[0], batch[1][part]
        present = members >= 0
        chosen = {name: np.where(present, those[members], np.float32(0)) for name, those in values.items()}
        forces = None if data.forces is None else data.pad_forces(members, size)
        return Batch(data.pad(members, size), chosen, present.astype(np.float32), members.astype(np.int32), forces)

    name = (
        f"molsphere batches of {plan.batch_size} of {len(data)} molecules, buckets {plan.buckets}, seed {plan.seed}, "
        f"shuffle {plan.shuffle}"
    )
    return iterate_batches(plan.epoch, load, plan.batch_size, name=name, epochs=epochs, shard=shard, prefetch=prefetch)
