"""The documentation site: its links, its navigation, and that its API pages name all that is public."""

from __future__ import annotations

import functools
import re

import pytest

import doc_pages
import structure

ROOT = structure.ROOT
SITE = ROOT / "tools/site"
KNOWN = functools.cache(structure.all_modules)
PAGES = sorted((SITE / "pages").rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(SITE / "pages")))
def test_links_to_files_lead_somewhere(page):
    assert doc_pages.missing_links(page) == []


@pytest.mark.parametrize("package", ["spinharm", "spinnn", "molsphere", "wxsphere"])
def test_api_pages_name_every_public_function_and_class_once(package):
    text = "\n".join(page.read_text() for page in (ROOT / f"packages/{package}/docs/api").glob("*.md"))
    shown = re.findall(r"^::: (\S+)$", text, flags=re.MULTILINE)
    known = KNOWN(ROOT)
    public = structure.public_names(known[package], known)
    methods = {name for name in public if name.rpartition(".")[0] in public}
    missing = [name for name in public if name not in methods and not {name, name.rpartition(".")[0]} & set(shown)]
    assert missing == []
    assert len(shown) == len(set(shown))
