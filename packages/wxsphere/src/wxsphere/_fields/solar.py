"""Solar radiation at the top of the atmosphere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from spinharm import Grid

from .. import _checks

SOLAR_CONSTANT = 1361.0
"""Total solar irradiance at one astronomical unit [W/m²]."""

# Half the angle by which the sun moves in one hour.
_HALF_HOUR = np.pi / 24
_NOON_2000 = np.datetime64("2000-01-01T12:00", "ns")


def toa_incident_solar_radiation(times: npt.ArrayLike, grid: Grid) -> Float[np.ndarray, "time lat lon"]:
    """Incoming solar energy per horizontal area at the top of the atmosphere, over the hour that ends at a time.

    S₀/R² ∫ max(0, sin φ sin δ + cos φ cos δ cos H) dt over that hour, with the latitude φ, the sun's declination δ,
    its distance R in astronomical units, the hour angle H, and S₀ = 1361 W/m². δ and R are taken at the middle
    of the hour; the integral over H is exact, also at sunrise and sunset. The result agrees to 0.1 % with
    `toa_incident_solar_radiation` of ERA5, which uses other orbital elements and the irradiance of each year.

    Args:
        times: Ends of the hours, UTC, `datetime64`, shape (time,).
        grid: Any grid.

    Returns:
        Energy [J/m²], shape (time, lat, lon), float32.

    Raises:
        TypeError: `times` are not dates, or `grid` is not a `Grid`.
        ValueError: A time is outside the range of `datetime64[ns]`.

    References:
        Sun: Michalsky, The Astronomical Almanac's algorithm for approximate solar position (1988), equations 1–5 and
        8; distance: The Astronomical Almanac, page C24. Irradiance: Kopp and Lean, A new, lower value of total solar
        irradiance (2011).

    Examples:
        >>> from spinharm import Grid
        >>> from wxsphere import toa_incident_solar_radiation
        >>> sunlight = toa_incident_solar_radiation(["2020-06-21T12:30"], Grid.equiangular(3, 4, poles=True))
        >>> (sunlight[0] / 3600).round().astype(int)  # W/m²: north pole, equator, south pole
        array([[ 524,  524,  524,  524],
               [1206,   45,    0,   35],
               [   0,    0,    0,    0]])
    """
    _checks.grid("grid", grid)
    middles = _checks.times("times", times) - np.timedelta64(30, "m")
    declination, distance, hour_angle = _sun(middles)
    latitude = np.pi / 2 - grid.colatitude
    out = np.empty((middles.size, *grid.shape), np.float32)
    for at in range(middles.size):
        level = (np.sin(latitude) * np.sin(declination[at]))[:, None]
        swing = (np.cos(latitude) * np.cos(declination[at]))[:, None]
        # Half the length of day as an angle: cos = −tan φ tan δ; 0 in polar night, π in polar day.
        half_day = np.arccos(np.clip(-level / np.maximum(swing, 1e-12), -1.0, 1.0))
        hour = np.mod(hour_angle[at] + grid.longitude + np.pi, 2 * np.pi) - np.pi
        total = np.zeros(grid.shape)
        for turn in (-2 * np.pi, 0.0, 2 * np.pi):
            first = np.clip(hour - _HALF_HOUR, turn - half_day, turn + half_day)
            last = np.clip(hour + _HALF_HOUR, turn - half_day, turn + half_day)
            total += level * (last - first) + swing * (np.sin(last) - np.sin(first))
        out[at] = SOLAR_CONSTANT / distance[at] ** 2 * 3600 / (2 * _HALF_HOUR) * np.maximum(total, 0.0)
    return out


def _sun(times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Declination [rad], distance [AU] and Greenwich hour angle [rad] of the sun, each of shape (time,)."""
    days = (times - _NOON_2000) / np.timedelta64(1, "D")
    anomaly = np.radians(357.528 + 0.9856003 * days)
    mean_longitude = 280.460 + 0.9856474 * days
    longitude = np.radians(mean_longitude + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    obliquity = np.radians(23.439 - 4e-7 * days)
    declination = np.arcsin(np.sin(obliquity) * np.sin(longitude))
    right_ascension = np.arctan2(np.cos(obliquity) * np.sin(longitude), np.cos(longitude))
    universal = 24 * np.mod(days + 0.5, 1.0)
    sidereal = 6.697375 + 0.0657098242 * days + universal
    distance = 1.00014 - 0.01671 * np.cos(anomaly) - 0.00014 * np.cos(2 * anomaly)
    return declination, distance, np.radians(15 * sidereal) - right_ascension
