"""Disks that are full, folders that are read-only or vanish: nothing saved is lost, and the message
says what is kept."""

import shutil
import subprocess

import faulty
import numpy as np
import pytest
from toy import assert_same, toy_config, toy_data

import minisnn as ms
from minisnn import cli
from minisnn.training import evaluation
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


def test_a_full_disk_leaves_no_half_written_results(disk, tmp_path, monkeypatch, capsys):
    """Commands that write a result: all of it or nothing, one sentence, exit code 2."""
    net = ms.SpikingNet((6, 6, 2), (2,), 3, 3, backend="numpy")
    ms.save(tmp_path / "net.h5", net, net.init(np.random.default_rng(0)))
    monkeypatch.setattr(evaluation, "open_set", lambda *_, **__: toy_data()["test"])
    old = '{"made_by": "minisnn evaluate"}'
    (disk / "old.json").write_text(old)
    fill(disk)
    pictures = tmp_path / "pictures" / "1"
    pictures.mkdir(parents=True)
    np.save(pictures / "a.npy", np.eye(28, dtype=np.uint8) * 255)
    before = sorted(disk.rglob("*"))
    for command in (
        (
            [
                "evaluate",
                "--checkpoint",
                tmp_path / "net.h5",
                "--episodes",
                2,
                "--queries",
                1,
                "--json",
                disk / "old.json",
                "--force",
                "--quiet",
            ]
        ),
        ["show", "--ways", 3, "--no-animation", "--out", disk / "task"],
        ["record", pictures.parent, "--out", disk / "made", "--quiet"],
        ["lessons", "--out", disk / "mine"],
        ["lessons", "--out", disk, "--force"],
    ):
        code = cli.main([str(word) for word in command])
        err = capsys.readouterr().err
        err = err.splitlines()[-1]
        assert (
            code == 2
            and err.startswith(f"minisnn: {disk}")
            and "no space left on device" in err.lower()
        ), err
        shutil.rmtree(disk / "task", ignore_errors=True)  # an empty folder may stay
        assert sorted(disk.rglob("*")) == before and (disk / "old.json").read_text() == old


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
