"""Run experiments: each is a list of training runs and the table of their errors.

    python tools/experiments/run.py molecule-targets --data qm9_11k.npz --out runs
    python tools/experiments/run.py molecule-targets --data qm9_11k.npz --out runs --dry-run    only print the commands
    python tools/experiments/run.py molecule-targets --data qm9_11k.npz --out runs --write      table into README.md

Each run uses one core; `--jobs` runs go on at once. A run that has ended is not repeated, one that was stopped resumes:
the same command again goes on after a kill. `--smoke` makes every run a matter of seconds. What a missing library
forbids is left out, and said.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import queue
import shlex
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # as pytest does

from bench import _report, _results  # noqa: E402
from experiments import molecules  # noqa: E402
from experiments._experiment import table  # noqa: E402
from experiments._runs import Children, Run, execute, outcome  # noqa: E402

EXPERIMENTS = {**molecules.EXPERIMENTS}
PACKAGES = ("equinox", "optax", "spinharm", "spinnn", "molsphere")


def _cores() -> list[int | None]:
    """Cores that this process may use; [None] where the system does not tell."""
    return [*sorted(os.sched_getaffinity(0))] if hasattr(os, "sched_getaffinity") else [None]


def perform(runs: Sequence[Run], data: Path, out: Path, jobs: int) -> list[Run]:
    """Execute what has not ended, `jobs` at a time, each on a core of its own; returns the runs that failed."""
    waiting = [run for run in runs if outcome(run, out) is None]
    cores: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    for core in (_cores() * jobs)[:jobs]:
        cores.put(core)
    failed, begun, lock, ended, children = [], time.monotonic(), threading.Lock(), 0, Children()

    def one(run: Run) -> None:
        nonlocal ended
        core = cores.get()
        try:
            if children.stopping:
                return
            code = execute(run, data, out, core, children)
        finally:
            cores.put(core)
        with lock:
            ended += 1
            left = (time.monotonic() - begun) / ended * (len(waiting) - ended)
            if code:
                failed.append(run)
            said = f"failed with status {code}, see {out / run.name}.log" if code else "done"
            print(f"{run.name}: {said}; {ended} of {len(waiting)}, about {left / 60:.0f} min left", flush=True)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(one, run) for run in waiting]
        try:
            while concurrent.futures.wait(futures, timeout=0.5).not_done:
                pass  # and look for Ctrl-C meanwhile
            for future in futures:
                future.result()
        except BaseException:
            children.stop()
            raise
    return failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse arguments and run; returns 1 if a run failed."""
    options = _parser().parse_args(arguments)
    if unknown := [name for name in options.names if name not in EXPERIMENTS]:
        _parser().error(f"NAME must be of {', '.join(EXPERIMENTS)}; got {', '.join(unknown)}")
    rows = {name: EXPERIMENTS[name].rows(smoke=options.smoke) for name in options.names or EXPERIMENTS}
    runs = {row.run.name: row.run for some in rows.values() for row in some}
    if options.dry_run:
        for run in runs.values():
            print(shlex.join(["python", *run.command(options.data, options.out)]))
        return 0
    if not options.data.exists():
        _parser().error(f"--data must be the file of QM9, got {str(options.data)!r}, which does not exist")
    options.out.mkdir(parents=True, exist_ok=True)
    for library in () if options.table else sorted({missing for run in runs.values() if (missing := run.missing())}):
        print(f"runs that need `{library}` are left out: it is not installed", file=sys.stderr)
    ready = [] if options.table else [run for run in runs.values() if not run.missing()]
    try:
        failed = perform(ready, options.data, options.out, options.jobs)
    except KeyboardInterrupt:
        print("stopped; the same command again resumes", file=sys.stderr)
        return 130
    for name, some in rows.items():
        _tell(name, table(some, options.out), write=options.write)
    return int(bool(failed))


def _tell(name: str, found: list[dict[str, Any]], *, write: bool) -> None:
    """Print a table, and keep it."""
    if not found:
        return
    print(f"{name}: {EXPERIMENTS[name].title}\n{_report.table(found)}")
    if write:
        from bench._timing import machine  # loads JAX

        facts, path = machine(*PACKAGES), HERE / "results.json"
        kept = _results.read(path) if path.exists() else {}
        _results.write(path, {**kept, name: {"rows": found, "machine": facts}})
        _report.write(
            HERE / "README.md", name, f"{_report.markdown(found, '.3g')}\n\n{_report.machine_sentence(facts)}"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(EXPERIMENTS))
    parser.add_argument("--data", type=Path, required=True, help="QM9, as for `molsphere train`")
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs' folders")
    parser.add_argument("--jobs", type=int, default=len(_cores()), help="runs at once; default one per core")
    parser.add_argument("--smoke", action="store_true", help="a few molecules, one epoch, a small network")
    parser.add_argument("--table", action="store_true", help="train nothing: only the runs that have ended")
    parser.add_argument("--dry-run", action="store_true", help="print the commands")
    parser.add_argument("--write", action="store_true", help="tables into README.md, results into results.json")
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
