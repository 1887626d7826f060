"""Plots of the spheres of a molecule."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from spinharm import Grid, SpinTransform
from spinharm.optional import require
from spinnn.plots import plain

from .. import _checks
from .._model.property_model import PropertyModel
from .._model.regressor import RegressorConfig
from .._molecules import elements
from .._molecules.molecule import Molecule
from .._spheres.radial import RadialBasis
from .._spheres.representation import Representation
from .molecule_plot import draw_molecule
from .plots import make_figure

Projection = Literal["mollweide", "orthographic"]

_GRID = Grid.equiangular(121, 240)
_DISC = 241
_MOST_PANELS = 20
_MOST_COLUMNS = 4
_LINE = "#b0b0b0"


def draw_spheres(
    molecule: Molecule,
    atom: int = 0,
    *,
    powers: Sequence[int | float] = (2, 6),
    cutoff_angle: float = math.pi / 4,
    projection: Projection = "mollweide",
    model: PropertyModel | None = None,
) -> Any:
    """A figure of a molecule beside the sphere of one atom, with a row per species and a column per radial function.

    The values are those of `Representation.maps` on a grid of 121×240 points; with a model, those of the functions that
    its network sees, of coefficients with its bandlimit. They have no unit, see `RadialBasis`, and the maps of a column
    share their colours. Letters mark the directions of the other atoms of the row; the molecule and the orthographic
    projection are seen along −x, the latter shows one hemisphere.

    Args:
        molecule: At least two atoms.
        atom: Index of the central atom, from 0.
        powers: Exponents of the distance; not used with a model.
        cutoff_angle: Angle at which 5 % of a Gaussian is left [radians]; not used with a model.
        projection: `"mollweide"` or `"orthographic"`.
        model: Model whose radial basis, cutoff angle and bandlimit are drawn.

    Returns:
        A matplotlib figure.

    Raises:
        TypeError: Anything other than a molecule, numbers and a model.
        ModuleNotFoundError: matplotlib is not installed; the message names the extra to install.
        ValueError: A lone atom, an index out of range, another projection, more than 20 functions, or a model of
            another representation or without the species.

    Examples:
        >>> import numpy as np
        >>> from molsphere import Molecule, draw_spheres
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> figure = draw_spheres(water, atom=0, powers=(2,))
        >>> len(figure.axes)  # the molecule, a map of the hydrogens and its color bar
        3
    """
    _checks.option("projection", projection, ("mollweide", "orthographic"))
    _checks.instance("molecule", molecule, Molecule, "a Molecule")
    _checks.instance("model", model, (PropertyModel, type(None)), "a PropertyModel or None")
    atom, powers = _checks.integer("atom", atom), _checks.entries("powers", powers, "numbers")
    if len(powers) > _MOST_PANELS:
        raise ValueError(f"`powers` must be at most {_MOST_PANELS}, got {len(powers)}")
    if len(molecule) < 2:
        raise ValueError(f"`molecule` must have at least two atoms, got a lone {molecule.symbols[0]}")
    if not 0 <= atom < len(molecule):
        raise ValueError(f"`atom` must be 0 … {len(molecule) - 1}, got {atom}")
    if model is None:
        known = tuple(np.unique(molecule.numbers).tolist())
        representation = Representation(known, RadialBasis(tuple(powers)), grid=_GRID, cutoff_angle=cutoff_angle)
    else:
        representation = _representation_of(model)
    return _figure(molecule, atom, representation, projection)


def _representation_of(model: PropertyModel) -> Representation:
    config = model.config
    found = config.make_representation() if isinstance(config, RegressorConfig) else None
    if not isinstance(found, Representation):
        kind = getattr(config, "representation", type(config).__name__)
        raise ValueError(
            f"`model` must see atoms through a `RadialBasis` (representation 'coefficients' or 'grid'), got {kind!r}; "
            f"without a model `powers` are drawn"
        )
    if len(found.radial) > _MOST_PANELS:
        raise ValueError(f"`model` must have at most {_MOST_PANELS} radial functions, got {len(found.radial)}")
    if found.grid is not None:
        found = Representation(found.species, found.radial, grid=_GRID, cutoff_angle=found.cutoff_angle)
    return found


def _fields(molecule: Molecule, atom: int, representation: Representation) -> np.ndarray:
    """Maps of an atom's sphere, shape (lat, lon, species, functions)."""
    positions = (molecule.positions - molecule.positions[atom]).astype(np.float32)
    if representation.bandlimit is None:
        maps = np.asarray(representation.maps(positions, molecule.numbers))[atom]
    else:
        coefficients = representation.coefficients(positions, molecule.numbers)[atom]
        transform = SpinTransform(_GRID, representation.bandlimit, (0,))
        maps = np.asarray(transform.inverse(coefficients, real=True))
    return maps[:, :, 0].reshape(*_GRID.shape, len(representation.species), len(representation.radial))


def _figure(molecule: Molecule, atom: int, representation: Representation, projection: Projection) -> Any:
    fields = _fields(molecule, atom, representation)
    others = np.delete(np.arange(len(molecule)), atom)
    species = tuple(np.unique(molecule.numbers[others]).tolist())
    positions = molecule.positions - molecule.positions[atom]
    direction = positions[others] / np.linalg.norm(positions[others], axis=-1, keepdims=True)
    labels = _labels(representation.radial)
    rows, columns = len(species), min(len(labels), _MOST_COLUMNS)
    blocks = -(-len(labels) // columns)
    figure = make_figure(2.6 + 3.0 * columns, 0.8 + 1.75 * rows * blocks)
    places = figure.add_gridspec(rows * blocks, 1 + columns, width_ratios=[0.8] + [1.0] * columns)
    left = figure.add_subplot(places[:rows, 0])
    draw_molecule(left, molecule, atom)
    options = {"projection": "mollweide"} if projection == "mollweide" else {}
    colours = require("matplotlib", "molsphere[plot]", "plotting").colormaps["magma"]
    draw = _mollweide if projection == "mollweide" else _orthographic
    for column, (title, unit) in enumerate(labels):
        shown = [representation.species.index(z) for z in species]
        largest = float(fields[:, :, shown, column].max()) or 1.0
        block, place = divmod(column, columns)
        panels = [figure.add_subplot(places[rows * block + row, 1 + place], **options) for row in range(rows)]
        for panel, z in zip(panels, species, strict=True):
            same = molecule.numbers[others] == z
            values = fields[:, :, representation.species.index(z), column]
            mesh = draw(panel, values, direction[same], elements.symbols()[z], colours, largest)
            panel.set_title(f"{elements.symbols()[z]}, {title}", fontsize=9)
        figure.colorbar(mesh, ax=panels, shrink=0.8, pad=0.03, aspect=20, label=unit)
    where = f"{molecule.symbols[atom]} (atom {atom})"
    figure.suptitle(plain(f"{molecule.name or molecule.formula}: sphere of {where}"), fontsize=10)
    return figure


def _labels(radial: RadialBasis) -> list[tuple[str, str]]:
    """Title and unit of each function of a radial basis."""
    powers = [(f"power {p:g}", f"1 for the heaviest pair\nat {radial.min_distance:.3g} Å") for p in radial.powers]
    gaussians = [(f"distance {c:g} ± {w:g} Å", "share of an atom\nat this distance") for c, w in radial.gaussians]
    return powers + gaussians


def _letters(panel: Any, x: np.ndarray, y: np.ndarray, symbol: str) -> None:
    effects = require("matplotlib.patheffects", "molsphere[plot]", "plotting")
    for at in zip(x, y, strict=True):
        text = panel.text(*at, symbol, ha="center", va="center", fontsize=8, color="white", fontweight="bold")
        text.set_path_effects([effects.withStroke(linewidth=1.8, foreground="black")])


def _mollweide(panel: Any, values: np.ndarray, direction: np.ndarray, symbol: str, colours: Any, largest: float) -> Any:
    half = _GRID.nlon // 2
    longitude = np.linspace(-np.pi, np.pi, _GRID.nlon + 1)
    rolled = np.roll(values, half, axis=1)
    closed = np.concatenate([rolled, rolled[:, :1]], axis=1)
    latitude = np.pi / 2 - _GRID.colatitude
    mesh = panel.pcolormesh(
        longitude, latitude, closed, shading="gouraud", cmap=colours, vmin=0, vmax=largest, rasterized=True
    )
    theta, phi = np.arcsin(np.clip(direction[:, 2], -1, 1)), np.arctan2(direction[:, 1], direction[:, 0])
    _letters(panel, phi, theta, symbol)
    panel.set_xticks(np.radians(np.arange(-120, 121, 60)), [])
    panel.set_yticks(np.radians(np.arange(-60, 61, 30)), [])
    panel.grid(visible=True, color=_LINE, lw=0.4, alpha=0.7)
    return mesh


def _orthographic(
    panel: Any, values: np.ndarray, direction: np.ndarray, symbol: str, colours: Any, largest: float
) -> Any:
    """The hemisphere x > 0: y to the right, z upwards."""
    across = np.linspace(-1, 1, _DISC)
    y, z = np.meshgrid(across, across)
    inside = y**2 + z**2 <= 1
    x = np.sqrt(np.maximum(1 - y**2 - z**2, 0))
    ring = np.rint(np.arccos(np.clip(z, -1, 1)) / np.pi * (_GRID.nlat - 1)).astype(int)
    column = np.rint(np.arctan2(y, x) / (2 * np.pi) * _GRID.nlon).astype(int) % _GRID.nlon
    picture = np.where(inside, values[ring, column], np.nan)
    mesh = panel.imshow(picture, extent=(-1, 1, -1, 1), origin="lower", cmap=colours, vmin=0, vmax=largest)
    seen = direction[direction[:, 0] > 0]
    _letters(panel, seen[:, 1], seen[:, 2], symbol)
    angle = np.radians(np.arange(-90, 91, 3))
    for latitude in np.radians(np.arange(-60, 61, 30)):
        panel.plot(np.cos(latitude) * np.sin(angle), np.full(angle.size, np.sin(latitude)), color=_LINE, lw=0.4)
    for longitude in np.radians(np.arange(-60, 61, 30)):
        panel.plot(np.cos(angle) * np.sin(longitude), np.sin(angle), color=_LINE, lw=0.4)
    panel.set_axis_off()
    return mesh
