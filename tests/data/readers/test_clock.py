"""Recordings of which nearly nothing is counted are named; honest recordings are silent and counted to
the same bits. What no clock gave is drawn at random by tests/fuzz/damaged.py."""

import warnings

import numpy as np
import pytest

import minisnn as ms

SENSOR = (34, 34)


def a_take(first=10_000_000, n=3000, seed=0):
    rng = np.random.default_rng(seed)
    t = first + np.cumsum(rng.integers(1, 60, n))
    columns = dict(x=rng.integers(0, 34, n), y=rng.integers(0, 34, n), p=rng.integers(0, 2, n))
    return dict(t=t.astype(np.int64), **columns)


def with_stamp(take, place, t):
    times = take["t"].copy()
    times[place] = t
    return {**take, "t": times}


def opened(take, first=10_000_000, **how):
    """The second recording of four, the others of which are sound."""
    sound = [a_take(first, n=len(take["t"]), seed=k) for k in range(1, 4)]
    return ms.Recordings([sound[0], take, *sound[1:]], list("aabb"), sensor=SENSOR, **how)


def early(strays, rest):
    take = a_take(n=strays + rest)
    return {**take, "t": take["t"] - 9_000_000 * (np.arange(strays + rest) < strays)}


def shuffled(take):
    order = np.random.default_rng(0).permutation(len(take["t"]))
    return {name: column[order] for name, column in take.items()}


LONG = a_take(n=9000)
DOUBTED = {
    **{f"{n} of {n + rest}": early(n, rest) for n, rest in ((30, 3000), (10, 500), (1, 20))},
    "many of one stamp": shuffled(with_stamp(a_take(50_000, 9000), slice(20), 0)),
    "wrap": shuffled({**LONG, "t": (LONG["t"] - LONG["t"][4000]) % (1 << 32)}),
    "half of the window": with_stamp(a_take(50_000, 9000), 0, 0),
}


@pytest.mark.parametrize("take", DOUBTED.values(), ids=DOUBTED)
def test_what_counts_nearly_nothing_is_named(take):
    first = 50_000 if take is DOUBTED["half of the window"] else 10_000_000
    with pytest.warns(UserWarning, match="recording 1 "):
        opened(take, first, time="us")


def test_it_is_named_from_the_cache_too(tmp_path):
    for k in range(12):
        take = early(3, 2997) if k == 7 else a_take(seed=k)
        (tmp_path / f"set/c{k % 2}").mkdir(parents=True, exist_ok=True)
        np.savez(tmp_path / f"set/c{k % 2}" / f"{k}.npz", **take)
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"7.npz \(3 of 3,000 events\)"):
            ms.open_set(
                "recordings", "train", tmp_path / "set", False, sensor=SENSOR, classes="train"
            )


def test_a_wrong_unit_of_all_recordings_is_named_and_sparse_ones_are_silent(rng):
    """Microseconds that are given as milliseconds: two events of 2,000 in the first 100 ms."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number, lasting in ((2000, 300_000), *[(320, 5_000_000)] * 20):
            takes = [a_take(seed=k, n=number) for k in range(8)]
            takes = [{**one, "t": np.sort(rng.integers(0, lasting, number))} for one in takes]
            ms.Recordings(takes, list("aabbccdd"), sensor=SENSOR)
    takes = [{**one, "t": one["t"] // 10} for one in takes]
    with pytest.warns(UserWarning, match="unit"):
        ms.Recordings(takes, list("aabbccdd"), sensor=SENSOR, time="ms")


@pytest.mark.parametrize("first", [0, 50_000, 10_000_000])
def test_honest_recordings_are_silent(first):
    """In no order, one polarity or pixel after the other, or rows within each polarity, in packets
    that overtake each other, or of two cameras in turn, with a slow beginning: each is counted as it is when it is sorted."""
    take = a_take(first)
    take["t"][:40] = first + np.arange(40) * 700
    take["t"][40:] += 28_000
    rng = np.random.default_rng(1)
    packet = (take["t"] - first) // 12_000
    orders = [
        rng.permutation(3000),
        np.argsort(take["p"], kind="stable"),
        np.lexsort((take["t"], take["y"], take["p"])),
        np.argsort(-take["t"], kind="stable"),
        np.lexsort((take["t"], take["p"], packet)),
        np.lexsort((take["t"], take["x"], take["y"])),
        np.argsort(take["t"] + rng.integers(-900, 900, 3000), kind="stable"),
    ]
    given = [{name: column[order] for name, column in take.items()} for order in orders]
    other = a_take(first, seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for one in given:
            data = [take, one, other, {**other, "x": 33 - other["x"]}]
            tasks = ms.Recordings(data, list("abab"), sensor=SENSOR)
            counts = tasks.pool.dense(np.arange(2))
            np.testing.assert_array_equal(counts[0], counts[1])


@pytest.mark.parametrize("zeros", [1, 30])
@pytest.mark.parametrize("order", ["none", "units"])
def test_rows_of_zeros_behind_units_that_are_not_sorted(order, zeros, rng):
    """One unit after the other, the first of which is silent, or in no order."""
    take = a_take(50_000)
    unit = np.maximum(take["x"], 1)
    place = np.argsort(unit) if order == "units" else rng.permutation(3000)
    columns = {"t": take["t"][place], "unit": unit[place]}
    ms.Recordings([columns, dict(columns, unit=unit)], [0, 0], sensor=34)
    behind = {name: np.append(one, np.zeros(zeros, int)) for name, one in columns.items()}
    with pytest.raises(ValueError, match="zeros"):
        ms.Recordings([columns, behind], [0, 0], sensor=34)
