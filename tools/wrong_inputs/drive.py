"""Tries in processes of their own, each of which goes on after the try that ended the one before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from .tries import STATE

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
            try:
                done = subprocess.run(
                    command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=result, stderr=said,
                    timeout=seconds, check=False,
                )  # fmt: skip
                status = str(done.returncode)
            except subprocess.TimeoutExpired:
                status = "no end"
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
