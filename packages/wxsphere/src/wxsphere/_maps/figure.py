"""Figures of maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from spinnn.plots import make_figure, plain

from .. import _checks
from .draw import draw_arrows, draw_bar, draw_contours, draw_map
from .labels import times_label
from .options import MapOptions
from .panels import Layer, Panel, layers_of, names_to_draw, panels_of, scales_of
from .projections import View
from .scales import Scale
from .style import EXTRA, style

_WIDTH = 4.8
"""Width of a map with its bar [inches]."""
_BAR = 0.9
_LETTERS = 56
"""Letters of a heading over a map."""


def map_figure(
    fields: xr.Dataset | Mapping[str, xr.Dataset],
    variables: Sequence[str] = (),
    options: MapOptions | None = None,
    *,
    minus: xr.Dataset | None = None,
    **changes: Any,
) -> Any:
    """Draw maps of fields at one time with coastlines, units and the valid time; winds as speed and arrows.

    Datasets side by side have one scale of colours per variable. Colours are symmetric about zero for differences and
    signed fields. A bar that does not reach all values ends in a point of another colour, and the extremes stand
    beside it.

    Args:
        fields: A dataset in the layout of `canonical`, or several by label, of which the later ones are drawn at the
            valid time of the first.
        variables: Names of variables, `"wind"` or `"10m_wind"`; default up to six fields, winds first.
        options: Time, level, projection, contours and more; default `MapOptions()`.
        minus: Dataset on the same grid that is subtracted; of winds component by component.
        **changes: Options by name, in place of those in `options`.

    Returns:
        A matplotlib figure, for `spinnn.plots.save_figure`.

    Raises:
        ModuleNotFoundError: matplotlib is not installed; the message names the extra.
        TypeError: Arguments of another type, or a keyword that is not an option.
        ValueError: A name, level, lead time or member that is not there, a valid time that another dataset lacks, or
            another grid.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import grid_dataset, map_figure
        >>> fields = grid_dataset(Grid.equiangular(9, 16))
        >>> warm = 288 - 40 * np.sin(np.radians(fields.latitude)) ** 2
        >>> fields["2m_temperature"] = (warm + 0 * fields.longitude).assign_attrs(units="K")
        >>> figure = map_figure(fields, projection="robinson", smooth=False)
        >>> [axes.get_title() or axes.get_ylabel() for axes in figure.axes]
        ['2m temperature', 'K']
    """
    options = _checks.options(MapOptions, options, changes)
    named = check_fields(fields, minus)
    wanted = _checks.names("variables", variables)
    layers, subtracted = layers_of(named, minus, options)
    names = names_to_draw(layers, subtracted, wanted, options)
    rows = panels_of(layers, subtracted, names, options)
    columns = min(options.columns, len(layers) if len(layers) > 1 else len(names))
    title = _title(layers, minus is not None, rows[0][0], _LETTERS * columns)
    return _drawn(rows, scales_of(rows, options), title, options)


def check_fields(fields: object, minus: object) -> xr.Dataset | Mapping[str, xr.Dataset]:
    """Check the datasets of a figure."""
    if minus is not None:
        _checks.dataset("minus", minus)
    if isinstance(fields, xr.Dataset):
        return fields
    _checks.instance("fields", fields, Mapping, "an xarray.Dataset, or several by label")
    if not isinstance(fields, Mapping) or not fields:
        raise ValueError("`fields` must hold at least one dataset, got none")
    for label, one in fields.items():
        _checks.instance("fields` must have labels; one of them", label, str, "a text")
        _checks.dataset(f"fields[{label!r}]", one)
    return {str(label): one for label, one in fields.items()}


def _title(layers: Sequence[Layer], difference: bool, panel: Panel, width: int) -> str:
    """Heading of a figure, in lines of at most so many letters if it has commas there."""
    words = ", ".join(part for part in ("difference" * difference, times_label(layers[0].chosen.fields)) if part)
    lines = [words, "" if panel.lines is None else panel.lines.label]
    out: list[str] = []
    for line in lines:
        begun = ""
        for part in line.split(", ") if line else ():
            if begun and len(begun) + len(part) > width:
                out.append(begun + ",")
                begun = part
            else:
                begun = f"{begun}, {part}" if begun else part
        out += [begun] if begun else []
    return "\n".join(out)


def _drawn(rows: list[list[Panel]], scales: list[Scale], title: str, options: MapOptions) -> Any:
    view = options.view
    beside = len(rows[0])
    columns = min(options.columns, beside if beside > 1 else len(rows))
    lines_of = -(-beside // columns) * len(rows) if beside > 1 else -(-len(rows) // columns)
    edge = view.outline()
    shape = float(np.ptp(edge[:, 1]) / np.ptp(edge[:, 0]))
    with style(options.theme):
        figure = make_figure(
            _WIDTH * columns, ((_WIDTH - _BAR) * shape + 0.45) * lines_of + 0.2 * (1 + title.count("\n")) + 0.1, EXTRA
        )
        grid = figure.subplots(lines_of, columns, squeeze=False)
        places = iter(grid.ravel().tolist())
        for row, scale in zip(rows, scales, strict=True):
            meshes = [(panel, axes) for panel, axes in zip(row, places, strict=False)] if beside == 1 else []
            if beside > 1:
                taken = [next(places) for _ in range(-(-beside // columns) * columns)]
                meshes = list(zip(row, taken, strict=False))
                for axes in taken[beside:]:
                    axes.remove()
            _draw_row(figure, meshes, view, scale, options)
        for axes in places:
            axes.remove()
        if title:
            figure.suptitle(plain(title), fontsize=10)
    return figure


def _draw_row(figure: Any, places: list[tuple[Panel, Any]], view: View, scale: Scale, options: MapOptions) -> None:
    """Draw the panels of one variable with one bar."""
    mesh = None
    for panel, axes in places:
        mesh = draw_map(axes, panel.shaded, panel.grid, view, scale, coast=options.coast)
        if panel.lines is not None:
            draw_contours(axes, panel.lines.field, panel.lines.grid, view, panel.lines.levels)
        if len(panel.values) == 2:
            draw_arrows(axes, panel.values[0], panel.values[1], panel.grid, view, scale.high)
        axes.set_title(plain(panel.heading))
    draw_bar(figure, [axes for _, axes in places], mesh, scale, plain(places[0][0].unit))
