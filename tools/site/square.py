"""Draw the commuting square of equivariance: rotate and compute, compute and rotate.

    python tools/site/square.py                  writes packages/spinnn/docs/images/square.png

A field of random scales goes through two layers of a network with random weights.
"""

from __future__ import annotations

from pathlib import Path

import jax
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Circle, FancyArrowPatch

import spinharm
from spinharm import Grid
from spinnn import PhaseCollapse, SpinConv
from spinnn.testing import random_coefficients

OUT = Path(__file__).resolve().parents[2] / "packages/spinnn/docs/images/square.png"
L, GRID, ANGLES = 8, Grid.gauss_legendre(32), (0.5, 1.2, -0.4)
GLOBE = (0.7, 0.6)  # where the viewer stands: longitude, latitude [radians]


def network(maps: jax.Array) -> jax.Array:
    """Two convolutions and the modulus between them, from a scalar field to another."""
    keys = jax.random.split(jax.random.key(3), 3)
    first = SpinConv((0,), (0, 1), 1, 8, bandlimit=L, grid_in=GRID, grid_out=GRID, key=keys[0])
    last = SpinConv((0, 1), (0,), 8, 1, bandlimit=2 * L, grid_in=GRID, grid_out=GRID, key=keys[2])
    return last(PhaseCollapse((0, 1), 8, key=keys[1])(first(maps))).real


def rotated(maps: jax.Array) -> jax.Array:
    """The field, rotated; exact, as the grid resolves four times its degrees."""
    coeffs = spinharm.forward(maps[..., 0, 0], GRID)
    return spinharm.inverse(spinharm.rotate(coeffs, *ANGLES), GRID).real[..., None, None]


def globe(field: jax.Array, size: int = 240) -> np.ndarray:
    """A field as seen from far away, NaN beside the sphere."""
    right, up = np.meshgrid(np.linspace(-1, 1, size), np.linspace(1, -1, size))
    front = np.sqrt(np.maximum(1 - right**2 - up**2, 0))
    longitude, latitude = GLOBE
    z = up * np.cos(latitude) + front * np.sin(latitude)
    outward = front * np.cos(latitude) - up * np.sin(latitude)
    phi = longitude + np.arctan2(right, outward)
    coeffs = spinharm.forward(field[..., 0, 0], GRID)
    values = spinharm.evaluate(coeffs, np.arccos(np.clip(z, -1, 1)).ravel(), phi.ravel()).real
    return np.where(right**2 + up**2 <= 1, np.asarray(values).reshape(size, size), np.nan)


def main() -> None:
    """Draw the picture."""
    field = spinharm.inverse(random_coefficients(jax.random.key(1), L, (0,), 1)[..., 0, 0], GRID).real[..., None, None]
    compute = spinharm.jit(network)
    panels = [[field, compute(field)], [rotated(field), compute(rotated(field))]]
    difference = float(abs(rotated(panels[0][1]) - panels[1][1]).max() / abs(panels[1][1]).max())
    print(f"largest difference of the two ways: {difference:.1%} of the largest value")

    figure, axes = plt.subplots(2, 2, figsize=(6.4, 6.4))
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.99, wspace=0.3, hspace=0.3)
    for row, drawn in zip(axes, panels, strict=True):
        for axis, maps, colors in zip(row, drawn, ("RdBu_r", "PuOr_r"), strict=True):
            values = globe(maps)
            largest = float(np.nanmax(abs(values)))
            axis.imshow(values, cmap=colors, vmin=-largest, vmax=largest, extent=(-1, 1, -1, 1))
            axis.add_patch(Circle((0, 0), 1, fill=False, color="gray", linewidth=0.8))
            axis.axis("off")
    arrows = (
        ((0.425, 0.76), (0.575, 0.76), "network"),
        ((0.425, 0.24), (0.575, 0.24), "network"),
        ((0.22, 0.575), (0.22, 0.425), "rotate"),
        ((0.78, 0.575), (0.78, 0.425), "rotate"),
    )
    for start, end, text in arrows:
        style = {"arrowstyle": "-|>", "mutation_scale": 18, "color": "#777777", "linewidth": 1.6}
        figure.add_artist(FancyArrowPatch(start, end, transform=figure.transFigure, **style))
        shift = (0.0, 0.02) if start[1] == end[1] else (0.02, 0.0)
        middle = ((start[0] + end[0]) / 2 + shift[0], (start[1] + end[1]) / 2 + shift[1])
        figure.text(*middle, text, color="#777777", ha="center" if shift[1] else "left", va="center", fontsize=12)
    OUT.parent.mkdir(exist_ok=True)
    figure.savefig(OUT, dpi=100, transparent=True)


if __name__ == "__main__":
    main()
