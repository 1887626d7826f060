"""Build the wheel and the source archive of a package, and check both.

    hatch run release:build spinharm --out dist

Both hold what git tracks of the package's source and nothing else; their metadata is complete; the README shows on the
page of an index; the wheel made from the source archive equals the one made from the tree.
"""

from __future__ import annotations

import argparse
import email
import email.message
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

from check_repo import ROOT, package_names, read_version, repository_files

URLS = ("Changelog", "Documentation", "Issues", "Repository")
_FIELDS = (
    "Author",
    "Classifier",
    "Keywords",
    "License-Expression",
    "License-File",
    "Requires-Dist",
    "Requires-Python",
    "Summary",
)
_ARCHIVE_FILES = {".gitignore", "CHANGELOG.md", "CITATION.cff", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}
_FENCE = re.compile(r"^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?P<inline>[^)\s]+)|^\[[^\]]+\]:\s*(?P<defined>\S+)|(?:href|src)=\"(?P<html>[^\"]+)\"", re.M)


class DistributionError(Exception):
    """The distributions cannot be built, or are not what they should be."""


def relative_links(text: str) -> list[str]:
    """Targets of links and pictures in Markdown that an index's page cannot follow, code left out."""
    prose = re.sub(r"`[^`\n]+`", "", _FENCE.sub("", text))
    targets = [match["inline"] or match["defined"] or match["html"] for match in _LINK.finditer(prose)]
    return [target for target in targets if not target.startswith(("https://", "#"))]


def project(root: Path, name: str) -> dict:
    """The table `[project]` of a package."""
    path = root / "packages" / name / "pyproject.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))["project"]


def tracked_source(root: Path, name: str) -> set[str]:
    """The files below `packages/<name>/src` that git tracks or would add, relative to it."""
    source = Path("packages", name, "src")
    return {str(path.relative_to(source)) for path in repository_files(root) if path.is_relative_to(source)}


def check_metadata(metadata: email.message.Message, root: Path, name: str) -> list[str]:
    """What is missing from or wrong in the metadata of a distribution."""
    problems = [f"has no {field}" for field in _FIELDS if not metadata.get_all(field)]
    for field, wanted in (("Name", name), ("Version", read_version(root, name)), ("License-Expression", "Apache-2.0")):
        if metadata.get(field, wanted) != wanted:
            problems.append(f"{field} is {metadata[field]}, not {wanted}")
    labels = {entry.partition(",")[0] for entry in metadata.get_all("Project-URL", [])}
    problems += [f"has no project URL {label}" for label in URLS if label not in labels]
    if metadata.get("Description-Content-Type") != "text/markdown":
        problems.append("Description-Content-Type is not text/markdown")
    readme = (root / "packages" / name / "README.md").read_text(encoding="utf-8")
    description = metadata.get_payload()
    if not isinstance(description, str) or description.strip() != readme.strip():
        problems.append("its description is not the README")
    problems += [
        f"README.md: {link} is no absolute https link, so it is dead on an index" for link in relative_links(readme)
    ]
    return problems


def check_wheel(wheel: Path, root: Path, name: str) -> list[str]:
    """What is wrong with a wheel; an empty list if nothing is."""
    version = read_version(root, name)
    problems = []
    if wheel.name != f"{name}-{version}-py3-none-any.whl":
        problems.append(f"is not named {name}-{version}-py3-none-any.whl")
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        files = {file for file in archive.namelist() if not file.endswith("/")}
        problems += _differences(
            {file for file in files if not file.startswith(f"{info}/")}, tracked_source(root, name)
        )
        scripts = project(root, name).get("scripts", {})
        wanted = [f"{info}/METADATA", f"{info}/licenses/LICENSE", f"{name}/py.typed"]
        wanted += [f"{info}/entry_points.txt"] if scripts else []
        problems += [f"has no {file}" for file in wanted if file not in files]
        if f"{info}/METADATA" in files:
            problems += check_metadata(_parse(archive.read(f"{info}/METADATA")), root, name)
    return [f"{wheel.name}: {problem}" for problem in problems]


def check_source_archive(path: Path, root: Path, name: str) -> list[str]:
    """What is wrong with a source archive; an empty list if nothing is."""
    prefix = f"{name}-{read_version(root, name)}"
    problems = [] if path.name == f"{prefix}.tar.gz" else [f"is not named {prefix}.tar.gz"]
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        problems += [f"holds {one.name}, which is no file" for one in members if not (one.isfile() or one.isdir())]
        files = {one.name.removeprefix(f"{prefix}/") for one in members if one.isfile()}
        wanted = {f"src/{file}" for file in tracked_source(root, name)} | _ARCHIVE_FILES
        problems += _differences(files, wanted - ({".gitignore"} - files))
        if "PKG-INFO" in files and (member := archive.extractfile(f"{prefix}/PKG-INFO")) is not None:
            problems += check_metadata(_parse(member.read()), root, name)
    return [f"{path.name}: {problem}" for problem in problems]


def compare_wheels(first: Path, second: Path) -> list[str]:
    """Files that two wheels do not have alike."""
    with zipfile.ZipFile(first) as one, zipfile.ZipFile(second) as other:
        names = {*one.namelist()}, {*other.namelist()}
        differing = [file for file in names[0] & names[1] if one.read(file) != other.read(file)]
    return [f"{file}: in one of two wheels only" for file in sorted(names[0] ^ names[1])] + [
        f"{file}: differs between wheels" for file in sorted(differing)
    ]


def build(folder: Path, out: Path, *targets: str) -> list[Path]:
    """Build `targets` ("wheel", "sdist") of the package in `folder` into `out`, and return the files.

    Raises:
        DistributionError: The build failed.
    """
    out.mkdir(parents=True, exist_ok=True)
    before = {*out.iterdir()}
    choices = [word for target in targets for word in ("--target", target)]
    _run([sys.executable, "-m", "hatchling", "build", *choices, "--directory", str(out.resolve())], folder)
    return sorted({*out.iterdir()} - before)


def make(root: Path, name: str, out: Path) -> list[Path]:
    """Build the wheel and the source archive of a package into `out`, check both, and return the files.

    Raises:
        DistributionError: The build failed, or the files are not what they should be.
    """
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        wheel, archive = sorted(build(root / "packages" / name, scratch / "made", "wheel", "sdist"), key=_is_archive)
        problems = check_wheel(wheel, root, name) + check_source_archive(archive, root, name)
        with tarfile.open(archive) as opened:
            opened.extractall(scratch / "unpacked", filter="data")
        (unpacked,) = (scratch / "unpacked").iterdir()
        (again,) = build(unpacked, scratch / "again", "wheel")
        problems += compare_wheels(wheel, again)
        if problems:
            raise DistributionError("\n".join(problems))
        _run([sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(archive)], root)
        out.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.copy2(file, out)) for file in (wheel, archive)]


def _is_archive(path: Path) -> bool:
    return path.suffix == ".gz"


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        said = f"{done.stdout.strip()}\n{done.stderr.strip()}".strip()
        raise DistributionError(
            f"{' '.join(command[1:4])} failed in {folder.name}; run it by `hatch run release:…`:\n{said}"
        )


def _parse(text: bytes) -> email.message.Message:
    return email.message_from_string(text.decode("utf-8"))


def _differences(files: set[str], wanted: set[str]) -> list[str]:
    return [f"holds {file}, which does not belong in it" for file in sorted(files - wanted)] + [
        f"has no {file}" for file in sorted(wanted - files)
    ]


def main(arguments: list[str] | None = None, *, root: Path = ROOT) -> int:
    """Parse the command line, build and check, and return the exit status."""
    parser = argparse.ArgumentParser(description="Build the wheel and the source archive of a package, and check both.")
    parser.add_argument("package", choices=package_names(root))
    parser.add_argument("--out", type=Path, default=Path("dist"), help="folder for the files (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        files = make(root, options.package, options.out)
    except DistributionError as error:
        print(f"distributions.py: {error}", file=sys.stderr)
        return 1
    for file in files:
        print(f"{file} ({file.stat().st_size / 1024:.0f} KiB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
