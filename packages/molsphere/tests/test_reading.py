"""What files hold is read as it is meant, refused by line, or told: units of length, overlaps, gaps, odd tables."""

from __future__ import annotations

import csv
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import molsphere._files.smiles as smiles_module
from molsphere import (
    Batch,
    Molecule,
    MoleculeSet,
    PropertyModel,
    RegressorConfig,
    RunConfig,
    evaluate,
    from_smiles,
    mean_errors,
    pad_molecules,
    read_molecules,
    read_run_data,
    write_predictions,
)
from molsphere.__main__ import main
from molsphere._data.labels import find_outliers
from molsphere._molecules.distances import LENGTH_UNITS, closest_pairs, warn_of_distances
from molsphere._run.loss import make_loss
from spinnn.files import FileWarning

WATER = np.array([[0.0, 0, 0.117], [0, 0.757, -0.469], [0, -0.757, -0.469]])


def write(folder, name: str, text: str):
    path = folder / name
    path.write_bytes(text.encode())
    return path


def frame(comment: str = "water", positions: np.ndarray = WATER) -> str:
    rows = [f"{s} {x:.9f} {y:.9f} {z:.9f}" for s, (x, y, z) in zip("OHH", positions, strict=True)]
    return "\n".join(["3", comment, *rows]) + "\n"


# Lengths


def test_the_closest_pair_is_that_of_all_pairs(rng):
    sizes, radius = np.array([1, 3, 7, 3, 40]), {1: 0.31, 8: 0.66}
    numbers, positions = rng.choice([1, 8], sizes.sum()), rng.normal(size=(sizes.sum(), 3)) * 3
    found = closest_pairs(sizes, numbers, positions)
    assert np.isnan(found.ratio[0])
    for at, start in enumerate(np.cumsum(sizes) - sizes):
        ratios = {
            (i, j): np.linalg.norm(positions[start + i] - positions[start + j])
            / (radius[int(numbers[start + i])] + radius[int(numbers[start + j])])
            for j in range(sizes[at])
            for i in range(j)
        }
        if ratios:
            best = min(ratios, key=lambda pair: ratios[pair])
            assert (found.first[at], found.second[at]) == best
            np.testing.assert_allclose(found.ratio[at], ratios[best], rtol=1e-6)


@pytest.mark.parametrize("unit", ["bohr", "nm"])
def test_positions_in_another_unit_are_refused_or_converted(tmp_path, unit):
    path = write(tmp_path, "a.xyz", frame(positions=WATER / LENGTH_UNITS[unit]) * 2 + frame())
    message = rf"a\.xyz must hold geometries.* in 2 of 3 .*they fit {unit}: give --length-unit {unit} \(`length_unit="
    with pytest.raises(ValueError, match=message):
        read_molecules(path, on_error="collect")
    molecules = read_molecules(path, length_unit=unit)
    np.testing.assert_allclose(molecules[0].positions, WATER, atol=1e-8)
    assert len(read_molecules(path, length_unit="angstrom")) == 3
    right = write(tmp_path, "b.xyz", frame())
    with pytest.raises(ValueError, match=rf"read in {unit}, .*they fit angstrom: give --length-unit angstrom"):
        read_molecules(right, length_unit=unit)
    table = write(tmp_path, "c.csv", "smiles\nO\n")
    with pytest.raises(ValueError, match=f"`length_unit` must be None for geometries of SMILES, .*got '{unit}'"):
        read_molecules(table, length_unit=unit)


@pytest.mark.usefixtures("untyped")
def test_units_of_length_that_nothing_fits(tmp_path):
    path = write(tmp_path, "a.xyz", "2\nargon\nAr 0 0 0\nAr 0 0 9\n")
    with pytest.raises(
        ValueError, match="no unit of angstrom, bohr, nm fits: convert them to Å, or give --length-unit"
    ):
        read_molecules(path)
    with pytest.raises(ValueError, match="`length_unit` must be one of 'angstrom', 'bohr', 'nm', got 'pm'"):
        read_molecules(path, length_unit="pm")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"must be within 10,000 Å of the origin, got .* at atom 1; move the molecule"):
        Molecule(np.array([1, 1]), np.array([[0, 0, 0], [0, 0, 1e200]]))


def test_atoms_inside_each_other_are_left_out_of_training_by_line(tmp_path):
    near = WATER * np.array([1, 0.2, 0.3])
    path = write(tmp_path, "a.xyz", frame("e=1") + frame("e=2", near) + frame("e=3"))
    data = read_run_data(path, ["e"])
    np.testing.assert_array_equal(data.values["e"], [1, 3])
    (problem,) = data.problems
    assert problem.line == 6
    assert "its nearest atoms, 0 (O) and 1 (H), are 0.232 Å from each other, 0.24 of the sum" in problem.message


@pytest.fixture
def model(monkeypatch) -> PropertyModel:
    """A model of two energies that are 1 eV for everything, without a network."""
    monkeypatch.setattr(PropertyModel, "_predict", lambda self, m, *_, **__: dict.fromkeys("ab", np.ones(len(m))))
    made = object.__new__(PropertyModel)
    object.__setattr__(made, "units", {"a": "eV", "b": "eV"})
    monkeypatch.setattr(PropertyModel, "config", RegressorConfig(species=(1, 8)))
    return made


def test_predictions_for_odd_geometries_are_warned_of_by_line(tmp_path, model):
    near = WATER * np.array([1, 0.2, 0.3])
    path = write(tmp_path, "a.xyz", frame() + frame("near", near) + frame())
    with pytest.warns(FileWarning, match=r"a\.xyz:6: its nearest atoms, 0 \(O\) and 1 \(H\), are 0\.232 Å") as caught:
        model.predict(read_molecules(path).molecules)
    assert len(caught) == 1
    with pytest.warns(FileWarning, match=r"molecule 0 \(bohr\): .* are 1\.81 Å .* 1\.9 of the sum"):
        model.predict([Molecule(np.array([8, 1, 1]), WATER / LENGTH_UNITS["bohr"], "bohr")])
    with pytest.warns(FileWarning) as caught:
        warn_of_distances([Molecule(np.array([8, 1, 1]), near)] * 30)
    assert len(caught) == 21
    assert str(caught[-1].message) == "and 10 more molecules with such geometries"


# SMILES


def test_mixtures_have_no_geometry():
    message = r"must be one molecule, got 'CCO\.O', a mixture of 2, .* give them one by one, or .* in an \.xyz"
    with pytest.raises(ValueError, match=message):
        from_smiles("CCO.O")


def test_what_rdkit_cannot_do_costs_one_line_and_names_another_way(tmp_path, monkeypatch):
    path = write(tmp_path, "a.smi", "O\nCO\nC\n")
    monkeypatch.setattr(smiles_module, "_MAX_ITERATIONS", 1)
    with pytest.warns(FileWarning) as caught:
        read_molecules(path)
    assert [str(warning.message).split(": ")[0] for warning in caught] == [f"{path}:{line}" for line in (1, 2, 3)]
    assert ": the geometry did not converge in 1 steps of MMFF94; give its geometry in an .xyz" in str(
        caught[0].message
    )
    with pytest.warns(FileWarning, match="CO: the geometry did not converge"):
        from_smiles("CO")
    monkeypatch.setattr(smiles_module, "_MAX_ITERATIONS", 2000)
    monkeypatch.setattr(smiles_module, "_MOST_ATOMS", 5)
    with pytest.raises(ValueError, match=r"must be of at most 5 atoms, got 6; give its geometry in an \.xyz"):
        from_smiles("CO")

    def parse(smiles):
        raise RuntimeError("\n\tPre-condition Violation\n\tno conformers")

    monkeypatch.setattr(smiles_module, "_parse", parse)
    result = read_molecules(path, on_error="collect")
    assert [problem.line for problem in result.problems] == [1, 2, 3]
    assert "got 'O': Pre-condition Violation; give its geometry in an .xyz" in result.problems[0].message


# What is not used


def test_forces_charges_and_spins_are_told(tmp_path):
    comment = "Properties=species:S:1:pos:R:3:forces:R:3 energy=-1 charge=-1 multiplicity=1"
    text = f"2\n{comment}\nO 0 0 0 1 2 3\nH 0 0 0.97 1 2 3\n"
    path = write(tmp_path, "a.extxyz", text)
    told = "not used: forces (in 1 of 1 records), charge (in 1 of 1 records); networks see elements and positions alone"
    told += "; forces are learned with `--forces forces`"
    with pytest.warns(FileWarning) as caught:
        read_molecules(path)
    assert [str(warning.message) for warning in caught] == [f"{path}: {told}"]
    assert read_run_data(path, ["energy"]).source.endswith(f"; {told}")
    assert ", charge" not in read_run_data(path, ["charge"]).source
    plain = write(tmp_path, "b.xyz", "2\nplain\nO 0 0 0 -0.3\nH 0 0 0.97 0.3\n")
    with pytest.warns(FileWarning, match="not used: columns of atoms after the fourth, up to 5 "):
        read_molecules(plain)
    with pytest.warns(FileWarning, match="not used: charge "):
        read_molecules(write(tmp_path, "c.smi", "C[NH3+]\n"))


# SDF


HYDROXIDE = """ion
     test           3D

  2{bonds}  0  0  0  0            999 V2000
    0.0000    0.0000    0.0000 O   0  0
    0.0000    0.0000    0.9700 H   0  0
{bond}M  END
$$$$
"""
CARBON_DIOXIDE = """single bonds
     test           3D

  3  2  0  0  0  0            999 V2000
    0.0000    0.0000    0.0000 C   0  0
    0.0000    0.1000    1.1600 O   0  0
    0.0000    0.1000   -1.1600 O   0  0
  1  2  1  0
  1  3  1  0
M  END
$$$$
"""


def test_bonds_and_charges_that_sdf_records_lack_are_not_needed(tmp_path):
    without = HYDROXIDE.format(bonds="  0", bond="")
    (molecule,) = read_molecules(write(tmp_path, "a.sdf", without))
    assert molecule.formula == "HO"
    # Four bonds and no charge, and double bonds written as single ones.
    ammonium = from_smiles("[NH4+]").positions
    atoms = "".join(f"{x:10.4f}{y:10.4f}{z:10.4f} {s}   0  0\n" for s, (x, y, z) in zip("NHHHH", ammonium, strict=True))
    bonds = "".join(f"  1  {at}  1  0\n" for at in range(2, 6))
    ion = f"ion\n     test           3D\n\n  5  4  0  0  0  0            999 V2000\n{atoms}{bonds}M  END\n$$$$\n"
    assert [m.formula for m in read_molecules(write(tmp_path, "b.sdf", ion + CARBON_DIOXIDE))] == ["H4N", "CO2"]
    heavy = CARBON_DIOXIDE.replace("1.1600", "1.4300")
    with pytest.raises(
        ValueError, match=r"c\.sdf:1: this SDF record lacks 4 hydrogen atoms; .*give an \.xyz if it is complete"
    ):
        read_molecules(write(tmp_path, "c.sdf", heavy))


def test_odd_sdf_records(tmp_path, monkeypatch):
    field = "> <y>\n1_234\n\n"
    (molecule,) = read_molecules(write(tmp_path, "a.sdf", CARBON_DIOXIDE.replace("$$$$", f"{field}$$$$")))
    assert molecule.properties["y"] == "1_234"
    twice = CARBON_DIOXIDE.replace("$$$$", f"{field}{field}$$$$")
    with pytest.raises(ValueError, match=r"b\.sdf:14: must have each data field once, got 'y' at line 11 too"):
        read_molecules(write(tmp_path, "b.sdf", twice))
    from rdkit import Chem

    class Supplier:
        def SetData(self, *_, **__):
            raise RuntimeError("Invariant Violation\n\tbad")

    monkeypatch.setattr(Chem, "SDMolSupplier", Supplier)
    result = read_molecules(write(tmp_path, "c.sdf", CARBON_DIOXIDE * 2), on_error="collect")
    assert [problem.line for problem in result.problems] == [1, 12]
    assert "RDKit cannot read this SDF record: Invariant Violation; give an .xyz, which" in str(result.problems[0])


# XYZ


@pytest.mark.parametrize("odd", ["\u2028", "\x0b", "\x0c", "\x1c", "\x1e", "\x85", "\r"])
def test_odd_separators_in_comments_shift_no_line(tmp_path, odd):
    path = write(tmp_path, "a.xyz", frame(f"two{odd}parts") + frame().replace("O", "Xx"))
    result = read_molecules(path, on_error="collect")
    assert (result[0].name, result.problems[0].line) == (f"two{odd}parts", 8)


def test_line_ends_of_other_systems(tmp_path):
    for end in ("\r\n", "\r"):
        assert read_molecules(write(tmp_path, "a.xyz", frame().replace("\n", end)))[0].name == "water"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (frame().replace("0.117", "0.1_17"), r"a\.xyz:3: must have three coordinates, got"),
        (frame("e=1 e=2"), r"a\.xyz:2: must have each key once, got e=1 and e=2"),
        (
            frame("Properties=species:S:1:pos:R:3:pos:R:3"),
            "Properties must be triples name:type:columns, each name once",
        ),
        (frame("Properties=species:S:1_0:pos:R:3"), "Properties must be triples"),
        ("9" * 5000 + frame()[1:], r"a\.xyz:1: must be a number of atoms, got '999"),
    ],
)
def test_odd_xyz_files(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_molecules(write(tmp_path, "a.xyz", text))


# CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(tmp_path, delimiter):
    rows = [
        ["cas", "smiles", "Name", "mu [D]"],
        ["007", "O", "water", "1.85"],
        ["", "", "", ""],
        ["12", "C", "me", "0"],
    ]
    path = write(tmp_path, "a.csv", "\r\n".join(map(delimiter.join, rows)))
    result = read_molecules(path)
    assert result.lines == (2, 4)
    assert (result[0].name, result[0].properties["mu [D]"]) == ("water", 1.85)
    assert result[0].origin is not None
    assert result[0].origin.cells == {"cas": "007", "mu [D]": "1.85"}
    assert read_run_data(path, ["mu"]).units == {"mu": "D"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("smiles,y,y\nC,1,2\n", r"a\.csv:1: must have columns of different names, got 'y' twice; rename one"),
        ("smiles;SMILES\nC;C\n", r"a\.csv:1: must have columns of different names, got 'SMILES' twice"),
        ("a;y\nC;1\n", r"a\.csv:1: must have a column smiles, got a, y"),
        ("smiles,y\nC\n", r"a\.csv:2: must have 2 columns, got 1"),
        ('smiles,y\nC,"1\n', r"a\.csv:2: must be a row of a CSV file: unexpected end of data"),
    ],
)
def test_odd_tables(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_molecules(write(tmp_path, "a.csv", text))


def test_rows_that_are_no_csv_cost_one_line_each(tmp_path):
    long = "x" * 140_000
    path = write(tmp_path, "a.csv", f'smiles,y\nC,1\nO,{long}\nC,"a"b\nN,"two\nlines"\nO,"open\nO,2\n')
    result = read_molecules(path, on_error="collect")
    assert result.lines == (2, 5, 8)
    assert [problem.line for problem in result.problems] == [3, 4, 7]
    assert "field larger than field limit (131072)" in result.problems[0].message


def test_predictions_keep_the_columns_and_lines_of_their_input(tmp_path):
    table = 'cas,smiles,id,H [meV],Formula,note\n007,O,w,1.50,x,"two\nlines"\n,C,m,,y,=1\n'
    first = read_molecules(write(tmp_path, "a.csv", table))
    second = read_molecules(write(tmp_path, "b.smi", "\nN\n"))
    write_predictions(tmp_path / "out.csv", first.molecules, {"H": np.arange(2.0)}, {"H": "meV"})
    with (tmp_path / "out.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["name", "formula", "smiles", "line", "cas", "H [meV] (input)", "Formula (input)", "note", "H [meV]"],
            ["w", "H2O", "O", "2", "007", "1.50", "x", "two\nlines", "0"],
            ["m", "CH4", "C", "4", "", "", "y", "'=1", "1"],
        ]
    both = [*first, *second, from_smiles("CC")]
    write_predictions(tmp_path / "out.csv", both, {"y": np.arange(4.0)}, {"y": ""})
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = [[row["file"], row["line"], row["cas"], row["y"]] for row in csv.DictReader(file)]
    paths = [str(tmp_path / name) for name in ("a.csv", "b.smi")]
    assert rows[0] == [paths[0], "2", "007", "0"]
    assert rows[2:] == [[paths[1], "2", "", "2"], ["", "", "", "3"]]


# Values to learn


@pytest.mark.parametrize("cell", ["", "NA", ">10", '"1,5"', "1_234", "nan", "1e999"])
def test_a_single_gap_is_left_out_by_line(tmp_path, cell):
    path = write(tmp_path, "a.csv", f"smiles,y\nC,1\nO,{cell}\nN,3\n")
    data = read_run_data(path, ["y"])
    np.testing.assert_array_equal(data.values["y"], [1, 3])
    (problem,) = data.problems
    assert problem.line == 3
    value = repr(float(cell)) if cell in ("nan", "1e999") else repr(cell.strip('"'))
    assert problem.message.startswith(f"'y' must be a number, got {value}")
    with pytest.raises(ValueError, match=r"b\.csv:2: 'y' must be a number, got .*; none of 1 records has one"):
        read_run_data(write(tmp_path, "b.csv", f"smiles,y\nC,{cell}\n"), ["y"])


def test_gaps_of_several_properties_are_nan_and_told(tmp_path):
    path = write(tmp_path, "a.csv", "smiles,y,z\nC,1,2\nO,,4\nN,5,x\nCC,,\n")
    told = r"a\.csv: 'y' has no value in 1 of 4 records, which are used for the other targets only \(line 3: ''\)"
    with pytest.warns(FileWarning, match=told), pytest.warns(FileWarning, match=r"'z' has no .*\(line 4: 'x'\)"):
        data = read_run_data(path, ["y", "z"])
    np.testing.assert_array_equal(data.values["y"], [1, np.nan, 5])
    np.testing.assert_array_equal(data.values["z"], [2, 4, np.nan])
    (problem,) = data.problems
    assert (problem.line, problem.message) == (5, "'y' must be a number, got ''; 'z' must be a number, got ''")


@pytest.mark.usefixtures("untyped")
def test_gaps_have_no_part_in_losses_and_errors(model):
    molecules = MoleculeSet.from_molecules([Molecule(np.array([8, 1, 1]), WATER)] * 3)
    outputs = jnp.array([[1.0, 2.0], [3.0, 5.0], [9.0, 9.0]])
    targets = {"a": np.array([0.0, np.nan, 0.0], np.float32), "b": np.array([np.nan, 1.0, 0.0], np.float32)}
    batch = Batch(pad_molecules([molecules[0]] * 3), targets, np.array([1.0, 1.0, 0.0], np.float32), np.arange(3))
    config = RunConfig(augmentation=False)
    measure: Any = make_loss(config, gaps=True)

    def run(x):
        return measure(lambda *_: (x, None), None, batch, jax.random.key(0))[0]

    value, slope = jax.value_and_grad(run)(outputs)
    assert float(value) == (1 + 4) / 2
    np.testing.assert_array_equal(slope, [[0.5, 0], [0, 0.5], [0, 0]])
    right = {"a": np.array([0, np.nan, 2.0]), "b": np.full(3, np.nan)}
    assert mean_errors(model, molecules, right) == {"a": 1.0}
    summary = evaluate(model, molecules, right, {"all": np.arange(3)}).summary()
    assert summary["a"]["parts"] == {"all": {"molecules": 2, "mae": 1.0}}
    assert summary["b"]["parts"] == {"all": {"molecules": 0, "mae": None}}
    assert summary["b"]["mean_absolute_deviation"] is None


def test_columns_and_units_that_are_not_clear(tmp_path):
    both = write(tmp_path, "a.csv", "smiles,mu,mu [D]\nC,1,2\n")
    with pytest.raises(ValueError, match=r"a\.csv must hold one column 'mu', got 'mu', 'mu \[D\]'; rename one"):
        read_run_data(both, ["mu"])
    text = frame("e=1 e_unit=eV") + frame("e=1") + frame("e=23 e_unit=kcal/mol")
    with pytest.raises(ValueError, match=r"'e' must be in one unit, got 'eV' at .*:1 and 'kcal/mol' at .*:11; convert"):
        read_run_data(write(tmp_path, "b.xyz", text), ["e"])
    with pytest.raises(ValueError, match=r"which has 'e' in 'eV', got 'Hartree'; .*: leave `units` out"):
        read_run_data(write(tmp_path, "c.xyz", frame("e=1 e_unit=eV")), ["e"], ["Hartree"])


def test_labels_that_stand_out_are_named_by_line(tmp_path, rng):
    values = -100 + rng.normal(size=60)
    values[[7, 20]] = 1e30, -160
    path = write(tmp_path, "a.xyz", "".join(frame(f"e={float(value)}") for value in values))
    with pytest.warns(FileWarning, match=r"a\.xyz:101: 'e' is -160, \d+ robust standard deviations from a linear fit"):
        data = read_run_data(path, ["e"])
    (problem,) = data.problems
    assert (problem.line, problem.message) == (36, "'e' must be a number, got 1e+30, far beyond the others")
    assert data.values["e"].size == 59


def test_ordinary_labels_do_not_stand_out(rng):
    molecules = [Molecule(np.array([6] * int(n)), np.eye(3)[: int(n)]) for n in rng.integers(1, 4, 400)]
    data = MoleculeSet.from_molecules(molecules)
    for values in (
        rng.normal(size=400),
        np.exp(rng.normal(size=400)),
        (rng.random(400) < 0.02).astype(float),
        np.full(400, 3.0),
        np.array([7.0 * len(molecule) for molecule in molecules]),
        rng.poisson(0.3, 400).astype(float),
    ):
        assert find_outliers(data, values) == ({}, {})
    assert find_outliers(data, np.where(np.arange(400) == 9, 1e30, 1.0))[1].keys() == {9}


def test_a_plot_of_a_broken_file_names_the_line(tmp_path, capsys):
    path = write(tmp_path, "a.xyz", frame().replace("O", "Xx"))
    assert main(["plot", "spheres", str(path)]) == 2
    assert capsys.readouterr().err == f"molsphere plot spheres: {path}:3: 'Xx' is not an element\n"
