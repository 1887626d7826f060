"""Maps: projections, places, colours, headings, differences, animations."""

from __future__ import annotations

import matplotlib.figure
import numpy as np
import pytest
import xarray as xr
from PIL import Image, ImageSequence

from spinharm import Grid
from wxsphere import MapOptions, animate_maps, grid_dataset, map_figure
from wxsphere._maps.coast import coastlines
from wxsphere._maps.draw import draw_arrows, draw_map
from wxsphere._maps.finer import finer
from wxsphere._maps.labels import lead_label, unit_of, value_label
from wxsphere._maps.projections import PROJECTIONS, View
from wxsphere._maps.scales import colour_map, is_signed, scale_of

HOURS = np.timedelta64(3600 * 10**9, "ns")
GRID = Grid.equiangular(9, 16, poles=False)


@pytest.fixture(scope="module")
def forecast():
    """Two initial times, two lead times, two levels; 2 m temperature has no level and no unit."""
    rng = np.random.default_rng(0)
    times = np.datetime64("2020-01-01", "ns") + np.arange(2) * 24 * HOURS
    out = grid_dataset(GRID).assign_coords(
        time=times, prediction_timedelta=np.array([6, 24]) * HOURS, level=("level", [500.0, 850.0], {"units": "hPa"})
    )
    dims = ("time", "prediction_timedelta", "level", "latitude", "longitude")
    for name, units, mean, size in (
        ("geopotential", "m**2 s**-2", 54e3, 3e3),
        ("u_component_of_wind", "m s**-1", 10.0, 5.0),
        ("v_component_of_wind", "m s**-1", 0.0, 5.0),
    ):
        values = rng.normal(mean, size, (2, 2, 2, *GRID.shape)).astype(np.float32)
        out[name] = (dims, values, {"units": units})
    out["2m_temperature"] = ((*dims[:2], *dims[3:]), rng.normal(280, 10, (2, 2, *GRID.shape)).astype(np.float32))
    return out


@pytest.fixture(scope="module")
def truth(forecast):
    """Times 6 h apart that hold all valid times; the forecast is larger by 2 in each field."""
    times = np.datetime64("2020-01-01", "ns") + np.arange(9) * 6 * HOURS
    out = (forecast.isel(time=0, prediction_timedelta=0, drop=True) - 2).expand_dims(time=times)
    for lead in forecast.prediction_timedelta.values:
        for time in forecast.time.values:
            at = {"time": time, "prediction_timedelta": lead}
            for name in out:
                out[name] = xr.where(out.time == time + lead, forecast[name].sel(at, drop=True) - 2, out[name])
    return out.map(lambda field: field.assign_attrs(forecast[field.name].attrs))


# Of PROJ 9.7, on a sphere of radius 1.
@pytest.mark.parametrize(
    ("name", "center", "place", "point"),
    [
        ("equirectangular", None, (60, 30), (np.pi / 6, np.pi / 3)),
        ("robinson", None, (60, 30), (0.354881, 0.9934)),
        ("robinson", None, (72.5, -100), (-1.032058, 1.175086)),
        ("mollweide", None, (60, 30), (0.305056, 1.078177)),
        ("mollweide", None, (72.5, -100), (-0.733036, 1.250901)),
        ("polar_stereographic", None, (60, 30), (0.267949, -0.464102)),
        ("polar_stereographic", (-90.0, 0.0), (60, 30), (3.732051, 6.464102)),
        ("lambert_azimuthal", (50.0, 0.0), (72.5, -100), (-0.321488, 0.70894)),
        ("lambert_conformal", (50.0, 0.0), (72.5, -100), (-0.42218, 0.738557)),
        ("lambert_conformal", (-35.0, 0.0), (60, 30), (1.307654, 2.794297)),
    ],
)
def test_projections_have_the_known_values(name, center, place, point):
    found = View(name, center).forward(np.array(float(place[0])), np.array(float(place[1])))
    np.testing.assert_allclose(found, point, atol=2e-6)


@pytest.mark.parametrize("name", PROJECTIONS)
def test_equal_area_and_conformal_maps_are_what_they_are_called(name):
    view, step = View(name), 1e-5
    latitude, longitude = np.meshgrid([35.0, 47.0, 62.0], [-20.0, 3.0, 15.0])
    if view.whole:
        longitude = longitude * 5
    east = [(a - b) / step for a, b in zip(
        view.forward(latitude, longitude + step), view.forward(latitude, longitude), strict=True
    )]  # fmt: skip
    north = [(a - b) / step for a, b in zip(
        view.forward(latitude + step, longitude), view.forward(latitude, longitude), strict=True
    )]  # fmt: skip
    narrow = np.cos(np.radians(latitude))
    area = np.degrees(np.degrees(east[0] * north[1] - east[1] * north[0])) / narrow
    if name in ("mollweide", "lambert_azimuthal"):
        np.testing.assert_allclose(area, 1.0, atol=1e-3)
    elif name in ("polar_stereographic", "lambert_conformal"):
        np.testing.assert_allclose(np.hypot(*east) / narrow, np.hypot(*north), rtol=1e-3)
        np.testing.assert_allclose((east[0] * north[0] + east[1] * north[1]) / narrow, 0.0, atol=1e-3)
    assert np.all(area > 0), "not mirrored"


def test_what_a_view_refuses():
    for arguments, message in (
        (("round",), "`projection` must be one of"),
        (("robinson", (10.0, 0.0)), r"`center` of robinson must be on the equator \(0 LON\), got latitude 10"),
        (("mollweide", None, 30.0), "`radius_deg` must be None for mollweide, which shows the globe, got 30.0"),
        (("polar_stereographic", (60.0, 0.0)), "must be a pole"),
        (("lambert_conformal", (5.0, 0.0)), "at a latitude of 10 … 80° north or south, got 5"),
        (("lambert_azimuthal", (95.0, 0.0)), "`center` must be a latitude and a longitude in degrees"),
        (("lambert_azimuthal", None, 200.0), "`radius_deg` of lambert_azimuthal must be at most 150, got 200"),
    ):
        with pytest.raises(ValueError, match=message):
            View(*arguments)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", PROJECTIONS)
@pytest.mark.parametrize("grid", [Grid.equiangular(9, 16), Grid.gauss_legendre(6)], ids=str)
def test_a_map_has_the_value_of_each_point_where_the_point_is(grid, name):
    values = np.arange(grid.nlat * grid.nlon, dtype=float).reshape(grid.shape)
    panel = matplotlib.figure.Figure().subplots()
    view = View(name, {"polar_stereographic": (-90.0, 40.0), "lambert_conformal": None}.get(name, (0.0, 100.0)))
    mesh = draw_map(panel, values, grid, view, scale_of([values]))
    corners, drawn = mesh.get_coordinates(), np.ma.asarray(mesh.get_array())
    middles = (corners[:-1, :-1] + corners[1:, :-1] + corners[:-1, 1:] + corners[1:, 1:]) / 4
    checked = 0
    for row, latitude in enumerate(grid.latitude_deg):
        for column, longitude in enumerate(view.relative(grid.longitude_deg)):
            # A little to the side, so that no point stands on an edge; near a pole the cells are slim.
            place = np.array(np.clip(latitude, -80.0, 80.0)), np.array(min(longitude + 0.4, 179.5))
            if view.whole or view.distance_deg(*place) < (view.radius_deg or 0) - 2:
                away = np.abs(middles - np.array(view.forward(*place))).sum(-1)
                assert drawn[np.unravel_index(away.argmin(), away.shape)] == values[row, column], place
                checked += 1
    assert checked > 3


@pytest.mark.parametrize("name", PROJECTIONS)
def test_arrows_point_where_air_moves_and_are_as_long_as_it_is_fast(name):
    """A solid rotation about an axis through the equator moves each point to where the rotation takes it."""
    grid = Grid.equiangular(18, 36, poles=False)
    latitude, longitude = np.radians(grid.latitude_deg)[:, None], grid.longitude
    u, v = -np.sin(latitude) * np.cos(longitude), np.broadcast_to(np.sin(longitude), grid.shape)
    panel = matplotlib.figure.Figure().subplots()
    view = View(name, (50.0, 0.0) if name.startswith("lambert") else None)
    draw_map(panel, np.hypot(u, v), grid, view, scale_of([u]))
    arrows = draw_arrows(panel, u, v, grid, view)
    start = np.asarray(arrows.get_offsets())
    # The places of the arrows, found again among those of the grid.
    all_latitude, all_longitude = np.meshgrid(grid.latitude_deg, view.relative(grid.longitude_deg), indexing="ij")
    points = np.stack(view.forward(all_latitude, all_longitude), -1).reshape(-1, 2)
    at = np.array([np.abs(points - one).sum(1).argmin() for one in start])
    y, x = np.radians(all_latitude.ravel()[at]), np.radians(all_longitude.ravel()[at])
    point = np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)])
    moved = point + 1e-5 * np.cross([1.0, 0.0, 0.0], point, axisb=0).T
    ahead = view.forward(
        np.degrees(np.arcsin(moved[2] / np.linalg.norm(moved, axis=0))), np.degrees(np.arctan2(moved[1], moved[0]))
    )
    along = np.arctan2(ahead[1] - start[:, 1], ahead[0] - start[:, 0])
    speed = np.hypot(np.sin(y) * np.cos(x), np.sin(x))
    some = (speed > 0.05) & (np.abs(x) < 3.1)
    turned = np.angle(np.exp(1j * (np.arctan2(arrows.V, arrows.U) - along)))
    assert np.abs(turned[some]).max() < 2e-3
    np.testing.assert_allclose(np.hypot(arrows.U, arrows.V), speed, atol=1e-9)
    assert len(at) > 15


def test_colours_show_what_they_do_not_reach():
    values = np.append(np.linspace(0.0, 1.0, 999), 60.0)
    scale = scale_of([values])
    assert scale.high < 2
    assert (scale.largest, scale.extend) == (60.0, "max")
    assert scale_of([values[:-1]]).extend == "neither", "all values have a colour of the bar"
    signed = scale_of([np.array([-3.0, 1.0])], signed=True)
    assert (signed.low, signed.high, signed.extend) == (-3.0, 3.0, "neither")
    given = scale_of([values], limits=(0.25, 2.0))
    assert given.extend == "both"
    colours = colour_map(matplotlib, given)
    ends = [np.array(colours(at)[:3]) for at in (0.0, 1.0)]
    beyond = [np.array(colours(at)[:3]) for at in (-1.0, 2.0)]
    for own, other in ((beyond[0], ends[0]), (beyond[1], ends[1]), (beyond[0], beyond[1])):
        assert np.abs(own - other).max() > 0.3
    assert np.isnan(values).sum() == 0
    assert scale_of([np.full(3, np.nan)]).high == 1.0
    assert is_signed("vertical_velocity", [values])
    assert not is_signed("geopotential", [values - 1])
    assert is_signed("x", [values - 10])
    assert not is_signed("x", [values])


def test_headings_name_levels_of_what_has_levels_and_all_times(forecast):
    figure = map_figure(
        forecast, ("wind", "2m_temperature"), lead_hours=24.0, level=850.0, contours="geopotential", smooth=False
    )
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["wind, 850 hPa", "2m temperature"]
    assert [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()] == ["m s⁻¹", "K, assumed"]
    said = figure.get_suptitle().splitlines()
    assert said[0] == "initial 2020-01-01 00 UTC, valid 2020-01-02 00 UTC, lead 1 d"
    assert said[1].startswith("contours: geopotential, 850 hPa [dam], every ")
    texts = [text.get_text() for text in figure.axes[-1].texts]
    assert [text.split()[0] for text in texts] == ["max", "min"]


def test_differences_are_symmetric_and_datasets_share_their_colours(forecast, truth):
    figure = map_figure(forecast, ("geopotential",), minus=truth, lead_hours=6.0, smooth=False)
    mesh = figure.axes[0].collections[0]
    np.testing.assert_allclose(np.ma.asarray(mesh.get_array()).compressed(), 2.0, atol=0.01)
    assert mesh.get_clim() == pytest.approx((-2, 2), abs=0.01)
    assert figure.get_suptitle().startswith("difference, initial 2020-01-01 00 UTC")
    both = map_figure({"model": forecast, "truth": truth}, ("2m_temperature",), lead_hours=24.0, smooth=False)
    one, two = (axes.collections[0].get_clim() for axes in both.axes[:2])
    assert one == two
    assert [axes.get_title() for axes in both.axes[:2]] == ["model: 2m temperature", "truth: 2m temperature"]
    wanted = truth["2m_temperature"].sel(time="2020-01-02T00").min(), forecast["2m_temperature"][0, 1].max()
    assert one == pytest.approx([float(value) for value in wanted], rel=1e-5)
    with pytest.raises(ValueError, match="`truth` must have the time 2020-01-02T00:00, got 2020-01-01T00:00 …"):
        map_figure({"model": forecast, "truth": truth.isel(time=slice(2))}, lead_hours=24.0, smooth=False)
    with pytest.raises(ValueError, match="`contours` names 'rain', but there are only"):
        map_figure(forecast, contours="rain", smooth=False)
    with pytest.raises(ValueError, match="`minus` must be on the same grid"):
        map_figure(forecast, minus=truth.isel(latitude=slice(2, None)), lead_hours=6.0, smooth=False)
    with pytest.raises(ValueError, match=r"`limits\['wind'\]` must be a smaller and a larger number, got \(3.0, 1.0\)"):
        MapOptions(limits={"wind": (3.0, 1.0)})


def test_animations_have_a_frame_per_lead_time_and_one_scale(forecast, tmp_path, monkeypatch):
    path = animate_maps(forecast, tmp_path / "maps.gif", ("2m_temperature",), smooth=False, frames_per_second=10.0)
    with Image.open(path) as image:
        assert (len(list(ImageSequence.Iterator(image))), image.info["duration"]) == (2, 100)
    with pytest.raises(ValueError, match=r"`path` must end in \.gif or \.mp4, got '.*maps\.png'"):
        animate_maps(forecast, tmp_path / "maps.png")
    with pytest.raises(ValueError, match="`fields` must have several lead times or times to animate"):
        animate_maps(forecast.isel(time=0, prediction_timedelta=0), tmp_path / "one.gif")
    monkeypatch.setattr("matplotlib.animation.FFMpegWriter.isAvailable", classmethod(lambda cls: False))
    with pytest.raises(ModuleNotFoundError, match=r"needs the program ffmpeg, which is not installed; write a \.gif"):
        animate_maps(forecast, tmp_path / "maps.mp4")


def test_only_fields_that_their_coefficients_give_back_are_made_finer():
    grid = Grid.gauss_legendre(6)
    smooth = np.sin(np.radians(grid.latitude_deg))[:, None] * np.ones(grid.nlon)
    (field,), fine = finer([smooth], grid)
    np.testing.assert_allclose(field, np.sin(np.radians(fine.latitude_deg))[:, None] * np.ones(fine.nlon), atol=1e-5)
    assert fine.nlat == 181
    rough = np.random.default_rng(0).standard_normal(grid.shape)
    assert finer([rough], grid)[1] is grid
    missing = smooth.copy()
    missing[0, 0] = np.nan
    assert finer([missing], grid)[1] is grid


def test_coastlines_are_those_of_the_earth():
    lines = coastlines()
    points = np.concatenate(lines)
    assert 4000 < len(points) < 8000
    assert np.abs(points).max(0) == pytest.approx([180, 85], abs=6)
    for longitude, latitude in ((-5.7, 50.1), (18.4, -34.1), (-67.3, -55.9)):  # Land's End, the Cape, Cape Horn
        away = np.hypot((points[:, 0] - longitude) * np.cos(np.radians(latitude)), points[:, 1] - latitude)
        assert away.min() < 1.0, (longitude, latitude)


def test_words_on_maps():
    assert unit_of(xr.DataArray(0, attrs={"units": "m**2 s**-2"})) == "m² s⁻²"
    assert unit_of(xr.DataArray(0, attrs={"units": "kg m**-1 s**-1"})) == "kg m⁻¹ s⁻¹"
    assert [lead_label(np.timedelta64(h, "h")) for h in (0, 6, 24, 36, 240)] == ["0 h", "6 h", "1 d", "36 h", "10 d"]
    assert [value_label(x) for x in (55264.3, -12.345, 0.0, 3e-5, 2.5e7)] == [
        "55264",
        "−12.35",
        "0",
        "3e−05",
        "2.5e+07",
    ]
