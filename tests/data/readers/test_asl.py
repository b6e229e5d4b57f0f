"""ASL-DVS: files of both MATLAB versions, their order on disk, and files that are damaged or
foreign."""

import h5py
import numpy as np
import pytest
from scipy.io import savemat

import minisnn as ms
from minisnn.data.readers.asl import read_asl


def test_a_recording_of_matlab_73_without_events_is_refused(tmp_path):
    """Its empty arrays hold their shape."""
    path = tmp_path / "a_0007.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        for name in ("ts", "x", "y", "pol"):
            file[name] = np.array([0, 0], np.uint64)
            file[name].attrs["MATLAB_empty"] = np.uint8(1)
    with pytest.raises(ValueError, match="no events"):
        read_asl(path)


@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_file_of_matlab_5_is_refused_or_read(tmp_path, rng, packed):
    """SciPy's own reader ends the process on some of these."""
    path, many = tmp_path / "a_0007.mat", 300
    columns = dict(ts=np.arange(many), x=np.arange(many) % 240, y=np.arange(many) % 180)
    savemat(path, {**columns, "pol": np.arange(many) % 2}, do_compression=packed)
    assert len(read_asl(path)) == many
    whole = np.fromfile(path, np.uint8)
    for _ in range(1000):
        damaged = whole.copy()
        damaged[rng.integers(400 if rng.random() < 0.5 else len(whole), size=3)] = rng.integers(256)
        damaged.tofile(path)
        try:
            assert len(read_asl(path)) <= many
        except ValueError as error:
            assert str(path) in str(error)


@pytest.mark.parametrize("names", [(), ("y/y_2.mat", "y/y_0002.mat"), ("y/other.mat",)])
def test_folders_that_are_not_asl_dvs(tmp_path, names):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=str(tmp_path)):
        ms.DoubleASL("train", tmp_path)
