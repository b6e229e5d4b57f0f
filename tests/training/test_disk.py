"""Disks that are full, folders that are read-only or vanish: nothing saved is lost, and the message
says what is kept."""

import shutil
import subprocess

import faulty
import pytest
from toy import assert_same, toy_config, toy_data

from minisnn.training.checkpoint import CURRENT, PREVIOUS, read
from minisnn.training.run import train

CONFIG = toy_config(**faulty.CONFIG)
SILENT = dict(progress=False)


@pytest.fixture
def disk(tmp_path):
    """A file system of one megabyte of its own, where that is permitted."""
    place = tmp_path / "disk"
    place.mkdir()
    if not shutil.which("mount"):
        pytest.skip("no mount; Debian package: mount")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place) -> None:
    with open(place / "filler", "wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 12)):
                pass
        except OSError:
            pass


def test_a_full_disk(undisturbed, disk):
    out = disk / "run"
    with pytest.raises(
        OSError,
        match=r"run/\S+: no space left on device; stopped after [5-7] of 12 updates, the state after "
        r"update 4 is saved, continue with out=.*, resume=True",
    ):
        train(CONFIG, out, data=toy_data({8: lambda: fill(disk)}), **SILENT)
    assert (
        read(out / CURRENT).progress["update"] == 4 and read(out / PREVIOUS).progress["update"] == 2
    )
    assert not list(out.glob(".*"))
    (disk / "filler").unlink()
    train(CONFIG, out, resume=True, data=toy_data(), **SILENT)
    assert_same(undisturbed, out)


# ---- read-only


# ---- vanishing


def vanish():
    raise FileNotFoundError(2, "No such file or directory", "recordings/7.bin")


@pytest.mark.parametrize("call, done", [(8, 5), (12, 9)])
def test_data_that_vanish_in_a_run(undisturbed, tmp_path, call, done):
    """A set that reads as it goes: the updates that were made are saved, between two checkpoints
    too."""
    with pytest.raises(
        OSError,
        match=f"recordings/7.bin: no such file or directory; stopped after {done} of 12 updates, "
        "the "
        f"state after update {done} is saved, continue with out=.*, resume=True",
    ):
        train(CONFIG, tmp_path, data=toy_data({call: vanish}), **SILENT)
    train(CONFIG, tmp_path, resume=True, data=toy_data(), **SILENT)
    assert_same(undisturbed, tmp_path)
