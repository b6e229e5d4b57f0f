"""N-MNIST files: bytes by hand, round trips, and files that are damaged or foreign."""

import os
from pathlib import Path

import numpy as np
import pytest

from minisnn.data.readers.events import EVENT, event_array
from minisnn.data.readers.nmnist import labelled_files, nmnist_files, read_nmnist, write_nmnist


def write(path, *rows):
    path.write_bytes(bytes(value for row in rows for value in row))
    return path


def test_bytes_by_hand(tmp_path):
    path = write(
        tmp_path / "00001.bin",
        (3, 7, 0x80, 0x01, 0x02),
        (33, 0, 0x01, 0x00, 0x00),
        (5, 33, 0xFF, 0xFF, 0xFF),
    )
    assert read_nmnist(path).tolist() == [(3, 7, 258, 1), (33, 0, 65536, 0), (5, 33, 8388607, 1)]
    assert read_nmnist(str(path)).dtype == EVENT


def test_an_overflow_row_moves_itself_and_all_after_it(tmp_path):
    path = write(
        tmp_path / "a.bin",
        (1, 1, 0, 0, 9),
        (0, 240, 0, 0, 0),
        (2, 2, 0, 0, 1),
        (0, 240, 0, 0, 0),
        (3, 3, 0x80, 0, 0),
    )
    assert read_nmnist(path).tolist() == [(1, 1, 9, 0), (2, 2, 8193, 0), (3, 3, 16384, 1)]


def test_round_trip_beyond_the_23_bits_of_time(tmp_path):
    time = [0, 2**23 - 1, 2**23, 2**23 + 8191, 2**23 + 8192, 20_000_000, 20_000_000]
    events = event_array(range(7), range(7), time, [0, 1, 0, 1, 0, 1, 0])
    write_nmnist(tmp_path / "a.bin", events)
    assert np.array_equal(read_nmnist(tmp_path / "a.bin"), events)


@pytest.mark.parametrize(
    "rows, words",
    [
        ((), "0 bytes"),
        (((1, 1, 0, 0, 0), (1, 1, 0)), "8 bytes"),
        (((1, 1, 0, 0, 1), (34, 1, 0, 0, 1)), "x reaches from 1 to 34"),
        (((1, 34, 0, 0, 1),), "y reaches from 34"),
        (((0, 0, 0, 0, 0), (0, 0, 0, 0, 0)), "nothing but zeros"),
        (((0, 240, 0, 0, 0),), "no events"),
        (((1, 1, 0, 0, 9), (1, 1, 0, 0, 8)), "times fall"),
        ((b"# a table of numbers\n1,2,3\n4,5,6\n"[:30],), "y reaches"),
    ],
)
def test_damaged_and_foreign_files_are_named(tmp_path, rows, words):
    path = write(tmp_path / "00007.bin", *rows)
    with pytest.raises(ValueError, match="00007.bin: .*" + words) as error:
        read_nmnist(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "events, words",
    [
        (np.empty(0, EVENT), "expected events"),
        (event_array([34], [0], [0], [0]), "x reaches"),
        (event_array([0, 0], [0, 0], [0, 0], [0, 0]), "all events are OFF"),
        (event_array([0], [0], [-1], [0]), "from zero on"),
        (event_array([0, 0], [0, 0], [1, 2], [0, 0])[::-1].copy(), "sorted"),
        (
            event_array([0], [0], [8192 * 2_002_000], [0]),
            "rows to write",
        ),
    ],
)
def test_write_refuses(tmp_path, events, words):
    with pytest.raises(ValueError, match=words):
        write_nmnist(tmp_path / "a.bin", events)
    assert not (tmp_path / "a.bin").exists()


@pytest.fixture(params=["Train", "train", "TRAIN"])
def root(tmp_path, request):
    for digit, number in (
        (0, 22),
        (0, 2),
        (0, 10_000),
        (0, 35),
        (0, 9),
        (0, 121),
        (0, 70),
        (7, 16),
    ):
        folder = tmp_path / request.param / str(digit)
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / f"{number:05d}.bin", (1, 1, 0, 0, 1))
    (tmp_path / request.param / "0" / "readme.txt").write_text("no recording")
    (tmp_path / request.param / "0" / "._00002.bin").write_text("a Mac was here")
    return tmp_path


@pytest.mark.parametrize("split", ["Train", "train"])
def test_files_by_digit_in_the_order_of_numbers(root, split):
    files = nmnist_files(root, split)
    assert list(files) == list(range(10))
    assert [number for number, _ in files[0]] == [2, 9, 22, 35, 70, 121, 10_000]
    assert [path.name for _, path in files[7]] == ["00016.bin"] and files[7][0][1].is_file()
    assert files[3] == []


def test_errors_name_the_root(root):
    (root / "test" / "1").mkdir(parents=True)
    for place, split in ((root, "Test"), (root, "val"), ("nowhere", "Train")):
        with pytest.raises(ValueError, match=f"{place}: no recordings"):
            nmnist_files(place, split)


def test_a_file_without_a_number_is_named(root):
    folder = next(root.iterdir()) / "7"
    write(folder / "digit_a.bin", (1, 1, 0, 0, 1))
    with pytest.raises(ValueError, match="digit_a.bin"):
        nmnist_files(root, "train")


def test_recordings_of_other_labels_than_digits(tmp_path):
    for label, number in (("b", 2), ("a", 10), ("a", 9), ("empty", 0)):
        (tmp_path / "Test" / label).mkdir(parents=True, exist_ok=True)
        if number:
            (tmp_path / "Test" / label / f"{number:05d}.bin").touch()
    found = labelled_files(tmp_path, "test")
    assert {label: [number for number, _ in files] for label, files in found.items()} == {
        "a": [9, 10],
        "b": [2],
    }
    with pytest.raises(
        ValueError, match=f"{tmp_path}: the recordings are of a, b; expected the digits 0 to 9"
    ):
        nmnist_files(tmp_path, "test")


def test_real_recordings_lie_in_range():
    where = os.environ.get("MINISNN_NMNIST_ROOT")
    if not where:
        pytest.skip("MINISNN_NMNIST_ROOT does not name a folder of real N-MNIST recordings")
    files = nmnist_files(where, "Train")
    for digit in range(10):
        for number, path in files[digit][:5]:
            events = read_nmnist(path)
            assert int(Path(path).stem) == number
            assert 500 < events.size < 10_000 and 250_000 < events["t"][-1] < 400_000
