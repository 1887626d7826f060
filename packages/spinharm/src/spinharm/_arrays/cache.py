"""Tables, computed once and shared: what keeps them within a limit of memory, and forgets them."""

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


class _Tables:
    """Results of functions, the least recently used of which go when all together take more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._limit, self._taken = limit, 0

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key][0]
        # Outside of the lock: a table may need others.
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
        # The newest stays, however large: whoever asked for it needs it.
        while self._taken > self._limit and len(self._entries) > 1:
            _, (_, size) = self._entries.popitem(last=False)
            self._taken -= size


_tables = _Tables(8 * _GIB)
_clear: list[Callable[[], None]] = [_tables.clear]


def cached_table(function: Callable[P, T]) -> Callable[P, T]:
    """Let the results of a function, which are tables, be shared by equal calls, within the limit of `limit_tables`."""

    @functools.wraps(function)
    def cached(*args: P.args, **kwargs: P.kwargs) -> T:
        key = (function, args, tuple(sorted(kwargs.items())))
        return _tables.get(key, lambda: function(*args, **kwargs))

    return cached


def when_cleared(clear: Callable[[], None]) -> None:
    """Call `clear` whenever tables are to be forgotten."""
    _clear.append(clear)


def clear_tables() -> None:
    """Forget all tables, and the programs of `spinharm.jit` that hold some: both are made anew when needed.

    Programs of `jax.jit` hold the tables that were written into them; `jax.clear_caches` forgets those.
    """
    for clear in _clear:
        clear()


def limit_tables(memory_gib: float | int) -> None:
    """Set how much memory the tables that are kept may take; 8 GiB unless set.

    The tables least recently used are forgotten first, and made anew when they are needed again, which takes far longer
    than a transform. The newest is kept in any case. Compiled programs of `spinharm.jit` hold the tables that they use
    as long as they live.

    Args:
        memory_gib: The limit [GiB], above 0, of device memory.

    Raises:
        TypeError: A limit that is not a number.
        ValueError: A limit that is not finite or not above 0.
    """
    _tables.limit(int(arguments.number("memory_gib", memory_gib, above=0.0) * _GIB))
