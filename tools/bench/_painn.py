"""PaiNN of schnetpack: its network, its neighbor lists, batches of them, and the parts of a training step."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch  # pyright: ignore[reportMissingImports] (an environment of its own)
import torch.utils.data.dataloader as dataloader  # pyright: ignore[reportMissingImports]

# schnetpack 2.1.1 imports a type variable that torch has made private since 2.9.
if not hasattr(dataloader, "T_co"):
    T_co = typing.TypeVar("T_co", covariant=True)
    dataloader.T_co = T_co

import schnetpack  # pyright: ignore[reportMissingImports]
import schnetpack.transform  # pyright: ignore[reportMissingImports]
from schnetpack.data.loader import _atoms_collate_fn  # pyright: ignore[reportMissingImports]

FEATURES, INTERACTIONS, RADIAL, CUTOFF = 64, 3, 20, 5.0
OUTPUT = "prediction"

System = dict[str, Any]


def network(*, dipole: bool = False, features: int = FEATURES, interactions: int = INTERACTIONS) -> Any:
    """PaiNN with a sum over atoms of scalars, or with the magnitude of the dipole moment of charges and dipoles."""
    representation = schnetpack.representation.PaiNN(
        n_atom_basis=features,
        n_interactions=interactions,
        radial_basis=schnetpack.nn.GaussianRBF(n_rbf=RADIAL, cutoff=CUTOFF),
        cutoff_fn=schnetpack.nn.CosineCutoff(CUTOFF),
    )
    if dipole:
        head = schnetpack.atomistic.DipoleMoment(
            n_in=features, predict_magnitude=True, use_vector_representation=True, dipole_key=OUTPUT
        )
    else:
        head = schnetpack.atomistic.Atomwise(n_in=features, output_key=OUTPUT)
    return schnetpack.model.NeuralNetworkPotential(
        representation=representation,
        input_modules=[schnetpack.atomistic.PairwiseDistances()],
        output_modules=[head],
    )


def system(numbers: np.ndarray, positions: np.ndarray) -> System:
    """A molecule with schnetpack's neighbor list, centered."""
    keys = schnetpack.properties
    centered = positions - positions.mean(0)
    inputs = {
        keys.n_atoms: torch.tensor([len(numbers)]),
        keys.Z: torch.from_numpy(np.asarray(numbers, np.int64)),
        keys.R: torch.from_numpy(np.asarray(centered, np.float32)),
        keys.cell: torch.zeros((1, 3, 3)),
        keys.pbc: torch.zeros(3, dtype=torch.bool),
    }
    return schnetpack.transform.MatScipyNeighborList(cutoff=CUTOFF)(inputs)


def batch(systems: Sequence[System]) -> System:
    """Some molecules as one input, by schnetpack's collation."""
    return _atoms_collate_fn(systems)


def predict(model: Any, inputs: System) -> torch.Tensor:
    """One value for each molecule."""
    return model(dict(inputs))[OUTPUT]


def optimizer(model: Any, learning_rate: float, weight_decay: float) -> Any:
    """AdamW."""
    return torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)


def step(
    model: Any,
    optimize: Any,
    average: list[torch.Tensor],
    number: int,
    inputs: System,
    wanted: torch.Tensor,
    decay: float = 0.999,
) -> torch.Tensor:
    """One training step: L1 loss, gradient clipped to norm 1, update, average of the parameters.

    Args:
        model: The network.
        optimize: Its optimiser.
        average: Averages of its parameters, updated in place.
        number: Steps before this one.
        inputs: A batch.
        wanted: Values, shape (molecules,).
        decay: Decay per step of the average, at most (1 + number)/(10 + number) as in spinnn.
    """
    optimize.zero_grad(set_to_none=True)
    loss = torch.nn.functional.l1_loss(predict(model, inputs), wanted)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimize.step()
    with torch.no_grad():
        torch._foreach_lerp_(average, list(model.parameters()), 1 - min(decay, (1 + number) / (10 + number)))
    return loss
