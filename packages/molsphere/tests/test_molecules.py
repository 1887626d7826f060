"""One molecule, padded batches, and the sizes they are padded to."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest
from hypothesis import given, strategies

from molsphere import (
    Molecule,
    Molecules,
    MoleculeSet,
    bucket_molecules,
    bucket_of,
    check_molecules,
    choose_buckets,
    pad_molecules,
)

WATER = Molecule(np.array([8, 1, 1]), np.array([[0, 0, 0.1], [0, 0.76, -0.5], [0, -0.76, -0.5]]), "water", {"H": -1.5})
ARGON = Molecule(np.array([18]), np.zeros((1, 3)))


def chain(size: int) -> Molecule:
    return Molecule(np.full(size, 6), np.arange(size)[:, None] * np.array([1.5, 0, 0]), f"chain {size}")


def test_a_molecule_knows_its_atoms():
    assert len(WATER) == 3
    assert WATER.symbols == ("O", "H", "H")
    assert WATER.formula == "H2O"
    assert Molecule(np.array([17, 1, 6, 6]), np.eye(4, 3) * 2).formula == "C2HCl"
    assert repr(WATER) == "Molecule('H2O', 3 atoms, name='water')"
    assert WATER.numbers.dtype == np.int32
    with pytest.raises(ValueError, match="read-only"):
        WATER.positions[0] = 1


def test_a_molecule_does_not_share_its_callers_arrays():
    positions = np.array([[0.0, 0, 0], [0, 0, 1]])
    molecule = Molecule(np.array([1, 1]), positions)
    positions[:] = 7
    assert molecule.positions[1, 2] == 1


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("numbers", "positions", "error", "message"),
    [
        ([], np.zeros((0, 3)), TypeError, "`numbers` must be integers, got dtype float64"),
        (np.zeros(0, int), np.zeros((0, 3)), ValueError, r"at least one atom, got shape \(0,\)"),
        ([1, 1], np.zeros((3, 3)), ValueError, r"`positions` must have shape \(2, 3\), got \(3, 3\)"),
        ([0, 1], np.eye(2, 3), ValueError, r"`numbers` must be atomic numbers 1 … 118, got \[0\]"),
        ([119, 1], np.eye(2, 3), ValueError, r"got \[119\]"),
        (
            [1, 1],
            np.array([[0, 0, 0], [0, np.nan, 0]]),
            ValueError,
            r"`positions` must be finite, got \[0\.0, nan, 0\.0\] at atom 1",
        ),
        (
            [1, 8, 1],
            np.array([[1, 2, 3], [0, 0, 0], [1, 2, 3.001]]),
            ValueError,
            r"`positions` must keep atoms apart, got atoms 0 and 2 both at \[1\.0, 2\.0, 3\.0\]",
        ),
    ],
)
def test_bad_molecules(numbers, positions, error, message):
    with pytest.raises(error, match=message):
        Molecule(np.asarray(numbers), positions)


def test_molecules_that_a_model_cannot_take():
    check_molecules([WATER, chain(3)], (1, 6, 8))
    with pytest.raises(ValueError, match="at least two atoms each, got a lone Ar in molecule 1: its spheres are empty"):
        check_molecules([WATER, ARGON], (1, 8, 18))
    with pytest.raises(ValueError, match=r"must consist of C, N alone, got H, O in molecule 0 \(water\)"):
        check_molecules([WATER], (6, 7))


def test_padding():
    batch = pad_molecules([WATER, chain(5)], 7)
    assert batch.numbers.shape == (2, 7)
    assert batch.positions.dtype == np.float32
    np.testing.assert_array_equal(batch.num_atoms, [3, 5])
    np.testing.assert_array_equal(batch.mask, batch.numbers > 0)
    np.testing.assert_allclose(batch.positions[0, :3], WATER.positions, rtol=1e-6)
    assert np.all(batch.positions[~batch.mask] == 0)
    assert pad_molecules([WATER]).numbers.shape == (1, 3)


def test_a_batch_is_a_pytree():
    batch = pad_molecules([WATER, chain(5)])
    doubled = jax.jit(lambda b: jax.tree.map(lambda x: x, Molecules(b.numbers, b.positions * 2, b.mask)))(batch)
    np.testing.assert_allclose(doubled.positions, 2 * batch.positions)
    assert len(jax.tree.leaves(batch)) == 3


def padded_atoms(sizes, buckets) -> int:
    return int(np.asarray(buckets)[bucket_of(np.asarray(sizes), buckets)].sum())


@given(strategies.lists(strategies.integers(1, 12), min_size=1, max_size=30), strategies.integers(1, 4))
def test_buckets_are_the_best_there_are(sizes, count):
    """Of all choices of at most `count` sizes, tried one by one."""
    got = choose_buckets(sizes, count)
    assert len(got) <= count
    assert got[-1] == max(sizes)
    smaller = sorted(set(sizes))[:-1]
    choices = [
        (*chosen, max(sizes))
        for n in range(min(count, len(smaller) + 1))
        for chosen in itertools.combinations(smaller, n)
    ]
    assert padded_atoms(sizes, got) == min(padded_atoms(sizes, choice) for choice in choices)


def test_buckets_of_very_many_sizes(rng):
    sizes = rng.integers(1, 5000, 20_000)
    buckets = choose_buckets(sizes)
    assert len(buckets) == 6
    assert buckets[-1] == sizes.max()
    assert padded_atoms(sizes, buckets) < 1.2 * sizes.sum()


def test_buckets_of_qm9(sphere_data):
    path = sphere_data / "qm9" / "qm9_geometries_128744.npz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    with np.load(path, allow_pickle=False) as file:
        sizes = file["num_atoms"].astype(int)
    buckets = choose_buckets(sizes)
    assert len(buckets) == 6
    assert padded_atoms(sizes, buckets) < 1.04 * sizes.sum()


def test_batches_for_prediction_have_one_shape_per_bucket():
    molecules = [chain(size) for size in (3, 9, 2, 4, 9, 3, 3, 8)]
    batches = bucket_molecules(molecules, buckets=(4, 9), batch_size=2)
    assert {batch.numbers.shape for _, batch in batches} == {(2, 4), (2, 9)}
    seen = []
    for index, batch in batches:
        for at, atoms in zip(index, np.asarray(batch.num_atoms), strict=True):
            assert atoms == (len(molecules[at]) if at >= 0 else 0)
            seen += [at] if at >= 0 else []
    assert sorted(seen) == list(range(8))


def test_sets_keep_every_atom(rng):
    molecules = [chain(4), WATER, chain(2)]
    data = MoleculeSet.from_molecules(molecules)
    assert len(data) == 3
    assert data.species == (1, 6, 8)
    assert data.properties == {}
    for at in range(3):
        np.testing.assert_array_equal(data[at].numbers, molecules[at].numbers)
        np.testing.assert_array_equal(data[at].positions, molecules[at].positions)
    np.testing.assert_array_equal(data.composition((6, 1, 9)), [[4, 0, 0], [0, 2, 0], [2, 0, 0]])
    chosen = data.subset([2, 0, 2])
    np.testing.assert_array_equal(chosen.num_atoms, [2, 4, 2])
    np.testing.assert_array_equal(chosen[1].positions, molecules[0].positions)
    padded = data.pad([1, -1, 0], 5)
    wanted = pad_molecules([WATER, chain(4)], 5)
    np.testing.assert_array_equal(padded.numbers[[0, 2]], wanted.numbers)
    np.testing.assert_array_equal(padded.positions[[0, 2]], wanted.positions)
    assert not padded.mask[1].any()
    assert MoleculeSet.from_molecules([WATER]).properties["H"] == [-1.5]


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pad_molecules([]), ValueError, "`molecules` must hold at least one molecule, got none"),
        (lambda: pad_molecules([WATER], 2), ValueError, "`size` must be at least that of the largest.*3 atoms, got 2"),
        (lambda: choose_buckets([]), ValueError, "`sizes` must be whole numbers of at least 1"),
        (lambda: choose_buckets([0, 3]), ValueError, "`sizes` must be whole numbers of at least 1"),
        (lambda: choose_buckets([3], 0), ValueError, "`max_buckets` must be at least 1, got 0"),
        (lambda: bucket_of(np.array([3]), (5, 4)), ValueError, r"`buckets` must ascend, at least one, got \(5, 4\)"),
        (
            lambda: bucket_of(np.array([6]), (4, 5)),
            ValueError,
            r"must hold the largest molecule, 6 atoms, got \(4, 5\)",
        ),
        (lambda: bucket_molecules([]), ValueError, "`molecules` must hold at least one molecule, got none"),
        (lambda: MoleculeSet.from_molecules([]), ValueError, "`molecules` must hold at least one molecule, got none"),
        (lambda: MoleculeSet.from_molecules([WATER])[1], IndexError, "index must be within 1 molecules, got 1"),
        (lambda: MoleculeSet.from_molecules([WATER]).pad([0], 2), ValueError, "largest molecule, 3 atoms, got 2"),
        (
            lambda: MoleculeSet(np.array([2]), np.array([1]), np.zeros((1, 3)), np.array([0])),
            ValueError,
            r"`numbers` and `positions` must hold the 2 atoms of `num_atoms`, got shapes \(1,\) and \(1, 3\)",
        ),
        (
            lambda: MoleculeSet(np.array([0]), np.zeros(0, int), np.zeros((0, 3)), np.array([0])),
            ValueError,
            "`num_atoms` must be at least 1, got 0 at 0",
        ),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
