"""The documentation site: its links, its navigation, and that its API pages name all that is public."""

from __future__ import annotations

import functools
import re

import pytest

import addresses
import doc_pages
import structure

ROOT = structure.ROOT
SITE = ROOT / "tools/site"
KNOWN = functools.cache(structure.all_modules)
PAGES = sorted((SITE / "pages").rglob("*.md"))

READMES = [ROOT / "README.md", *sorted(ROOT.glob("packages/*/README.md"))]
# The two commands of the README at the top.
COMMANDS = re.findall(r"^python3 -m venv .*$", READMES[0].read_text(encoding="utf-8"), flags=re.MULTILINE)
# What commands of READMEs are run, each with options that make it small.
PROGRAMS = {
    "molsphere demo": "--molecules 24 --geometries 4 --epochs 2 --max-buckets 1",
    "wxsphere demo": "--days 40 --epochs 1 1 --steps 8 --long-steps 8",
    "molsphere ": "",
    "spinharm ": "",
    "wxsphere ": "",
}


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


@pytest.mark.slow
@pytest.mark.parametrize("readme", READMES, ids=doc_pages.label)
def test_readmes_can_be_followed_in_order(readme, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = doc_pages.run_in_order(readme, PROGRAMS)
    assert ran or readme.parent.name not in {"molsphere", "spinharm", "wxsphere"}


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if doc_pages.blocks(page)], ids=doc_pages.label)
def test_examples_of_the_site_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    doc_pages.run(page)


@pytest.mark.parametrize("readme", READMES[1:], ids=doc_pages.label)
def test_readmes_stand_alone(readme):
    """Every link is a whole address, as an index needs it; those of the documentation lead to its pages."""
    text = readme.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    assert [target for target in targets if not target.startswith("https://")] == []
    documentation = addresses.documentation_address(ROOT)
    assert f"site_url: {documentation}\n" in (SITE / "mkdocs.yml").read_text()
    pages = [target.removeprefix(documentation) for target in targets if target.startswith(documentation)]
    assert pages
    assert [page for page in pages if not _source(page.split("#")[0]).is_file()] == []
    assert [command for command in COMMANDS if command not in text] == []


def _source(page):
    """The file that a page or picture of the site is made from."""
    name = page.removesuffix(".html") + ".md" if page.endswith(".html") else page
    first, _, rest = name.partition("/")
    folder = ROOT / "packages" / first / "docs"
    return folder / rest if folder.is_dir() else SITE / "pages" / name
