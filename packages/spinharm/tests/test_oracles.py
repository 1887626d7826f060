"""The transforms against libraries written by others: ducc0 on five kinds of grids, s2fft on WeatherBench 2's."""

import ducc0
import jax
import numpy as np
import pytest
import s2fft

from spinharm import Grid, SpinTransform

COMPLEX = {"float32": "complex64", "float64": "complex128"}


def bound(dtype: str, bandlimit: int) -> float:
    return 5e-6 if dtype == "float32" else 1e-12 * bandlimit


# ducc0 keeps the coefficients of real maps, m >= 0. For a spin above 0 they are a pair (E, B), and its two maps are
# the real and the imaginary part of −Σ (E + iB) sYlm, with E and B continued to m < 0 as for real maps.


def to_ducc(coeffs: np.ndarray, spin: int) -> np.ndarray:
    """(L, 2L−1) to (1 or 2, packed m-major)."""
    L = coeffs.shape[0]
    order = np.arange(-L + 1, L)
    mirrored = (-1.0) ** order * np.conj(coeffs[:, ::-1])
    parts = [coeffs] if spin == 0 else [-(coeffs + mirrored) / 2, 1j * (coeffs - mirrored) / 2]
    return np.stack([np.concatenate([part[m:, m + L - 1] for m in range(L)]) for part in parts])


def from_ducc(packed: np.ndarray, spin: int, bandlimit: int) -> np.ndarray:
    L = bandlimit
    parts = np.zeros((packed.shape[0], L, 2 * L - 1), complex)
    start = 0
    for m in range(L):
        parts[:, m:, m + L - 1] = packed[:, start : start + L - m]
        parts[:, m:, L - 1 - m] = (-1) ** m * np.conj(parts[:, m:, m + L - 1])
        start += L - m
    return parts[0] if spin == 0 else -(parts[0] + 1j * parts[1])


DUCC_GRIDS = {
    "clenshaw-curtis": ("CC", Grid.equiangular(73, 144), 72),
    "fejer": ("F1", Grid.equiangular(32, 64, poles=False), 32),
    "gauss": ("GL", Grid.gauss_legendre(48), 48),
    "driscoll-healy": ("DH", Grid.driscoll_healy(32), 32),
    "mcewen-wiaux": ("MW", Grid.mcewen_wiaux(32, 65), 32),
}


def ducc_case(random_coefficients, rng, geometry: str, grid: Grid, bandlimit: int, spin: int) -> list[np.ndarray]:
    """Random coefficients, ducc0's map of them and ducc0's coefficients of that map; with spin and channel axes."""
    coeffs = random_coefficients(rng, bandlimit, (spin,), real=spin == 0)[..., 0, 0]
    options = {"spin": spin, "lmax": bandlimit - 1, "geometry": geometry, "nthreads": 1}
    maps = ducc0.sht.synthesis_2d(alm=to_ducc(coeffs, spin), ntheta=grid.nlat, nphi=grid.nlon, **options)
    back = from_ducc(ducc0.sht.analysis_2d(map=maps, **options), spin, bandlimit)
    field = maps[0] if spin == 0 else maps[0] + 1j * maps[1]
    return [x[..., None, None] for x in (coeffs, field, back)]


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [*((kind, "float64") for kind in DUCC_GRIDS), ("clenshaw-curtis", "float32"), ("gauss", "float32")],
    indirect=["dtype"],
)
def test_transforms_equal_those_of_ducc0(rng, random_coefficients, relative_error, kind, dtype):
    geometry, grid, bandlimit = DUCC_GRIDS[kind]
    spins = (0, 1, 2)
    cases = [ducc_case(random_coefficients, rng, geometry, grid, bandlimit, spin) for spin in spins]
    coeffs, maps, back = (np.concatenate(x, -2) for x in zip(*cases, strict=True))
    transform = SpinTransform(grid, bandlimit, spins)
    found_maps, found = transform.inverse(coeffs.astype(COMPLEX[dtype])), transform.forward(maps.astype(COMPLEX[dtype]))
    for index in range(len(spins)):
        assert relative_error(found_maps[..., index, :], maps[..., index, :]) <= bound(dtype, bandlimit)
        assert relative_error(found[..., index, :], back[..., index, :]) <= bound(dtype, bandlimit)


@pytest.mark.parametrize(("kind", "dtype"), [("clenshaw-curtis", "float32"), ("gauss", "float64")], indirect=["dtype"])
def test_transforms_of_real_maps_equal_those_of_ducc0(rng, random_coefficients, relative_error, kind, dtype):
    geometry, grid, bandlimit = DUCC_GRIDS[kind]
    coeffs, maps, back = ducc_case(random_coefficients, rng, geometry, grid, bandlimit, 0)
    transform = SpinTransform(grid, bandlimit)
    found = transform.inverse(coeffs.astype(COMPLEX[dtype]), real=True)
    assert relative_error(found, maps) <= bound(dtype, bandlimit)
    assert relative_error(transform.forward(maps.astype(dtype)), back) <= bound(dtype, bandlimit)


@pytest.mark.parametrize("spin", [0, 1, 2])
def test_coefficients_go_to_ducc0_and_back(rng, random_coefficients, relative_error, spin):
    coeffs = random_coefficients(rng, 9, (spin,), real=spin == 0)[..., 0, 0]
    assert relative_error(from_ducc(to_ducc(coeffs, spin), spin, 9), coeffs) <= 1e-15


@pytest.fixture(scope="module")
def s2fft_case(random_coefficients) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random coefficients of spins 0 … 3, s2fft's maps of them, and s2fft's coefficients of those."""
    coeffs = random_coefficients(np.random.default_rng(0), 120, range(4))
    # s2fft takes the logarithm of sin θ at the poles, and its NumPy route goes through JAX in places.
    with np.errstate(divide="ignore", invalid="ignore"), jax.enable_x64(True):
        maps = [
            s2fft.inverse(coeffs[..., spin, 0], 120, spin=spin, sampling="mwss", method="numpy") for spin in range(4)
        ]
        back = [s2fft.forward(maps[spin], 120, spin=spin, sampling="mwss", method="numpy") for spin in range(4)]
    return coeffs, np.stack(maps, -1)[..., None], np.stack(back, -1)[..., None]


@pytest.mark.parametrize(
    ("method", "spins", "dtype"),
    [
        pytest.param("recursion", (0, 1, 2, 3), "float64", id="recursion-float64"),
        pytest.param("recursion", (0, 1, 2, 3), "float32", id="recursion-float32"),
        pytest.param("tables", (0, 3), "float64", id="tables-float64"),
    ],
    indirect=["dtype"],
)
def test_transforms_equal_those_of_s2fft_on_121_by_240(relative_error, s2fft_case, method, spins, dtype):
    coeffs, maps, back = (x[..., spins, :] for x in s2fft_case)
    assert maps.shape == (121, 240, len(spins), 1)
    transform = SpinTransform(Grid.equiangular(121, 240), 120, spins, method=method)
    assert relative_error(transform.inverse(coeffs.astype(COMPLEX[dtype])), maps) <= bound(dtype, 120)
    assert relative_error(transform.forward(maps.astype(COMPLEX[dtype])), back) <= bound(dtype, 120)
