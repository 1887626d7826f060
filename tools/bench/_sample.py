"""Molecules of some training batches in a file, for contestants that load no library of ours."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Sample:
    """Molecules of some training batches, for contestants in processes of their own.

    Attributes:
        sizes: Atoms of each molecule.
        numbers: Atomic numbers of all atoms, one molecule after the other.
        positions: Positions of all atoms [Å].
        values: Scaled values to learn, float32.
        batches: Members of each batch, shape (batches, batch size), grouped by size as molsphere does.
        padded: Atoms that each of these batches is padded to.
    """

    sizes: np.ndarray
    numbers: np.ndarray
    positions: np.ndarray
    values: np.ndarray
    batches: np.ndarray
    padded: np.ndarray

    @classmethod
    def load(cls, path: str) -> Sample:
        """Read what `save` wrote."""
        with np.load(path) as file:
            return cls(**file)

    def save(self, path: str) -> None:
        """Write an .npz."""
        np.savez(path, **vars(self))

    def molecule(self, at: int) -> tuple[np.ndarray, np.ndarray]:
        """Atomic numbers and positions of one molecule."""
        end = int(self.sizes[: at + 1].sum())
        atoms = slice(end - int(self.sizes[at]), end)
        return self.numbers[atoms], self.positions[atoms]

    def dealt(self) -> np.ndarray:
        """The same molecules in batches dealt at random, as libraries that do not pad have them."""
        return np.random.default_rng(0).permutation(self.batches.ravel()).reshape(self.batches.shape)
