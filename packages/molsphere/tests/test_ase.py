"""Laws of the ASE calculator."""

from __future__ import annotations

import dataclasses
import importlib
import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("ase")

from ase import Atoms
from ase.optimize import BFGS

from molsphere import from_smiles, random_rotation
from molsphere._molecules.batch import padded_size
from molsphere.ase import UNITS_TO_EV, SphereCalculator
from spinharm.optional import require

# ASE 3.29 with NumPy 2.5.
pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")


@pytest.fixture
def ethanol():
    molecule = from_smiles("CCO")
    return Atoms(numbers=molecule.numbers, positions=molecule.positions)


def differences(atoms, places, step):
    """Central differences of the energy."""
    found = []
    for atom, axis in places:
        energies = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.calc = atoms.calc
            moved.positions[atom, axis] += sign * step
            energies.append(moved.get_potential_energy())
        found.append(-(energies[0] - energies[1]) / (2 * step))
    return np.array(found)


PLACES = ((0, 0), (1, 1), (2, 2), (8, 0))


def test_energy_and_forces(ethanol, make_model):
    model = make_model({"energy": "kcal/mol"})
    ethanol.calc = SphereCalculator(model)
    (predicted,) = model.predict([from_smiles("CCO")])["energy"]
    unit = 4184 / 96485.33212
    assert ethanol.get_potential_energy() == pytest.approx(predicted * unit, rel=1e-6)
    forces = ethanol.get_forces()
    assert forces.shape == (9, 3)
    size = np.abs(forces).max()
    assert size > 1e-4
    np.testing.assert_allclose(forces.sum(0), 0, atol=2e-5 * size)
    # A difference of float32 energies of size 0.2 eV over 2e-2 Å is good to a few 1e-6 eV/Å.
    wanted = differences(ethanol, PLACES, 1e-2)
    np.testing.assert_allclose([forces[p] for p in PLACES], wanted, atol=1e-2 * size)


def test_forces_in_float64(ethanol, make_model, x64):
    model = make_model({"energy": "eV"})
    network, state = jax.tree.map(
        lambda x: x.astype(jnp.float64) if eqx.is_inexact_array(x) else x, (model.network, model.state)
    )
    ethanol.calc = SphereCalculator(dataclasses.replace(model, network=network, state=state))
    forces = ethanol.get_forces()
    size = np.abs(forces).max()
    np.testing.assert_allclose([forces[p] for p in PLACES], differences(ethanol, PLACES, 1e-4), atol=1e-5 * size)
    np.testing.assert_allclose(forces.sum(0), 0, atol=1e-12 * size)


def test_forces_turn_with_the_molecule(ethanol, make_model):
    ethanol.calc = SphereCalculator(make_model({"energy": "eV"}))
    forces, energy = ethanol.get_forces(), ethanol.get_potential_energy()
    turn = np.asarray(random_rotation(jax.random.key(0)), np.float64)
    ethanol.positions = ethanol.positions @ turn.T + 2.0
    # Up to the error of the activations on their grid.
    size = np.abs(forces).max()
    np.testing.assert_allclose(ethanol.get_forces(), forces @ turn.T, atol=0.05 * size)
    assert ethanol.get_potential_energy() == pytest.approx(energy, abs=0.02)


def test_an_optimiser_lowers_the_energy(ethanol, make_model):
    ethanol.calc = SphereCalculator(make_model({"energy": "eV"}))
    before = ethanol.get_potential_energy()
    BFGS(ethanol, logfile=None, maxstep=0.02).run(fmax=1e-6, steps=2)
    assert ethanol.get_potential_energy() < before


def test_padding_and_few_shapes(make_model):
    sizes = {padded_size(n) for n in range(2, 201)}
    assert sizes >= {8, 16, 24, 32}
    assert len(sizes) < 16
    assert all(n <= padded_size(n) <= max(8, 1.5 * n + 8) for n in range(1, 500))
    model = make_model({"energy": "eV"})
    water = from_smiles("O")
    atoms = Atoms(numbers=water.numbers, positions=water.positions, calculator=SphereCalculator(model))
    (alone,) = model.predict([water])["energy"]
    assert atoms.get_potential_energy() == pytest.approx(alone, rel=1e-5)


def test_one_of_several_properties(ethanol, make_model):
    model = make_model({"energy": "eV", "odd": "parsec"})
    with pytest.raises(ValueError, match="`property` must be one of energy, odd, got None"):
        SphereCalculator(model)
    with pytest.raises(ValueError, match="`property` must be one of 'energy', 'odd', got 'mu'"):
        SphereCalculator(model, property="mu")
    with pytest.raises(ValueError, match=r"`unit_to_eV` must be given for 'odd' in 'parsec'; known units are eV, meV"):
        SphereCalculator(model, property="odd")
    with pytest.raises(ValueError, match=r"`unit_to_eV` must be finite and above 0, got -1\.0"):
        SphereCalculator(model, property="odd", unit_to_eV=-1.0)
    calculator = SphereCalculator(model, property="odd", unit_to_eV=0.5)
    ethanol.calc = calculator
    expected = 0.5 * model.predict([from_smiles("CCO")])["odd"][0]
    assert ethanol.get_potential_energy() == pytest.approx(expected, rel=1e-6)
    assert set(UNITS_TO_EV) >= {"eV", "meV", "Hartree"}


def test_a_model_file(ethanol, make_model, tmp_path):
    model = make_model({"energy": "eV"})
    model.save(tmp_path / "model.spinnn")
    energies = []
    for source in (model, tmp_path / "model.spinnn", str(tmp_path / "model.spinnn")):
        ethanol.calc = SphereCalculator(source)
        energies.append(ethanol.get_potential_energy())
    assert len(set(energies)) == 1


def test_a_committee_gives_means_and_deviations(ethanol, make_model, tmp_path, untyped):
    models = [make_model({"energy": unit}, seed) for seed, unit in enumerate(("eV", "meV"))]
    models[0].save(tmp_path / "run" / "model.spinnn")
    energies, forces = [], []
    for model in models:
        ethanol.calc = SphereCalculator(model)
        energies.append(ethanol.get_potential_energy())
        forces.append(ethanol.get_forces())
    ethanol.calc = pickle.loads(pickle.dumps(SphereCalculator([tmp_path / "run", models[1]])))
    assert ethanol.get_potential_energy() == pytest.approx(np.mean(energies), rel=1e-6)
    np.testing.assert_allclose(ethanol.get_forces(), np.mean(forces, 0), atol=1e-6)
    assert ethanol.calc.get_property("energy_std") == pytest.approx(np.std(energies, ddof=1), rel=1e-6)
    np.testing.assert_allclose(ethanol.calc.results["forces_std"], np.std(forces, 0, ddof=1), atol=1e-6)
    assert "energy_std" not in SphereCalculator(models[:1]).implemented_properties
    with pytest.raises(ValueError, match=r"in one unit where `unit_to_eV` is given, got \['eV', 'meV'\]"):
        SphereCalculator(models, unit_to_eV=1.0)
    with pytest.raises(ValueError, match="`model` must be models of one property, got energy and gap"):
        SphereCalculator([models[0], make_model({"gap": "eV"})])
    with pytest.raises(FileNotFoundError, match=r"found no .*model.spinnn; the folder holds the runs .*run: name them"):
        SphereCalculator(tmp_path)
    with pytest.raises(ValueError, match="at least one model, got none"):
        SphereCalculator([])
    with pytest.raises(TypeError, match="must be models, model files or folders of runs, got 3"):
        SphereCalculator(3)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (Atoms("CN", [[0, 0, 0], [0, 0, 1.1]]), "must consist of H, C, O alone, got N"),
        (Atoms("C", [[0, 0, 0]]), "must have at least two atoms each, got a lone C"),
        (Atoms("CO", [[0, 0, 0], [0, 0, 1.1]], cell=[5, 5, 5], pbc=True), "must not be periodic"),
        (Atoms("CO", [[0, 0, 0], [0, 0, 0]]), "must keep atoms apart"),
        (Atoms("CO", [[0, 0, 0], [0, 0, np.nan]]), "must be finite"),
    ],
)
def test_molecules_that_cannot_be(make_model, atoms, message):
    atoms.calc = SphereCalculator(make_model({"energy": "eV"}))
    with pytest.raises(ValueError, match=message):
        atoms.get_potential_energy()


def test_missing_ase_names_the_extra(monkeypatch):
    def fail(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name="ase")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(ModuleNotFoundError, match=r"molsphere\.ase needs ase.*pip install 'molsphere\[ase\]'"):
        require("ase.calculators.calculator", "molsphere[ase]", "molsphere.ase")
