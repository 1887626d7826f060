"""The command line: `spinharm demo`, `spinharm grid FILE`, `spinharm info` and `spinharm doctor`.

JAX is imported when a command runs, so that `--help` answers at once.
"""

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
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from . import checks, failures, terminal
from .__about__ import __version__

if TYPE_CHECKING:
    from ._grids.grid import Grid

_DISTRIBUTIONS = ("jax", "jaxlib", "numpy", "scipy", "matplotlib", "xarray")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, or that of `failures.run` after a one-line error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = _parser().parse_args(words)
    except _UsageError as error:
        print(failures.first_line(error), file=sys.stderr)
        return 2

    # Alarms of XLA about slow compilations, which no user can act on.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    def act() -> int:
        return options.run(options) or 0

    return failures.run(f"spinharm {options.command}", words, act)


class _UsageError(ValueError):
    """A command line that cannot be parsed."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, with help in the layout of all programs."""

    def format_help(self) -> str:
        """Help in groups."""
        required, options, commands = [], [], []
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                commands = [(one.dest, one.help or "") for one in action._choices_actions]
                continue
            value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
            name = ", ".join(action.option_strings)
            row = f"{name} {value} {'...' if action.nargs == '+' else ''}".strip(), (action.help or "") % vars(action)
            (options if name else required).append(row)
        groups = [("commands", commands), ("required", required), ("options", options)]
        words = " ".join(["COMMAND" if commands else "", *(name for name, _ in required), "[OPTIONS]"]).strip()
        return terminal.help_text(
            f"{self.prog} {words}",
            self.description or "",
            [terminal.Group(*group) for group in groups],
            self.epilog or "",
            colored=terminal.is_colored(sys.stdout),
        ) + "\n"  # fmt: skip

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

    told = "transform, rotate and resample a wind; print errors, draw a picture"
    demo = _command(commands, "demo", told, "spinharm demo", "spinharm demo --bandlimit 20 --seed 1 --out small")
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

    grid = _command(commands, "grid", "recognise the grid of a file", "spinharm grid wind.nc")
    grid.set_defaults(run=run_grid)
    grid.add_argument("file", metavar="FILE", help="a file that xarray can open")

    _command(commands, "info", "print versions and devices", "spinharm info").set_defaults(run=run_info)
    told = "versions, devices, memory, what extras lack, and a self-test"
    doctor = _command(commands, "doctor", told, "spinharm doctor", "spinharm doctor --json")
    doctor.set_defaults(run=run_doctor)
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _command(commands: Any, name: str, told: str, *examples: str) -> argparse.ArgumentParser:
    """A command with its examples; `--help-all` is read as in the other programs, though `--help` shows all."""
    text = "\n".join(["examples:", *(f"  {example}" for example in examples)])
    made = commands.add_parser(name, help=told, description=f"{told[0].upper()}{told[1:]}.", epilog=text)
    made.add_argument("--help-all", action="help", help="the same")
    return made


def run_demo(options: argparse.Namespace) -> None:
    """Run `spinharm demo`: print the table, write `spinharm-demo.json` and `spinharm-demo.png`."""
    import jax

    from ._commands import demo as _demo, files, picture as _picture
    from ._transform.transform import SpinTransform

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
    from ._commands import files
    from ._grids.grid import Grid

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
    import jax

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


def run_doctor(options: argparse.Namespace) -> int:
    """Run `spinharm doctor`: examine the installation."""
    from . import doctor

    return doctor.run("spinharm", _self_test, as_json=options.json)


def _self_test() -> dict[str, bool]:
    """Whether coefficients survive a transform, and power does."""
    from ._coefficients.spectra import power_spectrum
    from ._grids.grid import Grid
    from ._transform.transform import forward, inverse

    coeffs = np.zeros((4, 7), np.complex64)
    coeffs[1:, 2:5] = 1 + 0.5j
    grid = Grid.gauss_legendre(8, 16)
    back = np.asarray(forward(inverse(coeffs, grid, spin=1), grid, spin=1, bandlimit=4))
    power = [np.asarray(power_spectrum(one)) for one in (coeffs, back)]
    return {"transform": bool(np.allclose(back, coeffs, atol=1e-5)), "spectrum": bool(np.allclose(*power, atol=1e-4))}


if __name__ == "__main__":
    sys.exit(main())
