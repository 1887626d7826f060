"""`jax.jit` with closed-over arrays as arguments."""

from __future__ import annotations

import functools
import inspect
import types
import weakref
from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple

import jax
import jax.core

from .cache import when_cleared
from .constants import constants_of, evaluate
from .leaves import hidden, refuse, restored

_alive: weakref.WeakSet[_Jitted] = weakref.WeakSet()


def jit(
    function: Callable[..., Any], *, static_argnames: str | Iterable[str] = (), donate_argnums: int | Iterable[int] = ()
) -> _Jitted:
    """Compile a function like `jax.jit`, with the arrays that it closes over as arguments of the program.

    The tables of a transform are such arrays. `jax.jit` embeds them in each program as literals, twice their size as
    text; here all programs share one copy.

    Arguments are pytrees. As with `jax.jit`, arrays and numbers are traced, and there is one program for each
    structure, shape, type and setting of JAX, such as `jax.default_matmul_precision`. Unlike with `jax.jit`, other
    leaves, such as strings, functions and `bool`s of a network, are constants; each value has its own program. It can
    decorate methods; `self` is an argument like any other.

    Args:
        function: A function of pytrees.
        static_argnames: Names of arguments that are hashable constants as a whole.
        donate_argnums: Positional arguments whose buffers the result may reuse.

    Returns:
        The compiled function, with the methods `lower`, `eval_shape` and `clear_cache` of `jax.jit`. `jax.export` takes
        functions of `jax.jit` only, since a file must contain the tables.

    Raises:
        ValueError: `static_argnames` that `function` does not have. When called: a static argument that cannot be
            hashed.
        TypeError: When called: a leaf that is no array and cannot be hashed, or an object whose attributes could change
            unnoticed, such as the `self` of a class that is no pytree.

    Examples:
        >>> import numpy as np
        >>> import spinharm
        >>> from spinharm import Grid
        >>> grid = Grid.gauss_legendre(4)
        >>> @spinharm.jit
        ... def mean(maps):
        ...     return spinharm.forward(maps, grid)[0, 3].real / np.sqrt(4 * np.pi)
        >>> round(float(mean(np.full(grid.shape, 3.0, np.float32))), 4)
        3.0
    """
    names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
    donated = (donate_argnums,) if isinstance(donate_argnums, int) else tuple(donate_argnums)
    return _Jitted(function, _positions(function, names), donated)


def _positions(function: Callable[..., Any], names: tuple[str, ...]) -> dict[str, int | None]:
    """Position of each named argument; None if it is keyword-only."""
    if not names:
        return {}
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # functions of C have none
        return dict.fromkeys(names)
    by_name_only = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    positions = {name: None if p.kind in by_name_only else at for at, (name, p) in enumerate(parameters.items())}
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    for name in names:
        if name not in positions and not takes_any:
            raise ValueError(
                f"`static_argnames` must name arguments of {getattr(function, '__name__', function)}, got {name!r}; it "
                f"has {', '.join(positions) or 'none'}"
            )
    return {name: positions.get(name) for name in names}


class _Call(NamedTuple):
    """The static description of a call: everything about its arguments that is not traced.

    Attributes:
        static: Name or position, type and value of the static arguments.
        structures: Tree structures of the donated and of the other arguments.
        constants: Leaves of both that are not traced, see `hidden`.
    """

    static: tuple[tuple[str | int, type, Hashable], ...]
    structures: tuple[Any, Any]
    constants: tuple[tuple[Any, ...], tuple[Any, ...]]


class _Program(NamedTuple):
    compiled: Callable[..., Any]
    tables: list[Any]


class _Jitted:
    def __init__(self, function: Callable[..., Any], static: dict[str, int | None], donated: tuple[int, ...]) -> None:
        functools.update_wrapper(self, function)
        self._static, self._donated = static, donated
        self._programs: dict[Any, _Program | None] = {}
        apply = functools.partial(_apply, function, donated)
        # For tracing, and for functions whose constants cannot become arguments.
        self._plain = jax.jit(apply, static_argnums=0, donate_argnums=1)
        _alive.add(self)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        call, given, kept = self._split(args, kwargs)
        program = self._program(call, given, kept)
        if program is None:
            return self._plain(call, given, kept)
        return program.compiled(program.tables, given, kept)

    def lower(self, *args: Any, **kwargs: Any) -> Any:
        """The lowered program, as `jax.jit(function).lower` gives it."""
        call, given, kept = self._split(args, kwargs)
        program = self._program(call, given, kept)
        if program is None:
            return _Stage(self._plain.lower(call, given, kept), lambda *a, **k: self._split(a, k)[1:])
        lowered = program.compiled.lower(program.tables, given, kept)  # pyright: ignore[reportFunctionMemberAccess]
        return _Stage(lowered, lambda *a, **k: (program.tables, *self._split(a, k)[1:]))

    def eval_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Shapes and types of the result, as `jax.eval_shape` gives them."""
        return self._plain.eval_shape(*self._split(args, kwargs))

    def clear_cache(self) -> None:
        """Drop all compiled programs and the tables that they hold."""
        self._programs.clear()
        self._plain.clear_cache()  # pyright: ignore[reportAttributeAccessIssue]

    def _split(self, args: tuple, kwargs: dict) -> tuple[_Call, list[Any], list[Any]]:
        """Split arguments into their static description, the donated leaves and the other traced leaves."""
        others, static, given = list(args), [], []
        for name, at in self._static.items():
            place = name if name in kwargs else at
            if isinstance(place, int) and place < len(others):
                static.append((place, type(args[place]), args[place]))
                others[place] = None
            elif place in kwargs:
                static.append((place, type(kwargs[place]), kwargs[place]))
                kwargs = {key: value for key, value in kwargs.items() if key != place}
        for at in self._donated:
            if -len(others) <= at < len(others):
                given.append(others[at])
                others[at] = None
        (given, first), (kept, second) = jax.tree.flatten(given), jax.tree.flatten((others, kwargs))
        (given, one), (kept, two) = hidden(given), hidden(kept)
        return _Call(tuple(static), (first, second), (one, two)), given, kept

    def _program(self, call: _Call, given: list[Any], kept: list[Any]) -> _Program | None:
        key = (call, _types(given), _types(kept), _setting())
        try:
            return self._programs[key]
        except KeyError:
            pass
        except TypeError:
            refuse(call.static, call.structures, call.constants)
            raise
        refuse(call.static, call.structures, call.constants)
        traced = self._plain.trace(call, given, kept)
        closed, out = traced.jaxpr, jax.tree.structure(traced.out_info)
        tables = list({id(c): c for c in constants_of(closed)}.values())
        from_outside = any(isinstance(table, jax.core.Tracer) for table in tables)
        if from_outside or len(closed.in_avals) != len(given) + len(kept):
            # It closes over values of an enclosing trace, which must not be cached.
            return None
        names = [id(table) for table in tables]

        def program(tables: list[Any], given: list[Any], kept: list[Any]) -> Any:
            values = evaluate(closed, [*given, *kept], dict(zip(names, tables, strict=True)))
            return jax.tree.unflatten(out, values)

        self._programs[key] = _Program(jax.jit(program, donate_argnums=1), tables)
        return self._programs[key]


def _apply(
    function: Callable[..., Any], donated: tuple[int, ...], call: _Call, given: list[Any], kept: list[Any]
) -> Any:
    """Call the function with arguments put together from the result of `_Jitted._split`."""
    leaves = [restored(*pair) for pair in zip((given, kept), call.constants, strict=True)]
    given, (args, kwargs) = (jax.tree.unflatten(*pair) for pair in zip(call.structures, leaves, strict=True))
    for at, value in zip(donated, given, strict=False):
        args[at] = value
    for place, _, value in call.static:
        if isinstance(place, int):
            args[place] = value
        else:
            kwargs[place] = value
    return function(*args, **kwargs)


class _Stage:
    """A lowered or compiled program, called like the function, without its tables."""

    def __init__(self, stage: Any, arguments: Callable[..., tuple]) -> None:
        self._stage, self._arguments = stage, arguments

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)

    def compile(self, *args: Any, **kwargs: Any) -> _Stage:
        return _Stage(self._stage.compile(*args, **kwargs), self._arguments)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._stage(*self._arguments(*args, **kwargs))


def _types(leaves: list[Any]) -> tuple[Any, ...]:
    try:
        return tuple(map(jax.typeof, leaves))
    except TypeError:  # `lower` takes shapes instead of arrays
        return tuple(leaf if isinstance(leaf, jax.ShapeDtypeStruct) else jax.typeof(leaf) for leaf in leaves)


@jax.jit
def _nothing() -> tuple:
    return ()


def _setting() -> Hashable:
    """A key for the settings of JAX that a trace depends on: JAX caches one trace of a function for each."""
    return _nothing.trace().jaxpr


def _clear() -> None:
    for jitted in list(_alive):
        jitted.clear_cache()


when_cleared(_clear)
