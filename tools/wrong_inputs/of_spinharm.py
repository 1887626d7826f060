"""Valid calls of what `spinharm` offers."""

from __future__ import annotations

import functools
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

import spinharm
from spinharm import Grid, SpinTransform, checks, convert, doctor, failures, html, terminal

from .calls import Call, always

MODULES = [
    "spinharm", "spinharm.checks", "spinharm.convert", "spinharm.doctor", "spinharm.failures", "spinharm.optional",
    "spinharm.html", "spinharm.terminal",
]  # fmt: skip
LEFT_OUT: Mapping[str, str] = {}

_GRID = Grid.gauss_legendre(3, 6)
_COEFFS = (np.arange(15).reshape(3, 5) + 1j).astype("complex64")
_BATCH = np.stack([_COEFFS, 2 * _COEFFS])
_MAPS = np.linspace(0, 1, 18, dtype="float32").reshape(3, 6)
_ANGLE = np.array([0.3, 0.5], np.float32)


def calls() -> list[Call]:
    """One valid call for each public name."""
    return [*_grids(), *_transforms(), *_operators(), *_products(), *_functions(), *_converters(), *_helpers()]


def _grids() -> list[Call]:
    latitudes, longitudes = np.array(_GRID.latitude_deg), np.array(_GRID.longitude_deg)
    whole = always(
        nlat=4, nlon=6, rule="circle", north_pole=True, south_pole=True, longitude_origin=0.0, south_first=False
    )
    return [
        Call("spinharm.Grid", Grid, whole),
        Call("spinharm.Grid.equiangular", Grid.equiangular, always(nlat=4, nlon=6, poles=True)),
        Call("spinharm.Grid.gauss_legendre", Grid.gauss_legendre, always(bandlimit=3, nlon=6)),
        Call("spinharm.Grid.driscoll_healy", Grid.driscoll_healy, always(bandlimit=3, nlon=6)),
        Call("spinharm.Grid.mcewen_wiaux", Grid.mcewen_wiaux, always(bandlimit=3, nlon=6)),
        Call("spinharm.Grid.from_latlon", Grid.from_latlon, always(latitude_deg=latitudes, longitude_deg=longitudes)),
    ]


def _transforms() -> list[Call]:
    options = always(
        grid=_GRID, bandlimit=3, spins=(0, 1), method="auto", fourier="auto", delta_symmetry=False,
        memory_limit=2**30, precision="highest",
    )  # fmt: skip
    pair = SpinTransform(_GRID, 3, (0, 1))
    scalar = SpinTransform(_GRID, 3)
    maps = np.stack([_MAPS, _MAPS], -1)[..., None]
    coeffs = np.stack([_COEFFS, _COEFFS], -1)[..., None]
    return [
        Call("spinharm.SpinTransform", SpinTransform, options, ("MemoryError",)),
        Call("spinharm.SpinTransform.table_bytes", pair.table_bytes, always(dtype="float32")),
        Call("spinharm.SpinTransform.forward", pair.forward, always(maps=maps)),
        Call("spinharm.SpinTransform.inverse", scalar.inverse, always(coeffs=coeffs[..., :1, :], real=True)),
        Call("spinharm.SpinTransform.matrices", pair.matrices, always(spin=1, dtype="float32")),
        Call("spinharm.SpinTransform.stages", pair.stages, always(spin=1, dtype="float32")),
        Call("spinharm.forward", spinharm.forward, always(f=_MAPS, grid=_GRID, spin=1, bandlimit=2)),
        Call("spinharm.inverse", spinharm.inverse, always(coeffs=_COEFFS, grid=_GRID, spin=0, real=True)),
        Call(
            "spinharm.resample", spinharm.resample, always(f=_MAPS, grid_from=_GRID, grid_to=_GRID, spin=1, bandlimit=2)
        ),
    ]


def _operators() -> list[Call]:
    names = ("laplacian", "inverse_laplacian", "gradient", "divergence", "vorticity", "helmholtz")
    plain = [Call(f"spinharm.{n}", getattr(spinharm, n), always(coeffs=_COEFFS, axis=-2)) for n in names]
    spins = [
        Call(f"spinharm.{n}", getattr(spinharm, n), always(coeffs=_COEFFS, spin=1, axis=-2)) for n in ("eth", "ethbar")
    ]
    turn = always(coeffs=_BATCH, alpha=_ANGLE, beta=0.2, gamma=_ANGLE, axis=-2)
    points = always(coeffs=_COEFFS, colatitude=_ANGLE, longitude=_ANGLE, spin=1)
    return [
        *plain,
        *spins,
        Call("spinharm.rotate", spinharm.rotate, turn),
        Call("spinharm.evaluate", spinharm.evaluate, points),
        Call("spinharm.change_bandlimit", spinharm.change_bandlimit, always(coeffs=_COEFFS, bandlimit=2, axis=-2)),
        Call(
            "spinharm.power_spectrum", spinharm.power_spectrum, always(coeffs=_COEFFS, axis=-2, normalization="total")
        ),
        Call(
            "spinharm.cross_spectrum",
            spinharm.cross_spectrum,
            always(coeffs=_COEFFS, other=_COEFFS, axis=-2, normalization="total"),
        ),
    ]


def _products() -> list[Call]:
    multiply = spinharm.TensorProduct(1, 1, 1)
    x, weights = np.linspace(0, 1, 16, dtype="float32").reshape(2, 2, 4), np.ones((2, 5), np.float32)
    options = always(degrees_1=1, degrees_2=(0, 1), degrees_out=2, paths="all", normalization="component")
    return [
        Call("spinharm.product", spinharm.product, always(x=_BATCH, y=_COEFFS, spins=(1, -1), bandlimit=4)),
        Call("spinharm.TensorProduct", spinharm.TensorProduct, options),
        Call("spinharm.TensorProduct.__call__", multiply.__call__, always(x=x, y=x[0], weights=weights, separate=True)),
        Call(
            "spinharm.TensorProduct.columns",
            multiply.columns,
            always(x=x.T, y=x.T, weights=spinharm.Factors(weights[:, :2]), separate=False),
        ),
        Call("spinharm.TensorProduct.parities", multiply.parities, always(parity_1="natural", parity_2="pseudo")),
        Call(
            "spinharm.mix_channels",
            spinharm.mix_channels,
            always(x=x, matrices=np.ones((2, 2, 3), np.float32), degrees=1),
        ),
        Call("spinharm.powers", spinharm.powers, always(x=x, order=2, degrees=1, degrees_out=2)),
    ]


def _functions() -> list[Call]:
    points = always(bandlimit=3, spin=1, colatitude=_ANGLE, longitude=_ANGLE)
    wind = always(u=_MAPS, v=_MAPS, spin=1)

    def compiled(**arguments: Any) -> Any:
        return spinharm.jit(**arguments)(jnp.ones(2))

    return [
        Call("spinharm.wigner_delta", spinharm.wigner_delta, always(bandlimit=3)),
        Call("spinharm.wigner_d", spinharm.wigner_d, always(bandlimit=3, beta=_ANGLE)),
        Call("spinharm.wigner_D", spinharm.wigner_D, always(bandlimit=3, alpha=_ANGLE, beta=_ANGLE, gamma=0.1)),
        Call("spinharm.spin_weighted_harmonics", spinharm.spin_weighted_harmonics, points),
        Call("spinharm.wind_to_spin", spinharm.wind_to_spin, wind),
        Call("spinharm.spin_to_wind", spinharm.spin_to_wind, always(field=_COEFFS, spin=1)),
        Call("spinharm.jit", compiled, always(function=jnp.sin, static_argnames=(), donate_argnums=())),
        Call("spinharm.clear_tables", spinharm.clear_tables, always()),
        Call("spinharm.limit_tables", spinharm.limit_tables, always(memory_gib=8.0)),
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
    return [Call(f"spinharm.convert.{function.__name__}", function, always(**given)) for function, given in table]


@functools.wraps(failures.write_report)
def _reported(**given: Any) -> None:
    path = failures.write_report(**given)
    if path is not None:
        Path(path).unlink()


def _helpers() -> list[Call]:
    from spinharm.optional import names_on_demand, require

    integer = functools.partial(checks.integer, "size")
    number = functools.partial(checks.number, "size")
    option = functools.partial(checks.option, "size")
    instance = functools.partial(checks.instance, "size", kind=int, wanted="an integer")
    error = {"error": ValueError("no such grid")}
    helped = always(usage="p", purpose="A.", groups=[("options", [("-a", "b")])], ending="c", colored=False)
    running = always(program="spinharm", words=("demo",), action=lambda: 0, stopped="nothing is lost")
    return [
        Call("spinharm.failures.first_line", failures.first_line, always(**error)),
        Call("spinharm.failures.is_full", failures.is_full, always(**error)),
        Call("spinharm.failures.printable", failures.printable, always(text="a")),
        Call("spinharm.failures.run", failures.run, running),
        Call("spinharm.failures.write_report", _reported, always(program="p", words=("a",), **error)),
        Call("spinharm.checks.integer", integer, always(value=3), fixed={}),
        Call("spinharm.checks.number", number, always(value=0.5)),
        Call("spinharm.checks.flag", functools.partial(checks.flag, "plots"), always(value=True)),
        Call("spinharm.checks.parse_integer", checks.parse_integer, always(text="12")),
        Call("spinharm.checks.parse_number", checks.parse_number, always(text="1.5e-3")),
        Call("spinharm.checks.instance", instance, always(value=3)),
        Call("spinharm.checks.option", option, always(value="a", allowed=("a", "b"))),
        Call("spinharm.doctor.examine", doctor.examine, always(package="numpy", self_test=lambda: {"a": True})),
        Call("spinharm.doctor.report", doctor.report, always(found=doctor.examine("numpy", lambda: {"a": True}))),
        Call("spinharm.doctor.run", doctor.run, always(package="numpy", self_test=lambda: {"a": True}, as_json=True)),
        Call("spinharm.failures.missing", failures.missing, always(path="a", known=("b",))),
        Call("spinharm.terminal.is_colored", terminal.is_colored, always(stream=io.StringIO())),
        Call("spinharm.terminal.help_text", terminal.help_text, helped),
        Call("spinharm.html.table", html.table, always(title="a", columns=("b", "c"), rows=[("d", 1)])),
        Call("spinharm.terminal.near", terminal.near, always(word="a", known=("b",))),
        Call("spinharm.optional.names_on_demand", names_on_demand, always(package="spinharm", extra="spinharm[plot]")),
        Call(
            "spinharm.optional.require", functools.partial(require, "json"), always(extra="spinharm[plot]", purpose="a")
        ),
    ]
