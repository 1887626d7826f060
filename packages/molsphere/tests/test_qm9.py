"""QM9 out of archives, folders and arrays; its targets, scalings and splits."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile

import jax
import numpy as np
import pytest

from molsphere import (
    ATOMIC_REFERENCES,
    TARGETS,
    Molecule,
    MoleculeSet,
    Splits,
    TargetScaling,
    qm9_splits,
    random_splits,
    read_molecules,
    read_qm9,
    read_uncharacterized,
    target,
    target_values,
)

MEV = 27211.386245988


def archive(path, members):
    """A tar of (name or TarInfo, text) pairs."""
    with tarfile.open(path, "w:bz2") as tar:
        for name, text in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


@pytest.fixture
def small(tmp_path, qm9_record):
    """An archive of four methanes, and a list that leaves out the third."""
    (tmp_path / "uncharacterized.txt").write_text("Title\n====\n#   Index  SMILES\n=====\n      3  C  C\n=====\n")
    members = [(f"./dsgdb9nsd_{n:06d}.xyz", qm9_record(n)) for n in (2, 1, 3, 4)]
    return archive(tmp_path / "dsgdb9nsd.xyz.tar.bz2", members)


def test_archive(small):
    data = read_qm9(small, num_molecules=4)
    assert data.left_out == 1
    assert str(data) == f"3 molecules of QM9 from {small}; 1 uncharacterised ones left out"
    np.testing.assert_array_equal(data.molecules.index, [1, 2, 4])
    assert data.molecules.positions.dtype == np.float64
    assert data.molecules.positions[3, 2] == -8.4813e-6
    assert data.molecules.properties["H"][0] == -40.475117
    assert set(TARGETS) <= set(data.molecules.properties)
    everything = read_qm9(small, num_molecules=4, uncharacterized=())
    assert (len(everything.molecules), everything.left_out) == (4, 0)
    chosen = read_qm9(small, num_molecules=None, uncharacterized=[1, 2])
    np.testing.assert_array_equal(chosen.molecules.index, [3, 4])
    assert sorted(p.name for p in small.parent.iterdir()) == [small.name, "uncharacterized.txt"]


def test_folder_and_npz_are_the_same_as_the_archive(small, tmp_path, qm9_record):
    wanted = read_qm9(small, num_molecules=4)
    folder = tmp_path / "files"
    folder.mkdir()
    for number in (1, 2, 3, 4):
        (folder / f"dsgdb9nsd_{number:06d}.xyz").write_text(qm9_record(number))
    (folder / "readme.txt").write_text("not a molecule")
    with pytest.raises(
        FileNotFoundError,
        match=r"must name the published list.*--uncharacterized none \(`uncharacterized=\(\)`\) keeps all",
    ):
        read_qm9(folder, num_molecules=4)
    (folder / "uncharacterized.txt").write_text("3 C C\n")
    from_folder = read_qm9(folder, num_molecules=4)
    wanted.save(tmp_path / "qm9.npz")
    from_npz = read_qm9(tmp_path / "qm9.npz")
    assert from_folder.left_out == 1
    for got in (from_folder.molecules, from_npz.molecules):
        np.testing.assert_array_equal(got.index, wanted.molecules.index)
        np.testing.assert_array_equal(got.positions, wanted.molecules.positions)
        np.testing.assert_array_equal(got.numbers, wanted.molecules.numbers)
        assert set(got.properties) == set(wanted.molecules.properties)
        for name, values in wanted.molecules.properties.items():
            np.testing.assert_array_equal(got.properties[name], values)


def link(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/hosts"
    return info


FIRST = "dsgdb9nsd_000001.xyz"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([(FIRST, 1)], "must hold the molecules 1 … 2: 1 missing, the first dsgdb9nsd_000002.xyz"),
        (
            [(FIRST, 1), ("dsgdb9nsd_000002.xyz", 2), ("dsgdb9nsd_000009.xyz", 9)],
            "1 too many, the first dsgdb9nsd_000009",
        ),
        ([(FIRST, 1), ("notes.txt", 2)], "member 'notes.txt' must be one of QM9's"),
        ([(FIRST, 1), (FIRST, 1)], "member 'dsgdb9nsd_000001.xyz' occurs twice"),
        ([("../" + FIRST, 1)], r"member '\.\./dsgdb9nsd_000001.xyz' would lie outside its folder"),
        ([("/tmp/" + FIRST, 1)], "member '/tmp/dsgdb9nsd_000001.xyz' would lie outside its folder"),
        ([(link(FIRST), 0)], "member 'dsgdb9nsd_000001.xyz' must be a plain file, not a link or device"),
        ([(FIRST, 2)], r"dsgdb9nsd_000001.xyz:2: must be 'gdb 1' with its properties, got 'gdb_2'"),
        ([(FIRST, "5\nbroken\n")], r"dsgdb9nsd_000001.xyz:2: 5 atoms are announced"),
        ([(FIRST, "")], "dsgdb9nsd_000001.xyz: must hold a molecule, got an empty file"),
        ([(FIRST, "1\ngdb x" + "\t1" * 15 + "\nC 0 0 0\n")], "dsgdb9nsd_000001.xyz:2: must be 'gdb', a number and 15"),
        ([(FIRST, "x" * 2**20 + "x")], "must be a small text, got 1048577 bytes"),
        ([], "must hold QM9's files"),
    ],
)
def test_bad_archives(tmp_path, qm9_record, members, message):
    contents = [(name, qm9_record(what) if isinstance(what, int) and what else what or "") for name, what in members]
    path = archive(tmp_path / "a.tar.bz2", contents)
    with pytest.raises(ValueError, match=message):
        read_qm9(path, num_molecules=2, uncharacterized=())


def test_archives_that_are_none(small, tmp_path):
    whole = small.read_bytes()
    (tmp_path / "cut.tar.bz2").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cut\.tar\.bz2 must be a whole tar archive"):
        read_qm9(tmp_path / "cut.tar.bz2", num_molecules=4)
    (tmp_path / "text.tar.bz2").write_text("no archive")
    with pytest.raises(ValueError, match=r"text\.tar\.bz2 must be a whole tar archive"):
        read_qm9(tmp_path / "text.tar.bz2", num_molecules=4)
    with pytest.raises(FileNotFoundError, match=r"found no .*none\.tar\.bz2"):
        read_qm9(tmp_path / "none.tar.bz2")


def npz(path, **changes):
    arrays = {
        "positions": np.array([[[0, 0, 0], [0, 0, 0.8]]]),
        "charges": np.array([[1, 1]]),
        "num_atoms": np.array([2]),
        "index": np.array([5]),
        "H": np.array([-1.0]),
        **changes,
    }
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"charges": None}, "got none named charges"),
        ({"positions": np.zeros((1, 3, 3))}, r"must hold positions \(N, A, 3\).*: positions \(1, 3, 3\)"),
        ({"num_atoms": np.array([1])}, "then zeros; molecule 5 has others"),
        ({"positions": np.full((1, 2, 3), np.nan)}, "must hold finite positions; molecule 5 has others"),
        ({"positions": np.zeros((1, 2, 3))}, "must keep atoms apart; molecule 5 has atoms 0 and 1 at one place"),
        ({"index": np.array([{}], dtype=object)}, "must hold index as integers, got object"),
        ({"positions": np.zeros((1, 2, 3), object)}, "must hold positions as floats, got object"),
        ({"charges": np.ones((1, 2))}, "must hold charges as integers, got float64"),
    ],
)
def test_bad_npz(tmp_path, changes, message):
    assert len(read_qm9(npz(tmp_path / "good.npz")).molecules) == 1
    with pytest.raises(ValueError, match=message):
        read_qm9(npz(tmp_path / "a.npz", **changes))


def member(shape: tuple[int, ...], dtype: str, data: bytes = b"") -> bytes:
    """An array as an .npz holds it, with a header that need not be true."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"shape": shape, "fortran_order": False, "descr": dtype})
    return head.getvalue() + data


def test_of_an_npz_only_what_is_needed_is_read(tmp_path):
    path = npz(tmp_path / "a.npz")
    with zipfile.ZipFile(path, "a") as file:
        # Each would fail if it were read: what its header announces is not there.
        for name, shape, dtype in (("huge", (2**40,), "<f8"), ("thing_thermo", (1,), "<f8"), ("objects", (1,), "|O")):
            file.writestr(f"{name}.npy", member(shape, dtype))
    assert set(read_qm9(path).molecules.properties) == {"H"}
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("U.npy", member((1,), "<f8", bytes(4)))
    with pytest.raises(ValueError, match=r"a\.npz: 'U' must have 8 bytes, got 4"):
        read_qm9(path)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("notes.txt", "x")
    with pytest.raises(ValueError, match=r"must be an \.npz of plain arrays, got the member 'notes\.txt'"):
        read_qm9(path)


@pytest.mark.parametrize(
    ("kind", "message"),
    [("pax", "must have a header of at most 65,536 bytes, got 100,01"), ("gnu", "header of at most 65,536 bytes"),
     ("sparse", "must be a plain file, not a sparse one")],
)  # fmt: skip
def test_headers_of_archives_that_would_fill_memory(tmp_path, kind, message):
    info = tarfile.TarInfo(FIRST if kind != "gnu" else "x" * 100_000)
    if kind == "pax":
        info.pax_headers = {"comment": "x" * 100_000}
    if kind == "sparse":
        info.type = tarfile.GNUTYPE_SPARSE
    form = tarfile.PAX_FORMAT if kind == "pax" else tarfile.GNU_FORMAT
    with tarfile.open(tmp_path / "a.tar.bz2", "w:bz2", format=form) as file:
        file.addfile(info)
    with pytest.raises(ValueError, match=rf"a\.tar\.bz2: member .*{message}"):
        read_qm9(tmp_path / "a.tar.bz2", uncharacterized=())


def test_an_npz_that_is_none(tmp_path):
    (tmp_path / "a.npz").write_text("text")
    with pytest.raises(ValueError, match=r"a\.npz must be an \.npz of plain arrays"):
        read_qm9(tmp_path / "a.npz")


def test_a_list_without_numbers(tmp_path):
    (tmp_path / "a.txt").write_text("nothing here\n")
    with pytest.raises(ValueError, match=r"a\.txt must list the numbers of molecules, found none"):
        read_uncharacterized(tmp_path / "a.txt")
    (tmp_path / "a.txt").write_bytes(b"1\n\xff\n")
    with pytest.raises(ValueError, match=r"a\.txt must be UTF-8 text: invalid start byte at byte 2"):
        read_uncharacterized(tmp_path / "a.txt")


def test_the_published_list(sphere_data):
    path = sphere_data / "qm9" / "uncharacterized.txt"
    if not path.is_file():
        pytest.skip(f"no {path}")
    numbers = read_uncharacterized(path)
    assert len(numbers) == 3054
    assert {58, 61, 80, 133866} <= numbers


def test_real_molecules(qm9_npz):
    data = read_qm9(qm9_npz)
    assert len(data.molecules) == 11_000
    assert data.left_out == 0
    assert data.molecules.species == (1, 6, 7, 8, 9)
    with np.load(qm9_npz, allow_pickle=False) as file:
        for name, column in (("H", "H_thermo"), ("U0", "U0_thermo"), ("G", "G_thermo"), ("Cv", "Cv_thermo")):
            wanted = (file[name].astype(np.float64) - file[column]) * target(name).factor
            np.testing.assert_allclose(target_values(data.molecules, name), wanted, rtol=0, atol=1e-5)
            assert ATOMIC_REFERENCES[name][1] < 3


def test_one_real_raw_file(sphere_data):
    path = sphere_data / "qm9" / "dsgdb9nsd_000001.xyz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    (molecule,) = read_molecules(path)
    assert (molecule.name, molecule.formula) == ("gdb_1", "CH4")
    assert molecule.properties["U0"] == -40.47893


def test_atomic_references_are_those_of_the_published_file(sphere_data):
    path = sphere_data / "qm9" / "atomref.txt"
    if not path.is_file():
        pytest.skip(f"no {path}")
    number = {"H": 1, "C": 6, "N": 7, "O": 8, "F": 9}
    rows = [line.split() for line in path.read_text().splitlines() if line.split()[:1] and line.split()[0] in number]
    assert len(rows) == 5
    for symbol, zpve, *values in rows:
        assert float(zpve) == 0
        for column, value in zip(("U0", "U", "H", "G", "Cv"), values, strict=True):
            assert ATOMIC_REFERENCES[column][number[symbol]] == float(value)


def test_the_table_of_targets():
    assert list(TARGETS) == ["mu", "alpha", "homo", "lumo", "gap", "r2", "zpve", "U0", "U", "H", "G", "Cv"]
    assert {name for name, t in TARGETS.items() if t.unit == "Hartree"} == {
        "homo", "lumo", "gap", "zpve", "U0", "U", "H", "G",
    }  # fmt: skip
    for name, t in TARGETS.items():
        assert t.name == name
        assert (t.report_unit, t.factor) == (("meV", MEV) if t.unit == "Hartree" else (t.unit, 1.0))
        assert t.atomic_reference in (None, name)
    assert {name for name, t in TARGETS.items() if t.atomic_reference} == {"U0", "U", "H", "G", "Cv"}


def test_target_values_of_methane(small):
    molecules = read_qm9(small, num_molecules=4).molecules
    atoms = ATOMIC_REFERENCES["H"][6] + 4 * ATOMIC_REFERENCES["H"][1]
    np.testing.assert_allclose(target_values(molecules, "H"), (-40.475117 - atoms) * MEV, rtol=1e-12)
    np.testing.assert_allclose(target_values(molecules, "H", atomization=False), -40.475117 * MEV, rtol=1e-12)
    np.testing.assert_allclose(target_values(molecules, "gap"), 0.5048 * MEV, rtol=1e-12)
    np.testing.assert_allclose(target_values(molecules, "alpha"), 13.21)


def two_atoms(numbers, **properties) -> MoleculeSet:
    return MoleculeSet.from_molecules([Molecule(np.array(numbers), np.eye(2, 3), "", properties)])


def test_bad_targets():
    with pytest.raises(ValueError, match=r"`name` must be one of mu, alpha, .*, got 'energy'"):
        target("energy")
    with pytest.raises(ValueError, match=r"`name` must be a property of the molecules, \['gap'\], got 'H'"):
        target_values(two_atoms([1, 1], gap=1.0), "H")
    with pytest.raises(ValueError, match="'H' must be finite, got nan for molecule 0"):
        target_values(two_atoms([1, 1], H=float("nan")), "H")
    with pytest.raises(ValueError, match=r"'H' has atomic references for \(1, 6, 7, 8, 9\), got elements \[16\] too"):
        target_values(two_atoms([1, 16], H=1.0), "H")


def random_set(rng, count=50, species=(1, 6, 8)) -> MoleculeSet:
    sizes = rng.integers(2, 6, count)
    total = int(sizes.sum())
    return MoleculeSet(
        sizes, rng.choice(species, total).astype(np.int32), rng.normal(size=(total, 3)), np.arange(count)
    )


def test_composition_regression_finds_what_composition_explains(rng):
    data = random_set(rng)
    values = data.composition((1, 6, 8)) @ [-1.0, -30.0, 5.0] + 2.0
    noise = rng.normal(size=50)
    exact = TargetScaling.fit(data, values)
    np.testing.assert_allclose(exact.references, [-1, -30, 5], rtol=1e-9)
    np.testing.assert_allclose(exact.intercept, 2, rtol=1e-9)
    assert exact.scale == 1
    scaling = TargetScaling.fit(data, values + noise)
    scaled = scaling.scale_values(data, values + noise)
    np.testing.assert_allclose([scaled.mean(), scaled.std()], [0, 1], atol=1e-9)
    restored = jax.jit(scaling.restore)(scaled.astype(np.float32), data.pad(np.arange(50), 6).numbers)
    np.testing.assert_allclose(restored, values + noise, rtol=1e-5, atol=1e-3)
    assert TargetScaling.from_json(json.loads(json.dumps(scaling.to_json()))) == scaling


def test_scaling_sees_the_training_part_alone(rng):
    """What stands elsewhere changes nothing, and a species that training lacks contributes nothing."""
    data = random_set(rng)
    values = rng.normal(size=50)
    scaling = TargetScaling.fit(data, values, species=(1, 6, 7, 8, 9))
    assert scaling.references[2] == scaling.references[4] == 0
    mean = TargetScaling.fit(data, values, method="mean")
    assert mean.references == (0, 0, 0)
    np.testing.assert_allclose([mean.intercept, mean.scale], [values.mean(), values.std()])
    none = TargetScaling.fit(data, values, method="none")
    np.testing.assert_array_equal(none.scale_values(data, values), values)
    constant = TargetScaling.fit(data, np.full(50, 3.0), method="mean")
    assert (constant.intercept, constant.scale) == (3, 1)


def test_scaling_with_gaps_is_that_of_the_molecules_that_have_values(rng):
    data, values = random_set(rng), rng.normal(size=50)
    known = np.arange(50) % 3 > 0
    scaling = TargetScaling.fit(data, np.where(known, values, np.nan), species=(1, 6, 8))
    assert scaling == TargetScaling.fit(data.subset(np.flatnonzero(known)), values[known], species=(1, 6, 8))
    np.testing.assert_array_equal(np.isnan(scaling.scale_values(data, np.where(known, values, np.nan))), ~known)


@pytest.mark.usefixtures("untyped")
def test_bad_scalings(rng):
    data = random_set(rng)
    with pytest.raises(ValueError, match=r"`values` must be finite or NaN.*got 49 numbers of shape \(49,\) for 50"):
        TargetScaling.fit(data, np.zeros(49))
    with pytest.raises(ValueError, match=r"got 0 numbers of shape \(50,\)"):
        TargetScaling.fit(data, np.full(50, np.nan))
    with pytest.raises(ValueError, match="`values` must be finite or NaN for none"):
        TargetScaling.fit(data, np.full(50, np.inf))
    with pytest.raises(ValueError, match="`method` must be one of 'none', 'mean', 'composition', got 'atoms'"):
        TargetScaling.fit(data, np.zeros(50), method="atoms")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"`species` must hold all of the training split, got \(1, 6\) without \[8\]"):
        TargetScaling.fit(data, np.zeros(50), species=(1, 6))
    with pytest.raises(ValueError, match=r"`molecules` must be of the species \(1, 6, 8\), got \[9\] too"):
        TargetScaling.fit(data, np.zeros(50)).baseline(two_atoms([1, 9]))
    with pytest.raises(ValueError, match=r"`fields` must be \['intercept', .*\], got \['scale'\]"):
        TargetScaling.from_json({"scale": 1.0})


def test_baselines_on_real_molecules(qm9_npz):
    """The mean and linear regression on composition, 9,000 training molecules: 8,101 and 837 meV."""
    molecules = read_qm9(qm9_npz).molecules
    values = target_values(molecules, "H")
    splits = random_splits(11_000, 9_000, 1_000)
    np.testing.assert_array_equal(splits.test, np.random.default_rng(0).permutation(11_000)[10_000:])
    training, test = molecules.subset(splits.train), molecules.subset(splits.test)
    error = {}
    for method in ("mean", "composition"):
        scaling = TargetScaling.fit(training, values[splits.train], method=method)
        error[method] = np.mean(np.abs(scaling.baseline(test) - values[splits.test]))
    assert round(error["mean"]) == 8101
    assert round(error["composition"]) == 837


def test_published_splits(sphere_data):
    """The drawn molecules of the .npz are all in Cormorant's test split, by their numbers."""
    splits = qm9_splits("cormorant")
    assert (splits.train.size, splits.validation.size, splits.test.size) == (100_000, 17_748, 13_083)
    files = [sphere_data / "qm9" / name for name in ("uncharacterized.txt", "qm9_11k.npz")]
    if not all(file.is_file() for file in files):
        pytest.skip(f"no {files}")
    excluded = read_uncharacterized(files[0])
    characterized = np.array([number for number in range(1, 133_886) if number not in excluded])
    with np.load(files[1], allow_pickle=False) as file:
        assert set(file["index"]) <= set(characterized[splits.test])


def test_the_larger_split_is_cut_from_the_same_draw():
    small, large = qm9_splits("cormorant"), qm9_splits("110k")
    assert (large.train.size, large.validation.size, large.test.size) == (110_000, 10_000, 10_831)
    assert set(small.train) < set(large.train)
    assert set(large.test) < set(small.test)


def test_splits_are_saved_and_loaded(tmp_path):
    splits = random_splits(20, 10, 4, 3, seed=7)
    assert str(splits) == "10 training, 4 validation, 3 test molecules"
    splits.save(tmp_path / "splits.npz")
    again = Splits.load(tmp_path / "splits.npz")
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(again, part), getattr(splits, part))
    assert again.total == 20
    assert [p.name for p in tmp_path.iterdir()] == ["splits.npz"]


@pytest.mark.usefixtures("untyped")
def test_bad_splits(tmp_path):
    with pytest.raises(ValueError, match=r"at most `total` = 10 together, got 8 \+ 3"):
        random_splits(10, 8, 3)
    with pytest.raises(ValueError, match=r"got 8 \+ 1 \+ 2"):
        random_splits(10, 8, 1, 2)
    with pytest.raises(ValueError, match="`train` must be at least 0, got -1"):
        random_splits(10, -1, 3)
    with pytest.raises(TypeError, match=r"`train` must be an integer, got 0\.5"):
        random_splits(10, 0.5, 3)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="`name` must be one of 'cormorant', '110k', got 'egnn'"):
        qm9_splits("egnn")  # pyright: ignore[reportArgumentType]
    with pytest.raises(
        ValueError, match="`total` must be 130831, QM9 without its uncharacterised molecules, got 11000"
    ):
        qm9_splits("cormorant", 11_000)
    with pytest.raises(ValueError, match="one split each, got a molecule twice"):
        Splits(np.array([1, 2]), np.array([2]), np.array([0]), 4)
    with pytest.raises(ValueError, match="indices must be within 4 molecules, got 0 … 4"):
        Splits(np.array([1, 2]), np.array([4]), np.array([0]), 4)
    np.savez(tmp_path / "a.npz", train=np.zeros(1))
    with pytest.raises(ValueError, match="must hold the arrays train, validation, test and total"):
        Splits.load(tmp_path / "a.npz")
    rows, no_rows = np.arange(2), np.zeros(0, np.int64)
    for wrong, message in (
        ({"train": np.zeros(2)}, "'train' must be integers along one axis, got float64"),
        ({"total": np.zeros(2, int)}, "'total' must be an integer, got int64"),
    ):
        np.savez(tmp_path / "a.npz", **{"train": rows, "validation": no_rows, "test": no_rows, "total": 2, **wrong})
        with pytest.raises(ValueError, match=message):
            Splits.load(tmp_path / "a.npz")
