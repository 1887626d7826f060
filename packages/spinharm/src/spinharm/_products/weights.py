"""Weights of the paths of a tensor product: one for each path, or factors by degree."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from . import features
from .paths import Path, Selection, paths_of

Degrees = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


class Factors(NamedTuple):
    """Separable weights of paths: w(l1, l2, l) = Σ over terms of first[l1] · second[l2] · out[l].

    Each has the axes (terms, channels, degrees), of which the first or the first two may be missing or of size 1; None
    stands for ones. By maps, each term costs as much as the product itself.

    Attributes:
        first: Factors of the degrees of x.
        second: Factors of the degrees of y.
        out: Factors of the degrees of the result.

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> multiply = spinharm.TensorProduct(2, 2, 2)
        >>> x = np.ones((10, 16, 9), np.float32)
        >>> falling = np.array([1.0, 0.5, 0.25], np.float32)
        >>> multiply(x, x, spinharm.Factors(falling, falling)).shape
        (10, 16, 9)
        >>> two_terms = np.ones((2, 16, 3), np.float32)
        >>> multiply(x, x, spinharm.Factors(out=two_terms)).shape
        (10, 16, 9)
    """

    first: Float[Array | np.ndarray, "*#terms degrees_1"] | None = None
    second: Float[Array | np.ndarray, "*#terms degrees_2"] | None = None
    out: Float[Array | np.ndarray, "*#terms degrees_out"] | None = None


Weights = Float[Array | np.ndarray, "*channels paths"] | Factors | None


class Separable(NamedTuple):
    """Checked factors, each of shape (terms or 1, channels or 1, degrees), or None."""

    first: jax.Array | None
    second: jax.Array | None
    out: jax.Array | None

    @property
    def terms(self) -> int:
        """Number of terms."""
        return max([1, *(factor.shape[0] for factor in self if factor is not None)])


def checked_weights(
    weights: Weights, degrees: Degrees, selection: Selection, channels: int, dtype: np.dtype
) -> Separable | jax.Array:
    """Weights as factors of three axes, or as an array of shape (channels or 1, paths)."""
    if weights is None:
        return Separable(None, None, None)
    if isinstance(weights, Factors):
        sides = [
            None if factor is None else _factor(f"weights.{name}", factor, len(held), channels, dtype)
            for name, factor, held in zip(Factors._fields, weights, degrees, strict=True)
        ]
        counts = {side.shape[0] for side in sides if side is not None} - {1}
        if len(counts) > 1:
            raise ValueError(f"`weights` must have one number of terms in all factors, got {sorted(counts)}")
        return Separable(*sides)
    array, paths = _of_dtype("weights", weights, dtype), len(paths_of(*degrees, selection))
    if (
        array.ndim not in (1, 2)
        or array.shape[-1] != paths
        or (array.ndim == 2 and array.shape[0] not in (1, channels))
    ):
        raise ValueError(
            f"`weights` must have shape (paths,) or (channels, paths) with {paths} paths and {channels} channels, got "
            f"shape {array.shape}; weights that are products of factors by degree are spinharm.Factors"
        )
    return array.reshape(-1, paths)


def of_paths(weights: Separable, paths: tuple[Path, ...], degrees: Degrees, dtype: np.dtype) -> jax.Array:
    """Factors multiplied out, shape (channels or 1, paths)."""
    result = jnp.ones((1, 1, len(paths)), dtype)
    for side, (factor, held) in enumerate(zip(weights, degrees, strict=True)):
        if factor is not None:
            result = result * factor[..., np.array([held.index(path[side]) for path in paths], np.int32)]
    return jnp.sum(result, 0)


def _factor(name: str, factor: object, degrees: int, channels: int, dtype: np.dtype) -> jax.Array:
    array = _of_dtype(name, factor, dtype)
    fits = array.ndim in (1, 2, 3) and array.shape[-1] == degrees
    if not fits or (array.ndim > 1 and array.shape[-2] not in (1, channels)) or 0 in array.shape[:-2]:
        raise ValueError(
            f"`{name}` must have axes (terms, channels, degrees), of which the first ones may be missing, with "
            f"{channels} channels and {degrees} degrees, got shape {array.shape}"
        )
    return array.reshape((1,) * (3 - array.ndim) + array.shape)


def _of_dtype(name: str, value: object, dtype: np.dtype) -> jax.Array:
    array = features.real(name, value)
    if array.dtype != dtype:
        raise TypeError(f"`{name}` must have the precision of the features, {dtype}, got {array.dtype}; convert it")
    return array
