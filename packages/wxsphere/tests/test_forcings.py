"""Sunlight against what is known of it, and time and place as fields."""

import numpy as np
import pytest

from spinharm import Grid
from wxsphere import FORCINGS, SOLAR_CONSTANT, constant_fields, toa_incident_solar_radiation
from wxsphere._fields.solar import _sun

GRID = Grid.equiangular(37, 72)
HOURS = np.arange(1, 25) * np.timedelta64(1, "h")


def _day(date, grid=GRID):
    return toa_incident_solar_radiation(np.datetime64(date) + HOURS, grid).astype(float)


def test_the_sun_stands_where_another_formula_has_it():
    """Spencer (1971): Fourier series of declination, equation of time and 1/R², for its own year."""
    times = np.datetime64("1971-01-01T12", "ns") + np.arange(365) * np.timedelta64(86400 * 10**9, "ns")
    declination, distance, hour_angle = _sun(times)
    day = 2 * np.pi * np.arange(365) / 365
    waves = np.stack([np.ones(365)] + [wave(k * day) for k in (1, 2, 3) for wave in (np.cos, np.sin)])
    of_declination = (0.006918, -0.399912, 0.070257, -0.006758, 0.000907, -0.002697, 0.00148)
    of_time = (0.000075, 0.001868, -0.032077, -0.014615, -0.040849, 0, 0)
    of_distance = (1.000110, 0.034221, 0.001280, 0.000719, 0.000077, 0, 0)
    np.testing.assert_allclose(declination, of_declination @ waves, atol=np.radians(0.3))
    np.testing.assert_allclose(distance**-2, of_distance @ waves, atol=1e-3)
    noon = np.mod(hour_angle + np.pi, 2 * np.pi) - np.pi
    np.testing.assert_allclose(noon, of_time @ waves, atol=np.radians(0.25), err_msg="one minute")


def test_noon_on_the_equator_at_an_equinox():
    """The sun in the zenith: S₀/R² times the mean of the cosine over the hour."""
    at = np.array(["2021-03-20T12:37"], "datetime64[ns]")
    _, distance, _ = _sun(at)
    out = toa_incident_solar_radiation(at, GRID)[0, 18, 0]
    mean_cosine = np.sin(np.pi / 24) / (np.pi / 24)
    np.testing.assert_allclose(out, 3600 * SOLAR_CONSTANT / distance[0] ** 2 * mean_cosine, rtol=1e-4)


@pytest.mark.parametrize("time", ["2020-06-20T05", "2020-12-21T18", "2021-03-20T00", "1979-09-01T11:20"])
def test_the_mean_over_the_sphere_is_a_quarter(time):
    grid = Grid.equiangular(91, 180)
    at = np.array([time], "datetime64[ns]")
    _, distance, _ = _sun(at - np.timedelta64(30, "m"))
    mean = (toa_incident_solar_radiation(at, grid)[0] * grid.weights[:, None]).sum() / (4 * np.pi)
    np.testing.assert_allclose(mean, 900 * SOLAR_CONSTANT / distance[0] ** 2, rtol=5e-4)


def test_the_integral_over_the_hour():
    """Against the midpoint rule with 3600 points."""
    end = np.datetime64("2020-05-03T17", "ns")
    seconds = end - (np.arange(3600) * 1000 + 500) * np.timedelta64(10**6, "ns")
    declination, distance, hour_angle = _sun(seconds)
    latitude = np.radians(GRID.latitude_deg)[:, None, None]
    total = np.zeros(GRID.shape)
    for part in np.array_split(np.arange(3600), 10):
        angle = hour_angle[part] + GRID.longitude[:, None]
        height = np.sin(latitude) * np.sin(declination[part]) + np.cos(latitude) * np.cos(declination[part]) * np.cos(
            angle
        )
        total += (np.maximum(height, 0) / distance[part] ** 2).sum(-1)
    np.testing.assert_allclose(toa_incident_solar_radiation([end], GRID)[0], SOLAR_CONSTANT * total, atol=300)


def test_polar_night_and_polar_day():
    winter, summer = _day("2020-12-21"), _day("2020-06-20")
    north, south = GRID.latitude_deg > 67, GRID.latitude_deg < -67
    assert (winter[:, north] == 0).all()
    assert (winter[:, south] > 0).all()
    assert (summer[:, north] > 0).all()
    assert (summer[:, south] == 0).all()
    # S₀ sin δ / R² at the pole.
    np.testing.assert_allclose(summer[:, 0, 0].sum() / 86400, 1361 * np.sin(np.radians(23.44)) / 1.01628**2, rtol=1e-3)


def test_a_day_is_the_same_on_every_meridian_and_mirrored_between_seasons():
    total = _day("2020-06-20").sum(0)
    np.testing.assert_allclose(total / total.mean(1, keepdims=True).clip(1), np.where(total > 0, 1, 0), atol=2e-3)
    _, near, _ = _sun(np.array(["2020-12-21T12"], "datetime64[ns]"))
    _, far, _ = _sun(np.array(["2020-06-20T12"], "datetime64[ns]"))
    mirrored = _day("2020-12-21").sum(0)[::-1] * (near / far) ** 2
    np.testing.assert_allclose(mirrored, total, rtol=2e-3, atol=2e-3 * total.max())


def test_time_of_day_and_of_year():
    times = np.array(["2020-01-01T00", "2020-07-02T00", "2021-10-02T06"], "datetime64[ns]")
    grid = Grid.equiangular(3, 4)
    fields = {name: forcing.function(times, grid) / forcing.scale for name, forcing in FORCINGS.items()}
    for field in fields.values():
        assert (field.shape, field.dtype) == ((3, 3, 4), np.float32)
        assert np.abs(field).max() <= 1.04
    np.testing.assert_allclose(fields["sine_of_day"][:, 1], [[0, 1, 0, -1], [0, 1, 0, -1], [1, 0, -1, 0]], atol=1e-6)
    np.testing.assert_allclose(fields["cosine_of_day"][2, 1], [0, -1, 0, 1], atol=1e-6)
    share = np.array([0.0, 183 / 366, (273 + 1 + 0.25) / 365])[:, None, None]
    np.testing.assert_allclose(fields["sine_of_year"], np.broadcast_to(np.sin(2 * np.pi * share), (3, 3, 4)), atol=1e-6)
    np.testing.assert_allclose(fields["cosine_of_year"][:, 0, 0], np.cos(2 * np.pi * share[:, 0, 0]), atol=1e-6)


def test_place():
    out = constant_fields(GRID)
    x = np.cos(np.radians(out.latitude)) * out.cosine_of_longitude
    y = np.cos(np.radians(out.latitude)) * out.sine_of_longitude
    np.testing.assert_allclose(x**2 + y**2 + out.sine_of_latitude**2, 1.0, rtol=1e-6)
    assert (out.sine_of_latitude[0] == 1).all()
    assert out.sine_of_longitude.sel(longitude=90).values == pytest.approx(np.ones(37))
