"""Initial states: two standard test cases and random flow."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

import spinharm

from .. import _checks
from .equations import GRAVITY, BarotropicVorticity, Coeffs, Flow, ShallowWater, State, check_flow

Precision = Literal["float32", "float64"]

_DAY = 86400.0
# Nodes of the quadrature between two neighbouring latitudes.
_NODES = 12


def _precision(dtype: Precision | None) -> str:
    if dtype is None:
        return "float64" if jax.config.read("jax_enable_x64") else "float32"
    _checks.option("dtype", dtype, ("float32", "float64"))
    if dtype == "float64" and not jax.config.read("jax_enable_x64"):
        raise ValueError("`dtype` 'float64' needs JAX's 64-bit types: jax.config.update('jax_enable_x64', True)")
    return dtype


def state_of(
    model: Flow,
    u: Float[np.ndarray, "lat lon"],
    v: Float[np.ndarray, "lat lon"],
    geopotential: Float[np.ndarray, "lat lon"] | None = None,
    *,
    dtype: Precision | None = None,
) -> State:
    """Make a state from maps of wind and geopotential on the grid of a model.

    Args:
        model: The equations.
        u: Eastward wind [m/s], shape of `model.grid`.
        v: Northward wind [m/s], same shape.
        geopotential: Φ [m²/s²], same shape; for `ShallowWater` only.
        dtype: Precision; default float64 if the 64-bit types of JAX are enabled, else float32.

    Returns:
        Coefficients, shape (fields, L, 2L−1). Degrees from L on are cut off.

    Raises:
        ValueError: A map has another shape, the geopotential is missing for `ShallowWater` or given for other
            equations, or `dtype` is float64 without 64-bit types.

    Examples:
        >>> import numpy as np
        >>> from wxsphere import BarotropicVorticity, state_of
        >>> model = BarotropicVorticity(bandlimit=4)
        >>> latitude = np.radians(model.grid.latitude_deg)[:, None]
        >>> u = 10 * np.cos(latitude) * np.ones(model.grid.nlon)
        >>> state_of(model, u, np.zeros_like(u)).shape
        (1, 4, 7)
    """
    check_flow(model)
    kind = _precision(dtype)
    water = isinstance(model, ShallowWater)
    if (geopotential is not None) != water:
        need = "a geopotential" if water else "no geopotential"
        raise ValueError(f"`geopotential`: {type(model).__name__} has {need}, got {type(geopotential).__name__}")
    given = {"u": u, "v": v} | ({} if geopotential is None else {"geopotential": geopotential})
    for name, values in given.items():
        _checks.array(name, values, real=True)
        if values.shape != model.grid.shape:
            raise ValueError(f"`{name}` must have the shape {model.grid.shape} of the model's grid, got {values.shape}")
        if not np.isfinite(values).all():
            raise ValueError(f"`{name}` must be finite, got NaN or infinity")
    field = spinharm.wind_to_spin(u.astype(kind), v.astype(kind))
    wind = spinharm.forward(field, model.grid, spin=1, bandlimit=model.bandlimit)
    parts = [spinharm.vorticity(wind, axis=-2) / model.radius]
    if geopotential is not None and isinstance(model, ShallowWater):
        deviation = (geopotential - model.mean_geopotential).astype(kind)
        parts.append(spinharm.divergence(wind, axis=-2) / model.radius)
        parts.append(spinharm.forward(deviation, model.grid, bandlimit=model.bandlimit))
    return jnp.stack(parts)


def williamson2(
    model: ShallowWater,
    *,
    wind: float | None = None,
    geopotential: float = 2.94e4,
    dtype: Precision | None = None,
) -> State:
    """Test 2 of Williamson et al.: steady solid-body rotation about the axis, which `model.axis_tilt` tilts.

    u = u₀ (cos φ cos α + cos λ sin φ sin α), v = −u₀ sin λ sin α,
    Φ = Φ₀ − (a Ω u₀ + ½ u₀²)(−cos λ cos φ sin α + sin φ cos α)². The exact solution does not change.

    Args:
        model: The equations, with `mean_geopotential` near Φ₀.
        wind: u₀ [m/s]; default one revolution in 12 days, 38.6 m/s on the earth.
        geopotential: Φ₀ [m²/s²].
        dtype: Precision, as in `state_of`.

    Returns:
        Coefficients, shape (3, L, 2L−1).

    References:
        Williamson et al. (1992), section 3, equations (90)-(95).

    Examples:
        >>> from wxsphere import ShallowWater, diagnostics, williamson2
        >>> model = ShallowWater(bandlimit=4, mean_geopotential=2.94e4)
        >>> round(diagnostics(model, williamson2(model, wind=40.0))["fastest"], 1)
        40.0
    """
    _check_water(model)
    _checks.number("geopotential", geopotential, above=0.0)
    speed = 2 * np.pi * model.radius / (12 * _DAY) if wind is None else _checks.number("wind", wind)
    phi, lam, tilt = np.pi / 2 - model.grid.colatitude[:, None], model.grid.longitude, model.axis_tilt
    u = speed * (np.cos(phi) * np.cos(tilt) + np.cos(lam) * np.sin(phi) * np.sin(tilt))
    v = -speed * np.sin(lam) * np.sin(tilt) * np.ones_like(phi)
    height = np.sin(phi) * np.cos(tilt) - np.cos(lam) * np.cos(phi) * np.sin(tilt)
    depth = geopotential - (model.radius * model.rotation_rate * speed + speed**2 / 2) * height**2
    return state_of(model, u, v, depth, dtype=dtype)


def galewsky(model: ShallowWater, *, perturbed: bool = True, dtype: Precision | None = None) -> State:
    """Balanced westerly jet at 45°N, with a perturbation from which it breaks into waves within six days.

    u = u_max e^{4/(φ₁−φ₀)²} exp(1/((φ − φ₀)(φ − φ₁))) between φ₀ = π/7 and φ₁ = π/2 − φ₀, u_max = 80 m/s;
    Φ = Φ₀ − ∫ a u (f + u tan φ / a) dφ by Gauss quadrature between rings, with the mean of a depth of 10 km;
    the perturbation of the depth is 120 m cos φ exp(−(3λ)² − (15(π/4 − φ))²).

    Args:
        model: The equations, with an axis that is not tilted.
        perturbed: Add the perturbation; without it the jet is steady.
        dtype: Precision, as in `state_of`.

    Returns:
        Coefficients, shape (3, L, 2L−1).

    Raises:
        ValueError: `model.axis_tilt` is not 0.

    References:
        Galewsky, Scott, Polvani, An initial-value problem for testing numerical models of the global shallow-water
        equations (2004), equations (2)-(4).

    Examples:
        >>> from wxsphere import ShallowWater, galewsky
        >>> model = ShallowWater(bandlimit=4)
        >>> galewsky(model).shape
        (3, 4, 7)
    """
    _check_water(model)
    _checks.flag("perturbed", perturbed)
    if model.axis_tilt:
        raise ValueError(f"`model` must have axis_tilt 0 for the jet, got {model.axis_tilt:g}")
    phi = np.pi / 2 - model.grid.colatitude
    edges = np.concatenate([[-np.pi / 2], phi[::-1]])
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    at = middle[:, None] + half[:, None] * nodes
    u = _jet(at)
    slope = u * (2 * model.rotation_rate * np.sin(at) * model.radius + u * np.tan(at))
    depth = -np.cumsum((slope * weights).sum(1) * half)[::-1]
    area = model.grid.weights / model.grid.weights.sum()
    depth = depth - (depth * area).sum() + 10_000 * GRAVITY
    depth = depth[:, None] * np.ones(model.grid.nlon)
    if perturbed:
        lam = np.mod(model.grid.longitude + np.pi, 2 * np.pi) - np.pi
        bump = np.cos(phi)[:, None] * np.exp(-((3 * lam) ** 2) - ((15 * (np.pi / 4 - phi)) ** 2)[:, None])
        depth = depth + 120 * GRAVITY * bump
    wind = _jet(phi)[:, None] * np.ones(model.grid.nlon)
    return state_of(model, wind, np.zeros_like(wind), depth, dtype=dtype)


def _check_water(model: ShallowWater) -> None:
    _checks.instance("model", model, ShallowWater, "a wxsphere.ShallowWater")


def _jet(phi: np.ndarray) -> np.ndarray:
    south, north = np.pi / 7, np.pi / 2 - np.pi / 7
    inside = (phi > south) & (phi < north)
    product = np.where(inside, (phi - south) * (phi - north), -1.0)
    return np.where(inside, 80.0 * np.exp(4 / (north - south) ** 2 + 1 / product), 0.0)


def random_state(
    model: Flow, seed: int, *, wind: float = 20.0, degree: float = 6.0, dtype: Precision | None = None
) -> State:
    """Random non-divergent flow; in shallow water, with the geopotential in nonlinear balance.

    The kinetic energy of degree l ≥ 2 is ∝ (l/l₀)³ e^{−(3/2)(l/l₀)²}, with its maximum at l₀; phases are random.

    Args:
        model: The equations.
        seed: Seed of the random numbers; the flow is the same in either precision.
        wind: Root mean square wind speed [m/s].
        degree: l₀, above 0.
        dtype: Precision, as in `state_of`.

    Returns:
        Coefficients, shape (fields, L, 2L−1).

    Raises:
        TypeError: `seed` is not an integer, or `wind` or `degree` is not a number.
        ValueError: One of them is out of range.

    Examples:
        >>> from wxsphere import BarotropicVorticity, random_state
        >>> random_state(BarotropicVorticity(bandlimit=4), seed=0).shape
        (1, 4, 7)
    """
    check_flow(model)
    kind = _precision(dtype)
    speed, peak = _checks.number("wind", wind, above=0.0), _checks.number("degree", degree, above=0.0)
    L = model.bandlimit
    rng = np.random.default_rng(_checks.integer("seed", seed, 0))
    # Degree by degree, so that the large scales are the same whatever the bandlimit.
    coeffs = np.zeros((L, 2 * L - 1), complex)
    for l in range(2, L):  # noqa: E741
        row = rng.standard_normal((2, l + 1))
        positive = row[0] + 1j * row[1]
        positive[0] = np.sqrt(2) * row[0, 0]
        coeffs[l, L - 1 : L + l] = positive
        coeffs[l, L - 1 - l : L - 1] = ((-1.0) ** np.arange(1, l + 1) * positive[1:].conj())[::-1]
    degrees = np.arange(1, L)
    energy = (degrees / peak) ** 3 * np.exp(-1.5 * (degrees / peak) ** 2)
    energy[0] = 0.0
    # Energy of degree l is Σ|ζ_lm|² a²/(2 l(l+1)) / 4π; each has 2l + 1 orders of mean square 2.
    coeffs[1:] *= np.sqrt(energy * degrees * (degrees + 1) / (2 * degrees + 1))[:, None]
    squared = (np.abs(coeffs[1:]) ** 2).sum(1) / (degrees * (degrees + 1))
    coeffs *= speed / model.radius / np.sqrt(squared.sum() / (4 * np.pi))
    vorticity: Coeffs = jnp.asarray(coeffs.astype("complex128" if kind == "float64" else "complex64"))
    if isinstance(model, BarotropicVorticity):
        return vorticity[None]
    return jnp.stack([vorticity, jnp.zeros_like(vorticity), model.balanced_geopotential(vorticity)])
