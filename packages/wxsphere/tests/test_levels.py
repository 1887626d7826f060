"""Levels of any unit and type become pressures in hPa."""

import numpy as np
import pytest

from spinharm import Grid
from wxsphere import DataWarning, canonical, check_dataset


@pytest.fixture
def dataset(make_dataset):
    return make_dataset(Grid.equiangular(5, 8), times=1)


@pytest.mark.parametrize(
    ("values", "units"),
    [
        ([50000.0, 85000.00000001], "Pa"),
        ([50.0, 85.0], "kPa"),
        ([500, 850], "mbar"),
        ([500, 850], "hPa"),
        ([500, 850], ""),
    ],
)
def test_pressures_become_hpa(dataset, values, units):
    out = canonical(dataset.assign_coords(level=("level", values, {"units": units})))
    np.testing.assert_array_equal(out.level, [500, 850])


@pytest.mark.parametrize(
    "texts",
    [
        ["500", "850"],
        ["500hPa", "850 mb"],
        ["50000Pa", "850.0 hPa"],
        [b"500", b"850"],
        np.array(["500", "850"], object),
    ],
)
def test_texts_are_read_as_pressures_and_said(dataset, texts):
    with pytest.warns(DataWarning, match=r"`level` holds strings, which are read as numbers in hPa: 500, 850$"):
        out = canonical(dataset.assign_coords(level=texts))
    np.testing.assert_array_equal(out.level, [500, 850])
    assert out.level.dtype == np.float64


@pytest.mark.parametrize("text", ["surface", "2 m", "500 degC", ""])
def test_other_texts_are_refused(dataset, text):
    with pytest.raises(
        ValueError, match=rf"`level` must be pressures in hPa, got the string {text!r}; if these are not pressures"
    ):
        canonical(dataset.assign_coords(level=[text, "850"]))


def test_heights_are_not_pressures(dataset):
    moved = dataset[["2m_temperature"]].assign_coords(level=((), 2.0, {"units": "m"}))
    with pytest.warns(
        DataWarning, match=r"`level` has the unit 'm', which is not a pressure, and is renamed to 'height'"
    ):
        out = canonical(moved)
    assert "level" not in out.coords
    assert out["2m_temperature"].dims == ("time", "latitude", "longitude")
    assert out.height == 2.0


@pytest.mark.parametrize(
    ("values", "units", "name"),
    [
        ([300.0, 350.0], "K", "potential_temperature"),
        ([0.5, 0.85], "1", "model_level"),
        ([1, 2], "level", "layer"),
        ([1, 2], "degC km-1", "layer"),
        (["500", "850"], "m", "height"),
    ],
)
def test_levels_in_other_units_are_not_read_as_pressures(dataset, values, units, name):
    moved = dataset.assign_coords(level=("level", values, {"units": units}))
    with pytest.warns(
        DataWarning, match=rf"`level` has the unit '{units}', .* renamed to '{name}'; .* `ncatted -a units"
    ):
        out = canonical(moved)
    assert "level" not in out.dims
    assert out[name].values.tolist() == values
    errors = [one.text for one in check_dataset(out) if one.severity == "error"]
    assert any(f"has a dimension '{name}' of size 2, which fields may not have" in text for text in errors)
