"""Release one package: version, changelog, commit and tag in one step.

    python tools/release.py spinharm minor             bump, close the changelog, commit, tag
    python tools/release.py spinharm current           the same for the version that `__about__` has already
    python tools/release.py spinharm patch --dry-run   only say what would happen

Nothing is pushed. Pushing the tag starts the release workflow.
"""

from __future__ import annotations

import argparse
import datetime
import re
import subprocess
import sys
from pathlib import Path

from check_repo import ROOT, about_path, package_names, read_version, sibling_requirements

PARTS = ("major", "minor", "patch", "current")

_UNRELEASED = re.compile(r"^## \[Unreleased\][ \t]*\n(?P<body>.*?)(?=^## \[|\Z)", re.MULTILINE | re.DOTALL)


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


def close_changelog(text: str, version: str, date: datetime.date) -> str:
    """Move what stands under Unreleased below a heading for `version`, leaving Unreleased empty.

    Raises:
        ReleaseError: There is no Unreleased section, or nothing stands in it.
    """
    section = _UNRELEASED.search(text)
    if section is None:
        raise ReleaseError("the changelog has no section `## [Unreleased]`")
    body = section["body"].strip()
    if not body:
        raise ReleaseError("nothing stands under `## [Unreleased]` in the changelog: say what changed first")
    before, after = text[: section.start()], text[section.end() :]
    closed = f"## [Unreleased]\n\n## [{version}] - {date.isoformat()}\n\n{body}\n"
    return before + closed + (f"\n{after}" if after else "")


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


def release(root: Path, name: str, part: str, *, date: datetime.date, dry_run: bool) -> str:
    """Make the release and return its tag.

    Raises:
        ReleaseError: The tree is dirty, the tag exists, a sibling shuts the new version out, or the changelog
            has nothing to release. The tree is left as it was.
    """
    if changes := git(root, "status", "--porcelain"):
        raise ReleaseError(f"the working tree has changes; commit or stash them first:\n{changes.rstrip()}")
    current = read_version(root, name)
    version = bump(current, part)
    tag = f"{name}-v{version}"
    if git(root, "tag", "--list", tag):
        raise ReleaseError(f"the tag {tag} exists already")
    if refusing := refused_siblings(root, name, version):
        raise ReleaseError(f"{name} {version} is shut out; widen these bounds first:\n" + "\n".join(refusing))

    about = about_path(root, name)
    changelog = root / "packages" / name / "CHANGELOG.md"
    closed = close_changelog(changelog.read_text(encoding="utf-8"), version, date)
    if dry_run:
        print(f"would move {name} from {current} to {version}, commit, and tag {tag}")
        return tag
    source = about.read_text(encoding="utf-8")
    about.write_text(source.replace(f'"{current}"', f'"{version}"'), encoding="utf-8")
    changelog.write_text(closed, encoding="utf-8")
    git(root, "add", "--", str(about), str(changelog))
    git(root, "commit", "--quiet", "--message", f"Release {name} {version}")
    git(root, "tag", "--annotate", tag, "--message", f"{name} {version}")
    print(f"made {tag}; push it with: git push origin HEAD {tag}")
    return tag


def main(arguments: list[str] | None = None, *, root: Path = ROOT) -> int:
    """Parse the command line, release, and return the exit status."""
    parser = argparse.ArgumentParser(description="Release one package: version, changelog, commit and tag.")
    parser.add_argument("package", choices=package_names(root))
    parser.add_argument("part", choices=PARTS, help="part of the version to raise; current keeps it")
    parser.add_argument("--dry-run", action="store_true", help="change nothing, say what would happen")
    options = parser.parse_args(arguments)
    today = datetime.datetime.now(tz=datetime.UTC).date()
    try:
        release(root, options.package, options.part, date=today, dry_run=options.dry_run)
    except ReleaseError as error:
        print(f"release.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
