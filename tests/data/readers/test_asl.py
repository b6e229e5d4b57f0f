"""ASL-DVS: files of both MATLAB versions, their order on disk, and files that are damaged or
foreign."""

import struct

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from minisnn.data.readers import asl
from minisnn.data.readers.asl import asl_files, read_asl


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


def refused(path, words):
    with pytest.raises(ValueError, match=words) as error:
        read_asl(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_empty_arrays_of_matlab_73_hold_their_shape(tmp_path):
    path = matlab_73(
        tmp_path / "a_0007.mat", {name: np.array([0, 0], np.uint64) for name in asl.VARIABLES}
    )
    with h5py.File(path, "r+") as file:
        for name in asl.VARIABLES:
            file[name].attrs["MATLAB_empty"] = np.uint8(1)
    refused(path, "no events")


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
    assert [(letter, path.name) for letter, _, path in asl_files(str(root))] == [
        ("a", "a_0003.mat"),
        ("a", "a_4200.mat"),
        ("k", "K_0007.mat"),
        ("y", "y_0001.mat"),
        ("y", "y_0002.mat"),
        ("y", "y_0010.mat"),
    ]
    (root / "y" / "y_10000.mat").touch()
    assert asl_files(root)[-1][:2] == ("y", 10000)


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
