"""The spheres of atoms: against a plain loop, against the transform, symmetries, derivatives, memory."""

from __future__ import annotations

import itertools
import math
import re
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy.spatial.transform import Rotation

import spinharm
from molsphere import (
    QM9_MIN_DISTANCE,
    QM9_SPECIES,
    CoulombRepresentation,
    RadialBasis,
    Representation,
    augment,
    random_rotation,
    read_qm9,
)
from molsphere._spheres import pairs as _pairs
from spinharm import Grid, change_bandlimit

DOCS = Path(__file__).resolve().parents[1] / "docs"
GRID = Grid.equiangular(8, 10, poles=False)


def made(options: dict[str, Any]) -> tuple[Representation, dict[str, Any]]:
    """A representation from options, and those options that are arguments of its methods."""
    radial = {name: options.pop(name) for name in ("powers", "gaussians", "min_distance") if name in options}
    arguments = {name: options.pop(name) for name in ("values", "mask") if name in options}
    return Representation(**{"radial": RadialBasis(**radial), **options}), arguments


def maps_of(positions, numbers, **options):
    representation, arguments = made(options)
    return representation.maps(positions, numbers, **arguments)


def coefficients_of(positions, numbers, **options):
    representation, arguments = made(options)
    return representation.coefficients(positions, numbers, **arguments)


FUNCTIONS = {
    "maps": Representation(grid=GRID).maps,
    "coefficients": Representation(bandlimit=4).coefficients,
    "coulomb": CoulombRepresentation(GRID).maps,
}
EVERY = pytest.mark.parametrize("name", FUNCTIONS)


def points(grid: Grid) -> np.ndarray:
    theta, phi = np.meshgrid(grid.colatitude, grid.longitude, indexing="ij")
    return np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], -1)


def pairs(numbers):
    """Ordered pairs of different atoms, without padding."""
    return itertools.permutations(np.flatnonzero(numbers), 2)


def loop_spreads(positions, numbers, grid, cutoff_angle):
    """Each pair, its distance, and its Gaussian on the sphere."""
    variance = -((math.cos(cutoff_angle) - 1) ** 2) / math.log(0.05)
    for i, j in pairs(numbers):
        r = positions[j] - positions[i]
        distance = np.sqrt(r @ r)
        yield i, j, distance, np.exp(-((points(grid) @ (r / distance) - 1) ** 2) / variance)


def loop_features(positions, numbers, grid, species, powers=(2, 6), cutoff_angle=math.pi / 4):
    """The definition, one pair after the other, for one molecule."""
    out = np.zeros((len(numbers), *grid.shape, 1, len(species) * len(powers)))
    for i, j, distance, spread in loop_spreads(positions, numbers, grid, cutoff_angle):
        for p, power in enumerate(powers):
            scale = numbers[i] * numbers[j] / max(species) ** 2 * (QM9_MIN_DISTANCE / distance) ** power
            out[i, ..., 0, species.index(numbers[j]) * len(powers) + p] += scale * spread
    return out


def loop_values(positions, numbers, values, grid, powers, gaussians, cutoff_angle=math.pi / 4):
    """The definition with values and gaussians, one pair after the other."""
    out = np.zeros((len(numbers), *grid.shape, 1, values.shape[1] * (len(powers) + len(gaussians))))
    for i, j, distance, spread in loop_spreads(positions, numbers, grid, cutoff_angle):
        radial = [(QM9_MIN_DISTANCE / distance) ** p for p in powers]
        radial += [math.exp(-((distance - c) ** 2) / (2 * w**2)) for c, w in gaussians]
        out[i, ..., 0, :] += spread[..., None] * np.outer(values[j], radial).ravel()
    return out


def loop_coulomb(positions, numbers, grid, species, radius):
    out = np.zeros((len(numbers), *grid.shape, 1, len(species)))
    for i, j in pairs(numbers):
        distance = np.linalg.norm(positions[i] + radius * points(grid) - positions[j], axis=-1)
        scale = numbers[i] * numbers[j] / max(species) ** 2
        out[i, ..., 0, species.index(numbers[j])] += scale / distance * 2 * radius
    return out


@pytest.mark.parametrize("options", [{}, {"powers": (1, 2.5, 6)}, {"cutoff_angle": 0.5}], ids=str)
@pytest.mark.parametrize("grid", [GRID, Grid.gauss_legendre(6, 11), Grid.equiangular(5, 8)], ids=str)
def test_features_are_those_of_a_plain_loop(options, grid, rng, random_molecules):
    positions, numbers = random_molecules(rng, [7, 4], 9)
    positions = positions.astype(np.float32)
    got = maps_of(positions, numbers, grid=grid, **options)
    assert got.shape == (2, 9, *grid.shape, 1, 5 * len(options.get("powers", (2, 6))))
    assert got.dtype == np.float32
    for at in range(2):
        wanted = loop_features(positions[at].astype(np.float64), numbers[at], grid, QM9_SPECIES, **options)
        np.testing.assert_allclose(got[at], wanted, rtol=0, atol=1e-6)


GAUSSIANS = ((1.1, 0.2), (2.0, 0.5))


@pytest.mark.parametrize("powers", [(), (1, 2.5)])
def test_values_and_gaussians_are_those_of_a_plain_loop(powers, rng, random_molecules):
    positions, numbers = random_molecules(rng, [7, 4], 9)
    positions, values = positions.astype(np.float32), rng.normal(size=(2, 9, 3)).astype(np.float32)
    options = {"powers": powers, "gaussians": GAUSSIANS, "values": values}
    got = maps_of(positions, numbers, grid=GRID, **options)
    for at in range(2):
        wanted = loop_values(positions[at].astype(np.float64), numbers[at], values[at], GRID, powers, GAUSSIANS)
        np.testing.assert_allclose(got[at], wanted, rtol=0, atol=2e-6)
    fine = Grid.gauss_legendre(16)
    coeffs = coefficients_of(positions, numbers, bandlimit=4, **options)
    transform = spinharm.SpinTransform(fine, 16)
    wanted = change_bandlimit(transform.forward(maps_of(positions, numbers, grid=fine, **options)), 4, axis=-4)
    np.testing.assert_allclose(coeffs, wanted, atol=2e-4)


def test_values_of_one_hot_species_and_gaussians_are_the_species(rng, random_molecules):
    positions, numbers = random_molecules(rng, [7], 8)
    values = (numbers[..., None] == np.array(QM9_SPECIES)).astype(np.float32)
    options = {"powers": (), "gaussians": GAUSSIANS, "bandlimit": 3}
    np.testing.assert_allclose(
        coefficients_of(positions, numbers, **options),
        coefficients_of(positions, numbers, values=values, **options),
        atol=1e-6,
    )


def test_coulomb_features_are_those_of_a_plain_loop(rng, random_molecules):
    positions, numbers = random_molecules(rng, [6], 8)
    positions = positions.astype(np.float32)
    got = CoulombRepresentation(GRID, radius=0.4).maps(positions, numbers)
    wanted = loop_coulomb(positions[0].astype(np.float64), numbers[0], GRID, QM9_SPECIES, 0.4)
    np.testing.assert_allclose(got[0], wanted, rtol=0, atol=2e-6)


def test_real_molecules_against_the_loop(qm9_npz):
    molecules = read_qm9(qm9_npz).molecules
    batch = molecules.pad([0, 100, 10_999], 29)
    got = maps_of(batch.positions, batch.numbers, grid=GRID)
    for at in range(3):
        wanted = loop_features(batch.positions[at].astype(np.float64), batch.numbers[at], GRID, QM9_SPECIES)
        np.testing.assert_allclose(got[at], wanted, rtol=0, atol=1e-6)
    assert np.max(got) < 1.5


def test_five_percent_are_left_at_the_cutoff_angle():
    """Of an atom on the z axis, seen on the ring at that colatitude."""
    grid = Grid.equiangular(5, 8)
    positions = np.array([[0, 0, 0], [0, 0, QM9_MIN_DISTANCE]], np.float32)
    got = maps_of(positions, np.array([9, 9]), grid=grid, species=(9,), powers=(2,))
    np.testing.assert_allclose(got[0, 0], 1, rtol=1e-6)
    np.testing.assert_allclose(got[0, 1], 0.05, rtol=1e-5)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("cutoff_angle", "L"), [(math.pi / 4, 24), (1.2, 18)])
def test_coefficients_are_the_transform_of_the_features(cutoff_angle, L, rng, random_molecules):
    """On a fine grid, whose aliasing falls on the highest ones; for fewer degrees, the same."""
    positions, numbers = random_molecules(rng, [5], 6)
    grid = Grid.gauss_legendre(L)
    options = {"cutoff_angle": cutoff_angle}
    maps = jax.jit(partial(maps_of, grid=grid, **options))(positions, numbers)
    wanted = jax.jit(spinharm.SpinTransform(grid, L, (0,)).forward)(maps)
    got = jax.jit(partial(coefficients_of, bandlimit=L, **options))(positions, numbers)
    assert got.dtype == np.complex128
    kept, wanted = (spinharm.change_bandlimit(x, 2 * L // 3, axis=-4) for x in (got, wanted))
    np.testing.assert_allclose(kept, wanted, rtol=0, atol=1e-8)
    low = jax.jit(partial(coefficients_of, bandlimit=7, **options))(positions, numbers)
    np.testing.assert_allclose(low, spinharm.change_bandlimit(got, 7, axis=-4), rtol=0, atol=1e-14)


@pytest.mark.usefixtures("x64")
def test_energy_beyond_the_bandlimit():
    """One pair: what the coefficients leave out of the field is the Gaussian's tail, as documented."""
    positions, grid = np.array([[0, 0, 0], [0.7, -0.8, 0.3]]), Grid.gauss_legendre(64)
    maps = np.asarray(maps_of(positions, np.array([8, 8]), grid=grid, species=(8,), powers=(2,)))[0, ..., 0, 0]
    coeffs = coefficients_of(positions, np.array([8, 8]), bandlimit=16, species=(8,), powers=(2,))
    spectrum = spinharm.power_spectrum(coeffs[0, ..., 0, 0])
    energy = np.einsum("j,jk->", grid.weights, maps**2)
    for bandlimit, tail in ((8, 1e-2), (12, 2e-4), (16, 7e-6)):
        left = 1 - np.sum(spectrum[:bandlimit]) / energy
        assert tail / 2 < left < tail * 2


@pytest.mark.usefixtures("x64")
def test_maps_turn_with_the_molecule_as_far_as_the_grid_resolves_them(rng, random_molecules):
    """The table of the documentation: the worst relative error of five rotations, by grid."""
    positions, numbers = random_molecules(rng, [12], 12)
    table = (DOCS / "representation.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+)×(\d+) \| (\d+) \| ([\d.e-]+) \|$", table, flags=re.MULTILINE)
    assert len(rows) == 4
    for nlat, nlon, bandlimit, told in rows:
        grid = Grid.equiangular(int(nlat), int(nlon), poles=False)
        transform = spinharm.SpinTransform(grid, int(bandlimit), (0,))
        function = jax.jit(lambda p, grid=grid, transform=transform: transform.forward(maps_of(p, numbers, grid=grid)))
        before = function(positions)
        worst = 0.0
        for alpha, beta, gamma in np.random.default_rng(0).uniform(-3, 3, (5, 3)):
            matrix = Rotation.from_euler("ZYZ", [alpha, beta, gamma]).as_matrix()
            turned = spinharm.rotate(before, alpha, beta, gamma, axis=-4)
            error = np.asarray(function(positions @ matrix.T)) - np.asarray(turned)
            worst = max(worst, float(np.linalg.norm(error) / np.linalg.norm(turned)))
        assert float(told) / 2 < worst < float(told) * 2, (nlat, nlon, worst)


@pytest.mark.parametrize("bandlimit", [1, 2, 6, 12])
def test_coefficients_of_real_fields(bandlimit, rng, random_molecules):
    positions, numbers = random_molecules(rng, [4], 4)
    function = jax.jit(partial(coefficients_of, bandlimit=bandlimit))
    got = np.asarray(function(positions.astype("f4"), numbers))
    assert got.shape == (1, 4, bandlimit, 2 * bandlimit - 1, 1, 10)
    order = np.arange(-bandlimit + 1, bandlimit)[:, None, None]
    np.testing.assert_allclose(got, (-1.0) ** order * np.conj(np.flip(got, -3)), rtol=0, atol=1e-7)
    outside = np.abs(order[:, 0, 0]) > np.arange(bandlimit)[:, None]
    assert np.all(got[:, :, outside] == 0)


@pytest.mark.parametrize("bandlimit", [4, 12])
def test_rotating_the_molecule_rotates_the_spheres(bandlimit, rng, random_molecules):
    positions, numbers = random_molecules(rng, [9, 5], 9)
    alpha, beta, gamma = rng.uniform(-3, 3, 3)
    matrix = Rotation.from_euler("ZYZ", [alpha, beta, gamma]).as_matrix()
    function = jax.jit(partial(coefficients_of, bandlimit=bandlimit))
    before = function(positions.astype(np.float32), numbers)
    after = function((positions @ matrix.T).astype(np.float32), numbers)
    turned = spinharm.rotate(before, alpha, beta, gamma, axis=-4)
    np.testing.assert_allclose(after, turned, rtol=0, atol=1e-5 * np.max(np.abs(before)))


def test_reflecting_the_molecule_reflects_the_spheres(rng, random_molecules):
    """r → −r multiplies degree l by (−1)^l."""
    positions, numbers = random_molecules(rng, [6], 6)
    function = jax.jit(partial(coefficients_of, bandlimit=9))
    before, after = function(positions.astype("f4"), numbers), function(-positions.astype("f4"), numbers)
    sign = (-1.0) ** np.arange(9)[:, None, None, None]
    np.testing.assert_allclose(after, sign * np.asarray(before), rtol=0, atol=1e-6 * np.max(np.abs(before)))


@EVERY
def test_permutation_translation_and_padding_change_nothing(name, rng, random_molecules):
    function = jax.jit(FUNCTIONS[name])
    positions, numbers = (x[0] for x in random_molecules(rng, [7], 7))
    positions = positions.astype(np.float32)
    plain = np.asarray(function(positions, numbers))
    tolerance = 2e-6 * np.max(np.abs(plain))
    order = rng.permutation(7)
    np.testing.assert_allclose(function(positions[order], numbers[order]), plain[order], rtol=0, atol=tolerance)
    np.testing.assert_allclose(function(positions + np.float32(0.5), numbers), plain, rtol=0, atol=10 * tolerance)
    wide = np.full((12, 3), np.nan, np.float32)
    wide[:7] = positions
    padded = function(wide, np.pad(numbers, (0, 5)))
    np.testing.assert_allclose(padded[:7], plain, rtol=0, atol=tolerance)
    assert np.all(np.asarray(padded[7:]) == 0)
    wide[7:] = 0.3
    mask = np.arange(12) < 7
    masked = function(wide, np.pad(numbers, (0, 5), constant_values=6), mask=mask)
    np.testing.assert_array_equal(masked, padded)
    stacked = function(np.stack([wide, 2 * wide])[None], np.stack([np.pad(numbers, (0, 5))] * 2)[None])
    assert stacked.shape[:3] == (1, 2, 12)
    np.testing.assert_allclose(stacked[0, 0], padded, rtol=0, atol=tolerance)


@EVERY
def test_a_lone_atom_is_surrounded_by_nothing(name):
    got = FUNCTIONS[name](np.zeros((1, 3), np.float32), np.array([6]))
    assert np.all(np.asarray(got) == 0)


@EVERY
def test_what_is_not_a_number_shows_under_jit(name):
    """Where nobody can look at values and refuse them; padding may hold anything."""
    positions = np.array([[0, 0, 0], [0, 0, np.nan], [0, 1, 0]], np.float32)
    out = np.asarray(jax.jit(FUNCTIONS[name])(positions, np.array([6, 1, 1])))
    assert np.all(np.isnan(np.abs(out).reshape(3, -1).sum(1)))
    out = np.asarray(jax.jit(FUNCTIONS[name])(positions, np.array([6, 0, 1])))
    assert np.all(np.isfinite(out))


# Atoms 0 and 1 at one place, 2 above 0 and 3 below it on the z axis, 4 within rounding of 3, 5 padding.
AWKWARD = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 1.1], [0, 0, -1.3], [0, 1e-7, -1.3], [0, 0, 0]])
AWKWARD_NUMBERS = np.array([6, 1, 8, 1, 7, 0])


@EVERY
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_derivatives_are_finite_everywhere(name, dtype):
    """First and second, at coincident and padded atoms and on the z axis, where the value is finite as well."""
    with jax.enable_x64(dtype == "float64"):
        positions = jnp.asarray(AWKWARD.astype(dtype))

        def energy(positions: jax.Array) -> jax.Array:
            out = FUNCTIONS[name](positions, AWKWARD_NUMBERS)
            return jnp.sum(jnp.square(jnp.abs(out)) if jnp.isrealobj(out) else out.real**2 + out.imag**2)

        value, slope = jax.jit(jax.value_and_grad(energy))(positions)
        assert np.isfinite(value)
        assert value > 0
        assert np.all(np.isfinite(slope))
        if dtype == "float32":
            assert np.all(np.isfinite(jax.jit(jax.hessian(energy))(positions)))
        assert np.all(np.asarray(slope[5]) == 0)
        # Nothing depends on where the whole is.
        assert np.max(np.abs(np.sum(slope, 0))) < 1e-3 * np.max(np.abs(slope))


@pytest.mark.usefixtures("x64")
@EVERY
def test_derivatives_are_right(name, rng, random_molecules):
    positions, numbers = random_molecules(rng, [4], 5)
    positions[0, 1] = positions[0, 0] + [0, 0, 1.2]
    check_grads(jax.jit(lambda p: FUNCTIONS[name](p, numbers)), (positions,), order=1, modes=("fwd", "rev"), atol=1e-6)


@pytest.mark.usefixtures("x64")
def test_derivatives_in_blocks_are_those_without(monkeypatch, rng, random_molecules):
    positions, numbers = random_molecules(rng, [7, 5, 6], 7)

    def run(name: str):
        weights = np.random.default_rng(1).normal(size=jax.eval_shape(FUNCTIONS[name], positions, numbers).shape)
        return jax.jit(jax.value_and_grad(lambda p: jnp.sum(FUNCTIONS[name](p, numbers).real * weights)))(positions)

    whole = [run(name) for name in FUNCTIONS]
    monkeypatch.setattr(_pairs, "BLOCK_VALUES", 7 * 80 * 2)
    jax.clear_caches()
    for name, (value, slope) in zip(FUNCTIONS, whole, strict=True):
        blocked, blocked_slope = run(name)
        np.testing.assert_allclose(blocked, value, rtol=1e-12)
        np.testing.assert_allclose(blocked_slope, slope, rtol=0, atol=1e-12 * np.max(np.abs(slope)))


def largest_array(jaxpr) -> int:
    """Entries of the largest array anywhere in a program."""
    largest = 0
    for equation in jaxpr.eqns:
        largest = max([largest, *(math.prod(v.aval.shape) for v in equation.outvars)])
        for inner in jax.tree.leaves(equation.params, is_leaf=lambda x: hasattr(x, "eqns") or hasattr(x, "jaxpr")):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                largest = max(largest, largest_array(inner))
    return largest


@EVERY
def test_memory_is_linear_in_atoms_times_grid(name):
    """A thousand atoms: no array of the program, derivatives included, has atoms² × grid entries."""
    atoms, grid = 1000, Grid.equiangular(32, 32, poles=False)
    function = {
        "maps": Representation(grid=grid).maps,
        "coefficients": Representation(bandlimit=8).coefficients,
        "coulomb": CoulombRepresentation(grid).maps,
    }[name]
    positions = jax.ShapeDtypeStruct((atoms, 3), np.float32)
    numbers = jax.ShapeDtypeStruct((atoms,), np.int32)
    result = math.prod(jax.eval_shape(function, positions, numbers).shape)
    bound = 2 * max(result, _pairs.BLOCK_VALUES) + _pairs.BLOCK_VALUES
    assert bound < atoms**2 * (64 if name == "coefficients" else 1024) / 5

    def total(positions, numbers):
        return jnp.sum(function(positions, numbers).real)

    program = jax.make_jaxpr(jax.grad(total))(positions, numbers)
    assert largest_array(program.jaxpr) <= bound
    compiled = jax.jit(jax.grad(total)).lower(positions, numbers).compile()
    memory = compiled.memory_analysis()
    assert memory is not None
    assert memory.temp_size_in_bytes < 12 * 4 * bound


@pytest.mark.parametrize("reflections", [False, True])
def test_random_rotations_are_orthogonal_and_uniform(reflections):
    matrices = np.asarray(random_rotation(jax.random.key(0), (4000,), reflections=reflections))
    np.testing.assert_allclose(
        matrices @ np.swapaxes(matrices, 1, 2), np.broadcast_to(np.eye(3), (4000, 3, 3)), atol=3e-6
    )
    determinant = np.linalg.det(matrices)
    assert abs(np.mean(determinant) - (0 if reflections else 1)) < 0.1
    np.testing.assert_allclose(np.abs(determinant), 1, rtol=1e-5)
    # Moments of the uniform distribution: mean 0, each entry's square 1/3, its fourth power 1/5.
    assert np.max(np.abs(matrices.mean(0))) < 5 / np.sqrt(3 * 4000)
    np.testing.assert_allclose((matrices**2).mean(0), 1 / 3, atol=0.03)
    np.testing.assert_allclose((matrices**4).mean(0), 1 / 5, atol=0.03)


def test_augmentation_keeps_distances_and_turns_each_molecule_by_itself(rng):
    positions = np.broadcast_to(rng.normal(size=(5, 3)), (6, 5, 3)).astype(np.float32)
    turned = np.asarray(jax.jit(augment)(positions, jax.random.key(3)))
    assert turned.dtype == np.float32

    def distances(p: np.ndarray) -> np.ndarray:
        return np.linalg.norm(p[:, :, None] - p[:, None], axis=-1)

    np.testing.assert_allclose(distances(turned), distances(positions), atol=1e-5)
    assert np.min(np.ptp(turned, axis=0)) > 0.01
    handed = np.sign(np.linalg.det(turned[:, :3]) * np.linalg.det(positions[:, :3]))
    assert set(handed) == {-1.0, 1.0}
    again = np.asarray(augment(positions, jax.random.key(3), reflections=False))
    assert set(np.sign(np.linalg.det(again[:, :3]) * np.linalg.det(positions[:, :3]))) == {1.0}


TWO = np.array([[0, 0, 0], [0, 0, 1]], np.float32)
WATER = np.array([8, 1])


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda f: f(np.zeros((2, 2), np.float32), WATER),
            ValueError,
            r"`positions` must have shape \(\*batch, atoms, 3\), got \(2, 2\)",
        ),
        (lambda f: f(TWO, np.array([8])), ValueError, r"`numbers` must have the shape of `positions`.*got \(1,\)"),
        (lambda f: f(TWO, np.array([8.0, 1.0])), TypeError, "`numbers` must be integers.*got dtype float64"),
        (lambda f: f(TWO, np.array([8, 16])), ValueError, r"`numbers` must be of the species .*got \[16\] too"),
        (
            lambda f: f(TWO * np.float32(np.nan), WATER),
            ValueError,
            r"`positions` must be finite, got \[nan, nan, nan\] at atom \(0,\)",
        ),
        (
            lambda f: f(TWO, WATER, mask=np.array([True])),
            ValueError,
            r"`mask` must be boolean of the shape.*got bool \(1,\)",
        ),
    ],
)
@EVERY
def test_bad_atoms(name, call, error, message):
    with pytest.raises(error, match=message):
        call(FUNCTIONS[name])


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"species": ()}, ValueError, r"`species` must be distinct atomic numbers 1 … 118, at least one, got \(\)"),
        ({"species": (6, 6)}, ValueError, r"`species` must be distinct.*got \(6, 6\)"),
        ({"species": (6.5,)}, TypeError, "`species` must be an integer, got 6.5"),
        (
            {"powers": ()},
            ValueError,
            "`powers` must be distinct numbers above 0, at least one where `gaussians` is empty",
        ),
        ({"gaussians": ((1.0, 0.0),)}, ValueError, "`gaussians` must be finite and above 0, got 0.0"),
        ({"gaussians": ((1.0,),)}, ValueError, r"`gaussians` must be pairs \(center, width\) \[Å\], got \(\(1.0,\),\)"),
        ({"gaussians": ((1, 2), (1, 2))}, ValueError, "`powers` and `gaussians` must be distinct"),
        (
            {"values": np.zeros((1, 2))},
            ValueError,
            r"`values` must have the shape of `numbers`, \(2,\), and",
        ),
        ({"powers": (-1,)}, ValueError, "`powers` must be finite and above 0, got -1"),
        ({"powers": ("2",)}, TypeError, "`powers` must be a number, got '2'"),
        ({"cutoff_angle": 0.0}, ValueError, "`cutoff_angle` must be finite and above 0, got 0.0"),
        ({"cutoff_angle": 4.0}, ValueError, r"`cutoff_angle` must be 0.001 … π \[radians\], got 4.0"),
        ({"cutoff_angle": 1e-300}, ValueError, r"`cutoff_angle` must be 0.001 … π \[radians\], got 1e-300"),
        ({"min_distance": -1.0}, ValueError, "`min_distance` must be finite and above 0, got -1.0"),
        ({"bandlimit": 0}, ValueError, "`bandlimit` must be at least 1, got 0"),
        ({"bandlimit": 2.0}, TypeError, "`bandlimit` must be an integer, got 2.0"),
        ({"bandlimit": None}, ValueError, "`bandlimit` or `grid` must be given, got None for both"),
        (
            {"bandlimit": None, "grid": GRID},
            ValueError,
            "`bandlimit` must be an integer for coefficients, got None; use",
        ),
        ({"grid": (4, 8)}, TypeError, r"`grid` must be a spinharm.Grid, got \(4, 8\)"),
        ({"radial": (2, 6)}, TypeError, r"`radial` must be a RadialBasis, got \(2, 6\)"),
    ],
    ids=str,
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        coefficients_of(TWO, WATER, **{"bandlimit": 4, **options})


def test_maps_need_a_grid():
    with pytest.raises(ValueError, match=r"`grid` must be a spinharm.Grid for maps, got None; use dataclasses.replace"):
        Representation(bandlimit=4).maps(TWO, WATER)


def test_bad_radius_and_augmentation():
    with pytest.raises(ValueError, match=r"`radius` must be finite and above 0 and below 10000, got 0\.0"):
        CoulombRepresentation(GRID, radius=0.0)


@pytest.mark.usefixtures("untyped")
def test_augmentation_of_another_shape():
    with pytest.raises(ValueError, match=r"`positions` must have shape \(\*batch, atoms, 3\), got \(3,\)"):
        augment(np.zeros(3, np.float32), jax.random.key(0))


def test_one_trace_per_shape():
    """Two molecules of one padded size share a program."""
    traces = 0

    @jax.jit
    def run(positions, numbers):
        nonlocal traces
        traces += 1
        return coefficients_of(positions, numbers, bandlimit=3)

    run(TWO, WATER)
    run(TWO * np.float32(2), np.array([1, 1]))
    assert traces == 1
