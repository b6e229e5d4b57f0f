"""Few-shot tasks over spoken words, of files in the form of SHD and SSC that are made here:
words that are held out are never met, and counts are those of a loop."""

import h5py
import numpy as np
import pytest
from toy import compare
import spoken

import minisnn as ms
from minisnn.data.sets.samples import shared
from minisnn.training.baselines import frames

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    return {"shd": spoken.shd(folder / "shd"), "ssc": spoken.ssc(folder / "ssc")}


def opened(roots, name, split, **how):
    return ms.open_set(name, split, roots[name[:3]], False, cache=False, **how)


@pytest.mark.parametrize("name, sizes", [("shd", (10, 5, 5)), ("ssc", (22, 6, 7))])
def test_words_are_held_out_and_recordings_apart(roots, name, sizes):
    sets = {split: opened(roots, name, split) for split in SPLITS}
    assert tuple(len(one.classes) for one in sets.values()) == sizes
    assert len(set().union(*(one.classes for one in sets.values()))) == sum(sizes)
    assert {one.input_shape for one in sets.values()} == {(700,)}
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert shared(sets[one], sets[other]) is None
    more = opened(roots, name, "test", class_seed=1)
    assert more.classes != sets["test"].classes and len(more.classes) == sizes[2]
    assert {split: one.of_split for split, one in sets.items()} == {
        split: split for split in SPLITS
    }


def test_counts_are_those_of_a_loop_from_time_zero_on(roots):
    tasks = opened(roots, "shd", "test", bin_ms=10, duration_ms=500)
    assert tasks.pool.shape == (50, 700)
    with h5py.File(roots["shd"] / "shd_test.h5") as file:
        for place, row in list(enumerate(tasks.pool.numbers.tolist()))[::9]:
            expected = np.zeros((50, 700), int)
            for t, unit in zip(file["spikes/times"][row], file["spikes/units"][row]):
                step = round(float(t) * 1e6) // 10_000
                if step < 50:
                    expected[step, unit] += 1
            assert np.array_equal(tasks.pool.dense([place])[0], expected)


@pytest.mark.parametrize(
    "how, words",
    [
        (dict(classes="some"), "classes"),
        (dict(size=701), "size"),
        (dict(size=(16, 16)), "size"),
        (dict(bin_ms=13), "duration_ms"),
        (dict(time="ms"), "look like s"),
        (dict(root=None), "root of shd"),
        (dict(root="nowhere"), "shd_train.h5"),
    ],
)
def test_what_cannot_be_is_told(roots, how, words):
    how = dict(split="train", root=roots["shd"], cache=False, progress=False) | how
    with pytest.raises(ValueError, match=words):
        ms.SHD(**how)


@pytest.mark.every(2)
def test_noise_is_guessed(tmp_path):
    """Nothing but what is heard tells a word: neither who speaks nor where in its file it stands."""
    for part, people in (("train", range(6)), ("test", range(4, 8))):
        said = [(word, who) for word in range(20) for who in people for _ in range(3)]
        rng = np.random.default_rng(len(people))
        times = [np.sort(rng.random(40)) + 0.01 * who for _, who in said]
        units = [20 * who + rng.integers(0, 500, 40) for _, who in said]
        labels, who = np.array(said).T
        spoken.write(tmp_path / f"shd_{part}.h5", times, units, labels, who)
    for split in SPLITS:
        tasks = ms.open_set("shd", split, tmp_path, False, cache=False)
        row = compare(tasks, {"frames": frames}, 60, queries=4)["frames"]
        assert abs(row.mean - 0.2) < 4 * (0.16 / len(tasks.pool)) ** 0.5, (split, row.mean)
