"""Points of a grid around an atom."""

from __future__ import annotations

import jax
import numpy as np

from spinharm import Grid


def unit_vectors(grid: Grid) -> np.ndarray:
    """Points of a grid as unit vectors, (lat · lon, 3), float64."""
    theta, phi = np.meshgrid(grid.colatitude, grid.longitude, indexing="ij")
    return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], -1).reshape(-1, 3)


def as_maps(values: jax.Array, grid: Grid) -> jax.Array:
    """Maps (…, lat, lon, 1, channel) of values (…, lat · lon, channel) at `unit_vectors`."""
    return values.reshape(*values.shape[:-2], *grid.shape, 1, values.shape[-1])
