"""Errors of forces, by molecule and in the mean over components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from .._model.property_model import PropertyModel
from .._molecules.dataset import MoleculeSet

# Molecules at a time, so that few objects are held.
_CHUNK = 4096


def force_errors(
    models: Sequence[PropertyModel], data: MoleculeSet, property: str | None = None
) -> Float[np.ndarray, " molecules"]:
    """The mean absolute error of the components of the forces on each molecule; NaN where the data have no forces.

    Args:
        models: Models, of whose forces the mean is taken.
        data: Molecules, with forces.
        property: Name of the energy; default the only property.
    """
    found = np.full(len(data), np.nan)
    for start in range(0, len(data), _CHUNK):
        chosen = [(at, data[at]) for at in range(start, min(start + _CHUNK, len(data)))]
        chosen = [(at, molecule) for at, molecule in chosen if molecule.forces is not None]
        if not chosen:
            continue
        molecules = [molecule for _, molecule in chosen]
        of_models = [model.predict_forces(molecules, property=property) for model in models]
        for (at, molecule), *predicted in zip(chosen, *of_models, strict=True):
            found[at] = np.abs(np.mean(predicted, 0) - molecule.forces).mean()
    return found


def mean_force_error(
    errors: Float[np.ndarray, " molecules"], num_atoms: Int[np.ndarray, " molecules"]
) -> dict[str, Any]:
    """Molecules with forces, and the mean absolute error of all components; None without such molecules."""
    known = np.isfinite(errors)
    mean = float(np.average(errors[known], weights=num_atoms[known])) if known.any() else None
    return {"molecules": int(known.sum()), "mae": mean}
