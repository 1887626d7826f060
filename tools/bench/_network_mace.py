"""A contestant of `molecule_network`: MACE of mlip."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from _sample import Sample
from _turns import serve
from mlip.data.chemical_system import ChemicalSystem  # pyright: ignore[reportMissingImports] (its own environment)
from mlip.data.dataset_info import DatasetInfo  # pyright: ignore[reportMissingImports]
from mlip.graph import Graph  # pyright: ignore[reportMissingImports]
from mlip.graph.batching_helpers import batch_graphs, pad_with_graphs  # pyright: ignore[reportMissingImports]
from mlip.models import ForceField, Mace  # pyright: ignore[reportMissingImports]
from mlip.typing.properties import Properties  # pyright: ignore[reportMissingImports]

CHANNELS, DEGREE, LAYERS, CUTOFF = 48, 2, 2, 5.0


def _graph(data: Sample, at: int) -> Any:
    numbers, positions = data.molecule(at)
    system = ChemicalSystem(
        atomic_numbers=np.asarray(numbers), positions=np.asarray(positions, np.float32), energy=float(data.values[at])
    )
    return Graph.from_chemical_system(system, CUTOFF)


def _batches(data: Sample) -> tuple[list[Any], float]:
    """Batches padded to one size, as mlip compiles one program, and the least time to make one [s]."""
    joined, durations = [], []
    for members in data.dealt():
        start = time.perf_counter()
        joined.append(batch_graphs([_graph(data, at) for at in members]))
        durations.append(time.perf_counter() - start)
    nodes, edges = (max(int(getattr(one, name).sum()) for one in joined) for name in ("n_node", "n_edge"))
    return [pad_with_graphs(one, nodes + 1, edges, data.batches.shape[1] + 1) for one in joined], min(durations)


def prepare(sample: str, correlation: int) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    """The network and its batches."""
    data = Sample.load(sample)
    padded, preparation = _batches(data)
    edges, nodes = (sum(int(getattr(one, name)[:-1].sum()) for one in padded) for name in ("n_edge", "n_node"))
    info = DatasetInfo(
        atomic_energies_map={int(number): 0.0 for number in np.unique(data.numbers)},
        graph_cutoff_angstrom=CUTOFF,
        avg_num_neighbors=edges / nodes,
    )
    config = Mace.Config(num_layers=LAYERS, num_channels=CHANNELS, l_max=DEGREE, correlation=correlation)
    field = ForceField.from_mlip_network(Mace(config, info), Properties(energy=True, forces=False), seed=0)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(1e-4, weight_decay=1e-2))
    batches = [jax.tree.map(jnp.asarray, one) for one in padded]

    def energies(params: Any, graph: Any) -> Any:
        return field.predictor.apply(params, graph).globals.energy[:-1]  # the last graph is padding

    def loss(params: Any, graph: Any) -> Any:
        return jnp.abs(energies(params, graph) - graph.globals.energy[:-1]).mean()

    @jax.jit
    def step(state: Any, graph: Any) -> Any:
        params, average, moments, number = state
        value, gradient = jax.value_and_grad(loss)(params, graph)
        change, moments = optimizer.update(gradient, moments, params)
        params = optax.apply_updates(params, change)
        decay = jnp.minimum(0.999, (1 + number) / (10 + number))
        average = jax.tree.map(lambda old, new: decay * old + (1 - decay) * new, average, params)
        return (params, average, moments, number + 1), value

    apply = jax.jit(energies)
    state = (field.params, field.params, optimizer.init(field.params), jnp.asarray(0.0))

    def train() -> None:
        nonlocal state
        value = None
        for one in batches:
            state, value = step(state, one)
        jax.block_until_ready(value)

    def predict() -> None:
        jax.block_until_ready([apply(field.params, one) for one in batches])

    facts = {
        "network": f"MACE, correlation {correlation}, degrees 0 … {DEGREE}, {CHANNELS} channels, {LAYERS} layers",
        "cutoff [Å]": CUTOFF,
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(field.params)),
        "preparation [ms]": 1e3 * preparation,
    }
    assert np.isfinite(np.asarray(apply(field.params, batches[0]))).all()
    return facts, {"train": train, "predict": predict}


if __name__ == "__main__":
    serve(prepare)
