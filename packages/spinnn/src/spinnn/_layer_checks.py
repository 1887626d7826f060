"""Checks of the arguments and inputs of layers; general checks are in `spinharm.checks` and `spinnn.checks`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from spinharm import Grid, SpinTransform, checks

from .checks import size as size


def spin_tuple(name: str, spins: Iterable[int]) -> tuple[int, ...]:
    """Distinct spins, at least one, as a tuple of ints."""
    if isinstance(spins, int | np.integer):
        raise TypeError(f"`{name}` must be a sequence of integers, got {spins!r}; write ({spins},)")
    given: object = spins
    try:
        given = tuple(spins)
        result = tuple(checks.integer(name, spin) for spin in given)
    except TypeError:
        raise TypeError(f"`{name}` must be a sequence of integers, got {given!r}") from None
    if not result or len(set(result)) != len(result):
        raise ValueError(f"`{name}` must be distinct integers, at least one, got {result!r}")
    return result


def grid(name: str, value: object) -> None:
    """`value` must be a grid."""
    checks.instance(name, value, Grid, "a spinharm.Grid")


def grid_or_none(name: str, value: object) -> None:
    """`value` must be a grid or None."""
    checks.instance(name, value, (Grid, type(None)), "a spinharm.Grid or None")


def momentum(value: float) -> float:
    """Share of the running statistics kept at each step: a number of at least 0 and below 1."""
    if not 0 <= checks.number("momentum", value) < 1:
        raise ValueError(f"`momentum` must be at least 0 and below 1, got {value}")
    return float(value)


def array(user: str, name: str, x: object) -> None:
    """`x` must be an array of JAX or NumPy, traced or not."""
    checks.instance(f"{name}` of `{user}", x, (jax.Array, np.ndarray, np.generic), "an array")


def norm_state(user: str, state: object) -> None:
    """`state` must be Equinox state."""
    checks.instance(f"state` of `{user}", state, eqx.nn.State, "the state that equinox.nn.make_with_state gave")


def scalar_index(spins: tuple[int, ...], user: str) -> int:
    """Index of spin 0, which the layer needs, on the spin axis."""
    if 0 not in spins:
        raise ValueError(f"`spins` of {user} must contain 0, got {spins}; add it, or use MagnitudeActivation")
    return spins.index(0)


def numbers(user: str, name: str, x: jax.Array) -> None:
    """`x` must be real or complex, of single or double precision."""
    array(user, name, x)
    if str(x.dtype) not in ("float32", "float64", "complex64", "complex128"):
        raise TypeError(
            f"`{name}` of {user} must be float32, float64, complex64 or complex128, got {x.dtype}; convert it, e.g. "
            f"{name}.astype('float32')"
        )


def precision(user: str, name: str, x: jax.Array, parameter: jax.Array) -> None:
    """`x` must be real or complex, in the precision of the layer's parameters."""
    array(user, name, x)
    own = jnp.dtype(parameter.dtype)
    if own not in (np.float32, np.float64):
        raise TypeError(
            f"the parameters of {user} must be float32 or float64, got {own}; keep them, and for products of bfloat16 "
            "set `product_dtype`"
        )
    given = jax.dtypes.canonicalize_dtype(x.dtype)
    wanted = (own, jnp.dtype(f"complex{16 * own.itemsize}"))
    if given not in wanted:
        remedy = f"{name}.astype('{wanted[jnp.issubdtype(given, jnp.complexfloating)]}')"
        raise TypeError(
            f"`{name}` of {user} must be {own} or {wanted[1]}, the precision of its parameters, got {given}; convert "
            f"it, e.g. {remedy}"
        )


def features(user: str, name: str, x: jax.Array, spins: tuple[int, ...], channels: int, parameter: jax.Array) -> None:
    """`x` must end in (spin, channel) axes of the layer's sizes, after the two of a map or its coefficients.

    It must have the precision of the layer's parameters, of which `parameter` is one.
    """
    precision(user, name, x, parameter)
    if x.ndim < 4 or x.shape[-2:] != (len(spins), channels):
        raise ValueError(
            f"`{name}` of {user} must end in axes (spin, channel) of sizes ({len(spins)}, {channels}) for spins {spins}"
            f", after (lat, lon) or (degree, order), got shape {x.shape}"
        )


def on_grid(user: str, name: str, x: jax.Array, grid: Grid) -> None:
    """`x` must be maps on the layer's grid, before its axes (spin, channel)."""
    array(user, name, x)
    if x.ndim < 4 or x.shape[-4:-2] != grid.shape:
        raise ValueError(f"`{name}` of {user} must be maps on Grid({grid}), got shape {x.shape}")


def coefficients(user: str, name: str, x: jax.Array, bandlimit: int) -> None:
    """`x` must be coefficients of at least `bandlimit` degrees."""
    array(user, name, x)
    if x.ndim < 4 or x.shape[-3] != 2 * x.shape[-4] - 1 or x.shape[-4] < bandlimit:
        raise ValueError(
            f"`{name}` of {user} must be coefficients (*batch, degree, order, spin, channel) with at least {bandlimit} "
            f"degrees, got shape {x.shape}"
        )


def batch_mask(user: str, mask: jax.Array | None, x: jax.Array) -> None:
    """`mask` must have the batch axes of `x`, which ends in four others."""
    if mask is None:
        return
    array(user, "mask", mask)
    batch = x.shape[:-4]
    if mask.shape != batch:
        raise ValueError(f"`mask` of {user} must have the batch shape {batch} of `x`, got shape {mask.shape}")


def block_input(user: str, x: jax.Array, mask: jax.Array | None, conv: Any, transform: SpinTransform | None) -> None:
    """`x` must be maps on the transform's grid, or coefficients without a transform, and `mask` one for it.

    `conv` is the block's first convolution, which takes `x` or its coefficients.
    """
    features(user, "x", x, conv.spins_in, conv.channels_in, conv.weight)
    batch_mask(user, mask, x)
    if transform is None:
        coefficients(user, "x", x, 1)
    else:
        on_grid(user, "x", x, transform.grid)
