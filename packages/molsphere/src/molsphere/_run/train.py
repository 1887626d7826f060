"""Training on a set of molecules."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from spinnn.training import Run, fit, to_json

from .. import _checks
from .._data.pipeline import BatchPlan, batch_iterator
from .._data.scaling import TargetScaling
from .._data.splits import Splits
from .._data.training_checks import check_splits, check_targets
from .._data.training_range import TrainingRange
from .._model.networks import NetworkConfig, make_network
from .._model.property_model import MODEL_FILE, PropertyModel
from .._model.regressor import RegressorConfig, measure_feature_scale
from .._molecules.batch import choose_buckets
from .._molecules.dataset import MoleculeSet
from .force_errors import force_errors, mean_force_error
from .loss import check_forces, make_loss
from .run_config import RunConfig

# Molecules from which the scale of the input channels is measured.
_SCALE_SAMPLE = 256


def train(
    data: MoleculeSet,
    values: Mapping[str, Float[np.ndarray, " molecules"]],
    units: Mapping[str, str],
    splits: Splits,
    config: RunConfig,
    folder: str | Path,
    *,
    progress: bool = True,
) -> PropertyModel:
    """Train a network, or resume the run in the folder; the result is the same, bit for bit.

    Equal results need an equal number of processor cores; a warning says when it has changed.

    The folder gets the files of `spinnn.training.fit`, with errors on the validation split at each checkpoint among the
    metrics, `splits.npz` and `model.spinnn`. Forces of the data are learned with the one property, an energy E: those
    of the network are −∂E/∂r by one reverse pass over the positions.

    Args:
        data: All molecules, with forces to learn or without.
        values: Properties by name, each of shape (molecules,), NaN where a molecule has no value: it is then used for
            the other properties only.
        units: Unit by property.
        splits: Indices of the training, validation and test molecules.
        config: Configuration of the run.
        folder: The run's folder.
        progress: Show a progress bar on a terminal.

    Returns:
        The trained model; averaged parameters if the configuration asks for an average.

    Raises:
        TypeError: Anything other than a set of molecules, real values, units as strings, splits and a configuration.
        ValueError: Properties without unit or with names that cannot be titles of columns, infinite values, values or
            splits of another number of molecules, no molecules to train on or none with a value, a lone atom, an
            element of the validation or test split that is not in the training split; forces with several properties
            or with a network other than `InteractingConfig`; and errors of `fit`.

    Examples:
        >>> import numpy as np
        >>> from molsphere import Molecule, MoleculeSet, RegressorConfig, RunConfig, random_splits, train
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> from spinnn.training import TrainingConfig
        >>> network = RegressorConfig(bandlimits=(2,), widths=(2,), num_filter_params=(None,))
        >>> config = RunConfig(network, TrainingConfig(epochs=1), batch_size=2)
        >>> data = MoleculeSet.from_molecules([water] * 3)
        >>> energies = {"energy": np.array([1.0, 2.0, 3.0])}
        >>> model = train(data, energies, {"energy": "eV"}, random_splits(3, 2, 1), config, "run", progress=False)
        >>> model.units
        {'energy': 'eV'}
    """
    _checks.instance("data", data, MoleculeSet, "a MoleculeSet")
    _checks.mapping("values", values, "values by property")
    _checks.mapping("units", units, "strings by property")
    _checks.instance("config", config, RunConfig, "of type RunConfig")
    _checks.flag("progress", progress)
    if type(config) is not RunConfig:
        # Options of a command are runs too, but their head is not yet that of the targets.
        raise TypeError(f"`config` must be a RunConfig, got {type(config).__name__}; `run_training` takes TrainOptions")
    if not values or set(values) != set(units):
        raise ValueError(f"`units` must name a unit for each of {sorted(values)}, at least one, got {sorted(units)}")
    folder = Path(folder)
    # In the order in which JAX goes through a dictionary.
    values = {name: _checks.real_values("values", values[name], len(data)) for name in sorted(values)}
    units = {name: units[name] for name in values}
    check_targets(values, units)
    check_forces(data, splits, values, config.network)
    species = check_splits(data, splits)
    training = data.subset(splits.train)
    if empty := [name for name, v in values.items() if np.isnan(v[splits.train]).all()]:
        raise ValueError(f"`values` must hold numbers in the training split, got none for {', '.join(empty)}")
    scalings = {
        name: TargetScaling.fit(training, v[splits.train], species=species, method=config.reference)
        for name, v in values.items()
    }
    network_config = dataclasses.replace(config.network, outputs=len(values), species=species)
    network_config = _with_feature_scale(network_config, training, folder)
    seen, seed = TrainingRange.of(training), config.training.seed
    network, state = make_network(network_config, key=jax.random.key(seed))
    buckets = choose_buckets(training.num_atoms, config.max_buckets)
    plan = BatchPlan.build(training.num_atoms, config.batch_size, buckets=buckets, seed=seed)
    scaled = {name: scalings[name].scale_values(training, v[splits.train]) for name, v in values.items()}
    validation = data.subset(splits.validation)
    force_scale = next(iter(scalings.values())).scale if training.forces is not None else None
    wanted = {name: v[splits.validation] for name, v in values.items()}

    def model_of(network: Any, state: Any) -> PropertyModel:
        return PropertyModel(eqx.nn.inference_mode(network), state, units, scalings, seen)

    def validate(network: Any, state: Any, step: int) -> dict[str, Any]:
        return _validation_errors(model_of(network, state), validation, wanted)

    keep_splits(folder / "splits.npz", splits)
    # By former names, so that runs that were begun with them can be resumed.
    described = {
        "run": to_json(config, former_names=True),
        "network": to_json(network_config, former_names=True),
        "units": units,
    }
    loss = make_loss(config, gaps=any(np.isnan(v).any() for v in scaled.values()), force_scale=force_scale)
    run = Run(
        folder,
        steps_per_epoch=plan.batches_per_epoch,
        described=described,
        on_checkpoint=validate if len(validation) else None,
        progress=progress,
    )
    network, state = fit(network, state, loss, batch_iterator(training, scaled, plan), config.training, run)
    model = model_of(network, state)
    model.save(folder / MODEL_FILE)
    return model


def _validation_errors(
    model: PropertyModel, validation: MoleculeSet, wanted: Mapping[str, Float[np.ndarray, " molecules"]]
) -> dict[str, float]:
    """Mean absolute errors for the metrics, with forces where there are any."""
    errors: dict[str, Any] = dict(mean_errors(model, validation, wanted))
    if validation.forces is not None:
        errors["forces"] = mean_force_error(force_errors([model], validation), validation.num_atoms)["mae"]
    return {f"validation_{name}": error for name, error in errors.items() if error is not None}


def keep_splits(path: Path, splits: Splits) -> None:
    """Write the splits of a run; refuse a folder with others."""
    if path.exists() and not Splits.load(path).equals(splits):
        raise ValueError(f"`splits` must be those that the run in {path.parent} began with, got others")
    splits.save(path)


def mean_errors(
    model: PropertyModel, data: MoleculeSet, values: Mapping[str, Float[np.ndarray, " molecules"]]
) -> dict[str, float]:
    """Mean absolute error by property, in the property's unit.

    Args:
        model: The model.
        data: Molecules.
        values: Reference values by property, each of shape (molecules,), NaN where unknown.

    Returns:
        Errors by property, without properties that have no reference value.

    Raises:
        TypeError: Anything other than a model, a set of molecules and real values.
        ValueError: Values of another shape, or of properties that the model lacks.

    Examples:
        >>> import numpy as np
        >>> from molsphere import Molecule, MoleculeSet, mean_errors
        >>> water = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
        >>> import equinox as eqx
        >>> import jax
        >>> from molsphere import PropertyModel, RegressorConfig, SphereRegressor, TargetScaling
        >>> config = RegressorConfig(species=(1, 8), bandlimits=(2,), widths=(2,), num_filter_params=(None,))
        >>> network, state = eqx.nn.make_with_state(SphereRegressor)(config, key=jax.random.key(0))
        >>> scaling = TargetScaling(species=(1, 8), references=(-10.0, -2000.0), intercept=0.0, scale=5.0)
        >>> model = PropertyModel(eqx.nn.inference_mode(network), state, {"energy": "eV"}, {"energy": scaling})
        >>> data = MoleculeSet.from_molecules([water])
        >>> list(mean_errors(model, data, {"energy": np.array([-2020.0])}))
        ['energy']
    """
    _checks.instance("model", model, PropertyModel, "a PropertyModel")
    _checks.instance("data", data, MoleculeSet, "a MoleculeSet")
    _checks.mapping("values", values, "values by property")
    for name in values:
        _checks.option("values", name, tuple(model.units))
    values = {name: _checks.real_values("values", v, len(data)) for name, v in values.items()}
    predicted = model.predict([data[i] for i in range(len(data))], warn=False)
    known = {name: np.isfinite(v) for name, v in values.items()}
    return {
        name: float(np.abs(predicted[name] - v)[known[name]].mean()) for name, v in values.items() if known[name].any()
    }


def _with_feature_scale(config: NetworkConfig, training: MoleculeSet, folder: Path) -> NetworkConfig:
    """The configuration of a network with a feature scale, measured on the training split unless given."""
    if not isinstance(config, RegressorConfig) or config.feature_scale is not None:
        return config
    sample = training.subset(np.arange(min(_SCALE_SAMPLE, len(training))))
    padded = sample.pad(np.arange(len(sample)), int(sample.num_atoms.max()))
    scale = _scale_of_run(folder / "config.json", measure_feature_scale(config, padded))
    return dataclasses.replace(config, feature_scale=scale)


def _scale_of_run(config: Path, measured: tuple[float, ...]) -> tuple[float, ...]:
    """The scale that a run began with if the measured one agrees with it to rounding, which depends on the machine."""
    try:
        before = np.asarray(json.loads(config.read_text(encoding="utf-8"))["network"]["feature_scale"], np.float64)
    except (OSError, ValueError, KeyError, TypeError):
        return measured  # no run yet, or one that `fit` refuses
    same = before.shape == (len(measured),) and np.allclose(before, measured, rtol=1e-5, atol=0)
    return tuple(before.tolist()) if same else measured
