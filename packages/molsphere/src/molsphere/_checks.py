"""Checks of arguments that several modules share, each with one message that names argument, value and remedy."""

from __future__ import annotations

from collections.abc import Iterable

import jax
import jax.core
import numpy as np

from spinharm.checks import instance as instance, integer as integer, number as number, option as option


def seed(value: int) -> None:
    """A seed of RDKit's."""
    integer("seed", value, 0, 2**31 - 1)


def positive_float(name: str, value: object) -> float:
    """A finite number above 0."""
    return number(name, value, above=0.0)


def species_tuple(species: Iterable[int]) -> tuple[int, ...]:
    """Distinct atomic numbers, ascending or not, at least one."""
    numbers = tuple(integer("species", z) for z in species)
    if not numbers or len(set(numbers)) != len(numbers) or not all(1 <= z <= 118 for z in numbers):
        raise ValueError(f"`species` must be distinct atomic numbers 1 … 118, at least one, got {numbers}")
    return numbers


def radial_functions(
    powers: Iterable[int | float], gaussians: Iterable[tuple[float, float]], name: str = "gaussians"
) -> tuple[tuple[int | float, ...], tuple[tuple[float, float], ...]]:
    """Distinct exponents above 0, integers where they are whole, and distinct Gaussians, which messages call `name`."""
    exponents = tuple(positive_float("powers", p) for p in powers)
    given = tuple(tuple(one) for one in gaussians)
    if any(len(one) != 2 for one in given):
        raise ValueError(f"`{name}` must be pairs (center, width) [Å], got {given}")
    pairs = tuple((number(name, center), positive_float(name, width)) for center, width in given)
    if len(set(exponents)) != len(exponents) or len(set(pairs)) != len(pairs):
        raise ValueError(f"`powers` and `{name}` must be distinct, got {exponents} and {pairs}")
    if not exponents and not pairs:
        raise ValueError(f"`powers` must be distinct numbers above 0, at least one where `{name}` is empty, got ()")
    return tuple(int(p) if p == int(p) else p for p in exponents), pairs


def values_of_atoms(values: jax.Array | np.ndarray | None, numbers: jax.Array | np.ndarray) -> None:
    """Values (*batch, atoms, value) that go with numbers (*batch, atoms)."""
    if values is not None and (values.ndim == 0 or values.shape[:-1] != numbers.shape or values.shape[-1] == 0):
        raise ValueError(
            f"`values` must have the shape of `numbers`, {numbers.shape}, and one more axis, got {values.shape}"
        )


def geometry(
    positions: jax.Array | np.ndarray, numbers: jax.Array | np.ndarray, mask: jax.Array | np.ndarray | None
) -> None:
    """Positions (*batch, atoms, 3), numbers and mask (*batch, atoms); concrete positions must be finite."""
    if positions.ndim < 2 or positions.shape[-1] != 3:
        raise ValueError(f"`positions` must have shape (*batch, atoms, 3), got {positions.shape}")
    if numbers.shape != positions.shape[:-1]:
        raise ValueError(
            f"`numbers` must have the shape of `positions` without its last axis, {positions.shape[:-1]}, got "
            f"{numbers.shape}"
        )
    if not np.issubdtype(numbers.dtype, np.integer):
        raise TypeError(f"`numbers` must be integers, atomic numbers with 0 for padding, got dtype {numbers.dtype}")
    if mask is not None and (mask.shape != numbers.shape or mask.dtype != bool):
        raise ValueError(
            f"`mask` must be boolean of the shape of `numbers`, {numbers.shape}, got {mask.dtype} {mask.shape}"
        )


def known_species(
    numbers: jax.Array | np.ndarray, mask: jax.Array | np.ndarray | None, species: tuple[int, ...]
) -> None:
    """Atoms that belong to no channel are refused, where the numbers are concrete: they would silently vanish."""
    if isinstance(numbers, jax.core.Tracer) or isinstance(mask, jax.core.Tracer):
        return
    present = np.asarray(numbers) if mask is None else np.where(np.asarray(mask), np.asarray(numbers), 0)
    strangers = sorted(set(np.unique(present).tolist()) - {0, *species})
    if strangers:
        raise ValueError(f"`numbers` must be of the species {species}, or 0 for padding, got {strangers} too")


def finite_positions(positions: jax.Array | np.ndarray, mask: np.ndarray | jax.Array | None) -> None:
    """Concrete positions of atoms must be finite."""
    if isinstance(positions, jax.core.Tracer) or isinstance(mask, jax.core.Tracer):
        return
    bad = ~np.isfinite(np.asarray(positions)).all(-1)
    if mask is not None:
        bad &= np.asarray(mask)
    if bad.any():
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"`positions` must be finite, got {np.asarray(positions)[at].tolist()} at atom {at}")
