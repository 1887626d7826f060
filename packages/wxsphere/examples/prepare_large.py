"""Prepare a store that is larger than the memory that the process may have.

    python prepare_large.py --folder large --store-gib 2.5 --limit-gib 2

Writes a store of random fields on the 121×240 grid, 13 levels, four variables, time by time; then prepares it on a
32×64 Gauss grid with the memory for data of this process limited (RLIMIT_DATA); prints sizes and the peak of the
resident memory; removes both.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import time
from pathlib import Path

import dask.array as da
import numpy as np

from spinharm import Grid
from spinnn import command
from wxsphere import PrepareOptions, grid_dataset, prepare

_LEVELS = [50, 100, 150, 200, 250, 300, 400, 500, 600, 700, 850, 925, 1000]
_NAMES = ("geopotential", "temperature", "u_component_of_wind", "v_component_of_wind")
_DIMS = ("time", "level", "latitude", "longitude")


def main() -> None:
    """Write, prepare, report, remove."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--store-gib", type=float, default=2.5)
    parser.add_argument("--limit-gib", type=float, default=2.0)
    words = parser.parse_args()
    limit = int(words.limit_gib * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    words.folder.mkdir(parents=True)
    try:
        store, out = words.folder / "store.zarr", words.folder / "data"
        times = write(store, words.store_gib)
        begin = time.perf_counter()
        data = prepare(store, out, PrepareOptions(grid=Grid.gauss_legendre(32), check=False, memory_gib=0.25))
        seconds = time.perf_counter() - begin
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        command.say(
            f"store {_gib(_size(store))}, {times} times; prepared {_gib(_size(out))}, {data.training_times.size} times"
        )
        command.say(f"limit {_gib(limit)}, peak resident memory {_gib(peak)}, {seconds:.0f} s")
    finally:
        shutil.rmtree(words.folder)


def write(path: Path, gib: float) -> int:
    """A store of at least that size, in chunks of one time; its number of times."""
    grid = Grid.equiangular(121, 240)
    shape = (len(_LEVELS), *grid.shape)
    times = int(gib * 2**30 / (4 * len(_NAMES) * np.prod(shape))) + 1
    stamps = np.datetime64("2000-01-01", "ns") + np.arange(times) * np.timedelta64(6 * 3600 * 10**9, "ns")
    template = grid_dataset(grid).assign_coords(time=stamps, level=_LEVELS)
    for name in _NAMES:
        template[name] = (_DIMS, da.zeros((times, *shape), chunks=(1, *shape), dtype="float32"))
    # Random numbers do not shrink; without a compressor the size on disk is that in memory.
    encoding = {name: {"compressors": None} for name in _NAMES}
    template.to_zarr(path, compute=False, zarr_format=3, consolidated=False, encoding=encoding)
    rng = np.random.default_rng(0)
    for at in range(times):
        block = template[list(_NAMES)].isel(time=slice(at, at + 1)).drop_vars(["level", "latitude", "longitude"])
        for name in _NAMES:
            block[name] = (_DIMS, rng.standard_normal((1, *shape), np.float32))
        block.to_zarr(path, region={"time": slice(at, at + 1)}, zarr_format=3, consolidated=False)
    return times


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _gib(size: float) -> str:
    return f"{size / 2**30:.2f} GiB"


if __name__ == "__main__":
    main()
