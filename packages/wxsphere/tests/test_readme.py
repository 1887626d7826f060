"""The Python of the README and of the documentation runs as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

import doc_pages

PACKAGE = Path(__file__).resolve().parents[1]
PAGES = doc_pages.pages(PACKAGE)
WITH_EXAMPLES = [page for page in PAGES if doc_pages.blocks(page)]


def test_pages_with_examples_are_found():
    assert {"README.md", "data.md", "evaluation.md", "networks.md", "simulation.md"} <= {
        page.name for page in WITH_EXAMPLES
    }


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=doc_pages.label)
def test_examples_run(page, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    doc_pages.run(page)


@pytest.mark.parametrize("page", PAGES, ids=doc_pages.label)
def test_links_to_files_lead_somewhere(page):
    assert not doc_pages.missing_links(page)
