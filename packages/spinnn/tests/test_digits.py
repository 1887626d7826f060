"""The digits example at reduced size."""

import importlib.util
import sys
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest

PATH = Path(__file__).resolve().parents[1] / "examples" / "digits.py"


@pytest.fixture(scope="module")
def digits():
    spec = importlib.util.spec_from_file_location("digits", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["digits"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def test_the_sphere_network_sees_rotated_digits(digits, tmp_path):
    with jax.numpy_dtype_promotion("standard"):  # optax
        results = digits.main(["--epochs", "4", "--count", "600", "--out", str(tmp_path)])
    sphere, planar = results["sphere"], results["planar"]
    assert abs(sphere["parameters"] - planar["parameters"]) < 0.02 * sphere["parameters"]
    assert sphere["upright"] > 0.25  # chance is 0.1
    assert abs(sphere["rotated"] - sphere["upright"]) < 0.1
    assert planar["rotated"] < 0.3
    assert (tmp_path / "results.json").exists()


def test_logits_hardly_change_under_rotation(digits):
    data = digits.make_data(digits.Settings(count=32))
    model, state = eqx.nn.make_with_state(digits.SphereClassifier)((4, 4, 4), key=jax.random.key(0))
    run = eqx.filter_jit(lambda x: eqx.nn.inference_mode(model)(x, jax.tree.map(lambda y: y, state))[0])
    upright, rotated = run(data["test_maps"]), run(data["rotated_maps"])
    spread = np.std(np.asarray(upright), axis=0).mean()
    assert np.abs(rotated - upright).mean() < 0.2 * spread


def test_projection_keeps_the_digit(digits):
    """The centre of the digit is on the equator at longitude π, and nothing is on the other side."""
    image = np.zeros((1, 8, 8))
    image[0, 3:5, 3:5] = 16
    maps = digits.project(image)[0]
    grid = digits.GRID
    theta, phi = np.meshgrid(grid.colatitude, grid.longitude, indexing="ij")
    x = -np.sin(theta) * np.cos(phi)
    assert maps[x > 0.99].min() > 0.9
    assert np.all(maps[x < 0.8] == 0)
