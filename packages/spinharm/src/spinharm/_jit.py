"""`jit` with closed-over arrays as arguments."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.core
from jax.extend.core import Literal


def jit(
    function: Callable[..., Any], *, static_argnames: str | Iterable[str] = (), donate_argnums: int | Iterable[int] = ()
) -> _Jitted:
    """`jax.jit`, but arrays that `function` closes over become arguments of the compiled program.

    The tables of a transform are such arrays. `jax.jit` writes them into the program as literals, twice their size as
    text, and compiles a copy of them into every program that uses them; here all programs share one.

    Args:
        function: A function of pytrees of arrays. It is traced once for each new structure, shape and type.
        static_argnames: Keyword arguments that are hashable constants, not arrays.
        donate_argnums: Positional arguments whose buffers the result may reuse.

    Returns:
        The compiled function, with a method `lower(*args, **kwargs)` like that of `jax.jit`.
    """
    names = (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames)
    donated = (donate_argnums,) if isinstance(donate_argnums, int) else tuple(donate_argnums)
    return _Jitted(function, names, donated)


class _Jitted:
    def __init__(self, function: Callable[..., Any], static: tuple[str, ...], donated: tuple[int, ...]) -> None:
        functools.update_wrapper(self, function)
        self._function, self._static, self._donated = function, static, donated
        self._programs: dict[Any, tuple[Callable[..., Any], list[Any]]] = {}

    def _prepare(self, args: tuple, kwargs: dict) -> tuple[Callable[..., Any], list[Any], dict]:
        static = {name: kwargs[name] for name in self._static if name in kwargs}
        dynamic = {name: value for name, value in kwargs.items() if name not in static}
        leaves, structure = jax.tree.flatten((args, dynamic))
        signature = tuple(jax.typeof(leaf) for leaf in leaves)
        key = (structure, signature, tuple(sorted(static.items())), jax.config.read("jax_enable_x64"))
        if key not in self._programs:
            function = functools.partial(self._function, **static)
            closed, shape = jax.make_jaxpr(function, return_shape=True)(*args, **dynamic)
            constants = list({id(c): c for c in _constants(closed)}.values())
            out = jax.tree.structure(shape)
            position = {id(c): i for i, c in enumerate(constants)}

            def program(constants, *args, **dynamic):
                values = _evaluate(closed, jax.tree.leaves((args, dynamic)), constants, position)
                return jax.tree.unflatten(out, values)

            donated = tuple(index + 1 for index in self._donated)
            self._programs[key] = jax.jit(program, donate_argnums=donated), constants
        return *self._programs[key], dynamic

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        program, constants, dynamic = self._prepare(args, kwargs)
        return program(constants, *args, **dynamic)

    def lower(self, *args: Any, **kwargs: Any) -> Any:
        """The lowered program, as `jax.jit(function).lower` gives it."""
        program, constants, dynamic = self._prepare(args, kwargs)
        return program.lower(constants, *args, **dynamic)


def _inner(equation: Any) -> Any | None:
    """The body of a nested `jit` that has constants of its own."""
    if equation.primitive.name not in ("jit", "pjit"):
        return None
    body = equation.params["jaxpr"]
    return body if any(True for _ in _constants(body)) else None


def _constants(closed: Any) -> Iterable[Any]:
    yield from closed.consts
    for equation in closed.eqns:
        body = _inner(equation)
        if body is not None:
            yield from _constants(body)


def _evaluate(closed: Any, arguments: list, constants: list, position: dict[int, int]) -> list:
    """Interpret a traced function with its constants from `constants`; nested `jit`s that have some are inlined."""
    jaxpr = getattr(closed, "jaxpr", closed)
    own = [constants[position[id(c)]] for c in closed.consts]
    if all(_inner(equation) is None for equation in jaxpr.eqns):
        return jax.core.eval_jaxpr(jaxpr, own, *arguments)
    values: dict[Any, Any] = {}
    values.update(zip(jaxpr.constvars, own, strict=True))
    values.update(zip(jaxpr.invars, arguments, strict=True))

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, Literal) else values[atom]

    for equation in jaxpr.eqns:
        inputs = [read(atom) for atom in equation.invars]
        body = _inner(equation)
        if body is not None:
            outputs = _evaluate(body, inputs, constants, position)
        else:
            with equation.ctx.manager:
                outputs = equation.primitive.bind(*inputs, **equation.primitive.get_bind_params(equation.params))
            if not equation.primitive.multiple_results:
                outputs = [outputs]
        values.update(zip(equation.outvars, outputs, strict=True))
    return [read(atom) for atom in jaxpr.outvars]
