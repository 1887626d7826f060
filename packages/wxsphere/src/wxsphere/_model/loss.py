"""Training loss: squared errors weighted by area, variable, level and degree."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact

from spinharm import Grid, SpinTransform

from .. import _checks
from .._fields.fields import FieldLayout
from .._fields.weights import point_weights

MapLoss = Callable[[Array], Array]


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """Weights of the loss.

    Attributes:
        variables: Weight by variable, 1 for others; a wind has the mean weight of its components.
        levels: `"uniform"`, or `"pressure"`: weights proportional to pressure, with mean 1 over the levels of each
            variable.
        spectral: Fraction s of the spectral loss, 0 … 1.
        degree_power: Exponent p of the weight ((ℓ + 1) / L)^p of degree ℓ in the spectral loss.

    Examples:
        >>> from wxsphere import LossConfig
        >>> LossConfig(variables={"2m_temperature": 0.1}, levels="pressure").spectral
        0.0
    """

    variables: dict[str, float] = dataclasses.field(default_factory=dict)
    levels: Literal["uniform", "pressure"] = "uniform"
    spectral: float = 0.0
    degree_power: float = 1.0

    def __post_init__(self) -> None:
        _checks.option("levels", self.levels, ("uniform", "pressure"))
        _checks.instance("variables", self.variables, dict, "a dictionary of weights by name of variable")
        for name, weight in self.variables.items():
            if not isinstance(name, str) or not _checks.number("variables", weight) >= 0:
                raise ValueError(f"`variables` must have weights of 0 or more, got {weight} for {name}")
        if not 0 <= _checks.number("spectral", self.spectral) <= 1:
            raise ValueError(f"`spectral` must be between 0 and 1, got {self.spectral}")
        _checks.number("degree_power", self.degree_power)


def channel_weights(layout: FieldLayout, config: LossConfig) -> Float[np.ndarray, "spin channel"]:
    """Weights of squared moduli of channels, whose weighted sum is a mean over variables, levels and components.

    If all weights of `config` are 1, the weights of all components sum to 1, with two components in a wind.

    Args:
        layout: Layout of the channels.
        config: Weights by variable and level.

    Returns:
        Weights, shape (spin, channel), float64; 0 for padding.

    Raises:
        ValueError: A variable is not in the layout, or all weights are 0.

    Examples:
        >>> from wxsphere import Channel, FieldLayout, LossConfig, channel_weights
        >>> layout = FieldLayout((Channel(("temperature",), 500.0), Channel(("temperature",), 1000.0)))
        >>> channel_weights(layout, LossConfig(levels="pressure")).round(3)
        array([[0.333, 0.667]])
    """
    _checks.instance("layout", layout, FieldLayout, "a wxsphere.FieldLayout")
    _checks.instance("config", config, LossConfig, "a wxsphere.LossConfig")
    unknown = [name for name in config.variables if name not in layout.variables]
    if unknown:
        raise ValueError(f"`variables` must be among {', '.join(layout.variables)}, got {unknown[0]!r}")
    out = np.zeros((len(layout.spins), layout.channels))
    components = 0
    for row, channels in ((0, layout.scalars), (-1, layout.winds)):
        for at, channel in enumerate(channels):
            weight = float(np.mean([config.variables.get(name, 1.0) for name in channel.names]))
            if config.levels == "pressure" and channel.level is not None:
                heights = [c.level for c in channels if c.names == channel.names and c.level is not None]
                weight *= channel.level / float(np.mean(heights))
            out[row, at] = weight
            components += len(channel.names)
    if not out.any():
        raise ValueError(f"`variables` must have at least one weight above 0, got {config.variables}")
    return out / components


def make_map_loss(layout: FieldLayout, grid: Grid, config: LossConfig) -> MapLoss:
    """Make the function that computes the loss of an error.

    (1 − s) Σ_c w_c ⟨|e_c|²⟩ + s Σ_c w_c Σ_ℓ g_ℓ Σ_m |e_c,ℓm|² / 4π, with weights w of `channel_weights`, means over the
    sphere by `area_weights`, spin-weighted coefficients for winds, and g_ℓ = ((ℓ + 1) / L)^p; s and p are `spectral`
    and `degree_power`. For g = 1 both sums are equal (Parseval).

    Args:
        layout: Layout of the channels of the error.
        grid: Grid of the error.
        config: Weights of the loss.

    Returns:
        Function from errors, shape (*batch, lat, lon, spin, channel), to losses of shape (*batch,).

    References:
        Rasp et al., WeatherBench (2020), equation (1); Lam et al., GraphCast (2023), equation (19).

    Examples:
        >>> import jax.numpy as jnp
        >>> from spinharm import Grid
        >>> from wxsphere import Channel, FieldLayout, LossConfig, make_map_loss
        >>> grid = Grid.gauss_legendre(4)
        >>> loss = make_map_loss(FieldLayout((Channel(("2m_temperature",)),)), grid, LossConfig())
        >>> error = jnp.full((1, *grid.shape, 1, 1), 2.0)
        >>> loss(error).round(3).tolist()
        [4.0]
    """
    channels = channel_weights(layout, config)
    _checks.grid("grid", grid)
    points = point_weights(grid) * channels
    bandlimit = grid.max_bandlimit
    degrees = ((np.arange(bandlimit) + 1) / bandlimit) ** config.degree_power
    coefficients = degrees[:, None, None, None] * channels / (4 * np.pi)
    transform = SpinTransform(grid, bandlimit, layout.spins) if config.spectral else None

    def loss(error: Inexact[Array, "*batch lat lon spin channel"]) -> Float[Array, "*batch"]:
        total = (1 - config.spectral) * _weighted(error, points)
        if transform is None:
            return total
        coeffs = transform.forward(error)
        return total + config.spectral * _weighted(coeffs, coefficients)

    return loss


def _weighted(values: Array, weights: np.ndarray) -> Array:
    squares = values.real**2 + values.imag**2 if jnp.iscomplexobj(values) else values**2
    return (squares * jnp.asarray(weights, squares.dtype)).sum((-4, -3, -2, -1))
