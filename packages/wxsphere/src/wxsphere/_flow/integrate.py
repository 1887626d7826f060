"""Time integration of a flow, maps of its state, and conserved quantities."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import jax
import numpy as np
from jax import lax

import spinharm
from spinharm import Grid, SpinTransform

from .. import _checks
from .equations import GRAVITY, BarotropicVorticity, Flow, ShallowWater, State, check_flow, check_state, coriolis
from .exponential import StepTables, etdrk4_step

# The counter of the compiled loop has 32 bits.
_MOST_STEPS = 2**31 - 1
CONSERVED = {
    BarotropicVorticity: ("energy", "enstrophy", "fastest"),
    ShallowWater: ("mass", "energy", "enstrophy", "fastest"),
}


def integrate(model: Flow, state: State, steps: int) -> State:
    """Integrate a state over some time steps by ETDRK4, in a compiled loop.

    Args:
        model: The equations.
        state: Coefficients, shape (fields, L, 2L−1), complex64 or complex128.
        steps: Number of time steps, at least 0.

    Returns:
        The state, of the same shape and type.

    Raises:
        TypeError: `steps` is not an integer.
        ValueError: The state has another shape, or `steps` is below 0 or above the range of 32 bits.

    Examples:
        >>> from wxsphere import BarotropicVorticity, diagnostics, integrate, random_state
        >>> model = BarotropicVorticity(bandlimit=4, time_step=1800.0, diffusion_time=None)
        >>> state = random_state(model, seed=0, degree=2.0)
        >>> later = integrate(model, state, steps=48)  # one day
        >>> bool(abs(diagnostics(model, later)["energy"] / diagnostics(model, state)["energy"] - 1) < 1e-4)
        True
    """
    check_flow(model)
    check_state(model, state)
    wide = state.dtype == np.complex128
    tables = StepTables(*(table.astype(np.float64 if wide else np.float32) for table in _tables(model)))
    if _checks.integer("steps", steps, 0) > _MOST_STEPS:
        raise ValueError(f"`steps` must be at most {_MOST_STEPS}, got {steps}; call `integrate` several times")
    count = np.asarray(steps, np.int32)
    # Time step and diffusion are in the tables, so that one compiled program serves all of them.
    return _program(dataclasses.replace(model, time_step=1.0, diffusion_time=None, diffusion_order=1))(
        state, tables, count
    )


@functools.lru_cache(maxsize=16)
def _tables(model: Flow) -> StepTables:
    return model.tables()


@functools.lru_cache(maxsize=16)
def _program(model: Flow) -> Callable[..., State]:
    def run(state: jax.Array, tables: StepTables, steps: jax.Array) -> jax.Array:
        return lax.fori_loop(0, steps, lambda _, now: etdrk4_step(now, model.tendency, tables), state)

    return spinharm.jit(run)


def flow_maps(model: Flow, state: State, grid: Grid | None = None) -> dict[str, np.ndarray]:
    """Maps of a state, under the names of WeatherBench 2.

    Args:
        model: The equations.
        state: Coefficients, shape (fields, L, 2L−1).
        grid: Grid that resolves L degrees; default that of the model.

    Returns:
        `u_component_of_wind`, `v_component_of_wind` [m/s], `vorticity` [1/s] and, of shallow water, `divergence` [1/s]
        and `geopotential` [m²/s²], each of shape (lat, lon), in the precision of the state.

    Raises:
        ValueError: The grid does not resolve L degrees.

    Examples:
        >>> from wxsphere import ShallowWater, flow_maps, williamson2
        >>> model = ShallowWater(bandlimit=4, mean_geopotential=2.94e4)
        >>> for name, values in flow_maps(model, williamson2(model)).items():
        ...     print(name, values.shape)
        u_component_of_wind (5, 10)
        v_component_of_wind (5, 10)
        vorticity (5, 10)
        divergence (5, 10)
        geopotential (5, 10)
    """
    check_flow(model)
    check_state(model, state)
    if grid is not None:
        _checks.grid("grid", grid)
    scalars, wind = _synthesis_program(model, model.grid if grid is None else grid)(state)
    out = {"u_component_of_wind": wind.imag, "v_component_of_wind": -wind.real}
    out |= {name: scalars[..., at] for at, name in enumerate(model.fields)}
    out = {name: np.asarray(values) for name, values in out.items()}
    if isinstance(model, ShallowWater):
        out["geopotential"] = out["geopotential"] + np.asarray(model.mean_geopotential, out["geopotential"].dtype)
    return out


@functools.lru_cache(maxsize=16)
def _synthesis_program(model: Flow, grid: Grid) -> Callable[[State], tuple[jax.Array, jax.Array]]:
    scalar, vector = (SpinTransform(grid, model.bandlimit, (spin,)) for spin in (0, 1))

    def run(state: jax.Array) -> tuple[jax.Array, jax.Array]:
        columns = jax.numpy.moveaxis(state, 0, -1)[:, :, None, :]
        wind = vector.inverse(model.wind(state)[:, :, None, None])
        return scalar.inverse(columns, real=True)[:, :, 0, :], wind[:, :, 0, 0]

    return spinharm.jit(run)


def diagnostics(model: Flow, state: State) -> dict[str, float]:
    """Means over the sphere of the quantities that the equations without diffusion conserve.

    Args:
        model: The equations.
        state: Coefficients, shape (fields, L, 2L−1).

    Returns:
        For `BarotropicVorticity`: `energy` ½⟨|V|²⟩ [m²/s²] and `enstrophy` ½⟨(ζ + f)²⟩ [1/s²]. For `ShallowWater`:
        `mass` ⟨Φ⟩/g [m], `energy` ½⟨Φ|V|² + (Φ − ⟨Φ⟩)²⟩/g [m³/s²], without the constant ½⟨Φ⟩²/g, and `enstrophy`
        ½⟨(ζ + f)²/Φ⟩ g [1/(m s²)], the potential enstrophy. Also `fastest`, the largest wind speed [m/s]. The
        quadratures on the grid of the model are exact, except for potential enstrophy.

    Examples:
        >>> from wxsphere import BarotropicVorticity, diagnostics, random_state
        >>> model = BarotropicVorticity(bandlimit=4)
        >>> found = diagnostics(model, random_state(model, seed=0, wind=20.0))
        >>> round(found["energy"], 1)  # ½⟨|V|²⟩
        200.0
    """
    maps = {name: values.astype(np.float64) for name, values in flow_maps(model, state).items()}
    weight = model.grid.weights[:, None] / (4 * np.pi)
    squared = maps["u_component_of_wind"] ** 2 + maps["v_component_of_wind"] ** 2
    absolute = maps["vorticity"] + coriolis(model.grid, model.rotation_rate, model.axis_tilt)

    def mean(values: np.ndarray) -> float:
        return float((values * weight).sum())

    out = {"fastest": float(np.sqrt(squared.max()))}
    if isinstance(model, BarotropicVorticity):
        return {"energy": mean(squared) / 2, "enstrophy": mean(absolute**2) / 2, **out}
    depth = maps["geopotential"]
    centred = depth - mean(depth)
    return {
        "mass": mean(depth) / GRAVITY,
        "energy": mean(depth * squared + centred**2) / (2 * GRAVITY),
        "enstrophy": mean(absolute**2 / depth) * GRAVITY / 2,
        **out,
    }
