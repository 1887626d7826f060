"""Colour scales of maps: sequential or symmetric about zero, with a sign where values lie beyond the bar."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import numpy as np

from .._conventions.names import VARIABLE_ALIASES

SEQUENTIAL, DIVERGING = "viridis", "RdBu_r"
# Colours of values beyond the bar: far from its ends for every kind of colour vision, and from black and white.
_BEYOND = {SEQUENTIAL: ("#a8a8a8", "#ff5c8a"), DIVERGING: ("#35c9c9", "#ffae00")}
_QUANTILE = 0.995
# Clip an end of the bar only if the quantiles would span less than this share of the colours.
_MOST_RANGE = 0.6
_SIGNED = (
    "component_of_wind", "vorticity", "divergence", "vertical_velocity", "tendency", "anomaly", "difference", "flux",
    "stream_function", "velocity_potential",
)  # fmt: skip


class Scale(NamedTuple):
    """Limits of the colours, their map, and the true extremes of what is drawn."""

    low: float
    high: float
    colours: str
    smallest: float
    largest: float

    @property
    def extend(self) -> Literal["neither", "min", "max", "both"]:
        """Ends of the bar beyond which there are values."""
        # A limit that was rounded on its way through a file is no limit passed.
        slack = 1e-6 * (self.high - self.low)
        below, above = self.smallest < self.low - slack, self.largest > self.high + slack
        return "both" if below and above else "min" if below else "max" if above else "neither"


def is_signed(name: str, values: Iterable[np.ndarray]) -> bool:
    """Whether colours of a variable are symmetric about zero: by its name, else if both signs occur in earnest."""
    if any(part in name for part in _SIGNED):
        return True
    if name in VARIABLE_ALIASES.values() or name in ("wind", "10m_wind"):
        return False
    low, high = _extremes(values)
    return low < 0 < high and min(-low, high) > 0.05 * max(-low, high)


def scale_of(values: Iterable[np.ndarray], *, signed: bool = False, limits: tuple[float, float] | None = None) -> Scale:
    """One scale for several fields.

    Args:
        values: The fields; NaN is left out.
        signed: Take colours that are symmetric about zero.
        limits: Ends of the bar; default all values, or the quantiles of 0.5 and 99.5 % where single values would take
            most of the colours.

    Returns:
        The scale.
    """
    fields = [np.asarray(one, np.float64) for one in values]
    smallest, largest = _extremes(fields)
    if limits is None:
        limits = _usual_limits(np.concatenate([one[np.isfinite(one)].ravel() for one in fields]), signed)
    return Scale(*limits, DIVERGING if signed else SEQUENTIAL, smallest, largest)


def colour_map(plotting: Any, scale: Scale) -> Any:
    """Matplotlib's colours of a scale, with those of values beyond its ends; no value is transparent."""
    under, over = _BEYOND[scale.colours]
    return plotting.colormaps[scale.colours].with_extremes(under=under, over=over, bad=(0, 0, 0, 0))


def _extremes(values: Iterable[np.ndarray]) -> tuple[float, float]:
    finite = [one[np.isfinite(one)] for one in values]
    finite = [one for one in finite if one.size]
    if not finite:
        return 0.0, 0.0
    return float(min(one.min() for one in finite)), float(max(one.max() for one in finite))


def _usual_limits(values: np.ndarray, signed: bool) -> tuple[float, float]:
    if not values.size:
        return (-1.0, 1.0) if signed else (0.0, 1.0)
    if signed:
        size = np.abs(values)
        largest, usual = float(size.max()), float(np.quantile(size, _QUANTILE))
        end = (largest if usual >= _MOST_RANGE * largest else usual) or largest or 1.0
        return -end, end
    low, high = float(values.min()), float(values.max())
    inner = [float(np.quantile(values, at)) for at in (1 - _QUANTILE, _QUANTILE)]
    beyond = (1 / _MOST_RANGE - 1) * (inner[1] - inner[0])
    if beyond > 0:
        low = low if inner[0] - low <= beyond else inner[0]
        high = high if high - inner[1] <= beyond else inner[1]
    return (low, high) if high > low else (low - 0.5, high + 0.5)
