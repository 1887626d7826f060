"""How times grow: a transform with the bandlimit, a training step with batch, channels and bandlimit.

Exponents are slopes of log time over log size, least squares over the three largest sizes; small sizes are ruled by
what does not grow. Beside them stands what counting operations gives, by the same fit. Transform: forward and inverse,
method "tables", 16 complex maps of spin 0 on Gauss grids; products between rings and degrees are O(L³), FFTs along the
rings O(L² log L), timed alone as well. Step: a `SpinResNet` of a block and a residual block, spins 0 and 1, L2 loss
and Adam, on Gauss grids; its products over channels grow with their square and all else linearly, its transforms with
the bandlimit as above and all else with its square. float32; the sizes of a curve take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from _residual import residual_step
from _timing import milliseconds

import spinharm
from spinharm import Grid, SpinTransform
from spinnn.plots import BLUE, GREY, make_figure, make_panels, save_figure

PACKAGES = ("spinharm", "spinnn", "equinox", "optax")
TABLE = (Path(__file__).with_name("README.md"), ".3g")
PICTURE = Path(__file__).with_name("growth.png")
BETTER = {"exponent": "less"}
MAPS = 16
BANDLIMITS = (16, 32, 64, 128, 256, 512)
# Each step has these but for what its curve varies.
STEP = {"batch": 4, "channels": 16, "bandlimit": 32}
STEPS = {"batch": (1, 2, 4, 8, 16, 32), "channels": (8, 16, 32, 64, 128), "bandlimit": (16, 32, 64, 128)}
FITTED = 3


def exponent(sizes: Sequence[float] | np.ndarray, values: Sequence[float] | np.ndarray) -> float:
    """Slope of log value over log size, over the largest sizes."""
    return float(np.polyfit(np.log(sizes[-FITTED:]), np.log(values[-FITTED:]), 1)[0])


def _transforms() -> tuple[dict[int, Callable[[], Any]], dict[int, Callable[[], Any]]]:
    """By bandlimit: a transform forward and back, and FFTs along as many rings."""
    both, rings = {}, {}
    fft = jax.jit(lambda x: jnp.fft.ifft(jnp.fft.fft(x)))
    for L in BANDLIMITS:
        grid = Grid.gauss_legendre(L)
        transform = SpinTransform(grid, L, method="tables", memory_limit=2**32)
        real, imaginary = jax.random.normal(jax.random.key(L), (2, *grid.shape, 1, MAPS))
        maps = jax.lax.complex(real, imaginary)
        run = spinharm.jit(lambda x, transform=transform: transform.inverse(transform.forward(x)))
        lines = jnp.moveaxis(maps, 1, -1)
        both[L] = lambda run=run, maps=maps: run(maps)
        rings[L] = lambda lines=lines: fft(lines)
    return both, rings


def _step(batch: int, channels: int, bandlimit: int) -> Callable[[], Any]:
    """One optimisation step; each call goes on from the last."""
    _, step, state, data = residual_step(Grid.gauss_legendre(bandlimit), 2, channels, batch)
    holder = [state]

    def one_step() -> Any:
        holder[0], result = step(holder[0], data)
        return result

    return one_step


def _times(candidates: dict[int, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    found = milliseconds({str(size): run for size, run in candidates.items()}, rounds)
    return {"sizes": list(candidates), "times": list(found.values())}


def measure() -> dict[str, Any]:
    """A row per curve, and under `curves` all times [ms] by size."""
    both, rings = _transforms()
    curves = {
        ("transform, forward and inverse", "bandlimit"): _times(both, 8),
        ("FFTs along its rings, there and back", "bandlimit"): _times(rings, 8),
    }
    spinharm.clear_tables()
    del both, rings
    for varied, sizes in STEPS.items():
        steps = {size: _step(**{**STEP, varied: size}) for size in sizes}
        curves["training step", varied] = _times(steps, 6)
        spinharm.clear_tables()
    fourier = f"{exponent(BANDLIMITS, [L**2 * np.log(2 * L) for L in BANDLIMITS]):.1f}"
    counted = (f"{fourier} to 3", fourier, "1", "1 to 2", "2 to 3")
    rows = []
    for ((what, varied), curve), expected in zip(curves.items(), counted, strict=True):
        sizes, times = curve["sizes"], curve["times"]
        fitted = f"{sizes[-FITTED]:.0f}–{sizes[-1]:.0f}"
        ends = {"smallest [ms]": times[0], "largest [ms]": times[-1]}
        sizes = f"{sizes[0]:.0f}–{sizes[-1]:.0f}"
        row = {"what": what, "varied": varied, "sizes": sizes, **ends, "fitted over": fitted}
        rows.append({**row, "exponent": exponent(curve["sizes"], times), "operations": expected})
    return {"rows": rows, "curves": {" by ".join(name): curve for name, curve in curves.items()}}


def draw(result: dict[str, Any]) -> str:
    """Draw the curves with their fitted slopes; the line that shows the picture on the page."""
    figure = make_figure(9.6, 3.0, "spinnn[plot]")
    curves = {name: curve for name, curve in result["curves"].items() if not name.startswith("FFTs")}
    for panel, (name, curve) in zip(make_panels(figure, len(curves)), curves.items(), strict=True):
        what, _, varied = name.partition(" by ")
        sizes, times = np.array(curve["sizes"], float), np.array(curve["times"])
        slope = exponent(sizes, times)
        line = sizes[-FITTED:] ** slope
        line *= np.exp(np.mean(np.log(times[-FITTED:] / line)))
        panel.loglog(sizes[-FITTED:], line, color=GREY, lw=4, alpha=0.4)
        panel.loglog(sizes, times, "o-", color=BLUE, ms=3.5, lw=1.2)
        panel.annotate(f"{slope:.2f}", (sizes[-2], times[-2]), (6, -12), textcoords="offset points", color=GREY)
        panel.set_title(what.partition(",")[0], fontsize=9)
        panel.set_xlabel(varied)
        panel.set_xticks(sizes, [f"{size:.0f}" for size in sizes])
        panel.minorticks_off()
    figure.axes[0].set_ylabel("milliseconds")
    save_figure(figure, PICTURE)
    return "![Times by bandlimit, batch and channels, with their slopes](growth.png)"
