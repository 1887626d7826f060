"""Molecules out of files and predictions into them: every format, every broken record by its line."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from molsphere import Molecule, from_smiles, read_molecules, write_predictions
from spinnn.files import FileWarning

WATER_XYZ = """3
water
O 0.0 0.0 0.1
H 0.0 0.76 -0.5
H 0.0 -0.76 -0.5
"""

ETHENE_SDF = """ethene
     test           3D

  6  5  0  0  0  0            999 V2000
   -0.6500    0.0000    0.1000 C   0  0
    0.6500    0.0000    0.0000 C   0  0
   -1.2000    0.9000    0.0000 H   0  0
   -1.2000   -0.9000    0.0000 H   0  0
    1.2000    0.9000    0.0000 H   0  0
    1.2000   -0.9000    0.0000 H   0  0
  1  2  2  0
  1  3  1  0
  1  4  1  0
  2  5  1  0
  2  6  1  0
M  END
> <gap>
0.25

> <source>
by hand

$$$$
"""


def write(folder, name: str, text: str):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_xyz(tmp_path):
    numbered = WATER_XYZ.replace("O ", "8 ").replace("H ", "h ")
    result = read_molecules(write(tmp_path, "a.xyz", WATER_XYZ + "\n\n" + numbered + "\n"))
    assert [m.formula for m in result] == ["H2O", "H2O"]
    assert result[0].name == "water"
    assert not result.problems
    np.testing.assert_array_equal(result[1].positions, [[0, 0, 0.1], [0, 0.76, -0.5], [0, -0.76, -0.5]])


def test_extended_xyz(tmp_path):
    text = """2
Properties=tag:I:1:pos:R:3:species:S:1 name="hydrogen \\"gas\\"" energy=-1.17 unit=hartree pbc="F F F"
5 0 0 0 H
6 0 0 7.4*^-1 H
"""
    with pytest.warns(FileWarning, match=r"a\.extxyz: not used: tag \(in 1 of 1 records\); networks see elements"):
        (molecule,) = read_molecules(write(tmp_path, "a.extxyz", text))
    assert molecule.name == 'hydrogen "gas"'
    assert molecule.properties == {"energy": -1.17, "unit": "hartree"}
    np.testing.assert_array_equal(molecule.positions, [[0, 0, 0], [0, 0, 0.74]])


def test_qm9_files_are_xyz_too(tmp_path, qm9_record):
    """Their three last lines are no records, and their exponents are Mathematica's."""
    result = read_molecules(write(tmp_path, "a.xyz", qm9_record(1) + qm9_record(7) + WATER_XYZ))
    assert [m.name for m in result] == ["gdb_1", "gdb_7", "water"]
    assert result[0].positions[3, 2] == -8.4813e-6
    assert result[1].properties["H"] == -40.475117
    assert result[1].properties["Cv"] == 6.469


def test_sdf(tmp_path):
    mol = ETHENE_SDF.split("M  END")[0] + "M  END\n"
    result = read_molecules(write(tmp_path, "a.sdf", ETHENE_SDF + mol))
    assert [m.formula for m in result] == ["C2H4", "C2H4"]
    assert result[0].name == "ethene"
    assert result[0].properties == {"gap": 0.25, "source": "by hand"}
    np.testing.assert_allclose(result[0].positions[2], [-1.2, 0.9, 0])


def test_smiles(tmp_path):
    text = "SMILES name\nCCO ethyl alcohol\n# a comment\n\nO\n"
    result = read_molecules(write(tmp_path, "a.smi", text))
    assert [(m.name, m.formula) for m in result] == [("ethyl alcohol", "C2H6O"), ("O", "H2O")]
    assert result[0].properties["smiles"] == "CCO"


def test_csv(tmp_path):
    path = write(tmp_path, "a.csv", '\ufeffid,SMILES,gap,note\nx1,"CCO",0.25,fine\nx2,O,,\n')
    first, second = read_molecules(path)
    assert (first.name, first.formula) == ("x1", "C2H6O")
    assert (first.properties["gap"], first.properties["note"]) == (0.25, "fine")
    assert second.properties["gap"] == ""


def test_geometries_from_smiles_are_reasonable_and_reproducible():
    first, again, other = from_smiles("CCO"), from_smiles("CCO"), from_smiles("CCO", seed=5)
    np.testing.assert_array_equal(first.positions, again.positions)
    assert np.max(np.abs(first.positions - other.positions)) > 1e-3
    distance = np.linalg.norm(first.positions[0] - first.positions[1])
    assert 1.45 < distance < 1.60
    assert isinstance(first.properties["mmff94_energy"], float)


@pytest.mark.parametrize(
    ("smiles", "message"),
    [
        ("", "`smiles` must be the SMILES of a molecule, got ''"),
        ("C(C", r"`smiles` must be the SMILES of a molecule, got 'C\(C'"),
        ("C(C)(C)(C)(C)C", "`smiles` must be a possible molecule.*Explicit valence for atom # 0 C, 5"),
        ("C*", "`smiles` must name every atom, got 'C.' with a wildcard"),
        ("[U]", r"`smiles` must be of atoms that MMFF94 has parameters for, got '\[U\]'"),
    ],
)
def test_bad_smiles(smiles, message):
    with pytest.raises(ValueError, match=message):
        from_smiles(smiles)


@pytest.mark.usefixtures("untyped")
def test_smiles_of_another_type():
    with pytest.raises(TypeError, match="`smiles` must be a string, got 3"):
        from_smiles(3)  # pyright: ignore[reportArgumentType]


BROKEN_XYZ = [
    ("Xx 0 0 0", 3, "'Xx' is not an element"),
    ("C 0 0", 3, "must be a symbol and three coordinates, got 'C 0 0'"),
    ("C 0 0 zero", 3, "must have three coordinates, got 'C 0 0 zero'"),
    ("C 0 nan 0", 3, "coordinates must be finite, got 'C 0 nan 0'"),
    ("H 0.0 0.76 -0.5", 1, r"must keep atoms apart, got atoms 0 and 1 both at \[0\.0, 0\.76, -0\.5\]"),
]


@pytest.mark.parametrize(("line", "where", "message"), BROKEN_XYZ)
def test_broken_xyz_records_are_reported_by_line_and_the_rest_read(tmp_path, line, where, message):
    broken = WATER_XYZ.replace("O 0.0 0.0 0.1", line)
    path = write(tmp_path, "a.xyz", WATER_XYZ + broken + WATER_XYZ)
    with pytest.raises(ValueError, match=rf"a\.xyz:{5 + where}: .*{message}"):
        read_molecules(path)
    result = read_molecules(path, on_error="collect")
    assert result.lines == (1, 11)
    (problem,) = result.problems
    assert problem.line == 5 + where
    assert str(problem).startswith(f"{path}:{5 + where}: ")


def test_a_comment_that_is_a_number_starts_no_record(tmp_path):
    twice = WATER_XYZ.replace("water", "7").replace("O 0.0 0.0 0.1", "O 0.0 0.76 -0.5")
    result = read_molecules(write(tmp_path, "a.xyz", twice + WATER_XYZ), on_error="collect")
    assert [m.name for m in result] == ["water"]
    assert [problem.line for problem in result.problems] == [1]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("many\nwater\n" + WATER_XYZ, 1, "must be a number of atoms, got 'many'"),
        ("0\nnothing\n" + WATER_XYZ, 1, "must be at least one atom, got 0"),
        (WATER_XYZ + "4\nmore\nH 0 0 0\n", 8, "4 atoms are announced, the file ends after 1"),
        (WATER_XYZ.replace("3\n", "4\n") + WATER_XYZ, 6, "must be a symbol and three coordinates, got '3'"),
        (WATER_XYZ + "1\nProperties=pos:R:3\nH 0 0 0\n", 7, "Properties must hold species and pos"),
        (WATER_XYZ + "1\nProperties=pos:R\nH 0 0 0\n", 7, "Properties must be triples"),
        (WATER_XYZ + '1\npbc="T T T" a=1\nH 0 0 0\n', 7, "must be an isolated molecule, got a periodic structure"),
        (WATER_XYZ + '1\nPBC="1 0 0"\nH 0 0 0\n', 7, "must be an isolated molecule, got a periodic structure"),
        (
            WATER_XYZ + "1\npbc=[True, False, False]\nH 0 0 0\n",
            7,
            "must be an isolated molecule, got a periodic structure",
        ),
        (WATER_XYZ + '1\npbc="false true no"\nH 0 0 0\n', 7, "must be an isolated molecule, got a periodic structure"),
        (
            WATER_XYZ + '1\nLattice="5 0 0 0 5 0 0 0 5" a=1\nH 0 0 0\n',
            7,
            "must be an isolated molecule, got a periodic structure",
        ),
    ],
)
def test_broken_xyz_files(tmp_path, text, line, message):
    result = read_molecules(write(tmp_path, "a.xyz", text), on_error="collect")
    assert [m.name for m in result] == ["water"]
    assert [problem.line for problem in result.problems] == [line]
    assert message in result.problems[0].message


ATOM = "   -0.6500    0.0000    0.1000 C   0  0"


@pytest.mark.parametrize(
    ("before", "after", "line", "message"),
    [
        (ATOM, ATOM.replace("C ", "Xx"), 5, "'Xx' is not an element"),
        (ATOM, ATOM.replace("0.1000", "   nan"), 5, "must be three finite coordinates and a symbol"),
        (ATOM, ATOM.replace("0.1000", "abcdef"), 5, "must be three finite coordinates and a symbol"),
        ("  6  5", "  x  5", 4, "must be the counts of atoms and bonds"),
        ("  6  5", " 60  5", 22, "60 atoms are announced, the record ends after 18"),
        ("  2  6  1  0", "  2  9  1  0", 1, "RDKit cannot read this SDF record"),
        (
            ATOM,
            ATOM.replace("-0.6500", " 0.6500").replace("0.1000", "0.0000"),
            1,
            "must keep atoms apart, got atoms 0 and 1",
        ),
    ],
)
def test_broken_sdf_records_are_reported_by_line_and_the_rest_read(tmp_path, before, after, line, message):
    assert before in ETHENE_SDF
    path = write(tmp_path, "a.sdf", ETHENE_SDF + ETHENE_SDF.replace(before, after) + ETHENE_SDF)
    result = read_molecules(path, on_error="collect")
    length = ETHENE_SDF.count("\n")
    assert result.lines == (1, 2 * length + 1)
    (problem,) = result.problems
    assert problem.line == length + line
    assert message in problem.message
    with pytest.raises(ValueError, match=rf"a\.sdf:{problem.line}: "):
        read_molecules(path)


def test_flat_and_short_sdf_records(tmp_path):
    planar = ETHENE_SDF.replace("0.1000", "0.0000")
    assert len(read_molecules(write(tmp_path, "planar.sdf", planar))) == 1
    flat = planar.replace("3D", "2D")
    result = read_molecules(write(tmp_path, "a.sdf", flat + "junk\n$$$$\n"), on_error="collect")
    assert [problem.line for problem in result.problems] == [1, 24]
    assert "has no 3D coordinates" in result.problems[0].message
    assert "at least four lines, got 1" in result.problems[1].message


def test_broken_smiles_and_csv_lines_are_reported_and_the_rest_read(tmp_path):
    result = read_molecules(write(tmp_path, "a.smi", "O\nC(C bad\nN\n"), on_error="collect")
    assert [m.formula for m in result] == ["H2O", "H3N"]
    assert [problem.line for problem in result.problems] == [2]
    result = read_molecules(write(tmp_path, "a.csv", "smiles,y\nO,1\nO\nC(,2\nO,1,2\n"), on_error="collect")
    assert [m.formula for m in result] == ["H2O"]
    assert [problem.line for problem in result.problems] == [3, 4, 5]
    assert [problem.message for problem in result.problems][::2] == [
        "must have 2 columns, got 1",
        "must have 2 columns, got 3",
    ]


@pytest.mark.parametrize("name", ["a.xyz", "a.sdf", "a.smi", "a.csv"])
def test_empty_files(tmp_path, name):
    for text in ("", "\n\n"):
        with pytest.raises(ValueError, match=rf"{name.replace('.', '.')}.*must h"):
            read_molecules(write(tmp_path, name, text), on_error="collect")


@pytest.mark.usefixtures("untyped")
def test_bad_files_and_options(tmp_path):
    with pytest.raises(ValueError, match=r"`path` must end in one of \.xyz, .*or `format` be given, got '.*a\.dat'"):
        read_molecules(write(tmp_path, "a.dat", WATER_XYZ))
    assert len(read_molecules(tmp_path / "a.dat", format="xyz")) == 1
    with pytest.raises(ValueError, match="`format` must be one of 'xyz', 'sdf', 'smiles', 'csv', got 'pdb'"):
        read_molecules(tmp_path / "a.dat", format="pdb")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="`on_error` must be one of 'raise', 'collect', got 'ignore'"):
        read_molecules(tmp_path / "a.dat", on_error="ignore")  # pyright: ignore[reportArgumentType]
    with pytest.raises(FileNotFoundError):
        read_molecules(tmp_path / "none.xyz")
    with pytest.raises(ValueError, match=r"a\.csv:1: must have a column smiles, got name, y"):
        read_molecules(write(tmp_path, "a.csv", "name,y\n1,2\n"))
    (tmp_path / "b.xyz").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"b\.xyz must be UTF-8 text: .* at byte 0"):
        read_molecules(tmp_path / "b.xyz")


MOLECULES = [from_smiles("O", name='wa"ter'), Molecule(np.array([1, 1]), np.eye(2, 3))]


def test_predictions_as_csv(tmp_path):
    path = tmp_path / "new" / "out.csv"
    write_predictions(path, MOLECULES, {"H": np.array([-1.25, 2e-7]), "n": [1.0, 2.0]}, {"H": "meV", "n": ""})
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["name", "formula", "smiles", "H [meV]", "n"],
        ['wa"ter', "H2O", "O", "-1.25", "1"],
        ["", "H2", "", "2e-07", "2"],
    ]
    assert [p.name for p in path.parent.iterdir()] == ["out.csv"]


def test_predictions_as_extended_xyz_can_be_read_again(tmp_path):
    path = tmp_path / "out.xyz"
    write_predictions(path, MOLECULES, {"H": np.array([-1.25, 2e-7])}, {"H": "meV"})
    first, second = read_molecules(path)
    assert first.name == 'wa"ter'
    assert first.properties == {"smiles": "O", "H": -1.25, "H_unit": "meV"}
    np.testing.assert_allclose(first.positions, MOLECULES[0].positions, atol=1e-9)
    assert second.properties["H"] == 2e-7


@pytest.mark.usefixtures("untyped")
def test_bad_predictions_leave_no_file(tmp_path):
    values = {"H": np.zeros(2)}
    with pytest.raises(ValueError, match=r"`path` must end in \.csv, \.xyz or \.extxyz, got"):
        write_predictions(tmp_path / "a.txt", MOLECULES, values, {"H": "meV"})
    with pytest.raises(ValueError, match=r"`units` must name the unit of 'H', got \[\]"):
        write_predictions(tmp_path / "a.csv", MOLECULES, values, {})
    with pytest.raises(ValueError, match=r"one value per molecule, shape \(2,\), got \(3,\) for 'H'"):
        write_predictions(tmp_path / "a.csv", MOLECULES, {"H": np.zeros(3)}, {"H": "meV"})
    with pytest.raises(ValueError, match=r"underscores in extended XYZ, got 'H at'; write a \.csv"):
        write_predictions(tmp_path / "a.xyz", MOLECULES, {"H at": np.zeros(2)}, {"H at": "meV"})
    for name, message in (
        ("=H", "not spreadsheet formulas"),
        (" H", "without spaces at the ends"),
        ("H\x1b", "of printable characters"),
        ("Name", "other than name, formula, smiles"),
    ):
        with pytest.raises(ValueError, match=f"`predictions` must have names .*({message}).*rename it in the data"):
            write_predictions(tmp_path / "a.csv", MOLECULES, {name: np.zeros(2)}, {name: "meV"})
    with pytest.raises(ValueError, match="`units` must be printable, got 'e\\\\nV' for 'H'"):
        write_predictions(tmp_path / "a.csv", MOLECULES, {"H": np.zeros(2)}, {"H": "e\nV"})
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = write(tmp_path, "out.csv", "old")
    monkeypatch.setattr(Molecule, "formula", property(lambda self: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        write_predictions(path, MOLECULES, {"H": [1.0, 2.0]}, {"H": "meV"})
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]
