"""Valid calls of what `spinharm` offers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

import spinharm
from spinharm import Grid, SpinTransform, checks, convert

from .calls import Call

MODULES = ["spinharm", "spinharm.convert", "spinharm.checks", "spinharm.optional"]
LEFT_OUT: Mapping[str, str] = {}

_GRID = Grid.gauss_legendre(3, 6)
_COEFFS = (np.arange(15).reshape(3, 5) + 1j).astype("complex64")
_BATCH = np.stack([_COEFFS, 2 * _COEFFS])
_MAPS = np.linspace(0, 1, 18, dtype="float32").reshape(3, 6)
_ANGLE = np.array([0.3, 0.5], np.float32)


def _given(**arguments: Any) -> Callable[[], dict[str, Any]]:
    return lambda: dict(arguments)


def calls() -> list[Call]:
    """One valid call for each public name."""
    return [*_grids(), *_transforms(), *_operators(), *_functions(), *_converters(), *_helpers()]


def _grids() -> list[Call]:
    latitudes, longitudes = np.array(_GRID.latitude_deg), np.array(_GRID.longitude_deg)
    whole = _given(
        nlat=4, nlon=6, rule="circle", north_pole=True, south_pole=True, longitude_origin=0.0, south_first=False
    )
    return [
        Call("spinharm.Grid", Grid, whole),
        Call("spinharm.Grid.equiangular", Grid.equiangular, _given(nlat=4, nlon=6, poles=True)),
        Call("spinharm.Grid.gauss_legendre", Grid.gauss_legendre, _given(bandlimit=3, nlon=6)),
        Call("spinharm.Grid.driscoll_healy", Grid.driscoll_healy, _given(bandlimit=3, nlon=6)),
        Call("spinharm.Grid.mcewen_wiaux", Grid.mcewen_wiaux, _given(bandlimit=3, nlon=6)),
        Call("spinharm.Grid.from_latlon", Grid.from_latlon, _given(latitude_deg=latitudes, longitude_deg=longitudes)),
    ]


def _transforms() -> list[Call]:
    options = _given(
        grid=_GRID, bandlimit=3, spins=(0, 1), method="auto", fourier="auto", delta_symmetry=False,
        memory_limit=2**30, precision="highest",
    )  # fmt: skip
    pair = SpinTransform(_GRID, 3, (0, 1))
    scalar = SpinTransform(_GRID, 3)
    maps = np.stack([_MAPS, _MAPS], -1)[..., None]
    coeffs = np.stack([_COEFFS, _COEFFS], -1)[..., None]
    return [
        Call("spinharm.SpinTransform", SpinTransform, options, ("MemoryError",)),
        Call("spinharm.SpinTransform.table_bytes", pair.table_bytes, _given(dtype="float32")),
        Call("spinharm.SpinTransform.forward", pair.forward, _given(maps=maps)),
        Call("spinharm.SpinTransform.inverse", scalar.inverse, _given(coeffs=coeffs[..., :1, :], real=True)),
        Call("spinharm.SpinTransform.matrices", pair.matrices, _given(spin=1, dtype="float32")),
        Call("spinharm.SpinTransform.stages", pair.stages, _given(spin=1, dtype="float32")),
        Call("spinharm.forward", spinharm.forward, _given(f=_MAPS, grid=_GRID, spin=1, bandlimit=2)),
        Call("spinharm.inverse", spinharm.inverse, _given(coeffs=_COEFFS, grid=_GRID, spin=0, real=True)),
        Call(
            "spinharm.resample", spinharm.resample, _given(f=_MAPS, grid_from=_GRID, grid_to=_GRID, spin=1, bandlimit=2)
        ),
    ]


def _operators() -> list[Call]:
    names = ("laplacian", "inverse_laplacian", "gradient", "divergence", "vorticity", "helmholtz")
    plain = [Call(f"spinharm.{n}", getattr(spinharm, n), _given(coeffs=_COEFFS, axis=-2)) for n in names]
    spins = [
        Call(f"spinharm.{n}", getattr(spinharm, n), _given(coeffs=_COEFFS, spin=1, axis=-2)) for n in ("eth", "ethbar")
    ]
    turn = _given(coeffs=_BATCH, alpha=_ANGLE, beta=0.2, gamma=_ANGLE, axis=-2)
    points = _given(coeffs=_COEFFS, colatitude=_ANGLE, longitude=_ANGLE, spin=1)
    return [
        *plain,
        *spins,
        Call("spinharm.rotate", spinharm.rotate, turn),
        Call("spinharm.evaluate", spinharm.evaluate, points),
        Call("spinharm.change_bandlimit", spinharm.change_bandlimit, _given(coeffs=_COEFFS, bandlimit=2, axis=-2)),
        Call(
            "spinharm.power_spectrum", spinharm.power_spectrum, _given(coeffs=_COEFFS, axis=-2, normalization="total")
        ),
        Call(
            "spinharm.cross_spectrum",
            spinharm.cross_spectrum,
            _given(coeffs=_COEFFS, other=_COEFFS, axis=-2, normalization="total"),
        ),
    ]


def _functions() -> list[Call]:
    points = _given(bandlimit=3, spin=1, colatitude=_ANGLE, longitude=_ANGLE)
    wind = _given(u=_MAPS, v=_MAPS, spin=1)

    def compiled(**arguments: Any) -> Any:
        return spinharm.jit(**arguments)(jnp.ones(2))

    return [
        Call("spinharm.wigner_delta", spinharm.wigner_delta, _given(bandlimit=3)),
        Call("spinharm.wigner_d", spinharm.wigner_d, _given(bandlimit=3, beta=_ANGLE)),
        Call("spinharm.wigner_D", spinharm.wigner_D, _given(bandlimit=3, alpha=_ANGLE, beta=_ANGLE, gamma=0.1)),
        Call("spinharm.spin_weighted_harmonics", spinharm.spin_weighted_harmonics, points),
        Call("spinharm.wind_to_spin", spinharm.wind_to_spin, wind),
        Call("spinharm.spin_to_wind", spinharm.spin_to_wind, _given(field=_COEFFS, spin=1)),
        Call("spinharm.jit", compiled, _given(function=jnp.sin, static_argnames=(), donate_argnums=())),
        Call("spinharm.clear_tables", spinharm.clear_tables, _given()),
        Call("spinharm.limit_tables", spinharm.limit_tables, _given(memory_gib=8.0)),
    ]


def _converters() -> list[Call]:
    dense, packed, square = (np.ones(shape, "complex64") for shape in ((2, 3, 5), (2, 6), (2, 9)))
    real, spins = np.ones((2, 9), np.float32), {"spin": 1}
    table: list[tuple[Any, dict[str, Any]]] = [
        (convert.to_packed, {"coeffs": dense}),
        (convert.from_packed, {"alm": packed}),
        (convert.to_packed_complex, {"coeffs": dense}),
        (convert.from_packed_complex, {"modes": square}),
        (convert.to_ducc0_spin, {"coeffs": dense} | spins),
        (convert.from_ducc0_spin, {"alm": packed} | spins),
        (convert.to_e3nn, {"coeffs": dense, "normalization": "norm"}),
        (convert.from_e3nn, {"irreps_array": real, "normalization": "norm"}),
        (convert.to_s2fft, {"coeffs": dense} | spins),
        (convert.from_s2fft, {"flm": dense} | spins),
        (convert.to_cosines, {"coeffs": dense, "axis": -1}),
        (convert.from_cosines, {"coeffs": dense, "axis": -1}),
    ]
    return [Call(f"spinharm.convert.{function.__name__}", function, _given(**given)) for function, given in table]


def _helpers() -> list[Call]:
    from spinharm.optional import require

    integer = functools.partial(checks.integer, "size")
    number = functools.partial(checks.number, "size")
    option = functools.partial(checks.option, "size")
    instance = functools.partial(checks.instance, "size", kind=int, wanted="an integer")
    return [
        Call("spinharm.checks.integer", integer, _given(value=3), fixed={}),
        Call("spinharm.checks.number", number, _given(value=0.5)),
        Call("spinharm.checks.instance", instance, _given(value=3)),
        Call("spinharm.checks.option", option, _given(value="a", allowed=("a", "b"))),
        Call(
            "spinharm.optional.require", functools.partial(require, "json"), _given(extra="spinharm[plot]", purpose="a")
        ),
    ]
