"""Training, validation and test splits as arrays of indices."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int

from spinnn.files import replacing

from .. import _checks
from .._files.npz import read_arrays

QM9_CHARACTERIZED = 130_831
_ARRAYS = ("train", "validation", "test", "total")
_LARGEST = 2**26


@dataclasses.dataclass(frozen=True, eq=False)
class Splits:
    """Indices of the molecules of the training, validation and test splits, which are disjoint.

    Attributes:
        train: Indices of the training split, in the order of the draw.
        validation: Indices of the validation split.
        test: Indices of the test split.
        total: Number of molecules in the data.

    Raises:
        TypeError: Indices or a total that are not integers.
        ValueError: Indices out of range, or a molecule twice.

    Examples:
        >>> from molsphere import Splits, random_splits
        >>> splits = random_splits(10, train=7, validation=2)
        >>> splits.save("splits.npz")
        >>> Splits.load("splits.npz").equals(splits)
        True
    """

    train: Int[np.ndarray, " train"]
    validation: Int[np.ndarray, " validation"]
    test: Int[np.ndarray, " test"]
    total: int

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            index = getattr(self, name)
            _checks.array(name, index, "iu")
            if index.ndim != 1:
                raise ValueError(f"`{name}` must be indices along one axis, got shape {index.shape}")
        _checks.integer("total", self.total, 0)
        together = np.concatenate([self.train, self.validation, self.test])
        if together.size and not (together.min() >= 0 and together.max() < self.total):
            raise ValueError(f"indices must be within {self.total} molecules, got {together.min()} … {together.max()}")
        if np.unique(together).size != together.size:
            raise ValueError("indices must belong to one split each, got a molecule twice")

    def __str__(self) -> str:
        return f"{self.train.size:,} training, {self.validation.size:,} validation, {self.test.size:,} test molecules"

    def equals(self, other: Splits) -> bool:
        """Whether both have the same indices, in the same order.

        Raises:
            TypeError: Anything other than `Splits`.
        """
        _checks.instance("other", other, Splits, "of type Splits")
        pairs = ((self.train, other.train), (self.validation, other.validation), (self.test, other.test))
        return self.total == other.total and all(np.array_equal(a, b) for a, b in pairs)

    def save(self, path: str | Path) -> None:
        """Write an .npz of the three arrays and the total, under a temporary name that is then renamed.

        Args:
            path: The file.
        """
        with replacing(path, "wb") as file:
            np.savez(file, train=self.train, validation=self.validation, test=self.test, total=np.array(self.total))

    @classmethod
    def load(cls, path: str | Path) -> Splits:
        """Read splits that `save` wrote. Nothing is unpickled.

        Args:
            path: The file.

        Returns:
            The splits.

        Raises:
            FileNotFoundError: No such file.
            ValueError: Another kind of file, or indices that are not splits.
        """
        arrays = read_arrays(Path(path), lambda headers: [name for name in _ARRAYS if name in headers])
        if lacking := [name for name in _ARRAYS if name not in arrays]:
            raise ValueError(f"{path} must hold the arrays train, validation, test and total, got no {lacking[0]!r}")
        for name, found in arrays.items():
            if found.dtype.kind not in "iu" or found.ndim != (name != "total"):
                wanted = "an integer" if name == "total" else "integers along one axis"
                raise ValueError(f"{path}: {name!r} must be {wanted}, got {found.dtype} {found.shape}")
        return cls(**{**arrays, "total": int(arrays["total"])})


def random_splits(total: int, train: int, validation: int, test: int | None = None, *, seed: int = 0) -> Splits:
    """Splits of given sizes: `numpy.random.default_rng(seed).permutation(total)` cut in this order.

    Args:
        total: Number of molecules.
        train: Training molecules.
        validation: Validation molecules.
        test: Test molecules; default the rest.
        seed: Seed of the draw.

    Returns:
        The splits.

    Raises:
        TypeError: A size or seed that is not an integer.
        ValueError: Sizes below 0, or more than there are molecules.

    Examples:
        >>> from molsphere import random_splits
        >>> splits = random_splits(10, train=7, validation=2, seed=1)
        >>> splits.train.size, splits.validation.size, splits.test.size
        (7, 2, 1)
    """
    total, train, validation = (
        _checks.count(name, value, 0, _LARGEST)
        for name, value in (("total", total), ("train", train), ("validation", validation))
    )
    test = total - train - validation if test is None else _checks.integer("test", test, 0)
    if test < 0 or train + validation + test > total:
        raise ValueError(
            f"`train`, `validation` and `test` must be at most `total` = {total} together, got {train} + {validation}"
            + (f" + {test}" if test >= 0 else "")
        )
    order = np.random.default_rng(_checks.integer("seed", seed, 0)).permutation(total)
    cuts = np.cumsum([train, validation, test])
    return Splits(order[: cuts[0]], order[cuts[0] : cuts[1]], order[cuts[1] : cuts[2]], total)


def qm9_splits(name: Literal["cormorant", "110k"], total: int = QM9_CHARACTERIZED) -> Splits:
    """The two splits of QM9's 130,831 characterised molecules in the literature.

    `"cormorant"`: 100,000 / 17,748 / 13,083, `numpy.random.RandomState(0).permutation(130831)` cut in this order;
    Cormorant, EGNN and the paper's Split 2. `"110k"`: 110,000 / 10,000 / 10,831 as the paper's code cuts the same
    permutation for Split 1: training is Cormorant's with the first 10,000 of its validation, test the first 10,831 of
    its test, validation the rest. (Other papers draw 110,000 at random with their own seeds.)

    Args:
        name: Name of the split.
        total: Number of molecules in the data, which must be these 130,831, in the order of their numbers.

    Returns:
        The splits, indices in the data without the uncharacterised molecules.

    Raises:
        ValueError: An unknown name, or data of another size.

    References:
        Anderson, Hy, Kondor, Cormorant (2019); Esteves, Slotine, Makadia, Scaling Spherical CNNs (2023), Table 2.

    Examples:
        >>> from molsphere import qm9_splits
        >>> splits = qm9_splits("cormorant")
        >>> splits.train.size, splits.validation.size, splits.test.size
        (100000, 17748, 13083)
    """
    _checks.option("name", name, ("cormorant", "110k"))
    if total != QM9_CHARACTERIZED:
        raise ValueError(
            f"`total` must be {QM9_CHARACTERIZED}, QM9 without its uncharacterised molecules, got {total}; for other "
            f"data give --split random (`random_splits`)"
        )
    # The legacy generator, whose stream NumPy has frozen.
    order = np.random.RandomState(0).permutation(QM9_CHARACTERIZED)
    train, validation, test = order[:100_000], order[100_000:117_748], order[117_748:]
    if name == "110k":
        train, validation, test = (
            np.concatenate([train, validation[:10_000]]),
            np.concatenate([validation[10_000:], test[10_831:]]),
            test[:10_831],
        )
    return Splits(train, validation, test, total)
