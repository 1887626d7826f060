"""The digits example at reduced size."""

import equinox as eqx
import jax
import numpy as np

from spinnn.examples.digits import __main__ as digits


def test_the_sphere_network_sees_rotated_digits(tmp_path):
    with jax.numpy_dtype_promotion("standard"):  # optax
        results = digits.main(["--epochs", "4", "--count", "600", "--out", str(tmp_path)])
    sphere, planar = results["sphere"], results["planar"]
    assert abs(sphere["parameters"] - planar["parameters"]) < 0.02 * sphere["parameters"]
    assert sphere["upright"] > 0.25  # chance is 0.1
    assert abs(sphere["rotated"] - sphere["upright"]) < 0.1
    assert planar["rotated"] < 0.3
    assert (tmp_path / "results.json").exists()


def test_logits_hardly_change_under_rotation():
    data = digits.make_data(digits.Settings(count=32))
    model, state = eqx.nn.make_with_state(digits.SphereClassifier)((4, 4, 4), key=jax.random.key(0))
    run = eqx.filter_jit(lambda x: eqx.nn.inference_mode(model)(x, jax.tree.map(lambda y: y, state))[0])
    upright, rotated = run(data["test_maps"]), run(data["rotated_maps"])
    spread = np.std(np.asarray(upright), axis=0).mean()
    assert np.abs(rotated - upright).mean() < 0.2 * spread


def test_projection_keeps_the_digit():
    """The centre of the digit is on the equator at longitude π, and nothing is on the other side."""
    image = np.zeros((1, 8, 8))
    image[0, 3:5, 3:5] = 16
    maps = digits.project(image)[0]
    grid = digits.GRID
    theta, phi = np.meshgrid(grid.colatitude, grid.longitude, indexing="ij")
    x = -np.sin(theta) * np.cos(phi)
    assert maps[x > 0.99].min() > 0.9
    assert np.all(maps[x < 0.8] == 0)
