"""Valid calls of what `molsphere` offers."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import molsphere
from molsphere import Molecules, MoleculeSet, Splits, TargetScaling
from spinharm import Grid

from .calls import Call, always
from .small_molecules import (
    MONOXIDE,
    SPECIES,
    SPLITS,
    WATER,
    published_file,
    small_config,
    small_model,
    some_molecules,
    write_records,
)

MODULES = ["molsphere", "molsphere.ase"]
LEFT_OUT: Mapping[str, str] = {}

_KEY = jax.random.key(0)
_GRID = Grid.gauss_legendre(2)
_BOTH = (WATER, MONOXIDE)
_BATCH = molsphere.pad_molecules(_BOTH)
_PADDED = {name: np.asarray(getattr(_BATCH, name)) for name in ("numbers", "positions", "mask")}
_FEATURES = np.ones((2, 3, 2), np.float32)
_VECTORS = np.ones((2, 3, 2, 3), np.float32)
_SIZES = np.array([3, 2, 3, 2])
_FRESH = itertools.count()


def calls() -> list[Call]:
    """One valid call for each public name."""
    return [
        *_molecules(),
        *_batches(),
        *_spheres(),
        *_heads(),
        *_networks(),
        *_interacting(),
        *_files(),
        *_data(),
        *_runs(),
        *_ase(),
    ]


def _anew(path: Any) -> Any:
    """Another path of its kind for each call."""
    return path.with_name(f"{next(_FRESH)}{path.name}") if isinstance(path, Path) else path


def _on_molecules(function: Any) -> Any:
    """A function of molecules as one of their arrays."""

    def call(numbers: Any, positions: Any, mask: Any, **given: Any) -> Any:
        return function(molecules=Molecules(numbers, positions, mask), **given)

    return call


def _molecules() -> list[Call]:
    fields = {
        "numbers": WATER.numbers, "positions": WATER.positions, "name": "water", "properties": {"a": 1.0, "b": "c"},
        "origin": molsphere.Origin(Path("a.xyz"), 1),
    }  # fmt: skip
    turn = always(key=_KEY, shape=(2,), reflections=True, dtype="float32")
    return [
        Call("molsphere.Molecule", molsphere.Molecule, always(**fields)),
        Call("molsphere.check_molecules", molsphere.check_molecules, always(molecules=_BOTH, species=SPECIES)),
        Call("molsphere.from_smiles", molsphere.from_smiles, always(smiles="O", name="water", seed=1)),
        Call("molsphere.displacements", molsphere.displacements, always(molecules=_BATCH)),
        Call("molsphere.displacements", _on_molecules(molsphere.displacements), always(**_PADDED)),
        Call("molsphere.random_rotation", molsphere.random_rotation, turn),
        Call(
            "molsphere.augment", molsphere.augment, always(positions=_PADDED["positions"], key=_KEY, reflections=True)
        ),
        Call(
            "molsphere.draw_spheres",
            molsphere.draw_spheres,
            always(molecule=MONOXIDE, atom=1, powers=(2,), cutoff_angle=0.7, projection="mollweide", model=None),
        ),
    ]


def _batches() -> list[Call]:
    plan = molsphere.BatchPlan.build(_SIZES, 2)
    iterator = always(
        data=some_molecules(), targets={"energy": np.zeros(4)}, plan=plan, epochs=1, shard=(0, 2), prefetch=0
    )
    building = always(sizes=_SIZES, batch_size=2, buckets=(2, 3), seed=1, shuffle=True)
    return [
        Call("molsphere.pad_molecules", molsphere.pad_molecules, always(molecules=_BOTH, size=4, dtype="float32")),
        Call("molsphere.choose_buckets", molsphere.choose_buckets, always(sizes=_SIZES, max_buckets=2)),
        Call("molsphere.bucket_of", molsphere.bucket_of, always(sizes=_SIZES, buckets=(2, 3))),
        Call(
            "molsphere.bucket_molecules",
            molsphere.bucket_molecules,
            always(molecules=_BOTH, buckets=(2, 3), batch_size=2, dtype="float32"),
        ),
        Call("molsphere.BatchPlan.build", molsphere.BatchPlan.build, building),
        Call("molsphere.BatchPlan.epoch", plan.epoch, always(number=1)),
        Call("molsphere.batch_iterator", lambda **given: next(molsphere.batch_iterator(**given)), iterator),
    ]


def _spheres() -> list[Call]:
    radial = {"powers": (2,), "gaussians": ((1.1, 0.3),), "min_distance": 0.9}
    pairs = {"square": jnp.ones(2), "strength": jnp.ones(2), "counts": jnp.ones(2, bool)}
    fields = {"species": SPECIES, "radial": molsphere.RadialBasis(**radial), "bandlimit": 2, "grid": _GRID}
    made = molsphere.Representation(**fields)
    potential = {"grid": _GRID, "species": SPECIES, "radius": 0.4}
    return [
        Call("molsphere.RadialBasis", molsphere.RadialBasis, always(**radial)),
        Call("molsphere.RadialBasis.values", molsphere.RadialBasis(**radial).values, always(**pairs)),
        Call("molsphere.Representation", molsphere.Representation, always(**fields, cutoff_angle=0.7)),
        Call("molsphere.Representation.coefficients", made.coefficients, always(**_PADDED, values=_FEATURES)),
        Call("molsphere.Representation.maps", made.maps, always(**_PADDED, values=_FEATURES)),
        Call("molsphere.CoulombRepresentation", molsphere.CoulombRepresentation, always(**potential)),
        Call(
            "molsphere.CoulombRepresentation.maps",
            molsphere.CoulombRepresentation(**potential).maps,
            always(**_PADDED),
        ),
    ]


def _heads() -> list[Call]:
    choice: dict[str, Any] = {"weighting": "type", "reduction": "sum", "species": SPECIES}
    pool = molsphere.Aggregation("type", 2, SPECIES)
    calls = [
        Call("molsphere.HeadConfig", molsphere.HeadConfig, always(**dataclasses.asdict(molsphere.HeadConfig(width=2)))),
        Call("molsphere.Aggregation", molsphere.Aggregation, always(**choice, features=2)),
        Call("molsphere.Aggregation.__call__", pool, always(features=_FEATURES, molecules=_BATCH)),
        Call("molsphere.Aggregation.__call__", _on_molecules(pool), always(features=_FEATURES, **_PADDED)),
    ]
    moment = molsphere.Aggregation("displacement", 2, SPECIES, reduction="max")
    with_vectors = always(features=_FEATURES, molecules=_BATCH, vectors=_VECTORS)
    calls.append(Call("molsphere.Aggregation.__call__", moment, with_vectors))
    deepsets = molsphere.HeadConfig(width=2, layers=1, heads=1)
    transformer = dataclasses.replace(deepsets, kind="transformer")
    for config, of in ((deepsets, molsphere.DeepSetsHead), (transformer, molsphere.TransformerHead)):
        given: dict[str, Any] = {"features": 2, "outputs": 1, "config": config, "species": SPECIES, "key": _KEY}
        name, head = f"molsphere.{of.__name__}", of(**given)
        calls += [
            Call(name, of, always(**given)),
            Call(f"{name}.__call__", head, always(features=_FEATURES, molecules=_BATCH)),
            Call(f"{name}.__call__", _on_molecules(head), always(features=_FEATURES, **_PADDED)),
        ]
        given |= {"config": dataclasses.replace(config, weighting="displacement"), "vectors": 2}
        calls += [Call(name, of, always(**given)), Call(f"{name}.__call__", of(**given), with_vectors)]
    return calls


def _networks() -> list[Call]:
    config, model = small_config(interactions=2), small_model()
    fields = {name: getattr(config, name) for name in config.__dataclass_fields__} | {
        "gaussians": ((1.1, 0.3),),
        "feature_scale": (1.0,) * 6,
        "num_filter_params": (2,),
    }
    fields_of_model = {name: getattr(model, name) for name in ("network", "state", "units", "scalings", "seen")}
    message = {"channels": 2, "width": 2, "powers": (1,), "gaussians": ((1.1, 0.3),)}
    network, state = eqx.nn.make_with_state(molsphere.SphereRegressor)(small_config(), key=_KEY)
    predict = always(molecules=_BOTH, batch_size=2, orientations=2, warn=True)
    turned = always(model=model, molecules=_BOTH, rotations=1, reflections=False, seed=0)

    def build(**given: Any) -> Any:
        return eqx.filter_eval_shape(molsphere.SphereRegressor, molsphere.RegressorConfig(**given), key=_KEY)

    def save(path: Any, **extra: Any) -> None:
        model.save(_anew(path), **extra)

    return [
        Call("molsphere.MessageConfig", molsphere.MessageConfig, always(**message)),
        Call("molsphere.RegressorConfig", build, always(**fields)),
        Call("molsphere.RegressorConfig.channels_of_interaction", config.channels_of_interaction, always(number=1)),
        Call("molsphere.RegressorConfig.make_representation", config.make_representation, always(interaction=1)),
        Call("molsphere.RegressorConfig.make_grid", config.make_grid, always(bandlimit=2)),
        Call("molsphere.network_config", molsphere.network_config, always(name="tiny")),
        Call("molsphere.SphereRegressor", molsphere.SphereRegressor, always(config=config, key=_KEY)),
        Call("molsphere.SphereRegressor.represent", network.represent, always(molecules=_BATCH)),
        Call("molsphere.SphereRegressor.represent", _on_molecules(network.represent), always(**_PADDED)),
        Call("molsphere.SphereRegressor.__call__", network, always(molecules=_BATCH, state=state)),
        Call("molsphere.SphereRegressor.__call__", _on_molecules(network), always(**_PADDED, state=state)),
        Call(
            "molsphere.measure_feature_scale", molsphere.measure_feature_scale, always(config=config, molecules=_BATCH)
        ),
        Call("molsphere.PropertyModel", molsphere.PropertyModel, always(**fields_of_model)),
        Call("molsphere.PropertyModel.__call__", model, always(molecules=_BATCH)),
        Call("molsphere.PropertyModel.predict", model.predict, predict),
        Call("molsphere.PropertyModel.predict_forces", model.predict_forces, always(molecules=_BOTH, batch_size=2)),
        Call("molsphere.PropertyModel.save", save, always(path=Path.cwd() / "new.spinnn", note="a")),
        Call("molsphere.invariance_error", molsphere.invariance_error, turned),
    ]


def _interacting() -> list[Call]:
    config = molsphere.InteractingConfig(species=SPECIES, max_degree=1, channels=2, radial=2)
    network, state = eqx.nn.make_with_state(molsphere.InteractingNetwork)(config, key=_KEY)
    fields = {name: getattr(config, name) for name in config.__dataclass_fields__}
    shared = {name: fields[name] for name in molsphere.InteractionOptions.__dataclass_fields__}
    basis = molsphere.BesselBasis(2, 3.0)

    def build(**given: Any) -> Any:
        return eqx.filter_eval_shape(molsphere.InteractingNetwork, molsphere.InteractingConfig(**given), key=_KEY)

    return [
        Call("molsphere.BesselBasis", molsphere.BesselBasis, always(count=2, cutoff=3.0, exponent=3)),
        Call("molsphere.BesselBasis.values", basis.values, always(distance=np.ones(3, np.float32))),
        Call("molsphere.InteractionOptions", molsphere.InteractionOptions, always(**shared)),
        Call("molsphere.InteractionOptions.make_basis", molsphere.InteractionOptions().make_basis, always()),
        Call(
            "molsphere.InteractionOptions.upgraded",
            molsphere.InteractionOptions.upgraded,
            always(values={"channels": 8}),
        ),
        Call("molsphere.InteractingConfig", build, always(**fields)),
        Call("molsphere.InteractingNetwork", molsphere.InteractingNetwork, always(config=config, key=_KEY)),
        Call("molsphere.InteractingNetwork.__call__", network, always(molecules=_BATCH, state=state)),
        Call("molsphere.InteractingNetwork.__call__", _on_molecules(network), always(**_PADDED, state=state)),
    ]


def _files() -> list[Call]:
    folder, model, data = Path.cwd(), small_model(), some_molecules()
    model.save(folder / "model.spinnn")
    (folder / "empty.txt").touch()
    records = write_records(folder / "records")
    qm9 = molsphere.read_qm9(records, num_molecules=2)
    qm9.save(folder / "qm9.npz")
    SPLITS.save(folder / "splits.npz")
    parts = {"training": SPLITS.train, "test": SPLITS.test}
    found = molsphere.evaluate(model, data, {"energy": data.properties["energy"]}, parts)
    found.save(folder)
    columns = {"predictions": {"energy": np.array([1.0, 2.0])}, "units": {"energy": "eV"}}
    molsphere.write_predictions(folder / "some.xyz", _BOTH, **columns)
    reading = {"path": folder / "some.xyz", "format": "xyz", "on_error": "raise", "seed": 0, "length_unit": "angstrom"}
    whole = {"path": records, "uncharacterized": (2,), "num_molecules": 2}
    of_run = {"targets": ("H",), "units": ("meV",), "length_unit": "angstrom", "uncharacterized": "none"}
    table = {"path": folder / "some.xyz", "targets": ("energy",), "units": ("eV",)}
    download = {"file": published_file(), "folder": folder / "down", "progress": lambda *told: None, "timeout": 5.0}
    downloads = {"folder": folder / "down", "progress": lambda *told: None, "files": (published_file(),)}

    def fetch(function: Any, **given: Any) -> Any:
        return function(**given | {"folder": _anew(given["folder"])})

    return [
        Call("molsphere.read_molecules", molsphere.read_molecules, always(**reading)),
        Call("molsphere.ReadResult.unused", molsphere.read_molecules(**reading).unused, always(targets=("energy",))),
        Call("molsphere.read_qm9", molsphere.read_qm9, always(**whole)),
        Call("molsphere.read_qm9", molsphere.read_qm9, always(**whole | {"path": folder / "qm9.npz"})),
        Call("molsphere.QM9.save", lambda path: qm9.save(_anew(path)), always(path=folder / "new.npz")),
        Call(
            "molsphere.read_uncharacterized",
            molsphere.read_uncharacterized,
            always(path=records / "uncharacterized.txt"),
        ),
        Call("molsphere.read_run_data", molsphere.read_run_data, always(path=records, **of_run)),
        Call("molsphere.read_run_data", molsphere.read_run_data, always(**table)),
        Call(
            "molsphere.write_predictions",
            molsphere.write_predictions,
            always(path=folder / "new.csv", molecules=_BOTH, **columns),
        ),
        Call("molsphere.PropertyModel.load", molsphere.PropertyModel.load, always(path=folder / "model.spinnn")),
        Call("molsphere.load_models", molsphere.load_models, always(models=(folder / "model.spinnn", model))),
        Call("molsphere.Splits.save", lambda path: SPLITS.save(_anew(path)), always(path=folder / "new.npz")),
        Call("molsphere.Splits.load", Splits.load, always(path=folder / "splits.npz")),
        Call(
            "molsphere.Evaluation.save", lambda folder: found.save(_anew(folder)), always(folder=folder / "evaluated")
        ),
        Call("molsphere.Evaluation.load", molsphere.Evaluation.load, always(folder=folder)),
        Call("molsphere.fetch", functools.partial(fetch, molsphere.fetch), always(**download)),
        Call("molsphere.fetch_qm9", functools.partial(fetch, molsphere.fetch_qm9), always(**downloads)),
    ]


def _data() -> list[Call]:
    data = some_molecules()
    arrays = {"num_atoms": data.num_atoms, "numbers": data.numbers, "positions": data.positions, "index": data.index}
    values = data.properties["energy"]
    forced = dataclasses.replace(data, forces=np.zeros_like(data.positions))
    scaling = TargetScaling.fit(data, values)
    seen = molsphere.TrainingRange.of(data)
    parts = {"train": SPLITS.train, "validation": SPLITS.validation, "test": SPLITS.test}
    fit = always(training=data, values=values, species=SPECIES, method="composition")
    restoring = always(scaled=np.ones(2, np.float32), numbers=_PADDED["numbers"])
    drawing = always(total=4, train=2, validation=1, test=1, seed=0)
    return [
        Call("molsphere.MoleculeSet", MoleculeSet, always(**arrays, properties={"energy": values})),
        Call("molsphere.MoleculeSet.from_molecules", MoleculeSet.from_molecules, always(molecules=_BOTH)),
        Call("molsphere.MoleculeSet.subset", data.subset, always(at=np.array([1, 0]))),
        Call("molsphere.MoleculeSet.pad", data.pad, always(at=np.array([1, -1]), size=3, dtype="float32")),
        Call("molsphere.MoleculeSet.pad_forces", forced.pad_forces, always(at=np.array([1, -1]), size=3)),
        Call("molsphere.MoleculeSet.composition", data.composition, always(species=SPECIES)),
        Call("molsphere.TargetScaling", TargetScaling, always(**scaling.to_json())),
        Call("molsphere.TargetScaling.fit", TargetScaling.fit, fit),
        Call("molsphere.TargetScaling.baseline", scaling.baseline, always(molecules=data)),
        Call("molsphere.TargetScaling.scale_values", scaling.scale_values, always(molecules=data, values=values)),
        Call("molsphere.TargetScaling.restore", scaling.restore, restoring),
        Call("molsphere.TargetScaling.from_json", TargetScaling.from_json, always(fields=scaling.to_json())),
        Call("molsphere.TrainingRange.of", molsphere.TrainingRange.of, always(data=data)),
        Call("molsphere.TrainingRange.differences", seen.differences, always(molecules=_BOTH)),
        Call("molsphere.TrainingRange.from_json", molsphere.TrainingRange.from_json, always(fields=seen.to_json())),
        Call("molsphere.Splits", Splits, always(**parts, total=4)),
        Call("molsphere.Splits.equals", SPLITS.equals, always(other=SPLITS)),
        Call("molsphere.random_splits", molsphere.random_splits, drawing),
        Call("molsphere.qm9_splits", molsphere.qm9_splits, always(name="110k", total=130_831)),
        Call("molsphere.target", molsphere.target, always(name="H")),
        Call("molsphere.target_values", molsphere.target_values, always(molecules=data, name="H", atomization=True)),
    ]


def _runs() -> list[Call]:
    folder, data, model = Path.cwd(), some_molecules(), small_model()
    training = dataclasses.replace(molsphere.RunConfig().training, epochs=1, checkpoint_every=9)
    config: dict[str, Any] = {
        "network": small_config(), "training": training, "batch_size": 2, "augmentation": False, "reference": "mean",
        "loss": "l1", "max_buckets": 1,
    }  # fmt: skip
    values, units = {"energy": data.properties["energy"]}, {"energy": "eV"}
    run = {
        "data": data, "values": values, "units": units, "splits": SPLITS, "config": molsphere.RunConfig(**config),
        "folder": folder / "run", "progress": False,
    }  # fmt: skip
    options = molsphere.TrainOptions(
        out="run", targets=("energy",), training=training, batch_size=2, plots=False, augmentation=False,
        network=small_config(),
    )  # fmt: skip
    flat = {
        "targets": ("energy",),
        "units": ("eV",),
        "sizes": (2, 1, 1),
        "split_seed": 1,
        "epochs": 3,
        "clip_norm": 1.0,
    }
    known = molsphere.RunData(data, values, units, "some.xyz")
    parts = {"training": SPLITS.train, "test": SPLITS.test}
    told = {"options": options, "data": known, "splits": SPLITS, "say": lambda text: None, "progress": False}

    def train(**given: Any) -> Any:
        return molsphere.train(**given | {"folder": _anew(given["folder"])})

    def run_training(options: Any, **given: Any) -> Any:
        if isinstance(options, molsphere.TrainOptions):
            options = dataclasses.replace(options, out=f"run{next(_FRESH)}")
        return molsphere.run_training(options, **given)

    return [
        Call("molsphere.RunConfig", molsphere.RunConfig, always(**config)),
        Call("molsphere.TrainOptions", molsphere.TrainOptions, always(**flat)),
        Call("molsphere.TrainOptions.upgraded", options.upgraded, always(values={"epochs": 3})),
        Call("molsphere.TrainOptions.make_splits", options.make_splits, always(total=4)),
        Call("molsphere.TrainOptions.run_config", options.run_config, always(steps_per_epoch=2)),
        Call("molsphere.train", train, always(**run)),
        Call("molsphere.run_training", run_training, always(**told)),
        Call("molsphere.mean_errors", molsphere.mean_errors, always(model=model, data=data, values=values)),
        Call(
            "molsphere.evaluate",
            molsphere.evaluate,
            always(model=(model, model), data=data, values=values, parts=parts, orientations=1),
        ),
        Call(
            "molsphere.predict_ensemble",
            molsphere.predict_ensemble,
            always(models=(model, model), molecules=_BOTH, gap=True, batch_size=2, orientations=1),
        ),
    ]


def _ase() -> list[Call]:
    from ase import Atoms

    from molsphere.ase import SphereCalculator

    model = small_model()
    atoms = Atoms(numbers=WATER.numbers, positions=WATER.positions)
    made = always(model=(model, model), property="energy", unit_to_eV=1.0)
    calculate = always(atoms=atoms, properties=("energy",), system_changes=("positions",))
    return [
        Call("molsphere.ase.SphereCalculator", SphereCalculator, made),
        Call("molsphere.ase.SphereCalculator.calculate", SphereCalculator(model).calculate, calculate),
    ]
