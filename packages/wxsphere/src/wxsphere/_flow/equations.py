"""Equations of flow on the rotating sphere, in spherical harmonic coefficients."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex

import spinharm
from spinharm import Grid, SpinTransform

from .. import _checks
from .exponential import StepTables, step_tables

EARTH_RADIUS = 6.37122e6
"""Radius of the earth [m]; Williamson et al. (1992)."""
EARTH_ROTATION = 7.292e-5
"""Rotation rate of the earth [rad/s]; Williamson et al. (1992)."""
GRAVITY = 9.80616
"""Acceleration of gravity [m/s²]; Williamson et al. (1992)."""

Coeffs = Complex[Array, "degree order"]
State = Complex[Array, "field degree order"]


def quadratic_grid(bandlimit: int) -> Grid:
    """The Gauss-Legendre grid on which products of two fields are exact below the bandlimit.

    It has nlat rings with 2 nlat − 1 ≥ 3(L − 1), the degree of a product of two fields times a harmonic, and 2 nlat
    columns, so that no degree below L is aliased.

    Args:
        bandlimit: L, at least 2.

    Returns:
        The grid, north first: 32×64 for L = 22 (T21), 64×128 for L = 43 (T42), 96×192 for L = 64 (T63).

    Examples:
        >>> from wxsphere import quadratic_grid
        >>> print(quadratic_grid(22))
        32×64 Gauss-Legendre
    """
    nlat = -(-(3 * _checks.integer("bandlimit", bandlimit, 2) - 2) // 2)
    return Grid.gauss_legendre(nlat)


def wind_coeffs(vorticity: Coeffs, divergence: Coeffs | None, radius: float) -> Coeffs:
    """Spin +1 coefficients of the wind [m/s] from vorticity and divergence [1/s], on a sphere of a radius [m]."""

    def potential_flow(source: jax.Array) -> jax.Array:
        return spinharm.gradient(spinharm.inverse_laplacian(source * radius, axis=-2), axis=-2)

    gradient = potential_flow(vorticity)
    out = jax.lax.complex(-gradient.imag, gradient.real)
    return out if divergence is None else out + potential_flow(divergence)


def coriolis(grid: Grid, rate: float, tilt: float) -> np.ndarray:
    """Coriolis parameter 2Ω (sin φ cos α − cos λ cos φ sin α), axis tilted by α; Williamson et al. (1992), eq. (95)."""
    sine, cosine = np.cos(grid.colatitude)[:, None], np.sin(grid.colatitude)[:, None]
    return 2 * rate * (sine * np.cos(tilt) - np.cos(grid.longitude) * cosine * np.sin(tilt))


def _decay(bandlimit: int, time: float | None, order: int) -> np.ndarray:
    """Hyperdiffusion rate of each degree [1/s]: (l(l+1) / (L−1)L)^order / time."""
    degree = np.arange(bandlimit)
    relative = degree * (degree + 1) / ((bandlimit - 1) * bandlimit)
    return np.zeros(bandlimit) if time is None else relative**order / time


def check_flow(model: Flow) -> None:
    """`model` must be a `BarotropicVorticity` or `ShallowWater`."""
    kinds = (BarotropicVorticity, ShallowWater)
    _checks.instance("model", model, kinds, "a wxsphere.BarotropicVorticity or ShallowWater")


def check_state(model: Flow, state: State) -> None:
    """`state` must have the shape and a type of the states of `model`."""
    _checks.array("state", state)
    wanted = (len(model.fields), model.bandlimit, 2 * model.bandlimit - 1)
    if state.shape != wanted:
        raise ValueError(f"`state` must have shape {wanted} for fields {model.fields}, got {state.shape}")
    if state.dtype not in (np.complex64, np.complex128):
        raise TypeError(f"`state` must be complex64 or complex128, got {state.dtype}")


def _check_common(model: Flow) -> None:
    _checks.integer("bandlimit", model.bandlimit, 3)
    _checks.integer("diffusion_order", model.diffusion_order, 1)
    for name in ("time_step", "radius"):
        _checks.number(name, getattr(model, name), above=0.0)
    for name in ("rotation_rate", "axis_tilt"):
        _checks.number(name, getattr(model, name))
    if model.diffusion_time is not None:
        _checks.number("diffusion_time", model.diffusion_time, above=0.0)


def _synthesis(model: Flow, spin: int) -> SpinTransform:
    return SpinTransform(model.grid, model.bandlimit, (spin,))


def _absolute_flux(model: Flow, vorticity: jax.Array, wind: jax.Array) -> jax.Array:
    """(ζ + f) V on the grid, as a spin +1 map."""
    planetary = coriolis(model.grid, model.rotation_rate, model.axis_tilt)
    absolute = vorticity + jnp.asarray(planetary.astype(vorticity.dtype))
    return jax.lax.complex(absolute * wind.real, absolute * wind.imag)


def _maps(coeffs: list[jax.Array], transform: SpinTransform, *, real: bool = False) -> list[jax.Array]:
    """Synthesise several arrays of coefficients (L, 2L−1) as the channels of one transform."""
    stacked = jnp.stack(coeffs, -1)[:, :, None, :]
    maps = transform.inverse(stacked, real=real)
    return [maps[:, :, 0, at] for at in range(len(coeffs))]


def _analysed(maps: list[jax.Array], transform: SpinTransform) -> list[jax.Array]:
    coeffs = transform.forward(jnp.stack(maps, -1)[:, :, None, :])
    return [coeffs[:, :, 0, at] for at in range(len(maps))]


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class BarotropicVorticity:
    """The barotropic vorticity equation, ∂ζ/∂t = −∇·((ζ + f) V), V = r̂ × ∇ψ, ∇²ψ = ζ, with hyperdiffusion.

    A state has one field, the coefficients of ζ [1/s], shape (1, L, 2L−1). Products are exact (see `quadratic_grid`);
    time stepping is ETDRK4 with diffusion as the linear part.

    Attributes:
        bandlimit: L; triangular truncation T(L−1).
        time_step: h [s].
        diffusion_time: e-folding time of the largest degree [s]; None for no diffusion.
        diffusion_order: p: degree l decays at the rate (l(l+1)/((L−1)L))^p / diffusion_time, that is by ∇^{2p}.
        rotation_rate: Ω [rad/s].
        axis_tilt: Angle between the axis of rotation and the north pole of the grid [radians].
        radius: [m].

    Examples:
        >>> import jax
        >>> from wxsphere import BarotropicVorticity, random_state
        >>> model = BarotropicVorticity(bandlimit=4, time_step=1800.0)
        >>> print(model.grid)
        5×10 Gauss-Legendre
        >>> state = random_state(model, seed=0, degree=2.0)
        >>> state.shape, model.wind(state).shape, jax.jit(model.tendency)(state).shape
        ((1, 4, 7), (4, 7), (1, 4, 7))
        >>> model.tables().whole.shape
        (1, 1, 4)
    """

    bandlimit: int = 43
    time_step: float = 1200.0
    diffusion_time: float | None = 6 * 3600.0
    diffusion_order: int = 4
    rotation_rate: float = EARTH_ROTATION
    axis_tilt: float = 0.0
    radius: float = EARTH_RADIUS

    fields: ClassVar[tuple[str, ...]] = ("vorticity",)

    def __post_init__(self) -> None:
        _check_common(self)

    @property
    def grid(self) -> Grid:
        """The grid on which products are formed."""
        return quadratic_grid(self.bandlimit)

    def wind(self, state: State) -> Coeffs:
        """Spin +1 coefficients of the wind [m/s], shape (L, 2L−1)."""
        check_state(self, state)
        return wind_coeffs(state[0], None, self.radius)

    def tendency(self, state: State) -> State:
        """Nonlinear tendency −∇·((ζ + f) V) as coefficients [1/s²], shape (1, L, 2L−1)."""
        check_state(self, state)
        (vorticity,) = _maps([state[0]], _synthesis(self, 0), real=True)
        (wind,) = _maps([self.wind(state)], _synthesis(self, 1))
        (flux,) = _analysed([_absolute_flux(self, vorticity, wind)], _synthesis(self, 1))
        return -spinharm.divergence(flux, axis=-2)[None] / self.radius

    def tables(self) -> StepTables:
        """Coefficients of a time step, with hyperdiffusion as the linear part."""
        zero = np.zeros(self.bandlimit)
        decay = _decay(self.bandlimit, self.diffusion_time, self.diffusion_order)
        return step_tables(decay, np.zeros((1, 1, self.bandlimit)), zero, self.time_step)


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class ShallowWater:
    """The shallow-water equations in vorticity ζ, divergence δ and geopotential Φ = Φ̄ + Φ′, with hyperdiffusion.

        ∂ζ/∂t = −∇·((ζ + f) V)
        ∂δ/∂t = r̂·∇×((ζ + f) V) − ∇²(½|V|²) − ∇²Φ′
        ∂Φ′/∂t = −∇·(Φ′ V) − Φ̄ δ

    A state has three fields, coefficients of ζ [1/s], δ [1/s] and Φ′ [m²/s²], shape (3, L, 2L−1). Gravity waves (the
    last terms of the equations of δ and Φ′) and diffusion are linear, and exact in time (ETDRK4), so that the wind
    limits the time step. Products are exact (see `quadratic_grid`). The mean of Φ is constant.

    Attributes:
        bandlimit: L; triangular truncation T(L−1).
        time_step: h [s].
        mean_geopotential: Φ̄ [m²/s²], near the mean of the flow; default that of a depth of 10 km.
        diffusion_time: e-folding time of the largest degree [s]; None for no diffusion.
        diffusion_order: p: degree l decays at the rate (l(l+1)/((L−1)L))^p / diffusion_time, that is by ∇^{2p}.
        rotation_rate: Ω [rad/s].
        axis_tilt: Angle between the axis of rotation and the north pole of the grid [radians].
        radius: [m].

    References:
        Williamson et al., A standard test set for numerical approximations to the shallow water equations (1992),
        equations (5)-(7) in this form.

    Examples:
        >>> import jax
        >>> from wxsphere import ShallowWater, williamson2
        >>> model = ShallowWater(bandlimit=4, time_step=1800.0, mean_geopotential=2.94e4)
        >>> print(model.grid)
        5×10 Gauss-Legendre
        >>> state = williamson2(model)
        >>> state.shape, model.wind(state).shape, jax.jit(model.tendency)(state).shape
        ((3, 4, 7), (4, 7), (3, 4, 7))
        >>> jax.jit(model.balanced_geopotential)(state[0]).shape, model.tables().whole.shape
        ((4, 7), (3, 3, 4))
    """

    bandlimit: int = 43
    time_step: float = 1200.0
    mean_geopotential: float = 10_000 * GRAVITY
    diffusion_time: float | None = 6 * 3600.0
    diffusion_order: int = 4
    rotation_rate: float = EARTH_ROTATION
    axis_tilt: float = 0.0
    radius: float = EARTH_RADIUS

    fields: ClassVar[tuple[str, ...]] = ("vorticity", "divergence", "geopotential")

    def __post_init__(self) -> None:
        _check_common(self)
        _checks.number("mean_geopotential", self.mean_geopotential, above=0.0)

    @property
    def grid(self) -> Grid:
        """The grid on which products are formed."""
        return quadratic_grid(self.bandlimit)

    def wind(self, state: State) -> Coeffs:
        """Spin +1 coefficients of the wind [m/s], shape (L, 2L−1)."""
        check_state(self, state)
        return wind_coeffs(state[0], state[1], self.radius)

    def tendency(self, state: State) -> State:
        """Nonlinear tendency of (ζ, δ, Φ′), shape (3, L, 2L−1)."""
        check_state(self, state)
        scalar, vector = _synthesis(self, 0), _synthesis(self, 1)
        vorticity, geopotential = _maps([state[0], state[2]], scalar, real=True)
        (wind,) = _maps([self.wind(state)], vector)
        carried = jax.lax.complex(geopotential * wind.real, geopotential * wind.imag)
        flux, outflow = _analysed([_absolute_flux(self, vorticity, wind), carried], vector)
        (kinetic,) = _analysed([(wind.real**2 + wind.imag**2) / 2], scalar)
        force = spinharm.vorticity(flux, axis=-2) - spinharm.laplacian(kinetic, axis=-2) / self.radius
        rates = [-spinharm.divergence(flux, axis=-2), force, -spinharm.divergence(outflow, axis=-2)]
        return jnp.stack(rates) / self.radius

    def tables(self) -> StepTables:
        """Coefficients of a time step, with gravity waves and hyperdiffusion as the linear part."""
        degree = np.arange(self.bandlimit)
        stiffness = degree * (degree + 1) / self.radius**2
        coupling = np.zeros((3, 3, self.bandlimit))
        coupling[1, 2], coupling[2, 1] = stiffness, -self.mean_geopotential
        decay = _decay(self.bandlimit, self.diffusion_time, self.diffusion_order)
        return step_tables(decay, coupling, np.sqrt(stiffness * self.mean_geopotential), self.time_step)

    def balanced_geopotential(self, vorticity: Coeffs) -> Coeffs:
        """Φ′ in nonlinear balance with a non-divergent wind, ∂δ/∂t = 0: ∇²Φ′ = r̂·∇×((ζ + f) V) − ∇²(½|V|²), mean 0.

        Args:
            vorticity: Coefficients of ζ [1/s], shape (L, 2L−1).

        Returns:
            Coefficients [m²/s²], shape (L, 2L−1).
        """
        _checks.array("vorticity", vorticity, axes=2)
        zero = jnp.zeros_like(vorticity)
        force = self.tendency(jnp.stack([vorticity, zero, zero]))[1]
        return spinharm.inverse_laplacian(force, axis=-2) * self.radius**2


Flow = BarotropicVorticity | ShallowWater
"""Equations that can be integrated."""
