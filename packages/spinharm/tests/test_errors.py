"""What users are told: one error that names the argument, the value and the remedy."""

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

import spinharm
from spinharm import Grid, SpinTransform

GRID = Grid.equiangular(13, 24)
GAUSS = Grid.gauss_legendre(12)
ERA5 = Grid.equiangular(721, 1440)
TRANSFORM = SpinTransform(GRID, 12, (0, 1))

# The library's own messages, not those of the type checks that the tests add.
pytestmark = pytest.mark.usefixtures("untyped")


@pytest.mark.parametrize(
    ("arguments", "options", "exception", "message"),
    [
        pytest.param(
            (121, 12),
            {},
            TypeError,
            r"`grid` must be a spinharm\.Grid, got 121; see Grid\.equiangular and Grid\.from_latlon",
            id="grid-integer",
        ),
        pytest.param(("121x240", 12), {}, TypeError, r"`grid` must be a spinharm\.Grid, got '121x240'", id="grid-text"),
        pytest.param((GRID, 12.0), {}, TypeError, r"`bandlimit` must be an integer, got 12\.0", id="bandlimit-float"),
        pytest.param((GRID, True), {}, TypeError, r"`bandlimit` must be an integer, got True", id="bandlimit-bool"),
        pytest.param((GRID, 12, (True,)), {}, TypeError, r"`spins` must be an integer, got True", id="spins-bool"),
        pytest.param(
            (GRID, 12),
            {"delta_symmetry": "no"},
            TypeError,
            r"`delta_symmetry` must be True or False, got 'no'",
            id="delta-symmetry-text",
        ),
        pytest.param((GRID, "12"), {}, TypeError, r"`bandlimit` must be an integer, got '12'", id="bandlimit-text"),
        pytest.param((GRID, 0), {}, ValueError, r"`bandlimit` must be at least 1, got 0", id="bandlimit-zero"),
        pytest.param(
            (GRID, 13),
            {},
            ValueError,
            r"`bandlimit` must be at most 12 on the 13 rings of Grid\(13×24 .*\), got 13; use a grid with more rings",
            id="bandlimit-above-rings",
        ),
        pytest.param(
            (Grid.gauss_legendre(12, 30), 13),
            {},
            ValueError,
            r"`bandlimit` must be at most 12 on the 12 rings of .* got 13; use a grid with more rings",
            id="bandlimit-above-gauss-rings",
        ),
        pytest.param(
            (Grid.equiangular(13, 22), 12),
            {},
            ValueError,
            r"`bandlimit` 12 needs nlon >= 2 \* bandlimit - 1 = 23 longitudes, got nlon = 22; "
            r"use `bandlimit` at most 11 or a grid with more longitudes",
            id="too-few-longitudes",
        ),
        pytest.param((GRID, 12, 1), {}, TypeError, r"`spins` must be a sequence of .*, got 1; write \(1,\)", id="spin"),
        pytest.param(
            (GRID, 12, np.int64(2)), {}, TypeError, r"`spins` must be a sequence .* write \(", id="numpy-spin"
        ),
        pytest.param((GRID, 12, (0, 0.5)), {}, TypeError, r"`spins` must be an integer, got 0\.5", id="spin-half"),
        pytest.param((GRID, 12, ()), {}, ValueError, r"`spins` must not be empty, got \(\); .* \(0,\)", id="no-spins"),
        pytest.param(
            (GRID, 12, (0, -12)),
            {},
            ValueError,
            r"`spins` must be below the bandlimit in magnitude, got spin -12 with bandlimit 12: .* degree \|s\|",
            id="spin-above-bandlimit",
        ),
        pytest.param(
            (GRID,),
            {"method": "wigner"},
            ValueError,
            r"`method` must be one of 'auto', 'tables', 'recursion', 'torus', got 'wigner'",
            id="unknown-method",
        ),
        pytest.param(
            (GRID,),
            {"fourier": "fftw"},
            ValueError,
            r"`fourier` must be one of 'auto', 'dft', 'fft', got 'fftw'",
            id="unknown-fourier",
        ),
        pytest.param(
            (GAUSS,),
            {"method": "torus"},
            ValueError,
            r'`method` "torus" needs rings equally spaced .* got Grid\(12×24 Gauss.*\); use method "tables"',
            id="torus-on-gauss",
        ),
        pytest.param(
            (Grid.driscoll_healy(12),),
            {"method": "torus"},
            ValueError,
            r'`method` "torus" needs rings equally spaced .* got Grid\(24×24 Driscoll.*\); use method "tables"',
            id="torus-on-driscoll-healy",
        ),
        pytest.param(
            (ERA5, 720, (1, 2)),
            {"method": "tables"},
            MemoryError,
            r"'tables' for bandlimit 720, spins \(1, 2\) on Grid\(721×1440 .*\) take [\d.]+ GiB, above `memory_limit` "
            r"2\.00 GiB; raise it, or use method 'recursion', which takes 0\.\d+ GiB",
            id="tables-above-limit",
        ),
        pytest.param(
            (ERA5, 300),
            {"method": "torus", "memory_limit": 2**28},
            MemoryError,
            r"'torus' for bandlimit 300, .* take 0\.40 GiB, above `memory_limit` 0\.25 GiB; raise it, or use",
            id="torus-above-limit",
        ),
    ],
)
def test_transforms_that_cannot_be(arguments, options, exception, message):
    with pytest.raises(exception, match=message):
        SpinTransform(*arguments, **options)


@pytest.mark.parametrize(
    ("limit", "method"),
    [
        (None, "tables"),
        (TRANSFORM.table_bytes(), "tables"),
        (TRANSFORM.table_bytes() - 1, "recursion"),
        (0, "recursion"),
    ],
)
def test_auto_falls_back_to_recursion_above_the_memory_limit(limit, method):
    options = {} if limit is None else {"memory_limit": limit}
    assert SpinTransform(GRID, 12, (0, 1), **options).method == method


def test_auto_takes_the_recursion_where_tables_are_large():
    assert SpinTransform(ERA5, spins=(1, 2)).method == "recursion"
    assert SpinTransform(ERA5, spins=(1,)).method == "tables"
    # One table for both directions.
    assert SpinTransform(Grid.gauss_legendre(1024), spins=(2,)).method == "tables"
    assert SpinTransform(Grid.equiangular(121, 240), spins=(0, 1)).method == "tables"


def test_recursion_is_never_refused_for_its_memory():
    assert SpinTransform(ERA5, method="recursion", memory_limit=0).method == "recursion"


@pytest.mark.parametrize(
    ("maps", "exception", "message"),
    [
        pytest.param(
            np.zeros((13, 24, 2)), ValueError, r"`maps` must have axes .*got shape \(13, 24, 2\)", id="3-axes"
        ),
        pytest.param(
            np.zeros((24, 13, 2, 1)),
            ValueError,
            r"`maps` must have axes \(\*batch, lat, lon, spin, channel\) with sizes \(…, 13, 24, 2, any\) for "
            r"bandlimit 12 and spins \(0, 1\) on Grid\(13×24 .*\), got shape \(24, 13, 2, 1\)",
            id="lat-and-lon-swapped",
        ),
        pytest.param(
            np.zeros((13, 25, 2, 1)), ValueError, r"\(…, 13, 24, 2, any\).*got shape \(13, 25, 2, 1\)", id="lon"
        ),
        pytest.param(np.zeros((13, 24, 1, 1)), ValueError, r"`maps` .*spins \(0, 1\).*\(13, 24, 1, 1\)", id="one-spin"),
        pytest.param(
            np.zeros((13, 24, 1, 2)), ValueError, r"`maps` .*got shape \(13, 24, 1, 2\)", id="spin-after-channel"
        ),
        pytest.param(np.float64(3.0), ValueError, r"`maps` must have axes .*got shape \(\)", id="number"),
        pytest.param(
            np.zeros((13, 24, 2, 1), int),
            TypeError,
            r"`maps` must have dtype float32, float64, complex64, complex128, got int64; convert it, "
            r"e\.g\. `maps\.astype\('float32'\)`",
            id="integers",
        ),
        pytest.param(np.zeros((13, 24, 2, 1), bool), TypeError, r"`maps` must have dtype .* got bool", id="booleans"),
        pytest.param(np.zeros((13, 24, 2, 1), np.float16), TypeError, r"`maps` .* got float16; convert", id="float16"),
        pytest.param(
            np.zeros((13, 24, 2, 1), ml_dtypes.bfloat16), TypeError, r"`maps` .* got bfloat16; convert", id="bfloat16"
        ),
        pytest.param(jnp.zeros((13, 24, 2, 1), jnp.bfloat16), TypeError, r"`maps` .* got bfloat16", id="jax-bfloat16"),
        pytest.param(
            jax.ShapeDtypeStruct((13, 24, 2, 1), np.int8), TypeError, r"`maps` must have dtype .* got int8", id="int8"
        ),
        pytest.param([[[[1]]]], TypeError, r"`maps` must have dtype .* got int64", id="list-of-integers"),
    ],
)
def test_maps_that_do_not_fit(maps, exception, message):
    with pytest.raises(exception, match=message):
        TRANSFORM.forward(maps)


@pytest.mark.parametrize(
    ("coeffs", "exception", "message"),
    [
        pytest.param(
            np.zeros((12, 24, 2, 1), complex),
            ValueError,
            r"`coeffs` must have axes \(\*batch, degree, order, spin, channel\) with sizes \(…, 12, 23, 2, any\) for "
            r"bandlimit 12 and spins \(0, 1\) on Grid\(13×24 .*\), got shape \(12, 24, 2, 1\)",
            id="order-axis",
        ),
        pytest.param(
            np.zeros((11, 21, 2, 1), complex), ValueError, r"`coeffs` .*\(11, 21, 2, 1\)", id="lower-bandlimit"
        ),
        pytest.param(np.zeros((12, 23), complex), ValueError, r"`coeffs` .*got shape \(12, 23\)", id="no-channels"),
        pytest.param(np.zeros((12, 23, 3, 1), complex), ValueError, r"`coeffs` .*\(12, 23, 3, 1\)", id="three-spins"),
        pytest.param(np.zeros((12, 23, 2, 1), int), TypeError, r"`coeffs` must .* got int64; convert", id="integers"),
        pytest.param(np.zeros((12, 23, 2, 1), np.float16), TypeError, r"`coeffs` must .* got float16", id="float16"),
    ],
)
def test_coefficients_that_do_not_fit(coeffs, exception, message):
    with pytest.raises(exception, match=message):
        TRANSFORM.inverse(coeffs)


@pytest.mark.parametrize("transform", [TRANSFORM, SpinTransform(GRID, 12, (0, 1), method="torus")])
def test_real_maps_of_a_spin_cannot_be(transform):
    with pytest.raises(ValueError, match=r"`real` must be False unless all spins are 0, got spins \(0, 1\)"):
        transform.inverse(np.zeros((12, 23, 2, 1), complex), real=True)


def test_table_bytes_of_an_unknown_precision():
    with pytest.raises(ValueError, match=r"`dtype` must be one of 'float32', 'float64', got 'float16'"):
        TRANSFORM.table_bytes("float16")


@pytest.mark.parametrize(
    ("function", "arguments", "options", "exception", "message"),
    [
        pytest.param(
            spinharm.forward,
            (np.zeros((24, 13)), GRID),
            {},
            ValueError,
            r"`f` must have axes \(\*batch, lat, lon\) with sizes \(13, 24\), got shape \(24, 13\)",
            id="forward-swapped",
        ),
        pytest.param(
            spinharm.forward, (np.zeros(13), GRID), {}, ValueError, r"`f` must .*got shape \(13,\)", id="forward-ring"
        ),
        pytest.param(
            spinharm.forward,
            (np.zeros((13, 24), int), GRID),
            {},
            TypeError,
            r"`f` must have dtype .* got int64; convert it, e\.g\. `f\.astype",
            id="forward-integers",
        ),
        pytest.param(
            spinharm.forward,
            (np.zeros((13, 24)), GRID),
            {"bandlimit": 20},
            ValueError,
            r"`bandlimit` must be at most 12 .* got 20",
            id="forward-bandlimit",
        ),
        pytest.param(
            spinharm.forward,
            (np.zeros((13, 24)), GRID),
            {"bandlimit": 3, "spin": 3},
            ValueError,
            r"got spin 3 with bandlimit 3",
            id="forward-spin",
        ),
        pytest.param(
            spinharm.forward, (np.zeros((13, 24)), "13x24"), {}, TypeError, r"`grid` must be a", id="forward-grid"
        ),
        pytest.param(
            spinharm.inverse,
            (np.zeros((12, 24), complex), GRID),
            {},
            ValueError,
            r"`coeffs` must have a degree axis of size L at -2, then an order axis of size 2L - 1, "
            r"got shape \(12, 24\)",
            id="inverse-axes",
        ),
        pytest.param(
            spinharm.inverse, (np.zeros(12, complex), GRID), {}, ValueError, r"`coeffs` .*\(12,\)", id="inverse-vector"
        ),
        pytest.param(
            spinharm.inverse,
            (np.zeros((13, 25), complex), GRID),
            {},
            ValueError,
            r"`bandlimit` must be at most 12 on the 13 rings",
            id="inverse-bandlimit",
        ),
        pytest.param(
            spinharm.inverse,
            (np.zeros((12, 23), complex), GRID),
            {"real": "no"},
            TypeError,
            r"`real` must be True or False, got 'no'",
            id="inverse-real-text",
        ),
        pytest.param(
            Grid.equiangular,
            (13, 24),
            {"poles": "no"},
            TypeError,
            r"`poles` must be True or False, got 'no'",
            id="poles-text",
        ),
        pytest.param(
            Grid,
            (13, 24),
            {"south_first": 1},
            TypeError,
            r"`south_first` must be True or False, got 1",
            id="south-first-integer",
        ),
        pytest.param(
            spinharm.inverse,
            (np.zeros((12, 23), complex), GRID),
            {"spin": 1, "real": True},
            ValueError,
            r"`real` must be False unless all spins are 0, got spins \(1,\)",
            id="inverse-real-spin",
        ),
    ],
)
def test_functions_refuse(function, arguments, options, exception, message):
    with pytest.raises(exception, match=message):
        function(*arguments, **options)


def test_errors_come_from_traced_calls_too():
    with pytest.raises(ValueError, match=r"`maps` must have axes .*got shape \(13, 25, 2, 1\)"):
        jax.jit(TRANSFORM.forward)(jnp.zeros((13, 25, 2, 1)))
    with pytest.raises(ValueError, match=r"`maps` must have axes .*got shape \(13, 25, 2, 1\)"):
        spinharm.jit(TRANSFORM.forward)(jnp.zeros((13, 25, 2, 1)))


def test_tables_cannot_be_mapped():
    from spinharm._transform.transform import linear

    plan = TRANSFORM._plan("analysis", "float32")
    tables = linear.tables(plan)
    maps = jnp.zeros((2, 1, 13, 24, 2, 1), "complex64")
    stacked = [jnp.stack([table, table]) for table in tables]
    with pytest.raises(ValueError, match=r"the tables of a spherical harmonic transform cannot be mapped by `vmap`"):
        jax.vmap(lambda x, *rest: linear.analysis_p.bind(x, *rest, plan=plan))(maps, *stacked)
