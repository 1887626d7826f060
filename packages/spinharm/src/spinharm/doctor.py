"""Examination of an installation, for `doctor` of each program: versions, devices, memory, extras, a self-test."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .checks import instance
from .failures import first_line, printable

_EXTRA = re.compile(r"""extra\s*==\s*["']([\w.-]+)["']""")
_NAME = re.compile(r"[\w.-]+")
_ALWAYS = ("jax", "jaxlib", "numpy")
_GIB = 2**30


def examine(package: str, self_test: Callable[[], Mapping[str, bool]]) -> dict[str, Any]:
    """Examine an installed package.

    Args:
        package: Name of the distribution.
        self_test: Function that tries the package; returns whether each thing that it tried is right.

    Returns:
        As JSON types: `package`, `version`, `python`, `platform`, `libraries` (versions by name, None if missing),
        `backend`, `devices`, `x64`, `cores`, `memory_gib`, `extras` (what each lacks, and the command that installs it)
        and `self_test` (what was tried, the seconds, and `error` if it failed to run).

    Raises:
        TypeError: A name that is not text, or a test that cannot be called.
        ValueError: A package that is not installed.

    Examples:
        >>> from spinharm.doctor import examine
        >>> found = examine("numpy", lambda: {"sums": 1 + 1 == 2})
        >>> found["self_test"]["passed"], sorted(found)[:4]
        (True, ['backend', 'cores', 'devices', 'extras'])
    """
    instance("package", package, str, "text")
    if not callable(self_test):
        raise TypeError(f"`self_test` must be a function, got {self_test!r}")
    try:
        version, needed = importlib.metadata.version(package), importlib.metadata.requires(package) or []
    except (importlib.metadata.PackageNotFoundError, ValueError):
        raise ValueError(f"`package` must be installed, got {package!r}") from None
    import jax

    plain = {_NAME.match(line)[0] for line in needed if "extra ==" not in line}  # pyright: ignore[reportOptionalSubscript]
    devices = [f"{one.device_kind} ({one.platform}:{one.id})" for one in jax.devices()]
    return {
        "package": package,
        "version": version,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": {name: _version(name) for name in sorted({*_ALWAYS, *plain}, key=str.lower)},
        "backend": jax.default_backend(),
        "devices": devices,
        "x64": bool(jax.config.read("jax_enable_x64")),
        "cores": os.cpu_count(),
        "memory_gib": _memory(),
        "extras": _extras(package, needed),
        "self_test": _tested(self_test),
    }


def report(found: Mapping[str, Any]) -> str:
    """The result of `examine` as lines of text.

    Args:
        found: The result.

    Returns:
        The text.

    Raises:
        TypeError: Anything other than a dictionary.
        ValueError: A dictionary that `examine` did not make.

    Examples:
        >>> from spinharm.doctor import examine, report
        >>> print(report(examine("numpy", lambda: {"sums": True})).splitlines()[-1])
        self-test     passed in ... s: sums
    """
    instance("found", found, dict, "a result of examine")
    try:
        return printable("\n".join(f"{name:<14}{text}" for name, text in _rows(found)))
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ValueError("`found` must be a result of examine, got another dictionary") from None


def run(package: str, self_test: Callable[[], Mapping[str, bool]], *, as_json: bool = False) -> int:
    """Examine a package and print the result.

    Args:
        package: Name of the distribution.
        self_test: See `examine`.
        as_json: Print a JSON object instead of lines.

    Returns:
        The exit status: 0, or 1 if the self-test fails.

    Raises:
        TypeError: See `examine`.
        ValueError: See `examine`.

    Examples:
        >>> from spinharm import doctor
        >>> doctor.run("numpy", lambda: {"sums": True}, as_json=True)
        {"package": "numpy", ...
        0
    """
    instance("as_json", as_json, bool, "True or False")
    found = examine(package, self_test)
    print(json.dumps(found) if as_json else report(found), flush=True)
    return 0 if found["self_test"]["passed"] else 1


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _memory() -> dict[str, float] | None:
    """Memory of this computer; None where the system does not say."""
    try:
        page = os.sysconf("SC_PAGE_SIZE") / _GIB
        names = {"total": "SC_PHYS_PAGES", "free": "SC_AVPHYS_PAGES"}
        return {name: round(os.sysconf(key) * page, 1) for name, key in names.items()}
    except (AttributeError, ValueError, OSError):
        return None


def _extras(package: str, needed: list[str]) -> dict[str, dict[str, Any]]:
    """What is missing of each extra."""
    lines: dict[str, list[str]] = {}
    for line in needed:
        if extra := _EXTRA.search(line):
            lines.setdefault(extra[1], []).append(_NAME.match(line)[0])  # pyright: ignore[reportOptionalSubscript]
    return {
        extra: {
            "missing": [name for name in names if _version(name) is None],
            "install": f"pip install '{package}[{extra}]'",
        }
        for extra, names in sorted(lines.items())
    }


def _tested(self_test: Callable[[], Mapping[str, bool]]) -> dict[str, Any]:
    begun = time.perf_counter()
    try:
        tried, error = {name: bool(right) for name, right in self_test().items()}, None
    # The examination must end with a report whatever is broken.
    except Exception as failure:
        tried, error = {}, f"{type(failure).__name__}: {first_line(failure)}"
    passed = error is None and all(tried.values())
    return {"passed": passed, "seconds": round(time.perf_counter() - begun, 1), "tried": tried, "error": error}


def _rows(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield found["package"], found["version"]
    yield "python", f"{found['python']}, {found['platform']}"
    for name, version in found["libraries"].items():
        yield name, version or "not installed"
    yield "backend", f"{found['backend']}: {', '.join(found['devices'])}; x64 {'on' if found['x64'] else 'off'}"
    memory = found["memory_gib"]
    yield "memory", f"{memory['total']} GiB, {memory['free']} free" if memory else "unknown"
    yield "cores", str(found["cores"])
    for name, extra in found["extras"].items():
        lacks = f"lacks {', '.join(extra['missing'])}: {extra['install']}" if extra["missing"] else "complete"
        yield f"[{name}]", lacks
    test = found["self_test"]
    wrong = [name for name, right in test["tried"].items() if not right]
    told = "passed" if test["passed"] else f"FAILED ({test['error'] or ', '.join(wrong)})"
    yield "self-test", f"{told} in {test['seconds']} s: {', '.join(test['tried']) or 'nothing could be tried'}"
