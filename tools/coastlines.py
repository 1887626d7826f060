"""Write wxsphere's coastlines from Natural Earth: `python tools/coastlines.py naturalearth_lowres.shp`.

The source is the shapefile of countries at 1:110 million of naturalearthdata.com, as geopandas before 1.0 carried it
(`geopandas/datasets/naturalearth_lowres`). Natural Earth is in the public domain: "No permission is needed to use
Natural Earth. Crediting the authors is unnecessary." An edge that only one country has is a coast. The file holds
`points` (N, 2), longitude and latitude in hundredths of a degree as int16, and `starts`, where each line begins.
"""

from __future__ import annotations

import itertools
import struct
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

OUT = Path(__file__).parents[1] / "packages" / "wxsphere" / "src" / "wxsphere" / "_maps" / "coastlines.npz"
Point = tuple[int, int]
_HEADER, _POLYGON = 100, 5


def rings(path: Path) -> Iterator[np.ndarray]:
    """Closed rings of a shapefile of polygons, in hundredths of a degree."""
    data, at = path.read_bytes(), _HEADER
    while at < len(data):
        size = 2 * struct.unpack(">ii", data[at : at + 8])[1]
        body, at = data[at + 8 : at + 8 + size], at + 8 + size
        kind, parts, points = (struct.unpack("<i", body[k : k + 4])[0] for k in (0, 36, 40))
        if kind != _POLYGON:
            raise ValueError(f"{path} must be a shapefile of polygons, got one of kind {kind}")
        starts = [*struct.unpack(f"<{parts}i", body[44 : 44 + 4 * parts]), points]
        lonlat = np.frombuffer(body[44 + 4 * parts :], "<f8", 2 * points).reshape(-1, 2)
        for begin, end in itertools.pairwise(starts):
            yield np.round(100 * lonlat[begin:end]).astype(int)


def coast(found: Iterator[np.ndarray]) -> list[list[Point]]:
    """Lines of the edges that stand in one ring only, without those on the date line and at the pole."""
    times: Counter[frozenset[Point]] = Counter()
    for ring in found:
        corners = [tuple(corner) for corner in ring.tolist()]
        times.update(frozenset(edge) for edge in itertools.pairwise(corners) if edge[0] != edge[1])
    neighbours: dict[Point, list[Point]] = defaultdict(list)
    for edge, count in times.items():
        one, two = edge
        artificial = abs(one[0]) == abs(two[0]) == 18000 or min(one[1], two[1]) <= -8999
        if count == 1 and not artificial:
            neighbours[one].append(two)
            neighbours[two].append(one)
    lines = []
    # Ends of open lines first, then what is left of rings.
    for start in [*(point for point, others in neighbours.items() if len(others) == 1), *neighbours]:
        while neighbours[start]:
            line = [start]
            while neighbours[line[-1]]:
                after = neighbours[line[-1]].pop()
                neighbours[after].remove(line[-1])
                line.append(after)
            lines.append(line)
    return sorted(lines, key=len, reverse=True)


def main(path: Path) -> None:
    """Write the file of the package."""
    lines = coast(rings(path))
    points = np.concatenate(lines).astype(np.int16)
    starts = np.cumsum([0, *(len(line) for line in lines)])[:-1].astype(np.int16)
    np.savez_compressed(OUT, points=points, starts=starts)
    print(f"{len(lines)} lines, {len(points)} points, {OUT.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
