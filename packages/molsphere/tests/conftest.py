"""Fixtures shared by the tests of molsphere."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest

from molsphere import HeadConfig, PropertyModel, RegressorConfig, SphereRegressor, TargetScaling
from qm9_record import METHANE


@pytest.fixture
def qm9_record() -> Callable[[int], str]:
    """`qm9_record(number)`: the text of a file of QM9, methane whatever the number."""
    return lambda number: METHANE.replace("gdb 1\t", f"gdb {number}\t")


@pytest.fixture
def random_molecules() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """`random_molecules(rng, sizes, padded)`: positions (molecules, padded, 3) and numbers, atoms 1 Å apart or more."""

    def make(rng: np.random.Generator, sizes: list[int], padded: int) -> tuple[np.ndarray, np.ndarray]:
        positions, numbers = np.zeros((len(sizes), padded, 3)), np.zeros((len(sizes), padded), np.int32)
        sites = np.stack(np.meshgrid(*[np.arange(4)] * 3), -1).reshape(-1, 3) * 1.5
        for at, size in enumerate(sizes):
            chosen = rng.permutation(len(sites))[:size]
            positions[at, :size] = sites[chosen] + rng.uniform(-0.25, 0.25, (size, 3))
            numbers[at, :size] = rng.choice([1, 6, 7, 8, 9], size)
        return positions, numbers

    return make


@pytest.fixture
def make_model() -> Callable[..., PropertyModel]:
    """`make_model(units, seed, …)`: a small network of random weights as a model; references of −3 per atom."""

    def make(units: dict[str, str], seed: int = 0, *, species: tuple[int, ...] = (1, 6, 8), **changes) -> PropertyModel:
        config = RegressorConfig(
            outputs=len(units),
            species=species,
            powers=(2,),
            bandlimits=(3,),
            grid="gauss",
            oversampling=2.0,
            widths=(4,),
            num_filter_params=(None,),
            embedding=2,
            head=HeadConfig(width=8, linear=True),
        )
        config = dataclasses.replace(config, **changes)
        network, state = eqx.nn.make_with_state(SphereRegressor)(config, key=jax.random.key(seed))
        scaling = TargetScaling(species, (-3.0,) * len(species), 0.5, 2.0)
        return PropertyModel(eqx.nn.inference_mode(network), state, units, dict.fromkeys(units, scaling))

    return make


@pytest.fixture
def qm9_npz(sphere_data: Path) -> Path:
    """11,000 labelled molecules of QM9."""
    path = sphere_data / "qm9" / "qm9_11k.npz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    return path
