"""Experiments with the network `interacting` on QM9: what each run changes, and what its row says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments._experiment import Experiment, Row
from experiments._runs import Run

SIZES = (9000, 1000, 1000)
EPOCHS, SHORT = 35, 12


def interacting(name: str, *, target: str = "H", epochs: int = EPOCHS, **changes: Any) -> Run:
    """A run of the network; `changes` are options of the command with underscores for dashes and dots doubled."""
    changed = {key.replace("__", ".").replace("_", "-"): value for key, value in changes.items()}
    options = {"targets": target, "sizes": SIZES, "preset": "interacting", "epochs": epochs, **changed}
    return Run(name, options)


def painn(target: str, epochs: int) -> Run:
    """PaiNN on the same split."""
    return Run(f"painn-{target}", {"target": target, "epochs": epochs, "threads": 1}, program="painn")


def _targets() -> list[Row]:
    names = {
        "H": "enthalpy H",
        "mu": "dipole moment μ",
        "alpha": "polarisability α",
        "homo": "ε_HOMO",
        "gap": "gap",
        "r2": "⟨R²⟩",
        "zpve": "zero-point energy",
        "Cv": "heat capacity C_v",
    }
    rows = [
        Row({"property": title, "network": "interacting"}, interacting(key, target=key)) for key, title in names.items()
    ]
    rows += [Row({"property": names[key], "network": "PaiNN"}, painn(key, 28)) for key in ("H", "mu")]
    return rows


def _learning_curve() -> list[Row]:
    # More epochs for fewer molecules, up to fourfold.
    epochs = {500: 140, 1000: 105, 2000: 74, 4000: 52}
    rows = [
        Row({"training molecules": size}, interacting(f"H-{size}", epochs=count, sizes=(size, *SIZES[1:])))
        for size, count in epochs.items()
    ]
    return [*rows, Row({"training molecules": SIZES[0]}, interacting("H"))]


def _short(table: Mapping[str, tuple[str, Mapping[str, Any]]], column: str) -> list[Row]:
    rows = [Row({column: "as in the preset"}, interacting("H-short", epochs=SHORT))]
    return rows + [
        Row({column: title}, interacting(f"H-short-{name}", epochs=SHORT, **changes))
        for name, (title, changes) in table.items()
    ]


def _ingredients() -> list[Row]:
    table = {
        "scalars": ("messages of scalars alone", {"network__spheres": False}),
        "no-products": ("no products", {"network__products": "none"}),
        "all-products": ("products of even and odd paths", {"network__products": "all"}),
        "cubic": ("products of three factors", {"network__order": 3}),
        "degree-1": ("degrees 0 and 1", {"network__max_degree": 1}),
        "degree-3": ("degrees 0 … 3", {"network__max_degree": 3}),
        "rms": ("messages and products divided by their root mean square", {"network__norm": "rms"}),
        "three": ("three interactions", {"network__interactions": 3}),
    }
    return _short(table, "network")


def _optimizers() -> list[Row]:
    table = {
        "adam": ("Adam", {"optimizer": "adam", "weight_decay": 0}),
        "b2": ("b2 = 0.999", {"b2": 0.999}),
        "muon": ("Muon, learning rate 0.01", {"optimizer": "muon", "learning_rate": 0.01}),
        "schedule-free": (
            "schedule-free, no average of weights",
            {"optimizer": "schedule-free", "ema_decay": None},
        ),
        "linear": ("linear decay", {"schedule": "linear"}),
        "no-average": ("no average of weights", {"ema_decay": None}),
    }
    return _short(table, "optimizer")


def _larger() -> list[Row]:
    larger = {"network.max-degree": 3, "network.channels": 64, "network.cutoff": 5, "network.envelope": 2}
    short = interacting("H-larger", epochs=40)
    return [
        Row({"network": "interacting", "epochs": EPOCHS}, interacting("H")),
        Row({"network": "interacting", "epochs": 80}, interacting("H-80", epochs=80)),
        Row(
            {"network": "degrees 0 … 3, 64 channels, cutoff 5 Å", "epochs": 40},
            Run(short.name, {**short.options, **larger}),
        ),
    ]


def _seeds() -> list[Row]:
    runs = [interacting("H"), *(interacting(f"H-seed-{seed}", seed=seed) for seed in (1, 2))]
    return [Row({"network": "interacting"}, run) for run in runs]


EXPERIMENTS = {
    "molecule-targets": Experiment("Properties of QM9, and PaiNN for the same time", _targets),
    "molecule-learning-curve": Experiment("Enthalpy by number of training molecules", _learning_curve),
    "molecule-ingredients": Experiment("What each part of the network brings", _ingredients),
    "molecule-optimizers": Experiment("Optimisers and schedules", _optimizers),
    "molecule-larger": Experiment("Longer training, and a larger network", _larger),
    "molecule-seeds": Experiment("The same network from three seeds", _seeds),
}
