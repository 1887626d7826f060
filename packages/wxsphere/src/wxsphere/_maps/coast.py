"""Coastlines of Natural Earth at 1:110 million, in the public domain; written by `tools/coastlines.py`."""

from __future__ import annotations

import functools
import importlib.resources
import io

import numpy as np


@functools.cache
def coastlines() -> tuple[np.ndarray, ...]:
    """Lines of points (longitude, latitude) [degrees], each of shape (N, 2)."""
    data = importlib.resources.files("wxsphere").joinpath("_maps/coastlines.npz").read_bytes()
    with np.load(io.BytesIO(data)) as file:
        return tuple(np.split(file["points"] / 100.0, file["starts"][1:]))
