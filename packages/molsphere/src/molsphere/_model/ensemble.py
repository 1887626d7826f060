"""Predictions of several models together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from .. import _checks
from .._molecules.molecule import Molecule, molecule_list
from .property_model import PropertyModel

Source = PropertyModel | str | os.PathLike


def load_models(models: Source | Sequence[Source]) -> tuple[PropertyModel, ...]:
    """Load one or several models.

    Args:
        models: A model, its file or the folder of its run; or several of these, in a sequence.

    Returns:
        The models, in their order.

    Raises:
        FileNotFoundError: No such file, or no model in the folder.
        TypeError: Anything other than models and paths.
        ValueError: No models, a file that is not a model file, or a damaged one.

    Examples:
        >>> import equinox as eqx
        >>> import jax
        >>> from molsphere import PropertyModel, RegressorConfig, SphereRegressor, TargetScaling, load_models
        >>> config = RegressorConfig(species=(1, 8), bandlimits=(2,), widths=(2,), num_filter_params=(None,))
        >>> network, state = eqx.nn.make_with_state(SphereRegressor)(config, key=jax.random.key(0))
        >>> scaling = TargetScaling(species=(1, 8), references=(-10.0, -2000.0), intercept=0.0, scale=5.0)
        >>> model = PropertyModel(eqx.nn.inference_mode(network), state, {"energy": "eV"}, {"energy": scaling})
        >>> model.save("model.spinnn")
        >>> [one.units for one in load_models(["model.spinnn", model])]
        [{'energy': 'eV'}, {'energy': 'eV'}]
    """
    single = isinstance(models, PropertyModel | str | os.PathLike)
    given = [models] if single else list(models) if isinstance(models, Sequence) else None
    if given is None or not all(isinstance(x, PropertyModel | str | os.PathLike) for x in given):
        raise TypeError(f"`models` must be models, model files or folders of runs, got {models!r}")
    if not given:
        raise ValueError("`models` must hold at least one model, got none")
    return tuple(x if isinstance(x, PropertyModel) else PropertyModel.load(x) for x in given)


def predict_ensemble(
    models: Source | Sequence[Source],
    molecules: Sequence[Molecule],
    *,
    gap: bool = True,
    batch_size: int = 32,
    orientations: int = 1,
) -> tuple[dict[str, Float[np.ndarray, " molecules"]], dict[str, str]]:
    """Mean over the models of each property, and their standard deviation.

    A property x that more than one model predicts also gets the column `x_std`, √(Σ_k (x_k − x̄)² / (K − 1)), which
    measures how much the models differ, not their error. Where `homo` and `lumo` are predicted and `gap` is not,
    gap = lumo − homo; its deviation is that of the models' differences if the same models predict both, else
    √(homo_std² + lumo_std²).

    Args:
        models: At least one, see `load_models`; they may predict different properties.
        molecules: Molecules of species that all models know.
        gap: Whether to add the gap.
        batch_size: Molecules per batch.
        orientations: See `PropertyModel.predict`.

    Returns:
        Values by column, each of shape (molecules,), float64, and units by column.

    Raises:
        FileNotFoundError: A model file that does not exist.
        TypeError: Anything other than models and molecules, a number that is not an integer, or `gap` that is not
            True or False.
        ValueError: No models, models of one property in different units, or molecules that a model cannot predict.

    Examples:
        >>> import numpy as np
        >>> from molsphere import Molecule
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> import equinox as eqx
        >>> import jax
        >>> from molsphere import PropertyModel, RegressorConfig, SphereRegressor, TargetScaling, predict_ensemble
        >>> config = RegressorConfig(species=(1, 8), bandlimits=(2,), widths=(2,), num_filter_params=(None,))
        >>> network, state = eqx.nn.make_with_state(SphereRegressor)(config, key=jax.random.key(0))
        >>> scaling = TargetScaling(species=(1, 8), references=(-10.0, -2000.0), intercept=0.0, scale=5.0)
        >>> model = PropertyModel(eqx.nn.inference_mode(network), state, {"energy": "eV"}, {"energy": scaling})
        >>> columns, units = predict_ensemble([model, model], [water])
        >>> list(columns), columns["energy_std"].tolist()
        (['energy', 'energy_std'], [0.0])
    """
    _checks.flag("gap", gap)
    models, molecules = load_models(models), molecule_list(molecules)
    predicted = [model.predict(molecules, batch_size=batch_size, orientations=orientations) for model in models]
    return combine(models, predicted, gap=gap)


def combine(
    models: Sequence[PropertyModel], predicted: Sequence[Mapping[str, np.ndarray]], *, gap: bool
) -> tuple[dict[str, Float[np.ndarray, " molecules"]], dict[str, str]]:
    """The columns of `predict_ensemble` and their units, from what each model predicts."""
    units = _common_units(models)
    # By property, what each model that has it predicts, by the index of the model.
    members: dict[str, dict[int, np.ndarray]] = {}
    for at, of_model in enumerate(predicted):
        for name, values in of_model.items():
            members.setdefault(name, {})[at] = values
    moments = {name: _moments([*by_model.values()]) for name, by_model in members.items()}
    if gap and {"homo", "lumo"} <= set(members) and "gap" not in members:
        if units["homo"] != units["lumo"]:
            raise ValueError(f"homo and lumo must be in one unit, got {units['homo']!r} and {units['lumo']!r}")
        moments["gap"], units["gap"] = _gap(members["homo"], members["lumo"]), units["homo"]
    columns: dict[str, np.ndarray] = {}
    units_of_columns: dict[str, str] = {}
    for name, (mean, deviation) in moments.items():
        columns[name], units_of_columns[name] = mean, units[name]
        if deviation is not None:
            columns[f"{name}_std"], units_of_columns[f"{name}_std"] = deviation, units[name]
    return columns, units_of_columns


def _common_units(models: Sequence[PropertyModel]) -> dict[str, str]:
    """Units by property, in which all models that have it agree."""
    units: dict[str, str] = {}
    for model in models:
        for name, unit in model.units.items():
            if units.setdefault(name, unit) != unit:
                raise ValueError(f"`models` must give {name!r} in one unit, got {units[name]!r} and {unit!r}")
    return units


def _gap(homo: Mapping[int, np.ndarray], lumo: Mapping[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray | None]:
    """Mean and deviation of lumo − homo, from the predictions of each by the index of the model."""
    if [*homo] == [*lumo]:
        return _moments([lumo[at] - homo[at] for at in homo])
    (low, low_std), (high, high_std) = _moments([*homo.values()]), _moments([*lumo.values()])
    return high - low, None if low_std is None or high_std is None else np.hypot(low_std, high_std)


def _moments(members: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray | None]:
    """Mean over the members, and their standard deviation if there are several."""
    stacked = np.stack(members)
    return stacked.mean(0), stacked.std(0, ddof=1) if len(members) > 1 else None
