"""Latitude-longitude grids: rings, equally spaced longitudes, quadrature weights and the largest exact bandlimit."""

from __future__ import annotations

import dataclasses
import functools
from typing import Literal

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from .. import html
from .._arrays import arguments
from . import quadrature

Rule = Literal["circle", "gauss", "driscoll-healy"]

# Coordinates in files are rounded: accept 0.1 % of the spacing, or 0.006 degrees (two decimals), whichever is larger,
# but never more than 2 % of the spacing, so that a Gauss grid is not taken for an equiangular one.
_RELATIVE_TOLERANCE = 1e-3
_ABSOLUTE_TOLERANCE_DEG = 6e-3
_LARGEST_RELATIVE_TOLERANCE = 2e-2


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


@dataclasses.dataclass(frozen=True)
class Grid:
    """A grid of `nlat` rings with `nlon` equally spaced points each: a frozen, hashable value without device arrays.

    Build one with `Grid.equiangular`, `Grid.gauss_legendre`, `Grid.driscoll_healy`, `Grid.mcewen_wiaux` or, from the
    coordinates of a file, `Grid.from_latlon`. Maps on a grid have axes (lat, lon) in the order of `colatitude` and
    `longitude`.

    Attributes:
        nlat: Number of rings.
        nlon: Points on each ring.
        rule: `"circle"` (rings equally spaced along the meridian circle), `"gauss"` (Gauss-Legendre nodes) or
            `"driscoll-healy"` (equally spaced from the north pole, without the south pole, `nlat` even).
        north_pole: For rule `"circle"`: whether a ring lies on the north pole.
        south_pole: For rule `"circle"`: whether a ring lies on the south pole.
        longitude_origin: Longitude of the first column [radians].
        south_first: Whether the first ring is the southernmost (ascending latitude).

    Examples:
        >>> from spinharm import Grid
        >>> grid = Grid.equiangular(5, 8)
        >>> grid.shape, grid.max_bandlimit, grid.max_bandlimit_of_rings, grid.is_symmetric
        ((5, 8), 4, 4, True)
        >>> grid.latitude_deg.tolist()
        [90.0, 45.0, 0.0, -45.0, -90.0]
        >>> grid.longitude_deg.tolist()
        [0.0, 45.0, 90.0, 135.0, 180.0, 225.0, 270.0, 315.0]
        >>> grid.colatitude.shape, grid.longitude.shape
        ((5,), (8,))
        >>> round(float((grid.weights[:, None] * (0 * grid.longitude + 1)).sum()), 4)  # 4π
        12.5664
    """

    nlat: int
    nlon: int
    rule: Rule = "circle"
    north_pole: bool = True
    south_pole: bool = True
    longitude_origin: float = 0.0
    south_first: bool = False

    def __post_init__(self) -> None:
        for name in ("north_pole", "south_pole", "south_first"):
            arguments.flag(name, getattr(self, name))
        arguments.integer("nlat", self.nlat, 2 if self.north_pole and self.south_pole else 1)
        arguments.integer("nlon", self.nlon, 1)
        if self.rule not in ("circle", "gauss", "driscoll-healy"):
            raise ValueError(f'`rule` must be "circle", "gauss" or "driscoll-healy", got {self.rule!r}')
        if self.rule == "driscoll-healy" and self.nlat % 2:
            raise ValueError(f'`nlat` must be even for rule "driscoll-healy", got {self.nlat}')
        if not np.isfinite(self.longitude_origin):
            raise ValueError(f"`longitude_origin` must be finite, got {self.longitude_origin}")

    @classmethod
    def equiangular(cls, nlat: int, nlon: int, poles: bool = True) -> Grid:
        """Equally spaced colatitudes, with a ring on each pole or with rings at cell centres.

        With poles, θ_j = πj/(nlat − 1): the Clenshaw-Curtis grid, of which 121×240 (1.5°), 721×1440 (0.25°) and
        s2fft's "mwss" (L+1)×2L are cases. Without, θ_j = π(j + ½)/nlat: the Fejér grid, of which 32×64 (5.625°) is one.

        Args:
            nlat: Number of rings, at least 2 with poles, at least 1 without.
            nlon: Points on each ring.
            poles: Whether the first and the last ring are the poles.

        Returns:
            The grid. It resolves `min(nlat − 1 if poles else nlat, (nlon + 1) // 2)` degrees exactly.

        Raises:
            TypeError: `nlat` or `nlon` is not an integer, or `poles` not True or False.
            ValueError: `nlat` or `nlon` is too small.

        Examples:
            >>> from spinharm import Grid
            >>> print(Grid.equiangular(121, 240), "and", Grid.equiangular(32, 64, poles=False))
            121×240 equiangular with poles and 32×64 equiangular without poles
        """
        arguments.flag("poles", poles)
        nlat = arguments.integer("nlat", nlat, 2 if poles else 1)
        return cls(nlat, arguments.integer("nlon", nlon, 1), "circle", bool(poles), bool(poles))

    @classmethod
    def gauss_legendre(cls, bandlimit: int, nlon: int | None = None) -> Grid:
        """Rings at the `bandlimit` Gauss-Legendre nodes: the fewest rings whose quadrature resolves as many degrees.

        Args:
            bandlimit: Number of rings, which is also the number of degrees resolved.
            nlon: Points on each ring; default `2 * bandlimit`. `2 * bandlimit - 1` is the least for full band.

        Returns:
            The grid.

        Raises:
            TypeError: An argument is not an integer.
            ValueError: An argument is below 1.

        Examples:
            >>> from spinharm import Grid
            >>> grid = Grid.gauss_legendre(64)
            >>> grid.shape, grid.max_bandlimit
            ((64, 128), 64)
        """
        bandlimit = arguments.integer("bandlimit", bandlimit, 1)
        nlon = 2 * bandlimit if nlon is None else arguments.integer("nlon", nlon, 1)
        return cls(bandlimit, nlon, "gauss", False, False)

    @classmethod
    def driscoll_healy(cls, bandlimit: int, nlon: int | None = None) -> Grid:
        """Driscoll and Healy's grid: 2L rings θ_j = πj/(2L), the north pole included and the south pole not.

        Args:
            bandlimit: L, the number of degrees resolved.
            nlon: Points on each ring; default `2 * bandlimit`.

        Returns:
            The grid, which needs twice as many rings as degrees.

        Raises:
            TypeError: An argument is not an integer.
            ValueError: An argument is below 1.

        References:
            Driscoll and Healy, Computing Fourier transforms and convolutions on the 2-sphere (1994), Theorem 3.

        Examples:
            >>> from spinharm import Grid
            >>> grid = Grid.driscoll_healy(64)
            >>> grid.shape, grid.max_bandlimit
            ((128, 128), 64)
        """
        bandlimit = arguments.integer("bandlimit", bandlimit, 1)
        nlon = 2 * bandlimit if nlon is None else arguments.integer("nlon", nlon, 1)
        return cls(2 * bandlimit, nlon, "driscoll-healy", True, False)

    @classmethod
    def mcewen_wiaux(cls, bandlimit: int, nlon: int | None = None) -> Grid:
        """McEwen and Wiaux's grid: L rings θ_j = π(2j + 1)/(2L − 1), the south pole included, by 2L − 1 longitudes.

        Args:
            bandlimit: L, the number of degrees resolved.
            nlon: Points on each ring; default `2 * bandlimit - 1`.

        Returns:
            The grid, which needs as many rings as degrees.

        Raises:
            TypeError: An argument is not an integer.
            ValueError: An argument is below 1.

        References:
            McEwen and Wiaux, A novel sampling theorem on the sphere (2011), section III.

        Examples:
            >>> from spinharm import Grid
            >>> grid = Grid.mcewen_wiaux(64)
            >>> grid.shape, grid.max_bandlimit
            ((64, 127), 64)
        """
        bandlimit = arguments.integer("bandlimit", bandlimit, 1)
        nlon = 2 * bandlimit - 1 if nlon is None else arguments.integer("nlon", nlon, 1)
        return cls(bandlimit, nlon, "circle", False, True)

    @classmethod
    def from_latlon(cls, latitude_deg: npt.ArrayLike, longitude_deg: npt.ArrayLike) -> Grid:
        """Recognise the grid of a file from its coordinates.

        Args:
            latitude_deg: Latitudes [degrees, −90 … 90], ascending or descending, shape (lat,); anything that
                `numpy.asarray` takes.
            longitude_deg: Longitudes [degrees], ascending and equally spaced over one circle from any origin, shape
                (lon,). A closing column that repeats the first one is refused.

        Returns:
            The grid whose `latitude_deg` and `longitude_deg` are these. Coordinates may be rounded as files round them
            (to 0.1 % of the spacing or two decimals).

        Raises:
            ValueError: Coordinates that are not one-dimensional, not finite, out of range, unsorted, repeated, or on no
                known grid; the message names the first offending value. Coordinates of single points, such as those of
                a reduced Gaussian grid; the message names the kind and a remedy.

        Examples:
            >>> import numpy as np
            >>> from spinharm import Grid
            >>> print(Grid.from_latlon(np.linspace(-90, 90, 121), np.arange(0, 360, 1.5)))
            121×240 equiangular with poles, south first
        """
        latitude = _checked_axis("latitude_deg", latitude_deg)
        longitude = _checked_axis("longitude_deg", longitude_deg)
        if np.any(np.abs(latitude) > 90 * (1 + 1e-6)):
            worst = float(latitude[np.argmax(np.abs(latitude))])
            raise ValueError(
                f"`latitude_deg` must lie within [-90, 90] degrees, got {worst:g}; are the two arguments swapped?"
            )
        _refuse_lists_of_points(latitude, longitude)
        south_first = latitude.size > 1 and bool(latitude[1] > latitude[0])
        steps = np.diff(latitude) * (1 if south_first else -1)
        if np.any(steps <= 0):
            at = int(np.argmax(steps <= 0))
            raise ValueError(
                f"`latitude_deg` must be sorted without repeats, got {latitude[at]:g} then {latitude[at + 1]:g} "
                f"at index {at}"
            )
        candidates = _candidates(latitude.size, longitude.size, _longitude_origin(longitude), south_first)
        spacing = 180.0 / latitude.size
        misfits = [(float(np.max(np.abs(c.latitude_deg - latitude))), c) for c in candidates]
        misfit, best = min(misfits, key=lambda pair: pair[0])
        if misfit > _tolerance(spacing):
            at = int(np.argmax(np.abs(best.latitude_deg - latitude)))
            raise ValueError(
                f"`latitude_deg` must be the rings of an equiangular, Gauss-Legendre, Driscoll-Healy or McEwen-Wiaux "
                f"grid: {latitude.size} rings whose index {at} is {latitude[at]:g}, where the nearest of these grids "
                f'(rule "{best.rule}") has {best.latitude_deg[at]:g}; a regional or irregular grid must be '
                f"interpolated to one of them first"
            )
        return best

    @functools.cached_property
    def colatitude(self) -> Float[np.ndarray, " lat"]:
        """Colatitude of each ring [radians, 0 at the north pole], float64, shape (lat,), in the order of the maps."""
        if self.rule == "gauss":
            theta = quadrature.gauss_legendre(self.nlat)[0].copy()
        elif self.rule == "driscoll-healy":
            theta = np.pi * np.arange(self.nlat) / self.nlat
        else:
            theta = quadrature.circle_colatitude(self.nlat, self.north_pole, self.south_pole)
        return _read_only(theta[::-1].copy() if self.south_first else theta)

    @functools.cached_property
    def longitude(self) -> Float[np.ndarray, " lon"]:
        """Longitude of each column [radians], float64, shape (lon,)."""
        return _read_only(self.longitude_origin + 2 * np.pi * np.arange(self.nlon) / self.nlon)

    @functools.cached_property
    def weights(self) -> Float[np.ndarray, " lat"]:
        """Solid angle of a point on each ring [steradians], float64, shape (lat,).

        `Σ_jk weights[j] f[j, k]` is ∫ f dΩ, exact for functions of bandlimit `max_bandlimit`; the weights of all
        points sum to 4π.
        """
        if self.rule == "gauss":
            weight = quadrature.gauss_legendre(self.nlat)[1].copy()
        elif self.rule == "driscoll-healy":
            weight = quadrature.driscoll_healy_weights(self.nlat)
        else:
            weight = quadrature.circle_weights(self.nlat, self.north_pole, self.south_pole)
        weight = weight * (2 * np.pi / self.nlon)
        return _read_only(weight[::-1].copy() if self.south_first else weight)

    @property
    def latitude_deg(self) -> Float[np.ndarray, " lat"]:
        """Latitude of each ring [degrees], float64, shape (lat,)."""
        return 90.0 - np.degrees(self.colatitude)

    @property
    def longitude_deg(self) -> Float[np.ndarray, " lon"]:
        """Longitude of each column [degrees], float64, shape (lon,)."""
        return np.degrees(self.longitude)

    @property
    def shape(self) -> tuple[int, int]:
        """`(nlat, nlon)`."""
        return (self.nlat, self.nlon)

    @property
    def max_bandlimit(self) -> int:
        """The largest bandlimit L (degrees 0 … L−1) whose transforms are exact here, with all 2L−1 orders."""
        return min(self.max_bandlimit_of_rings, (self.nlon + 1) // 2)

    @property
    def max_bandlimit_of_rings(self) -> int:
        """The bound of the rings alone on the bandlimit; the longitudes need `nlon >= 2 * bandlimit - 1`."""
        if self.rule == "driscoll-healy":
            return self.nlat // 2
        if self.rule == "circle" and self.north_pole and self.south_pole:
            return self.nlat - 1
        return self.nlat

    @property
    def is_symmetric(self) -> bool:
        """Whether the rings are symmetric about the equator."""
        return self.rule == "gauss" or (self.rule == "circle" and self.north_pole == self.south_pole)

    def _repr_html_(self) -> str:
        """Table for notebooks."""
        rows = [
            ("rings", self.nlat),
            ("points on a ring", self.nlon),
            ("largest exact bandlimit", self.max_bandlimit),
            ("latitudes", f"{self.latitude_deg[0]:.6g}° … {self.latitude_deg[-1]:.6g}°"),
            ("spacing of longitudes", f"{360 / self.nlon:.6g}°"),
        ]
        return html.table(str(self), (), rows)

    def __str__(self) -> str:
        kind = {"gauss": "Gauss-Legendre", "driscoll-healy": "Driscoll-Healy"}.get(self.rule)
        if kind is None:
            kind = {
                (True, True): "equiangular with poles",
                (False, False): "equiangular without poles",
                (False, True): "McEwen-Wiaux",
                (True, False): "McEwen-Wiaux, mirrored",
            }[self.north_pole, self.south_pole]
        extra = ", south first" if self.south_first else ""
        if self.longitude_origin:
            extra += f", longitudes from {np.degrees(self.longitude_origin):g}°"
        return f"{self.nlat}×{self.nlon} {kind}{extra}"


def _tolerance(spacing_deg: float) -> float:
    wanted = max(_RELATIVE_TOLERANCE * spacing_deg, _ABSOLUTE_TOLERANCE_DEG)
    return min(wanted, _LARGEST_RELATIVE_TOLERANCE * spacing_deg)


def _checked_axis(name: str, values: object) -> np.ndarray:
    axis = np.asarray(values, dtype=np.float64)
    if axis.ndim != 1 or axis.size == 0:
        raise ValueError(f"`{name}` must be one-dimensional and not empty, got shape {axis.shape}")
    if not np.all(np.isfinite(axis)):
        at = int(np.argmin(np.isfinite(axis)))
        raise ValueError(f"`{name}` must be finite, got {axis[at]} at index {at}")
    return axis


def _refuse_lists_of_points(latitude: np.ndarray, longitude: np.ndarray) -> None:
    """Refuse a latitude and a longitude for each point, as reduced and unstructured grids have them."""
    nlat, nlon = np.unique(latitude).size, np.unique(longitude).size
    # A square grid with one repeated latitude is another mistake.
    if latitude.size != longitude.size or 2 * nlat > latitude.size:
        return
    edges = np.flatnonzero(np.diff(latitude, prepend=np.nan, append=np.nan) != 0)
    sizes = np.diff(edges)
    if nlat * nlon == latitude.size:
        kind = f"a regular grid of {nlat} rings and {nlon} columns, point by point"
        remedy = "reshape the field and pass each latitude and each longitude once"
    elif sizes.size == nlat:
        lengths = f"{sizes.min()} to {sizes.max()} points"
        kind = f"a reduced grid, e.g. a reduced Gaussian one, whose {nlat} rings have {lengths}"
        remedy = "make it regular first, e.g. with `cdo setgridtype,regular IN OUT`"
    else:
        kind = "an unstructured grid"
        remedy = "interpolate it to a regular one first, e.g. with `cdo remapbil,r360x180 IN OUT`"
    raise ValueError(
        f"`latitude_deg` and `longitude_deg` must be those of rings and of columns, got one of each for "
        f"{latitude.size} points: {kind}; {remedy}"
    )


def _longitude_origin(longitude: np.ndarray) -> float:
    """The first longitude in radians, after a check that the columns are `360/nlon` degrees apart."""
    spacing = 360.0 / longitude.size
    steps = spacing * np.arange(longitude.size)
    # Both the first column and the one compared with it may be rounded.
    wrong = np.abs(longitude - (longitude[0] + steps)) > 2 * _tolerance(spacing)
    if np.any(wrong):
        if abs(longitude[-1] - longitude[0] - 360.0) <= 2 * _tolerance(spacing):
            raise ValueError(
                f"`longitude_deg` must not repeat its first meridian, got {longitude[0]:g} and {longitude[-1]:g}; "
                f"drop the last column"
            )
        at = int(np.argmax(wrong))
        raise ValueError(
            f"`longitude_deg` must be {longitude.size} ascending values {spacing:g} degrees apart, got "
            f"{longitude[at]:g} at index {at} instead of {longitude[0] + steps[at]:g}"
        )
    # A least-squares origin averages the rounding of the columns; a whole thousandth of a spacing within that rounding
    # is taken as exact.
    origin = float(np.mean(longitude - steps))
    noise = float(np.max(np.abs(longitude - steps - origin)))
    snapped = round(origin / spacing * 1000) / 1000 * spacing
    if abs(snapped - origin) <= noise + 1e-9 * spacing:
        origin = snapped
    return float(np.radians(origin))


def _candidates(nlat: int, nlon: int, origin: float, south_first: bool) -> list[Grid]:
    rules: list[tuple[Rule, bool, bool]] = [
        ("circle", False, False),
        ("gauss", False, False),
        ("circle", False, True),
        ("circle", True, False),
    ]
    if nlat > 1:
        rules.append(("circle", True, True))
    if nlat % 2 == 0:
        rules.append(("driscoll-healy", True, False))
    return [Grid(nlat, nlon, *rule, origin, south_first) for rule in rules]
