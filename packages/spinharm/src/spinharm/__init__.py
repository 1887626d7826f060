"""Spin-weighted spherical harmonic transforms and Wigner functions in JAX, exact on any latitude-longitude grid."""

from .__about__ import __version__ as __version__
from ._grid import Grid as Grid
from ._jit import jit as jit
from ._linear import clear_tables as clear_tables
from ._rotation import rotate as rotate
from ._transform import SpinTransform as SpinTransform, forward as forward, inverse as inverse
from ._wigner import (
    spin_weighted_harmonics as spin_weighted_harmonics,
    wigner_D as wigner_D,
    wigner_d as wigner_d,
    wigner_delta as wigner_delta,
)
