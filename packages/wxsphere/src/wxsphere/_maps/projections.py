"""Map projections of the sphere of radius 1, as formulas."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline

from .. import _checks

Projection = Literal[
    "equirectangular", "robinson", "mollweide", "polar_stereographic", "lambert_azimuthal", "lambert_conformal"
]
PROJECTIONS: tuple[str, ...] = get_args(Projection)

_Angles = Float[np.ndarray, "*shape"]
# NumPy gives numbers for arrays without axes.
_Points = tuple[Float[np.ndarray, "*shape"] | np.floating, Float[np.ndarray, "*shape"] | np.floating]

# Robinson's table: length of the parallels, and their distance from the equator, every 5° of latitude.
_ROBINSON_X = (
    1.0, 0.9986, 0.9954, 0.99, 0.9822, 0.973, 0.96, 0.9427, 0.9216, 0.8962,
    0.8679, 0.835, 0.7986, 0.7597, 0.7186, 0.6732, 0.6213, 0.5722, 0.5322,
)  # fmt: skip
_ROBINSON_Y = (
    0.0, 0.062, 0.124, 0.186, 0.248, 0.31, 0.372, 0.434, 0.4958, 0.5571,
    0.6176, 0.6769, 0.7346, 0.7903, 0.8435, 0.8936, 0.9394, 0.9761, 1.0,
)  # fmt: skip
_ROBINSON_SCALE = (0.8487, 1.3523)
# Beyond this distance from the center an azimuthal map is not finite.
_FARTHEST = np.radians(175.0)
_SHAPE = 0.75
"""Height of a conformal map relative to its width."""


class _Kind(NamedTuple):
    """What a projection draws by default: center (latitude, longitude), radius, and the largest radius [degrees]."""

    center: tuple[float, float]
    radius_deg: float | None
    largest_deg: float | None


_KINDS: dict[str, _Kind] = {
    "equirectangular": _Kind((0.0, 0.0), None, None),
    "robinson": _Kind((0.0, 0.0), None, None),
    "mollweide": _Kind((0.0, 0.0), None, None),
    "polar_stereographic": _Kind((90.0, 0.0), 60.0, 120.0),
    "lambert_azimuthal": _Kind((50.0, 10.0), 40.0, 150.0),
    "lambert_conformal": _Kind((50.0, 10.0), 30.0, 60.0),
}


def equirectangular(latitude: _Angles, longitude: _Angles) -> _Points:
    """Plate carrée: x = λ, y = φ [radians]."""
    return longitude, latitude


def robinson(latitude: _Angles, longitude: _Angles) -> _Points:
    """Robinson's compromise: x = 0.8487 X(φ) λ, y = 1.3523 Y(φ), by splines through his table."""
    along, up = _robinson_splines()
    degrees = np.degrees(latitude)
    return _ROBINSON_SCALE[0] * along(degrees) * longitude, _ROBINSON_SCALE[1] * up(degrees)


def mollweide(latitude: _Angles, longitude: _Angles) -> _Points:
    """Mollweide, equal-area: x = (2√2/π) λ cos θ, y = √2 sin θ with 2θ + sin 2θ = π sin φ."""
    target = np.pi * np.sin(latitude)
    # Near a pole, where Newton's method converges slowly, the start is the leading term of a series.
    away = np.cbrt(np.maximum(1.5 * (np.pi - np.abs(target)), 0.0))
    theta = np.where(np.abs(latitude) > 1.2, np.sign(latitude) * (np.pi - away) / 2, latitude * 0.9)
    for _ in range(12):
        slope = np.maximum(2 + 2 * np.cos(2 * theta), 1e-12)
        theta = np.clip(theta - (2 * theta + np.sin(2 * theta) - target) / slope, -np.pi / 2, np.pi / 2)
    theta = np.where(np.abs(latitude) >= np.pi / 2, np.sign(latitude) * np.pi / 2, theta)
    return 2 * np.sqrt(2) / np.pi * longitude * np.cos(theta), np.sqrt(2) * np.sin(theta)


def polar_stereographic(latitude: _Angles, longitude: _Angles, sign: float) -> _Points:
    """Stereographic about a pole, conformal: ρ = 2 tan(π/4 − |φ|/2), the central meridian downwards in the north."""
    rho = 2 * np.tan(np.minimum(np.pi / 2 - sign * latitude, _FARTHEST) / 2)
    return rho * np.sin(longitude), -sign * rho * np.cos(longitude)


def lambert_azimuthal(latitude: _Angles, longitude: _Angles, middle: float) -> _Points:
    """Lambert azimuthal, equal-area: k = √(2 / (1 + cos c)), where c is the distance from the center."""
    nearness = np.sin(middle) * np.sin(latitude) + np.cos(middle) * np.cos(latitude) * np.cos(longitude)
    k = np.sqrt(2 / np.maximum(1 + nearness, 1 + np.cos(_FARTHEST)))
    up = np.cos(middle) * np.sin(latitude) - np.sin(middle) * np.cos(latitude) * np.cos(longitude)
    return k * np.cos(latitude) * np.sin(longitude), k * up


def lambert_conformal(latitude: _Angles, longitude: _Angles, middle: float) -> _Points:
    """Lambert conformal on the cone that touches at φ₀: ρ = cot φ₀ (tan(π/4 + φ₀/2) / tan(π/4 + φ/2))ⁿ, n = sin φ₀."""
    n = np.sin(middle)

    def radius(phi: np.ndarray | float) -> np.ndarray:
        # The pole on the far side is not on the map.
        base = np.tan(np.pi / 4 + np.clip(np.sign(n) * phi, -1.3, np.pi / 2) / 2)
        power = (np.tan(np.pi / 4 + abs(middle) / 2) / np.maximum(base, 1e-12)) ** abs(n)
        return np.asarray(np.sign(n) * power / np.tan(abs(middle)))

    rho = radius(latitude)
    return rho * np.sin(n * longitude), radius(middle) - rho * np.cos(n * longitude)


@functools.cache
def _robinson_splines() -> tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]:
    degrees = np.arange(0, 91, 5)
    both = np.concatenate([-degrees[:0:-1], degrees])
    even = np.concatenate([_ROBINSON_X[:0:-1], _ROBINSON_X])
    mirrored = np.concatenate([-np.array(_ROBINSON_Y)[:0:-1], _ROBINSON_Y])
    return CubicSpline(both, even), CubicSpline(both, mirrored)


@dataclasses.dataclass(frozen=True)
class View:
    """A projection, its center and what it shows of the sphere.

    Attributes:
        projection: Name of the projection.
        center: Latitude and longitude of the center [degrees]; default of the projection.
        radius_deg: Angular distance from the center that is shown [degrees]; default of the projection.

    Raises:
        ValueError: An unknown projection, or a center or radius that it cannot have.
    """

    projection: str = "equirectangular"
    center: tuple[float, float] | None = None
    radius_deg: float | None = None

    def __post_init__(self) -> None:
        _checks.option("projection", self.projection, PROJECTIONS)
        kind = _KINDS[self.projection]
        if self.center is None:
            object.__setattr__(self, "center", kind.center)
        self._check_center()
        if kind.largest_deg is None:
            if self.radius_deg is not None:
                raise ValueError(
                    f"`radius_deg` must be None for {self.projection}, which shows the globe, got {self.radius_deg!r}"
                )
            return
        if self.radius_deg is None:
            object.__setattr__(self, "radius_deg", kind.radius_deg)
        radius = _checks.number("radius_deg", self.radius_deg, above=0.0)
        if radius > kind.largest_deg:
            raise ValueError(f"`radius_deg` of {self.projection} must be at most {kind.largest_deg:g}, got {radius:g}")

    def _check_center(self) -> None:
        name, center = self.projection, _checks.numbers("center", self.center)
        if len(center) != 2 or abs(center[0]) > 90 or abs(center[1]) > 360:
            raise ValueError(f"`center` must be a latitude and a longitude in degrees, got {self.center!r}")
        latitude = abs(center[0])
        if self.whole and latitude:
            raise ValueError(f"`center` of {name} must be on the equator (0 LON), got latitude {center[0]:g}")
        if name == "polar_stereographic" and latitude != 90:
            raise ValueError(f"`center` of {name} must be a pole (90 LON or -90 LON), got latitude {center[0]:g}")
        if name == "lambert_conformal" and not 10 <= latitude <= 80:
            raise ValueError(
                f"`center` of {name} must be at a latitude of 10 … 80° north or south, got {center[0]:g}; "
                f"lambert_azimuthal takes any"
            )
        object.__setattr__(self, "center", (float(center[0]), float(center[1])))

    @property
    def whole(self) -> bool:
        """Whether the whole globe is shown."""
        return _KINDS[self.projection].radius_deg is None

    @property
    def longitude_deg(self) -> float:
        """Longitude of the center."""
        return (self.center or (0.0, 0.0))[1]

    @property
    def latitude_deg(self) -> float:
        """Latitude of the center."""
        return (self.center or (0.0, 0.0))[0]

    def relative(self, longitude_deg: np.ndarray) -> np.ndarray:
        """Longitudes from the center, −180 to below 180 [degrees]."""
        return np.asarray(np.mod(np.asarray(longitude_deg, np.float64) - self.longitude_deg + 180.0, 360.0) - 180.0)

    def forward(self, latitude_deg: np.ndarray, relative_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points of the map at latitudes and at longitudes from the center [degrees], on a sphere of radius 1."""
        latitude, longitude = np.broadcast_arrays(
            np.radians(np.asarray(latitude_deg, np.float64)), np.radians(np.asarray(relative_deg, np.float64))
        )
        middle = np.radians(self.latitude_deg)
        match self.projection:
            case "polar_stereographic":
                x, y = polar_stereographic(latitude, longitude, float(np.sign(middle)))
            case "lambert_azimuthal":
                x, y = lambert_azimuthal(latitude, longitude, float(middle))
            case "lambert_conformal":
                x, y = lambert_conformal(latitude, longitude, float(middle))
            case "robinson":
                x, y = robinson(latitude, longitude)
            case "mollweide":
                x, y = mollweide(latitude, longitude)
            case _:
                x, y = equirectangular(latitude, longitude)
        return np.asarray(x), np.asarray(y)

    def distance_deg(self, latitude_deg: np.ndarray, relative_deg: np.ndarray) -> np.ndarray:
        """Angular distance from the center [degrees]."""
        latitude, longitude = np.radians(latitude_deg), np.radians(relative_deg)
        middle = np.radians(self.latitude_deg)
        nearness = np.sin(middle) * np.sin(latitude) + np.cos(middle) * np.cos(latitude) * np.cos(longitude)
        return np.asarray(np.degrees(np.arccos(np.clip(nearness, -1, 1))))

    def drawn_deg(self) -> float:
        """Angular distance within which the map has points."""
        radius = 180.0 if self.radius_deg is None else self.radius_deg
        # The corners of a rectangle are farther away than its sides.
        return min(1.5 * radius + 5, 175.0) if self.projection == "lambert_conformal" else radius

    def outline(self) -> np.ndarray:
        """Closed edge of the map, shape (N, 2)."""
        if self.whole:
            up = np.linspace(-90.0, 90.0, 181)
            right = np.stack(self.forward(up, np.full(up.shape, 180.0)), 1)
            left = np.stack(self.forward(up[::-1], np.full(up.shape, -180.0)), 1)
            return np.concatenate([right, left, right[:1]])
        reach = np.radians(self.radius_deg or 0.0)
        if self.projection == "lambert_conformal":
            return reach * np.array([(-1, -_SHAPE), (1, -_SHAPE), (1, _SHAPE), (-1, _SHAPE), (-1, -_SHAPE)])
        rho = 2 * (np.tan(reach / 2) if self.projection == "polar_stereographic" else np.sin(reach / 2))
        angle = np.linspace(0, 2 * np.pi, 361)
        return rho * np.stack([np.cos(angle), np.sin(angle)], 1)
