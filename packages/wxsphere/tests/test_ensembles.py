"""Forecasts with members, and forecasts that were cut off."""

import shutil

import numpy as np
import pytest
import xarray as xr

from spinharm import Grid
from wxsphere import (
    DataWarning,
    area_weights,
    bootstrap,
    evaluate,
    forecast_statistics,
    open_dataset,
    power_spectra,
    scores,
)

GRID = Grid.equiangular(7, 12)
HOURS = np.timedelta64(3600 * 10**9, "ns")
LEADS = np.array([6, 12]) * HOURS
AT = {"forecast": "forecast", "region": "global"}


@pytest.fixture
def truth(make_dataset):
    return make_dataset(GRID, times=8).drop_vars("land_sea_mask")


@pytest.fixture
def forecast(truth, rng):
    """Five members around the truth, four initial times."""
    times = truth.time.values[:4]
    parts = [truth.sel(time=times + lead).assign_coords(time=times) for lead in LEADS]
    out = xr.concat(parts, xr.DataArray(LEADS, dims="prediction_timedelta", name="prediction_timedelta"))
    out = out.expand_dims(number=range(5))
    return out.map(lambda field: field + 0.7 * rng.standard_normal(field.shape))


def area_mean(field):
    return field.weighted(xr.DataArray(area_weights(field.latitude.values), dims="latitude")).mean(
        ["latitude", "longitude"]
    )


def of_truth(truth, forecast, name, lead):
    times = forecast.time.values
    return truth[name].astype(float).sel(time=times + lead).assign_coords(time=times)


def test_scores_of_an_ensemble_are_those_of_the_formulas(forecast, truth):
    out = evaluate(forecast, truth).sel(AT)
    for lead in LEADS:
        members = forecast.geopotential.sel(prediction_timedelta=lead, drop=True)
        right = of_truth(truth, forecast, "geopotential", lead)
        mean, variance = members.mean("number"), members.var("number", ddof=1)
        pairs = np.abs(members - members.rename(number="other")).sum(["number", "other"])
        mse = area_mean((mean - right) ** 2).mean("time")
        expected = {
            "rmse": np.sqrt(mse),
            "crps": area_mean(np.abs(members - right).mean("number") - pairs / (2 * 5 * 4)).mean("time"),
            "spread": np.sqrt(area_mean(variance).mean("time")),
            "spread_skill_ratio": np.sqrt(1.2 * area_mean(variance).mean("time") / mse),
        }
        for metric, value in expected.items():
            got = out.geopotential.sel(metric=metric, prediction_timedelta=lead)
            np.testing.assert_allclose(got, value, rtol=1e-10, err_msg=metric)


def test_the_crps_is_that_of_an_independent_library(forecast, truth):
    probability = pytest.importorskip("scores.probability")
    out = evaluate(forecast, truth).sel({**AT, "metric": "crps"})
    weights = xr.DataArray(area_weights(truth.latitude.values), dims="latitude")
    for lead in LEADS:
        members = forecast["2m_temperature"].sel(prediction_timedelta=lead, drop=True)
        right = of_truth(truth, forecast, "2m_temperature", lead)
        expected = probability.crps_for_ensemble(members, right, "number", method="fair", weights=weights)
        np.testing.assert_allclose(out["2m_temperature"].sel(prediction_timedelta=lead), expected, rtol=1e-6)


def test_winds_of_an_ensemble_are_vectors(forecast, truth):
    out = evaluate(forecast, truth).sel(AT)
    lead, parts = LEADS[0], ("u_component_of_wind", "v_component_of_wind")
    u, v = (forecast[name].sel(prediction_timedelta=lead, drop=True) for name in parts)
    members = u + 1j * v
    right = of_truth(truth, forecast, parts[0], lead) + 1j * of_truth(truth, forecast, parts[1], lead)
    score = np.abs(members - right).mean("number")
    score = score - np.abs(members - members.rename(number="other")).sum(["number", "other"]) / (2 * 5 * 4)
    got = out.wind.sel(prediction_timedelta=lead)
    np.testing.assert_allclose(got.sel(metric="crps"), area_mean(score).mean("time"), rtol=1e-10)
    squares = (out**2).sel(metric="spread", prediction_timedelta=lead)
    np.testing.assert_allclose(squares.wind, squares[parts[0]] + squares[parts[1]], rtol=1e-10)


def test_an_ensemble_that_the_truth_belongs_to_has_the_ratio_one(truth, rng, make_dataset):
    """Truth and 3 members drawn from one law: without (M + 1)/M the ratio would be 0.87."""
    truth = make_dataset(Grid.equiangular(31, 60), times=20)[["2m_temperature"]]
    forecast = truth.expand_dims(number=range(3)).map(lambda field: field * 0 + rng.standard_normal(field.shape))
    out = evaluate(forecast, truth, baselines=False)["2m_temperature"].sel(AT).squeeze()
    np.testing.assert_allclose(out.sel(metric="spread_skill_ratio"), 1.0, atol=0.02)
    np.testing.assert_allclose(out.sel(metric="spread"), 1.0, atol=0.02)
    # Of the normal law E|x − t| − E|x − x'|/2 = 2/√π − 1/√π, whatever the number of members.
    np.testing.assert_allclose(out.sel(metric="crps"), 1 / np.sqrt(np.pi), atol=0.01)


def test_one_member_is_none(forecast, truth):
    one = forecast.isel(number=[2])
    xr.testing.assert_identical(evaluate(one, truth), evaluate(one.isel(number=0, drop=True), truth))


def test_members_are_compared_with_the_truth_of_the_same_number(forecast, truth, rng):
    analyses = truth.expand_dims(number=range(6)).map(lambda field: field + rng.standard_normal(field.shape))
    usual = truth.isel(time=0, drop=True).expand_dims(hour=[0, 6, 12, 18], dayofyear=range(1, 367)) * 0.0
    with pytest.warns(DataWarning, match="left out: members 5 of truth$"):
        out = evaluate(forecast, analyses, climatology=usual, samples=20, spectra=True)
    assert out.attrs["members"] == 5, "the sixth has no forecast"
    parts = [
        forecast_statistics(forecast.sel(number=k, drop=True), analyses.sel(number=k, drop=True), climatology=usual)
        for k in range(5)
    ]
    pooled = scores(xr.concat(parts, "time"))
    regions = list(pooled.region.values)
    xr.testing.assert_allclose(out[list(pooled.data_vars)].sel(region=regions), pooled)
    assert np.isnan(out.geopotential.sel(metric="spread")).all()
    assert out.geopotential_interval.sizes["bound"] == 2
    spectrum = power_spectra(forecast[["geopotential"]]).geopotential.mean(["time", "number"])
    np.testing.assert_allclose(
        out.geopotential_spectrum.sel(source="forecast").transpose(*spectrum.dims), spectrum, rtol=1e-5
    )
    of_members = evaluate(forecast, analyses.isel(number=slice(0, 5)), climatology=usual.expand_dims(number=range(6)))
    of_members = of_members.drop_vars("initial_time")
    xr.testing.assert_allclose(of_members, out[list(of_members.data_vars)].sel(region=of_members.region))


def test_blocks_of_the_bootstrap_stay_within_a_member(forecast, truth, rng):
    analyses = truth.expand_dims(number=range(5)).map(lambda field: field + rng.standard_normal(field.shape))
    statistics = forecast_statistics(forecast, analyses, variables=["geopotential"])
    # Blocks as long as a member's record are its whole record: draws are means over members.
    low = bootstrap(statistics, ["bias"], samples=4000, block=4).geopotential.sel(forecast="forecast", metric="bias")
    of_member = statistics.geopotential.sel(statistic="error", forecast="forecast").mean("time")
    chosen = rng.integers(0, 5, (4000, 5))
    draws = of_member.isel(number=xr.DataArray(chosen, dims=("draw", "number"))).mean("number")
    expected = draws.quantile([0.025, 0.975], "draw")
    spread = float(draws.std("draw").max())
    np.testing.assert_allclose(
        low.transpose("bound", ...), expected.transpose("quantile", ...).drop_vars("quantile"), atol=0.4 * spread
    )


def test_intervals_of_differences_are_of_pairs(forecast, truth):
    both = {"a": forecast.isel(number=0, drop=True), "b": forecast.isel(number=0, drop=True) * 1.001}
    out = evaluate(both, truth, variables=["geopotential"], samples=200, reference="a")
    at = {"forecast": "b", "metric": "rmse", "region": "global"}
    score = out.geopotential.sel(metric="rmse", region="global")
    expected = score.sel(forecast="b") / score.sel(forecast="a") - 1
    np.testing.assert_allclose(out.geopotential_difference.sel(at), expected, rtol=1e-10)
    paired = out.geopotential_difference_interval.sel(at).diff("bound")
    alone = out.geopotential_interval.sel(at).diff("bound") / score.sel(forecast="b")
    assert (paired < 0.05 * alone).all()
    np.testing.assert_array_equal(out.geopotential_difference.sel(forecast="a", metric="rmse"), 0.0)


@pytest.mark.parametrize("memory_gib", [2e-5, 0.25])
def test_blocks_do_not_matter_to_ensembles(forecast, truth, memory_gib):
    lazy = evaluate(forecast.chunk(time=2, number=3), truth.chunk(time=3), memory_gib=memory_gib, spectra=True)
    xr.testing.assert_allclose(lazy, evaluate(forecast, truth, spectra=True), rtol=1e-5)


def test_a_store_that_was_cut_off_is_told_or_scored_in_part(forecast, truth, tmp_path):
    """Two of four initial times are written, of the second one lead time: chunks that are not there read as NaN."""
    whole = forecast.isel(number=0, drop=True).chunk(time=1, prediction_timedelta=1)
    path = tmp_path / "cut.zarr"
    whole.to_zarr(path, compute=False, zarr_format=3, consolidated=False)
    for time, leads in ((0, 2), (1, 1)):
        at = {"time": slice(time, time + 1), "prediction_timedelta": slice(0, leads)}
        moving = whole.isel(at).drop_vars(["level", "latitude", "longitude"])
        moving.drop_vars(list(moving.coords)).to_zarr(path, region=at, zarr_format=3, consolidated=False)
    cut = open_dataset(path)
    message = (
        r"has no value of '2m_temperature' at 5 of 8 initial and lead times, the first is 12 h after 2020-01-01T06"
    )
    with pytest.raises(ValueError, match=message):
        evaluate(cut, truth)
    for size in (100, 0):
        damaged = tmp_path / f"damaged-{size}.zarr"
        shutil.copytree(path, damaged)
        chunk = damaged / "2m_temperature" / "c" / "0" / "1" / "0" / "0"
        chunk.write_bytes(chunk.read_bytes()[:size])
        with pytest.raises(OSError, match=r"2m_temperature cannot be read at prediction_timedelta 0, time 1, "):
            evaluate(open_dataset(damaged), truth)
    with pytest.warns(DataWarning, match="left out: 3 of 4 initial times and 0 of 2 lead times, which are incomplete"):
        out = evaluate(cut, truth, partial=True, spectra=True)
    assert out.attrs["left_out"].startswith("3 of 4 initial times and 0 of 2 lead times")
    xr.testing.assert_allclose(out, evaluate(whole.isel(time=[0]), truth, spectra=True))
    first = whole.isel(time=[0, 1]).where(whole.prediction_timedelta < LEADS[1])
    with pytest.warns(DataWarning, match="left out: 0 of 2"):
        short = evaluate(first, truth, partial=True)
    assert short.attrs["left_out"].startswith("0 of 2 initial times and 1 of 2 lead times")
    with pytest.raises(ValueError, match=r"must have an initial time whose lead times are complete, got values at 0"):
        evaluate(whole * np.nan, truth, partial=True)
    gone = truth.copy()
    gone["geopotential"] = gone.geopotential.where(gone.level == 500)
    hole = whole.assign(geopotential=whole.geopotential.where(whole.level == 500))
    with pytest.warns(DataWarning, match=r"without a value in geopotential \(50 %\)"):
        out = evaluate(hole, gone)
    assert np.isnan(out.geopotential.sel(level=850, metric="rmse")).all(), "truth has none either"


def test_real_members_are_scored_with_their_own_truth_and_as_an_ensemble(weather):
    dataset = open_dataset(weather / "era5_z_t_500_850_3deg_4times_10members.nc")
    late = dataset.isel(time=slice(2, 4)).assign_coords(time=dataset.time.values[:2])
    day = late.expand_dims(prediction_timedelta=np.array([24]) * HOURS)
    own = evaluate(day, dataset, regions=("global",), variables=["geopotential"]).geopotential
    assert (own.sel(forecast="forecast", metric="rmse") == 0).all()
    assert (own.sel(forecast="persistence", metric="rmse", level=500) > 200).all()
    rest, first = day.isel(number=slice(1, None)), dataset.isel(number=0, drop=True)
    out = evaluate(rest, first, regions=("global",)).geopotential.sel({**AT, "level": 500}).squeeze()
    assert 0 < out.sel(metric="crps") < out.sel(metric="mae")
    assert 0.3 < out.sel(metric="spread_skill_ratio") < 3
