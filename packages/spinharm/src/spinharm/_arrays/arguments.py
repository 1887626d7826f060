"""Checks and conversions of arguments, shared by the modules of this package."""

import math
import os
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ..checks import flag as flag, integer as integer, number as number, option as option

# More than any machine has; far larger sizes overflow inside XLA and abort the process.
_MOST_BYTES = 2**50

_DTYPES = ("float32", "float64", "complex64", "complex128")


def inexact(name: str, value: object) -> jax.Array:
    """`value` as a JAX array of a float or complex type of 32 or 64 bits."""
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        value = np.asarray(value)
        dtype = value.dtype
    if str(dtype) not in _DTYPES:
        raise TypeError(
            f"`{name}` must have dtype {', '.join(_DTYPES)}, got {dtype}; convert it, e.g. `{name}.astype('float32')`"
        )
    return jnp.asarray(value)


def real_dtype(array: jax.Array) -> str:
    """`"float32"` or `"float64"`: the precision of a float or complex array."""
    return str(jnp.finfo(array.dtype).dtype)


def complex_of(array: jax.Array) -> jax.Array:
    """The array as complex numbers of its own precision."""
    if jnp.iscomplexobj(array):
        return array
    return array.astype("complex128" if array.dtype == np.float64 else "complex64")


def degree_axis(coeffs: jax.Array, axis: int | None) -> int:
    """The (negative) position of the degree axis, which the order axis follows; found by shape if `axis` is None.

    Coefficients come as (*batch, degree, order) or (*batch, degree, order, spin, channel). Sizes L and 2L−1 decide;
    where both fit, the one with L > 1 is taken.
    """
    if axis is not None:
        position = axis - coeffs.ndim if axis >= 0 else axis
        bandlimit_of(coeffs, position)
        return position
    fits = [at for at in (-2, -4) if coeffs.ndim >= -at and coeffs.shape[at + 1] == 2 * coeffs.shape[at] - 1]
    if len(fits) == 2:
        fits = [at for at in fits if coeffs.shape[at] > 1] or [-2]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise ValueError(f"`axis` must be given for `coeffs` of shape {coeffs.shape}: both -2 and -4 can be the degree")
    raise ValueError(
        f"`coeffs` must have axes (*batch, degree, order) or (*batch, degree, order, spin, channel) with sizes L and "
        f"2L - 1, got shape {coeffs.shape}"
    )


def bandlimit_of(coeffs: jax.Array, axis: int) -> int:
    """L of coefficients whose degree axis is `axis` (negative)."""
    if coeffs.ndim < -axis or axis > -2 or coeffs.shape[axis + 1] != 2 * coeffs.shape[axis] - 1:
        raise ValueError(
            f"`coeffs` must have a degree axis of size L at {axis}, then an order axis of size 2L - 1, got shape "
            f"{coeffs.shape}"
        )
    return coeffs.shape[axis]


def memory(name: str, value: int, shape: Sequence[int], dtype: np.dtype) -> None:
    """Check that a result of this shape, which follows from the argument `name`, fits into memory."""
    # Symbolic sizes of an export are not counted.
    need = math.prod(size for size in shape if isinstance(size, int)) * dtype.itemsize
    limit = min(_MOST_BYTES, _host_bytes() if jax.default_backend() == "cpu" else _MOST_BYTES)
    if need > limit:
        raise MemoryError(
            f"`{name}` {value} needs {need / 2**30:.4g} GiB for a result of shape {tuple(shape)}, above the "
            f"{limit / 2**30:.4g} GiB of this machine; use a smaller one"
        )


def _host_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not on every system
        return _MOST_BYTES


def at_least(size: object, bound: int) -> bool:
    """Whether `size >= bound`; a symbolic size of an export counts as large."""
    return not isinstance(size, int) or size >= bound
