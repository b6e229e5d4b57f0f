"""ASL-DVS: files of both MATLAB versions, their order on disk, and files that are damaged or
foreign."""

import os
import struct

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from minisnn.data.readers import asl
from minisnn.data.readers.asl import LETTERS, asl_files, read_asl, recording_number


def hand(**changed) -> dict:
    columns = dict(
        ts=[10.0, 20, 20, 35], x=[0.0, 239, 7, 8], y=[0.0, 179, 3, 4], pol=[1.0, 0, 0, 1]
    )
    return {
        name: np.asarray(values)
        for name, values in {**columns, **changed}.items()
        if values is not None
    }


EVENTS = [(0, 0, 10, 1), (239, 179, 20, 0), (7, 3, 20, 0), (8, 4, 35, 1)]


def matlab_5(path, columns, **options):
    savemat(path, columns, **{"oned_as": "column", **options})
    return path


def matlab_73(path, columns, row=True, userblock=512, **options):
    with h5py.File(path, "w", userblock_size=userblock) as file:
        for name, values in columns.items():
            file.create_dataset(
                name, data=values[None] if row and values.ndim == 1 else values, **options
            )
    if userblock:
        with open(path, "r+b") as file:
            file.write(
                b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124)
                + struct.pack("<H", 0x0200)
                + b"IM"
            )
    return path


@pytest.fixture(params=[matlab_5, matlab_73])
def write(request, tmp_path):
    """write(columns, ...) makes a file of either version and returns its path."""
    return lambda columns, **options: request.param(tmp_path / "a_0007.mat", columns, **options)


def test_flipped_rows(write):
    assert read_asl(write(hand()), flip_y=True)["y"].tolist() == [179, 0, 176, 175]
    assert read_asl(write(hand(y=np.array([0, 179, 3, 4], "u1"))), True)["y"].tolist() == [
        179,
        0,
        176,
        175,
    ]


def refused(path, words):
    with pytest.raises(ValueError, match=words) as error:
        read_asl(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "changed, words",
    [
        (dict(pol=None), "there is no pol"),
        (dict(ts=None), "there is no ts"),
        (dict(x=[1.0, 2]), "length"),
        (dict(x=[1.0, 2, 3, 240]), "x reaches from 1 to 240"),
        (dict(x=[1.0, 2, 3, -1]), "x reaches from -1 "),
        (dict(y=[1.0, 2, 3, 180]), "y reaches from 1 to 180"),
        (dict(pol=[1.0, 0, 2, 0]), "polarities reach from 0 to 2"),
        (dict(pol=[1.0, -1, 1, 1]), "polarities reach from -1 to 1"),
        (dict(ts=[1.0, 2, 3, 1e300]), "t reaches from"),
        (dict(ts=[-1.0, 2, 3, 4]), "below zero"),
        (dict(ts=np.array([1, 2, 3, 2**64 - 1], np.uint64)), "18446744073709551615"),
        (dict(ts=[1.0, np.nan, 3, 4]), "nan"),
        (dict(x=[1.0, np.inf, 3, 4]), "inf"),
        (dict(y=[1.0, 2.5, 3, 4]), "y holds a value that is not a whole number"),
        (dict(x=np.ones(4, complex)), "numbers"),
        ({name: np.zeros((0, 0)) for name in asl.VARIABLES}, "no events"),
    ],
)
def test_bad_variables_are_named(write, changed, words):
    refused(write(hand(**changed)), words)


def test_empty_arrays_of_matlab_73_hold_their_shape(tmp_path):
    path = matlab_73(
        tmp_path / "a_0007.mat", {name: np.array([0, 0], np.uint64) for name in asl.VARIABLES}
    )
    with h5py.File(path, "r+") as file:
        for name in asl.VARIABLES:
            file[name].attrs["MATLAB_empty"] = np.uint8(1)
    refused(path, "no events")


def test_groups_links_and_absurd_sizes_of_matlab_73(tmp_path):
    path = matlab_73(tmp_path / "a_0007.mat", hand(x=None))
    with h5py.File(path, "r+") as file:
        file.create_group("x")
    refused(path, "there is no x")
    for link, words in (
        (h5py.ExternalLink("other.mat", "x"), "x is a link"),
        (h5py.SoftLink("/y"), "x is a link"),
    ):
        with h5py.File(path, "r+") as file:
            del file["x"]
            file["x"] = link
        refused(path, words)
    with h5py.File(path, "r+") as file:
        del file["x"]
        file.create_dataset("x", (1 << 40,), "f8", chunks=(1024,))
    refused(path, "x has shape")


def test_damage_of_a_variable_that_is_not_asked_for(tmp_path):
    path = matlab_5(
        tmp_path / "a_0007.mat",
        {**hand(), "zz": np.random.default_rng(0).random(500)},
        do_compression=True,
    )
    path.write_bytes(path.read_bytes()[:-200] + bytes(200))
    assert read_asl(path).tolist() == EVENTS


@pytest.fixture
def root(tmp_path):
    for letter, numbers in (("y", (2, 10, 1)), ("a", (4200, 3)), ("K", (7,))):
        (tmp_path / "root" / letter).mkdir(parents=True)
        for number in numbers:
            (tmp_path / "root" / letter / f"{letter}_{number:04d}.mat").touch()
    (tmp_path / "root" / "a" / "readme.txt").touch()
    (tmp_path / "root" / "a" / "._a_0003.mat").touch()
    (tmp_path / "root" / "j").mkdir()
    (tmp_path / "root" / "j" / "whatever.mat").touch()
    return tmp_path / "root"


def test_files_by_letter_and_number(root):
    assert [(letter, path.name) for letter, path in asl_files(str(root))] == [
        ("a", "a_0003.mat"),
        ("a", "a_4200.mat"),
        ("k", "K_0007.mat"),
        ("y", "y_0001.mat"),
        ("y", "y_0002.mat"),
        ("y", "y_0010.mat"),
    ]
    (root / "y" / "y_10000.mat").touch()
    assert (
        asl_files(root)[-1][1].name == "y_10000.mat"
        and recording_number(asl_files(root)[-1][1]) == 10000
    )


def test_folders_that_are_not_asl_dvs(root, tmp_path):
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ValueError, match="no recordings"):
            asl_files(place)
    (root / "y" / "y_2.mat").touch()
    with pytest.raises(ValueError, match="same letter and number"):
        asl_files(root)
    (root / "y" / "y_2.mat").rename(root / "y" / "other.mat")
    with pytest.raises(ValueError, match="other.mat"):
        asl_files(root)


def test_real_recordings_lie_in_range():
    where = os.environ.get("MINISNN_ASL_ROOT")
    if not where:
        pytest.skip("MINISNN_ASL_ROOT does not name a folder of real ASL-DVS recordings")
    files = asl_files(where)
    for letter, path in files[:: max(1, len(files) // 50)]:
        events = read_asl(path)
        assert letter in LETTERS and 100 < events.size and 20_000 < np.ptp(events["t"]) < 1_000_000
