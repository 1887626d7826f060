"""Winds as fields of spin ±1."""

from __future__ import annotations

import jax
import numpy as np
from jaxtyping import Array, Complex, Float, Num

from .._arrays import arguments


def wind_to_spin(
    u: Float[Array | np.ndarray, "*shape"], v: Float[Array | np.ndarray, "*shape"], *, spin: int = 1
) -> Complex[Array, "*shape"]:
    """Spin +1 field of a wind, v_θ + i v_φ = −v + i u, or its conjugate, the spin −1 field.

    As a spin field a wind is smooth across the poles, and its spins do not mix under rotation.

    Args:
        u: Eastward wind, any shape and unit.
        v: Northward wind, same shape and unit.
        spin: +1 or −1.

    Returns:
        Complex field of the same shape and unit.

    Raises:
        TypeError: Winds that are not real floating point.
        ValueError: `spin` other than ±1, or shapes or types that differ.

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> u, v = np.array([3.0]), np.array([4.0])
        >>> spinharm.wind_to_spin(u, v).tolist()
        [(-4+3j)]
    """
    arguments.option("spin", spin, (1, -1))
    east, north = arguments.inexact("u", u), arguments.inexact("v", v)
    for name, part in (("u", east), ("v", north)):
        if np.issubdtype(part.dtype, np.complexfloating):
            raise TypeError(f"`{name}` must be real, got dtype {part.dtype}")
    if east.shape != north.shape or east.dtype != north.dtype:
        raise ValueError(
            f"`u` and `v` must have one shape and type, got {east.shape} {east.dtype} and {north.shape} {north.dtype}"
        )
    return jax.lax.complex(-north, east if spin == 1 else -east)


def spin_to_wind(
    field: Num[Array | np.ndarray, "*shape"], *, spin: int = 1
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """Wind of a spin ±1 field: the inverse of `wind_to_spin`.

    Args:
        field: Complex field v_θ + i v_φ (spin +1) or its conjugate (spin −1), any shape.
        spin: +1 or −1.

    Returns:
        `(u, v)`: eastward and northward wind, real, of the same shape.

    Raises:
        TypeError: A field of integers or half precision.
        ValueError: `spin` other than ±1.

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> u, v = spinharm.spin_to_wind(np.array([-4 + 3j]))
        >>> u.tolist(), v.tolist()
        ([3.0], [4.0])
    """
    arguments.option("spin", spin, (1, -1))
    array = arguments.complex_of(arguments.inexact("field", field))
    return (array.imag if spin == 1 else -array.imag), -array.real
