"""A contestant of `molecule_network`: PaiNN of schnetpack."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import _painn
import numpy as np
import torch  # pyright: ignore[reportMissingImports] (an environment of its own)
from _sample import Sample
from _turns import serve


def prepare(sample: str) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    """The network and its batches."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(0)
    data = Sample.load(sample)
    batches, durations = [], []
    for members in data.dealt():
        start = time.perf_counter()
        inputs = _painn.batch([_painn.system(*data.molecule(at)) for at in members])
        durations.append(time.perf_counter() - start)
        batches.append((inputs, torch.from_numpy(data.values[members])))
    model = _painn.network()
    optimize = _painn.optimizer(model, 1e-4, 1e-2)
    average = [parameter.detach().clone() for parameter in model.parameters()]
    steps = 0

    def train() -> None:
        nonlocal steps
        model.train()
        for inputs, wanted in batches:
            _painn.step(model, optimize, average, steps, inputs, wanted)
            steps += 1

    def predict() -> None:
        model.eval()
        with torch.inference_mode():
            for inputs, _ in batches:
                _painn.predict(model, inputs)

    facts = {
        "network": f"PaiNN, {_painn.FEATURES} features, {_painn.INTERACTIONS} interactions",
        "cutoff [Å]": _painn.CUTOFF,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "preparation [ms]": 1e3 * min(durations),
    }
    assert np.isfinite(_painn.predict(model, batches[0][0]).detach().numpy()).all()
    return facts, {"train": train, "predict": predict}


if __name__ == "__main__":
    serve(prepare)
