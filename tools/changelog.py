"""Changelogs: close the section of a release, and print what it says as release notes.

python tools/changelog.py spinharm            notes of the version that `__about__` has
python tools/changelog.py spinharm-v0.1.0     notes of a tag
"""

from __future__ import annotations

import argparse
import datetime
import re
import sys
from pathlib import Path

from check_repo import ROOT, package_names, read_version

_UNRELEASED = re.compile(r"^## \[Unreleased\][ \t]*\n(?P<body>.*?)(?=^## \[|\Z)", re.MULTILINE | re.DOTALL)
_SECTION = r"^## \[{version}\][^\n]*\n(?P<body>.*?)(?=^## \[|\Z)"


class ChangelogError(Exception):
    """A changelog has no such section, or nothing stands in it."""


def close_changelog(text: str, version: str, date: datetime.date) -> str:
    """Move what stands under Unreleased below a heading for `version`, leaving Unreleased empty.

    Raises:
        ChangelogError: There is no Unreleased section, or nothing stands in it.
    """
    section = _UNRELEASED.search(text)
    if section is None:
        raise ChangelogError("the changelog has no section `## [Unreleased]`")
    body = section["body"].strip()
    if not body:
        raise ChangelogError("nothing stands under `## [Unreleased]` in the changelog: say what changed first")
    before, after = text[: section.start()], text[section.end() :]
    closed = f"## [Unreleased]\n\n## [{version}] - {date.isoformat()}\n\n{body}\n"
    return before + closed + (f"\n{after}" if after else "")


def release_notes(text: str, name: str, version: str) -> str:
    """What a changelog says of a version, below a heading, with the command that installs it.

    Lines of a paragraph or an item are joined: pages of releases show line breaks as they stand.

    Raises:
        ChangelogError: There is no section of the version.
    """
    section = re.search(_SECTION.format(version=re.escape(version)), text, re.MULTILINE | re.DOTALL)
    if section is None:
        raise ChangelogError(f"the changelog of {name} has no section `## [{version}]`")
    body = re.sub(r"(?<=\S)\n +(?![-*+ ]|\d+\. )(?=\S)", " ", section["body"].strip())
    return f"# {name} {version}\n\n```sh\npip install {name}=={version}\n```\n\n{body}\n"


def main(arguments: list[str] | None = None, *, root: Path = ROOT) -> int:
    """Print the notes and return the exit status."""
    parser = argparse.ArgumentParser(description="Print the release notes of a package from its changelog.")
    parser.add_argument("release", help="a package or a tag, such as spinharm or spinharm-v0.1.0")
    words = parser.parse_args(arguments).release
    name, _, version = words.partition("-v")
    if name not in package_names(root):
        parser.error(f"must be a package of {package_names(root)} or a tag <package>-v<version>, got {words!r}")
    changelog = (root / "packages" / name / "CHANGELOG.md").read_text(encoding="utf-8")
    try:
        print(release_notes(changelog, name, version or read_version(root, name)), end="")
    except ChangelogError as error:
        print(f"changelog.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
