"""Tables are computed once and shared; this is where they can be forgotten."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_clear: list[Callable[[], None]] = []


def cached_table(maxsize: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """`functools.lru_cache` for a function that makes a table; `clear_tables` empties it."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        cached = functools.lru_cache(maxsize)(function)
        _clear.append(cached.cache_clear)
        return cached  # pyright: ignore[reportReturnType]

    return decorate


def clear_tables() -> None:
    """Forget all cached tables, so that their memory is returned once no program uses them."""
    for clear in _clear:
        clear()
