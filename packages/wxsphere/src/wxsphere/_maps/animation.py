"""Animations of maps over lead times or times."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from spinharm.optional import require
from spinnn.files import replacing

from .. import _checks
from .._conventions.names import LEAD, TIME
from .figure import check_fields, map_figure
from .options import MapOptions
from .panels import Panel, layers_of, names_to_draw, panels_of, scales_of
from .style import EXTRA

SUFFIXES = (".gif", ".mp4")
_MOST_FRAMES = 2000


def animate_maps(
    fields: xr.Dataset | Mapping[str, xr.Dataset],
    path: str | os.PathLike,
    variables: Sequence[str] = (),
    options: MapOptions | None = None,
    *,
    minus: xr.Dataset | None = None,
    frames_per_second: float = 4.0,
    **changes: Any,
) -> Path:
    """Write maps of all lead times of a forecast, else of all times, as an animation with one scale of colours.

    Args:
        fields: As in `map_figure`; the first dataset has more than one lead time, or more than one time.
        path: The file, `….gif`, or `….mp4`, which needs the program ffmpeg.
        variables: As in `map_figure`.
        options: As in `map_figure`, of a forecast with the initial time.
        minus: As in `map_figure`.
        frames_per_second: Above 0, at most 60.
        **changes: Options by name, in place of those in `options`.

    Returns:
        The path.

    Raises:
        ModuleNotFoundError: matplotlib is not installed, or for `.mp4` ffmpeg; the message names the remedy.
        TypeError: Arguments of another type.
        ValueError: Another suffix, a dataset of one time, or as in `map_figure`.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import animate_maps, grid_dataset
        >>> times = np.arange("2020-01-01T00", "2020-01-01T12", 6, "datetime64[h]").astype("datetime64[ns]")
        >>> fields = grid_dataset(Grid.equiangular(5, 8)).assign_coords(time=times)
        >>> fields["temperature"] = ("time", "latitude", "longitude"), np.full((2, 5, 8), 280.0)
        >>> animate_maps(fields, "warm.gif", smooth=False).name
        'warm.gif'
    """
    options = _checks.options(MapOptions, options, changes)
    named = check_fields(fields, minus)
    path = check_animation("path", path)
    if _checks.number("frames_per_second", frames_per_second, above=0.0) > 60:
        raise ValueError(f"`frames_per_second` must be at most 60, got {frames_per_second!r}")
    if path.suffix.lower() == ".mp4":
        _check_ffmpeg()
    each = _frames(named if isinstance(named, xr.Dataset) else next(iter(named.values())), options)
    wanted = _checks.names("variables", variables)
    options = _with_limits(named, minus, wanted, each)
    pictures = (_pixels(map_figure(named, wanted, _at(options, one), minus=minus)) for one in each)
    _write(pictures, path, float(frames_per_second))
    return path


def check_animation(name: str, path: str | os.PathLike) -> Path:
    """The path of an animation, whose suffix must be known."""
    _checks.instance(name, path, (str, os.PathLike), "a path")
    if Path(path).suffix.lower() not in SUFFIXES:
        raise ValueError(f"`{name}` must end in .gif or .mp4, got {os.fspath(path)!r}")
    return Path(path)


def _check_ffmpeg() -> None:
    if not require("matplotlib.animation", EXTRA, "an animation").FFMpegWriter.isAvailable():
        raise ModuleNotFoundError("an animation as .mp4 needs the program ffmpeg, which is not installed; write a .gif")


def _frames(dataset: xr.Dataset, options: MapOptions) -> list[MapOptions]:
    """Options of each frame: of forecasts all lead times of one initial time, else all times."""
    if LEAD in dataset.dims and dataset.sizes[LEAD] > 1:
        leads = dataset[LEAD].values / np.timedelta64(1, "h")
        frames = [dataclasses.replace(options, lead_hours=float(lead)) for lead in leads]
    elif TIME in dataset.dims and dataset.sizes[TIME] > 1:
        _checks.dimensions("fields", dataset, (TIME,))
        frames = [dataclasses.replace(options, time=time) for time in dataset[TIME].values]
    else:
        raise ValueError(f"`fields` must have several lead times or times to animate, got {dict(dataset.sizes)}")
    if len(frames) > _MOST_FRAMES:
        raise ValueError(f"`fields` must have at most {_MOST_FRAMES} lead times or times to animate, got {len(frames)}")
    return frames


def _at(options: MapOptions, frame: MapOptions) -> MapOptions:
    return dataclasses.replace(frame, limits=options.limits)


def _with_limits(
    fields: xr.Dataset | Mapping[str, xr.Dataset],
    minus: xr.Dataset | None,
    variables: Sequence[str],
    frames: list[MapOptions],
) -> MapOptions:
    """Options with the limits of colours of all frames together."""
    rows: dict[str, list[Panel]] = {}
    for frame in frames:
        # The range of a field that its coefficients give back is that of its values to within a colour.
        coarse = dataclasses.replace(frame, smooth=False)
        layers, subtracted = layers_of(fields, minus, coarse)
        names = names_to_draw(layers, subtracted, list(variables), coarse)
        for row in panels_of(layers, subtracted, names, coarse):
            rows.setdefault(row[0].name, []).extend(row)
    scales = scales_of(list(rows.values()), frames[0])
    limits = {name: (scale.low, scale.high) for name, scale in zip(rows, scales, strict=True)}
    return dataclasses.replace(frames[0], limits=limits)


def _pixels(figure: Any) -> np.ndarray:
    """Colours of a figure on white, shape (height, width, 3), of even sizes, as films need them."""
    canvas = require("matplotlib.backends.backend_agg", EXTRA, "an animation").FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    return pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2].copy()


def _write(pictures: Iterator[np.ndarray], path: Path, frames_per_second: float) -> None:
    """Write pictures; other processes see the old file or the complete new one."""
    if path.suffix.lower() == ".gif":
        image = require("PIL.Image", EXTRA, "an animation")
        # Without dithering a colour stands for the same value in each frame.
        first, *more = [image.fromarray(one).quantize(256, dither=image.Dither.NONE) for one in pictures]
        duration = max(20, round(1000 / frames_per_second))
        with replacing(path, "wb") as file:
            first.save(file, format="gif", save_all=True, append_images=more, duration=duration, loop=0)
        return
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        writer = require("matplotlib.animation", EXTRA, "an animation").FFMpegWriter(fps=frames_per_second)
        figure: Any = None
        shown: Any = None
        for one in pictures:
            if figure is None:
                height, width, _ = one.shape
                figure = require("matplotlib.figure", EXTRA, "an animation").Figure((width / 100, height / 100), 100)
                require("matplotlib.backends.backend_agg", EXTRA, "an animation").FigureCanvasAgg(figure)
                axes = figure.add_axes((0, 0, 1, 1))
                axes.set_axis_off()
                shown = axes.imshow(one)
                writer.setup(figure, str(film), 100)
            shown.set_data(one)
            writer.grab_frame()
        writer.finish()
        with replacing(path, "wb") as file:
            file.write(film.read_bytes())
