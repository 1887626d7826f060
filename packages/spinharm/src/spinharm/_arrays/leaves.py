"""Traced and constant leaves of the arguments of a compiled function."""

from __future__ import annotations

import dataclasses
import functools
import types
from typing import Any

import jax
import numpy as np

_TRACED = object()
_WANTED = "arguments of a compiled function must be arrays, numbers, hashable constants or pytrees of them"
_kinds: dict[type, bool] = {}


def is_traced(leaf: Any) -> bool:
    """Whether a leaf is an array, a number, or a shape in place of one."""
    kind = type(leaf)
    if kind not in _kinds:
        arrays = (jax.Array, jax.ShapeDtypeStruct, np.ndarray, np.generic, int, float, complex)
        _kinds[kind] = (isinstance(leaf, arrays) and kind is not bool) or hasattr(kind, "__jax_array__")
    return _kinds[kind]


def hidden(leaves: list[Any]) -> tuple[list[Any], tuple[Any, ...]]:
    """The traced leaves, and a tuple of all constants with their types in their places; () without constants."""
    # One look for each type: there may be thousands of leaves.
    if all(map(is_traced, dict(zip(map(type, leaves), leaves, strict=True)).values())):
        return leaves, ()
    traced = [leaf for leaf in leaves if is_traced(leaf)]
    return traced, tuple(_TRACED if is_traced(leaf) else (type(leaf), leaf) for leaf in leaves)


def restored(traced: list[Any], constants: tuple[Any, ...]) -> list[Any]:
    """All leaves, from the result of `hidden`."""
    if not constants:
        return traced
    remaining = iter(traced)
    return [next(remaining) if constant is _TRACED else constant[1] for constant in constants]


def refuse(static: tuple, structures: tuple[Any, ...], constants: tuple[tuple[Any, ...], ...]) -> None:
    """Refuse static arguments and constant leaves that cannot be keys of compiled programs."""
    for place, _, value in static:
        if not _hashable(value):
            name = f"argument `{place}`" if isinstance(place, str) else f"argument {place}"
            raise ValueError(f"a static argument must be hashable, got {value!r} as {name}; pass e.g. a tuple")
    for structure, leaves in zip(structures, constants, strict=True):
        if not leaves:
            continue
        marks = jax.tree.unflatten(structure, [_Leaf(leaf) for leaf in leaves])
        for path, mark in jax.tree_util.tree_flatten_with_path(marks)[0]:
            if mark.leaf is not _TRACED:
                _refuse_leaf(_name(path), mark.leaf[1])


@dataclasses.dataclass(frozen=True)
class _Leaf:
    """A leaf in a tree of others."""

    leaf: Any


def _name(path: tuple[Any, ...]) -> str:
    """Name of a leaf in messages, from its path: argument and position within it."""
    if len(path) < 2:
        return "a donated argument"
    place = getattr(path[1], "key", getattr(path[1], "idx", None))
    name = f"`{place}`" if isinstance(place, str) else place
    rest = jax.tree_util.keystr(path[2:])
    return f"argument {name}" + (f", at {rest}" if rest else "")


def _refuse_leaf(name: str, leaf: Any) -> None:
    kind = f"{type(leaf).__module__}.{type(leaf).__qualname__}"
    if not _hashable(leaf):
        raise TypeError(f"{_WANTED}, got {kind} as {name}; make it hashable, or register its class as a pytree")
    if not _stays_as_it_is(leaf):
        raise TypeError(
            f"{_WANTED}, got {kind} as {name}, whose attributes could change unnoticed; make it a pytree, e.g. an "
            f"equinox.Module or with jax.tree_util.register_dataclass, or name the argument in `static_argnames` if it "
            f"never changes"
        )


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _stays_as_it_is(value: Any) -> bool:
    """Whether equal objects behave alike: equality is by value, or there is no mutable state."""
    if isinstance(value, types.MethodType):
        return _stays_as_it_is(value.__self__)
    if type(value).__hash__ is not object.__hash__ or isinstance(value, type | functools.partial):
        return True
    if callable(value) and hasattr(value, "__name__"):  # functions, and what wraps them
        return True
    return getattr(value, "__dict__", _TRACED) == {} or type(value) is object
