"""Run benchmarks: `python tools/bench/run.py [NAME …] [--out FILE]`; each is a module here with `measure()`.

Prints a table per benchmark and, with `--out`, writes results with machine and versions as JSON.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("*.py") if path.stem != "run" and not path.stem.startswith("_"))


def table(rows: list[dict[str, Any]]) -> str:
    """Rows of one benchmark as aligned text."""
    names = list(rows[0])
    cells = [[f"{row[name]:.3g}" if isinstance(row[name], float) else str(row[name]) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(names)]
    return "\n".join("  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in [names, *cells])


def main() -> None:
    """Parse arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[[], *NAMES], default=[], help=f"of {', '.join(NAMES)}; default all"
    )
    parser.add_argument("--out", type=Path, help="write results as JSON")
    arguments = parser.parse_args()
    sys.path.insert(0, str(HERE))
    from _timing import machine

    results = {}
    for name in arguments.names or NAMES:
        module = importlib.import_module(name)
        result = module.measure()
        results[name] = {**result, "machine": machine(*module.PACKAGES)}
        print(f"{name}: {(module.__doc__ or '').splitlines()[0]}\n{table(result['rows'])}")
        for key, value in result.items():
            if key != "rows":
                print(f"{key}: {value:.3g}")
    if arguments.out:
        temporary = arguments.out.with_suffix(".tmp")
        temporary.write_text(json.dumps(results, indent=2) + "\n")
        os.replace(temporary, arguments.out)


if __name__ == "__main__":
    main()
