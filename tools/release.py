"""Release one package: version, changelog, citation, distributions, notes, commit and tag in one step.

    hatch run release:make spinharm minor             bump, close the changelog, build, check, commit, tag
    hatch run release:make spinharm current           the same for the version that `__about__` has already
    hatch run release:make spinharm patch --dry-run   build and check in a clean clone, change nothing here

The distributions are built and checked in a clean clone before anything is changed. Nothing is pushed. Pushing the tag
starts the release workflow, which builds them again.
"""

from __future__ import annotations

import argparse
import datetime
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import distributions
from addresses import repository_address
from changelog import ChangelogError, close_changelog, release_notes
from check_repo import (
    ROOT,
    about_path,
    check_sibling_bounds,
    package_names,
    read_version,
    sibling_requirements,
)
from distributions import DistributionError

Make = Callable[[Path, str, Path], list[Path]]
PARTS = ("major", "minor", "patch", "current")


class ReleaseError(Exception):
    """The release cannot be made; the message says why and what to do."""


def bump(version: str, part: str) -> str:
    """The version after `version`; `part` is one of `PARTS`, and "current" leaves it as it is."""
    major, minor, patch = map(int, version.split("."))
    return {
        "major": f"{major + 1}.0.0",
        "minor": f"{major}.{minor + 1}.0",
        "patch": f"{major}.{minor}.{patch + 1}",
        "current": version,
    }[part]


def git(root: Path, *arguments: str) -> str:
    """Output of a git command in `root`.

    Raises:
        ReleaseError: The command failed.
    """
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    if done.returncode != 0:
        raise ReleaseError(f"git {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout


def refused_siblings(root: Path, name: str, version: str) -> list[str]:
    """Requirements of other packages that shut out `version` of package `name`."""
    return [
        f"packages/{other}/pyproject.toml requires {requirement}"
        for other in package_names(root)
        for requirement in sibling_requirements(root, other)
        if requirement.name == name and not requirement.specifier.contains(version, prereleases=True)
    ]


def set_version(root: Path, name: str, version: str, date: datetime.date) -> list[Path]:
    """Write a version into a package's `__about__`, changelog and citation, and return these files.

    Raises:
        ReleaseError: The changelog has nothing to release. No file has been changed.
    """
    about, changelog, citation = (
        about_path(root, name),
        root / "packages" / name / "CHANGELOG.md",
        root / "packages" / name / "CITATION.cff",
    )
    try:
        closed = close_changelog(changelog.read_text(encoding="utf-8"), version, date)
    except ChangelogError as error:
        raise ReleaseError(str(error)) from error
    cited = re.sub(r"^date-released: .*\n", "", citation.read_text(encoding="utf-8"), flags=re.MULTILINE)
    cited = re.sub(r"^version: .*$", f"version: {version}\ndate-released: {date}", cited, flags=re.MULTILINE)
    source = about.read_text(encoding="utf-8")
    about.write_text(source.replace(f'"{read_version(root, name)}"', f'"{version}"'), encoding="utf-8")
    changelog.write_text(closed, encoding="utf-8")
    citation.write_text(cited, encoding="utf-8")
    return [about, changelog, citation]


def check_release(root: Path, name: str, version: str, tag: str) -> None:
    """Refuse a release from a tree with changes, of a tag that exists, or that another package shuts out.

    Raises:
        ReleaseError: One of these, or a remote `origin` that is not the repository that the metadata names.
    """
    if changes := git(root, "status", "--porcelain"):
        raise ReleaseError(f"the working tree has changes; commit or stash them first:\n{changes.rstrip()}")
    if git(root, "tag", "--list", tag):
        raise ReleaseError(f"the tag {tag} exists already")
    if refusing := refused_siblings(root, name, version):
        raise ReleaseError(f"{name} {version} is shut out; widen these bounds first:\n" + "\n".join(refusing))
    if refusing := check_sibling_bounds(root):
        raise ReleaseError("bounds between packages do not hold:\n" + "\n".join(refusing))


def check_origin(root: Path) -> None:
    """Hold the address of the repository in the metadata to the remote `origin`, if there is one.

    Raises:
        ReleaseError: They differ.
    """
    if "origin" not in git(root, "remote").split():
        return
    origin = git(root, "remote", "get-url", "origin").strip().removesuffix(".git").replace(":", "/")
    named = repository_address(root)
    if not origin.endswith("/".join(named.split("/")[-2:])):
        raise ReleaseError(
            f"the metadata names the repository {named}, but origin is {origin}; "
            "if origin is right: python tools/addresses.py --repository ADDRESS --documentation ADDRESS"
        )


def rehearse(root: Path, name: str, version: str, date: datetime.date, out: Path, make: Make) -> list[Path]:
    """Build the distributions and the notes of a release in a clean clone, and return the files, which are in `out`.

    Raises:
        ReleaseError: The distributions cannot be built, or are not what they should be.
    """
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        git(root, "clone", "--quiet", "--no-hardlinks", str(root), str(clone))
        _, changelog, _ = set_version(clone, name, version, date)
        notes = release_notes(changelog.read_text(encoding="utf-8"), name, version)
        try:
            files = make(clone, name, out)
        except DistributionError as error:
            raise ReleaseError(f"{name} {version} cannot be distributed:\n{error}") from error
    path = out / f"{name}-{version}-notes.md"
    path.write_text(notes, encoding="utf-8")
    return [*files, path]


def release(
    root: Path, name: str, part: str, *, date: datetime.date, out: Path, dry_run: bool, make: Make = distributions.make
) -> str:
    """Make the release and return its tag. Its distributions and notes are in `out`.

    Raises:
        ReleaseError: See `check_release`; or the changelog has nothing to release; or the distributions are not what
            they should be. The tree is left as it was.
    """
    current = read_version(root, name)
    version = bump(current, part)
    tag = f"{name}-v{version}"
    check_release(root, name, version, tag)
    if not dry_run:
        check_origin(root)
    for file in rehearse(root, name, version, date, out, make):
        print(f"{file} ({file.stat().st_size / 1024:.0f} KiB)")
    if dry_run:
        print(f"would move {name} from {current} to {version}, commit, and tag {tag}")
        return tag
    git(root, "add", "--", *map(str, set_version(root, name, version, date)))
    git(root, "commit", "--quiet", "--message", f"Release {name} {version}")
    git(root, "tag", "--annotate", tag, "--message", f"{name} {version}")
    print(f"made {tag}; push it with: git push origin HEAD {tag}")
    return tag


def main(arguments: list[str] | None = None, *, root: Path = ROOT, make: Make = distributions.make) -> int:
    """Parse the command line, release, and return the exit status."""
    parser = argparse.ArgumentParser(description="Release one package: version, changelog, commit and tag.")
    parser.add_argument("package", choices=package_names(root))
    parser.add_argument("part", choices=PARTS, help="part of the version to raise; current keeps it")
    parser.add_argument("--dry-run", action="store_true", help="build and check in a clean clone, change nothing here")
    parser.add_argument("--out", type=Path, help="folder for distributions and notes (default: a temporary one)")
    options = parser.parse_args(arguments)
    today = datetime.datetime.now(tz=datetime.UTC).date()
    with tempfile.TemporaryDirectory() as folder:
        out = options.out or Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        try:
            release(root, options.package, options.part, date=today, out=out, dry_run=options.dry_run, make=make)
        except ReleaseError as error:
            print(f"release.py: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
