"""Make the pictures of the documentation, for light and for dark pages.

    wxsphere demo --out demo/weather
    python tools/pictures.py demo/weather                # all, into the packages' docs/images
    python tools/pictures.py demo/weather spectra        # those whose name contains "spectra"

Each is made by the command that stands in `COMMANDS`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
from pathlib import Path

from PIL import Image

from wxsphere._maps.style import Theme, style

ROOT = Path(__file__).parents[1] / "packages"
THEMES: tuple[Theme, ...] = ("light", "dark")
COMMANDS = {
    "wxsphere/docs/images/forecast.png": (
        "wxsphere", "plot maps {demo}/forecast.zarr --lead 72 --beside {demo}/data --no-coast --projection robinson"
    ),
    "wxsphere/docs/images/error.png": (
        "wxsphere",
        "plot maps {demo}/forecast.zarr --lead 72 --minus {demo}/data --no-coast --projection robinson "
        "--variables geopotential --columns 1",
    ),
    "wxsphere/docs/images/spectra.svg": (
        "wxsphere", "plot spectra {demo}/forecast.zarr --truth {demo}/data --leads 6 72 240 --variables geopotential"
    ),
    "wxsphere/docs/images/curves.svg": ("wxsphere", "plot curves {demo}/scores --variables geopotential wind"),
    "wxsphere/docs/images/learning.svg": ("wxsphere", "plot learning {demo}/run"),
    "molsphere/docs/images/spheres.png": ("molsphere", "plot spheres --smiles CCO --atom 1"),
}  # fmt: skip


def main() -> None:
    """Make the pictures whose name contains the given word."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path, help="folder of `wxsphere demo`")
    parser.add_argument("only", nargs="?", default="", help="part of the names of pictures")
    options = parser.parse_args()
    for name in COMMANDS:
        for theme in THEMES if options.only in name else ():
            out = (ROOT / name).with_stem(Path(name).stem + ("-dark" if theme == "dark" else ""))
            out.parent.mkdir(parents=True, exist_ok=True)
            with style(theme):
                program, words = COMMANDS[name]
                _run(program, [*words.format(demo=options.demo).split(), "--out", str(out)], theme)
            if out.suffix == ".png":
                _shrink(out)
            print(f"{out.relative_to(ROOT)}: {out.stat().st_size / 1000:.0f} kB")


def _run(program: str, words: list[str], theme: Theme) -> None:
    themed = ["--theme", theme] if program == "wxsphere" else []
    with contextlib.redirect_stdout(open(os.devnull, "w", encoding="utf-8")):
        status = importlib.import_module(f"{program}.__main__").main([*words, *themed])
    if status:
        raise SystemExit(f"{program} {' '.join(words)} ended with status {status}")


def _shrink(path: Path) -> None:
    """Keep 256 colours of a picture: a fifth of the size, smooth fields in fine steps."""
    with Image.open(path) as image:
        small = image.convert("RGBA").quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    small.save(path, "png", optimize=True)


if __name__ == "__main__":
    main()
