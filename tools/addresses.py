"""The addresses of the repository and its documentation, which metadata, READMEs and pages name.

    python tools/addresses.py                                              print them
    python tools/addresses.py --repository ADDRESS --documentation ADDRESS     replace them everywhere

They stand in `[project.urls]` of each package, in `CITATION.cff`, and in links of READMEs and pages, which need whole
addresses to work on an index. `check_addresses` holds the packages to the same ones.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_LABELS = ("Documentation", "Repository", "Issues", "Changelog")


def project_urls(root: Path, name: str) -> dict[str, str]:
    """`[project.urls]` of package `name`; empty if it has none."""
    pyproject = (root / "packages" / name / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(pyproject)["project"].get("urls", {})


def repository_address(root: Path) -> str:
    """The address of the repository that the first package names."""
    return _common(root, "Repository")


def documentation_address(root: Path) -> str:
    """The address of the documentation that the first package names."""
    return _common(root, "Documentation")


def check_addresses(root: Path) -> list[str]:
    """The packages name the same repository and documentation, and their citations do."""
    names = [path.parent.name for path in sorted(root.glob("packages/*/pyproject.toml"))]
    names = [name for name in names if project_urls(root, name)]  # a wheel without is refused by distributions.py
    repository, documentation = repository_address(root), documentation_address(root)
    problems = []
    for name in names:
        changelog = f"{repository}/blob/main/packages/{name}/CHANGELOG.md"
        wanted = dict(zip(_LABELS, (documentation, repository, f"{repository}/issues", changelog), strict=True))
        urls = project_urls(root, name)
        problems += [
            f"packages/{name}/pyproject.toml: project.urls.{label} must be {address}, got {urls.get(label)}"
            for label, address in wanted.items()
            if urls.get(label) != address
        ]
        path = root / "packages" / name / "CITATION.cff"
        citation = path.read_text(encoding="utf-8") if path.is_file() else ""
        problems += [
            f"packages/{name}/CITATION.cff: has no line `{line}`"
            for line in (f"repository-code: {repository}", f"url: {documentation}")
            if line not in citation.splitlines()
        ]
    return problems


def replace(root: Path, old: str, new: str) -> list[Path]:
    """Replace an address in every text file that git tracks, and return the files changed."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True).stdout
    changed = []
    for path in (root / name for name in listed.split("\0") if name):
        content = path.read_bytes()
        if old.encode() in content:
            path.write_bytes(content.replace(old.encode(), new.encode()))
            changed.append(path)
    return changed


def _common(root: Path, label: str) -> str:
    names = [path.parent.name for path in sorted(root.glob("packages/*/pyproject.toml"))]
    return next((urls[label] for name in names if label in (urls := project_urls(root, name))), "")


def _address(word: str) -> str:
    if not re.fullmatch(r"https://[\w.-]+(/[\w./-]*)?", word):
        raise argparse.ArgumentTypeError(f"must be an https address, got {word!r}")
    return word


def main(arguments: list[str] | None = None, *, root: Path = ROOT) -> int:
    """Print or replace the addresses, and return the exit status."""
    parser = argparse.ArgumentParser(description="The addresses of the repository and its documentation.")
    parser.add_argument("--repository", type=_address, help="such as https://github.com/owner/name")
    parser.add_argument("--documentation", type=_address, help="such as https://owner.github.io/name/")
    options = parser.parse_args(arguments)
    for old, new in (
        (documentation_address(root), options.documentation),
        (repository_address(root), options.repository and options.repository.rstrip("/")),
    ):
        if new is None:
            print(old)
        elif new != old:
            print(f"{old} → {new} in {len(replace(root, old, new))} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
