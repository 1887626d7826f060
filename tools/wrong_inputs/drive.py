"""Tries in processes of their own, each of which goes on after the try that ended the one before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .tries import STATE

# Beyond the limits that a process sets itself, and what it needs before its first try, on a busy machine too.
_SECONDS_PER_TRY, _SECONDS_BEFORE = 120, 600
TOOLS = Path(__file__).resolve().parents[1]


def run(module: str, words: list[str], folder: Path, seconds: int) -> dict[str, Any]:
    """Counts, findings, and names without a valid call.

    Args:
        module: What is run, as `python -m` takes it.
        words: Its arguments.
        folder: An empty folder to run it in.
        seconds: How long a process may take.
    """
    start, state = 0, folder / STATE
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join([*sys.path, str(TOOLS)])}
    while True:
        state.unlink(missing_ok=True) if not start else None
        command = [sys.executable, "-m", module, *words, "--start", str(start)]
        with (folder / "said.txt").open("w+b") as said, (folder / "result.txt").open("w+b") as result:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=result, stderr=said
            )
            status = _watched(process, state, seconds)
        text = (folder / "said.txt").read_text(errors="replace")[-1500:]
        if status == "0":
            return json.loads((folder / "result.txt").read_text().splitlines()[-1])
        held: dict[str, Any] = json.loads(state.read_text()) if state.exists() else {"now": {"number": start}}
        if held["now"]["number"] <= start:
            raise RuntimeError(f"{' '.join(command)} ended with {status}: {text}")
        start = held["now"].pop("number")
        held["counts"]["not allowed"] = held["counts"].get("not allowed", 0) + 1
        held["findings"].append({**held["now"], "what": f"the process ended, {status}: {text[-300:]!r}"})
        state.write_text(json.dumps(held))


def _watched(process: subprocess.Popen, state: Path, seconds: int) -> str:
    """The exit status of a process, or `no end` of one that was stopped: a library in C may not hear the alarm."""
    begun = time.time()
    while process.poll() is None:
        time.sleep(0.2)
        last = state.stat().st_mtime if state.exists() else 0
        allowed = _SECONDS_PER_TRY if last > begun else _SECONDS_BEFORE
        if time.time() - begun > seconds or time.time() - max(last, begun) > allowed:
            process.kill()
            process.wait()
            return "no end"
    return str(process.returncode)
