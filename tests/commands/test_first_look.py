"""What `minisnn info` says of recordings that somebody brings: right numbers, and faults found,
whatever comes first."""

from pathlib import Path

import numpy as np
import pytest

from minisnn import cli
from minisnn.data.sets.named import own
from sweeps import SENSOR, in_unit, sweep


def folder(root: Path, labels: str, recordings: int = 2, **also) -> Path:
    for k, label in enumerate(labels):
        (root / label).mkdir(parents=True)
        for n in range(recordings):
            events = in_unit(sweep(recordings * k + n), "us")
            np.savez(root / label / f"{n}.npz", events=events, sensor=np.array(SENSOR), **also)
    return root


def said(capsys, *words: str, code: int = 0) -> str:
    assert cli.main(["info", *words]) == code
    found = capsys.readouterr()
    return found.err if code else found.out


def test_a_first_recording_that_is_damaged_does_not_end_the_look(tmp_path, capsys):
    root = folder(tmp_path / "damaged", "abcdefg")
    (root / "a" / "0.npz").write_bytes(b"")
    out = said(capsys, str(root))
    assert "of 16 x 12 pixels" in out and "a/0.npz: cannot be read" in out


def test_recordings_of_two_sensors_are_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    root = folder(tmp_path / "two", "abcdefg")
    np.savez(root / "c" / "1.npz", events=in_unit(sweep(99), "us"), sensor=np.array([24, 32]))
    expected = "c/1.npz has a sensor of 32 x 24 pixels, .*a/0.npz one of 16 x 12 pixels; expected one for all"
    with pytest.raises(ValueError, match=expected):
        own("train", root, cache=False, progress=False)
    assert "has a sensor of 32 x 24 pixels" in said(capsys, str(root), code=2)
    assert own("train", root, sensor=(24, 32), cache=False, progress=False).input_shape == (
        24,
        32,
        2,
    )
    assert "guides/recordings.md" in said(capsys, str(root), "--sensor", "24,32")


@pytest.mark.parametrize("factor", [1e6, 1e3])
def test_the_unit_of_times_in_fractions_is_asked_for(tmp_path, capsys, factor):
    for k in range(2):
        (tmp_path / "text" / "a").mkdir(parents=True, exist_ok=True)
        events = sweep(k)
        table = np.stack([events["t"] / factor, events["x"], events["y"], events["p"]], 1)
        np.savetxt(tmp_path / "text" / "a" / f"{k}.txt", table, "%.6f")
    out = said(capsys, str(tmp_path / "text"), "--columns", "t,x,y,p")
    assert "times are fractions, and nothing gives their unit" in out and "say --time" in out


def test_a_folder_of_arrays_that_are_no_events_is_not_one_of_pictures(tmp_path, capsys):
    for label in "ab":
        (tmp_path / "audio" / label).mkdir(parents=True)
        for n in range(2):
            times = np.sort(np.random.default_rng(n).uniform(0, 1, 300))
            np.save(
                tmp_path / "audio" / label / f"{n}.npy", np.stack([times, np.arange(300) % 70], 1)
            )
    for words in ((), ("--sample", "3")):
        err = said(capsys, str(tmp_path / "audio"), *words, code=2)
        assert "a/0.npy: holds an array of shape (300, 2)" in err and "--columns" in err
    err = said(capsys, str(tmp_path / "audio"), "--columns", "t,x", code=2)
    assert "expected x, y, t and p" in err
    out = said(capsys, str(tmp_path / "audio"), "--columns", "t_s,unit")
    assert "events reach (70,): give --sensor" in out
