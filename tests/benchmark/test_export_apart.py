"""What is exported to learn from holds no recording of the episodes, whose labels it would give
away."""

from pathlib import Path

import numpy as np
import pytest
import toy

import minisnn as ms
from minisnn import cli
from minisnn.benchmark.export import expected_bytes
from minisnn.benchmark.series import Series
from minisnn.data.readers.events import event_array

SET = """\
import sys
sys.path.insert(0, {tests!r})
import toy

def apart(split):
    return toy.small_set(split, seed=6 if split == "train" else 5)

def copies(split):
    return toy.small_set(split)

KNOWN = toy.small_set()

def same(split):
    return KNOWN
"""


@pytest.fixture
def export(tmp_path, capsys):
    """export(dataset, *words): (exit code, what was said, whether a folder was written)."""
    code = tmp_path / "own.py"
    code.write_text(SET.format(tests=str(Path(__file__).parents[1])))

    def run(dataset, *words):
        own = ["--dataset", f"{code}:{dataset}", "--episodes", "1", "--queries", "2", "--quiet"]
        ended = cli.main(["benchmark", "export", str(tmp_path / "out"), *own, *words])
        return ended, capsys.readouterr().err, (tmp_path / "out").exists()

    return run


@pytest.mark.parametrize("dataset", ["copies", "same"])
def test_episodes_of_recordings_to_learn_from_are_refused(dataset, export):
    code, told, written = export(dataset)
    assert code == 2 and not written and len(told.splitlines()) == 1
    assert "the test set of the episodes share 240 of 240 recordings (such as number 0)" in told
    assert "expected other recordings, or --no-train" in told


def test_the_training_split_goes_out_alone(export):
    code, told, written = export("apart", "--split", "train")
    assert code == 2 and not written
    assert "expected another --split, or --no-train" in told
    assert export("apart", "--split", "train", "--no-train") == (0, "", True)


def test_recordings_that_are_apart_go_out(export):
    assert export("apart") == (0, "", True)


def test_a_folder_with_copies_of_what_trains_is_refused(tmp_path, capsys):
    """As `train` refuses it."""
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for label in "abc":
            place = tmp_path / "all" / split / f"{split}-{label}"
            place.mkdir(parents=True)
            for k in range(4):
                t, y, x, p = np.nonzero(rng.random((20, 6, 6, 2)) < 0.2)
                np.save(place / f"{k}.npy", event_array(x, y, t * 1000, p))
    for k in range(4):
        whole = tmp_path / "all" / "train" / "train-a" / f"{k}.npy"
        (tmp_path / "all" / "test" / "test-b" / f"{k}.npy").write_bytes(whole.read_bytes())
    words = ["--dataset", "recordings", "--root", str(tmp_path / "all"), "--ways", "2"]
    words += ["--sensor", "6,6", "--episodes", "1", "--queries", "1", "--quiet"]
    out = tmp_path / "out"
    assert cli.main(["benchmark", "export", str(out), *words]) == 2
    assert "share 4 of 12 recordings" in capsys.readouterr().err and not out.exists()


def test_no_series_is_no_benchmark(tmp_path, capsys):
    assert cli.main(["benchmark", "export", str(tmp_path / "out"), "--only", "none"]) == 2
    assert "--only none: names no series" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_forecast_counts_the_recordings_of_the_split():
    """Of which so many episodes draw each."""
    whole = toy.small_set()
    pairs: ms.Recordings = whole.only(["01", "10"])
    series = Series("pairs", "pairs", "own.py:pairs", 2, 1, 4, episodes=600)
    assert expected_bytes(series, pairs)[0] == 60
    assert expected_bytes(series, pairs, whole)[0] == 60 + 240
