"""Reading of QM9 from its published archive, a folder of its files, or an .npz."""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import itertools
import lzma
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from spinharm.failures import first_line
from spinnn.files import replacing

from .. import _checks
from .._molecules import distances
from .._molecules.dataset import MoleculeSet
from .._molecules.distances import LENGTH_UNITS, LengthUnit
from .._molecules.molecule import Molecule, coincident_pair
from . import xyz
from .npz import Header, read_arrays
from .text import read_text, split_lines

QM9_MOLECULES = 133_885
UNCHARACTERIZED_FILE = "uncharacterized.txt"
_MEMBER = re.compile(r"dsgdb9nsd_(\d{6})\.xyz")
# A record of 29 atoms has about 3 kB.
_LARGEST_MEMBER = 2**20
# Extended headers (long names, pax) have a few hundred bytes; tarfile reads their contents into memory.
_LARGEST_HEADER = 2**16
_EXTENSIONS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_COMPRESSED = {b"BZh": bz2.open, b"\x1f\x8b": gzip.open, b"\xfd7zXZ": lzma.open}
_NEEDED = ("positions", "charges", "num_atoms", "index")


@dataclasses.dataclass(frozen=True, eq=False)
class QM9:
    r"""The molecules of QM9 in ascending order of their numbers, and how many were left out.

    Attributes:
        molecules: The molecules; `index` is the gdb number, from 1, and `properties` are those of the file in its
            units.
        left_out: Number of uncharacterised molecules of the file that are left out.
        source: The file or folder.

    Examples:
        >>> from pathlib import Path
        >>> from molsphere import read_qm9
        >>> tail = "1.0\t2.0\n[H][H]\t[H][H]\nInChI\tInChI\n"
        >>> values = "\t".join(["0.5"] * 15)
        >>> _ = Path("dsgdb9nsd_000001.xyz").write_text(
        ...     f"2\ngdb 1\t{values}\nH\t0\t0\t0\t0.1\nH\t0\t0\t0.74\t-0.1\n{tail}"
        ... )
        >>> data = read_qm9(".", uncharacterized=(), num_molecules=1)
        >>> len(data.molecules), data.left_out
        (1, 0)
        >>> data.save("qm9.npz")
        >>> len(read_qm9("qm9.npz", num_molecules=1).molecules)
        1
    """

    molecules: MoleculeSet
    left_out: int
    source: Path

    def __str__(self) -> str:
        return (
            f"{len(self.molecules):,} molecules of QM9 from {self.source}; "
            f"{self.left_out:,} uncharacterised ones left out"
        )

    def save(self, path: str | Path) -> None:
        """Write an .npz, which `read_qm9` reads in seconds, under a temporary name that is then renamed.

        Args:
            path: The file.
        """
        data = self.molecules
        size = int(data.num_atoms.max()) if len(data) else 1
        padded = data.pad(np.arange(len(data)), size, dtype="float64")
        arrays: dict[str, Any] = {
            **data.properties,
            "num_atoms": data.num_atoms,
            "charges": padded.numbers,
            "positions": padded.positions,
            "index": data.index,
        }
        with replacing(path, "wb") as file:
            np.savez_compressed(file, **arrays)


def read_qm9(
    path: str | Path,
    *,
    uncharacterized: str | Path | Iterable[int] | None = None,
    num_molecules: int | None = QM9_MOLECULES,
    length_unit: LengthUnit | None = None,
) -> QM9:
    r"""Read QM9, without the uncharacterised molecules, whose geometry contradicts their SMILES (3,054 in all of QM9).

    | path | contents |
    |---|---|
    | `dsgdb9nsd.xyz.tar.bz2` | the published archive, read as a stream; nothing is extracted |
    | a folder | its files `dsgdb9nsd_000001.xyz`, … ; other files are ignored |
    | an .npz | arrays `positions` (N, A, 3) [Å], `charges` (N, A), `num_atoms`, `index`, and (N,) per property |

    Args:
        path: Archive, folder or .npz.
        uncharacterized: The published list, or the numbers themselves; default the file `uncharacterized.txt` beside
            the archive or the .npz, or in the folder. An archive or folder without it is refused (an .npz is not, as
            its molecules have been selected); `()` keeps all.
        num_molecules: Number of molecules that an archive or folder must hold, numbered from 1; None for any number.
        length_unit: Unit of positions in the file, `"angstrom"`, `"bohr"` or `"nm"`; molecules are in Å. Default Å, and
            data most of whose molecules have implausible distances are refused.

    Returns:
        The molecules.

    Raises:
        TypeError: Numbers that are not integers.
        FileNotFoundError: No such file, or no list of uncharacterised molecules.
        ValueError: Not an archive, a truncated one, or one with missing, repeated or extra members, or with members
            that are not plain files or outside its folder; a record that cannot be read; an .npz of another layout;
            more than half of the molecules with implausible distances, see `read_molecules`.

    References:
        Ramakrishnan, Dral, Rupp, von Lilienfeld, Quantum chemistry structures and properties of 134 kilo molecules
        (2014), doi:10.6084/m9.figshare.978904.

    Examples:
        >>> from pathlib import Path
        >>> from molsphere import read_qm9
        >>> tail = "1.0\t2.0\n[H][H]\t[H][H]\nInChI\tInChI\n"
        >>> values = "\t".join(["0.5"] * 15)
        >>> _ = Path("dsgdb9nsd_000001.xyz").write_text(
        ...     f"2\ngdb 1\t{values}\nH\t0\t0\t0\t0.1\nH\t0\t0\t0.74\t-0.1\n{tail}"
        ... )
        >>> data = read_qm9(".", uncharacterized=(), num_molecules=1)
        >>> data.molecules[0].formula
        'H2'
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"`path` must be QM9's archive, a folder of its files or an .npz, found no {path}")
    packed = path.suffix == ".npz"
    if num_molecules is not None:
        num_molecules = _checks.integer("num_molecules", num_molecules, 1)
    if length_unit is not None:
        _checks.option("length_unit", length_unit, tuple(LENGTH_UNITS))
    excluded = _excluded(path, uncharacterized, required=not packed)
    if packed:
        molecules = _read_npz(path)
    else:
        texts = _folder(path) if path.is_dir() else _archive(path)
        molecules = _collect(_records(texts, path), path, num_molecules)
    if length_unit not in (None, "angstrom"):
        molecules = dataclasses.replace(molecules, positions=molecules.positions * LENGTH_UNITS[length_unit])
    pairs = distances.closest_pairs(molecules.num_atoms, molecules.numbers, molecules.positions)
    distances.check_length_unit(pairs, length_unit, path)
    keep = ~np.isin(molecules.index, np.array(sorted(excluded), int))
    left_out = int((~keep).sum())
    if left_out:
        molecules = molecules.subset(np.flatnonzero(keep))
    return QM9(molecules, left_out, path)


def read_uncharacterized(path: str | Path) -> frozenset[int]:
    r"""Read the gdb numbers in the published `uncharacterized.txt`: the first word of each line, where it is a number.

    Args:
        path: The file.

    Returns:
        Numbers from 1.

    Raises:
        FileNotFoundError: No such file.
        ValueError: A file without numbers, or not a text file.

    Examples:
        >>> from pathlib import Path
        >>> from molsphere import read_uncharacterized
        >>> _ = Path("uncharacterized.txt").write_text("     58  C(=O)N  a reason\n     61  N1CC1  another\n")
        >>> sorted(read_uncharacterized("uncharacterized.txt"))
        [58, 61]
    """
    words = (line.split(None, 1)[:1] for line in read_text(Path(path)).splitlines())
    numbers = frozenset(int(word[0]) for word in words if word and word[0].isdecimal())
    if not numbers:
        raise ValueError(f"{path} must list the numbers of molecules, found none")
    return numbers


def _excluded(path: Path, given: str | Path | Iterable[int] | None, *, required: bool) -> frozenset[int]:
    if isinstance(given, str | Path):
        return read_uncharacterized(given)
    if given is not None:
        numbers = _checks.entries("uncharacterized", given, "a file, or numbers of molecules")
        return frozenset(_checks.count("uncharacterized", number) for number in numbers)
    beside = (path if path.is_dir() else path.parent) / UNCHARACTERIZED_FILE
    if beside.is_file():
        return read_uncharacterized(beside)
    if required:
        raise FileNotFoundError(
            f"`uncharacterized` must name the published list of molecules to leave out, found no {beside}; "
            f"`molsphere qm9 fetch --out {beside.parent}` downloads it; --uncharacterized none "
            f"(`uncharacterized=()`) keeps all"
        )
    return frozenset()


def _archive(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number, text) of each member while the archive is read; nothing is written to disk."""
    seen: set[int] = set()
    try:
        with _decompressed(path) as file, tarfile.open(fileobj=file, mode="r|", tarinfo=_Member) as archive:
            for member in archive:
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts or "\\" in member.name:
                    raise ValueError(f"{path}: member {member.name!r} would lie outside its folder")
                if member.isdir():
                    continue
                if not member.isfile():
                    raise ValueError(f"{path}: member {member.name!r} must be a plain file, not a link or device")
                found = _MEMBER.fullmatch(name.name)
                if found is None:
                    raise ValueError(f"{path}: member {member.name!r} must be one of QM9's dsgdb9nsd_000001.xyz, …")
                number = int(found[1])
                if number in seen:
                    raise ValueError(f"{path}: member {member.name!r} occurs twice")
                if member.size > _LARGEST_MEMBER:
                    raise ValueError(f"{path}: member {member.name!r} must be a small text, got {member.size} bytes")
                seen.add(number)
                content = archive.extractfile(member)
                if content is not None:
                    yield number, content.read().decode("utf-8", "replace")
    except _StrangeHeader as error:
        raise ValueError(f"{path}: {error}") from None
    except (tarfile.TarError, EOFError, OSError, RecursionError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(f"{path} must be a whole tar archive: {first_line(error)}") from None


def _decompressed(path: Path) -> Any:
    """Open a file for decompression piece by piece; `tarfile` itself would expand ten kilobytes to any size at once."""
    with path.open("rb") as file:
        start = file.read(8)
    for magic, opener in _COMPRESSED.items():
        if start.startswith(magic):
            return opener(path, "rb")
    return path.open("rb")


class _StrangeHeader(ValueError):
    """A header that cannot be in an archive of QM9."""


class _Member(tarfile.TarInfo):
    """A member whose header is checked before its contents are read into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Member:
        member = super().frombuf(buf, encoding, errors)
        if member.type in _EXTENSIONS and member.size > _LARGEST_HEADER:
            raise _StrangeHeader(
                f"member {member.name!r:.80} must have a header of at most {_LARGEST_HEADER:,} bytes, got "
                f"{member.size:,}"
            )
        if member.type == tarfile.GNUTYPE_SPARSE:
            raise _StrangeHeader(f"member {member.name!r:.80} must be a plain file, not a sparse one")
        return member


def _folder(path: Path) -> Iterator[tuple[int, str]]:
    for file in sorted(path.iterdir()):
        if (found := _MEMBER.fullmatch(file.name)) and file.is_file():
            yield int(found[1]), file.read_text(encoding="utf-8", errors="replace")


def _records(texts: Iterable[tuple[int, str]], path: Path) -> Iterator[tuple[int, Molecule]]:
    for number, text in texts:
        _, record = next(xyz.records(split_lines(text)), (0, None))
        where = f"{path}: dsgdb9nsd_{number:06d}.xyz"
        if record is None:
            raise ValueError(f"{where}: must hold a molecule, got an empty file")
        if not isinstance(record, Molecule):
            raise ValueError(f"{where}:{record.line}: {record}")
        if record.properties.get("index") != number:
            raise ValueError(f"{where}:2: must be 'gdb {number}' with its properties, got {record.name!r}")
        yield number, record


def _collect(records: Iterable[tuple[int, Molecule]], path: Path, expected: int | None) -> MoleculeSet:
    found = dict(records)
    if not found:
        raise ValueError(f"{path} must hold QM9's files dsgdb9nsd_000001.xyz, …, found none")
    if expected is not None:
        extra = [number for number in found if not 1 <= number <= expected]
        missing = expected - (len(found) - len(extra))
        if missing or extra:
            first = next(number for number in itertools.count(1) if number not in found)
            problems = [
                f"{number} {kind}, the first dsgdb9nsd_{at:06d}.xyz"
                for kind, number, at in (("missing", missing, first), ("too many", len(extra), min(extra, default=0)))
                if number
            ]
            raise ValueError(f"{path} must hold the molecules 1 … {expected}: {'; '.join(problems)}")
    index = sorted(found)
    whole = MoleculeSet.from_molecules([found[number] for number in index])
    properties = {name: values for name, values in whole.properties.items() if name != "index"}
    return dataclasses.replace(whole, index=np.array(index), properties=properties)


def _wanted_arrays(path: Path, headers: dict[str, Header]) -> list[str]:
    """Names of the arrays to read: the required ones, whose shapes are checked, and all with a number per molecule."""
    if missing := [name for name in _NEEDED if name not in headers]:
        raise ValueError(f"{path} must hold the arrays {', '.join(_NEEDED)}, got none named {', '.join(missing)}")
    shape = headers["charges"].shape
    count, size = shape if len(shape) == 2 else (-1, -1)
    fitting = ((count, size, 3), (count, size), (count,), (count,))
    if any(headers[name].shape != wanted for name, wanted in zip(_NEEDED, fitting, strict=True)):
        shapes = ", ".join(f"{name} {headers[name].shape}" for name in _NEEDED)
        raise ValueError(f"{path} must hold positions (N, A, 3), charges (N, A), num_atoms (N,), index (N,): {shapes}")
    for name in _NEEDED:
        kinds, called = ("f", "floats") if name == "positions" else ("iu", "integers")
        if headers[name].dtype.kind not in kinds:
            raise ValueError(f"{path} must hold {name} as {called}, got {headers[name].dtype}")
    # The sums of atomic references in some files are left out; they are computed from the table.
    properties = [
        name
        for name, header in headers.items()
        if name not in _NEEDED
        and not name.endswith("_thermo")
        and header.shape == (count,)
        and header.dtype.kind == "f"
    ]
    return [*_NEEDED, *properties]


def _read_npz(path: Path) -> MoleculeSet:
    arrays = read_arrays(path, lambda headers: _wanted_arrays(path, headers))
    positions, charges, num_atoms, index = (arrays.pop(name) for name in _NEEDED)
    count, size = charges.shape
    mask = np.arange(size) < num_atoms[:, None]
    if not ((charges > 0) == mask).all():
        at = int(index[np.argmax(((charges > 0) != mask).any(1))])
        raise ValueError(
            f"{path} must hold `num_atoms` charges above 0 for each molecule, then zeros; molecule {at} has others"
        )
    if not np.isfinite(positions[mask]).all():
        at = int(index[np.argmax(~np.isfinite(np.where(mask[..., None], positions, 0)).all((1, 2)))])
        raise ValueError(f"{path} must hold finite positions; molecule {at} has others")
    for at in range(count):
        if pair := coincident_pair(positions[at, : num_atoms[at]]):
            raise ValueError(
                f"{path} must keep atoms apart; molecule {index[at]} has atoms {pair[0]} and {pair[1]} at one place"
            )
    return MoleculeSet(
        num_atoms.astype(np.int64), charges[mask].astype(np.int32), positions[mask], index.astype(np.int64), arrays
    )
