"""An MkDocs hook that puts the pages of all packages, and the executed tutorials, on one site.

A page `packages/spinharm/docs/grids.md` becomes `spinharm/grids.md`. Links are written as they lead from file to file
in the repository, and are translated here.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files  # pyright: ignore[reportMissingImports]

ROOT = Path(__file__).resolve().parents[2]
HERE = "tools/site/pages"
EXECUTED = ROOT / "tools/site/executed"

_LINK = re.compile(r"(?P<before>\]\()(?P<target>[^)\s#]+)(?P<after>[)#\s])")
_PAGES = re.compile(r"packages/(?P<package>\w+)/docs/(?P<page>.+)")


def site_path(path: str) -> str | None:
    """Where a file of the repository stands on the site; None if it does not."""
    if found := _PAGES.fullmatch(path):
        return f"{found['package']}/{found['page']}"
    if path.startswith("tools/site/tutorials/"):
        return f"tutorials/{posixpath.basename(path).removesuffix('.py')}.md"
    return path.removeprefix(f"{HERE}/") if path.startswith(f"{HERE}/") else None


def repository_path(source: str) -> str:
    """The file of the repository that a page of the site is made from."""
    first, _, rest = source.partition("/")
    if (ROOT / "packages" / first / "docs").is_dir():
        return f"packages/{first}/docs/{rest}"
    return f"{HERE}/{source}"


def translate(markdown: str, source: str) -> str:
    """Links of a page between files of the repository as links between pages of the site."""
    folder = posixpath.dirname(repository_path(source))

    def link(found: re.Match[str]) -> str:
        target = found["target"]
        if "://" in target or target.startswith(("/", "mailto:")):
            return found[0]
        there = site_path(posixpath.normpath(posixpath.join(folder, target)))
        if there is None:
            return found[0]
        return found["before"] + posixpath.relpath(there, posixpath.dirname(source) or ".") + found["after"]

    return _LINK.sub(link, markdown)


def on_files(files: Files, config: Any) -> Files:
    """Called by MkDocs with the files of `pages`: those of the packages and of tutorials are added."""
    folders = [(package.name, package / "docs") for package in sorted((ROOT / "packages").iterdir())]
    for name, folder in [*folders, ("tutorials", EXECUTED)]:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_file():
                source = f"{name}/{path.relative_to(folder).as_posix()}"
                files.append(File.generated(config, source, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Called by MkDocs with the text of each page."""
    return translate(markdown, page.file.src_uri)
