"""The picture of `spinharm demo`: two winds, a vorticity and a spectrum."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from ..optional import require
from .demo import ANGLES_DEG, PAINTED_GRID, Demo

_VECTOR_SPACING_DEG = 14.0
_GREY = "0.35"


def draw(demo: Demo) -> Any:
    """A matplotlib figure of a demo's results.

    Raises:
        ModuleNotFoundError: matplotlib is not installed; the message names the extra that brings it.
    """
    colours = require("matplotlib", "spinharm[plot]", "the picture").colormaps
    Figure = require("matplotlib.figure", "spinharm[plot]", "the picture").Figure
    figure = Figure(figsize=(12.5, 6.6), dpi=100, layout="constrained")
    panels = figure.subplots(2, 2)
    grid = demo.wind.grid
    fastest = float(np.ceil(max(np.hypot(*demo.painted).max(), 1e-3) / 5) * 5)
    angles = ", ".join(f"{name} = {angle:g}°".replace("-", "−") for name, angle in zip("αβγ", ANGLES_DEG, strict=True))
    for panel, wind, title in (
        (panels[0, 0], demo.painted, f"Wind from a {grid.nlat}×{grid.nlon} grid, bandlimit {demo.bandlimit}"),
        (panels[0, 1], demo.rotated, f"The same wind, rotated by {angles}"),
    ):
        mesh = _map(panel, np.hypot(*wind), cmap=colours["viridis"].resampled(28), vmin=0.0, vmax=fastest)
        _vectors(panel, *wind, fastest)
        panel.set_title(title)
        figure.colorbar(mesh, ax=panel, label="wind speed [m/s]", shrink=0.85, pad=0.02)
    vorticity = demo.vorticity * 1e5
    largest = float(np.quantile(np.abs(vorticity), 0.998)) or 1.0
    mesh = _map(panels[1, 0], vorticity, cmap=colours["RdBu_r"].resampled(31), vmin=-largest, vmax=largest)
    panels[1, 0].set_title("Relative vorticity of the wind")
    figure.colorbar(
        mesh, ax=panels[1, 0], label=r"vorticity [$10^{-5}\,$s$^{-1}$]", shrink=0.85, pad=0.02, extend="both"
    )
    _spectrum(panels[1, 1], demo)
    return figure


def save(figure: Any, path: Path) -> None:
    """Write a figure as a PNG file of 256 colours, a quarter of the size of a full-colour file."""
    full = io.BytesIO()
    figure.savefig(full, format="png")
    image = require("PIL.Image", "spinharm[plot]", "the picture")
    image.open(full).convert("RGB").quantize(256, kmeans=1, dither=image.Dither.NONE).save(path, "png", optimize=True)


def _mollweide(latitude: np.ndarray | float, longitude: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Equal-area map of latitude and longitude in −180 … 180 [degrees]; the globe is 4 wide and 2 high."""
    phi = np.radians(np.clip(latitude, -90, 90))
    angle = np.array(phi)
    for _ in range(30):
        slope = 2 + 2 * np.cos(2 * angle)
        step = (2 * angle + np.sin(2 * angle) - np.pi * np.sin(phi)) / np.maximum(slope, 1e-9)
        angle = np.clip(angle - step, -np.pi / 2, np.pi / 2)
    angle = np.where(np.abs(latitude) >= 90, phi, angle)
    return np.asarray(longitude / 90 * np.cos(angle)), np.asarray(np.sin(angle))


def _map(panel: Any, values: np.ndarray, **style: Any) -> Any:
    """Paint a map on `PAINTED_GRID`, whose first column is the prime meridian."""
    latitude = PAINTED_GRID.latitude_deg
    latitude = np.array([90.0, *(latitude[1:] + latitude[:-1]) / 2, -90.0])
    nlon = PAINTED_GRID.nlon
    longitude = np.clip(360 * (np.arange(nlon + 2) - 0.5) / nlon - 180, -180, 180)
    x, y = _mollweide(*np.meshgrid(latitude, longitude, indexing="ij"))
    # The column on the date line is painted in two halves, one at each end.
    columns = np.roll(values, nlon // 2, axis=1)
    mesh = panel.pcolormesh(x, y, np.concatenate([columns, columns[:, :1]], axis=1), rasterized=True, **style)
    panel.set_aspect("equal")
    panel.axis("off")
    along = np.linspace(-90, 90, 181)
    for meridian in range(-180, 181, 60):
        edge = abs(meridian) == 180
        panel.plot(*_mollweide(along, np.full(181, float(meridian))), color=_GREY, lw=1.0 if edge else 0.4)
        if not edge:
            panel.text(
                meridian / 90, -1.03, _degrees(meridian, "E", "W"), ha="center", va="top", fontsize=9, color=_GREY
            )
    for parallel in range(-60, 61, 30):
        x, y = _mollweide(np.full(2, float(parallel)), np.array([-180.0, 180.0]))
        panel.plot(x, y, color=_GREY, lw=0.4)
        away = 0.04 + 0.08 * abs(parallel) / 60
        panel.text(x[0] - away, y[0], _degrees(parallel, "N", "S"), ha="right", va="center", fontsize=9, color=_GREY)
    panel.set_xlim(-2.25, 2.02)
    panel.set_ylim(-1.14, 1.02)
    return mesh


def _degrees(value: int, positive: str, negative: str) -> str:
    return f"{abs(value)}°" + (positive if value > 0 else negative if value < 0 else "")


def _vectors(panel: Any, u: np.ndarray, v: np.ndarray, fastest: float) -> None:
    """Arrows along the wind, evenly spread over the area, each a small step of the wind in the map's own projection."""
    points, arrows = [], []
    step = 1e-3 / fastest
    for ring in range(15, PAINTED_GRID.nlat - 1, 15):
        latitude = PAINTED_GRID.latitude_deg[ring]
        width = np.cos(np.radians(latitude))
        count = max(int(360 * width / _VECTOR_SPACING_DEG), 4)
        for place in np.arange(count) + 0.5:
            column = round(place / count * PAINTED_GRID.nlon)
            longitude = float(PAINTED_GRID.longitude_deg[column])
            longitude -= 360 if longitude > 180 else 0
            here = _mollweide(latitude, longitude)
            there = _mollweide(latitude + step * v[ring, column], longitude + step * u[ring, column] / width)
            points.append(here)
            arrows.append((np.array(there) - here) / (step * fastest))
    (x, y), (dx, dy) = np.transpose(points), np.transpose(arrows)
    panel.quiver(
        x, y, dx, dy, color="white", angles="xy", scale_units="xy", scale=0.06, width=0.003, headwidth=3.6,
        headlength=4.2, headaxislength=3.8, minlength=1.2, pivot="mid",
    )  # fmt: skip


def _spectrum(panel: Any, demo: Demo) -> None:
    degree = np.arange(1, demo.bandlimit)
    rotational, divergent = demo.rotational[1:], demo.divergent[1:]
    for values, colour, label in (
        (rotational + divergent, "0.15", "kinetic energy"),
        (rotational, "#0072b2", "rotational part"),
        (divergent, "#d55e00", "divergent part"),
    ):
        panel.loglog(degree, values, color=colour, lw=2.2 if colour == "0.15" else 1.3, label=label)
    if demo.bandlimit > 40:
        reference = np.array([20.0, demo.bandlimit - 1.0])
        at = float((rotational + divergent)[19])
        panel.loglog(reference, 2.5 * at * (reference / 20) ** -3, color=_GREY, ls="--", lw=1, label=r"$\ell^{-3}$")
    panel.set_box_aspect(0.52)
    panel.set_xlabel(r"degree $\ell$")
    panel.set_ylabel(r"kinetic energy per degree [m$^2$ s$^{-2}$]")
    panel.set_title("Energy spectrum")
    panel.grid(visible=True, which="major", color="0.85", lw=0.6)
    panel.legend(frameon=False)
    panel.spines[["top", "right"]].set_visible(False)
