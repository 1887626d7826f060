"""Digits on the sphere: train on upright digits, test on randomly rotated ones.

scikit-learn's 8×8 digits are projected on the sphere about a point of the equator. A spin-weighted network, whose
pooled features do not change under rotation, and a planar CNN of the same number of parameters are trained on the
same upright maps, then tested on upright and on rotated ones.

    python -m spinnn.examples.digits --out digits-output
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import grain
import jax
import jax.numpy as jnp
import numpy as np

import spinharm
from spinharm import Grid, SpinTransform
from spinharm.optional import require
from spinnn import SpinResNet, parameter_count, spin_mean
from spinnn.training import OptimizerConfig, Run, TrainingConfig, fit

BANDLIMIT = 12
GRID = Grid.gauss_legendre(16)
RADIUS = np.radians(60)  # of the circle about the digit


@dataclasses.dataclass(frozen=True)
class Settings:
    """The example's settings.

    Attributes:
        epochs: Passes over the training digits.
        batch: Digits per step.
        widths: Channels of the spin network's three blocks.
        count: Digits used, of 1797.
        seed: Of split, networks, rotations and training.
    """

    epochs: int = 20
    batch: int = 32
    widths: tuple[int, int, int] = (12, 16, 24)
    count: int = 1797
    seed: int = 0


def project(images: np.ndarray) -> np.ndarray:
    """Images (n, 8, 8) as maps on GRID (n, lat, lon): azimuthal equidistant about (π/2, π), bilinear."""
    theta, phi = np.meshgrid(GRID.colatitude, GRID.longitude - np.pi, indexing="ij")
    x, y, z = np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)
    distance, direction = np.arccos(np.clip(x, -1, 1)), np.arctan2(z, y)
    reach = distance / RADIUS * np.sqrt(2) * 4.5  # the corner of the 9×9 frame lies on the circle
    column, row = 3.5 + reach * np.cos(direction), 3.5 - reach * np.sin(direction)
    padded = np.pad(images / 16.0, ((0, 0), (2, 2), (2, 2)))
    i, j = np.clip(row + 2, 0, 10.999), np.clip(column + 2, 0, 10.999)
    a, b = i.astype(int), j.astype(int)
    u, v = i - a, j - b
    top = padded[:, a, b] * (1 - v) + padded[:, a, b + 1] * v
    bottom = padded[:, a + 1, b] * (1 - v) + padded[:, a + 1, b + 1] * v
    return (top * (1 - u) + bottom * u).astype(np.float32)


def make_data(settings: Settings) -> dict[str, np.ndarray]:
    """Band-limited maps (n, lat, lon, 1, 1), upright for both sets and rotated for the test set, with labels."""
    rng = np.random.default_rng(settings.seed)
    digits: Any = require("sklearn.datasets", "spinnn[examples]", "the example of digits").load_digits()
    order = rng.permutation(len(digits.target))[: settings.count]
    transform = SpinTransform(GRID, BANDLIMIT)
    coeffs = transform.forward(project(digits.images[order])[..., None, None])
    maps = np.asarray(transform.inverse(coeffs, real=True))
    labels = digits.target[order].astype(np.int32)
    cut = int(0.75 * len(order))
    alpha, gamma = rng.uniform(-np.pi, np.pi, (2, len(order) - cut)).astype(np.float32)
    beta = np.arccos(rng.uniform(-1, 1, len(order) - cut)).astype(np.float32)
    turned = spinharm.rotate(coeffs[cut:], alpha, beta, gamma, axis=-4)
    return {
        "train_maps": maps[:cut],
        "train_labels": labels[:cut],
        "test_maps": maps[cut:],
        "rotated_maps": np.asarray(transform.inverse(turned, real=True)),
        "test_labels": labels[cut:],
    }


class SphereClassifier(eqx.Module):
    """A `SpinResNet` of three blocks, invariant pooling and one linear layer."""

    backbone: SpinResNet
    readout: eqx.nn.Linear

    def __init__(self, widths: tuple[int, int, int], *, key: jax.Array) -> None:
        first, second = jax.random.split(key)
        grids = [GRID, Grid.gauss_legendre(12), Grid.gauss_legendre(8)]
        self.backbone = SpinResNet(
            (0,),
            1,
            grid_in=GRID,
            grids=grids,
            widths=widths,
            bandlimits=[BANDLIMIT, 8, 6],
            num_filter_params=[6, 4, 4],
            key=first,
        )
        self.readout = eqx.nn.Linear(2 * widths[-1], 10, key=second)

    def __call__(self, maps: jax.Array, state: eqx.nn.State) -> tuple[jax.Array, eqx.nn.State]:
        """Logits of maps (batch, lat, lon, 1, 1), and the new state."""
        features, state = self.backbone(maps, state)
        block = self.backbone.blocks[-1].transform_out
        pooled = spin_mean(features, block.grid, block.spins)
        return jax.vmap(self.readout)(pooled.reshape(pooled.shape[0], -1)), state


class PlanarClassifier(eqx.Module):
    """Three 3×3 convolutions on the latitude-longitude rectangle, average pooling and one linear layer."""

    convolutions: list[eqx.nn.Conv2d]
    readout: eqx.nn.Linear

    def __init__(self, width: int, *, key: jax.Array) -> None:
        keys = jax.random.split(key, 4)
        sizes = [1, width, width, width]
        self.convolutions = [
            eqx.nn.Conv2d(a, b, 3, stride=1 + (i > 0), padding=1, key=keys[i])
            for i, (a, b) in enumerate(itertools.pairwise(sizes))
        ]
        self.readout = eqx.nn.Linear(width, 10, key=keys[3])

    def __call__(self, maps: jax.Array, state: eqx.nn.State) -> tuple[jax.Array, eqx.nn.State]:
        """Logits of maps (batch, lat, lon, 1, 1), and the state as it was."""

        def one(x: jax.Array) -> jax.Array:
            for convolution in self.convolutions:
                x = jax.nn.relu(convolution(x))
            return self.readout(x.mean((1, 2)))

        return jax.vmap(one)(maps[..., 0, 0][:, None]), state


def cross_entropy(
    model: Any, state: eqx.nn.State, batch: dict[str, jax.Array], key: jax.Array
) -> tuple[jax.Array, tuple[eqx.nn.State, dict[str, jax.Array]]]:
    """Mean cross-entropy, and the accuracy as a metric."""
    logits, state = model(batch["maps"], state)
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), batch["labels"][:, None], 1)
    accuracy = (logits.argmax(1) == batch["labels"]).astype(jnp.float32).mean()
    return -chosen.mean(), (state, {"accuracy": accuracy})


def make_accuracy(model: Any, state: eqx.nn.State) -> Callable[[np.ndarray, np.ndarray], float]:
    """The share of maps (n, lat, lon, 1, 1) with labels (n,) that a model recognises, as a function of them."""
    params, static = eqx.partition(eqx.nn.inference_mode(model), eqx.is_array)
    predict = spinharm.jit(lambda params, state, x: eqx.combine(params, static)(x, state)[0].argmax(1))

    def accuracy(maps: np.ndarray, labels: np.ndarray) -> float:
        # The last batch is filled up, so that one program serves all.
        filled = np.pad(maps, [(0, -len(maps) % 64)] + [(0, 0)] * (maps.ndim - 1))
        found = [np.asarray(predict(params, state, filled[i : i + 64])) for i in range(0, len(maps), 64)]
        return float(np.mean(np.concatenate(found)[: len(maps)] == labels))

    return accuracy


def train(make: Callable[[jax.Array], Any], data: dict[str, np.ndarray], settings: Settings, folder: Path) -> Any:
    """Train one model in its own run folder."""
    model, state = eqx.nn.make_with_state(make)(jax.random.key(settings.seed))
    source = [{"maps": m, "labels": y} for m, y in zip(data["train_maps"], data["train_labels"], strict=True)]
    batches = grain.MapDataset.source(source).seed(settings.seed).shuffle().repeat()
    config = TrainingConfig(
        epochs=settings.epochs,
        seed=settings.seed,
        optimizer=OptimizerConfig(learning_rate=1e-2, clip_norm=1.0),
        checkpoint_every=200,
    )
    iterator = iter(batches.batch(settings.batch, drop_remainder=True).to_iter_dataset())
    steps = len(source) // settings.batch
    return fit(model, state, cross_entropy, iterator, config, Run(folder, steps_per_epoch=steps))


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Train both networks and print the table."""
    parser = argparse.ArgumentParser(
        "python -m spinnn.examples.digits", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("digits-output"), help="folder of the runs")
    parser.add_argument("--epochs", type=int, default=Settings.epochs)
    parser.add_argument("--count", type=int, default=Settings.count, help="digits used, of 1797")
    options = parser.parse_args(arguments)
    settings = Settings(epochs=options.epochs, count=options.count)
    data = make_data(settings)
    results: dict[str, Any] = {}
    makers: dict[str, Callable[[jax.Array], Any]] = {"sphere": lambda key: SphereClassifier(settings.widths, key=key)}
    size = parameter_count(eqx.filter_eval_shape(eqx.nn.make_with_state(makers["sphere"]), jax.random.key(0))[0])
    # The planar network of width w has 18 w² + 22 w + 10 parameters.
    width = min(range(4, 200), key=lambda w: abs(18 * w * w + 22 * w + 10 - size))
    makers["planar"] = lambda key: PlanarClassifier(width, key=key)
    for name, make in makers.items():
        model, state = train(make, data, settings, options.out / name)
        accuracy = make_accuracy(model, state)
        results[name] = {
            "parameters": parameter_count(model),
            "upright": accuracy(data["test_maps"], data["test_labels"]),
            "rotated": accuracy(data["rotated_maps"], data["test_labels"]),
        }
        print(f"{name:>7}  " + "  ".join(f"{key} {value:.4g}" for key, value in results[name].items()), flush=True)
    (options.out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    return results


if __name__ == "__main__":
    main()
