"""Losses: weighted means of differences."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact

from spinharm import checks

_ARRAYS = (jax.Array, np.ndarray, np.generic)


def weighted_mean(
    values: Float[Array, "*shape"], weights: Float[Array, "*#shape"] | Bool[Array, "*#shape"] | None = None
) -> Float[Array, ""]:
    """Weighted mean Σ w v / Σ w; 0 where all weights are 0.

    Args:
        values: v, any shape.
        weights: w, weights or a mask, of a shape that broadcasts to that of `values`; all 1 if left out.

    Returns:
        The mean, a scalar.

    Raises:
        TypeError: `values` or `weights` is not an array.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinnn.training import weighted_mean
        >>> print(weighted_mean(jnp.array([1.0, 2.0, 9.0]), jnp.array([True, True, False])))
        1.5
    """
    checks.instance("values", values, _ARRAYS, "an array")
    if weights is None:
        return values.mean()
    checks.instance("weights", weights, _ARRAYS, "an array or None")
    weights = jnp.broadcast_to(weights.astype(values.dtype), values.shape)
    total = weights.sum()
    return (weights * values).sum() / jnp.where(total > 0, total, 1)


def l1_loss(
    prediction: Inexact[Array, "*shape"],
    target: Inexact[Array, "*shape"],
    weights: Float[Array, "*#shape"] | Bool[Array, "*#shape"] | None = None,
) -> Float[Array, ""]:
    """Weighted mean of |prediction − target|, real or complex; complex differences of 0 have gradient 0.

    Args:
        prediction: Predictions, any shape.
        target: Targets of the same shape.
        weights: See `weighted_mean`.

    Returns:
        The mean, a real scalar.

    Raises:
        TypeError: `weights` is not an array.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinnn.training import l1_loss
        >>> print(l1_loss(jnp.array([1.0, 2.0]), jnp.array([0.0, 5.0])))
        2.0
    """
    difference = prediction - target
    if jnp.iscomplexobj(difference):
        from .._layers.pairs import modulus

        return weighted_mean(modulus(difference), weights)
    return weighted_mean(jnp.abs(difference), weights)


def l2_loss(
    prediction: Inexact[Array, "*shape"],
    target: Inexact[Array, "*shape"],
    weights: Float[Array, "*#shape"] | Bool[Array, "*#shape"] | None = None,
) -> Float[Array, ""]:
    """Weighted mean of |prediction − target|², real or complex.

    Args:
        prediction: Predictions, any shape.
        target: Targets of the same shape.
        weights: See `weighted_mean`.

    Returns:
        The mean, a real scalar.

    Raises:
        TypeError: `weights` is not an array.

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinnn.training import l2_loss
        >>> print(l2_loss(jnp.array([1.0, 2.0]), jnp.array([0.0, 5.0]), jnp.array([3.0, 1.0])))
        3.0
    """
    difference = prediction - target
    return weighted_mean(difference.real**2 + difference.imag**2, weights)
