"""Errors of round trips, of Wigner d and against other libraries, by bandlimit, spin, dtype, grid and method.

`python tools/bench/accuracy.py` prints the tables and writes them into `packages/spinharm/docs/accuracy.md`, between
the lines `<!-- begin NAME -->` and `<!-- end NAME -->`. A relative error is the largest difference over the largest
value.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import ducc0
import jax
import numpy as np
import s2fft
from _report import machine_sentence, markdown, write
from _timing import machine

import spinharm
from spinharm import Grid, SpinTransform
from spinharm._coefficients import recursion

PACKAGES = ("spinharm", "scipy", "ducc0", "s2fft")
BETTER = {"*": "less"}
PAGE = Path(__file__).resolve().parents[2] / "packages" / "spinharm" / "docs" / "accuracy.md"
SPINS = (0, 1, 2, 8, -12)
# Large tables take their time to build, for any spin alike.
FEW_SPINS = (0, 1, -12)
LARGE_TABLES = 200
DTYPES = ("float32", "float64")
COMPLEX = {"float32": "complex64", "float64": "complex128"}
# (grid, methods), each at its largest bandlimit.
ROUND_TRIPS = (
    (Grid.equiangular(32, 64, poles=False), ("tables", "recursion", "torus")),
    (Grid.driscoll_healy(64), ("tables", "recursion")),
    (Grid.mcewen_wiaux(64), ("tables", "recursion", "torus")),
    (Grid.gauss_legendre(64), ("tables", "recursion")),
    (Grid.equiangular(121, 240), ("tables", "recursion", "torus")),
    (Grid.equiangular(181, 360), ("tables", "recursion")),
    (Grid.equiangular(361, 720), ("tables", "recursion")),
)
LARGE = Grid.equiangular(721, 1440)
ORDERS = (0, 1, 100, 1000, 2000, 2047)
DEGREES = (128, 512, 2048)
# Above this bandlimit some functions of two large orders lose digits: their starting values underflow.
ALL_ORDERS = 1800
ROTATIONS = (16, 64, 128)


def coefficients(rng: np.random.Generator, bandlimit: int, spin: int) -> np.ndarray:
    """Random coefficients of order one, zero where |m| > l or l < |spin|."""
    shape = (bandlimit, 2 * bandlimit - 1)
    degree, order = np.arange(bandlimit)[:, None], np.arange(-bandlimit + 1, bandlimit)
    values = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return np.where((np.abs(order) <= degree) & (degree >= abs(spin)), values, 0)


def relative(got: Any, wanted: Any) -> float:
    """The largest difference over the largest value."""
    a, b = np.asarray(got), np.asarray(wanted)
    return float(np.max(np.abs(a - b)) / np.max(np.abs(b)))


def round_trips(cases: Iterable[tuple[Grid, tuple[Any, ...]]], spins: tuple[int, ...]) -> list[dict[str, Any]]:
    """Coefficients → map → coefficients at full band: a row per grid, method and dtype, a column per spin."""
    rows = []
    for grid, methods in cases:
        L = grid.max_bandlimit
        rng = np.random.default_rng(L)
        every = np.stack([coefficients(rng, L, spin) for spin in spins], -1)[..., None]
        for method in methods:
            few = method == "tables" and L > LARGE_TABLES
            chosen = [i for i, spin in enumerate(spins) if not few or spin in FEW_SPINS]
            coeffs = every[:, :, chosen]
            transform = SpinTransform(grid, L, [spins[i] for i in chosen], method=method, memory_limit=2**33)
            for dtype in DTYPES:
                with jax.enable_x64(dtype == "float64"):
                    given = coeffs.astype(COMPLEX[dtype])
                    back = np.asarray(transform.forward(transform.inverse(given)))
                errors: dict[str, float | None] = {f"spin {spin}".replace("-", "−"): None for spin in spins}
                for i, spin in enumerate(transform.spins):
                    errors[f"spin {spin}".replace("-", "−")] = relative(back[:, :, i], given[:, :, i])
                rows.append({"grid": str(grid), "L": L, "method": method, "dtype": dtype, **errors})
                spinharm.clear_tables()
    return rows


def orthonormality() -> list[dict[str, Any]]:
    """∫ sYlm conj(sYl'm) dΩ = δ_ll' for fixed order and spin, on Gauss-Legendre nodes, in float64."""
    rows = []
    for bandlimit in DEGREES:
        grid = Grid.gauss_legendre(bandlimit)
        weights = np.sqrt(2 * np.pi * grid.weights * grid.nlon / (2 * np.pi))
        for spin in (0, 2, 32):
            errors = {}
            for order in ORDERS:
                if order >= bandlimit:
                    errors[f"m = {order}"] = None
                    continue
                first = max(order, spin)
                table = recursion.reduced_harmonics(bandlimit, spin, grid.colatitude, np.array([order]), first)[0]
                table = table * weights
                errors[f"m = {order}"] = float(np.max(np.abs(table @ table.T - np.eye(table.shape[0]))))
            rows.append({"L": bandlimit, "spin": spin, **errors})
    return rows


def unit_rows() -> list[dict[str, Any]]:
    """Σ_n d^l_mn(β)² = 1 for every l >= m, at some angles, in float64."""
    rows = []
    order = np.arange(-ALL_ORDERS + 1, ALL_ORDERS)
    for beta in (1e-3, 0.1, 0.753, np.pi / 2, 3.0):
        errors: dict[str, Any] = {"β": f"{beta:.4g}"}
        for m in (0, 32, 684, 1000):
            worst = 0.0
            for degree, row in enumerate(recursion.degrees(ALL_ORDERS, np.array(m), order, np.array(beta))):
                if degree >= m:
                    worst = max(worst, abs(float(np.sum(row**2)) - 1))
            errors[f"m = {m}"] = worst
        rows.append(errors)
    return rows


def rotations() -> list[dict[str, Any]]:
    """Rotate and rotate back; and two rotations after each other against their product."""
    rows = []
    for bandlimit in ROTATIONS:
        for dtype in DTYPES:
            with jax.enable_x64(dtype == "float64"):
                coeffs = coefficients(np.random.default_rng(0), bandlimit, 2)
                coeffs = coeffs.astype(COMPLEX[dtype])
                turned = spinharm.rotate(coeffs, 0.4, 1.1, -2.0)
                back = spinharm.rotate(turned, 2.0, -1.1, -0.4)
                # R_z(0.4) R_y(1.1) R_z(−2.0) · R_z(2.0) R_y(0.7) R_z(0.3) = R_z(0.4) R_y(1.8) R_z(0.3)
                twice = spinharm.rotate(spinharm.rotate(coeffs, 2.0, 0.7, 0.3), 0.4, 1.1, -2.0)
                once = spinharm.rotate(coeffs, 0.4, 1.8, 0.3)
                errors = {"there and back": relative(back, coeffs), "composition": relative(twice, once)}
            rows.append({"L": bandlimit, "dtype": dtype, **errors})
    return rows


def other_libraries() -> list[dict[str, Any]]:
    """Maps of the same coefficients from ducc0 and from s2fft."""
    rows = []
    for grid, geometry in (
        (Grid.equiangular(121, 240), "CC"),
        (Grid.equiangular(120, 240, poles=False), "F1"),
        (Grid.gauss_legendre(120), "GL"),
    ):
        bandlimit = 120
        for dtype in DTYPES:
            for spin in (0, 1, 2):
                with jax.enable_x64(dtype == "float64"):
                    coeffs = coefficients(np.random.default_rng(spin), bandlimit, spin)
                    if spin == 0:
                        sign = (-1.0) ** np.arange(-bandlimit + 1, bandlimit)
                        coeffs = coeffs + sign * np.conj(coeffs[:, ::-1])
                    got = np.asarray(spinharm.inverse(coeffs.astype(COMPLEX[dtype]), grid, spin=spin))
                with jax.enable_x64(True):
                    alm = (
                        spinharm.convert.to_packed(coeffs)[None]
                        if spin == 0
                        else spinharm.convert.to_ducc0_spin(coeffs, spin)
                    )
                maps = ducc0.sht.synthesis_2d(
                    alm=np.asarray(alm),
                    spin=spin,
                    lmax=bandlimit - 1,
                    ntheta=grid.nlat,
                    nphi=grid.nlon,
                    geometry=geometry,
                )
                wanted = maps[0] + (1j * maps[1] if spin else 0)
                rows.append(_agreement("ducc0", grid, spin, dtype, got, wanted))
    grid = Grid.equiangular(121, 240)
    for spin in (0, 1, 2, 3):
        with jax.enable_x64(True):
            coeffs = coefficients(np.random.default_rng(spin), 120, spin)
            got = np.asarray(spinharm.inverse(coeffs, grid, spin=spin))
            wanted = s2fft.inverse(coeffs, 120, spin=spin, sampling="mwss", method="numpy")
        rows.append(_agreement("s2fft", grid, spin, "float64", got, wanted))
    spinharm.clear_tables()
    return rows


def _agreement(library: str, grid: Grid, spin: int, dtype: str, got: np.ndarray, wanted: np.ndarray) -> dict[str, Any]:
    return {"library": library, "grid": str(grid), "spin": spin, "dtype": dtype, "difference": relative(got, wanted)}


def measure() -> dict[str, Any]:
    """Round trips at moderate size, for `run.py`."""
    return {"rows": round_trips(ROUND_TRIPS[:5], SPINS)}


def main() -> None:
    """Measure everything, print it and write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", help="measure only these tables")
    options = parser.parse_args()
    measured = {
        "round-trips": lambda: round_trips(ROUND_TRIPS, SPINS),
        "large": lambda: round_trips([(LARGE, ("recursion",))], (0, 1)),
        "orthonormality": orthonormality,
        "unit-rows": unit_rows,
        "rotations": rotations,
        "other-libraries": other_libraries,
    }
    for name, function in measured.items():
        if options.only and name not in options.only:
            continue
        begun = time.perf_counter()
        text = markdown(function())
        print(f"{name} ({time.perf_counter() - begun:.0f} s)\n{text}\n", flush=True)
        write(PAGE, name, text)
    text = machine_sentence(machine(*PACKAGES))
    print(text)
    if not options.only:
        write(PAGE, "machine", text)


if __name__ == "__main__":
    main()
