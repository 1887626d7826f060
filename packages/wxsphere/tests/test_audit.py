"""What an audit finds, each fault planted in a store that has no other."""

import numpy as np
import pytest

import spinharm
from spinharm import Grid
from wxsphere import Finding, canonical, check_dataset, grid_dataset, open_dataset
from wxsphere.__main__ import main

GRID = Grid.equiangular(19, 36)
HEIGHTS = {500: 5574.0, 850: 1457.0}


@pytest.fixture
def clean(smooth_field):
    """Plausible fields on a grid with poles: 8 times, 2 levels."""
    times = np.datetime64("2019-12-31", "ns") + np.arange(8) * np.timedelta64(6 * 3600 * 10**9, "ns")
    out = grid_dataset(GRID).assign_coords(time=times, level=("level", list(HEIGHTS), {"units": "hPa"}))
    # What never changes would be found.
    grows = (1 + 0.01 * np.arange(8))[:, None, None]
    wave, wind = grows * smooth_field(GRID, 6), 10 * grows * smooth_field(GRID, 6, 1)
    base = np.array(list(HEIGHTS.values()))[:, None, None] * 9.80665
    fields = {
        "geopotential": base + 50 * wave[:, None],
        "temperature": np.array([253.0, 280.0])[:, None, None] + wave[:, None],
        "u_component_of_wind": np.stack([wind.imag] * 2, 1),
        "v_component_of_wind": np.stack([-wind.real] * 2, 1),
    }
    for name, values in fields.items():
        out[name] = (("time", "level", "latitude", "longitude"), values)
    out["mean_sea_level_pressure"] = (("time", "latitude", "longitude"), 101_325 + 100 * wave)
    return out


def found(dataset, severity=("error", "warning")):
    return [one for one in check_dataset(dataset) if one.severity in severity]


def test_nothing_is_found_in_a_clean_store(clean):
    assert found(clean) == []
    notes = {one.subject: one.text for one in check_dataset(clean)}
    assert notes["grid"] == "19×36 equiangular with poles, resolves 18 degrees"
    assert notes["time"].startswith("8, 2019-12-31T00:00:00.000000000 … 2020-01-01T18:00")
    assert set(notes) == {"grid", "time", *map(str, clean.data_vars)}


def _without(dataset, name, index):
    field = dataset[name].copy()
    field[index] = np.nan
    return dataset.assign({name: field})


def _spoiled_pole(dataset):
    field = dataset["u_component_of_wind"].copy()
    field[..., 0, :] = 5.0
    return dataset.assign(u_component_of_wind=field)


def _uneven_pole(dataset):
    field = dataset["temperature"].copy()
    field[..., -1, 3] += 1.5
    return dataset.assign(temperature=field)


@pytest.mark.parametrize(
    ("spoil", "severity", "subject", "text"),
    [
        (lambda d: d.assign(geopotential=d.geopotential / 9.80665), "error", "geopotential", "a height in m, not m²"),
        (lambda d: d.assign(geopotential=d.geopotential * 9.80665), "error", "geopotential", "9.81 times too large"),
        (lambda d: d.assign(geopotential=d.geopotential * 1.5), "error", "geopotential", "1.5 times that of the stand"),
        (lambda d: d.assign(temperature=d.temperature - 273.15), "error", "temperature", "it is in °C: add 273.15"),
        (
            lambda d: d.assign(mean_sea_level_pressure=d.mean_sea_level_pressure / 100),
            "error",
            "mean_sea_level_pressure",
            "it is in hPa: multiply by 100",
        ),
        (lambda d: d.assign(temperature=d.temperature * 3), "error", "temperature", "is possible"),
        (lambda d: d.assign(temperature=d.temperature * np.nan), "error", "temperature", "but 100 % of"),
        (lambda d: _without(d, "temperature", slice(4, 8)), "error", "temperature", "100 % .* at time 2020-01-01"),
        (lambda d: _without(d, "temperature", (2, 1)), "error", "temperature", "12:00, level 850"),
        (lambda d: _without(d, "temperature", (slice(None), 0)), "error", "temperature", "level 500; leave out"),
        (lambda d: d.isel(time=[0, 1, 2, 4, 5, 6, 7]), "warning", "time", "1 of 6 steps differ from the median of 6 h"),
        (lambda d: d.isel(time=[0, 1, 1, 2]), "error", "time", "must ascend without repeats, got 2019-12-31T06"),
        (lambda d: d.isel(level=[1, 0]), "error", "level", r"must ascend without repeats \[hPa\], got \[850"),
        (lambda d: d.assign_coords(level=[50000, 85000]), "error", "level", "up to 85000; these look like Pa"),
        (lambda d: d.isel(latitude=slice(2, 12)), "error", "grid", "`latitude_deg` must be the rings"),
        (_spoiled_pole, "warning", "wind", "must be one vector on the north pole, but differs from one by up to"),
        (_uneven_pole, "warning", "temperature", "must be constant on the south pole, but varies by 1.5"),
    ],
)  # fmt: skip
def test_each_fault_is_found_alone(clean, spoil, severity, subject, text):
    (one,) = found(spoil(clean))
    assert (one.severity, one.subject) == (severity, subject)
    with pytest.raises(ValueError, match=text):
        raise ValueError(one.text)


def test_errors_come_first(clean):
    both = _uneven_pole(clean).assign(geopotential=clean.geopotential / 9.80665)
    kinds = [one.severity for one in check_dataset(both)]
    assert kinds == sorted(kinds, key=("error", "warning", "note").index)
    assert str(Finding("note", "a", "b")) == "note: a: b"


def test_winds_that_were_regridded_by_component_are_found(clean):
    """First-order conservative regridding by component averages components over the caps."""
    u = clean.u_component_of_wind.rolling(latitude=3, center=True, min_periods=1).mean()
    (one, other) = found(clean.assign(u_component_of_wind=u))
    assert {one.subject, other.subject} == {"wind"}


def test_the_command_tells_and_returns_one_after_errors(clean, tmp_path, capsys):
    clean.to_zarr(tmp_path / "a.zarr", zarr_format=3, consolidated=False)
    assert main(["check", str(tmp_path / "a.zarr"), "--variables", "geopotential"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "0 errors, 0 warnings"
    (clean / 9.80665).to_zarr(tmp_path / "b.zarr", zarr_format=3, consolidated=False)
    assert main(["check", str(tmp_path / "b.zarr")]) == 1
    assert "a height in m, not m²/s²" in capsys.readouterr().out
    assert main(["check"]) == 2
    assert main(["check", str(tmp_path / "c.zarr")]) == 2


def test_a_chunk_missing_from_a_copy_is_found(clean, tmp_path):
    clean.chunk(time=2).to_zarr(tmp_path / "a.zarr", zarr_format=3, consolidated=False)
    chunks = sorted(one for one in (tmp_path / "a.zarr" / "temperature" / "c").rglob("*") if one.is_file())
    chunks[-1].unlink()
    (one,) = found(open_dataset(tmp_path / "a.zarr"))
    assert (one.subject, one.severity) == ("temperature", "error")
    assert one.text.startswith(
        "must have a value at every point, but 100 % of the values are missing at time 2020-01-0"
    )
    (note,) = [one for one in check_dataset(open_dataset(tmp_path / "a.zarr")) if "evaluate --skipna" in one.text]
    assert "25 % of all values are missing, at 2 of 8 times: 2 in 2020" in note.text


REAL = {
    # At 1 hPa there are no clouds.
    "neuralgcm_era5_tl31_19590102T00.nc": {
        ("error", f"specific_cloud_{phase}_water_content") for phase in ("ice", "liquid")
    },
    "era5_z_t_500_850_3deg_4times_10members.nc": set(),
    "gfs_2p5deg.nc": {("warning", "vertical_velocity")},
    "echam_tsurf_6hourly_96x192.nc": set(),
    "ncep_uwnd_mean.nc": {("error", "u_component_of_wind")},
    "xarraydata_eraint_uvz.nc": set(),
    "xarraydata_basin_mask.nc": {("warning", "basin")},
    "falwa_barotropic_vorticity.nc": {("error", "grid")},
}


@pytest.mark.parametrize("name", REAL)
def test_real_files(weather, name):
    dataset = open_dataset(weather / name)
    assert {(one.severity, one.subject) for one in found(dataset)} == REAL[name]


def test_real_winds_have_one_vector_on_the_poles_and_spoiled_ones_have_not(weather):
    dataset = open_dataset([weather / f"falwa_eraint_2005-01-23-0000-{part}.nc" for part in "uv"])
    assert found(dataset) == []
    field = spinharm.wind_to_spin(*(dataset[f"{part}_component_of_wind"].values for part in "uv"))
    assert np.isfinite(np.asarray(field)).all()
    averaged = dataset.rolling(latitude=3, center=True, min_periods=1).mean()
    assert {one.subject for one in found(canonical(averaged))} == {"wind"}
