"""The Python of the README and of the documentation runs as it stands."""

from __future__ import annotations

from pathlib import Path

import doc_pages

PACKAGE = Path(__file__).resolve().parents[1]

test_pages_with_examples_are_found, test_examples_run, test_links_to_files_lead_somewhere = doc_pages.tests(
    doc_pages.pages(PACKAGE), {"README.md", "equivariance.md", "quickstart.md", "training.md"}
)
