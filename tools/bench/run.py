"""Run benchmarks: each is a module here with `measure()`, which returns `rows` and perhaps figures beside them.

    python tools/bench/run.py                           all of them
    python tools/bench/run.py compact growth            these two
    python tools/bench/run.py compact --write           put the tables into the documentation and keep the results
    python tools/bench/run.py compact --against         name what got worse since the last kept results

A module names the `PACKAGES` whose versions matter. It may name the page and the number format of its table (`TABLE`),
`draw` its result, returning the line that shows the picture on that page, and say of columns whether "less" or "more"
is `BETTER` where no unit in their names tells (`_results.COLUMNS`). With `--against`, the exit status is 1 if a figure
is worse than the former one by more than the tolerance of its kind.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # the modules here import each other by name, also when a test imports this one

# Modules here that are run by themselves.
PROGRAMS = ("run", "painn_training")

import _report  # noqa: E402
import _results  # noqa: E402


def benchmarks(folder: Path) -> list[str]:
    """Names of the benchmarks in a folder."""
    return sorted(
        path.stem for path in folder.glob("*.py") if path.stem not in PROGRAMS and not path.stem.startswith("_")
    )


def load(name: str) -> ModuleType | str:
    """The module of a benchmark; if a library that it needs is missing, a sentence that says so."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if not missing or importlib.util.find_spec(missing):
            raise
        return f"{name} is left out: it needs `{missing}`; pip install {missing.replace('_', '-')}"


def run(name: str, module: ModuleType, facts: dict[str, Any], page: bool) -> dict[str, Any]:
    """Measure one benchmark, print its table, and put it into its page."""
    place = getattr(module, "TABLE", None) if page else None
    if place:
        _report.check(place[0], name)  # before minutes of measuring
    result = {**module.measure(), "machine": facts}
    print(f"{name}: {(module.__doc__ or '').splitlines()[0]}\n{_report.table(result['rows'])}")
    for key, value in result.items():
        if isinstance(value, float):
            print(f"{key}: {value:.3g}")
    if place:
        parts = [_report.markdown(result["rows"], place[1]), _report.machine_sentence(facts)]
        if hasattr(module, "draw"):
            parts.insert(1, module.draw(result))
        _report.write(place[0], name, "\n\n".join(parts))
    return result


def tell(compared: _results.Comparison, against: Path) -> None:
    """Print a comparison."""
    for change in compared.regressions:
        print(f"WORSE  {change}")
    for change in compared.gains:
        print(f"better {change}")
    for note in compared.notes:
        print(f"note   {note}")
    print(f"{compared.compared} figures compared with {against}: {len(compared.regressions)} worse")


def _tolerance(text: str) -> tuple[str, float]:
    kind, _, factor = text.partition("=")
    if kind not in _results.TOLERANCES or not factor.replace(".", "", 1).isdigit() or float(factor) < 1:
        kinds = ", ".join(_results.TOLERANCES)
        raise argparse.ArgumentTypeError(f"must be KIND=FACTOR, KIND of {kinds}, FACTOR at least 1, got {text!r}")
    return kind, float(factor)


def main(arguments: Sequence[str] | None = None, *, folder: Path = HERE) -> int:
    """Parse arguments and run.

    Returns:
        0; 1 if a figure got worse or a benchmark that was asked for did not run.
    """
    names, last = benchmarks(folder), folder / "results.json"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; default all")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write these results as JSON")
    parser.add_argument("--write", action="store_true", help=f"tables into the documentation, results into {last.name}")
    parser.add_argument(
        "--against", type=Path, nargs="?", const=last, metavar="FILE", help="compare; default: the last"
    )
    parser.add_argument("--other-machine", action="store_true", help="compare with results of another machine")
    stated = " ".join(f"{kind}={factor:g}" for kind, factor in _results.TOLERANCES.items())
    parser.add_argument(
        "--tolerance", type=_tolerance, nargs="+", default=[], metavar="KIND=FACTOR", help=f"default {stated}"
    )
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in names]:
        parser.error(f"NAME must be of {', '.join(names)}; got {', '.join(unknown)}")
    try:
        former = _results.read(options.against) if options.against else {}
        kept = _results.read(last) if options.write and last.exists() else {}
    except ValueError as error:
        parser.error(str(error))

    from _timing import machine  # loads JAX

    tolerances = {**_results.TOLERANCES, **dict(options.tolerance)}
    bad = False
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    results: _results.Results = {}
    for name in options.names or names:
        module = load(name)
        if isinstance(module, str):
            print(module, file=sys.stderr)
            bad |= name in options.names
            continue
        facts = machine(*module.PACKAGES)
        try:
            if name in former and not options.other_machine:
                _results.check_machine(name, former[name]["machine"], facts)
        except ValueError as error:
            parser.error(str(error))
        try:
            results[name] = run(name, module, facts, options.write)
        except Exception:  # the others still run, and what was measured is kept
            traceback.print_exc()
            print(f"{name} failed", file=sys.stderr)
            bad = True
            continue
        if options.out:
            _results.write(options.out, results)
        if options.write:
            kept[name] = results[name]
            _results.write(last, kept)
        if name not in former:
            if options.against:
                print(f"note   {name}: not in {options.against}")
            continue
        better = getattr(module, "BETTER", {})
        compared = _results.compare(name, former[name], results[name], better=better, tolerances=tolerances)
        tell(compared, options.against)
        bad |= bool(compared.regressions)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
