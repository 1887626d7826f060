"""Rows of maps on the poles, where a scalar has one value and a wind is one vector."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Complex, Shaped

from spinharm import Grid

from .. import _checks

PoleRule = Literal["auto", "rings", "row", "keep"]

# A row is one vector if its deviation from that vector is below this share of it, or of the wind on the next ring:
# files round winds to 0.1 m/s.
ONE_VECTOR = 3e-2
# A component of order −s at the north pole (s at the south pole) is even in the distance from it: these weights of the
# three nearest rings give its value there, exact for polynomials of degree 5.
_EVEN_EXTRAPOLATION = (1.5, -0.6, 0.1)


def rebuild_poles(
    maps: Shaped[np.ndarray, "*batch lat lon"], grid: Grid, *, spin: int = 0, rule: PoleRule = "auto"
) -> Shaped[np.ndarray, "*batch lat lon"]:
    """Replace the rows of maps on the poles by those of a smooth field.

    On the north pole, a smooth field of spin s is A e^{−isφ} along the row, on the south pole B e^{isφ}: a scalar has
    one value, a wind is one vector seen from every meridian. This does not hold for winds that were regridded by
    component, as in the coarse stores of WeatherBench 2.

    Args:
        maps: Real or complex maps, shape (*batch, nlat, nlon); winds as `spinharm.wind_to_spin` makes them.
        grid: Grid of the maps. Without rings on the poles, the maps are returned unchanged.
        spin: Spin s of the maps.
        rule: `"row"` takes A and B from the row itself; `"rings"` takes them from the three nearest rings, by even
            extrapolation, without using the row; `"auto"` is `"row"` for scalars, and for winds whose row is one vector
            to 3 % of it or of the next ring, else `"rings"`; `"keep"` changes nothing.

    Returns:
        Maps of the same shape and type; a copy if anything changed.

    Raises:
        ValueError: The sizes are not those of the grid, the rule is unknown, or there are fewer than five rings with
            rule `"auto"` or `"rings"` and a spin other than 0.

    Examples:
        >>> import numpy as np
        >>> from spinharm import Grid
        >>> from wxsphere import rebuild_poles
        >>> grid = Grid.equiangular(3, 4, poles=True)
        >>> rebuild_poles(np.arange(12.0).reshape(3, 4), grid)
        array([[1.5, 1.5, 1.5, 1.5],
               [4. , 5. , 6. , 7. ],
               [9.5, 9.5, 9.5, 9.5]])
    """
    _checks.array("maps", maps)
    _checks.grid("grid", grid)
    if abs(_checks.integer("spin", spin)) > grid.nlon // 2:
        raise ValueError(f"`spin` must be at most {grid.nlon // 2}, half the columns of the grid, got {spin}")
    _checks.option("rule", rule, ("auto", "rings", "row", "keep"))
    if maps.shape[-2:] != grid.shape:
        raise ValueError(f"`maps` must have axes (*batch, lat, lon) with sizes {grid.shape}, got shape {maps.shape}")
    if rule == "keep" or not (grid.north_pole or grid.south_pole):
        return maps
    if rule == "auto" and spin == 0:
        rule = "row"
    if rule != "row" and grid.nlat < 5:
        raise ValueError(f"`rule` {rule!r} needs at least 5 rings, got Grid({grid}); use 'row'")
    out = maps.copy()
    last = grid.nlat - 1
    if grid.north_pole:
        _rebuild_row(out, maps, last if grid.south_first else 0, np.exp(-1j * spin * grid.longitude), rule)
    if grid.south_pole:
        _rebuild_row(out, maps, 0 if grid.south_first else last, np.exp(1j * spin * grid.longitude), rule)
    return out


def _rebuild_row(out: np.ndarray, maps: np.ndarray, row: int, wave: np.ndarray, rule: PoleRule) -> None:
    """Replace a row on a pole by a multiple of the wave that a smooth field has there."""
    step = 1 if row == 0 else -1

    def amplitude(at: int) -> np.ndarray:
        return np.asarray((maps[..., at, :] * wave.conj()).mean(-1))

    value = of_row = amplitude(row)
    if rule != "row":
        value = sum(w * amplitude(row + step * (k + 1)) for k, w in enumerate(_EVEN_EXTRAPOLATION))
    if rule == "auto":
        rest, allowed = distance_from_vector(maps[..., [row, row + step], :], wave)
        value = np.where(rest <= allowed, of_row, value)
    filled = np.asarray(value)[..., None] * wave
    out[..., row, :] = filled if np.iscomplexobj(maps) else np.real(filled)


def distance_from_vector(
    rows: Complex[np.ndarray, "*batch 2 lon"], wave: Complex[np.ndarray, " lon"]
) -> tuple[np.ndarray, np.ndarray]:
    """Distance of a row on the pole from one vector, and the tolerance for it.

    Args:
        rows: Row on the pole and the next row, as spin fields, shape (*batch, 2, lon).
        wave: Values of a smooth field along the row, with modulus 1, shape (lon,).

    Returns:
        The largest difference from the best multiple of the wave, and 3 % of the larger of that multiple and the root
        mean square of the next row; each of shape (*batch,).
    """
    vector = (rows[..., 0, :] * wave.conj()).mean(-1)
    rest = np.abs(rows[..., 0, :] - vector[..., None] * wave).max(-1)
    typical = np.sqrt((np.abs(rows[..., 1, :]) ** 2).mean(-1))
    return np.asarray(rest), np.asarray(ONE_VECTOR * np.maximum(np.abs(vector), typical))
