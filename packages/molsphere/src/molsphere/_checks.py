"""Checks of arguments that several modules share; messages name argument, value and remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.core
import numpy as np

from spinharm.checks import instance as instance, integer as integer, number as number, option as option
from spinnn.checks import flag as flag

# More molecules in a batch, or atoms in a molecule, fit no machine.
_MOST = 2**20
# Quadrature for more degrees takes minutes and gigabytes.
_MOST_DEGREES = 4096
# Repetitions of a prediction, of a molecule in different orientations.
_MOST_REPETITIONS = 10_000


def seed(value: int) -> None:
    """A seed for RDKit."""
    integer("seed", value, 0, 2**31 - 1)


def positive_float(name: str, value: object) -> float:
    """A finite number above 0."""
    return number(name, value, above=0.0)


def count(name: str, value: object, minimum: int = 1, most: int = _MOST) -> int:
    """An integer that is a number of things, with an upper limit."""
    return integer(name, value, minimum, most)


def degrees(name: str, value: object) -> int:
    """A bandlimit."""
    return count(name, value, 1, _MOST_DEGREES)


def repetitions(name: str, value: object) -> int:
    """A number of orientations of a molecule."""
    return count(name, value, 1, _MOST_REPETITIONS)


def float_type(name: str, value: object) -> None:
    """`"float32"` or `"float64"`."""
    instance(name, value, str, "'float32' or 'float64'")
    option(name, value, ("float32", "float64"))


def entries(name: str, values: object, what: str) -> tuple[Any, ...]:
    """The entries of an iterable other than text; `what` describes it in the message."""
    try:
        if isinstance(values, str | bytes):
            raise TypeError
        return tuple(values)  # pyright: ignore[reportArgumentType]
    except TypeError:
        given = repr(values)
        raise TypeError(
            f"`{name}` must be {what}, got {given if len(given) <= 80 else type(values).__name__}"
        ) from None


def texts(name: str, values: object) -> tuple[str, ...]:
    """A sequence of strings; a single string would be taken letter by letter."""
    found = entries(name, values, "a sequence of strings")
    for value in found:
        instance(name, value, str, "a sequence of strings")
    return found


def mapping(name: str, value: object, what: str) -> None:
    """A mapping with strings as keys; `what` describes it in the message."""
    instance(name, value, Mapping, what)
    for key in value:  # pyright: ignore[reportGeneralTypeIssues]
        instance(name, key, str, f"{what}, with strings as keys")


def array(name: str, value: object, kinds: str = "fciu") -> None:
    """An array of JAX or NumPy, traced or not, of given kinds of dtypes."""
    instance(name, value, (jax.Array, np.ndarray, np.generic), "an array")
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"`{name}` must be a plain array, got a masked one; fill it, e.g. {name}.filled(…)")
    dtype = value.dtype  # pyright: ignore[reportAttributeAccessIssue]
    if getattr(dtype, "kind", "") not in kinds:  # JAX's own types have none
        wanted = {"f": "floats, float32 or float64", "iu": "integers", "b": "boolean"}.get(kinds, "numbers")
        raise TypeError(f"`{name}` must be {wanted}, got dtype {dtype}")


def floats(name: str, value: object) -> None:
    """An array of type float32 or float64."""
    array(name, value, "f")
    dtype = value.dtype  # pyright: ignore[reportAttributeAccessIssue]
    if str(dtype) not in ("float32", "float64"):
        raise TypeError(f"`{name}` must be float32 or float64, got {dtype}; convert it, e.g. {name}.astype('float32')")


def whole_numbers(name: str, values: object, *, largest: int = 2**31 - 1) -> np.ndarray:
    """A one-dimensional array or a list of integers, as an array."""
    try:
        found = np.asarray(values if isinstance(values, np.ndarray | jax.Array) else entries(name, values, "integers"))
    except ValueError:  # rows of unequal lengths
        raise ValueError(f"`{name}` must be integers along one axis, got {values!r:.80}") from None
    if found.size == 0 and found.ndim == 1:
        return found.astype(int)
    if found.dtype.kind not in "iu":
        raise TypeError(f"`{name}` must be integers, got {found!r:.80}")
    if found.ndim != 1:
        raise ValueError(f"`{name}` must be integers along one axis, got shape {found.shape}")
    if found.max() > largest:
        raise ValueError(f"`{name}` must be at most {largest:,}, got {found.max()}")
    return found.astype(int)


def real_values(name: str, values: object, count: int, of: str = "") -> np.ndarray:
    """One real number per molecule, of the property `of`, as a float64 array."""
    try:
        found = np.asarray(values)
    except ValueError:  # rows of unequal lengths
        raise ValueError(f"`{name}` must be numbers of shape ({count},), got {values!r:.80}") from None
    if found.dtype.kind not in "fiu":
        raise TypeError(f"`{name}` must be real numbers, got dtype {found.dtype}")
    if found.shape != (count,):
        given = f"{found.shape} for {of!r}" if of else f"{found.shape}"
        raise ValueError(f"`{name}` must hold one value per molecule, shape ({count},), got {given}")
    return found.astype(np.float64)


def species_tuple(species: Iterable[int]) -> tuple[int, ...]:
    """Distinct atomic numbers in any order, at least one."""
    numbers = tuple(integer("species", z) for z in entries("species", species, "atomic numbers"))
    if not numbers or len(set(numbers)) != len(numbers) or not all(1 <= z <= 118 for z in numbers):
        raise ValueError(f"`species` must be distinct atomic numbers 1 … 118, at least one, got {numbers}")
    return numbers


def radial_functions(
    powers: Iterable[int | float], gaussians: Iterable[tuple[float, float]]
) -> tuple[tuple[int | float, ...], tuple[tuple[float, float], ...]]:
    """Distinct exponents above 0, integers where they are whole, and distinct pairs of center and width."""
    exponents = tuple(positive_float("powers", p) for p in entries("powers", powers, "numbers"))
    wanted = "pairs (center, width) [Å]"
    given = tuple(entries("gaussians", one, wanted) for one in entries("gaussians", gaussians, wanted))
    if any(len(one) != 2 for one in given):
        raise ValueError(f"`gaussians` must be {wanted}, got {given}")
    pairs = tuple((number("gaussians", center), positive_float("gaussians", width)) for center, width in given)
    if len(set(exponents)) != len(exponents) or len(set(pairs)) != len(pairs):
        raise ValueError(f"`powers` and `gaussians` must be distinct, got {exponents} and {pairs}")
    if not exponents and not pairs:
        raise ValueError("`powers` must be distinct numbers above 0, at least one where `gaussians` is empty, got ()")
    return tuple(int(p) if p == int(p) else p for p in exponents), pairs


def values_of_atoms(values: jax.Array | np.ndarray | None, numbers: jax.Array | np.ndarray) -> None:
    """Values (*batch, atoms, value) for atoms with numbers (*batch, atoms)."""
    if values is not None:
        floats("values", values)
    if values is not None and (values.ndim == 0 or values.shape[:-1] != numbers.shape or values.shape[-1] == 0):
        raise ValueError(
            f"`values` must have the shape of `numbers`, {numbers.shape}, and one more axis, got {values.shape}"
        )


def geometry(
    positions: jax.Array | np.ndarray, numbers: jax.Array | np.ndarray, mask: jax.Array | np.ndarray | None
) -> None:
    """Positions (*batch, atoms, 3), numbers and mask (*batch, atoms); concrete positions must be finite."""
    floats("positions", positions)
    instance("numbers", numbers, (jax.Array, np.ndarray), "an array")
    if positions.ndim < 2 or positions.shape[-1] != 3:
        raise ValueError(f"`positions` must have shape (*batch, atoms, 3), got {positions.shape}")
    if numbers.shape != positions.shape[:-1]:
        raise ValueError(
            f"`numbers` must have the shape of `positions` without its last axis, {positions.shape[:-1]}, got "
            f"{numbers.shape}"
        )
    if not np.issubdtype(numbers.dtype, np.integer):
        raise TypeError(f"`numbers` must be integers, atomic numbers with 0 for padding, got dtype {numbers.dtype}")
    if mask is not None:
        instance("mask", mask, (jax.Array, np.ndarray), "an array")
    if mask is not None and (mask.shape != numbers.shape or mask.dtype != bool):
        raise ValueError(
            f"`mask` must be boolean of the shape of `numbers`, {numbers.shape}, got {mask.dtype} {mask.shape}"
        )


def known_species(
    numbers: jax.Array | np.ndarray, mask: jax.Array | np.ndarray | None, species: tuple[int, ...]
) -> None:
    """Refuse atoms without a channel where the numbers are concrete: they would be ignored."""
    if isinstance(numbers, jax.core.Tracer) or isinstance(mask, jax.core.Tracer):
        return
    present = np.asarray(numbers) if mask is None else np.where(np.asarray(mask), np.asarray(numbers), 0)
    strangers = sorted(set(np.unique(present).tolist()) - {0, *species})
    if strangers:
        raise ValueError(f"`numbers` must be of the species {species}, or 0 for padding, got {strangers} too")


def finite_positions(positions: jax.Array | np.ndarray, mask: np.ndarray | jax.Array | None) -> None:
    """Concrete positions of atoms must be finite."""
    if isinstance(positions, jax.core.Tracer) or isinstance(mask, jax.core.Tracer):
        return
    bad = ~np.isfinite(np.asarray(positions)).all(-1)
    if mask is not None:
        bad &= np.asarray(mask)
    if bad.any():
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"`positions` must be finite, got {np.asarray(positions)[at].tolist()} at atom {at}")
