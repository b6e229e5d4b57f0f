"""Files made to do harm: none runs code, follows a link out of itself, takes the memory or ends the
process."""

import io
import os
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from written import rewrite

import minisnn as ms
from minisnn.data.readers.asl import read_asl
from minisnn.data.readers.pictures import read_pictures


class Payload:
    """What unpickles to a call of os.mkdir."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


def test_pickles_are_not_opened(tmp_path):
    payload = Payload(tmp_path / "executed")
    objects = np.array([payload], object)
    np.savez(tmp_path / "a.npz", images=objects, labels=objects, numbers=objects)
    (tmp_path / "c.h5").write_bytes(pickle.dumps(payload))
    (tmp_path / "a_0001.mat").write_bytes(pickle.dumps(payload).ljust(600))
    reads = {"a.npz": read_pictures, "c.h5": ms.read, "a_0001.mat": read_asl}
    for path, read in reads.items():
        with pytest.raises(ValueError, match=path):
            read(tmp_path / path)
    assert not (tmp_path / "executed").exists()
    pickle.loads(pickle.dumps(payload))
    assert (tmp_path / "executed").exists()  # it would have been


# ---- checkpoints that somebody changed


@pytest.fixture
def saved(tmp_path):
    net = ms.SpikingNet((4, 4, 2), (2,), 2, 3, backend="numpy")
    ms.save(tmp_path / "good.h5", net, net.init(np.random.default_rng(0)))
    return tmp_path / "good.h5"


def external_link(file, other):
    del file["theta"]
    file["theta"] = h5py.ExternalLink(str(other), "theta")


def absurd(file, other):
    del file["theta"]
    file.create_dataset("theta", (1 << 45,), "f4", chunks=(1 << 10,))


@pytest.mark.parametrize(
    "change, words",
    [
        (external_link, "theta"),
        (absurd, "theta must be"),
    ],
)
def test_crafted_checkpoints_are_refused(saved, tmp_path, change, words):
    bad = tmp_path / f"{change.__name__}.h5"
    rewrite(saved, bad, lambda file: change(file, saved))
    with pytest.raises(ValueError, match=rf"{change.__name__}\.h5: .*{words}") as error:
        ms.read(bad)
    assert "\n" not in str(error.value) and len(str(error.value)) < 800


# ---- recordings and pictures


def test_bombs_are_not_unpacked(tmp_path):
    head = io.BytesIO()
    form = dict(descr="|u1", fortran_order=False, shape=(1 << 15, 64, 64))
    np.lib.format.write_array_header_1_0(head, form)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("images.npy", head.getvalue() + bytes(1 << 26))
    with pytest.raises(ValueError, match="a.npz: "):
        read_pictures(tmp_path / "a.npz")


READS = (ms.read_nmnist, read_asl, read_pictures, ms.read)


@pytest.mark.parametrize("read", READS)
def test_pipes_are_not_waited_for_and_a_disk_that_cannot_be_read_is_named(tmp_path, read):
    os.mkfifo(tmp_path / "a_0001.mat")
    with pytest.raises(ValueError, match="a_0001.mat: "):
        read(tmp_path / "a_0001.mat")
    path = "/proc/self/mem"  # reading it gives EIO, of which the system does not say where
    with pytest.raises((OSError, ValueError), match=path):
        read(Path(path))
