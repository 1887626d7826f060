"""Features in real irreps: which degrees they hold, of what type they are, and linear maps between their channels."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._arrays import arguments

# Above it, tables of products would not fit into any machine.
LARGEST_DEGREE = 1000


def checked_degrees(name: str, degrees: int | Sequence[int]) -> tuple[int, ...]:
    """Degrees in ascending order; an integer l_max stands for 0 … l_max."""
    if not isinstance(degrees, Sequence | np.ndarray):
        return tuple(range(arguments.integer(name, degrees, 0, LARGEST_DEGREE) + 1))
    if isinstance(degrees, str):
        raise TypeError(f"`{name}` must be an integer or a sequence of integers, got {degrees!r}")
    held = tuple(arguments.integer(name, degree, 0, LARGEST_DEGREE) for degree in degrees)
    if not held or any(b <= a for a, b in itertools.pairwise(held)):
        raise ValueError(f"`{name}` must be ascending degrees without repeats, at least one, got {list(held)}")
    return held


def size(degrees: Sequence[int]) -> int:
    """Number of entries of features that hold these degrees: Σ (2l + 1)."""
    return sum(2 * l + 1 for l in degrees)


def real(name: str, value: object) -> jax.Array:
    """A real array of 32 or 64 bits."""
    if hasattr(value, "irreps"):
        raise TypeError(f"`{name}` must be a plain array, got an IrrepsArray; pass its attribute `array`")
    array = arguments.inexact(name, value)
    if jnp.iscomplexobj(array):
        raise TypeError(
            f"`{name}` must be real, got dtype {array.dtype}; spinharm.product takes complex coefficients, "
            f"spinharm.convert.to_e3nn gives real ones of real fields"
        )
    return array


def same_dtype(**arrays: jax.Array) -> None:
    """Check that named arrays have one precision."""
    if len({array.dtype for array in arrays.values()}) > 1:
        names = " and ".join(f"`{name}`" for name in arrays)
        got = " and ".join(str(array.dtype) for array in arrays.values())
        raise TypeError(f"{names} must have one precision, got {got}; convert one")


def mix_channels(
    x: Float[Array | np.ndarray, "*batch channels_in features"],
    matrices: Float[Array | np.ndarray, "degrees channels_in channels_out"],
    *,
    degrees: int | Sequence[int] | None = None,
) -> Float[Array, "*batch channels_out features"]:
    """Mix channels by one matrix for each degree: z_{o,lm} = Σ_c matrices[l, c, o] x_{c,lm}.

    These are all equivariant linear maps between features of the same degrees. Before and after a channel-wise
    `TensorProduct` of r channels they make a fully connected one: every pair of input channels reaches every output
    channel, by weights that are a sum of r separable terms.

    Args:
        x: Features in real irreps, shape (*batch, channels_in, Σ (2l + 1)), see `TensorProduct`.
        matrices: One matrix for each degree, shape (number of degrees, channels_in, channels_out).
        degrees: The degrees of `x`, or l_max for 0 … l_max; default 0 … len(matrices) − 1.

    Returns:
        Features of the same degrees, shape (*batch, channels_out, Σ (2l + 1)).

    Raises:
        TypeError: Complex, integer or half-precision arrays.
        ValueError: Axis sizes that do not fit each other.

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> x = np.ones((10, 2, 9), np.float32)  # 10 elements, 2 channels, degrees 0, 1, 2
        >>> spinharm.mix_channels(x, np.ones((3, 2, 5), np.float32)).shape
        (10, 5, 9)
    """
    array, weights = real("x", x), real("matrices", matrices)
    same_dtype(x=array, matrices=weights)
    if weights.ndim != 3:
        raise ValueError(f"`matrices` must have axes (degree, channels_in, channels_out), got shape {weights.shape}")
    held = checked_degrees("degrees", len(weights) - 1 if degrees is None else degrees)
    if len(held) != len(weights):
        raise ValueError(f"`matrices` must hold one matrix for each of {len(held)} degrees, got shape {weights.shape}")
    if array.ndim < 2 or array.shape[-2:] != (weights.shape[1], size(held)):
        raise ValueError(
            f"`x` must have axes (*batch, channels_in, features) with sizes (…, {weights.shape[1]}, {size(held)}) for "
            f"degrees {list(held)}, got shape {array.shape}"
        )
    ends = np.cumsum([2 * l + 1 for l in held]).tolist()
    mixed = [
        jnp.einsum("...cm,co->...om", array[..., end - 2 * l - 1 : end], weight, precision="highest")
        for l, end, weight in zip(held, ends, weights, strict=True)
    ]
    return jnp.concatenate(mixed, -1)
