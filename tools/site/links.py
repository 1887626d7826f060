"""Check the links of the built site: pages, anchors, pictures, scripts, within and between packages.

    python tools/site/links.py [FOLDER]

The folder is `site` by default. Prints every link that leads nowhere and every file that a page would load from
elsewhere; exit status 1 if there is any.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
_LOADED = {"audio", "iframe", "img", "script", "source", "video"}


class _Page(HTMLParser):
    """The anchors of a page, where its links lead, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        loads = tag in _LOADED or (tag == "link" and given.get("rel") != "canonical")
        for name in ("href", "src"):
            if name in given:
                (self.loaded if loads else self.links).append(given[name])


def broken(site: Path) -> list[str]:
    """Links of a built site that lead nowhere, and files that it loads from elsewhere."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        for target in [*page.links, *page.loaded]:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                if target in page.loaded and parts.scheme != "data":
                    found.append(f"{path.relative_to(site)}: loads {target}")
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = there / "index.html" if there.is_dir() else there
            missing_anchor = there in pages and parts.fragment and unquote(parts.fragment) not in pages[there].anchors
            # The page of errors is served at any address, so its links begin at the root.
            if path.name != "404.html" and (not there.is_file() or missing_anchor):
                found.append(f"{path.relative_to(site)}: {target}")
    return sorted(set(found))


if __name__ == "__main__":
    problems = broken(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "site")
    print(*problems, sep="\n")
    sys.exit(1 if problems else 0)
