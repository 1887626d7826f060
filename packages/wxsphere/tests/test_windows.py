"""Windows of a store and batches of them: the right fields at the right times, the same again from any position."""

from __future__ import annotations

import json
import pickle

import jax
import numpy as np
import pytest
import xarray as xr

from spinharm import Grid
from wxsphere import FORCINGS, Channel, FieldLayout, ForecastTask, Normalization, Windows, batch_iterator, grid_dataset
from wxsphere._model.batches import epoch_order

GRID = Grid.equiangular(5, 8, poles=False)
LAYOUT = FieldLayout((Channel(("t",), 500.0), Channel(("t",), 850.0), Channel(("p",))), (Channel(("u", "v")),))


def fields(times: int = 20, members: int | None = None, drop: tuple[int, ...] = ()) -> xr.Dataset:
    rng = np.random.default_rng(0)
    stamps = np.datetime64("2000-01-01", "ns") + np.arange(times) * np.timedelta64(6 * 3600 * 10**9, "ns")
    out = grid_dataset(GRID).assign_coords(time=stamps, level=[500.0, 850.0])
    front, sizes = (["time"], [times]) if members is None else (["time", "number"], [times, members])
    if members is not None:
        out = out.assign_coords(number=np.arange(members) * 10)
    for name in ("t", "p", "u", "v"):
        middle, size = (["level"], [2]) if name == "t" else ([], [])
        values = rng.standard_normal((*sizes, *size, *GRID.shape)).astype(np.float32)
        out[name] = ((*front, *middle, "latitude", "longitude"), 10 * values + 3)
    return out.isel(time=[at for at in range(times) if at not in drop])


def statistics() -> xr.Dataset:
    names = ["mean", "std", "tendency_mean", "tendency_std"]
    out = xr.Dataset(coords={"statistic": names, "level": [500.0, 850.0]}, attrs={"cadence_hours": 6.0})
    out["t"] = (("statistic", "level"), np.array([[3.0, 4.0], [10.0, 11.0], [0.0, 0.1], [5.0, 6.0]]))
    out["p"] = ("statistic", np.array([1.0, 7.0, 0.0, 2.0]))
    out["u"] = ("statistic", np.array([3.0, 8.0, 0.3, 4.0]))
    out["v"] = ("statistic", np.array([1.0, 6.0, 0.1, 3.0]))
    return out


NORMAL = Normalization.of(statistics(), LAYOUT)


def windows(data: xr.Dataset, task: ForecastTask, **options) -> Windows:
    outputs = Normalization.of(statistics(), task.outputs)
    return Windows(data, task, NORMAL, outputs, **options)


def task(**options) -> ForecastTask:
    return ForecastTask(**{"inputs": LAYOUT, "outputs": LAYOUT, "grid": GRID, **options})


def same(a, b) -> bool:
    return jax.tree.all(jax.tree.map(np.array_equal, a, b))


def test_normalisation_is_by_variable_and_level_and_keeps_winds_vectors():
    np.testing.assert_array_equal(NORMAL.shift, [[3, 4, 1], [0, 0, 0]])
    wind = np.sqrt((8**2 + 3**2 + 6**2 + 1**2) / 2)
    np.testing.assert_allclose(NORMAL.scale, [[10, 11, 7], [wind, 1, 1]])
    maps = LAYOUT.pack(fields())
    np.testing.assert_allclose(NORMAL.restore(NORMAL.normalize(maps)), maps, rtol=1e-6, atol=1e-5)
    back = LAYOUT.unpack(NORMAL.normalize(maps), GRID, {"time": fields().time.values})
    np.testing.assert_allclose(back["t"].sel(level=850), (fields()["t"].sel(level=850) - 4) / 11, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(back["v"], fields()["v"] / wind, rtol=1e-5)


def test_windows_and_forcings_go_to_other_processes():
    found = windows(fields(), task(forcings=("sine_of_day",)))
    before = found.batch(np.array([0, 2]))
    assert same(pickle.loads(pickle.dumps(found)).batch(np.array([0, 2])), before)
    assert found.with_steps(2)._forcing is found._forcing
    assert all(pickle.loads(pickle.dumps(forcing)) == forcing for forcing in FORCINGS.values())


@pytest.mark.parametrize("memory_gib", [0.0, 1.0])
@pytest.mark.parametrize("members", [None, 3])
@pytest.mark.parametrize(
    ("offsets", "leads", "steps"),
    [((-12.0, -6.0, 0.0), (72.0,), 1), ((0.0,), (6.0,), 4), ((-6.0, 0.0), (6.0,), 2), ((0.0,), (6.0, 24.0), 1)],
)
def test_windows_are_what_direct_indexing_gives(memory_gib, members, offsets, leads, steps):
    data, made = fields(members=members), task(offsets=offsets, leads=leads)
    found = windows(data, made, steps=steps, memory_gib=memory_gib)
    before, after = int(-offsets[0] / 6), int((leads[-1] + (steps - 1) * leads[0]) / 6)
    assert len(found) == (20 - before - after) * (members or 1)
    every = [lead + k * leads[0] for k in range(steps) for lead in leads]
    picked = np.array([0, len(found) // 2, -1, len(found) - 1])
    batch = found.batch(picked)
    np.testing.assert_array_equal(batch.weight, [1, 1, 0, 1])
    np.testing.assert_array_equal(batch.index, picked)
    assert not np.any(batch.inputs[2])
    assert not np.any(batch.targets[2])
    assert batch.forcings.shape == (4, steps, *GRID.shape, 0)
    for row, one in enumerate(picked):
        if one < 0:
            continue
        start, member = divmod(int(one), members or 1)
        now = data.time.values[start + before]
        assert found.times[one] == now
        for shifts, maps in ((offsets, batch.inputs[row]), (every, batch.targets[row])):
            for hours, part in zip(shifts, maps, strict=True):
                wanted = data.sel(time=now + np.timedelta64(int(hours), "h"))
                wanted = wanted.isel(number=member) if members else wanted
                np.testing.assert_array_equal(part, NORMAL.normalize(LAYOUT.pack(wanted)))


def test_forcings_are_those_of_the_beginning_of_each_step():
    made = task(forcings=("sine_of_day", "sine_of_year"))
    found = windows(fields(), made, steps=3)
    batch = found.batch(np.array([4]))
    for step in range(3):
        now = found.times[4:5] + np.timedelta64(6 * step, "h")
        for at, name in enumerate(made.forcings):
            wanted = FORCINGS[name].function(now, GRID)[0] / FORCINGS[name].scale
            np.testing.assert_allclose(batch.forcings[0, step, ..., at], wanted, rtol=1e-6)


def test_targets_may_be_other_fields_than_inputs():
    outputs = FieldLayout((Channel(("p",)),))
    found = windows(fields(), task(outputs=outputs, leads=(12.0, 24.0), residual=False))
    batch = found.batch(np.array([5]))
    assert batch.targets.shape == (1, 2, *GRID.shape, 1, 1)
    np.testing.assert_allclose(batch.targets[0, 1, ..., 0, 0], (fields()["p"].values[5 + 4] - 1) / 7, rtol=1e-6)


def test_windows_over_a_gap_or_out_of_the_period_are_left_out():
    made = task(offsets=(-6.0, 0.0), leads=(6.0,))
    gappy = windows(fields(drop=(7,)), made)
    whole = set(windows(fields(), made).times)
    lost = whole - set(gappy.times)
    stamps = fields().time.values
    assert lost == {stamps[6], stamps[7], stamps[8]}
    inside = windows(fields(), made, times=stamps[5:10])
    np.testing.assert_array_equal(inside.times, stamps[6:9])
    with pytest.raises(ValueError, match=r"`fields` must have at least one window of 12 h without gaps.* got 2 times"):
        windows(fields(), made, times=stamps[5:7])
    with pytest.raises(ValueError, match=r"at least one window of 72 h .* got 0 times"):
        windows(fields(), task(leads=(72.0,)), times=stamps[:0])


def test_each_epoch_has_every_window_once():
    for shuffle in (True, False):
        orders = [epoch_order(21, 4, epoch, seed=3, shuffle=shuffle) for epoch in (0, 1)]
        for order in orders:
            assert order.shape == (6, 4)
            assert sorted(order[order >= 0]) == list(range(21))
        assert np.array_equal(*orders) is not shuffle  # pyright: ignore[reportArgumentType]
    assert np.array_equal(epoch_order(21, 4, 5, seed=3), epoch_order(21, 4, 5, seed=3))
    assert not np.array_equal(epoch_order(21, 4, 5, seed=3), epoch_order(21, 4, 5, seed=4))


@pytest.mark.parametrize("stop", [0, 3, 11])
@pytest.mark.parametrize("prefetch", [0, 2])
def test_a_saved_position_goes_on_exactly(stop, prefetch):
    """Across the end of an epoch as well, through JSON, and with another prefetching."""
    found = windows(fields(), task(), steps=2)
    through = batch_iterator(found, 4, seed=1)
    wanted = [next(through) for _ in range(stop + 6)][stop:]
    first = batch_iterator(found, 4, seed=1, prefetch=prefetch)
    for _ in range(stop):
        next(first)
    state = first.get_state()
    state = json.loads(json.dumps(state)) if not isinstance(state, bytes) else state
    second = batch_iterator(found, 4, seed=1, prefetch=2 - prefetch)
    second.set_state(state)
    assert all(same(next(second), batch) for batch in wanted)
    assert len(list(batch_iterator(found, 4, epochs=2))) == 2 * -(-len(found) // 4)


def test_shards_divide_each_batch():
    found = windows(fields(), task())
    whole, *parts = (batch_iterator(found, 6, seed=2, shard=shard) for shard in ((0, 1), (0, 2), (1, 2)))
    for _ in range(5):
        batch, pieces = next(whole), [next(part) for part in parts]
        assert all(piece.inputs.shape[0] == 3 for piece in pieces)
        merged = jax.tree.map(lambda *x: np.stack(x, 1).reshape(6, *x[0].shape[1:]), *pieces)
        assert same(merged, batch)


def test_what_makes_no_windows(untyped):
    data, made = fields(), task()
    with pytest.raises(ValueError, match=r"`fields` must be on 6×8 .*, got 5×8"):
        windows(data, task(grid=Grid.equiangular(6, 8)))
    with pytest.raises(ValueError, match="`fields` must have u with a dimension time, got p, t, v"):
        windows(data.drop_vars("u"), made)
    with pytest.raises(ValueError, match="`statistics` must include t, which the fields have, got statistics of p"):
        Normalization.of(statistics()[["p"]], LAYOUT)
    flat = statistics()
    flat["p"] = flat["p"] * 0
    with pytest.raises(ValueError, match=r"`statistics` must have a std above 0 of p, got 0\.0"):
        Normalization.of(flat, LAYOUT)
    with pytest.raises(ValueError, match="`statistics` must have t at 850 hPa, got"):
        Normalization.of(statistics().sel(level=[500.0]), LAYOUT)
    with pytest.raises(ValueError, match=r"`members` must be among \[0, 10, 20\], got 5"):
        windows(fields(members=3), made, members=(0, 5))
    assert len(windows(fields(members=3), made, members=(20, 0))) == 2 * 19
    with pytest.raises(ValueError, match="`members` needs fields with a dimension 'number'"):
        windows(data, made, members=(0,))
    with pytest.raises(ValueError, match="3 steps need a model whose outputs are its inputs"):
        windows(data, task(leads=(6.0, 12.0)), steps=3)
    holed = data.copy(deep=True)
    holed["t"][6, 1, 2, 3] = np.nan
    with pytest.raises(ValueError, match=r"`fields` must be finite, got NaN or infinity in t@850 at 2000-01-02T12:00"):
        windows(holed, made).batch(np.array([0]))
    found = windows(data, made)
    with pytest.raises(ValueError, match=r"`shard` must be \(number, count\) with .* divides 4, got \(0, 3\)"):
        batch_iterator(found, 4, shard=(0, 3))
    with pytest.raises(TypeError, match="`batch_size` must be an integer"):
        batch_iterator(found, 4.5)  # pyright: ignore[reportArgumentType]


def test_what_is_no_task():
    with pytest.raises(ValueError, match="`offsets` must end with 0"):
        task(offsets=(-6.0, -3.0))
    with pytest.raises(ValueError, match="`leads` must be above 0"):
        task(leads=(0.0, 6.0))
    with pytest.raises(ValueError, match="`leads` must be hours in ascending order"):
        task(leads=(12.0, 6.0))
    with pytest.raises(
        ValueError, match="`residual` needs outputs that are also inputs, got the output q, which is not an input"
    ):
        task(outputs=FieldLayout((Channel(("q",)),)))
    assert not task(offsets=(-3.0, 0.0)).can_repeat
    assert task(offsets=(-12.0, -6.0, 0.0)).can_repeat
