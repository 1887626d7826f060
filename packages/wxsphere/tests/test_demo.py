"""The demo, shortened."""

import json

import pytest

from wxsphere import open_dataset
from wxsphere._demo import run_demo


@pytest.mark.slow
def test_the_demo_beats_persistence(tmp_path, capsys):
    import jax

    told = []
    with jax.numpy_dtype_promotion("standard"):
        found = run_demo(tmp_path, days=40, epochs=(2, 1), steps=8, long_steps=20, say=told.append)
    assert found == json.loads((tmp_path / "summary.json").read_text())
    for name in ("geopotential", "wind"):
        errors = found["rmse"][name]
        assert set(errors) == {"unet", "persistence", "climatology"}
        assert all(errors["unet"][lead] < errors["persistence"][lead] for lead in ("6", "12", "18", "24"))
    assert open_dataset(tmp_path / "long.zarr").sizes["prediction_timedelta"] == 20
    assert bool(open_dataset(tmp_path / "long.zarr")["geopotential"].notnull().all())
    for name in ("forecast.png", "simulation.png", "scores/report.html", "scores/scores.nc"):
        assert (tmp_path / name).stat().st_size > 1000
    assert any(line.startswith("$ wxsphere train") for line in told)
