"""Errors of a model by split and by size of the molecule."""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from spinharm import html
from spinnn.files import FileWarning, replacing

from .. import _checks
from .._data.training_checks import check_set
from .._files.npz import read_arrays
from .._model.ensemble import Source, combine, load_models
from .._model.property_model import PropertyModel
from .._molecules.batch import bucket_of, choose_buckets
from .._molecules.dataset import MoleculeSet
from .._molecules.molecule import Molecule
from .force_errors import force_errors, mean_force_error

_SIZE_CLASSES = 6
# Molecules at a time: a hundred thousand as objects would take gigabytes.
_CHUNK = 8192


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """Predictions of a model beside the reference values.

    Attributes:
        index: Indices in the data of the predicted molecules, shape (molecules,).
        part: Split of each of them, shape (molecules,), as an index into `parts`.
        num_atoms: Their numbers of atoms, shape (molecules,).
        parts: Names of the splits.
        units: Unit by property.
        predicted: Predictions by property, each of shape (molecules,).
        wanted: Reference values by property, likewise; NaN where unknown, which errors leave out.
        force_error: Mean absolute error of the components of the forces on each of the molecules [unit of the one
            property per Å], shape (molecules,), NaN where unknown; None without reference forces.

    Examples:
        >>> import numpy as np
        >>> from molsphere import Evaluation
        >>> two = np.array([0, 1])
        >>> energies, wanted = {"energy": np.array([1.0, 2.5])}, {"energy": np.array([1.5, 2.5])}
        >>> result = Evaluation(two, two * 0, two + 3, ("test",), {"energy": "eV"}, energies, wanted)
        >>> result.summary()["energy"]["parts"]
        {'test': {'molecules': 2, 'mae': 0.25}}
        >>> result.save(".")
        >>> Evaluation.load(".").units
        {'energy': 'eV'}
    """

    index: Int[np.ndarray, " molecules"]
    part: Int[np.ndarray, " molecules"]
    num_atoms: Int[np.ndarray, " molecules"]
    parts: tuple[str, ...]
    units: Mapping[str, str]
    predicted: Mapping[str, Float[np.ndarray, " molecules"]]
    wanted: Mapping[str, Float[np.ndarray, " molecules"]]
    force_error: Float[np.ndarray, " molecules"] | None = None

    def summary(self) -> dict[str, Any]:
        """Mean absolute errors by property, as JSON types.

        Returns:
            By property: `unit`; `parts`, with `molecules` and `mae` by split; `mean_absolute_deviation`, the error of
            always predicting the median of the last split; `sizes`, with `atoms` (smallest, largest), `molecules` and
            `mae` of at most six classes of the last split. Molecules without a reference value are left out, and a mean
            over no molecules is None. With forces also `forces`, with `unit` and `parts`: the mean absolute error of
            all components.
        """
        last = self.part == len(self.parts) - 1
        classes = _size_classes(self.num_atoms[last])
        result: dict[str, Any] = {}
        for name, unit in self.units.items():
            error = np.abs(self.predicted[name] - self.wanted[name])
            known = np.isfinite(self.wanted[name])
            tested = self.wanted[name][last & known]
            spread = np.abs(tested - np.median(tested)) if tested.size else tested
            result[name] = {
                "unit": unit,
                "parts": {part: _mean_error(error[(self.part == at) & known]) for at, part in enumerate(self.parts)},
                "mean_absolute_deviation": float(spread.mean()) if spread.size else None,
                "sizes": [
                    {"atoms": [low, high], **_mean_error(error[last][chosen & known[last]])}
                    for low, high, chosen in classes
                ],
            }
            if self.force_error is not None:
                result[name]["forces"] = {"unit": f"{unit}/Å", "parts": self._force_errors()}
        return result

    def _repr_html_(self) -> str:
        """Table of errors for notebooks."""
        rows = [
            (name, part, values["molecules"], values["mae"], found["unit"])
            for name, found in self.summary().items()
            for part, values in found["parts"].items()
        ]
        return html.table("Mean absolute error", ("property", "split", "molecules", "MAE", "unit"), rows)

    def _force_errors(self) -> dict[str, Any]:
        """Errors of forces by split."""
        assert self.force_error is not None
        chosen = {part: self.part == at for at, part in enumerate(self.parts)}
        return {part: mean_force_error(self.force_error[at], self.num_atoms[at]) for part, at in chosen.items()}

    def save(self, folder: str | Path) -> None:
        """Write `evaluation.json`, the summary, and `predictions.npz`, which `load` reads.

        Args:
            folder: The folder; each file is written under a temporary name and renamed.
        """
        folder = Path(folder)
        with replacing(folder / "predictions.npz", "wb") as file:
            arrays: dict[str, Any] = {
                **{f"predicted_{name}": values for name, values in self.predicted.items()},
                **{f"wanted_{name}": values for name, values in self.wanted.items()},
            }
            names, units = np.array(list(self.units)), np.array(list(self.units.values()))
            fixed: dict[str, Any] = {"index": self.index, "part": self.part, "num_atoms": self.num_atoms}
            if self.force_error is not None:
                fixed["force_error"] = self.force_error
            np.savez(file, parts=np.array(self.parts), names=names, units=units, **fixed, **arrays)
        with replacing(folder / "evaluation.json") as file:
            file.write(json.dumps(self.summary(), indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, folder: str | Path) -> Evaluation:
        """Read an evaluation that `save` wrote.

        Args:
            folder: The folder.

        Returns:
            The evaluation.

        Raises:
            FileNotFoundError: No evaluation in the folder.
            ValueError: Another kind of file.
        """
        path = Path(folder) / "predictions.npz"
        if not path.is_file():
            raise FileNotFoundError(f"found no {path}; run `molsphere evaluate` first")
        arrays = read_arrays(path, lambda headers: headers)
        try:
            return _from_arrays(arrays)
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path} must be what `molsphere evaluate` wrote: {error}") from None


def _from_arrays(arrays: Mapping[str, np.ndarray]) -> Evaluation:
    """The evaluation in the arrays of a file; errors name the array that is not as `save` writes it."""
    parts, names, units = ([str(text) for text in _axis(arrays, name, "U")] for name in ("parts", "names", "units"))
    index = _axis(arrays, "index", "iu")
    of_molecules = {name: _axis(arrays, name, "iu", index.size) for name in ("part", "num_atoms")}
    part = of_molecules["part"]
    if part.size and not 0 <= part.min() <= part.max() < len(parts):
        raise ValueError(f"`part` must be 0 … {len(parts) - 1}, got {part.min()} … {part.max()}")
    predicted, wanted = (
        {name: _axis(arrays, f"{kind}_{name}", "f", index.size) for name in names} for kind in ("predicted", "wanted")
    )
    units = dict(zip(names, units, strict=True))
    force_error = _axis(arrays, "force_error", "f", index.size) if "force_error" in arrays else None
    return Evaluation(index, part, of_molecules["num_atoms"], tuple(parts), units, predicted, wanted, force_error)


def _axis(arrays: Mapping[str, np.ndarray], name: str, kinds: str, size: int | None = None) -> np.ndarray:
    """An array with one axis, checked for its kind of values and its length."""
    if name not in arrays:
        raise ValueError(f"it lacks {name!r}")
    found = arrays[name]
    if found.dtype.kind not in kinds or found.ndim != 1 or (size is not None and found.size != size):
        wanted = {"U": "strings", "iu": "integers", "f": "numbers"}[kinds]
        count = "" if size is None else f"{size} "
        raise ValueError(f"{name!r} must be {count}{wanted} along one axis, got {found.dtype} {found.shape}")
    return found


def evaluate(
    model: Source | Sequence[Source],
    data: MoleculeSet,
    values: Mapping[str, Float[np.ndarray, " molecules"]],
    parts: Mapping[str, Int[np.ndarray, " chosen"]],
    *,
    orientations: int = 1,
) -> Evaluation:
    """Predict some splits of a data set; with reference forces and one property also the forces.

    Args:
        model: A model, its file or the folder of its run; or several, whose mean is taken, see `predict_ensemble`.
        data: All molecules.
        values: Reference values by property of the model, each of shape (molecules,), in the model's units; NaN where
            unknown.
        parts: Indices in `data` by the name of the split; empty splits are left out.
        orientations: See `PropertyModel.predict`.

    Returns:
        Predictions and values.

    Raises:
        IndexError: An index out of range.
        TypeError: Anything other than models, a set of molecules, real values and indices.
        ValueError: No molecules, values of another shape, properties that the model lacks, or molecules that it
            cannot predict.

    Warns:
        FileWarning: The number of molecules unlike the training data, if any, see `TrainingRange.differences`.

    Examples:
        >>> import numpy as np
        >>> from molsphere import Molecule
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> import equinox as eqx
        >>> import jax
        >>> from molsphere import PropertyModel, RegressorConfig, SphereRegressor, TargetScaling, MoleculeSet, evaluate
        >>> config = RegressorConfig(species=(1, 8), bandlimits=(2,), widths=(2,), num_filter_params=(None,))
        >>> network, state = eqx.nn.make_with_state(SphereRegressor)(config, key=jax.random.key(0))
        >>> scaling = TargetScaling(species=(1, 8), references=(-10.0, -2000.0), intercept=0.0, scale=5.0)
        >>> model = PropertyModel(eqx.nn.inference_mode(network), state, {"energy": "eV"}, {"energy": scaling})
        >>> data = MoleculeSet.from_molecules([water, water])
        >>> result = evaluate(model, data, {"energy": np.array([-2020.0, -2021.0])}, {"test": np.array([0, 1])})
        >>> result.predicted["energy"].shape, result.parts
        ((2,), ('test',))
    """
    models = load_models(model)
    _checks.instance("data", data, MoleculeSet, "a MoleculeSet")
    _checks.mapping("values", values, "values by property")
    _checks.mapping("parts", parts, "indices by split")
    values = {name: _checks.real_values("values", v, len(data), name) for name, v in values.items()}
    parts = {name: at for name, given in parts.items() if (at := data._positions_of(given)).size}
    known = sorted({name for one in models for name in one.units})
    if unknown := sorted(set(values) - set(known)):
        raise ValueError(f"`values` must be of the model's properties, {known}, got {unknown} too")
    if not parts or not values:
        raise ValueError("`parts` and `values` must hold at least one molecule and one property, got none")
    if data.forces is not None and len(values) > 1:
        raise ValueError(f"`values` must be one energy where `data` have forces, got {', '.join(values)}")
    index = np.concatenate(list(parts.values()))
    for one in models:
        check_set(data, index, one.config.species)
    predicted, units, strange = _predict(models, data, index, orientations)
    if strange:
        warnings.warn(
            f"{len(strange):,} of {index.size:,} molecules are unlike the training data, so that errors may be large; "
            f"the first: {strange[0]}",
            FileWarning,
            stacklevel=2,
        )
    return Evaluation(
        index,
        np.repeat(np.arange(len(parts)), [at.size for at in parts.values()]),
        data.num_atoms[index],
        tuple(parts),
        {name: units[name] for name in values},
        {name: predicted[name] for name in values},
        {name: v[index] for name, v in values.items()},
        None if data.forces is None else force_errors(models, data.subset(index), next(iter(values))),
    )


def _predict(
    models: Sequence[PropertyModel], data: MoleculeSet, index: np.ndarray, orientations: int
) -> tuple[dict[str, np.ndarray], Mapping[str, str], list[str]]:
    """Predictions and units by property, and descriptions of the molecules that are unlike the training data."""
    predicted: dict[str, list[np.ndarray]] = {}
    units: Mapping[str, str] = {}
    strange: list[str] = []
    for start in range(0, index.size, _CHUNK):
        molecules = [data[int(i)] for i in index[start : start + _CHUNK]]
        of_models = [one.predict(molecules, orientations=orientations, warn=False) for one in models]
        columns, units = combine(models, of_models, gap=False)
        for name, values in columns.items():
            predicted.setdefault(name, []).append(values)
        strange += _unlike(models, molecules)
    return {name: np.concatenate(arrays) for name, arrays in predicted.items()}, units, strange


def _mean_error(errors: np.ndarray) -> dict[str, Any]:
    return {"molecules": errors.size, "mae": float(errors.mean()) if errors.size else None}


def _unlike(models: Sequence[PropertyModel], molecules: Sequence[Molecule]) -> list[str]:
    """Descriptions of the molecules that are unlike the training data of any of the models."""
    found: dict[int, str] = {}
    for seen in {id(model.seen): model.seen for model in models if model.seen is not None}.values():
        for at, difference in enumerate(seen.differences(molecules)):
            if difference:
                found.setdefault(at, f"molecule {molecules[at].name}: {difference}")
    return list(found.values())


def _size_classes(num_atoms: np.ndarray) -> list[tuple[int, int, np.ndarray]]:
    """Smallest and largest number of atoms of each class, and a mask of its molecules."""
    edges = choose_buckets(num_atoms, _SIZE_CLASSES)
    which = bucket_of(num_atoms, edges)
    classes = [which == at for at in range(len(edges))]
    return [(int(num_atoms[c].min()), int(num_atoms[c].max()), c) for c in classes if c.any()]
