"""Spectra by spherical harmonic degree of fields and winds."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np
import xarray as xr

import spinharm
from spinharm import Grid, SpinTransform

from .. import _checks
from .._conventions.grids import grid_of
from .._conventions.names import LATITUDE, LONGITUDE, WINDS
from .._fields.poles import rebuild_poles
from .._files.open import check_variables

# Maps transformed together.
_MAPS_PER_BLOCK = 64


def power_spectra(
    dataset: xr.Dataset, variables: Sequence[str] | None = None, *, bandlimit: int | None = None
) -> xr.Dataset:
    """Power by degree of scalars, and kinetic energy by degree of winds.

    Of a scalar f with coefficients a_lm: S_l = Σ_m |a_lm|² / 4π, whose sum over l is the mean square of f. Of a wind,
    with coefficients of its spin-1 field: E_l = Σ_m |w_lm|² / 8π, whose sum is the mean kinetic energy per mass,
    ½ mean(u² + v²); rows on the poles are rebuilt first. Degree l has wavelength 2πa/√(l(l+1)).

    Args:
        dataset: Fields with latitude and longitude; all other dimensions are kept. Read into memory.
        variables: Names; default all fields. Two components of a wind give their own spectra and that of the wind.
        bandlimit: Degrees 0 … bandlimit − 1; default what the grid resolves.

    Returns:
        Dataset with a dimension `degree` in place of latitude and longitude: `<name>` in (unit)², and `wind` or
        `10m_wind` in m²/s². float64 numbers with the precision of float32, unless JAX's 64-bit types are on.

    Raises:
        ValueError: A variable that is missing, an unknown grid, or a bandlimit above the grid's.

    Examples:
        >>> from spinharm import Grid
        >>> from wxsphere import constant_fields, power_spectra
        >>> fields = constant_fields(Grid.equiangular(8, 16))
        >>> power_spectra(fields, ["sine_of_latitude"], bandlimit=3).sine_of_latitude.values.round(3)
        array([0.   , 0.333, 0.   ])
    """
    _checks.dataset("dataset", dataset)
    grid = grid_of(dataset)
    if variables is None:
        fields = dataset.data_vars.items()
        variables = sorted(str(name) for name, field in fields if {LATITUDE, LONGITUDE} <= set(field.dims))
    names = check_variables("variables", variables, dataset)
    _checks.real_fields("dataset", dataset, names)
    bandlimit = grid.max_bandlimit if bandlimit is None else _checks.integer("bandlimit", bandlimit, 2)
    if bandlimit > grid.max_bandlimit:
        raise ValueError(f"`bandlimit` must be at most {grid.max_bandlimit}, which {grid} resolves, got {bandlimit}")
    out = xr.Dataset(coords={"degree": np.arange(bandlimit)})
    for name in names:
        field = dataset[name].transpose(..., LATITUDE, LONGITUDE)
        out[name] = _labelled(_spectrum(np.asarray(field.values), grid, bandlimit, 0), field)
    for wind, parts in WINDS.items():
        if all(part in names for part in parts):
            u, v = (dataset[part].transpose(..., LATITUDE, LONGITUDE) for part in parts)
            turned = -np.asarray(v.transpose(*u.dims).values) + 1j * np.asarray(u.values)
            maps = rebuild_poles(turned, grid, spin=1)
            out[wind] = _labelled(_spectrum(maps, grid, bandlimit, 1) / 2, u)
    return out


def _labelled(values: np.ndarray, like: xr.DataArray) -> xr.DataArray:
    dims = like.dims[:-2]
    coords = {dim: like.coords[dim] for dim in dims if dim in like.coords}
    return xr.DataArray(values, dims=(*dims, "degree"), coords=coords)


def _spectrum(maps: np.ndarray, grid: Grid, bandlimit: int, spin: int) -> np.ndarray:
    """Σ_m |a_lm|² / 4π of maps (*batch, lat, lon), shape (*batch, degree)."""
    wide = jax.config.read("jax_enable_x64")
    kind = {(0, False): "float32", (0, True): "float64", (1, False): "complex64", (1, True): "complex128"}[spin, wide]
    batch = maps.shape[:-2]
    flat = maps.reshape(-1, *grid.shape)
    transform = SpinTransform(grid, bandlimit, (spin,))
    out = np.empty((flat.shape[0], bandlimit))
    for begin in range(0, flat.shape[0], _MAPS_PER_BLOCK):
        part = flat[begin : begin + _MAPS_PER_BLOCK]
        # Geopotential is a small variation of a large mean: transformed apart, float32 keeps the variation.
        mean = part.mean((-2, -1), keepdims=True, dtype=np.float64) if spin == 0 else np.zeros((part.shape[0], 1, 1))
        columns = np.moveaxis(part - mean, 0, -1)[:, :, None, :].astype(kind)
        coeffs = np.array(transform.forward(columns))
        coeffs[0, bandlimit - 1, 0] += (np.sqrt(4 * np.pi) * mean[:, 0, 0]).astype(coeffs.dtype)
        spectrum = spinharm.power_spectrum(coeffs, normalization="mean", axis=0)
        out[begin : begin + part.shape[0]] = np.asarray(spectrum)[:, 0].T
    return out.reshape(*batch, bandlimit)
