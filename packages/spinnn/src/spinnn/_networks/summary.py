"""Counts and tables of a network's parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from spinharm import checks, html

from .._layers.conv import SpinConv

_COLUMNS = ("part", "kind", "size", "parameters")


def parameter_count(model: Any) -> int:
    """Number of trained real numbers: the sizes of all inexact arrays of a model, summed.

    Args:
        model: Equinox module, its initial state split off (`equinox.nn.make_with_state`).

    Returns:
        The number.

    Examples:
        >>> import jax
        >>> from spinnn import SpinConv, parameter_count
        >>> parameter_count(SpinConv((0,), (0, 1), 3, 8, bandlimit=4, key=jax.random.key(0)))
        400
    """
    return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter(model, _is_inexact)))


def summary(model: Any) -> str:
    """A table of a model's parts with their parameters: path, kind, size of a convolution, number of parameters.

    A part is a module or container that holds arrays itself. Shapes instead of arrays (`equinox.filter_eval_shape`)
    do too, so that a large network need not be allocated.

    Args:
        model: Equinox module, its initial state split off (`equinox.nn.make_with_state`).

    Returns:
        A text with a line per part and one for the total.

    Examples:
        >>> import equinox as eqx
        >>> import jax
        >>> from spinnn import SpinConv, summary
        >>> shapes = eqx.filter_eval_shape(SpinConv, (0,), (0, 1), 3, 8, bandlimit=4, key=jax.random.key(0))
        >>> print(summary(shapes))
        part   kind      size                                      parameters
        ·      SpinConv  3 → 8, spins 0 → 0,1, 4 degrees, 4 knots         400
        total                                                             400
    """
    rows = [_COLUMNS, *((*row, f"{count:,}") for *row, count in _rows(model))]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = []
    for row in rows:
        left = "  ".join(cell.ljust(width) for cell, width in zip(row[:3], widths[:3], strict=True))
        lines.append(f"{left}  {row[3].rjust(widths[3])}")
    return "\n".join(lines)


def summary_html(model: Any, title: str = "") -> str:
    """The table of `summary` as HTML, for notebooks and for `_repr_html_` of what holds a network.

    Args:
        model: See `summary`.
        title: Caption; default the name of the model's class.

    Returns:
        The HTML: no script, the colours of the page.

    Raises:
        TypeError: A title that is not text.

    Examples:
        >>> import equinox as eqx
        >>> import jax
        >>> from spinnn import SpinConv, summary_html
        >>> shapes = eqx.filter_eval_shape(SpinConv, (0,), (0, 1), 3, 8, bandlimit=4, key=jax.random.key(0))
        >>> "400" in summary_html(shapes)
        True
    """
    checks.instance("title", title, str, "text")
    return html.table(title or type(model).__name__, _COLUMNS, _rows(model))


def _rows(model: Any) -> list[tuple[str, str, str, int]]:
    """Path, kind, size and number of parameters of each part, and the total."""
    rows = []
    for path, part in _parts(model, ""):
        # Its own arrays only: the modules below it have lines of their own.
        if count := sum(value.size for _, value in _fields(part) if _is_inexact(value)):
            rows.append((path or "·", type(part).__name__.lstrip("_"), _size(part), count))
    return [*rows, ("total", "", "", parameter_count(model))]


def _is_inexact(leaf: Any) -> bool:
    if isinstance(leaf, jax.ShapeDtypeStruct):
        return jnp.issubdtype(leaf.dtype, jnp.inexact)
    return eqx.is_inexact_array(leaf)


def _size(part: Any) -> str:
    if not isinstance(part, SpinConv):
        return ""
    spins = f"spins {_joined(part.spins_in)} → {_joined(part.spins_out)}"
    widths, knots = f"{part.channels_in} → {part.channels_out}", part.weight.shape[1]
    kind = " separable" if part.pointwise is not None else ""
    return f"{widths}, {spins}, {part.bandlimit} degrees, {knots} knots{kind}"


def _joined(spins: tuple[int, ...]) -> str:
    return ",".join(map(str, spins))


def _fields(part: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(part, eqx.Module):
        for name in type(part).__dataclass_fields__:
            yield f".{name}", getattr(part, name)
    elif isinstance(part, list | tuple):
        for index, value in enumerate(part):
            yield f"[{index}]", value
    elif isinstance(part, dict):
        for name, value in part.items():
            yield f"[{name!r}]", value


def _parts(part: Any, path: str) -> Iterator[tuple[str, Any]]:
    """All modules and containers, in the order of their fields, with their paths."""
    yield path, part
    for name, value in _fields(part):
        if isinstance(value, eqx.Module | list | tuple | dict):
            yield from _parts(value, (path + name).lstrip("."))
