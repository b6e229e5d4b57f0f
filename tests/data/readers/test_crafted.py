"""Files made to do harm: none runs code, follows a link out of itself, takes the memory or ends the
process."""

import io
import os
import pickle
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from written import edit, rewrite

import minisnn as ms
from minisnn.data.readers.asl import read_asl
from minisnn.data.readers.pictures import read_idx, read_pictures
from minisnn.files import read_json
from minisnn.training import checkpoint
from minisnn.training.folder import RunFolder


class Payload:
    """What unpickles to a call of os.mkdir."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


@pytest.fixture
def payload(tmp_path):
    yield Payload(tmp_path / "executed")
    assert not (tmp_path / "executed").exists(), "code in a file was executed"


def test_pickles_are_not_opened(payload, tmp_path):
    objects = np.array([payload], object)
    np.savez(tmp_path / "a.npz", images=objects, labels=objects, numbers=objects)
    (tmp_path / "set" / "label").mkdir(parents=True)
    np.save(tmp_path / "set" / "label" / "a.npy", objects)
    (tmp_path / "c.h5").write_bytes(pickle.dumps(payload))
    (tmp_path / "a_0001.mat").write_bytes(pickle.dumps(payload).ljust(600))
    for read, path in (
        (read_pictures, "a.npz"),
        (read_pictures, "set"),
        (checkpoint.read, "c.h5"),
        (read_asl, "a_0001.mat"),
    ):
        with pytest.raises(ValueError, match=path):
            read(tmp_path / path)
    with pytest.raises(OSError):
        pickle.loads(pickle.dumps(Payload(tmp_path / "no" / "where")))  # it would have been


# ---- checkpoints that somebody changed


@pytest.fixture
def saved(tmp_path):
    net = ms.SpikingNet((4, 4, 2), (2,), 2, 3, backend="numpy")
    ms.save(tmp_path / "good.h5", net, net.init(np.random.default_rng(0)))
    return tmp_path / "good.h5"


def external_link(file, other):
    del file["theta"]
    file["theta"] = h5py.ExternalLink(str(other), "theta")


def soft_link(file, other):
    file.move("theta", "elsewhere")
    file["theta"] = h5py.SoftLink("/elsewhere")


def virtual(file, other):
    shape = file["theta"].shape
    del file["theta"]
    layout = h5py.VirtualLayout(shape, "f4")
    layout[:] = h5py.VirtualSource(str(other), "theta", shape)
    file.create_virtual_dataset("theta", layout)


def outside_storage(file, other):
    size = file["theta"].size
    del file["theta"]
    file.create_dataset("theta", (size,), "f4", external=[(str(other), 600, 4 * size)])


def absurd(file, other):
    del file["theta"]
    file.create_dataset("theta", (1 << 45,), "f4", chunks=(1 << 10,))


def bomb(file, other):
    item = file.create_dataset(
        "optimiser/outer/m", (1 << 26,), "f4", compression="gzip", chunks=(1 << 22,)
    )
    packed = zlib.compress(bytes(1 << 24), 1)
    for start in range(0, 1 << 26, 1 << 22):
        item.id.write_direct_chunk((start,), packed)


def reference(file, other):
    del file.attrs["network"]
    file.attrs["network"] = file["theta"].ref


def objects(file, other):
    del file.attrs["network"]
    file.attrs.create("network", np.void(pickle.dumps(os.getcwd)))


def many_layers(file, other):
    edit(file, "network", '"channels": [2]', f'"channels": [{", ".join(["2"] * 9000)}]')


def huge(file, other):
    edit(file, "network", '"hidden": []', '"hidden": [99999999999, 99999999999]')


def beyond(file, other):
    edit(file, "network", '"alpha": 0.95', f'"alpha": {10**400}')


def deep(file, other):
    del file.attrs["layout"]
    file.attrs["layout"] = "[" * 30_000


@pytest.mark.parametrize(
    "change, words",
    [
        (external_link, "theta"),
        (soft_link, "theta"),
        (virtual, "theta must be"),
        (outside_storage, "theta must be"),
        (absurd, "theta must be"),
        (bomb, "optimiser/outer/m must be"),
        (reference, "checkpoint"),
        (objects, "cannot be read"),
        (many_layers, "conv3"),
        (huge, "another network"),
        (beyond, "too large"),
        (deep, "recursion"),
    ],
)
def test_crafted_checkpoints_are_refused(saved, tmp_path, change, words):
    bad = tmp_path / f"{change.__name__}.h5"
    rewrite(saved, bad, lambda file: change(file, saved))
    with pytest.raises(ValueError, match=rf"{change.__name__}\.h5: .*{words}") as error:
        ms.load(bad)
    assert "\n" not in str(error.value) and len(str(error.value)) < 800


def test_settings_that_nest_without_end_are_refused(tmp_path):
    (tmp_path / "config.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="config.json: the file is not JSON"):
        RunFolder(tmp_path).config()


@pytest.mark.parametrize(
    "text, words",
    [
        ('{"lr": ' + "1" * 5000 + "}", "the file is not JSON"),
        (f'{{"lr": {10**400}}}', "too large"),
        ('{"shots": "' + "x" * 5000 + '"}', "shots must be a whole number"),
        ('{"a\\nb": 1}', r"unknown settings 'a\\nb'"),
    ],
)
def test_settings_of_any_value_are_refused_in_a_line(tmp_path, text, words):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=words) as error:
        RunFolder(tmp_path).config()
    assert str(error.value).startswith(f"{tmp_path / 'config.json'}: ")
    assert "\n" not in str(error.value) and len(str(error.value)) < 800


# ---- recordings and pictures


def test_bombs_are_not_unpacked(tmp_path):
    import gzip

    big = 1 << 28
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
        file.write(b"\0\0\x08\3" + b"".join(n.to_bytes(4, "big") for n in (big >> 10, 32, 32)))
        for _ in range(64):
            file.write(bytes(1 << 20))
    (tmp_path / "images-idx3").write_bytes(packed.getvalue())
    with pytest.raises(ValueError, match="images-idx3: "):
        read_idx(tmp_path / "images-idx3")
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, dict(descr="|u1", fortran_order=False, shape=(1 << 15, 64, 64))
    )
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("images.npy", head.getvalue() + bytes(1 << 26))
    with pytest.raises(ValueError, match="a.npz: "):
        read_pictures(tmp_path / "a.npz")


def test_devices_and_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.npz")
    os.mkfifo(tmp_path / "a_0001.mat")
    for read, path in (
        (read_pictures, "a.npz"),
        (read_asl, "a_0001.mat"),
        (checkpoint.read, "a.npz"),
        (ms.read_nmnist, "a.npz"),
        (read_idx, "a.npz"),
    ):
        with pytest.raises(ValueError, match=f"{path}: this is a .*pipe"):
            read(tmp_path / path)
    with pytest.raises(ValueError, match="/dev/zero: this is a"):
        ms.read_nmnist("/dev/zero")


@pytest.mark.skipif(
    not Path("/proc/self/mem").exists(),
    reason="this system has no file that cannot be read at its beginning",
)
def test_a_disk_that_cannot_be_read_is_named_by_its_file():
    """Reading this file gives EIO, of which the system does not say where."""
    path = "/proc/self/mem"
    for read in (
        ms.read_nmnist,
        read_asl,
        read_idx,
        read_pictures,
        checkpoint.read,
        read_json,
    ):
        with pytest.raises((OSError, ValueError)) as error:
            read(Path(path))
        assert path in str(error.value), (read, error.value)
