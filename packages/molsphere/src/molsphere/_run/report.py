"""An evaluation as tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from spinnn import command

from .evaluation import Evaluation


def report(result: Evaluation) -> None:
    """Print the mean absolute errors by split, and those of the last split by number of atoms."""
    summary = result.summary()
    rows = []
    for name, found in summary.items():
        for split, values in found["parts"].items():
            error, unit = _figure(values["mae"]), found["unit"]
            rows.append((f"{name}, {split}", f"{values['molecules']:,}", error, unit))
        for split, values in found.get("forces", {}).get("parts", {}).items():
            error, unit = _figure(values["mae"]), found["forces"]["unit"]
            rows.append((f"{name}, forces, {split}", f"{values['molecules']:,}", error, unit))
        spread = _figure(found["mean_absolute_deviation"])
        rows.append((f"{name}, always the median of {result.parts[-1]}", "", spread, found["unit"]))
    command.table("Mean absolute error", ("property", "molecules", "MAE", "unit"), rows)
    rows = []
    for name, found in summary.items():
        for size in found["sizes"]:
            low, high = size["atoms"]
            atoms = f"{low}" if low == high else f"{low} … {high}"
            rows.append((name, atoms, f"{size['molecules']:,}", _figure(size["mae"]), found["unit"]))
    title = f"By number of atoms, {result.parts[-1]}"
    command.table(title, ("property", "atoms", "molecules", "MAE", "unit"), rows)


def _figure(value: float | None) -> str:
    return "none" if value is None else command.figure(value)


def report_invariance(
    rotated: Mapping[str, float], reflected: Mapping[str, float], units: Mapping[str, str], molecules: int
) -> None:
    """Print results of `invariance_error`, for rotations alone and with a reflection."""
    rows = [
        (name, kind, command.figure(found[name]), units[name])
        for name in rotated
        for kind, found in (("rotation", rotated), ("rotation and reflection", reflected))
    ]
    title = f"Mean absolute change of predictions, {molecules:,} molecules rotated at random"
    command.table(title, ("property", "transformation", "change", "unit"), rows)
