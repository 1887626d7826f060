"""The command line: `spinharm demo`, `spinharm grid FILE` and `spinharm info`."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import jax
import numpy as np

from . import checks, failures
from .__about__ import __version__
from ._commands import demo as _demo, files, picture as _picture
from ._grids.grid import Grid
from ._transform.transform import SpinTransform

_DISTRIBUTIONS = ("jax", "jaxlib", "numpy", "scipy", "matplotlib", "xarray")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, or that of `failures.run` after a one-line error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = _parser().parse_args(words)
    except _UsageError as error:
        print(failures.first_line(error), file=sys.stderr)
        return 2

    def act() -> int:
        options.run(options)
        return 0

    return failures.run(f"spinharm {options.command}", words, act)


class _UsageError(ValueError):
    """A command line that cannot be parsed."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage."""
        raise _UsageError(f"{self.prog}: {' '.join(message.split())}; see {self.prog} --help")


def _integer(word: str) -> int:
    """An integer of the command line."""
    try:
        return checks.parse_integer(word)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="spinharm", description="Spin-weighted spherical harmonic transforms in JAX.")
    parser.add_argument("--version", action="version", version=f"spinharm {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="transform, rotate and resample a wind; print errors, draw a picture")
    demo.set_defaults(run=run_demo)
    demo.add_argument(
        "--out",
        type=Path,
        default=Path("demo-output"),
        metavar="DIR",
        help="folder of the results; default: %(default)s",
    )
    demo.add_argument(
        "--bandlimit",
        type=_integer,
        metavar="L",
        help="number of degrees; default: what the grid resolves, at most 120",
    )
    demo.add_argument(
        "--data",
        nargs="+",
        metavar="FILE",
        help="files with an eastward and a northward wind; default: a generated wind",
    )
    demo.add_argument(
        "--select",
        action="append",
        default=[],
        metavar="DIM=VALUE",
        help="entry of another dimension of the files, e.g. level=250; default: the first",
    )
    demo.add_argument("--seed", type=_integer, default=0, help="seed of the generated wind; default: %(default)s")

    grid = commands.add_parser("grid", help="recognise the grid of a file")
    grid.set_defaults(run=run_grid)
    grid.add_argument("file", metavar="FILE", help="a file that xarray can open")

    commands.add_parser("info", help="print versions and devices").set_defaults(run=run_info)
    return parser


def run_demo(options: argparse.Namespace) -> None:
    """Run `spinharm demo`: print the table, write `spinharm-demo.json` and `spinharm-demo.png`."""
    begun = time.perf_counter()
    selected = dict(_pair(text) for text in options.select)
    checks.integer("seed", options.seed, 0)
    if options.bandlimit is not None:
        checks.integer("bandlimit", options.bandlimit, 1)
    if options.data is None:
        if selected:
            raise ValueError("`--select` must be given together with `--data`")
        largest = _demo.LARGEST_DEFAULT_BANDLIMIT
        wind = _demo.generated_wind(largest if options.bandlimit is None else options.bandlimit, options.seed)
    else:
        wind = files.read_wind(options.data, selected)
    bandlimit = options.bandlimit
    if bandlimit is None:
        bandlimit = min(wind.grid.max_bandlimit, _demo.LARGEST_DEFAULT_BANDLIMIT)
    # Refused now, not after the work.
    SpinTransform(wind.grid, bandlimit, (1,))
    options.out.mkdir(parents=True, exist_ok=True)
    demo = _demo.run(wind, bandlimit)
    print(_demo.table(demo.figures), end="\n\n")
    written = options.out / "spinharm-demo.json"
    content = {"spinharm": __version__, "jax": jax.__version__, "backend": jax.default_backend(), **demo.figures}
    _write(written, lambda path: path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8"))
    print(f"wrote {written}")
    picture = _picture.draw(demo)
    written = options.out / "spinharm-demo.png"
    _write(written, lambda path: _picture.save(picture, path))
    print(f"wrote {written}")
    print(f"{time.perf_counter() - begun:.0f} s")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ValueError(f"`--select` must be DIM=VALUE, got {text!r}")
    return name, value


def _write(path: Path, writer: Callable[[Path], object]) -> None:
    """Write under a temporary name and rename, so that a reader never finds half a file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        writer(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def run_grid(options: argparse.Namespace) -> None:
    """Run `spinharm grid`: print the grid that `Grid.from_latlon` recognises in a file."""
    with files.opened([options.file]) as dataset:
        latitude, longitude = files.latitude_longitude(dataset)
        values = [files.coordinate(dataset, name, options.file) for name in (latitude, longitude)]
        try:
            wind = ", ".join(files.wind_names(dataset))
        except ValueError:
            wind = "none found"
    try:
        grid = Grid.from_latlon(*values)
    except ValueError as error:
        raise ValueError(f"{options.file}: {failures.first_line(error)}") from error
    off = [
        float(np.max(np.abs(mine - given)))
        for mine, given in zip((grid.latitude_deg, grid.longitude_deg), values, strict=True)
    ]
    order = "south to north" if grid.south_first else "north to south"
    rows = [
        ("grid", str(grid)),
        ("latitude", f"{latitude}: {values[0][0]:g} to {values[0][-1]:g}, {order}, within {off[0]:.1e} degrees"),
        ("longitude", f"{longitude}: {values[1][0]:g} to {values[1][-1]:g}, within {off[1]:.1e} degrees"),
        (
            "max_bandlimit",
            f"{grid.max_bandlimit} (rings allow {grid.max_bandlimit_of_rings}, longitudes {(grid.nlon + 1) // 2})",
        ),
        (
            "weights",
            f"sum to 4 pi within {_sum_error(grid):.0e}, Legendre polynomials to 0 within {_legendre_error(grid):.0e}",
        ),
        ("wind", wind),
    ]
    for name, text in rows:
        print(f"{name:<15}{failures.printable(text)}")


def _sum_error(grid: Grid) -> float:
    """Relative error of the sum of all weights, 4π."""
    return abs(float(grid.weights.sum() * grid.nlon / (4 * np.pi) - 1))


def _legendre_error(grid: Grid) -> float:
    """Largest quadrature error over Legendre polynomials of degrees 1 … max_bandlimit − 1, relative to 4π."""
    table = np.polynomial.legendre.legvander(np.cos(grid.colatitude), grid.max_bandlimit - 1)
    return float(np.max(np.abs(grid.weights * grid.nlon @ table[:, 1:]), initial=0.0) / (4 * np.pi))


def run_info(options: argparse.Namespace) -> None:
    """Run `spinharm info`: print versions, the backend and its devices."""
    rows = [("spinharm", __version__), ("python", platform.python_version())]
    for name in _DISTRIBUTIONS:
        try:
            rows.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            rows.append((name, "not installed"))
    rows += [
        ("backend", jax.default_backend()),
        ("devices", ", ".join(map(str, jax.devices()))),
        ("x64", "on" if jax.config.read("jax_enable_x64") else "off"),
    ]
    for name, text in rows:
        print(f"{name:<12}{text}")


if __name__ == "__main__":
    sys.exit(main())
