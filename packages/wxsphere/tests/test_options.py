"""Options of `prepare`, `forecast_statistics` and `evaluate`: checked when they are made, single ones as keywords."""

# pyright: reportArgumentType=false

import dataclasses

import numpy as np
import pytest
import xarray as xr

from spinharm import Grid
from wxsphere import (
    EvaluateOptions,
    PrepareOptions,
    Region,
    StatisticsOptions,
    evaluate,
    forecast_statistics,
    persistence_forecast,
    prepare,
)

LEADS = np.array([6, 12]) * np.timedelta64(3600 * 10**9, "ns")
REFUSED = {
    (PrepareOptions, "variables"): ("geopotential", r"write \('geopotential',\)"),
    (PrepareOptions, "levels"): ([-500.0], "`levels` must be finite and above 0, got -500.0"),
    (PrepareOptions, "members"): ([0.5], "`members` must be an integer, got 0.5"),
    (PrepareOptions, "training"): (1979, "`training` must be a sequence of the first and the last time, got 1979"),
    (PrepareOptions, "validation"): (("2017",), "`validation` must be the first and the last time"),
    (PrepareOptions, "test"): (("2019", "2018"), "`test` must end after it begins, got 2019 … 2018"),
    (PrepareOptions, "cadence_hours"): (0.0, "`cadence_hours` must be finite and above 0.0001"),
    (PrepareOptions, "daily_mean"): ("no", "`daily_mean` must be True or False, got 'no'"),
    (PrepareOptions, "grid"): ("32x64", "`grid` must be a spinharm.Grid, got '32x64'"),
    (PrepareOptions, "method"): ("bilinear", "`method` must be one of 'spectral', 'conservative', got 'bilinear'"),
    (PrepareOptions, "bandlimit"): (1, "`bandlimit` must be at least 2, got 1"),
    (PrepareOptions, "chunk"): (0, "`chunk` must be at least 1, got 0"),
    (PrepareOptions, "check"): (1, "`check` must be True or False, got 1"),
    (PrepareOptions, "allow_gaps"): (None, "`allow_gaps` must be True or False, got None"),
    (PrepareOptions, "rename"): ({"a": 1}, "`rename` must be a mapping of strings to strings; one of its values"),
    (PrepareOptions, "storage_options"): ("token", "`storage_options` must be a mapping of names, got 'token'"),
    (PrepareOptions, "library"): ("s3fs", "`library` must be one of 'fsspec', 'obstore', got 's3fs'"),
    (PrepareOptions, "scheduler"): ("lots", "`scheduler` must be 'threads', 'synchronous' or an address, got 'lots'"),
    (PrepareOptions, "memory_gib"): (-1.0, "`memory_gib` must be a number of GiB, at least 0, got -1.0"),
    (StatisticsOptions, "variables"): (7, "`variables` must be a sequence of names, got 7"),
    (StatisticsOptions, "regions"): (["mars"], "`regions` names 'mars'; there are global, tropics"),
    (StatisticsOptions, "convention"): ("wb3", "`convention` must be one of 'wb2', 'wbx', got 'wb3'"),
    (StatisticsOptions, "skipna"): ("yes", "`skipna` must be True or False, got 'yes'"),
    (StatisticsOptions, "missing"): ("skip", "`missing` must be one of 'raise', 'drop', got 'skip'"),
    (StatisticsOptions, "partial"): (0, "`partial` must be True or False, got 0"),
    (StatisticsOptions, "baselines"): (["persistence"], "`baselines` must be True or False"),
    (StatisticsOptions, "memory_gib"): ("1", "`memory_gib` must be a number, got '1'"),
    (EvaluateOptions, "regions"): ({}, "`regions` must not be empty"),
    (EvaluateOptions, "metrics"): (["r2"], "`metrics` must be one of 'rmse'"),
    (EvaluateOptions, "samples"): (1, "`samples` must be 0 or at least 2, got 1"),
    (EvaluateOptions, "block"): (0, "`block` must be at least 1, got 0"),
    (EvaluateOptions, "seed"): (-1, "`seed` must be at least 0, got -1"),
    (EvaluateOptions, "reference"): (7, "`reference` must be the name of a forecast or None, got 7"),
    (EvaluateOptions, "spectra"): ("all", "`spectra` must be True or False, got 'all'"),
}


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0].__name__}.{case[1]}")
def test_wrong_options_are_refused_by_name(untyped, case):
    (kind, name), (value, message) = case, REFUSED[case]
    with pytest.raises((TypeError, ValueError), match=message):
        kind(**{name: value})


def test_every_option_has_a_wrong_value_above():
    own = {kind: {f.name for f in dataclasses.fields(kind)} for kind in (PrepareOptions, StatisticsOptions)}
    own[EvaluateOptions] = set(vars(EvaluateOptions)["__annotations__"])
    assert {(kind, name) for kind, names in own.items() for name in names} == set(REFUSED)


def test_options_are_kept_as_tuples_and_without_secrets(untyped):
    options = PrepareOptions(
        variables=["a", "b", "a"], levels=np.array([500, 850]), storage_options={"token": "secret"},
        grid=Grid(4, 8, longitude_origin=-np.pi, south_first=True), test=["2018", "2018"], training=("1979", "2017"),
    )  # fmt: skip
    assert (options.variables, options.levels, options.test) == (("a", "b"), (500.0, 850.0), ("2018", "2018"))
    assert options.grid == Grid(4, 8), "from north to south, from the first meridian"
    assert options.validation is None
    assert "secret" not in repr(options)
    assert dataclasses.replace(options) == options
    assert type(PrepareOptions(chunk=np.int64(4)).chunk) is int, "as JSON can hold it"
    assert StatisticsOptions(regions={"here": Region()}).regions == {"here": Region()}


def test_keywords_change_single_options(make_dataset):
    truth = make_dataset(times=6)
    forecast = persistence_forecast(truth, truth.time.values[:3], LEADS)
    changed = evaluate(forecast, truth, EvaluateOptions(metrics=["rmse", "bias"], samples=4), metrics=["rmse"])
    xr.testing.assert_identical(changed, evaluate(forecast, truth, metrics=["rmse"], samples=4))
    assert changed.metric.values.tolist() == ["rmse"]
    assert changed.region.values.tolist() == ["global", "tropics", "extra-tropics"]
    few = forecast_statistics(forecast, truth, StatisticsOptions(baselines=False), variables=["2m_temperature"])
    assert list(few.data_vars) == ["2m_temperature"]
    assert few.forecast.values.tolist() == ["forecast"]
    assert few.region.values.tolist() == ["global"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d, out: prepare(d, out, chunks=4), "keywords must be options of wxsphere.PrepareOptions, got 'chunks'"),
        (lambda d, out: prepare(d, out, {"chunk": 4}), "`options` must be a wxsphere.PrepareOptions or None, got {"),
        (lambda d, out: evaluate(d, d, leads=[6]), "keywords must be options of wxsphere.EvaluateOptions, got 'leads'"),
        (lambda d, out: evaluate(d, d, StatisticsOptions()), "`options` must be a wxsphere.EvaluateOptions or None"),
        (lambda d, out: forecast_statistics(d, d, samples=2), "must be options of wxsphere.StatisticsOptions, got 'sa"),
    ],
)
def test_other_words_and_other_options_are_refused(untyped, make_dataset, tmp_path, call, message):
    with pytest.raises(TypeError) as caught:
        call(make_dataset(), tmp_path / "out")
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()
