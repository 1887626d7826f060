"""Names of variables and dimensions: those of WeatherBench 2, and those of other archives for the same."""

from __future__ import annotations

from collections.abc import Mapping

TIME = "time"
LEAD = "prediction_timedelta"
MEMBER = "number"
LEVEL = "level"
LATITUDE = "latitude"
LONGITUDE = "longitude"

DIMENSIONS = (TIME, MEMBER, LEAD, "hour", "dayofyear", LEVEL, LATITUDE, LONGITUDE)
"""Order of the dimensions of a field; others stand before these."""

DIMENSION_ALIASES: Mapping[str, tuple[str, ...]] = {
    LATITUDE: ("lat", "nav_lat", "y"),
    LONGITUDE: ("lon", "long", "nav_lon", "x"),
    LEVEL: (
        "isobaricinhpa",
        "pressure",
        "pressure_level",
        "plev",
        "lev",
        "air_pressure",
        "levels",
        "levelist",
        "isobaric",
    ),
    TIME: ("init_time", "initial_time", "forecast_reference_time", "valid_time"),
    LEAD: ("step", "lead_time", "leadtime", "forecast_period", "lead"),
    MEMBER: ("member", "realization", "ensemble", "ens", "ensemble_member"),
}

STANDARD_NAMES: Mapping[str, str] = {
    "latitude": LATITUDE,
    "longitude": LONGITUDE,
    "air_pressure": LEVEL,
    "forecast_period": LEAD,
    "realization": MEMBER,
}

_VARIABLE_ALIASES: Mapping[str, tuple[str, ...]] = {
    "geopotential": ("z", "phi"),
    "geopotential_height": ("gh", "hgt", "zg"),
    "temperature": ("t", "ta", "air_temperature"),
    "u_component_of_wind": ("u", "ua", "uwnd", "ugrd", "eastward_wind"),
    "v_component_of_wind": ("v", "va", "vwnd", "vgrd", "northward_wind"),
    "vertical_velocity": ("w", "wap", "omega"),
    "specific_humidity": ("q", "hus"),
    "relative_humidity": ("r", "rh", "hur"),
    "2m_temperature": ("t2m", "2t", "tas", "air_temperature_2m"),
    "10m_u_component_of_wind": ("u10", "10u", "u10m", "uas"),
    "10m_v_component_of_wind": ("v10", "10v", "v10m", "vas"),
    "mean_sea_level_pressure": ("msl", "mslp", "psl", "prmsl"),
    "surface_pressure": ("sp", "ps"),
    "total_precipitation": ("tp",),
    "sea_surface_temperature": ("sst", "tos"),
    "sea_ice_cover": ("ci", "siconc"),
    "land_sea_mask": ("lsm", "sftlf"),
    "toa_incident_solar_radiation": ("tisr", "rsdt"),
}

VARIABLE_ALIASES: Mapping[str, str] = {
    alias: name for name, aliases in _VARIABLE_ALIASES.items() for alias in (name, *aliases)
}
"""Lower-case name in a file to the name in WeatherBench 2."""

WINDS: Mapping[str, tuple[str, str]] = {
    "wind": ("u_component_of_wind", "v_component_of_wind"),
    "10m_wind": ("10m_u_component_of_wind", "10m_v_component_of_wind"),
}
"""Winds and the names of their eastward and northward components."""

STATIC = ("land_sea_mask", "geopotential_at_surface", "soil_type", "angle_of_sub_gridscale_orography")
"""Fields without time."""

CONSTANTS = ("land_sea_mask", "geopotential_at_surface")
"""Of these, what `prepare` writes as constants."""
