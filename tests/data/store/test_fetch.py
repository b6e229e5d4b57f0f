"""Fetching N-MNIST: the folder that comes of it, what is there already, and archives that are not
what they should be."""

import shutil
import sys
from pathlib import Path

import fileserver
from fileserver import names, recording, wrong

import minisnn
from minisnn import read_nmnist

server, parts, run = fileserver.server, fileserver.parts, fileserver.run  # fixtures


def test_fetch_leaves_a_folder_that_training_reads(run, server, parts):
    code, out, err = run()
    assert code == 0 and names() == ["Test", "Test.zip", "Train", "Train.zip"]
    for split, each in (("Train", 3), ("Test", 2)):
        for digit in range(10):
            files = [*Path("N-MNIST", split, str(digit)).iterdir()]
            assert len(files) == each
            for path in files:
                assert path.read_bytes() == recording(int(path.stem))
                assert len(read_nmnist(path)) == 40
    minisnn.DoubleNMnist("train", root="N-MNIST", cache=False, progress=False)
    for text in (
        "Frontiers in Neuroscience 9:437",
        "CC BY-SA 4.0",
        "10.17632/468j46mzdv",
        "Train.zip, 30 recordings, from " + parts[0].url,
    ):
        assert text in out, text
    assert all(
        request.agent.startswith("Mozilla/5.0 (compatible; minisnn/") for request in server.requests
    )


def test_parts_and_other_places(run, server):
    code, out, _ = run("--part", "test", "--out", "here", "--base", f"{server.url}/moved/")
    assert code == 0 and names("here") == ["Test", "Test.zip"]
    assert [request.path for request in server.requests] == ["/moved/Test.zip", "/Test.zip"]
    assert run("--part", "train", "--out", "here")[0] == 0 and len(names("here")) == 4


def test_an_archive_that_is_there_is_used(run, server, monkeypatch):
    Path("N-MNIST").mkdir()
    Path("N-MNIST/Train.zip").write_bytes(server.files["/Train.zip"])
    monkeypatch.setitem(sys.modules, "pooch", None)
    code, out, _ = run("--part", "train")
    assert code == 0 and not server.requests and names() == ["Train", "Train.zip"]
    Path("N-MNIST/Train.zip").write_bytes(server.files["/Train.zip"][:-1])
    shutil.rmtree("N-MNIST/Train")
    code, _, err = run("--part", "train")
    assert code == 2 and "N-MNIST/Train.zip: the md5 is" in wrong(err)
    assert not server.requests and names() == ["Train.zip"]
    Path("N-MNIST/Train.zip").unlink()
    code, _, err = run()
    assert code == 2 and "pooch" in wrong(err)


def test_half_a_part_is_refused(run, server):
    run("--part", "train")
    Path("N-MNIST/Train/0/00001.bin").unlink()
    code, _, err = run("--part", "train")
    assert code == 2 and "recordings is 29; expected 30" in wrong(err)


def test_a_download_that_broke_off_begins_again(run, server):
    server.stop_after = 2000
    code, _, err = run("--part", "train")
    assert code == 2 and "Train.zip" in wrong(err) and not names()
    server.stop_after = None
    code, _, _ = run("--part", "train")
    assert code == 0 and names() == ["Train", "Train.zip"]


def test_a_wrong_md5_is_not_left_to_be_used(run, server, parts):
    server.files["/Train.zip"] = server.files["/Train.zip"][:-1] + b"x"
    code, _, err = run("--part", "train")
    assert code == 2 and parts[0].md5 in wrong(err) and not Path("N-MNIST").exists()
