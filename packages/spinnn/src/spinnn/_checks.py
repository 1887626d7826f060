"""Checks that several layers share."""

from __future__ import annotations

from collections.abc import Iterable

import jax

from spinharm import Grid, SpinTransform


def spin_tuple(name: str, spins: Iterable[int]) -> tuple[int, ...]:
    """Distinct spins as a tuple of ints."""
    if isinstance(spins, int):
        raise TypeError(f"`{name}` must be a sequence of integers, got {spins!r}; write ({spins},)")
    result = tuple(spins)
    if not result or any(not isinstance(spin, int) for spin in result) or len(set(result)) != len(result):
        raise ValueError(f"`{name}` must be distinct integers, at least one, got {result!r}")
    return result


def positive(name: str, value: int) -> int:
    """A whole number above 0."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"`{name}` must be an integer, got {value!r}")
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1, got {value}")
    return value


def scalar_index(spins: tuple[int, ...], user: str) -> int:
    """Where spin 0 is on the spin axis of a layer that cannot do without it."""
    if 0 not in spins:
        raise ValueError(f"`spins` of {user} must contain 0, got {spins}: it acts through the scalar features")
    return spins.index(0)


def features(user: str, name: str, x: jax.Array, spins: tuple[int, ...], channels: int) -> None:
    """`x` must end in (spin, channel) axes of the layer's sizes, after the two of a map or its coefficients."""
    if x.ndim < 4 or x.shape[-2:] != (len(spins), channels):
        raise ValueError(
            f"`{name}` of {user} must end in axes (spin, channel) of sizes ({len(spins)}, {channels}) for spins {spins}"
            f", after (lat, lon) or (degree, order), got shape {x.shape}"
        )


def on_grid(user: str, name: str, x: jax.Array, grid: Grid) -> None:
    """`x` must be maps on the layer's grid, before its axes (spin, channel)."""
    if x.ndim < 4 or x.shape[-4:-2] != grid.shape:
        raise ValueError(f"`{name}` of {user} must be maps on Grid({grid}), got shape {x.shape}")


def coefficients(user: str, name: str, x: jax.Array, bandlimit: int) -> None:
    """`x` must be coefficients of at least `bandlimit` degrees."""
    if x.ndim < 4 or x.shape[-3] != 2 * x.shape[-4] - 1 or x.shape[-4] < bandlimit:
        raise ValueError(
            f"`{name}` of {user} must be coefficients (*batch, degree, order, spin, channel) with at least {bandlimit} "
            f"degrees, got shape {x.shape}"
        )


def batch_mask(user: str, mask: jax.Array | None, x: jax.Array) -> None:
    """`mask` must have the batch axes of `x`, which ends in four others."""
    batch = x.shape[:-4]
    if mask is not None and mask.shape != batch:
        raise ValueError(f"`mask` of {user} must have the batch shape {batch} of `x`, got shape {mask.shape}")


def block_input(
    user: str,
    x: jax.Array,
    mask: jax.Array | None,
    spins: tuple[int, ...],
    channels: int,
    transform: SpinTransform | None,
) -> None:
    """`x` must be maps on the transform's grid, or coefficients without a transform, and `mask` one for it."""
    features(user, "x", x, spins, channels)
    batch_mask(user, mask, x)
    if transform is None:
        coefficients(user, "x", x, 1)
    else:
        on_grid(user, "x", x, transform.grid)
