"""Shared cache of tables, bounded by bytes."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, ParamSpec, TypeVar

import jax

from . import arguments

P = ParamSpec("P")
T = TypeVar("T")

_GIB = 2**30
# Beyond any machine.
_LARGEST_GIB = 1e9


class _Tables:
    """A cache that drops the least recently used results when their sum exceeds `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._limit, self._taken = limit, 0

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key][0]
        # Outside the lock: building a table may need others.
        value = make()
        size = sum(getattr(leaf, "nbytes", 0) for leaf in jax.tree.leaves(value))
        with self._lock:
            if key not in self._entries:
                self._entries[key] = value, size
                self._taken += size
                self._trim()
            return self._entries[key][0]

    def limit(self, limit: int) -> None:
        with self._lock:
            self._limit = limit
            self._trim()

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self._taken = 0

    def _trim(self) -> None:
        # The newest stays, however large: the caller needs it.
        while self._taken > self._limit and len(self._entries) > 1:
            _, (_, size) = self._entries.popitem(last=False)
            self._taken -= size


_tables = _Tables(8 * _GIB)
_clear: list[Callable[[], None]] = [_tables.clear]


def cached_table(function: Callable[P, T]) -> Callable[P, T]:
    """Cache the tables that a function returns, within the limit of `limit_tables`.

    Args:
        function: A function of hashable arguments. Its results are shared: do not change them.

    Returns:
        The function with a cache, which `clear_tables` empties.
    """

    @functools.wraps(function)
    def cached(*args: P.args, **kwargs: P.kwargs) -> T:
        key = (function, args, tuple(sorted(kwargs.items())))
        return _tables.get(key, lambda: function(*args, **kwargs))

    return cached


def when_cleared(clear: Callable[[], None]) -> None:
    """Register a function that `clear_tables` calls."""
    _clear.append(clear)


def clear_tables() -> None:
    """Drop all cached tables and the compiled programs of `spinharm.jit` that hold some; both are rebuilt when needed.

    Programs of `jax.jit` hold the tables that were embedded in them; `jax.clear_caches` drops those.

    Examples:
        >>> import spinharm
        >>> spinharm.clear_tables()  # frees the memory of all tables
    """
    for clear in _clear:
        clear()


def limit_tables(memory_gib: float | int) -> None:
    """Set the memory limit of cached tables; the default is 8 GiB.

    Above the limit, the least recently used tables are dropped first and rebuilt when needed again, which takes far
    longer than a transform. The newest table is always kept. Compiled programs of `spinharm.jit` hold the tables that
    they use as long as they exist.

    Args:
        memory_gib: The limit [GiB], above 0, of device memory.

    Raises:
        TypeError: A limit that is not a number.
        ValueError: A limit that is not above 0 and below 1e9.

    Examples:
        >>> import spinharm
        >>> spinharm.limit_tables(2)  # GiB
        >>> spinharm.limit_tables(8)
    """
    _tables.limit(int(arguments.number("memory_gib", memory_gib, above=0.0, below=_LARGEST_GIB) * _GIB))
