"""Spin-weighted spherical harmonic transforms and Wigner functions in JAX, exact on any latitude-longitude grid."""

from typing import TYPE_CHECKING

from . import optional as _optional
from .__about__ import __version__ as __version__

# Modules are imported when a name of theirs is asked for: the command line starts at once, without JAX.
if TYPE_CHECKING:
    from . import convert as convert
    from ._arrays.cache import clear_tables as clear_tables, limit_tables as limit_tables
    from ._arrays.jit import jit as jit
    from ._coefficients.calculus import (
        Helmholtz as Helmholtz,
        divergence as divergence,
        eth as eth,
        ethbar as ethbar,
        gradient as gradient,
        helmholtz as helmholtz,
        inverse_laplacian as inverse_laplacian,
        laplacian as laplacian,
        vorticity as vorticity,
    )
    from ._coefficients.rotation import rotate as rotate
    from ._coefficients.spectra import cross_spectrum as cross_spectrum, power_spectrum as power_spectrum
    from ._coefficients.wigner import (
        spin_weighted_harmonics as spin_weighted_harmonics,
        wigner_D as wigner_D,
        wigner_d as wigner_d,
        wigner_delta as wigner_delta,
    )
    from ._coefficients.wind import spin_to_wind as spin_to_wind, wind_to_spin as wind_to_spin
    from ._grids.grid import Grid as Grid
    from ._products.apply import Parts as Parts
    from ._products.features import mix_channels as mix_channels
    from ._products.product import powers as powers, product as product
    from ._products.tensor_product import TensorProduct as TensorProduct
    from ._products.weights import Factors as Factors
    from ._transform.resample import change_bandlimit as change_bandlimit, evaluate as evaluate, resample as resample
    from ._transform.transform import SpinTransform as SpinTransform, forward as forward, inverse as inverse
else:
    __getattr__, __dir__, __all__ = _optional.names_on_demand(__name__)
