"""Run the tutorials and write their pages.

    python tools/site/notebooks.py              every tutorial
    python tools/site/notebooks.py winds qm9    these

A tutorial is a Python file in the percent format of jupytext, which opens it in Jupyter. Each runs in a new kernel and
an empty folder. The first error ends the command. Its page, its pictures and the executed notebook go to
`tools/site/executed`, from where the site takes them.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import jupytext  # pyright: ignore[reportMissingImports]
from nbclient import NotebookClient  # pyright: ignore[reportMissingImports]
from nbclient.exceptions import CellExecutionError  # pyright: ignore[reportMissingImports]
from nbconvert import MarkdownExporter  # pyright: ignore[reportMissingImports]

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "tutorials"
EXECUTED = HERE / "executed"
SECONDS_PER_CELL = 900


def run(source: Path) -> None:
    """Run one tutorial and write its page, pictures and notebook.

    Raises:
        CellExecutionError: A cell failed.
    """
    notebook = jupytext.read(source)
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    with tempfile.TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        client = NotebookClient(notebook, timeout=SECONDS_PER_CELL, resources=where, coalesce_streams=True)
        client.execute()
    text, resources = MarkdownExporter(exclude_input_prompt=True).from_notebook_node(
        notebook, {"unique_key": source.stem, "output_files_dir": source.stem}
    )
    text = text.replace("```bash\n%%bash\n", "```sh\n")
    head, _, rest = text.partition("\n\n")
    link = f"[This notebook]({source.stem}.ipynb), with its output, for Jupyter.\n\n"
    (EXECUTED / f"{source.stem}.md").write_text(f"{head}\n\n{link}{rest}", encoding="utf-8")
    jupytext.write(notebook, EXECUTED / f"{source.stem}.ipynb")
    for name, content in resources["outputs"].items():
        path = EXECUTED / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def main(names: list[str]) -> int:
    """Run from the command line; the status to exit with."""
    sources = sorted(SOURCES.glob("*.py"))
    if unknown := set(names) - {source.stem for source in sources}:
        print(f"no such tutorials: {sorted(unknown)}; there are {[source.stem for source in sources]}")
        return 2
    if not names:
        shutil.rmtree(EXECUTED, ignore_errors=True)
    EXECUTED.mkdir(exist_ok=True)
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    for source in sources:
        if not names or source.stem in names:
            start = time.monotonic()
            try:
                run(source)
            except CellExecutionError as error:
                print(f"{source.name}: {error}")
                return 1
            print(f"{source.name}: {time.monotonic() - start:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
