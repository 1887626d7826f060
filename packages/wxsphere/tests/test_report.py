"""Maps, the report, and the commands that write them."""

from __future__ import annotations

import html.parser
import json
from typing import Any

import numpy as np
import pytest
import xarray as xr

from spinharm import Grid
from wxsphere import area_weights, climatology, error_maps, evaluate, grid_dataset, open_dataset, write_report
from wxsphere.__main__ import main
from wxsphere._maps.labels import lead_label
from wxsphere._report.quantities import Quantity, chosen_leads, headlines

GRID = Grid.equiangular(9, 16, poles=False)
HOURS = np.timedelta64(3600 * 10**9, "ns")
LEADS = np.array([6, 12, 24]) * HOURS
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def truth():
    rng = np.random.default_rng(0)
    times = np.datetime64("2020-01-01", "ns") + np.arange(16) * 6 * HOURS
    out = grid_dataset(GRID).assign_coords(time=times, level=("level", [500.0, 850.0], {"units": "hPa"}))
    for name, units in (
        ("geopotential", "m**2 s**-2"),
        ("u_component_of_wind", "m s**-1"),
        ("v_component_of_wind", "m s**-1"),
    ):
        values = rng.standard_normal((16, 2, *GRID.shape)).astype(np.float32)
        out[name] = (("time", "level", "latitude", "longitude"), values, {"units": units})
    out["land_sea_mask"] = (("latitude", "longitude"), rng.uniform(0, 1, GRID.shape).astype(np.float32))
    return out  # fmt: skip


@pytest.fixture(scope="module")
def forecast(truth):
    """Truth and errors, those of geopotential large; 12 initial times."""
    rng, times = np.random.default_rng(1), truth.time.values[:12]
    fields = truth.drop_vars("land_sea_mask")
    parts = [fields.sel(time=times + lead).assign_coords(time=times) for lead in LEADS]
    out = xr.concat(parts, xr.DataArray(LEADS, dims="prediction_timedelta", name="prediction_timedelta"))
    size = {"geopotential": 2.0, "u_component_of_wind": 0.3, "v_component_of_wind": 0.3}
    return out.map(lambda field: (field + size[field.name] * rng.standard_normal(field.shape)).astype(np.float32))


@pytest.fixture(scope="module")
def stores(truth, forecast, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stores")
    truth.to_zarr(folder / "truth.zarr", zarr_format=3, consolidated=False)
    forecast.to_zarr(folder / "model.zarr", zarr_format=3, consolidated=False)
    climatology(truth).to_netcdf(folder / "usual.nc", engine="h5netcdf")
    return folder


@pytest.fixture(scope="module")
def evaluated(stores):
    """The folder that the command writes."""
    out = stores / "scores"
    words = ["evaluate", stores / "model.zarr", "--truth", stores / "truth.zarr", "--climatology", stores / "usual.nc"]
    more = [
        "--bootstrap",
        50,
        "--spectra",
        "--regions",
        "global",
        "tropics",
        "--out",
        out,
        "--title",
        "<b>It</b> & more",
    ]
    assert main([str(word) for word in [*words, *more]]) == 0
    return out


class Page(html.parser.HTMLParser):
    """Elements with their attributes, and tables as texts."""

    def __init__(self, text):
        super().__init__()
        self.found, self.tables, self._in = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        self._in = tag in ("th", "td", "caption")
        if tag == "tr":
            self.tables[-1].append([])
        elif self._in and tag != "caption":
            self.tables[-1][-1].append("")

    def handle_data(self, data):
        if self._in and data.strip():
            if self.tables[-1]:
                self.tables[-1][-1][-1] += data
            else:
                self.tables[-1].append([data])

    def handle_endtag(self, tag):
        self._in = False


def test_error_maps_are_means_over_initial_times(forecast, truth):
    out = error_maps({"a": forecast}, truth)
    lead, level = LEADS[1], 850.0
    right = truth.geopotential.sel(time=forecast.time.values + lead, level=level).astype(float).values
    error = (
        forecast.geopotential.sel(prediction_timedelta=lead, level=level).astype(float).transpose("time", ...) - right
    )
    at = {"forecast": "a", "prediction_timedelta": lead, "level": level}
    np.testing.assert_allclose(out.geopotential.sel({"map": "bias", **at}), error.mean("time"), rtol=1e-12)
    np.testing.assert_allclose(
        out.geopotential.sel({"map": "rmse", **at}), np.sqrt((error**2).mean("time")), rtol=1e-12
    )
    weights = xr.DataArray(area_weights(truth.latitude.values), dims="latitude")
    whole: Any = np.sqrt((out.sel(map="rmse") ** 2).weighted(weights).mean(["latitude", "longitude"]))
    rmse = evaluate(forecast, truth).sel(metric="rmse", region="global", forecast="forecast")
    np.testing.assert_allclose(whole.geopotential.sel(forecast="a"), rmse.geopotential, rtol=1e-10)  # fmt: skip


def test_error_maps_of_ensembles_are_of_the_mean_and_pool_members_of_truth(forecast, truth):
    two: Any = xr.concat([forecast, -forecast], xr.DataArray([0, 1], dims="number", name="number"))
    mean = error_maps(two, truth).geopotential
    at = truth.geopotential.sel(time=forecast.time.values + LEADS[0]).astype(float)
    np.testing.assert_allclose(
        mean.sel(map="bias", prediction_timedelta=LEADS[0]).squeeze("forecast"), -at.mean("time"), atol=1e-6
    )
    analyses: Any = xr.concat(
        [truth.drop_vars("land_sea_mask")] * 2, xr.DataArray([0, 1], dims="number", name="number")
    )
    pooled = error_maps(two, analyses).geopotential.sel(map="rmse")
    alone = [error_maps(one, truth).geopotential.sel(map="rmse") ** 2 for one in (forecast, -forecast)]
    np.testing.assert_allclose(pooled**2, (alone[0] + alone[1]) / 2, rtol=1e-9)


def test_the_command_writes_what_evaluate_gives(evaluated, stores, truth, forecast):
    with xr.open_dataset(evaluated / "scores.nc", engine="h5netcdf", decode_timedelta=True) as file:
        found = file.load()
    usual = climatology(truth)
    settings = {"regions": ("global", "tropics"), "samples": 50, "reference": "persistence", "spectra": True}
    expected = evaluate({"model": forecast}, truth, climatology=usual, **settings)
    assert set(found.data_vars) == set(expected.data_vars)
    for name in ("geopotential", "wind", "geopotential_interval", "wind_difference_interval", "wind_spectrum"):
        np.testing.assert_allclose(found[name].transpose(*expected[name].dims), expected[name], rtol=1e-4, err_msg=name)
    assert found.attrs["initial_times"] == 12
    assert not list(evaluated.glob(".*")), "nothing temporary is left"


def test_the_report_stands_alone_and_says_what_was_measured(evaluated):
    text = (evaluated / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert "<h1>&lt;b&gt;It&lt;/b&gt; &amp; more</h1>" in text, "names are escaped"
    for tag, attributes in page.found:
        assert tag not in ("script", "link", "iframe", "img", "object"), tag
        for key in ("src", "href", "xlink:href"):
            assert attributes.get(key, "#").startswith(("#", "data:")), attributes
    assert "url(http" not in text
    assert "@import" not in text
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"][1:] for tag, attributes in page.found if tag == "a"}
    assert targets <= set(ids)
    figures = [attributes for tag, attributes in page.found if tag == "svg"]
    assert len(figures) >= 5
    assert all(one["role"] == "img" and len(one["aria-label"]) > 20 for one in figures)
    assert all(attributes.get("scope") in ("row", "col") for tag, attributes in page.found if tag == "th")
    assert sum(tag == "caption" for tag, _ in page.found) == len(page.tables)


def test_the_scorecard_shows_relative_differences_and_their_significance(evaluated):
    with xr.open_dataset(evaluated / "scores.nc", engine="h5netcdf", decode_timedelta=True) as file:
        result = file.load()
    tables = Page((evaluated / "report.html").read_text(encoding="utf-8")).tables
    assert ["model against climatology, global: relative difference of the RMSE"] in [table[0] for table in tables]
    card = tables[0]
    assert card[0] == ["model against persistence, global: relative difference of the RMSE"]
    assert card[1] == ["variable", "6 h", "12 h", "1 d"]
    at = {"metric": "rmse", "region": "global", "forecast": "model"}
    rows = {row[0]: row[1:] for row in card[2:]}
    for level in (500.0, 850.0):
        for name in ("geopotential", "wind"):
            difference = result[f"{name}_difference"].sel({**at, "level": level}).values
            low, high = (
                result[f"{name}_difference_interval"].sel({**at, "level": level, "bound": bound}).values
                for bound in ("low", "high")
            )
            for cell, value, a, b in zip(rows[f"{name}, {level:g} hPa"], difference, low, high, strict=True):
                assert cell.startswith("(") == (a <= 0 <= b)
                assert float(cell.strip("()").split()[0].replace("−", "-")) == pytest.approx(100 * value, abs=0.51)
    # Winds are forecast with little error, geopotential with more than persistence has.
    assert all(cell.startswith("−") for cell in rows["wind, 500 hPa"])
    assert any(cell.lstrip("(").startswith("+") for cell in rows["geopotential, 500 hPa"])


def test_a_report_needs_scores_and_an_html_path(evaluated, tmp_path):
    with xr.open_dataset(evaluated / "scores.nc", engine="h5netcdf", decode_timedelta=True) as file:
        result = file.load()
    with pytest.raises(ValueError, match=r"`path` must end in \.html, got '.*report\.pdf'"):
        write_report(result, tmp_path / "report.pdf")
    with pytest.raises(ValueError, match=r"`result` must be scores of `evaluate` with the metric 'rmse'"):
        write_report(result.sel(metric=["mae"]), tmp_path / "report.html")
    with pytest.raises(ValueError, match=r"`reference` must be one of 'model', 'persistence', 'climatology', got 'x'"):
        write_report(result, tmp_path / "report.html", reference="x")
    with pytest.raises(ValueError, match="`result` must have each value of 'region' once, got global twice"):
        write_report(result.sel(region=["global", "global"]), tmp_path / "report.html")
    few = result[["geopotential"]].sel(region=["global"]).isel(prediction_timedelta=[0], level=0, drop=True)
    page = write_report(few, tmp_path / "few.html", reference="climatology").read_text(encoding="utf-8")
    assert "model against climatology, global" in page
    assert "<svg" not in page, "one lead time is no curve"


def test_what_the_command_refuses_in_one_line(stores, tmp_path, capsys):
    coarse = grid_dataset(Grid.equiangular(5, 8, poles=False)).assign_coords(
        time=np.datetime64("2020-01-01", "ns") + np.arange(2) * 6 * HOURS
    )
    coarse["geopotential"] = (("time", "latitude", "longitude"), np.zeros((2, 5, 8)))
    coarse.to_netcdf(tmp_path / "coarse.nc", engine="h5netcdf")
    whole = open_dataset(stores / "model.zarr")
    whole.where(whole.prediction_timedelta < LEADS[2]).to_netcdf(tmp_path / "cut.nc", engine="h5netcdf")
    base = [
        "evaluate",
        str(stores / "model.zarr"),
        "--truth",
        str(stores / "truth.zarr"),
        "--out",
        str(tmp_path / "out"),
    ]
    for words, message in (
        (
            [base[0], str(tmp_path / "coarse.nc"), *base[2:]],
            "bring one of them to the grid of the other by `wxsphere regrid",
        ),
        (
            [base[0], str(tmp_path / "cut.nc"), *base[2:]],
            "the first is 24 h after 2020-01-01T00: the store was cut off",
        ),
        ([base[0], *base[2:]], "`forecast` must name at least one store or file"),
        ([*base, "--names", "a", "b"], "`names` must be one for each of 1 forecasts, got 2"),
        ([*base, "--names", "persistence"], "must be distinct and none of truth, persistence, climatology"),
        ([*base, "--leads", "7"], "must be lead times of"),
        ([*base, "--map-leads", "7"], "`map_leads` must be among the lead times that are scored, got 7 h"),
        ([*base, "--levels", "100"], "`levels` must be in truth, which has 500, 850 hPa, got 100"),
        ([*base, "--climatology", "a.nc", "--climatology-years", "2020", "2020"], "must not be given both"),
        ([*base, "--reference", "climatology"], "`reference` must be one of 'model', 'persistence', got 'climatology'"),
    ):
        assert main(words) == 2
        told = [line for line in capsys.readouterr().err.splitlines() if "without checksums" not in line]
        assert message in told[0]
        assert len(told) == 1
    assert not (tmp_path / "out").exists()
    renamed = whole.where(whole.prediction_timedelta < LEADS[2]).rename(u_component_of_wind="wind_u")
    renamed.assign_coords(level=[500.0, 850.000001]).to_netcdf(tmp_path / "cut.nc", engine="h5netcdf")
    assert main([base[0], str(tmp_path / "cut.nc"), *base[2:], "--partial"]) == 0
    said = capsys.readouterr()
    variables = "variables u_component_of_wind of truth; variables wind_u of cut"
    times = "0 of 12 initial times and 1 of 3 lead times, which are incomplete"
    notes = [line for line in said.err.splitlines() if "without checksums" not in line]
    assert notes[0].startswith("note: 1 of 2 levels were within 0.0001 of whole hPa and set to it, e.g. 850.000001")
    assert notes[1:3] == [f"note: left out: {told}" for told in (variables, times)]
    with xr.open_dataset(tmp_path / "out" / "scores.nc", engine="h5netcdf") as file:
        assert file.attrs["left_out"] == f"{variables}; {times}"
        assert file.level.values.tolist() == [500, 850]
    assert f"{variables}; {times}" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "RMSE, global" in said.out  # fmt: skip


def test_plots_of_stores_and_scores(evaluated, stores, tmp_path, capsys):
    model = str(stores / "model.zarr")
    for words in (
        ["maps", model, "--variables", "wind", "geopotential", "--level", "850", "--lead", "12", "--no-smooth"],
        ["maps", str(stores / "truth.zarr"), "--time", "2020-01-02", "--projection", "mollweide", "--no-smooth"],
        ["maps", model, "--minus", str(stores / "truth.zarr"), "--projection", "polar_stereographic", "--no-smooth"],
        ["spectra", model, "--leads", "6", "24", "--truth", str(stores / "truth.zarr")],
        ["curves", str(evaluated), "--metric", "acc", "--region", "tropics"],
    ):
        out = tmp_path / f"{words[0]}.png"
        assert main(["plot", *words, "--out", str(out)]) == 0
        assert out.read_bytes().startswith(PNG)
    assert "wrote" in capsys.readouterr().out
    for words, message in (
        (["maps", model, "--level", "10"], "`level` must be one of 500, 850 hPa, got 10"),
        (["maps", model, "--lead", "7"], "`lead` must be one of the store's, 6 h … 1 d, got 7 h"),
        (
            ["maps", model, "--time", "soon"],
            "`time` must be a date between 1678 and 2261, such as 2020-01-01T12, got 'soon'",
        ),
        (["maps", model, "--variables", "rain"], "`variables` names 'rain'"),
        (["curves", str(tmp_path)], "`wxsphere evaluate` writes it"),
        (["curves", str(evaluated), "--metric", "r2"], "`metric` must be one of"),
        (["learning", str(tmp_path)], "found no"),
    ):
        assert main(["plot", *words]) == 2
        assert message in capsys.readouterr().err


def test_the_learning_curve_joins_stages(tmp_path):
    for stage, steps in ((1, (1, 2, 3)), (2, (1, 2)), (10, (1,))):
        folder = tmp_path / f"stage-{stage}"
        folder.mkdir()
        lines = [{"step": step, "loss": 1.0 / stage, "validation_loss": 2.0} for step in steps]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert main(["plot", "learning", str(tmp_path)]) == 0
    assert (tmp_path / "learning-curve.png").read_bytes().startswith(PNG)
    from spinnn.plots import learning_curve

    figure = learning_curve([tmp_path / f"stage-{at}" / "metrics.jsonl" for at in (1, 2, 10)], "wxsphere[plot]")
    loss, ends = figure.axes[0].lines[0], [line.get_xdata()[0] for line in figure.axes[0].lines[1:]]
    np.testing.assert_array_equal(loss.get_xdata(), [1, 2, 3, 4, 5, 6])
    assert ends == [3, 5]


def test_words_for_people():
    leads = np.arange(1, 41) * 6 * HOURS
    assert [lead_label(lead) for lead in chosen_leads(leads, 10)] == [f"{day} d" for day in range(1, 11)]
    assert [lead_label(lead) for lead in chosen_leads(leads[:3], 2)] == ["6 h", "18 h"]
    names = [
        Quantity(name, level) for name in ("geopotential", "u_component_of_wind", "wind") for level in (500.0, 850.0)
    ]
    assert headlines(names) == [Quantity("geopotential", 500.0), Quantity("wind", 850.0)]
    assert headlines([Quantity("vorticity", None)]) == [Quantity("vorticity", None)]  # fmt: skip
