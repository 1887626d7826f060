"""Constants of traced functions: find them, and evaluate the function with other values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax
import jax.core
from jax.extend.core import Literal


def _inner(equation: Any) -> Any | None:
    """The body of a nested `jit` with constants and without explicit shardings."""
    if equation.primitive.name not in ("jit", "pjit"):
        return None
    body, places = equation.params["jaxpr"], (equation.params["in_shardings"], equation.params["out_shardings"])
    if any(isinstance(place, jax.sharding.Sharding) for of_one in places for place in of_one):
        return None
    return body if any(True for _ in constants_of(body)) else None


def _literal(atom: Any) -> Any | None:
    """The array of a literal operand, as `jax_use_simplified_jaxpr_constants` makes them."""
    return atom.val if isinstance(atom, Literal) and isinstance(atom.val, jax.Array) and atom.val.ndim else None


def constants_of(closed: Any) -> Iterable[Any]:
    """The arrays that a traced function and the `jit`s in it close over."""
    yield from closed.consts
    for equation in closed.eqns:
        body = _inner(equation)
        if body is not None:
            yield from constants_of(body)
        yield from (atom.val for atom in equation.invars if _literal(atom) is not None)


def evaluate(closed: Any, arguments: list, constants: dict[int, Any]) -> list:
    """Interpret a traced function with other values of its constants; nested `jit`s that have some are inlined.

    Args:
        closed: The traced function.
        arguments: Its arguments.
        constants: The value that replaces each array of `constants_of`, by the array's `id`.
    """
    own = [constants[id(c)] for c in closed.consts]
    if len(list(constants_of(closed))) == len(own):
        # Keeps the names of scopes and lines.
        return jax.core.eval_jaxpr(closed.jaxpr, own, *arguments)
    values: dict[Any, Any] = dict(zip(closed.jaxpr.constvars, own, strict=True))
    values.update(zip(closed.jaxpr.invars, arguments, strict=True))

    def read(atom: Any) -> Any:
        if isinstance(atom, Literal):
            return constants.get(id(atom.val), atom.val) if _literal(atom) is not None else atom.val
        return values[atom]

    for equation in closed.eqns:
        inputs = [read(atom) for atom in equation.invars]
        body = _inner(equation)
        if body is not None:
            outputs = evaluate(body, inputs, constants)
        else:
            with equation.ctx.manager:
                outputs = equation.primitive.bind(*inputs, **equation.primitive.get_bind_params(equation.params))
            if not equation.primitive.multiple_results:
                outputs = [outputs]
        values.update(zip(equation.outvars, outputs, strict=True))
    return [read(atom) for atom in closed.jaxpr.outvars]
