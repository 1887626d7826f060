"""Everything that a user may send to another process can be pickled and copied, and is the same afterwards."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

import molsphere as ms
from molsphere._files.text import BadLine
from spinharm import Grid

WATER = np.array([[0.0, 0, 0.117], [0, 0.757, -0.469], [0, -0.757, -0.469]])


def molecule() -> ms.Molecule:
    return ms.Molecule(
        np.array([8, 1, 1]), WATER, "water", {"energy": -3.0, "note": "x"}, ms.Origin(Path("a"), 1), WATER
    )


def molecules() -> ms.MoleculeSet:
    return ms.MoleculeSet.from_molecules([molecule(), molecule()])


def made(make_model) -> dict[str, object]:
    """One of each public class that holds something."""
    model = make_model({"energy": "eV"})
    part = np.array([0])
    batch = ms.pad_molecules([molecule()])
    key = jax.random.key(0)
    species = (1, 8)
    return {
        "Aggregation": ms.Aggregation("distance", 4, species),
        "Batch": ms.Batch(batch, {"energy": np.zeros(1)}, np.ones(1), part),
        "BesselBasis": ms.BesselBasis(2, 3.0),
        "BatchPlan": ms.BatchPlan.build(np.array([3, 3]), 2, buckets=[3]),
        "CoulombRepresentation": ms.CoulombRepresentation(Grid.gauss_legendre(3), species),
        "DeepSetsHead": ms.DeepSetsHead(4, 1, ms.HeadConfig(width=4), species=species, key=key),
        "Evaluation": ms.Evaluation(part, part, part, ("test",), {"e": "eV"}, {"e": np.ones(1)}, {"e": np.ones(1)}),
        "FetchError": ms.FetchError("no mirror"),
        "HeadConfig": ms.HeadConfig(),
        "InteractingConfig": ms.InteractingConfig(),
        "InteractingNetwork": ms.InteractingNetwork(ms.InteractingConfig(species=species, channels=2), key=key),
        "InteractionOptions": ms.InteractionOptions(),
        "MessageConfig": ms.MessageConfig(),
        "Molecule": molecule(),
        "MoleculeSet": molecules(),
        "Molecules": batch,
        "Problem": ms.Problem(Path("a.xyz"), 3, "is broken"),
        "Origin": ms.Origin(Path("a.csv"), 2, {"cas": "007"}),
        "PropertyModel": model,
        "QM9": ms.QM9(molecules(), 0, Path("a.npz")),
        "RadialBasis": ms.RadialBasis((1, 2), ((1.1, 0.3),)),
        "ReadResult": ms.ReadResult((molecule(),), (ms.Problem(Path("a"), 1, "b"),), (1,)),
        "RegressorConfig": model.config,
        "RemoteFile": ms.RemoteFile("a", 1, "md5:0", ("https://a.org",)),
        "Representation": ms.Representation(species, bandlimit=3, grid=Grid.gauss_legendre(3)),
        "RunConfig": ms.RunConfig(),
        "RunData": ms.RunData(molecules(), {"e": np.ones(2)}, {"e": "eV"}, "two molecules"),
        "SphereRegressor": model.network,
        "Splits": ms.random_splits(5, 3, 1),
        "Target": ms.target("mu"),
        "TargetScaling": ms.TargetScaling(species, (0.0, 1.0), 0.5, 2.0),
        "TrainOptions": ms.TrainOptions(),
        "TrainingRange": ms.TrainingRange((2, 3), {(1, 8): 0.9}, 1.0),
        "TransformerHead": ms.TransformerHead(
            4, 1, ms.HeadConfig("transformer", width=4, layers=1, heads=2), species=species, key=key
        ),
        "BadLine": BadLine(3, "is broken", 5),
    }


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.flags.writeable == b.flags.writeable and np.array_equal(a, b)
    if isinstance(a, BaseException):
        return str(a) == str(b) and same(vars(a), vars(b))
    if isinstance(a, eqx.Module | eqx.nn.State):
        return bool(eqx.tree_equal(a, b))
    if dataclasses.is_dataclass(a):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def test_every_public_class_can_be_pickled_and_copied(make_model):
    objects = made(make_model)
    public = {name for name in dir(ms) if inspect.isclass(getattr(ms, name))}
    assert set(objects) - {"BadLine"} == public
    for name, found in objects.items():
        for copied in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
            assert same(copied, found), name
    assert not same(objects["Molecule"], dataclasses.replace(molecule(), name="ice"))


def test_a_copied_model_predicts_the_same(make_model):
    model = make_model({"energy": "eV"})
    wanted = model.predict([molecule()])["energy"]
    for copied in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(copied.predict([molecule()])["energy"], wanted)


def test_problems_of_files_keep_their_lines():
    problem = pickle.loads(pickle.dumps(BadLine(3, "is broken", 5)))
    assert (str(problem), problem.line, problem.after) == ("is broken", 3, 5)
