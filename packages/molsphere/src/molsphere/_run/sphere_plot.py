"""Plots of the spheres of a molecule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from spinharm import Grid
from spinharm.optional import require
from spinnn.plots import plain

from .. import _checks
from .._molecules import elements
from .._molecules.molecule import Molecule
from .._spheres.radial import RadialBasis
from .._spheres.representation import Representation
from .plots import make_figure

Projection = Literal["mollweide", "orthographic"]

_GRID = Grid.equiangular(121, 240)
_DISC = 241
_MOST_PANELS = 20


def draw_spheres(
    molecule: Molecule,
    atom: int = 0,
    *,
    powers: Sequence[int | float] = (2, 6),
    cutoff_angle: float = math.pi / 4,
    projection: Projection = "mollweide",
) -> Any:
    """A figure of the sphere of one atom: a map per channel, with a row per species and a column per power.

    The values are those of `Representation.maps` on a grid of 121×240 points. Circles mark the directions of the other
    atoms; the orthographic projection, seen along −x, shows one hemisphere.

    Args:
        molecule: At least two atoms.
        atom: Index of the central atom, from 0.
        powers: Exponents of the distance.
        cutoff_angle: Angle at which 5 % of a Gaussian is left [radians].
        projection: `"mollweide"` or `"orthographic"`.

    Returns:
        A matplotlib figure.

    Raises:
        TypeError: Anything other than a molecule and numbers.
        ModuleNotFoundError: matplotlib is not installed; the message names the extra to install.
        ValueError: A lone atom, an index out of range, or another projection.

    Examples:
        >>> import numpy as np
        >>> from molsphere import Molecule, draw_spheres
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> figure = draw_spheres(water, atom=0, powers=(2,))
        >>> len(figure.axes)  # a map of the hydrogens and its color bar
        2
    """
    _checks.option("projection", projection, ("mollweide", "orthographic"))
    _checks.instance("molecule", molecule, Molecule, "a Molecule")
    atom, powers = _checks.integer("atom", atom), _checks.entries("powers", powers, "numbers")
    if len(powers) > _MOST_PANELS:
        raise ValueError(f"`powers` must be at most {_MOST_PANELS}, got {len(powers)}")
    if len(molecule) < 2:
        raise ValueError(f"`molecule` must have at least two atoms, got a lone {molecule.symbols[0]}")
    if not 0 <= atom < len(molecule):
        raise ValueError(f"`atom` must be 0 … {len(molecule) - 1}, got {atom}")
    others = np.delete(np.arange(len(molecule)), atom)
    species = tuple(np.unique(molecule.numbers[others]).tolist())
    known = tuple(np.unique(molecule.numbers).tolist())
    positions = (molecule.positions - molecule.positions[atom]).astype(np.float32)
    representation = Representation(known, RadialBasis(tuple(powers)), grid=_GRID, cutoff_angle=cutoff_angle)
    maps = representation.maps(positions, molecule.numbers)
    fields = np.asarray(maps)[atom, :, :, 0].reshape(*_GRID.shape, len(known), len(powers))
    direction = positions[others] / np.linalg.norm(positions[others], axis=-1, keepdims=True)
    figure = make_figure(1.0 + 3.7 * len(powers), 0.6 + 2.1 * len(species))
    options = {"projection": "mollweide"} if projection == "mollweide" else {}
    panels = figure.subplots(len(species), len(powers), squeeze=False, subplot_kw=options)
    colours = require("matplotlib", "molsphere[plot]", "plotting").colormaps["magma"]
    for row, z in enumerate(species):
        same = molecule.numbers[others] == z
        for column, power in enumerate(powers):
            panel = panels[row, column]
            values = fields[:, :, known.index(z), column]
            draw = _mollweide if projection == "mollweide" else _orthographic
            mesh = draw(panel, values, direction[same], colours)
            figure.colorbar(mesh, ax=panel, shrink=0.8, pad=0.03)
            panel.set_title(f"{elements.symbols()[z]}, power {power:g}", fontsize=9)
    where = f"{molecule.symbols[atom]} (atom {atom})"
    figure.suptitle(plain(f"{molecule.name or molecule.formula}: sphere of {where}"), fontsize=10)
    return figure


def _mollweide(panel: Any, values: np.ndarray, direction: np.ndarray, colours: Any) -> Any:
    half = _GRID.nlon // 2
    longitude = np.linspace(-np.pi, np.pi, _GRID.nlon + 1)
    rolled = np.roll(values, half, axis=1)
    closed = np.concatenate([rolled, rolled[:, :1]], axis=1)
    latitude = np.pi / 2 - _GRID.colatitude
    mesh = panel.pcolormesh(longitude, latitude, closed, shading="gouraud", cmap=colours, vmin=0, rasterized=True)
    theta, phi = np.arcsin(np.clip(direction[:, 2], -1, 1)), np.arctan2(direction[:, 1], direction[:, 0])
    panel.plot(phi, theta, "o", ms=4, mfc="none", mec="#4dd2ff", mew=1.1)
    panel.set_xticks([])
    panel.set_yticks([])
    return mesh


def _orthographic(panel: Any, values: np.ndarray, direction: np.ndarray, colours: Any) -> Any:
    """The hemisphere x > 0: y to the right, z upwards."""
    across = np.linspace(-1, 1, _DISC)
    y, z = np.meshgrid(across, across)
    inside = y**2 + z**2 <= 1
    x = np.sqrt(np.maximum(1 - y**2 - z**2, 0))
    ring = np.rint(np.arccos(np.clip(z, -1, 1)) / np.pi * (_GRID.nlat - 1)).astype(int)
    column = np.rint(np.arctan2(y, x) / (2 * np.pi) * _GRID.nlon).astype(int) % _GRID.nlon
    picture = np.where(inside, values[ring, column], np.nan)
    mesh = panel.imshow(picture, extent=(-1, 1, -1, 1), origin="lower", cmap=colours, vmin=0)
    seen = direction[direction[:, 0] > 0]
    panel.plot(seen[:, 1], seen[:, 2], "o", ms=4, mfc="none", mec="#4dd2ff", mew=1.1)
    panel.set_axis_off()
    return mesh
