"""Levels of any unit and type become pressures in hPa."""

import numpy as np
import pytest

from spinharm import Grid
from wxsphere import DataWarning, canonical


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
        ([500, 850], "1"),
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
    with pytest.warns(DataWarning, match=r"`level` holds texts, which are read as numbers in hPa: 500, 850$"):
        out = canonical(dataset.assign_coords(level=texts))
    np.testing.assert_array_equal(out.level, [500, 850])
    assert out.level.dtype == np.float64


@pytest.mark.parametrize("text", ["surface", "2 m", "500 degC", ""])
def test_other_texts_are_refused(dataset, text):
    with pytest.raises(
        ValueError, match=rf"`level` must be pressures in hPa, got the text {text!r}; if these are no pressures"
    ):
        canonical(dataset.assign_coords(level=[text, "850"]))


def test_heights_are_no_pressures(dataset):
    moved = dataset[["2m_temperature"]].assign_coords(level=((), 2.0, {"units": "m"}))
    with pytest.warns(DataWarning, match=r"`level` is in 'm', a height and no pressure; it is called 'height' here"):
        out = canonical(moved)
    assert "level" not in out.coords
    assert out["2m_temperature"].dims == ("time", "latitude", "longitude")
    assert out.height == 2.0
