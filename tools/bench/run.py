"""Run benchmarks: `python tools/bench/run.py [NAME …] [--out FILE] [--write]`; each is a module here with `measure()`.

Prints a table per benchmark; with `--out`, writes results with machine and versions as JSON; with `--write`, puts the
tables into the documentation, where a benchmark names its page and number format (`TABLE`).
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("*.py") if path.stem != "run" and not path.stem.startswith("_"))


def main() -> None:
    """Parse arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[[], *NAMES], default=[], help=f"of {', '.join(NAMES)}; default all"
    )
    parser.add_argument("--out", type=Path, help="write results as JSON")
    parser.add_argument("--write", action="store_true", help="write the tables into the documentation")
    arguments = parser.parse_args()
    sys.path.insert(0, str(HERE))
    from _report import machine_sentence, markdown, table, write
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
        if arguments.write and (place := getattr(module, "TABLE", None)):
            sentence = machine_sentence(results[name]["machine"])
            write(place[0], name, f"{markdown(result['rows'], place[1])}\n\n{sentence}")
    if arguments.out:
        temporary = arguments.out.with_suffix(".tmp")
        temporary.write_text(json.dumps(results, indent=2) + "\n")
        os.replace(temporary, arguments.out)


if __name__ == "__main__":
    main()
