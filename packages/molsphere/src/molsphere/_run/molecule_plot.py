"""A molecule as circles and bonds, seen along −x."""

from __future__ import annotations

from typing import Any

import numpy as np

from spinharm.optional import require

from .._molecules import elements
from .._molecules.molecule import Molecule

_BONDED = 1.25
"""Atoms nearer than this share of the sum of their covalent radii are joined by a line."""
_COLOURS = {1: "#f2f2f2", 6: "#9a9a9a", 7: "#7fa6e8", 8: "#e8837f", 9: "#9bd18b", 16: "#e6cf63", 17: "#7fcf9a"}
_OTHERS = "#c9a6d8"


def draw_molecule(panel: Any, molecule: Molecule, atom: int) -> None:
    """Draw atoms with their elements and bonds: y to the right, z upwards, and one atom with a thick rim.

    Args:
        panel: Axes of matplotlib.
        molecule: The molecule.
        atom: Index of the atom that is marked.
    """
    patches = require("matplotlib.patches", "molsphere[plot]", "plotting")
    ink = require("matplotlib", "molsphere[plot]", "plotting").rcParams["text.color"]
    radii = elements.covalent_radii()[molecule.numbers]
    x, y, z = (molecule.positions - molecule.positions[atom]).T
    distance = np.linalg.norm(molecule.positions[:, None] - molecule.positions[None], axis=-1)
    for one, other in np.argwhere(np.triu(distance < _BONDED * (radii[:, None] + radii[None]), 1)):
        panel.plot(y[[one, other]], z[[one, other]], color="#808080", lw=2.5, zorder=min(x[one], x[other]))
    for at in np.argsort(x):
        size = 0.55 * float(radii[at])
        colour = _COLOURS.get(int(molecule.numbers[at]), _OTHERS)
        marked = at == atom
        panel.add_patch(
            patches.Circle((y[at], z[at]), size, fc=colour, ec=ink if marked else "#555555", lw=2.2 if marked else 0.8,
                           zorder=x[at] + 1e-3)
        )  # fmt: skip
        panel.text(
            y[at], z[at], molecule.symbols[at], ha="center", va="center", color="black", fontsize=8, zorder=x[at] + 2e-3
        )
    margin = 0.9
    panel.set_xlim(y.min() - margin, y.max() + margin)
    panel.set_ylim(z.min() - margin - 0.4, z.max() + margin)
    panel.set_aspect("equal")
    panel.set_axis_off()
    left, below = y.min() - 0.5, z.min() - margin
    panel.plot([left, left + 1.0], [below, below], color=ink, lw=1.5)
    panel.text(left + 0.5, below - 0.08, "1 Å", ha="center", va="top", fontsize=8)
