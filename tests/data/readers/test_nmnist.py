"""N-MNIST files: bytes by hand, round trips, and files that are damaged or foreign."""

import numpy as np
import pytest

import minisnn as ms
from minisnn import read_nmnist


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
    events = ms.event_array(range(7), range(7), time, [0, 1, 0, 1, 0, 1, 0])
    ms.write_nmnist(tmp_path / "a.bin", events)
    assert np.array_equal(read_nmnist(tmp_path / "a.bin"), events)


@pytest.mark.parametrize(
    "rows, words",
    [
        ((), "0 bytes"),
        (((1, 1, 0, 0, 0), (1, 1, 0)), "8 bytes"),
        (((1, 1, 0, 0, 1), (34, 1, 0, 0, 1)), "x reaches from 1 to 34"),
        (((1, 34, 0, 0, 1),), "y reaches from 34"),
        (((0, 0, 0, 0, 0), (0, 0, 0, 0, 0)), "only zeros"),
        (((0, 240, 0, 0, 0),), "no events"),
        (((1, 1, 0, 0, 9), (1, 1, 0, 0, 8)), "times fall"),
        ((b"# a table of numbers\n1,2,3\n4,5,6\n"[:30],), "N-MNIST"),
    ],
)
def test_damaged_and_foreign_files_are_named(tmp_path, rows, words):
    path = write(tmp_path / "00007.bin", *rows)
    with pytest.raises(ValueError, match="00007.bin: .*" + words) as error:
        read_nmnist(path)
    assert "\n" not in str(error.value)


def test_rows_are_turned_over_in_the_sensor_or_not_at_all(tmp_path):
    events = ms.event_array([1, 2], [0, 30], [5, 9], [0, 1])
    ms.write_nmnist(tmp_path / "a.bin", events)
    assert ms.read_events(tmp_path / "a.bin", flip_y=True)["y"].tolist() == [33, 3]
    np.save(tmp_path / "a.npy", events)
    with pytest.raises(ValueError, match="a.npy: sensor is None"):
        ms.read_events(tmp_path / "a.npy", flip_y=True)
