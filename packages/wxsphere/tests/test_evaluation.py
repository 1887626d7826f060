"""Scores against the formulas written out, against an independent library, and against each other."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from spinharm import Grid
from wxsphere import (
    METRICS,
    REGIONS,
    STATISTICS,
    DataWarning,
    Region,
    area_weights,
    bootstrap,
    climatology,
    climatology_forecast,
    evaluate,
    forecast_statistics,
    grid_dataset,
    open_dataset,
    persistence_forecast,
    power_spectra,
    region_weights,
    scores,
    window_weights,
)
from wxsphere._scores import climatology as _climatology

GRID = Grid.equiangular(7, 12)
HOURS = np.timedelta64(3600 * 10**9, "ns")
LEADS = np.array([6, 12, 24]) * HOURS


@pytest.fixture
def truth(make_dataset):
    return make_dataset(GRID, times=12)


@pytest.fixture
def usual(truth, rng):
    """A climatology of random numbers."""
    names = ["geopotential", "u_component_of_wind", "v_component_of_wind", "2m_temperature"]
    out = truth[names].isel(time=0, drop=True).expand_dims(hour=[0, 6, 12, 18], dayofyear=np.arange(1, 367)).copy()
    return out.map(lambda field: field.copy(data=rng.standard_normal(field.shape)))


@pytest.fixture
def forecast(truth, rng):
    """Truth and random numbers, six initial times 6 h apart."""
    parts = []
    for lead in LEADS:
        valid = truth.drop_vars("land_sea_mask").sel(time=truth.time.values[:6] + lead)
        parts.append(valid.assign_coords(time=truth.time.values[:6]))
    out = xr.concat(parts, xr.DataArray(LEADS, dims="prediction_timedelta", name="prediction_timedelta"))
    return out.map(lambda field: field + 0.7 * rng.standard_normal(field.shape))


def test_weights_are_areas():
    latitude = GRID.latitude_deg
    weights = area_weights(latitude)
    # Rings of 30 degrees: of the cap and of the zones between.
    bounds = np.sin(np.radians([-90, -75, -45, -15, 15, 45, 75, 90]))
    np.testing.assert_allclose(weights, np.diff(bounds) / np.diff(bounds).mean(), rtol=1e-12)
    np.testing.assert_allclose(area_weights(latitude[::-1]), weights[::-1], rtol=1e-12)
    assert weights[0] > 0


@pytest.mark.parametrize(
    ("grid", "equal"), [(Grid.equiangular(121, 240), True), (Grid.equiangular(32, 64, poles=False), True),
                        (Grid.gauss_legendre(32), False)], ids=str
)  # fmt: skip
def test_both_conventions_differ_on_gauss_grids_only(grid, equal):
    two = [area_weights(grid.latitude_deg, convention=name) for name in ("wb2", "wbx")]
    assert np.allclose(*two, rtol=1e-9) is equal
    for weights in two:
        assert np.isclose(weights.mean(), 1)


def test_regions_hold_the_points_they_name(truth):
    weights = region_weights(truth, ["global", "tropics", "extra-tropics", "europe", "global_land"])
    np.testing.assert_allclose(weights.sum(["latitude", "longitude"]), 1)
    rows = weights.sum("longitude") > 0
    np.testing.assert_allclose(truth.latitude[rows.sel(region="tropics").values], [0], atol=1e-9)
    np.testing.assert_allclose(truth.latitude[rows.sel(region="extra-tropics").values], [90, 60, 30, -30, -60, -90])
    columns = weights.sel(region="europe").sum("latitude") > 0
    np.testing.assert_allclose(truth.longitude[columns.values], [0, 30], atol=1e-9)
    land = weights.sel(region="global_land") / weights.sel(region="global")
    np.testing.assert_allclose(land / land.max(), truth.land_sea_mask / truth.land_sea_mask.max(), rtol=1e-5)
    assert Region(longitude=((350.0, 10.0),)).contains(np.zeros(1), np.array([-10.0, 0.0, 10.0, 11.0])).sum() == 3


def test_scores_are_those_of_the_formulas(forecast, truth, usual):
    out = evaluate(forecast, truth, climatology=usual, regions=("global", "europe"))
    weights = area_weights(truth.latitude.values)[:, None] * np.ones(12)
    inside = np.isclose(truth.latitude.values, 60)[:, None] & (truth.longitude.values < 31)
    for region, mask in (("global", 1), ("europe", inside)):
        w = weights * mask / (weights * mask).sum()
        for lead in LEADS:
            sums = np.zeros((6, 6))
            for i, time in enumerate(truth.time.values[:6]):
                at = {"time": time + lead, "level": 850}
                stamp = pd.Timestamp(time + lead)
                f = forecast.geopotential.sel(time=time, prediction_timedelta=lead, level=850).values
                t = truth.geopotential.sel(at).values.astype(float)
                c = usual.geopotential.sel(hour=stamp.hour, dayofyear=stamp.day_of_year, level=850).values
                terms = ((f - t) ** 2, f - t, abs(f - t), (f - c) * (t - c), (f - c) ** 2, (t - c) ** 2)
                sums[i] = [(term * w).sum() for term in terms]
            mse, bias, mae, product, ff, tt = sums.mean(0)
            expected = {
                "rmse": np.sqrt(mse),
                "mse": mse,
                "bias": bias,
                "mae": mae,
                "acc": product / np.sqrt(ff * tt),
                "acc_per_forecast": (sums[:, 3] / np.sqrt(sums[:, 4] * sums[:, 5])).mean(),
                "activity": np.sqrt(ff),
                "truth_activity": np.sqrt(tt),
                "crps": mae,
                "spread": np.nan,
                "spread_skill_ratio": np.nan,
            }
            got = out.geopotential.sel(forecast="forecast", region=region, level=850, prediction_timedelta=lead)
            assert set(expected) == set(METRICS)
            for name, value in expected.items():
                np.testing.assert_allclose(got.sel(metric=name), value, rtol=1e-10, err_msg=f"{name} {region} {lead}")


def test_scores_are_those_of_an_independent_library(forecast, truth, usual):
    continuous = pytest.importorskip("scores.continuous")
    out = evaluate(forecast, truth, climatology=usual).sel(forecast="forecast", region="global")
    weights = xr.DataArray(area_weights(truth.latitude.values), dims="latitude")
    for lead in LEADS:
        f = forecast["2m_temperature"].sel(prediction_timedelta=lead, drop=True)
        t = truth["2m_temperature"].astype(float).sel(time=f.time.values + lead).assign_coords(time=f.time.values)
        for metric, function in (("mse", continuous.mse), ("mae", continuous.mae), ("rmse", continuous.rmse)):
            expected = function(f, t, weights=weights)
            got = out["2m_temperature"].sel(metric=metric, prediction_timedelta=lead)
            np.testing.assert_allclose(got, expected, rtol=1e-6, err_msg=metric)
        bias = continuous.additive_bias(f, t, weights=weights)
        np.testing.assert_allclose(out["2m_temperature"].sel(metric="bias", prediction_timedelta=lead), bias, rtol=1e-6)


def test_the_root_is_taken_last():
    """Two forecasts with errors 1 and 7 everywhere: √((1 + 49)/2) = 5, where the mean of roots would be 4."""
    times = np.datetime64("2020-01-01", "ns") + np.arange(2) * 24 * HOURS
    truth = grid_dataset(GRID).assign_coords(time=times)
    truth["a"] = (("time", "latitude", "longitude"), np.zeros((2, *GRID.shape)))
    forecast = truth + xr.DataArray([1.0, 7.0], dims="time")
    out = evaluate(forecast, truth, baselines=False).a.sel(forecast="forecast", region="global")
    np.testing.assert_allclose(out.sel(metric="rmse"), 5.0)
    np.testing.assert_allclose(out.sel(metric="mse"), 25.0)
    np.testing.assert_allclose(out.sel(metric="bias"), 4.0)
    assert np.isnan(out.sel(metric="acc")).all(), "there is no climatology"


def test_the_two_correlations_differ_where_anomalies_differ_in_size():
    """A weak anomaly forecast with the wrong sign and a strong one that is right: 0 on average, 0.98 together."""
    times = np.datetime64("2020-01-01", "ns") + np.arange(2) * 24 * HOURS
    base = grid_dataset(GRID).assign_coords(time=times)
    size = xr.DataArray([1.0, 10.0], dims="time")
    truth = base.assign(a=(size * xr.ones_like(base.latitude) * xr.ones_like(base.longitude)).assign_coords(time=times))
    forecast = truth * xr.DataArray([-1.0, 1.0], dims="time")
    zero = truth.isel(time=0, drop=True).expand_dims(hour=[0], dayofyear=[1, 2]) * 0.0
    out = evaluate(forecast, truth, climatology=zero, regions=("global",)).a.sel(forecast="forecast", region="global")
    np.testing.assert_allclose(out.sel(metric="acc_per_forecast"), 0.0, atol=1e-12)
    np.testing.assert_allclose(out.sel(metric="acc"), 99 / 101)


def test_winds_are_scored_as_vectors(forecast, truth):
    out = evaluate(forecast, truth)
    mse = out.sel(metric="mse")
    np.testing.assert_allclose(mse.wind, mse.u_component_of_wind + mse.v_component_of_wind)
    assert np.isnan(out.wind.sel(metric="mae")).all()


def test_baselines_are_persistence_and_climatology(forecast, truth, usual):
    out = evaluate(forecast, truth, climatology=usual)
    assert out.forecast.values.tolist() == ["forecast", "persistence", "climatology"]
    alone = evaluate({"it": climatology_forecast(usual, forecast.time, LEADS)}, truth, climatology=usual)
    for name in ("geopotential", "2m_temperature"):
        xr.testing.assert_allclose(
            out[name].sel(forecast="climatology", drop=True), alone[name].sel(forecast="it", drop=True)
        )
    at = {
        "forecast": "persistence",
        "metric": "bias",
        "region": "global",
        "prediction_timedelta": LEADS[0],
        "level": 500,
    }
    weights = xr.DataArray(area_weights(truth.latitude.values), dims="latitude")
    z = truth.geopotential.sel(level=500).astype(float)
    expected = (z.isel(time=slice(0, 6)).values - z.isel(time=slice(1, 7)).values).mean(0)
    np.testing.assert_allclose(out.geopotential.sel(at), (expected * weights.values[:, None]).mean(), atol=1e-12)
    assert np.isnan(out.geopotential.sel(forecast="climatology", metric="acc")).all()
    perfect = evaluate(truth, truth, climatology=usual, baselines=False)
    np.testing.assert_allclose(perfect.geopotential.sel(metric="acc"), 1.0)
    np.testing.assert_allclose(perfect.geopotential.sel(metric="rmse"), 0.0)


@pytest.mark.parametrize("memory_gib", [1e-4, 0.25])
def test_blocks_do_not_matter_and_dask_arrays_serve(forecast, truth, usual, memory_gib):
    whole = evaluate(forecast, truth, climatology=usual, spectra=True)
    lazy = evaluate(
        forecast.chunk(time=2),
        truth.chunk(time=3),
        climatology=usual.chunk(dayofyear=50),
        memory_gib=memory_gib,
        spectra=True,
    )
    xr.testing.assert_allclose(lazy, whole, rtol=1e-5)


def test_points_without_values_spoil_their_region_or_are_left_out(forecast, truth):
    truth["geopotential"][:, 0, 3, 0] = np.nan  # on the equator
    regions = ("tropics", "extra-tropics")
    hint = (
        r"without a value in geopotential \(0.595 %\): scores of regions that hold one are NaN; `skipna=True` \(--skip"
    )
    with pytest.warns(DataWarning, match=hint):
        spoiled = evaluate(forecast, truth, regions=regions, baselines=False)
    spoiled = spoiled.geopotential.sel(metric="mse", level=500)
    assert np.isnan(spoiled.sel(region="tropics")).all()
    assert np.isfinite(spoiled.sel(region="extra-tropics")).all()
    skipped = evaluate(forecast, truth, regions=regions, baselines=False, skipna=True).geopotential
    lead = LEADS[0]
    difference = (
        forecast.geopotential.sel(prediction_timedelta=lead, level=500, latitude=0).values
        - truth.geopotential.sel(time=truth.time.values[:6] + lead, level=500, latitude=0).values
    )
    got = skipped.sel(metric="mse", level=500, region="tropics", prediction_timedelta=lead)
    np.testing.assert_allclose(got, np.nanmean(difference**2), rtol=1e-6)


def test_statistics_of_parts_join_to_those_of_the_whole(forecast, truth, usual):
    parts = [forecast_statistics(forecast.isel(time=s), truth, climatology=usual) for s in (slice(0, 2), slice(2, 6))]
    xr.testing.assert_allclose(
        scores(xr.concat(parts, "time")), scores(forecast_statistics(forecast, truth, climatology=usual))
    )


def test_intervals_hold_the_score_and_shrink_with_blocks_of_everything(forecast, truth, usual):
    statistics = forecast_statistics(forecast, truth, climatology=usual, variables=["geopotential"])
    interval = bootstrap(statistics, samples=200).geopotential
    value = scores(statistics).geopotential
    low, high = interval.sel(bound="low"), interval.sel(bound="high")
    defined = np.isfinite(value)
    assert (low <= high).where(defined, True).all()
    assert ((low <= value) & (value <= high)).where(defined, True).mean() > 0.95
    # A block as long as the record is the record, turned.
    same = bootstrap(statistics, samples=5, block=6).geopotential
    xr.testing.assert_allclose(same.sel(bound="low", drop=True), value)
    xr.testing.assert_identical(bootstrap(statistics, samples=7, seed=3), bootstrap(statistics, samples=7, seed=3))
    merged = evaluate(forecast, truth, variables=["geopotential"], samples=10)
    assert merged.geopotential_interval.sizes["bound"] == 2


def test_the_interval_of_a_bias_is_that_of_the_normal_law(rng):
    """1,000 independent errors of spread 1: the mean is known to ±1.96/√1000."""
    values = np.full((len(STATISTICS), 1000), np.nan)
    values[STATISTICS.index("error")] = rng.standard_normal(1000)
    statistics = xr.Dataset(
        {"a": (("statistic", "time"), values)}, {"statistic": list(STATISTICS), "time": range(1000)}
    )
    interval = bootstrap(statistics, ["bias"], samples=2000).a.sel(metric="bias")
    np.testing.assert_allclose(interval.diff("bound"), 2 * 1.96 / np.sqrt(1000), rtol=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, t: (f.isel(time=slice(0, 0)), t, {}), r"must have common values of 'time'"),
        (lambda f, t: (f.drop_vars("time"), t, {}), r"`forecast\['forecast'\]` must have a dimension and coord"),
        (lambda f, t: (f, t.isel(time=slice(0, 8)), {}), r"2 of 6 initial times need some .* first is 2020-01-03"),
        (lambda f, t: (f, t.isel(time=[0]), {"missing": "drop"}), r"which would leave none"),
        (lambda f, t: (f.isel(longitude=slice(0, 12, 2)), t, {}), r"must be on the grid of `truth`, 7×12 .*, got 7×6"),
        (lambda f, t: (f.expand_dims(surface=[0, 1]), t, {}), r"must have no dimension 'surface', got \{'surface': 2"),
        (lambda f, t: (f, t.expand_dims(number=[0, 1]), {}), r"must have members as `truth` has, 2 of them, got none"),
        (lambda f, t: (f, t, {"variables": ["temperature"]}), r"common to all are 2m_temperature, geopotential, u_"),
        (lambda f, t: (f.sel(level=[500]), t.sel(level=[850]), {}), r"must have common values of 'level'"),
        (lambda f, t: ({"truth": f}, t, {}), r"`forecast` names 'truth', which is the name of something else"),
        (lambda f, t: ({}, t, {}), r"`forecast` must hold at least one forecast"),
        (lambda f, t: (f, t, {"metrics": ["r2"]}), r"`metrics` must be one of 'rmse', .*, got 'r2'"),
        (lambda f, t: (f, t, {"reference": "b"}), r"`reference` must be one of 'forecast', 'persistence', got 'b'"),
        (lambda f, t: (f, t, {"regions": ["mars"]}), r"`regions` names 'mars'; there are global, tropics"),
        (lambda f, t: (f, t, {"regions": {"a": Region(((1.0, 2.0),))}}), r"`regions` holds 'a', [^:]* no point"),
        (lambda f, t: (f, t.drop_vars("land_sea_mask"), {"regions": ["global_land"]}), r"`land_sea_mask` must be"),
        (lambda f, t: (f, t, {"climatology": t.isel(time=0)[["geopotential"]]}), r"`climatology` must have 2m_temp"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored(forecast, truth, untyped, change, message):
    first, second, options = change(forecast, truth)
    with pytest.raises(ValueError, match=message):
        evaluate(first, second, **options)


def test_initial_times_without_truth_can_be_left_out(forecast, truth):
    gap = truth.isel(time=[0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11])
    with pytest.warns(DataWarning, match=r"left out: 4 of 6 initial times, which need truth that is missing$"):
        out = evaluate(forecast, gap, missing="drop")
    # Hour 30 is missing: the initial times 6, 18, 24 and 30 h need it.
    assert out.attrs["initial_times"] == 2


def test_the_window_is_a_triangle_of_mean_one():
    weights = window_weights(61)
    assert weights.size == 61
    np.testing.assert_allclose([weights[0], weights[60], weights.mean()], [0, 0, 1], atol=1e-15)
    np.testing.assert_allclose(np.diff(weights[:31]), weights[30] / 30)
    with pytest.raises(ValueError, match=r"`window` must be odd, got 60"):
        window_weights(60)


def test_the_climatology_is_that_of_weatherbench(rng):
    """Against the same computed the slow way: years stacked, day 366 filled, wrapped, weighted."""
    times = pd.date_range("2019-01-01", "2020-12-31T12:00", freq="12h")
    truth = xr.Dataset(
        {"a": (("time", "latitude"), rng.standard_normal((times.size, 2)))}, {"time": times, "latitude": [1.0, -1.0]}
    )
    out = climatology(truth, window=61)
    assert out.a.dims == ("hour", "dayofyear", "latitude")
    weights = xr.DataArray(window_weights(61), dims="window")
    for hour in (0, 12):
        part = truth.isel(time=truth.time.dt.hour == hour)
        years = [
            one.assign_coords(time=one.time.dt.dayofyear).rename(time="dayofyear").reindex(dayofyear=np.arange(1, 367))
            for one in (part.sel(time="2019"), part.sel(time="2020"))
        ]
        stacked = xr.concat(years, "year")
        stacked = stacked.fillna(stacked.sel(dayofyear=365)).pad(dayofyear=30, mode="wrap")
        rolled = stacked.rolling(dayofyear=61, center=True).construct("window")
        expected = rolled.weighted(weights).mean(("window", "year")).a.isel(dayofyear=slice(30, -30))
        np.testing.assert_allclose(out.a.sel(hour=hour), expected.transpose("dayofyear", "latitude"), rtol=1e-10)


def test_bands_of_the_climatology_do_not_matter(rng, monkeypatch):
    times = pd.date_range("2019-01-01", "2019-12-31", freq="1D")
    truth = xr.Dataset({"a": (("time", "x"), rng.standard_normal((365, 5)))}, {"time": times})
    whole = climatology(truth)
    sizes = []
    smoothed = _climatology._smoothed
    monkeypatch.setattr(_climatology, "_smoothed", lambda part, w: (sizes.append(part.shape[1]), smoothed(part, w))[1])
    monkeypatch.setattr(_climatology, "_SUMS_BYTES", 2 * 4 * 8 * 366)
    xr.testing.assert_identical(climatology(truth), whole)
    assert sizes == [2, 2, 1]


def test_the_climatology_of_years_leaves_out_the_others(rng):
    times = pd.date_range("2018-01-01", "2019-12-31", freq="1D")
    truth = xr.Dataset({"a": ("time", (times.year - 2018).astype(float)), "b": ((), 1.0)}, {"time": times})
    np.testing.assert_allclose(climatology(truth, years=(2018, 2018)).a, 0)
    np.testing.assert_allclose(climatology(truth).a, 0.5)
    with pytest.raises(ValueError, match=r"times in the years \(1990, 1991\)"):
        climatology(truth, years=(1990, 1991))
    with pytest.raises(ValueError, match=r"`variables` names 'b', which has no time"):
        climatology(truth, variables=["b"])


def test_a_climatology_without_the_hour_or_level_is_told(truth, usual, forecast):
    with pytest.raises(ValueError, match=r"`climatology` must have level 850, got \[500\]; or score fewer levels"):
        evaluate(forecast, truth, climatology=usual.sel(level=[500]))
    with pytest.raises(ValueError, match=r"`climatology` must have hour 6 of 2020-01-01T06:00.*, got hour \[0, 12\]"):
        evaluate(forecast, truth, climatology=usual.sel(hour=[0, 12]))
    with pytest.raises(ValueError, match=r"`climatology` must have each hour once, got 6 twice"):
        evaluate(forecast, truth, climatology=usual.assign_coords(hour=[0, 6, 6, 12]))
    for function in (climatology, lambda it: persistence_forecast(it, it.time.values[:1], LEADS)):
        with pytest.raises(
            ValueError, match=r"`truth` must have each value of 'time' once, got 2020-01-01T00:00 twice"
        ):
            function(truth.isel(time=[0, 0, 1]))


@pytest.mark.parametrize("grid", [Grid.equiangular(19, 36), Grid.gauss_legendre(16)], ids=str)
def test_spectra_sum_to_mean_squares(grid, smooth_field):
    base = grid_dataset(grid)
    fields = {name: smooth_field(grid, 8) for name in ("geopotential",)}
    wind = smooth_field(grid, 8, 1)
    fields |= {"u_component_of_wind": wind.imag, "v_component_of_wind": -wind.real}
    for name, values in fields.items():
        base[name] = (("latitude", "longitude"), values)
    base["geopotential"] += 50_000.0
    out = power_spectra(base)
    area = grid.weights[:, None] / (4 * np.pi)
    np.testing.assert_allclose(out.wind.sum(), (np.abs(wind) ** 2 * area).sum() / 2, rtol=1e-5)
    variation = ((base.geopotential - 50_000) ** 2 * area).sum() - (((base.geopotential - 50_000) * area).sum()) ** 2
    np.testing.assert_allclose(out.geopotential.isel(degree=slice(1, None)).sum(), variation, rtol=1e-4)
    np.testing.assert_allclose(out.geopotential.sel(degree=0), (base.geopotential * area).sum() ** 2, rtol=1e-6)
    np.testing.assert_allclose(out.geopotential.isel(degree=slice(9, None)), 0, atol=1e-7)


def test_real_members_against_each_other(weather):
    """ERA5's ensemble: members differ by metres where persistence over a day errs by tens of metres."""
    dataset = open_dataset(weather / "era5_z_t_500_850_3deg_4times_10members.nc")
    truth, other = dataset.isel(number=0, drop=True), dataset.isel(number=5, drop=True)
    day = np.array([24]) * HOURS
    late = other.isel(time=slice(2, 4)).assign_coords(time=other.time.values[:2])
    out = evaluate(late.expand_dims(prediction_timedelta=day), truth, spectra=True, regions=("global", "tropics"))
    z = out.geopotential.sel(metric="rmse", level=500, region="global").squeeze()
    assert 5 < z.sel(forecast="forecast") < 40, "m²/s²"
    assert 200 < z.sel(forecast="persistence") < 800
    assert out.geopotential.attrs["units"] == "m**2 s**-2"
    spectrum = out.geopotential_spectrum.sel(level=500).squeeze()
    # Synoptic scales are the same in member and truth; power falls towards small scales.
    ratio = spectrum.sel(source="forecast") / spectrum.sel(source="truth")
    np.testing.assert_allclose(ratio.sel(degree=slice(1, 10)), 1, atol=0.05)
    assert spectrum.sel(source="truth", degree=40) < 1e-3 * spectrum.sel(source="truth", degree=6)


def test_real_forecast_of_gfs_has_regions_of_land_and_missing_levels(weather):
    dataset = open_dataset(weather / "gfs_2p5deg.nc").expand_dims(time=[np.datetime64("2020-01-01", "ns")])
    dataset["land_sea_mask"] = dataset.land_sea_mask.clip(0, 1)
    options = {"regions": ("global", "global_land"), "baselines": False, "variables": ["vertical_velocity"]}
    with pytest.warns(DataWarning, match=r"without a value in vertical_velocity"):
        out = evaluate(dataset * 1.0, dataset, **options)
    rmse = out.vertical_velocity.sel(metric="rmse", forecast="forecast").squeeze()
    assert np.isnan(rmse.sel(level=50)).all()
    np.testing.assert_array_equal(rmse.sel(level=500), 0)


def test_every_named_region_has_points_on_the_coarse_grid():
    base = grid_dataset(Grid.equiangular(32, 64, poles=False))
    base["land_sea_mask"] = (("latitude", "longitude"), np.ones((32, 64)))
    assert region_weights(base, list(REGIONS)).sizes["region"] == len(REGIONS)
