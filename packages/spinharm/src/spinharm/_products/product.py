"""Pointwise products of fields and powers of maps, from coefficients to coefficients."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Num

from .._arrays import arguments
from .._convert.layouts import dense
from .._grids.grid import Grid
from .._transform.transform import forward, inverse
from . import features, maps
from .maps import MapGrid


def product(
    x: Num[Array | np.ndarray, "*batch_1 degree_1 order_1"],
    y: Num[Array | np.ndarray, "*batch_2 degree_2 order_2"],
    *,
    spins: tuple[int, int] = (0, 0),
    bandlimit: int | None = None,
) -> Complex[Array, "*batch degree order"]:
    """Coefficients of the pointwise product of two fields of given spins, exact to rounding.

    The field of spin s1 with coefficients x times the field of spin s2 with coefficients y is a field of spin s1 + s2:

        z_lm = Σ n(l1, l2, l) ⟨l1 m1 l2 m2 | l m⟩ x_{l1 m1} y_{l2 m2},
        n(l1, l2, l) = √((2 l1 + 1)(2 l2 + 1)/(4π (2l + 1))) ⟨l1 −s1 l2 −s2 | l −s1−s2⟩.

    Both are synthesised on the smallest Gauss grid on which every degree that is kept is exact, multiplied, and
    analysed.

    Args:
        x: Coefficients, shape (*batch, L1, 2 L1 − 1). Entries with |m| > l or l < |s1| are ignored.
        y: Coefficients, shape (*batch, L2, 2 L2 − 1), of the same precision. Batch axes broadcast with those of `x`.
        spins: (s1, s2), |s1| < L1 and |s2| < L2.
        bandlimit: L of the result, |s1 + s2| < L ≤ L1 + L2 − 1; the default L1 + L2 − 1 holds the whole product. With
            a smaller one the grid is smaller, and the degrees that are kept are still exact.

    Returns:
        Coefficients of spin s1 + s2, shape (*batch, L, 2L − 1), complex64 or complex128.

    Raises:
        TypeError: Integer or half-precision coefficients, two precisions, or spins that are not integers.
        ValueError: Axes that are not (degree, order), batch axes that do not broadcast, or a spin or bandlimit out of
            range.

    References:
        Varshalovich, Moskalev, Khersonskii, Quantum Theory of Angular Momentum (1988), 4.6 (5); Xie, Daigavane, Kotak,
        Smidt, The price of freedom (2025).

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> z = np.zeros((2, 3), np.complex64)
        >>> z[1, 1] = np.sqrt(4 * np.pi / 3)  # cos θ
        >>> squared = spinharm.product(z, z)
        >>> squared.shape
        (3, 5)
        >>> round(float(squared[0, 2].real), 4), round(float(squared[2, 2].real), 4)  # √4π (Y_00 + 2/√5 Y_20)/3
        (1.1816, 1.0569)
    """
    first, L1 = dense(x, "x")
    second, L2 = dense(y, "y")
    if first.dtype != second.dtype:
        raise TypeError(f"`x` and `y` must have one precision, got {first.dtype} and {second.dtype}; convert one")
    s1, s2 = _spins(spins, (L1, L2))
    L = _bandlimit(bandlimit, L1 + L2 - 1, s1 + s2)
    try:
        jnp.broadcast_shapes(first.shape[:-2], second.shape[:-2])
    except ValueError:
        raise ValueError(
            f"batch axes of `x` and `y` must broadcast, got shapes {first.shape} and {second.shape}"
        ) from None
    # Degrees that no degree below L of the product depends on; without them the grid resolves the rest.
    first, second = _lowest(first, min(L1, L2 + L - 1)), _lowest(second, min(L2, L1 + L - 1))
    grid = exact_grid(first.shape[-2] - 1, second.shape[-2] - 1, L - 1)
    multiplied = inverse(first, grid, spin=s1) * inverse(second, grid, spin=s2)
    return forward(multiplied, grid, spin=s1 + s2, bandlimit=L)


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
    synthesis, analysis = maps.syntheses(grid, held, True, False, dtype), maps.analysis(grid, out, dtype)
    (a,) = maps.synthesise(grid, synthesis, held, jnp.moveaxis(array, -1, 0))
    each = [a]
    for _ in range(1, highest):
        each.append(each[-1] * a)
    return jnp.moveaxis(maps.analyse(analysis, out, jnp.stack(each, 2)), 0, -1)


def exact_grid(degree_1: int, degree_2: int, degree: int) -> Grid:
    """The smallest Gauss grid on which the product of fields of two degrees is exact up to a third.

    The integrand of the analysis has degree d = degree_1 + degree_2 + degree: Gauss quadrature needs 2 nlat − 1 ≥ d,
    the orders need nlon > d. If no degree exceeds the sum of the other two, it resolves each of them.
    """
    total = degree_1 + degree_2 + degree
    return Grid.gauss_legendre(total // 2 + 1, total + 1)


def _spins(spins: object, bandlimits: tuple[int, int]) -> tuple[int, int]:
    if not isinstance(spins, tuple | list) or len(spins) != 2:
        raise TypeError(f"`spins` must be a pair of integers, got {spins!r}")
    pair = arguments.integer("spins", spins[0]), arguments.integer("spins", spins[1])
    for name, spin, bandlimit in zip("xy", pair, bandlimits, strict=True):
        if abs(spin) >= bandlimit:
            raise ValueError(
                f"`spins` must be below the bandlimits of the coefficients in magnitude, got spin {spin} for `{name}`, "
                f"whose bandlimit is {bandlimit}"
            )
    return pair


def _bandlimit(bandlimit: object, whole: int, spin: int) -> int:
    if bandlimit is None:
        return whole
    number = arguments.integer("bandlimit", bandlimit, 1)
    if not abs(spin) < number <= whole:
        raise ValueError(
            f"`bandlimit` must be above |s1 + s2| = {abs(spin)} and at most L1 + L2 - 1 = {whole}, got {number}; "
            f"spinharm.change_bandlimit adds zeros"
        )
    return number


def _lowest(coeffs: jax.Array, bandlimit: int) -> jax.Array:
    """The degrees below a bandlimit; entries with |m| > l do not matter."""
    cut = coeffs.shape[-2] - bandlimit
    return coeffs[..., :bandlimit, cut : coeffs.shape[-1] - cut] if cut else coeffs
