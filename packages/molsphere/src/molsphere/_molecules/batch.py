"""Padded batches of molecules, and the choice of padded sizes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .. import _checks
from .molecule import Molecule, molecule_list

# Sizes of `padded_size`.
_STEP, _GROWTH = 8, 1.25


class Molecules(eqx.Module):
    """Molecules padded to one number of atoms: a pytree of three arrays, for `jit`, `vmap` and devices.

    Attributes:
        numbers: Atomic numbers, 0 for padding, shape (*batch, atoms), int32.
        positions: Positions [Å], 0 for padding, shape (*batch, atoms, 3).
        mask: True for atoms, shape (*batch, atoms).

    Examples:
        >>> import numpy as np
        >>> from molsphere import Molecule, pad_molecules
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> batch = pad_molecules([water], 4)
        >>> batch.mask.tolist(), batch.num_atoms.tolist()
        ([[True, True, True, False]], [3])
    """

    numbers: Int[Array | np.ndarray, "*batch atoms"]
    positions: Float[Array | np.ndarray, "*batch atoms 3"]
    mask: Bool[Array | np.ndarray, "*batch atoms"]

    @property
    def num_atoms(self) -> Int[Array | np.ndarray, "*batch"]:
        """Atoms of each molecule, shape (*batch,)."""
        return self.mask.sum(-1)


def check_batch(molecules: object) -> None:
    """Check a padded batch: types and shapes of its arrays."""
    _checks.instance("molecules", molecules, Molecules, "a padded batch, as from pad_molecules")
    _checks.geometry(molecules.positions, molecules.numbers, molecules.mask)  # pyright: ignore[reportAttributeAccessIssue]
    if molecules.mask is None:  # pyright: ignore[reportAttributeAccessIssue]
        raise TypeError("`mask` of a padded batch must be an array, got None")


def check_features(features: object, molecules: object, count: int | None = None) -> None:
    """Check features of the atoms of a padded batch, shape (*batch, atoms, features)."""
    check_batch(molecules)
    _checks.floats("features", features)
    shape = features.shape  # pyright: ignore[reportAttributeAccessIssue]
    atoms = molecules.mask.shape  # pyright: ignore[reportAttributeAccessIssue]
    if len(shape) != len(atoms) + 1 or shape[:-1] != atoms or (count is not None and shape[-1] != count):
        wanted = ", ".join(map(str, (*atoms, "features" if count is None else count)))
        raise ValueError(f"`features` must have shape ({wanted}), of the atoms of `molecules`, got {shape}")


def pad_molecules(molecules: Sequence[Molecule], size: int | None = None, *, dtype: str = "float32") -> Molecules:
    """A batch of molecules as NumPy arrays, padded with zeros.

    Args:
        molecules: At least one.
        size: Number of atoms to pad to; default that of the largest molecule.
        dtype: Type of the positions.

    Returns:
        Arrays of shapes (batch, size), (batch, size, 3), (batch, size).

    Raises:
        TypeError: Anything other than molecules, or a size that is not an integer.
        ValueError: No molecules, one larger than `size`, or another type.

    Examples:
        >>> import numpy as np
        >>> from molsphere import Molecule, pad_molecules
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> pad_molecules([water], 4).numbers.tolist()
        [[8, 1, 1, 0]]
    """
    molecules = molecule_list(molecules)
    _checks.float_type("dtype", dtype)
    if not molecules:
        raise ValueError("`molecules` must hold at least one molecule, got none")
    largest = max(map(len, molecules))
    size = largest if size is None else _checks.count("size", size)
    if largest > size:
        raise ValueError(f"`size` must be at least that of the largest molecule, {largest} atoms, got {size}")
    numbers = np.zeros((len(molecules), size), np.int32)
    positions = np.zeros((len(molecules), size, 3), dtype)
    for at, molecule in enumerate(molecules):
        numbers[at, : len(molecule)] = molecule.numbers
        positions[at, : len(molecule)] = molecule.positions
    return Molecules(numbers, positions, numbers > 0)


def choose_buckets(sizes: Iterable[int] | Int[np.ndarray, " molecules"], max_buckets: int = 6) -> tuple[int, ...]:
    """Choose at most `max_buckets` padded sizes with the fewest padded atoms in total.

    Exact, by dynamic programming over the distinct sizes (above 512 of them, over 512 quantiles).

    Args:
        sizes: Atoms of each molecule, at least one molecule.
        max_buckets: Largest number of sizes to choose; each is compiled once.

    Returns:
        Ascending sizes; the last is the largest molecule's.

    Raises:
        TypeError: Sizes that are not integers.
        ValueError: No sizes, one below 1, or no buckets.

    Examples:
        >>> from molsphere import choose_buckets
        >>> choose_buckets([3, 4, 4, 9, 10], max_buckets=2)
        (4, 10)
    """
    max_buckets = _checks.integer("max_buckets", max_buckets, 1)
    array = _checks.whole_numbers("sizes", sizes)
    if array.size == 0 or array.min() < 1:
        raise ValueError(f"`sizes` must be whole numbers of at least 1, at least one of them, got {array!r}")
    edges, counts = np.unique(array, return_counts=True)
    if edges.size > 512:
        edges = np.unique(np.quantile(array, np.linspace(0, 1, 513), method="higher"))
        counts = np.diff(np.searchsorted(np.sort(array), edges, side="right"), prepend=0)
    cumulated = np.concatenate([[0], np.cumsum(counts)])
    # cost[j]: padded atoms of all molecules up to size j; bucket j ends at edges[j] and starts after edges[i − 1].
    cost = edges * cumulated[1:]
    starts = []
    for _ in range(min(max_buckets, edges.size) - 1):
        total = np.concatenate([[0], cost])[:, None] + (cumulated[None, 1:] - cumulated[:, None]) * edges[None, :]
        total = np.where(np.arange(edges.size + 1)[:, None] <= np.arange(edges.size)[None, :], total[:, :], np.inf)
        starts.append(np.argmin(total, 0))
        cost = np.min(total, 0)
    chosen, end = [edges.size - 1], edges.size - 1
    for start in reversed(starts):
        end = int(start[end]) - 1
        if end < 0:
            break
        chosen.append(end)
    return tuple(int(edges[i]) for i in reversed(chosen))


def padded_size(atoms: int) -> int:
    """The padded size for a number of atoms: 8, 16, 24, 32, 40, 56, 72, …, multiples of 8 growing by a quarter.

    It does not depend on the other molecules of a batch, so that repeated calls compile few programs.
    """
    size = _STEP
    while size < atoms:
        size = max(size + _STEP, int(np.ceil(size * _GROWTH / _STEP)) * _STEP)
    return size


def bucket_of(sizes: Int[np.ndarray, " molecules"], buckets: Sequence[int]) -> Int[np.ndarray, " molecules"]:
    """Index of the smallest bucket that holds each molecule.

    Args:
        sizes: Atoms of each molecule.
        buckets: Ascending sizes.

    Returns:
        Indices into `buckets`, shape (molecules,).

    Raises:
        TypeError: Sizes or buckets that are not integers.
        ValueError: Buckets that do not ascend, or a molecule larger than the last.

    Examples:
        >>> import numpy as np
        >>> from molsphere import bucket_of
        >>> bucket_of(np.array([3, 5, 9]), (4, 10)).tolist()
        [0, 1, 1]
    """
    sizes = _checks.whole_numbers("sizes", sizes)
    buckets = _checks.entries("buckets", buckets, "ascending sizes")
    edges = np.asarray([_checks.count("buckets", b) for b in buckets], int)
    if edges.size == 0 or np.any(np.diff(edges) <= 0):
        raise ValueError(f"`buckets` must ascend, at least one, got {tuple(buckets)}")
    if sizes.size and sizes.max() > edges[-1]:
        raise ValueError(f"`buckets` must hold the largest molecule, {sizes.max()} atoms, got {tuple(buckets)}")
    return np.searchsorted(edges, sizes)


def bucket_molecules(
    molecules: Sequence[Molecule],
    *,
    buckets: Sequence[int] | None = None,
    batch_size: int = 32,
    dtype: str = "float32",
) -> list[tuple[Int[np.ndarray, " batch"], Molecules]]:
    """Batches of molecules of similar size, each padded to a bucket, for prediction.

    The last batch of a bucket is filled up with empty molecules, so that there is one shape per bucket.

    Args:
        molecules: At least one.
        buckets: Ascending sizes; default `choose_buckets` of these molecules.
        batch_size: Molecules per batch.
        dtype: Type of the positions.

    Returns:
        Pairs of indices into `molecules`, shape (batch_size,), −1 for empty molecules, and the batch.

    Raises:
        TypeError: Anything other than molecules, or sizes that are not integers.
        ValueError: No molecules, buckets that do not hold them, or another type.

    Examples:
        >>> from molsphere import bucket_molecules, from_smiles
        >>> for index, batch in bucket_molecules([from_smiles("O"), from_smiles("C")], buckets=(3, 5), batch_size=2):
        ...     print(index.tolist(), batch.positions.shape)
        ...
        [0, -1] (2, 3, 3)
        [1, -1] (2, 5, 3)
    """
    molecules = molecule_list(molecules)
    if not molecules:
        raise ValueError("`molecules` must hold at least one molecule, got none")
    batch_size = _checks.count("batch_size", batch_size)
    sizes = np.array([len(m) for m in molecules])
    edges = choose_buckets(sizes) if buckets is None else _checks.entries("buckets", buckets, "ascending sizes")
    which = bucket_of(sizes, edges)
    batches = []
    for at, size in enumerate(edges):
        members = np.flatnonzero(which == at)
        for start in range(0, members.size, batch_size):
            index = np.full(batch_size, -1)
            chosen = members[start : start + batch_size]
            index[: chosen.size] = chosen
            padded = pad_molecules([molecules[i] for i in chosen], size, dtype=dtype)
            missing = batch_size - chosen.size

            def fill(x: np.ndarray, missing: int = missing) -> np.ndarray:
                return np.pad(x, [(0, missing)] + [(0, 0)] * (x.ndim - 1))

            batches.append((index, jax.tree.map(fill, padded)))
    return batches
