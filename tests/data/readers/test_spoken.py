"""Files in the form of SHD and SSC, made here, for the recordings do not ship: read as they were
written, and every damage told in a sentence that names the file."""

import h5py
import numpy as np
import pytest
from spoken import DIGITS, recordings, write

import minisnn as ms
from minisnn.data.readers.listing import entries, read_entry

TIMES = [[0.5, 0.001, 1.25], [0.75], []]
UNITS = [[699, 0, 12], [7], []]
LABELS = [19, 0, 3]


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "shd_train.h5", TIMES, UNITS, LABELS, [4, 4, 11])


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
def test_recordings_come_back_sorted_in_microseconds(tmp_path, kind):
    path = write(tmp_path / "a.h5", TIMES, UNITS, LABELS, [4, 4, 11], kind=kind)
    found = entries(path)
    first, second, nothing = map(read_entry, found)
    expected = np.rint(np.sort(np.array(TIMES[0], kind)).astype(float) * 1e6)
    assert first["t"].tolist() == expected.tolist()
    assert first["x"].tolist() == [0, 699, 12] and not first["y"].any()
    assert second["t"].tolist() == [750_000] and len(nothing) == 0
    assert [one.label for one in found] == [DIGITS[k] for k in LABELS]
    assert [one.subject for one in found] == ["4", "4", "11"]


def test_a_file_is_a_data_set_of_its_own(path):
    found = entries(path)
    assert [(one.label, one.subject, one.key) for one in found] == [
        ("neun", "4", 0),
        ("zero", "4", 1),
        ("three", "11", 2),
    ]
    assert read_entry(found[0])["x"].tolist() == [0, 699, 12]
    with pytest.raises(ValueError, match="units"):
        read_entry(found[1], sensor=(1, 700))
    with pytest.raises(ValueError, match="holds many recordings"):
        ms.read_events(path)


def test_a_file_that_was_read_can_be_written_again(tmp_path):
    """In one session: it is given up when all of it was read."""
    times, units, labels, who = recordings(6, range(4), 1)
    path = write(tmp_path / "own.h5", times, units, labels, who, DIGITS[:6])
    how = dict(progress=False, cache=False, bin_ms=10, duration_ms=1000)
    before = ms.open_set("recordings", "test", path, **how).pool
    with h5py.File(path, "a") as file:
        file["spikes/units"][0] = np.zeros(150, "u2")
    after = ms.open_set("recordings", "test", path, **how).pool
    assert before.dense([0])[0, :, 0].sum() == 0 and after.dense([0])[0, :, 0].sum() == 150
    assert np.array_equal(before.dense([1]), after.dense([1]))


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("spikes/times", None, "times"),
        ("labels", None, "labels"),
        ("labels", [0, 1], "of 2 recordings"),
        ("labels", [0, 1, 20], "20"),
        ("labels", [0, -1, 2], "labels"),
        ("labels", [0, 0.5, 2], "labels"),
        ("extra/keys", [b"one"] * 20, "words"),
        ("extra/speaker", [1, 2], "of 3 recordings"),
        ("spikes/times", np.array([0.1, 0.2], "f2"), "length"),
        ("spikes/units", np.array([1, 2, 700], "u2"), "counted from 1"),
        ("spikes/units", np.array([1, 2, 65535], "u2"), "65535"),
        ("spikes/times", np.array([0.1, np.nan, 0.2], "f2"), "finite"),
        ("spikes/times", np.array([0.1, -0.5, 0.2], "f2"), "-0.5"),
        ("spikes/times", 4 * np.arange(200, dtype="f2"), "units|length"),
        ("spikes/times", np.array([1, 250, 832], "f2"), "give --time ms"),
    ],
)
def test_damage_is_told(path, name, value, words):
    with h5py.File(path, "a") as file:
        if isinstance(value, np.ndarray):  # of the first recording
            file[name][0] = value
        else:
            del file[name]
            if value is not None:
                file[name] = np.array(value)
    with pytest.raises(ValueError, match=words) as error:
        read_entry(entries(path)[0])
    assert str(error.value).startswith(str(path))


def test_a_wrong_unit_is_refused(path, tmp_path, rng):
    t = np.sort(rng.random(500))
    many = write(tmp_path / "many.h5", [t, 1000 * t], [np.arange(500) % 40] * 2, [0, 1], kind="f4")
    seconds, milliseconds = entries(many)
    assert len(read_entry(seconds)) == len(read_entry(milliseconds, time="ms")) == 500
    with pytest.raises(ValueError, match="recording 1: .* they look like ms"):
        read_entry(milliseconds)
    with pytest.raises(ValueError, match="recording 0: .* they look like s"):
        read_entry(seconds, time="ms")
    assert read_entry(milliseconds, time="s")["t"].max() > 900_000_000
    # so few are not judged
    assert read_entry(entries(path)[0], time="ms")["t"].max() == 1250
    with pytest.raises(ValueError, match="time must be .*'h'"):
        read_entry(seconds, time="h")
