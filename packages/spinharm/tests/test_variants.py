"""Each variant of a transform, chosen by `Tuning` at small sizes, against the plain one."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from spinharm import Grid, SpinTransform
from spinharm._coefficients import recursion
from spinharm._transform import linear
from spinharm._transform.plan import Plan
from spinharm._transform.tuning import TUNING, Tuning

NEVER = 10**9
# One block of whole tables; everything else off.
PLAIN = Tuning(classes_from=NEVER, halved_from=NEVER, rings_from=NEVER, shared_from=NEVER, fewest_orders=NEVER)
CLASSES = {"classes_from": 4, "classes_orders": 2}
BLOCKS = {"fewest_orders": 2, "blocks": 8, "enough_orders": 2}
GAUSS, POLES, SKEW = Grid.gauss_legendre(8), Grid.equiangular(9, 16), Grid.mcewen_wiaux(8, 16)
ASCENDING = dataclasses.replace(GAUSS, south_first=True, longitude_origin=-1.0)
# More rings than degrees need: some are so close to the poles that high orders do not reach them.
DENSE = Grid.gauss_legendre(64, 24)
MIXED = (0, 1, -2)


def plain(grid: Grid, spins: tuple[int, ...], bandlimit: int = 8, real: bool = False) -> Plan:
    transform = SpinTransform(grid, bandlimit, spins, method="tables", fourier="dft")
    return dataclasses.replace(transform._plan("analysis", "float64", real), tuning=PLAIN)


def four_maps(plan: Plan) -> list[Plan]:
    """Analysis, synthesis and their transposes."""
    both = [plan, dataclasses.replace(plan, transform="synthesis")]
    return both + [one.transpose for one in both]


def operand(rng: np.random.Generator, plan: Plan) -> jax.Array:
    shape = plan.grid.shape if plan.gives_degrees else (plan.bandlimit, 2 * plan.bandlimit - 1)
    real, imaginary = rng.normal(size=(2, 2, *shape, len(plan.spins), 3))
    return jnp.asarray(real if plan.real and plan.gives_degrees else real + 1j * imaginary)


def table_bytes(plan: Plan) -> int:
    """Bytes of the tables between rings and degrees, as they are built."""
    return sum(table.nbytes for table in linear.tables(plan)[2 * plan.stride :])


def tuned(**changes: Any) -> dict[str, Any]:
    return {"tuning": dataclasses.replace(PLAIN, **changes)}


@pytest.mark.parametrize(
    ("reference", "changes"),
    [
        pytest.param(plain(GAUSS, (0,)), tuned(halved_from=1), id="halved"),
        pytest.param(plain(POLES, (0,), real=True), tuned(halved_from=1), id="halved-equator-real"),
        pytest.param(plain(ASCENDING, (0,)), tuned(halved_from=1, **BLOCKS), id="halved-blocks"),
        pytest.param(plain(SKEW, MIXED), tuned(**BLOCKS), id="blocks"),
        pytest.param(plain(POLES, MIXED), tuned(shared_from=1), id="shared"),
        pytest.param(plain(SKEW, MIXED), tuned(shared_from=1, **BLOCKS), id="shared-blocks"),
        pytest.param(plain(GAUSS, (0,), real=True), tuned(shared_from=1, halved_from=1), id="shared-halved-real"),
        pytest.param(plain(GAUSS, MIXED), tuned(enough_columns=1, enough_channels=1), id="many-columns-and-channels"),
        pytest.param(plain(SKEW, MIXED), tuned(**CLASSES), id="classes"),
        pytest.param(plain(POLES, MIXED, 7), tuned(**CLASSES, **{**BLOCKS, "fewest_orders": 3}), id="classes-blocks"),
        pytest.param(plain(ASCENDING, (0,), real=True), tuned(**CLASSES, halved_from=1), id="classes-halved-real"),
        pytest.param(plain(ASCENDING, MIXED), {"fourier": "fft"}, id="fft"),
        pytest.param(plain(SKEW, (0,), real=True), {"fourier": "fft"}, id="fft-real"),
        pytest.param(
            plain(SKEW, MIXED),
            {"method": "recursion", **tuned(degrees_per_block=3, cached_harmonics=100)},
            id="recursion-several-blocks-and-chunks",
        ),
    ],
)
@pytest.mark.usefixtures("x64")
def test_variants_equal_the_plain_transform(rng, relative_error, reference, changes):
    for plan in four_maps(reference):
        variant = dataclasses.replace(plan, **changes)
        x = operand(rng, plan)
        assert relative_error(linear.apply(x, variant), linear.apply(x, plan)) <= 1e-13
        if variant.method == "tables":
            assert variant.source.table_bytes == table_bytes(variant)


@pytest.mark.parametrize("spins", [(0,), MIXED], ids=["halved", "mixed"])
@pytest.mark.usefixtures("x64")
def test_rings_out_of_reach_are_omitted(rng, relative_error, spins):
    """Omitted where harmonics are below 1e-6: their absence is of that size."""
    margin = np.log(np.finfo(float).eps / 1e-6)
    for plan in four_maps(plain(DENSE, spins, 12)):
        variant = dataclasses.replace(plan, **tuned(halved_from=1, rings_from=1, ring_margin=margin, **BLOCKS))
        first, last = variant.blocks[0].rings, variant.blocks[-1].rings
        assert first == (0, 64)
        assert 0 < last[0] < 32
        assert last[1] == 64 - last[0]
        x = operand(rng, plan)
        assert 0 < relative_error(linear.apply(x, variant), linear.apply(x, plan)) <= 1e-5


@pytest.mark.parametrize(("grid", "distinct"), [(GAUSS, 1), (POLES, 2), (SKEW, 2)], ids=str)
def test_shared_tables_are_held_once(grid, distinct, x64):
    """One table for all four maps if the quadrature is a weighted sum over rings, else one for each transform."""
    plans = [dataclasses.replace(plan, **tuned(shared_from=1)) for plan in four_maps(plain(grid, MIXED))]
    assert len({plan.source for plan in plans}) == len({id(linear.tables(plan)) for plan in plans}) == distinct


def test_sizes_choose_the_variants():
    """The default thresholds, on the grids that users have."""

    def plan(bandlimit: int, spins: tuple[int, ...] = (0,), **options: Any) -> Plan:
        return SpinTransform(Grid.gauss_legendre(bandlimit), spins=spins, **options)._plan("analysis", "float32")

    assert not plan(127).halved
    assert plan(128).halved
    assert not plan(128, (0, 1)).halved
    assert not plan(511, memory_limit=NEVER * 9).shared
    assert plan(512, memory_limit=NEVER * 9).shared
    assert [len(plan(size).blocks) for size in (8, 32, 64, 128, 256)] == [1, 1, 4, 6, 8]
    classes = [
        dataclasses.replace(plan(size), real=real, transform=transform).stride
        for size, real, transform in (
            (64, False, "analysis"),
            (64, True, "analysis"),
            (64, False, "synthesis"),
            (63, False, "synthesis"),
            (32, False, "synthesis"),
        )
    ]
    assert classes == [1, 2, 2, 1, 1]
    assert (plan(128).fourier, plan(129).fourier) == ("dft", "fft")


@pytest.mark.parametrize("dtype", ["float32", "float64"], indirect=True)
@pytest.mark.parametrize(("bandlimit", "spin"), [(128, 0), (256, 1), (256, -20)])
def test_omitted_rings_are_below_rounding(bandlimit, spin, dtype):
    """All harmonics of a block on the rings that it omits, computed in float64."""
    plan = SpinTransform(Grid.gauss_legendre(bandlimit), spins=(spin,), method="tables")._plan("synthesis", dtype)
    omitted = 0
    for (first, last), _, (north, south) in plan.blocks:
        assert south == bandlimit - north
        if north:
            orders = np.array([first, (first + last) // 2, 1 - last, -first])
            table = recursion.reduced_harmonics(bandlimit, spin, plan.grid.colatitude[:north], orders)
            assert np.max(np.abs(table)) <= np.finfo(dtype).eps
        omitted += 2 * north * (last - first)
    assert omitted >= 0.05 * bandlimit**2


def test_tuning_is_part_of_the_key_of_tables():
    one = plain(GAUSS, (0,))
    other = dataclasses.replace(one, tuning=TUNING)
    assert hash(one) == hash(dataclasses.replace(one))
    assert one != other
    with jax.enable_x64(True):
        assert linear.tables(one) is linear.tables(dataclasses.replace(one))
        assert linear.tables(one) is not linear.tables(other)
