"""Forcings: fields that are known functions of time and place, such as sunlight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from spinharm import Grid

from .solar import SOLAR_CONSTANT, toa_incident_solar_radiation


class Forcing(NamedTuple):
    """Field that is a known function of time and place.

    Attributes:
        function: Function of times, `datetime64` of shape (time,), and a grid; values are float32, shape
            (time, lat, lon).
        scale: Divisor that brings values to the order of 1.
        units: Unit of the values.

    Examples:
        >>> from spinharm import Grid
        >>> from wxsphere import FORCINGS
        >>> local_time = FORCINGS["cosine_of_day"]
        >>> local_time.function(["2020-01-01T03:00"], Grid.equiangular(2, 4))[0, 0].round(3)
        array([ 0.707, -0.707, -0.707,  0.707], dtype=float32)
        >>> local_time.scale, local_time.units
        (1.0, '1')
    """

    function: Callable[[npt.ArrayLike, Grid], np.ndarray]
    scale: float
    units: str


def _stamps(times: npt.ArrayLike) -> np.ndarray:
    return np.asarray(times).astype("datetime64[ns]").reshape(-1)


def _day(times: npt.ArrayLike, grid: Grid) -> np.ndarray:
    """Local solar time as an angle, 0 at midnight, shape (time, 1, lon)."""
    stamps = _stamps(times)
    universal = (stamps - stamps.astype("datetime64[D]")) / np.timedelta64(1, "D")
    return 2 * np.pi * universal[:, None, None] + grid.longitude


def _year(times: npt.ArrayLike) -> np.ndarray:
    """Time of the year as an angle, 0 at its beginning, shape (time, 1, 1)."""
    stamps = _stamps(times)
    year = stamps.astype("datetime64[Y]")
    begin, end = (one.astype("datetime64[ns]") for one in (year, year + np.timedelta64(1, "Y")))
    return (2 * np.pi * ((stamps - begin) / (end - begin)))[:, None, None]


def _everywhere(values: np.ndarray, grid: Grid) -> np.ndarray:
    return np.broadcast_to(values.astype(np.float32), (values.shape[0], *grid.shape)).copy()


def _sine_of_day(times: npt.ArrayLike, grid: Grid) -> np.ndarray:
    return _everywhere(np.sin(_day(times, grid)), grid)


def _cosine_of_day(times: npt.ArrayLike, grid: Grid) -> np.ndarray:
    return _everywhere(np.cos(_day(times, grid)), grid)


def _sine_of_year(times: npt.ArrayLike, grid: Grid) -> np.ndarray:
    return _everywhere(np.sin(_year(times)), grid)


def _cosine_of_year(times: npt.ArrayLike, grid: Grid) -> np.ndarray:
    return _everywhere(np.cos(_year(times)), grid)


# Named functions, as lambdas cannot be pickled.
FORCINGS: Mapping[str, Forcing] = {
    "toa_incident_solar_radiation": Forcing(toa_incident_solar_radiation, 3600 * SOLAR_CONSTANT, "J m**-2"),
    "sine_of_day": Forcing(_sine_of_day, 1.0, "1"),
    "cosine_of_day": Forcing(_cosine_of_day, 1.0, "1"),
    "sine_of_year": Forcing(_sine_of_year, 1.0, "1"),
    "cosine_of_year": Forcing(_cosine_of_year, 1.0, "1"),
}
"""Forcings by name: sunlight of the hour before at the top of the atmosphere (J/m²), and sine and cosine of local time
(0 at local midnight) and of the time of the year (0 at its beginning, the whole year one turn, leap years too)."""
