"""Random rotations and reflections of molecules, on the device."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .. import _checks
from .molecule import Molecule


def random_rotation(
    key: PRNGKeyArray, shape: tuple[int, ...] = (), *, reflections: bool = False, dtype: str = "float32"
) -> Float[Array, "*shape 3 3"]:
    """Rotation matrices, uniform over SO(3) or O(3), from quaternions with normally distributed components.

    Args:
        key: Random key.
        shape: Batch shape.
        reflections: Whether half of the matrices have determinant −1.
        dtype: `"float32"` or, with JAX's 64-bit types on, `"float64"`.

    Raises:
        TypeError: Sizes that are not integers, or `reflections` that is not True or False.
        ValueError: More than 2²⁰ matrices, or another type.

    Returns:
        Orthogonal matrices R, shape (*shape, 3, 3); positions rotate as r′ = R r.

    References:
        Shoemake, Uniform random rotations (1992).

    Examples:
        >>> import jax
        >>> import numpy as np
        >>> from molsphere import random_rotation
        >>> rotation = np.asarray(random_rotation(jax.random.key(0)))
        >>> np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)
        True
    """
    _checks.float_type("dtype", dtype)
    _checks.flag("reflections", reflections)
    sizes = [_checks.count("shape", size, 0) for size in _checks.entries("shape", shape, "a sequence of sizes")]
    _checks.count("shape", math.prod(sizes), 0)
    rotation, reflection = jax.random.split(key)
    q = jax.random.normal(rotation, (*sizes, 4), dtype)
    w, x, y, z = jnp.moveaxis(q / jnp.linalg.norm(q, axis=-1, keepdims=True), -1, 0)
    two = jnp.asarray(2, dtype)
    rows = [
        [1 - two * (y * y + z * z), two * (x * y - w * z), two * (x * z + w * y)],
        [two * (x * y + w * z), 1 - two * (x * x + z * z), two * (y * z - w * x)],
        [two * (x * z - w * y), two * (y * z + w * x), 1 - two * (x * x + y * y)],
    ]
    matrix = jnp.stack([jnp.stack(row, -1) for row in rows], -2)
    if reflections:
        matrix = matrix * jax.random.rademacher(reflection, tuple(sizes), dtype)[..., None, None]
    return matrix


def augment(
    positions: Float[Array | np.ndarray, "*batch atoms 3"], key: PRNGKeyArray, *, reflections: bool = True
) -> Float[Array, "*batch atoms 3"]:
    """Rotate each molecule at random about the origin, and reflect half of the molecules.

    Args:
        positions: Positions [Å], shape (*batch, atoms, 3).
        key: Random key; each molecule gets its own rotation.
        reflections: Whether to reflect half of the molecules, which properties such as energies are invariant to.

    Returns:
        Positions of the same shape and type.

    Raises:
        TypeError: Positions that are not an array of float32 or float64, or `reflections` that is not True or False.
        ValueError: Another shape.

    Examples:
        >>> import jax
        >>> import numpy as np
        >>> from molsphere import augment
        >>> positions = np.array([[[0, 0, 0], [0, 0, 1.1]]], np.float32)
        >>> rotated = augment(positions, jax.random.key(0))
        >>> round(float(np.linalg.norm(rotated[0, 1])), 3)
        1.1
    """
    _checks.floats("positions", positions)
    if positions.ndim < 2 or positions.shape[-1] != 3:
        raise ValueError(f"`positions` must have shape (*batch, atoms, 3), got {positions.shape}")
    array = jnp.asarray(positions)
    matrix = random_rotation(key, array.shape[:-2], reflections=reflections, dtype=str(array.dtype))
    return jnp.einsum("...xy,...ay->...ax", matrix, array, precision="highest")


def rotate_at_random(molecules: Sequence[Molecule], key: PRNGKeyArray, *, reflections: bool = False) -> list[Molecule]:
    """Rotate each molecule at random about the origin, and reflect all of them if `reflections` is true."""
    matrices = np.asarray(random_rotation(key, (len(molecules),)), np.float64) * (-1 if reflections else 1)
    return [
        dataclasses.replace(molecule, positions=molecule.positions @ matrix.T)
        for molecule, matrix in zip(molecules, matrices, strict=True)
    ]
