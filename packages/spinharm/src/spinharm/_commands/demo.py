"""Computations of `spinharm demo`: a wind, its coefficients, errors of operations that leave a field unchanged."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Complex, Float

from .._coefficients import calculus, rotation, spectra, wind as _wind
from .._grids.grid import Grid
from .._transform import resample, transform
from .files import Wind

EARTH_RADIUS_M = 6.371e6  # mean radius
LARGEST_DEFAULT_BANDLIMIT = 120
ANGLES_DEG = (90.0, 50.0, -20.0)
PAINTED_GRID = Grid.equiangular(241, 480)
OTHER_GRID = Grid.gauss_legendre(64, 128)
_BANDS = (1, 4, 10, 20, 40, 80, 160, 320, 640, 1280, 2560)


def generated_wind(bandlimit: int, seed: int = 0) -> Wind:
    """A band-limited wind [m/s] on the 121×240 grid: jets, and eddies of a random streamfunction and potential.

    The energy of the eddies peaks near degree 8 and falls like l^−3 (rotational) and l^−2 (divergent); eddies are
    strongest in middle latitudes.

    Raises:
        ValueError: A bandlimit outside 2 … 120.
    """
    grid = Grid.equiangular(121, 240)
    transform.SpinTransform(grid, bandlimit, (1,))  # refuses what the grid does not resolve
    rng = np.random.default_rng(seed)
    degree = np.arange(bandlimit, dtype=np.float64)
    scaled = degree / 8
    with jax.enable_x64(True):
        stream = _random_scalar(rng, scaled / (1 + scaled**2) ** 2, rms_wind=14.0)
        potential = _random_scalar(rng, scaled / (1 + scaled**2) ** 1.5, rms_wind=2.5)
        latitude = grid.latitude_deg[:, None]
        storms = 0.4 + np.sin(np.radians(2 * latitude)) ** 2
        stream = transform.forward(transform.inverse(stream, grid, real=True) * storms, grid, bandlimit=bandlimit)
        jets = np.cos(np.radians(latitude)) * (
            38 * np.exp(-(((latitude - 38) / 14) ** 2))
            + 45 * np.exp(-(((latitude + 44) / 14) ** 2))
            - 7 * np.exp(-((latitude / 14) ** 2))
        )
        jets = np.broadcast_to(jets, grid.shape)
        coeffs = transform.forward(_wind.wind_to_spin(jets, np.zeros(grid.shape)), grid, spin=1, bandlimit=bandlimit)
        coeffs = coeffs + calculus.gradient(potential) + 1j * calculus.gradient(stream)
        u, v = _wind.spin_to_wind(transform.inverse(coeffs, grid, spin=1))
    return Wind(np.asarray(u), np.asarray(v), grid, f"generated with seed {seed}")


def _random_scalar(
    rng: np.random.Generator, energy: np.ndarray, rms_wind: float
) -> Complex[np.ndarray, "degree order"]:
    """Coefficients of a real random scalar whose gradient has, on average, this energy by degree and this rms."""
    L = energy.size
    degree, order = np.arange(L)[:, None], np.arange(-L + 1, L)
    noise = rng.normal(size=(L, 2 * L - 1)) + 1j * rng.normal(size=(L, 2 * L - 1))
    noise = noise + (-1.0) ** order * np.conj(noise[:, ::-1])
    noise = np.where(np.abs(order) <= degree, noise, 0)
    power = 4 * (2 * np.arange(L) + 1)
    wanted = energy / energy.sum() * 4 * np.pi * rms_wind**2
    wavenumber2 = np.maximum(np.arange(L) * np.arange(1, L + 1), 1)
    return noise * np.sqrt(wanted / (power * wavenumber2))[:, None]


class Demo(NamedTuple):
    """Results of `run`.

    Attributes:
        wind: The input wind.
        bandlimit: Degrees kept of it.
        figures: Content of the table and the JSON file.
        painted: Eastward and northward wind below the bandlimit on `PAINTED_GRID`, each of shape (lat, lon).
        rotated: The same, rotated by `ANGLES_DEG`.
        vorticity: Its vorticity on the Earth [1/s], shape (lat, lon).
        rotational: Kinetic energy of the rotational part by degree [m²/s²].
        divergent: Kinetic energy of the divergent part by degree [m²/s²].
    """

    wind: Wind
    bandlimit: int
    figures: dict[str, Any]
    painted: tuple[Float[np.ndarray, "lat lon"], Float[np.ndarray, "lat lon"]]
    rotated: tuple[Float[np.ndarray, "lat lon"], Float[np.ndarray, "lat lon"]]
    vorticity: Float[np.ndarray, "lat lon"]
    rotational: Float[np.ndarray, " degree"]
    divergent: Float[np.ndarray, " degree"]


def run(wind: Wind, bandlimit: int) -> Demo:
    """Transform, decompose, rotate and resample a wind: errors in float32 and float64, other results in float64.

    Raises:
        ValueError: A bandlimit that the wind's grid does not resolve, or below 2.
    """
    with jax.enable_x64(False):
        single = _errors(wind, bandlimit, "float32")
    with jax.enable_x64(True):
        double = _errors(wind, bandlimit, "float64")
        coeffs = transform.forward(_wind.wind_to_spin(wind.u, wind.v), wind.grid, spin=1, bandlimit=bandlimit)
        parts = calculus.helmholtz(coeffs)
        # `power_spectrum` gives the mean of u² + v² by degree, twice the kinetic energy per mass.
        rotational, divergent = (
            np.asarray(spectra.power_spectrum(part, normalization="mean")) / 2
            for part in (parts.rotational, parts.divergent)
        )
        turned = rotation.rotate(coeffs, *np.radians(ANGLES_DEG))
        seen = min(bandlimit, PAINTED_GRID.max_bandlimit)
        coeffs, turned = (resample.change_bandlimit(x, seen) for x in (coeffs, turned))
        painted, rotated = (_wind.spin_to_wind(transform.inverse(x, PAINTED_GRID, spin=1)) for x in (coeffs, turned))
        vorticity = transform.inverse(calculus.vorticity(coeffs), PAINTED_GRID, real=True)
    figures = {
        "wind": wind.source,
        "grid": str(wind.grid),
        "bandlimit": bandlimit,
        "max_bandlimit": wind.grid.max_bandlimit,
        "relative_errors": {"float32": single, "float64": double},
        **_energies(rotational, divergent),
    }
    painted, rotated = ((np.asarray(u), np.asarray(v)) for u, v in (painted, rotated))
    return Demo(
        wind, bandlimit, figures, painted, rotated, np.asarray(vorticity) / EARTH_RADIUS_M, rotational, divergent
    )


def _errors(wind: Wind, bandlimit: int, dtype: str) -> dict[str, float]:
    """Relative root mean square errors of operations that should leave a field unchanged."""
    field = _wind.wind_to_spin(wind.u.astype(dtype), wind.v.astype(dtype))
    pairs = _pairs(field, wind.grid, bandlimit)
    return {name: _relative(value, reference) for name, (value, reference) in pairs.items()}


def _pairs(field: jax.Array, grid: Grid, bandlimit: int) -> dict[str, tuple[jax.Array, jax.Array]]:
    """Result and expected result of operations that should leave a field unchanged."""
    coeffs = transform.forward(field, grid, spin=1, bandlimit=bandlimit)
    back = transform.inverse(coeffs, grid, spin=1)
    alpha, beta, gamma = np.radians(ANGLES_DEG)
    turned = rotation.rotate(coeffs, alpha, beta, gamma)
    parts = calculus.helmholtz(coeffs)
    low = min(bandlimit, OTHER_GRID.max_bandlimit)
    there = resample.resample(field, grid, OTHER_GRID, spin=1, bandlimit=low)
    resampled = resample.resample(there, OTHER_GRID, grid, spin=1, bandlimit=low)
    low_coeffs = resample.change_bandlimit(coeffs, low)
    area = np.sqrt(grid.weights)[:, None].astype(field.dtype)
    rings = slice(0, grid.nlat, max(grid.nlat // 16, 1))
    vorticity = transform.inverse(calculus.vorticity(turned), grid, real=True)[rings]
    return {
        "map_beyond_bandlimit": (back * area, field * area),
        "round_trip": (transform.forward(back, grid, spin=1, bandlimit=bandlimit), coeffs),
        "helmholtz": (parts.rotational + parts.divergent, coeffs),
        "rotation_and_back": (rotation.rotate(turned, -gamma, -beta, -alpha), coeffs),
        "rotated_vorticity": (vorticity, _vorticity_at_rotated_points(coeffs, grid, rings)),
        "resample_and_back": (transform.forward(resampled, grid, spin=1, bandlimit=low), low_coeffs),
    }


def _vorticity_at_rotated_points(coeffs: jax.Array, grid: Grid, rings: slice) -> jax.Array:
    """The vorticity of the wind at the points R⁻¹x, for x on some rings of the grid."""
    theta, phi = np.meshgrid(grid.colatitude[rings], grid.longitude, indexing="ij")
    x = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], -1)
    alpha, beta, gamma = np.radians(ANGLES_DEG)
    x = x @ (_about_z(alpha) @ _about_y(beta) @ _about_z(gamma))  # rows times R are R⁻¹x
    theta, phi = np.arctan2(np.hypot(x[..., 0], x[..., 1]), x[..., 2]), np.arctan2(x[..., 1], x[..., 0])
    return resample.evaluate(calculus.vorticity(coeffs), theta, phi).real


def _about_z(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])


def _about_y(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])


def _relative(value: jax.Array, reference: jax.Array) -> float:
    got, wanted = np.asarray(value), np.asarray(reference)
    size = float(np.linalg.norm(wanted.ravel()))
    return float(np.linalg.norm((got - wanted).ravel())) / size if size else 0.0


def _energies(rotational: np.ndarray, divergent: np.ndarray) -> dict[str, Any]:
    """Kinetic energy [m²/s²]: total, of both parts, and by band of degrees."""
    total = rotational + divergent
    L, whole = total.size, float(total.sum())
    edges = [*(edge for edge in _BANDS if edge < L), L]
    bands = [
        {
            "degrees": [first, last - 1],
            "kinetic_energy": float(total[first:last].sum()),
            "rotational": float(rotational[first:last].sum()),
            "divergent": float(divergent[first:last].sum()),
        }
        for first, last in itertools.pairwise(edges)
    ]
    return {
        "kinetic_energy": whole,
        "rotational": float(rotational.sum()),
        "divergent": float(divergent.sum()),
        "above_degree_63": float(total[OTHER_GRID.max_bandlimit :].sum()),
        "bands": bands,
    }


_ERROR_ROWS = (
    ("map_beyond_bandlimit", "part of the wind beyond the bandlimit"),
    ("round_trip", "coefficients -> map -> coefficients"),
    ("helmholtz", "rotational + divergent part"),
    ("rotation_and_back", "rotate by Euler angles ({:g}, {:g}, {:g}) deg, and back"),
    ("rotated_vorticity", "vorticity of the rotated wind, at points"),
    ("resample_and_back", "{grid} -> 64x128 Gauss -> {grid}, degrees 0-{low}"),
)


def table(figures: dict[str, Any]) -> str:
    """The figures as lines of text; ASCII apart from the names of wind and grid."""
    errors = figures["relative_errors"]
    lines = [
        f"wind       {figures['wind']}",
        f"grid       {figures['grid']}",
        f"bandlimit  {figures['bandlimit']} of at most {figures['max_bandlimit']}",
        "",
        f"{'relative error (root mean square)':<58}{'float32':>9}{'float64':>9}",
    ]
    rings = figures["grid"].split(" ")[0].replace("×", "x")
    low = min(figures["bandlimit"], OTHER_GRID.max_bandlimit) - 1
    for name, label in _ERROR_ROWS:
        text = "  " + label.format(*ANGLES_DEG, grid=rings, low=low)
        lines.append(f"{text:<58}{errors['float32'][name]:>9.1e}{errors['float64'][name]:>9.1e}")
    whole = figures["kinetic_energy"]

    def share(value: float) -> str:
        return f"{100 * value / whole if whole else 0.0:>8.3f} %"

    lines += [
        "",
        f"{'kinetic energy per mass':<36}{'m2/s2':>10}{'rotational':>14}{'divergent':>14}",
        f"{'  all degrees':<36}{whole:>10.3f}{share(figures['rotational']):>14}{share(figures['divergent']):>14}",
    ]
    for band in figures["bands"]:
        first, last = band["degrees"]
        parts = "".join(f"{share(band[name]):>14}" for name in ("rotational", "divergent"))
        lines.append(f"{f'  degrees {first}-{last}':<36}{band['kinetic_energy']:>10.3g}{parts}")
    if figures["bandlimit"] > OTHER_GRID.max_bandlimit:
        lines.append(f"{'  cut off by the 64x128 grid':<36}{figures['above_degree_63']:>10.3g}")
    return "\n".join(lines)
