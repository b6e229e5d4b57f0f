"""Few-shot tasks over spoken words, of files in the form of SHD and SSC that are made here: what is
held out is never met, support and query are by whom they should be, counts are those of a loop."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import spoken

import minisnn as ms
from minisnn.data.readers.spoken import SpokenFile
from minisnn.data.sets.named import DATASETS, open_set
from minisnn.data.sets.samples import shared
from minisnn.training.baselines import compare, frames
from minisnn.training.evaluation import check_apart, open_sets
from minisnn.training.settings import READ_BY, SOUNDS

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    return {"shd": spoken.shd(folder / "shd"), "ssc": spoken.ssc(folder / "ssc")}


def opened(roots, name, split, **how):
    return open_set(name, split, roots[name[:3]], False, cache=False, **how)


def who(tasks, split) -> np.ndarray:
    """Who speaks in each recording of a set."""
    with SpokenFile(tasks.source.split(",")[0]) as file:
        return np.array(file.speakers)[tasks.pool.numbers]


def test_settings_know_which_sets_are_sounds():
    sounds = {name for name, one in DATASETS.items() if "sounds" in one.place}
    assert set(SOUNDS) == sounds and sounds < set(READ_BY)


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


@pytest.mark.parametrize("name", ["shd", "ssc"])
def test_all_words_are_told_apart_in_recordings_of_their_own(roots, name):
    config = ms.TrainingConfig(
        dataset=name, root=str(roots[name]), rule="classify", channels=(), queries=5
    )
    sets = open_sets(config, progress=False)
    assert {len(one.classes) for one in sets.values()} == {20 if name == "shd" else 35}
    check_apart(config, sets)
    if name == "shd":  # every fifth recording of a word validates
        with SpokenFile(roots["shd"] / "shd_train.h5") as file:
            number = {word: 0 for word in range(20)}
            validate = []
            for row, label in enumerate(file.labels.tolist()):
                number[label] += 1
                validate += [row] * (number[label] % 5 == 0)
        assert sets["val"].pool.numbers.tolist() == validate


@pytest.mark.parametrize("name", ["shd-other-speaker", "ssc-other-speaker"])
def test_speakers_are_held_out_and_support_is_of_one(roots, name):
    sets = {split: opened(roots, name, split) for split in SPLITS}
    speakers = {split: set(who(one, split)) for split, one in sets.items()}
    assert all(len(one) >= 2 for one in speakers.values())
    assert sum(map(len, speakers.values())) == len(set().union(*speakers.values()))
    if name.startswith("shd"):
        assert speakers["test"] == {"6", "7"} and len(speakers["val"]) == 2
    for split, tasks in sets.items():
        said = who(tasks, split)
        seen = set()
        for index in range(20):
            task = tasks.episode(0, index, 5, 1, 2)
            support, query = (said[side] for side in task.recordings)
            assert len(set(support.ravel())) == 1
            assert not set(support.ravel()) & set(query.ravel())
            seen |= set(support.ravel())
        assert seen == speakers[split]


def test_a_speaker_who_says_few_words_is_drawn_for_those(tmp_path):
    """Of words that are drawn freely nobody might say all."""
    keys = [f"word{n}" for n in range(35)]
    for k, part in enumerate(("train", "valid", "test")):
        times, units, labels, people = spoken.recordings(35, range(4 * k, 4 * k + 4), 1, k)
        keep = [n for n in range(len(labels)) if (labels[n] + people[n]) % 2]
        some = [[one[n] for n in keep] for one in (times, units, labels, people)]
        spoken.write(tmp_path / f"ssc_{part}.h5", *some, keys)
    tasks = open_set("ssc-other-speaker", "train", tmp_path, False, cache=False)
    for index in range(20):
        assert len(tasks.episode(0, index, 8, 1, 1).classes) == 8
    with pytest.raises(ValueError, match="4 groups hold the recordings of 20 symbols"):
        tasks.episode(0, 0, 20, 1, 1)
    with pytest.raises(ValueError, match="expected one with all of them, for the support"):
        tasks.sample_task(np.random.default_rng(0), 20, 1, 1, tasks.classes[:20])


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


def test_units_are_summed(roots):
    whole, part = (opened(roots, "shd", "test", size=size) for size in (None, 140))
    assert part.input_shape == (140,)
    expected = whole.pool.dense([0, 1]).reshape(2, 100, 140, 5).sum(3)
    assert np.array_equal(part.pool.dense([0, 1]), expected)


def test_a_recording_without_spikes_is_silence(roots, tmp_path):
    root = Path(shutil.copytree(roots["shd"], tmp_path / "shd"))
    with h5py.File(root / "shd_test.h5", "a") as file:
        for name in ("times", "units"):
            file[f"spikes/{name}"][0] = np.zeros(0, file[f"spikes/{name}"][1].dtype)
    tasks = open_set("shd", "test", root, False, cache=False, classes="all")
    assert tasks.pool.dense([0]).sum() == 0 and tasks.pool.dense([1]).sum() == 150


def test_kept_recordings_are_those_that_were_read(roots, tmp_path, monkeypatch):
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    root = Path(shutil.copytree(roots["shd"], tmp_path / "shd"))
    first = open_set("shd", "test", root, False)
    assert len(list((tmp_path / "cache").glob("shd-*.npz"))) == 1
    again = open_set("shd", "test", root, False)
    assert again.identity() == first.identity()
    assert open_set("shd", "test", root, False, bin_ms=20).pool.shape == (70, 700)
    with h5py.File(root / "shd_test.h5", "a") as file:
        file["spikes/units"][int(first.pool.numbers[0])] = np.zeros(150, "u2")
    assert open_set("shd", "test", root, False).identity() != first.identity()


def test_a_word_has_so_many_recordings_at_most(roots):
    tasks = opened(roots, "shd", "test", per_word=3)
    assert set(np.bincount(tasks.pool.labels)) == {0, 3}


@pytest.mark.parametrize(
    "how, words",
    [
        (dict(split="all"), "split must be one of"),
        (dict(speakers="one"), "speakers must be"),
        (dict(classes="some"), "classes must be one of"),
        (dict(per_word=1), "per_word must be at least 2"),
        (dict(size=701), "number of units from 1 to 700"),
        (dict(size=(16, 16)), "number of units"),
        (dict(size="70"), "size must hold whole numbers"),
        (dict(bin_ms=13), "duration_ms is 1400.0; expected a whole number of steps of 13"),
        (dict(bin_ms=0), "step_ms is 0"),
        (
            dict(time="ms"),
            "recording .*: times reach .* look like s",
        ),
        (dict(time="h"), "time .*'h'"),
        (dict(root=None), "shd needs a root, the folder that holds shd_train.h5 and shd_test.h5"),
        (dict(root="nowhere"), "nowhere: there is no shd_train.h5"),
    ],
)
def test_what_cannot_be_is_told(roots, how, words):
    how = dict(split="train", root=roots["shd"], cache=False, progress=False) | how
    with pytest.raises(ValueError, match=words):
        ms.SHD(**how)


def test_files_that_are_missing_or_packed_are_told(roots, tmp_path):
    with pytest.raises(
        ValueError, match="there is no ssc_valid.h5, which ssc needs for val; https"
    ):
        (tmp_path / "a").mkdir()
        ms.SSC("val", tmp_path / "a")
    (tmp_path / "a" / "shd_test.h5.gz").write_bytes(b"")
    with pytest.raises(ValueError, match="unpack shd_test.h5.gz"):
        ms.SHD("test", tmp_path / "a")
    test = ms.SHD("test", roots["shd"] / "shd_train.h5", progress=False)  # a file of the folder
    assert test.source.endswith("shd_test.h5")


def test_speakers_that_are_not_known_or_too_few_are_told(tmp_path):
    said = spoken.recordings(20, range(4), 2)
    root = tmp_path
    spoken.write(root / "shd_train.h5", *said[:3])
    spoken.write(root / "shd_test.h5", *said[:3])
    assert len(ms.SHD("test", root, cache=False, progress=False).classes) == 5
    with pytest.raises(
        ValueError, match="no extra/speaker, and who speaks is not known; use --dat"
    ):
        ms.SHD("test", root, speakers="other")
    spoken.write(root / "shd_train.h5", *said)
    spoken.write(root / "shd_test.h5", *spoken.recordings(20, (3, 9), 2))
    with pytest.raises(
        ValueError, match="shd_test.h5: 1 of its speakers serve test alone; expected 2"
    ):
        ms.SHD("test", root, speakers="other")
    spoken.write(root / "shd_train.h5", *spoken.recordings(20, range(3), 2))
    with pytest.raises(ValueError, match="shd_train.h5: 1 of its speakers serve train alone"):
        ms.SHD("train", root, speakers="other")


def test_a_word_without_recordings_is_told(tmp_path):
    times, units, labels, people = spoken.recordings(20, range(4), 2)
    labels = np.where(labels == 3, 2, labels)
    spoken.write(tmp_path / "shd_test.h5", times, units, labels, people)
    with pytest.raises(ValueError, match="word three has 0 recordings, expected at least 2"):
        ms.SHD("test", tmp_path, classes="all", cache=False, progress=False)


def test_steps_finer_than_the_times_are_told(roots):
    with pytest.warns(UserWarning, match="times are float16, 0.98 ms apart after the first second"):
        opened(roots, "shd", "test", bin_ms=0.5, duration_ms=700)


@pytest.mark.parametrize("name", ["shd", "shd-other-speaker"])
@pytest.mark.every(2)
def test_noise_is_guessed(tmp_path, name):
    """Nothing but what is heard tells a word: neither who speaks nor where in its file it stands."""
    for part, people in (("train", range(6)), ("test", range(4, 8))):
        said = [(word, who) for word in range(20) for who in people for _ in range(3)]
        rng = np.random.default_rng(len(people))
        times = [np.sort(rng.random(40)) + 0.01 * who for _, who in said]
        units = [20 * who + rng.integers(0, 500, 40) for _, who in said]
        labels, who = np.array(said).T
        spoken.write(tmp_path / f"shd_{part}.h5", times, units, labels, who)
    for split in SPLITS:
        tasks = open_set(name, split, tmp_path, False, cache=False)
        row = compare(tasks, {"frames": frames}, 60, queries=4)["frames"]
        assert abs(row.mean - 0.2) < 4 * (0.16 / len(tasks.pool)) ** 0.5, (split, row.mean)
