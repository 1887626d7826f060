"""The command line: what it prints, what it writes, and how it fails."""

from __future__ import annotations

import importlib
import json
import sys

import numpy as np
import pytest
import xarray as xr

from spinharm import Grid, __version__, doctor, failures, optional
from spinharm.__main__ import main
from spinharm._commands import demo as _demo, files, picture

BANDLIMIT = 12


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The output folder of one small run, and its results."""
    out = tmp_path_factory.mktemp("demo") / "new" / "folder"
    results = []
    with pytest.MonkeyPatch.context() as patch:
        run = _demo.run
        patch.setattr(_demo, "run", lambda *args: results.append(run(*args)) or results[0])
        assert main(["demo", "--bandlimit", str(BANDLIMIT), "--out", str(out)]) == 0
    return out, results[0]


@pytest.fixture
def without(monkeypatch):
    """`without(name)`: importing that package fails as if it were not installed."""

    def remove(name: str) -> None:
        found = importlib.import_module

        def import_module(module):
            if module.partition(".")[0] == name:
                raise ModuleNotFoundError(f"No module named {module!r}", name=module)
            return found(module)

        monkeypatch.setattr(importlib, "import_module", import_module)

    return remove


def wind_file(path, *, grid=None, names=("u", "v"), levels=(850.0, 250.0), scale=1.0):
    """A file of solid rotation, u = 10 · (1 + index of level) · cos(latitude) m/s."""
    grid = grid or Grid.equiangular(13, 24)
    u = 10 * np.cos(np.radians(grid.latitude_deg))[:, None] * np.ones(grid.nlon)
    maps = np.stack([u * (i + 1) for i in range(len(levels))])
    dims = ("level", "latitude", "longitude")
    coords = {"level": list(levels), "latitude": grid.latitude_deg, "longitude": grid.longitude_deg}
    dataset = xr.Dataset({names[0]: (dims, scale * maps), names[1]: (dims, 0 * maps)}, coords)
    dataset.to_netcdf(path, engine="scipy")
    return path


def one_line_error(capsys, arguments) -> str:
    """Runs, expects exit status 2 and exactly one line on the error stream; returns it."""
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    assert error.startswith(f"spinharm {arguments[0]}: ")
    return error


def test_figures_are_plausible(finished):
    out, demo = finished
    figures = json.loads((out / "spinharm-demo.json").read_text("utf-8"))
    assert figures.items() >= demo.figures.items()
    assert figures["spinharm"] == __version__
    assert figures["grid"] == "121×240 equiangular with poles"
    assert (figures["bandlimit"], figures["max_bandlimit"]) == (BANDLIMIT, 120)
    for dtype, bound in (("float32", 5e-6), ("float64", 1e-12)):
        assert len(figures["relative_errors"][dtype]) == 6
        for name, error in figures["relative_errors"][dtype].items():
            assert 0 < error < bound, (dtype, name)
    assert 50 < figures["kinetic_energy"] < 500  # m²/s²
    assert figures["rotational"] > 10 * figures["divergent"] > 0
    assert figures["rotational"] + figures["divergent"] == pytest.approx(figures["kinetic_energy"])
    assert [band["degrees"] for band in figures["bands"]] == [[1, 3], [4, 9], [10, 11]]
    assert sum(band["kinetic_energy"] for band in figures["bands"]) == pytest.approx(figures["kinetic_energy"])
    assert figures["above_degree_63"] == 0


def test_picture_is_a_png_and_nothing_else_is_left(finished):
    out, _ = finished
    assert (out / "spinharm-demo.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert sorted(path.name for path in out.iterdir()) == ["spinharm-demo.json", "spinharm-demo.png"]


def test_generated_wind_is_reproducible_and_depends_on_the_seed():
    first, again, other = (_demo.generated_wind(4, seed) for seed in (3, 3, 4))
    assert first.u.dtype == np.float64
    np.testing.assert_array_equal(first.u, again.u)
    np.testing.assert_array_equal(first.v, again.v)
    assert np.max(abs(first.u - other.u)) > 1


def test_energy_is_the_mean_over_the_sphere(finished):
    _, demo = finished
    u, v, grid, _ = demo.wind
    mean = np.sum((u**2 + v**2) * grid.weights[:, None]) / (4 * np.pi)
    assert demo.figures["kinetic_energy"] == pytest.approx(mean / 2, rel=1e-12)


def test_painted_fields_are_those_of_the_wind(finished):
    _, demo = finished
    # Every second point of the painted grid is one of the wind's.
    for painted, given in zip(demo.painted, demo.wind, strict=False):
        np.testing.assert_allclose(painted[::2, ::2], given, rtol=0, atol=1e-10)
    assert demo.vorticity.shape == (241, 480)
    assert 1e-6 < np.max(abs(demo.vorticity)) < 1e-3  # 1/s
    # A rotation moves the wind about, and keeps its mean square.
    energies = [np.sum((u**2 + v**2) * _demo.PAINTED_GRID.weights[:, None]) for u, v in (demo.painted, demo.rotated)]
    assert energies[0] == pytest.approx(energies[1], rel=1e-12)
    assert np.max(abs(demo.rotated[0] - demo.painted[0])) > 10


def test_demo_of_a_file(tmp_path, capsys):
    file = wind_file(tmp_path / "wind.nc")
    assert main(["demo", "--data", str(file), "--select", "level=260", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    figures = json.loads((tmp_path / "spinharm-demo.json").read_text("utf-8"))
    assert figures["wind"] == "u, v of wind.nc level=250.0"
    assert figures["bandlimit"] == figures["max_bandlimit"] == 12
    assert figures["kinetic_energy"] == pytest.approx(20**2 / 3, rel=1e-9)  # half the mean of (20 cos φ)²
    assert figures["divergent"] < 1e-20
    assert "13×24 equiangular with poles" in printed
    assert "spinharm-demo.png" in printed


def test_wind_of_two_files_with_any_names_and_order_of_axes(tmp_path):
    whole = xr.load_dataset(wind_file(tmp_path / "wind.nc"), engine="scipy")
    paths = []
    for name, called in (("u", "uwnd"), ("v", "V")):
        part = (
            whole[[name]].rename({name: called, "latitude": "lat", "longitude": "lon"}).transpose("lon", "level", "lat")
        )
        paths.append(tmp_path / f"{called}.nc")
        part.to_netcdf(paths[-1], engine="scipy")
    wind = files.read_wind(paths, {})
    assert wind.grid == Grid.equiangular(13, 24)
    assert wind.source == "uwnd, V of uwnd.nc, V.nc level=850.0"
    np.testing.assert_allclose(wind.u[6], 10)
    np.testing.assert_array_equal(wind.v, 0)


def test_standard_names_go_before_names(tmp_path):
    dataset = xr.load_dataset(wind_file(tmp_path / "wind.nc"), engine="scipy")
    dataset["east"] = dataset.u.assign_attrs(standard_name="eastward_wind") + 0
    dataset["east"].attrs["standard_name"] = "eastward_wind"
    assert files.wind_names(dataset) == ("east", "v")


def test_coordinates_are_found_by_standard_name_unit_or_name():
    values = np.arange(3.0)
    for attributes, other in (
        ({"standard_name": "latitude"}, {"standard_name": "longitude"}),
        ({"units": "degrees_north"}, {"units": "degree_east"}),
    ):
        dataset = xr.Dataset(coords={"a": ("a", values, attributes), "b": ("b", values, other)})
        assert files.latitude_longitude(dataset) == ("a", "b")
    assert files.latitude_longitude(xr.Dataset(coords={"Lat": values, "lon": values})) == ("Lat", "lon")
    with pytest.raises(ValueError, match="no one-dimensional coordinate longitude found among lat"):
        files.latitude_longitude(xr.Dataset(coords={"lat": values}))


def test_grid_of_a_file(tmp_path, capsys):
    file = wind_file(tmp_path / "wind.nc", grid=Grid(32, 64, "gauss", False, False, np.pi, south_first=True))
    assert main(["grid", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "32×64 Gauss-Legendre, south first, longitudes from 180°" in printed
    assert "max_bandlimit  32 (rings allow 32, longitudes 32)" in printed
    assert "wind           u, v" in printed


def test_info(capsys):
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    assert f"spinharm    {__version__}\n" in printed
    assert "devices     " in printed


def test_missing_matplotlib_names_the_extra_after_the_table(finished, tmp_path, capsys, monkeypatch, without):
    without("matplotlib")
    monkeypatch.setattr(_demo, "run", lambda *args: finished[1])
    assert main(["demo", "--bandlimit", "4", "--out", str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert "kinetic energy" in printed.out
    assert printed.err == (
        "spinharm demo: the picture needs matplotlib, which is not installed: pip install 'spinharm[plot]'\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["spinharm-demo.json"]


def test_missing_xarray_names_the_extra(tmp_path, capsys, without):
    file = wind_file(tmp_path / "wind.nc")
    without("xarray")
    assert one_line_error(capsys, ["grid", str(file)]) == (
        "spinharm grid: reading files needs xarray, which is not installed: pip install 'spinharm[xarray]'\n"
    )


def test_a_module_missing_inside_an_installed_package_is_not_blamed_on_it(monkeypatch):
    def fail(module):
        raise ModuleNotFoundError("No module named 'kiwisolver'", name="kiwisolver")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(ModuleNotFoundError, match="kiwisolver"):
        optional.require("matplotlib", "spinharm[plot]", "the picture")


def test_files_that_cannot_be_read(tmp_path, capsys):
    missing = tmp_path / "missing.nc"
    assert one_line_error(capsys, ["grid", str(missing)]) == f"spinharm grid: {missing}: no such file\n"
    text = tmp_path / "text.nc"
    text.write_text("no data\n")
    assert f"{text}: xarray cannot read it: " in one_line_error(capsys, ["grid", str(text)])
    assert f"{text}: xarray cannot read it: " in one_line_error(capsys, ["demo", "--data", str(text)])


def test_files_that_hold_something_else(tmp_path, capsys):
    regional = tmp_path / "regional.nc"
    dataset = xr.Dataset({"t": (("lat", "lon"), np.zeros((3, 4)))}, {"lat": [50.0, 51.0, 52.0], "lon": np.arange(4.0)})
    dataset.to_netcdf(regional, engine="scipy")
    assert f"{regional}: `longitude_deg` must be" in one_line_error(capsys, ["grid", str(regional)])
    assert "no eastward wind found among t; known names are" in one_line_error(
        capsys, ["demo", "--data", str(regional)]
    )
    holed = wind_file(tmp_path / "holed.nc", scale=np.nan)
    assert "holed.nc: u has 312 values that are not finite" in one_line_error(capsys, ["demo", "--data", str(holed)])
    other = wind_file(tmp_path / "other.nc", grid=Grid.equiangular(12, 24))
    both = ["demo", "--data", str(holed), str(other)]
    assert "cannot be joined" in one_line_error(capsys, both)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bandlimit", "1"], "got spin 1 with bandlimit 1"),
        (["--bandlimit", "0"], "`bandlimit` must be at least 1, got 0"),
        (["--bandlimit", "121"], "`bandlimit` must be at most 120"),
        (["--select", "level=3"], "`--select` must be given together with `--data`"),
        (["--select", "level"], "`--select` must be DIM=VALUE, got 'level'"),
        (
            ["--data", "FILE", "--select", "time=3"],
            "besides latitude and longitude (level), got 'time'",
        ),
        (["--data", "FILE", "--select", "level=low"], "`--select` level must be a number, got 'low'"),
        (["--data", "FILE", "--bandlimit", "13"], "`bandlimit` must be at most 12 "),
    ],
)
def test_options_that_do_not_serve(tmp_path, capsys, arguments, message):
    file = str(wind_file(tmp_path / "wind.nc"))
    arguments = [file if argument == "FILE" else argument for argument in arguments]
    assert message in one_line_error(capsys, ["demo", *arguments, "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_a_wind_without_any_time(tmp_path, capsys):
    path = wind_file(tmp_path / "wind.nc")
    with xr.open_dataset(path) as file:
        empty = file.load().isel(level=slice(0, 0))
    empty.to_netcdf(tmp_path / "empty.nc")
    error = one_line_error(capsys, ["demo", "--data", str(tmp_path / "empty.nc"), "--out", str(tmp_path / "out")])
    assert "the wind must have at least one entry along 'level', got none" in error


def test_wrong_usage_exits_with_2(capsys):
    seed = "spinharm demo: argument --seed: must be an integer in the digits 0 to 9, got "
    for arguments, message in (
        ([], "spinharm: the following arguments are required: COMMAND; see spinharm --help\n"),
        (["nonsense"], "spinharm: argument COMMAND: invalid choice: 'nonsense'"),
        (["grid"], "spinharm grid: the following arguments are required: FILE; see spinharm grid --help\n"),
        (["demo", "--seed", "x\x1b"], f"{seed}'x\\x1b'; see spinharm demo --help\n"),
        (["demo", "--seed", "1_2"], f"{seed}'1_2'"),
        (["demo", "--seed", "٣"], f"{seed}'٣'"),
    ):
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert error.startswith(message)
        assert error.count("\n") == 1


def test_damaged_coordinates_are_told_by_name(tmp_path, capsys):
    path = tmp_path / "wind.nc"
    grid = Grid.equiangular(13, 24)
    latitude, longitude = grid.latitude_deg.copy(), grid.longitude_deg
    latitude[3] = np.nan
    xr.Dataset(coords={"latitude": latitude, "longitude": longitude}).to_netcdf(path, engine="scipy")
    assert one_line_error(capsys, ["grid", str(path)]) == f"spinharm grid: {path}: latitude must be finite, got nan\n"
    names = np.array([f"{x:g}" for x in longitude])
    xr.Dataset(coords={"latitude": grid.latitude_deg, "longitude": names}).to_netcdf(path, engine="h5netcdf")
    assert "longitude must be numbers, got" in one_line_error(capsys, ["grid", str(path)])
    # Compressed values that are damaged.
    dataset = xr.Dataset(coords={"latitude": np.linspace(90, -90, 2001), "longitude": longitude})
    whole = bytes(dataset.to_netcdf(engine="h5netcdf", encoding={"latitude": {"zlib": True, "fletcher32": True}}))
    place = whole.index(b"\x78\x5e")
    path.write_bytes(whole[: place + 50] + bytes([whole[place + 50] ^ 255]) + whole[place + 51 :])
    assert f"{path}: " in one_line_error(capsys, ["grid", str(path)])


def test_what_destructors_raise_is_kept_from_the_user(capsys, monkeypatch):
    class HalfOpened:
        def __init__(self):
            raise OSError("cut off")

        def __del__(self):
            raise AttributeError("_writable")

    def act() -> int:
        try:
            HalfOpened()
            return 0
        except OSError as error:
            raise ValueError("a.nc: cannot be read") from error

    # pytest has put a hook of its own there.
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    assert failures.run("spinharm grid", [], act) == 2
    assert capsys.readouterr().err == "spinharm grid: a.nc: cannot be read\n"
    assert sys.unraisablehook is sys.__unraisablehook__


def test_circles_of_a_map_are_labelled_by_hemisphere():
    assert [picture._degrees(value, "N", "S") for value in (-60, 0, 30)] == ["60°S", "0°", "30°N"]


def test_memory_is_in_gibibytes():
    memory = doctor._memory()
    assert memory is None or 0.1 < memory["total"] < 1e5
