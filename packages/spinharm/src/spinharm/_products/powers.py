"""Powers of a map, from features to features, with one synthesis."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._arrays import arguments
from . import features, maps
from .maps import MapGrid


def powers(
    x: Float[Array | np.ndarray, "*batch features"],
    order: int,
    *,
    degrees: int | Sequence[int] | None = None,
    degrees_out: int | Sequence[int] | None = None,
) -> Float[Array, "order *batch features_out"]:
    """Features of the powers a, a², … of the real map a that has given features, exact to rounding.

    The map is synthesised once, on the Gauss grid that holds the highest power up to the degrees of the result, and all
    powers are analysed together.

    Args:
        x: Features in real irreps, shape (*batch, Σ (2l + 1)), see `TensorProduct`.
        order: The highest power, at least 1.
        degrees: Degrees of `x`, or l_max for 0 … l_max, which is the default: as many as `x` holds.
        degrees_out: Degrees of the result; default those of `x`. Others are not computed; order · l_max holds all.

    Returns:
        Features, shape (order, *batch, Σ (2l + 1)); entry n − 1 is of the n-th power.

    Raises:
        TypeError: Complex, integer or half-precision features.
        ValueError: A size that does not fit the degrees, or an order that is not 1 … 100.
        MemoryError: Tables that would not fit into memory.

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> x = np.zeros(4, np.float32)
        >>> x[2] = np.sqrt(4 * np.pi / 3)  # cos θ
        >>> spinharm.powers(x, 3, degrees_out=3).shape
        (3, 16)
        >>> squared = spinharm.powers(x, 2, degrees_out=2)[1]
        >>> round(float(squared[0]), 4), round(float(squared[6]), 4)  # cos² θ = √4π (y_00 + 2/√5 y_20)/3
        (1.1816, 1.0569)
    """
    array, highest = features.real("x", x), arguments.integer("order", order, 1, 100)
    if degrees is None:
        degrees = max(int(np.sqrt(array.shape[-1])) - 1, 0) if array.ndim else 0
    held = features.checked_degrees("degrees", degrees)
    out = held if degrees_out is None else features.checked_degrees("degrees_out", degrees_out)
    if not array.ndim or array.shape[-1] != features.size(held):
        raise ValueError(
            f"`x` must have {features.size(held)} features on its last axis for degrees {list(held)}, got shape "
            f"{array.shape}"
        )
    grid, dtype = MapGrid(highest * held[-1] + out[-1]), str(array.dtype)
    synthesis, analysis = maps.syntheses(grid, held, dtype)[0], maps.analysis(grid, out, dtype)
    a = maps.synthesise(synthesis, held, jnp.moveaxis(array, -1, 0))
    each = [a]
    for _ in range(1, highest):
        each.append(each[-1] * a)
    return jnp.moveaxis(maps.analyse(analysis, out, jnp.stack(each, 2)), 0, -1)
