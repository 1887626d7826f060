"""Install the wheel of a package into a fresh environment, beside the wheels of the packages below it and nothing else.

    hatch run release:installed molsphere --python 3.13             packages, MB, seconds to import
    hatch run release:installed wxsphere --versions lowest --tests   its tests, with the oldest dependencies it declares

The environment holds none of the other packages' sources, so that what a wheel lacks fails here. Libraries that a
package must not pull in are errors.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

import distributions
from check_repo import ROOT, package_names, sibling_requirements

VERSIONS = ("newest", "lowest", "prerelease")
CHEMISTRY = {"ase", "rdkit"}
WEATHER = {"cfgrib", "h5netcdf", "xarray", "xarray-regrid"}
CLOUD = {"gcsfs", "obstore", "s3fs"}
UNWANTED = {
    "spinharm": {"equinox", "optax"} | CHEMISTRY | WEATHER | CLOUD,
    "spinnn": {"optax", "orbax-checkpoint", "rich", "tyro"} | CHEMISTRY | WEATHER | CLOUD,
    "molsphere": WEATHER | CLOUD,
    "wxsphere": CHEMISTRY | CLOUD,
}

_COUNT = """
import importlib.metadata, json, pathlib, sys
names, size = set(), 0
for one in importlib.metadata.distributions():
    names.add(one.metadata["Name"].lower().replace("_", "-"))
    paths = [pathlib.Path(one.locate_file(file)) for file in one.files or []]
    size += sum(path.stat().st_size for path in paths if path.is_file())
print(json.dumps([sorted(names), size]))
"""
_IMPORT = """
import importlib, resource, sys
importlib.import_module(sys.argv[1])
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime)
"""


@dataclasses.dataclass(frozen=True)
class Environment:
    """A fresh environment: its distributions, their size in bytes, processor seconds to import a package and JAX."""

    names: tuple[str, ...]
    size: int
    seconds: float
    array_seconds: float

    def row(self, package: str, python: str, versions: str) -> str:
        """A row of a table: package, Python, versions, distributions, MB, seconds, of these seconds for `jax.numpy`."""
        words = (package, python, versions, len(self.names), f"{self.size / 1e6:.0f}", f"{self.seconds:.2f}")
        return "| " + " | ".join(map(str, (*words, f"{self.array_seconds:.2f}"))) + " |"


def lower_packages(root: Path, name: str) -> list[str]:
    """The package and those that it requires, itself last."""
    names: list[str] = []
    for requirement in sibling_requirements(root, name):
        names += [other for other in lower_packages(root, requirement.name) if other not in names]
    return [*names, name]


def outer_requirements(root: Path, name: str, *, extras: bool) -> list[str]:
    """What a package and those below it require of others, with all extras or with those that one asks of another."""
    names = lower_packages(root, name)
    asked = {
        f"{one.name}[{extra}]" for other in names for one in sibling_requirements(root, other) for extra in one.extras
    }
    texts = []
    for one in names:
        table = distributions.project(root, one)
        texts += table.get("dependencies", [])
        for extra, wanted in table.get("optional-dependencies", {}).items():
            texts += wanted if extras or f"{one}[{extra}]" in asked else []
    return sorted({text for text in texts if Requirement(text).name not in package_names(root)})


def install(root: Path, name: str, python: str, versions: str, folder: Path, *, tests: bool) -> Path:
    """Make the environment in `folder` and return its interpreter.

    Raises:
        subprocess.CalledProcessError: A wheel cannot be built, or its dependencies cannot be installed.
    """
    uv = [sys.executable, "-m", "uv"]
    wheels = folder / "wheels"
    names = lower_packages(root, name)
    for one in names:
        distributions.build(root / "packages" / one, wheels, "wheel")
    environment = folder / "environment"
    _run([*uv, "venv", "--quiet", "--python", python, str(environment)])
    interpreter = environment / "bin" / "python"
    asked = [f"{name}[{','.join(extras_of(root, name))}]" if tests and extras_of(root, name) else name]
    asked += outer_requirements(root, name, extras=tests)
    resolution = {"newest": ["--resolution", "highest"], "lowest": ["--resolution", "lowest-direct"]}
    options = resolution.get(versions, ["--prerelease", "allow"])
    group = ["--group", f"{root / 'pyproject.toml'}:test"] if tests else []
    into = ["--quiet", "--python", str(interpreter), "--find-links", str(wheels), "--only-binary", ":all:"]
    _run([*uv, "pip", "install", *into, *options, *group, *asked])
    return interpreter


def measure(interpreter: Path, name: str) -> Environment:
    """Count what an environment holds, and the processor time of imports: the least of three."""
    names, size = json.loads(_output([str(interpreter), "-c", _COUNT]))
    seconds = min(float(_output([str(interpreter), "-c", _IMPORT, name])) for _ in range(3))
    arrays = min(float(_output([str(interpreter), "-c", _IMPORT, "jax.numpy"])) for _ in range(3))
    return Environment(tuple(names), size, seconds, arrays)


def extras_of(root: Path, name: str) -> list[str]:
    """Extras of a package, by name."""
    return sorted(distributions.project(root, name).get("optional-dependencies", {}))


def unwanted(name: str, found: tuple[str, ...]) -> list[str]:
    """Libraries in a plain environment of package `name` that it must not pull in."""
    return sorted(UNWANTED[name] & {*found})


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=tempfile.gettempdir()).stdout


def main(arguments: list[str] | None = None, *, root: Path = ROOT) -> int:
    """Parse the command line, install, measure or test, and return the exit status."""
    parser = argparse.ArgumentParser(description="Install the wheel of a package alone; measure it, or run its tests.")
    parser.add_argument("package", choices=package_names(root))
    parser.add_argument(
        "--python", default=f"{sys.version_info[0]}.{sys.version_info[1]}", help="(default: %(default)s)"
    )
    parser.add_argument("--versions", choices=VERSIONS, default="newest", help="of dependencies (default: %(default)s)")
    parser.add_argument("--tests", action="store_true", help="install extras and tools of tests, and run the tests")
    options = parser.parse_args(arguments)
    name = options.package
    with tempfile.TemporaryDirectory() as folder:
        try:
            interpreter = install(root, name, options.python, options.versions, Path(folder), tests=options.tests)
        except (subprocess.CalledProcessError, distributions.DistributionError) as error:
            print(f"installed.py: {name} cannot be installed: {error}", file=sys.stderr)
            return 1
        if options.tests:
            place = _output([str(interpreter), "-c", f"import {name}; print({name}.__file__)"]).strip()
            print(f"{name} is {place}", flush=True)
            done = subprocess.run(
                [str(interpreter), "-m", "pytest", "-q", "-m", "not slow", f"packages/{name}"], cwd=root
            )
            return done.returncode
        environment = measure(interpreter, name)
        python = _output([str(interpreter), "-c", "import platform; print(platform.python_version())"]).strip()
    print(environment.row(name, python, options.versions))
    if strangers := unwanted(name, environment.names):
        print(f"installed.py: {name} must not pull in {', '.join(strangers)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
