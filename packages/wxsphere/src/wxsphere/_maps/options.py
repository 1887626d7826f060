"""Options of `map_figure` and `animate_maps`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from .. import _checks
from .projections import Projection, View
from .style import THEMES, Theme

_MOST_COLUMNS = 8


@dataclasses.dataclass(frozen=True)
class MapOptions:
    """What `map_figure` draws of a dataset, and how.

    Attributes:
        level: Level [hPa] of the variables that have levels; default that nearest to 500.
        time: Time in ISO 8601 or as datetime64, of which the nearest is drawn; of forecasts the initial time; default
            the first.
        lead_hours: Lead time of a forecast [hours], 0 or more; default the first.
        member: Member of an ensemble; default the first.
        projection: `"equirectangular"`, `"robinson"`, `"mollweide"`, `"polar_stereographic"`, `"lambert_azimuthal"`
            (equal-area) or `"lambert_conformal"`.
        center: Latitude and longitude of the center [degrees]; default the prime meridian, the north pole, or Europe,
            whichever the projection can show. Maps of the globe take a center on the equator, polar ones a pole.
        radius_deg: Distance from the center that a map of a part of the globe shows [degrees]; default of the
            projection.
        contours: Name of a scalar that is drawn as lines over the colours; geopotential in dam.
        coast: Draw coastlines, or None of them, for a planet without land.
        limits: Ends of the colours by name of variable or wind; default what is drawn, the same for all datasets.
        smooth: Draw fields from their coefficients on a grid of 1° where these give the field back within 1 %.
        columns: Maps in a row, 1 … 8; one is readable on a phone.
        theme: `"light"`, or `"dark"`: light text on nothing, for dark pages.

    Raises:
        TypeError: A value of another type.
        ValueError: A value out of its range.

    Examples:
        >>> from wxsphere import MapOptions
        >>> MapOptions(projection="lambert_azimuthal", center=(45.0, -100.0)).view.radius_deg
        40.0
        >>> options = MapOptions(time="2020-01-01T12", lead_hours=6.0)
        >>> options.when.astype("datetime64[h]").item().hour, options.lead.astype("timedelta64[h]").astype(int).item()
        (12, 6)
    """

    level: float | None = None
    time: str | np.datetime64 | None = None
    lead_hours: float | None = None
    member: int | None = None
    projection: Projection = "equirectangular"
    center: tuple[float, float] | None = None
    radius_deg: float | None = None
    contours: str | None = None
    coast: bool = True
    limits: Mapping[str, tuple[float, float]] | None = None
    smooth: bool = True
    columns: int = 2
    theme: Theme = "light"

    def __post_init__(self) -> None:
        if self.level is not None:
            _checks.number("level", self.level, above=0.0)
        if self.lead_hours is not None and _checks.number("lead_hours", self.lead_hours, below=_checks.MOST_HOURS) < 0:
            raise ValueError(f"`lead_hours` must be 0 or more, got {self.lead_hours!r}")
        if self.member is not None:
            _checks.integer("member", self.member, 0)
        _ = self.view, self.when
        if self.contours is not None:
            _checks.instance("contours", self.contours, str, "the name of a variable or None")
        for name in ("coast", "smooth"):
            _checks.flag(name, getattr(self, name))
        _checks.integer("columns", self.columns, 1, _MOST_COLUMNS)
        _checks.option("theme", self.theme, THEMES)
        self._check_limits()

    def _check_limits(self) -> None:
        if self.limits is None:
            return
        _checks.instance("limits", self.limits, Mapping, "names to pairs of numbers, or None")
        for name, pair in self.limits.items():
            _checks.instance("limits` must have names of variables; one of them", name, str, "a text")
            ends = _checks.numbers(f"limits[{name!r}]", pair)
            if len(ends) != 2 or not ends[0] < ends[1]:
                raise ValueError(f"`limits[{name!r}]` must be a smaller and a larger number, got {pair!r}")

    @property
    def view(self) -> View:
        """The projection with its center and radius."""
        return View(self.projection, self.center, self.radius_deg)

    @property
    def when(self) -> np.datetime64 | None:
        """The time as datetime64."""
        if self.time is None:
            return None
        _checks.instance("time", self.time, (str, np.datetime64), "a text in ISO 8601, a datetime64 or None")
        try:
            out = np.datetime64(str(self.time), "s")
        except ValueError:
            out = np.datetime64("NaT")
        if np.isnat(out) or not np.datetime64("1678", "s") <= out < np.datetime64("2262", "s"):
            raise ValueError(f"`time` must be a date between 1678 and 2261, such as 2020-01-01T12, got {self.time!r}")
        return out.astype("datetime64[ns]")

    @property
    def lead(self) -> np.timedelta64 | None:
        """The lead time as timedelta64."""
        if self.lead_hours is None:
            return None
        return np.timedelta64(round(float(self.lead_hours) * 3600), "s").astype("timedelta64[ns]")
