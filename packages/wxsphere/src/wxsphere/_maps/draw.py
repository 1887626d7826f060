"""Fields, contours and arrows on the axes of a map, with coastlines and graticule."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Shaped

from spinharm import Grid
from spinharm.optional import require

from .coast import coastlines
from .labels import value_label
from .projections import View
from .scales import Scale, colour_map
from .style import EXTRA

_ARROW_SPACING = np.radians(12.0)
_ARROW_LENGTH = np.radians(20.0)
_QUANTILE = 0.995
_GRAY = "#808080"
_BEHIND = 1e-5
_WIDEST_DEG = 3.0


def draw_map(
    panel: Any, field: Shaped[np.ndarray, "lat lon"], grid: Grid, view: View, scale: Scale, *, coast: bool = True
) -> Any:
    """Draw a scalar field with a colour per cell of its grid, then coastlines, graticule and the edge of the map.

    Args:
        panel: Axes of matplotlib.
        field: Values in the order of the grid, shape (lat, lon); NaN is left blank.
        grid: Grid of the field.
        view: Projection and what is shown.
        scale: Colours.
        coast: Draw coastlines.

    Returns:
        The mesh, for `draw_bar`.
    """
    rows, columns = _order(grid, view)
    # Cells extend half-way to the next row, the outermost ones to the poles.
    inner = (grid.latitude_deg[rows][1:] + grid.latitude_deg[rows][:-1]) / 2
    latitude = np.concatenate([[-90.0], inner, [90.0]])
    shifted = view.relative(grid.longitude_deg)[columns]
    # The cell across the edge of the map is drawn on both sides, clipped.
    half = 180.0 / grid.nlon
    longitude = np.concatenate([shifted - half, shifted[-1] + [half, 3 * half]]).clip(-180.0, 180.0)
    values = np.asarray(field)[rows][:, np.append(columns, columns[0])]
    if view.projection != "equirectangular":
        # Cells are drawn with straight edges, so those that bend on the map are cut into small ones.
        latitude, values = _cut(latitude, values, 0)
        longitude, values = _cut(longitude, values, 1)
    values = np.ma.masked_invalid(values)
    if not view.whole:
        corners = view.distance_deg(latitude[:, None], longitude[None, :])
        nearest = np.minimum.reduce([corners[a : a - 1 or None, b : b - 1 or None] for a in (0, 1) for b in (0, 1)])
        values = np.ma.masked_where((nearest > view.drawn_deg() + 2 * half) | np.ma.getmaskarray(values), values)
    mesh = panel.pcolormesh(
        *view.forward(latitude[:, None], longitude[None, :]),
        values,
        cmap=colour_map(require("matplotlib", EXTRA, "plotting"), scale),
        vmin=scale.low,
        vmax=scale.high,
        rasterized=True,
        shading="flat",
    )
    _draw_earth(panel, view, coast)
    mesh.set_clip_path(panel.map_edge)
    return mesh


def draw_contours(
    panel: Any, field: Shaped[np.ndarray, "lat lon"], grid: Grid, view: View, levels: np.ndarray, *, labels: bool = True
) -> Any:
    """Draw lines of equal value, black on a white rim, on axes of `draw_map`."""
    rows, columns = _order(grid, view)
    shifted = view.relative(grid.longitude_deg)[columns]
    longitude = np.append(shifted, shifted[0] + 360.0)
    latitude = grid.latitude_deg[rows]
    values = np.ma.masked_invalid(np.asarray(field, np.float64)[rows][:, np.append(columns, columns[0])])
    if not view.whole:
        far = view.distance_deg(latitude[:, None], longitude[None, :]) > view.drawn_deg() + 3
        values = np.ma.masked_where(far | np.ma.getmaskarray(values), values)
    x, y = view.forward(latitude[:, None], longitude[None, :])
    lines = panel.contour(x, y, values, levels=levels, colors="black", linewidths=0.7, linestyles="solid")
    lines.set_path_effects(_rim(1.8))
    lines.set_clip_path(panel.map_edge)
    for text in panel.clabel(lines, fmt=value_label, fontsize=6, inline=False) if labels else ():
        text.set_path_effects(_rim(2.0))
        text.set_clip_path(panel.map_edge)
    return lines


def draw_arrows(
    panel: Any, u: Shaped[np.ndarray, "lat lon"], v: Shaped[np.ndarray, "lat lon"], grid: Grid, view: View,
    longest: float | None = None,
) -> Any:  # fmt: skip
    """Draw a wind as black arrows with a white rim, which have the direction of the flow on the map.

    The length of an arrow is proportional to the speed.

    Args:
        panel: Axes of `draw_map`.
        u: Eastward component, shape (lat, lon).
        v: Northward component, shape (lat, lon).
        grid: Grid of the components.
        view: Projection and what is shown.
        longest: Speed of the longest arrows; default the quantile of 99.5 %.

    Returns:
        The arrows; those of speed `longest` are 5/3 of their spacing long.
    """
    rows, columns = _arrow_places(grid, view)
    latitude, longitude = grid.latitude_deg[rows], view.relative(grid.longitude_deg)[columns]
    east, north = np.asarray(u[rows, columns], np.float64), np.asarray(v[rows, columns], np.float64)
    direction = _on_map(view, latitude, longitude, east, north)
    if longest is None:
        speed = np.hypot(u, v)
        finite = speed[np.isfinite(speed)]
        longest = float(np.quantile(finite, _QUANTILE)) if finite.size else 1.0
    x, y = view.forward(latitude, longitude)
    arrows = panel.quiver(
        x,
        y,
        *direction,
        angles="xy",
        scale=(longest or 1.0) / (_ARROW_LENGTH * _zoom(view)),
        scale_units="xy",
        pivot="middle",
        width=0.0022,
        color="black",
    )
    arrows.set_path_effects(_rim(1.2))
    arrows.set_clip_path(panel.map_edge)
    return arrows


def draw_bar(figure: Any, panels: Any, mesh: Any, scale: Scale, unit: str) -> Any:
    """Draw the bar of colours with the unit, ends where values lie beyond, and the true extremes beside it."""
    bar = figure.colorbar(mesh, ax=panels, extend=scale.extend, shrink=0.8, pad=0.02, aspect=18, label=unit)
    small = {"ha": "center", "fontsize": 7, "transform": bar.ax.transAxes}
    # The triangles for values beyond the ends take 5 % of the bar each.
    above = 1.09 if scale.extend in ("max", "both") else 1.03
    below = -0.09 if scale.extend in ("min", "both") else -0.03
    bar.ax.text(0.5, above, f"max {value_label(scale.largest)}", va="bottom", **small)
    bar.ax.text(0.5, below, f"min {value_label(scale.smallest)}", va="top", **small)
    return bar


def _draw_earth(panel: Any, view: View, coast: bool) -> None:
    """Coastlines, graticule with degrees, and the edge, which becomes `panel.map_edge` and clips."""
    plotting = require("matplotlib", EXTRA, "plotting")
    patches, collections = require("matplotlib.patches", EXTRA, "plotting"), plotting.collections
    edge = view.outline()
    ink = plotting.rcParams["axes.edgecolor"]
    panel.map_edge = patches.Polygon(edge, closed=True, fill=False, ec=ink, lw=0.8, zorder=4)
    panel.add_patch(panel.map_edge)
    drawn = [collections.LineCollection(_graticule(view), colors=_GRAY, linewidths=0.4, alpha=0.8, zorder=2.2)]
    if coast:
        drawn.append(collections.LineCollection(_coast_on(view), colors="black", linewidths=0.5, zorder=2.5))
        drawn[-1].set_path_effects(_rim(1.1, 0.5))
    for lines in drawn:
        panel.add_collection(lines, autolim=False)
        lines.set_clip_path(panel.map_edge)
    low, high = edge.min(0), edge.max(0)
    margin = 0.005 * (high - low)
    panel.set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(low[1] - margin[1], high[1] + margin[1]))
    panel.set_aspect("equal")
    panel.set_axis_off()
    _label_graticule(panel, view)


def _coast_on(view: View) -> list[np.ndarray]:
    """Coastlines on the map, cut where they leave it on one side and come back on the other."""
    out = []
    for line in coastlines():
        longitude, latitude = view.relative(line[:, 0]), line[:, 1]
        away = np.abs(np.diff(longitude)) > 180
        if not view.whole:
            # About the centers of these maps a line may pass the meridian opposite.
            away = np.zeros(away.shape, bool)
            far = view.distance_deg(latitude, longitude) > view.drawn_deg() + 3
            away |= far[1:] | far[:-1]
        points = np.stack(view.forward(latitude, longitude), 1)
        out += [piece for piece in np.split(points, np.flatnonzero(away) + 1) if len(piece) > 1]
    return out


def _graticule(view: View) -> list[np.ndarray]:
    """Meridians and parallels on the map."""
    step = _step(view)
    around = np.linspace(-180, 180, 361)
    lines = [(np.full(361, float(at)), around) for at in range(-90 + step, 90, step)]
    for at in view.relative(np.arange(-180, 180, step)):
        # Only every third one goes to the poles, where they meet.
        end = 90.0 if at % (3 * step) == 0 else 90.0 - step
        lines.append((np.linspace(-end, end, 361), np.full(361, at)))
    out = []
    for latitude, longitude in lines:
        points = np.stack(view.forward(latitude, longitude), 1)
        seen = np.ones(361, bool) if view.whole else view.distance_deg(latitude, longitude) <= view.drawn_deg() + 3
        cuts = np.flatnonzero(np.diff(seen.astype(int))) + 1
        pieces = zip(np.split(points, cuts), np.split(seen, cuts), strict=True)
        out += [piece for piece, shown in pieces if shown[0] and len(piece) > 1]
    return out


def _step(view: View) -> int:
    """Distance of meridians and of parallels [degrees]."""
    return 30 if view.whole or (view.radius_deg or 0) > 50 else 15 if (view.radius_deg or 0) > 20 else 5


def _label_graticule(panel: Any, view: View) -> None:
    style: dict[str, Any] = {"fontsize": 7, "clip_on": False}
    if view.whole:
        # On a map with a round edge the text stands beside the bulge below it.
        away = 0.05 if view.projection == "equirectangular" else 0.14
        for at in range(-60, 61, 30):
            x, y = view.forward(np.array(float(at)), np.array(-180.0))
            panel.text(float(x) - away, float(y), _degrees(at, "N", "S"), ha="right", va="center", **style)
        for at in range(-120, 121, 60):
            x, y = view.forward(np.array(-90.0), np.array(float(at)))
            if view.projection == "equirectangular":
                shown = round(float(np.mod(at + view.longitude_deg + 180, 360) - 180))
                panel.text(float(x), float(y) - 0.05, _degrees(shown, "E", "W"), ha="center", va="top", **style)
    elif view.projection == "polar_stereographic":
        # The one at the top would stand on the heading.
        for at in (value for value in range(-180, 180, 60) if abs(view.relative(np.array(value))) < 179):
            reach = view.latitude_deg - np.sign(view.latitude_deg) * ((view.radius_deg or 0) + 4)
            x, y = view.forward(np.array(reach), np.array(at - view.longitude_deg))
            panel.text(float(x), float(y), _degrees(at, "E", "W"), ha="center", va="center", **style)


def _degrees(value: int, positive: str, negative: str) -> str:
    hemisphere = "" if value in (0, -180, 180) else positive if value > 0 else negative
    return f"{abs(value)}°{hemisphere}"


def _rim(width: float, alpha: float = 0.8) -> list[Any]:
    effects = require("matplotlib.patheffects", EXTRA, "plotting")
    return [effects.withStroke(linewidth=width, foreground="white", alpha=alpha)]


def _zoom(view: View) -> float:
    """Spacing of arrows relative to that on a map of the globe."""
    return 1.0 if view.whole else min((view.radius_deg or 90.0) / 90.0, 1.0)


def _on_map(
    view: View, latitude: np.ndarray, longitude: np.ndarray, east: np.ndarray, north: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Arrows along the flow on the map: air moves by (u/cos φ, v) in longitude and latitude; lengths are kept."""
    speed = np.hypot(east, north)
    unit = np.maximum(speed, 1e-30)
    step = np.degrees(_BEHIND)
    along = step * east / unit / np.maximum(np.cos(np.radians(latitude)), 1e-6)
    up = step * north / unit
    ahead = view.forward(latitude + up, longitude + along)
    behind = view.forward(latitude - up, longitude - along)
    dx, dy = ahead[0] - behind[0], ahead[1] - behind[1]
    stretch = speed / np.maximum(np.hypot(dx, dy), 1e-30)
    return dx * stretch, dy * stretch


def _arrow_places(grid: Grid, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the arrows: evenly spread on the sphere, none on poles, where there is no direction."""
    spacing = np.degrees(_ARROW_SPACING) * _zoom(view)
    places = []
    for row in _every(grid.nlat, 180.0, spacing):
        cosine = float(np.cos(np.radians(grid.latitude_deg[row])))
        if cosine > 0.05:
            places += [(row, column) for column in _every(grid.nlon, 360.0 * cosine, spacing)]
    rows, columns = np.transpose(places)
    if not view.whole:
        near = view.distance_deg(grid.latitude_deg[rows], view.relative(grid.longitude_deg)[columns])
        x, y = view.forward(grid.latitude_deg[rows], view.relative(grid.longitude_deg)[columns])
        edge = view.outline()
        inside = (near < view.drawn_deg() - 1) & (np.abs(x) < edge[:, 0].max()) & (np.abs(y) < edge[:, 1].max())
        rows, columns = rows[inside], columns[inside]
    return rows, columns


def _every(count: int, degrees: float, spacing: float) -> np.ndarray:
    """Evenly spaced positions among `count`, as many as there are spacings of arrows in an extent [degrees]."""
    chosen = min(count, max(1, round(degrees / spacing)))
    return np.floor((np.arange(chosen) + 0.5) * count / chosen).astype(int)


def _cut(edges: np.ndarray, values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut the cells along an axis into parts of at most 3°, with the same values."""
    parts = np.maximum(np.ceil(np.diff(edges) / _WIDEST_DEG).astype(int), 1)
    inside = [low + (high - low) * np.arange(n) / n for low, high, n in zip(edges, edges[1:], parts, strict=False)]
    return np.concatenate([*inside, edges[-1:]]), np.repeat(values, parts, axis)


def _order(grid: Grid, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Order of rows from south to north, and of columns from the left edge of the map."""
    return np.argsort(grid.latitude_deg), np.argsort(view.relative(grid.longitude_deg))
