"""Fetching N-MNIST: the folder that comes of it, what is there already, and archives that are not
what they should be."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fileserver
import minisnn
from fileserver import ENVIRONMENT, names, recording, wrong
from minisnn.data.store.fetch import FILES, fetch
from minisnn.data.readers.nmnist import nmnist_files, read_nmnist

server, parts, run = fileserver.server, fileserver.parts, fileserver.run  # fixtures


def test_the_real_archives():
    assert [(one.archive, one.md5, one.recordings) for one in FILES] == [
        ("Train.zip", "20959b8e626244a1b502305a9e6e2031", 60000),
        ("Test.zip", "69ca8762b2fe404d9b9bad1103e97832", 10000),
    ]
    assert all(
        re.fullmatch(
            r"https://data\.mendeley\.com/public-files/datasets/468j46mzdv/files/[0-9a-f-]{36}/file_downloaded",
            one.url,
        )
        for one in FILES
    )


def test_fetch_leaves_a_folder_that_training_reads(run, server, parts):
    code, out, err = run()
    assert code == 0 and names() == ["Test", "Test.zip", "Train", "Train.zip"]
    for split, each in (("train", 3), ("test", 2)):
        files = nmnist_files("N-MNIST", split)
        assert [len(files[digit]) for digit in range(10)] == [each] * 10
        for digit in range(10):
            for number, path in files[digit]:
                assert path.read_bytes() == recording(number) and len(read_nmnist(path)) == 40
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
    code, out, _ = run(
        "--part", "test", "--out", "here", "--no-keep-zips", "--base", f"{server.url}/moved/"
    )
    assert code == 0 and names("here") == ["Test"] and "kept" not in out
    assert [request.path for request in server.requests] == ["/moved/Test.zip", "/Test.zip"]
    assert run("--part", "train", "--out", "here")[0] == 0 and names("here") == [
        "Test",
        "Train",
        "Train.zip",
    ]


def test_an_archive_that_was_brought_is_never_deleted(run, server, parts):
    Path("N-MNIST").mkdir()
    Path("N-MNIST/test.zip").write_bytes(brought := server.files["/Test.zip"])
    code, out, _ = run("--no-keep-zips")
    assert (
        code == 0
        and names() == ["Test", "Train", "test.zip"]
        and "test.zip is kept, and can be deleted" in out
    )
    assert Path("N-MNIST/test.zip").read_bytes() == brought
    assert {request.path for request in server.requests} == {"/Train.zip"}


def test_what_is_there_is_not_fetched_again(run, server):
    assert run("--part", "test")[0] == 0
    server.requests.clear()
    code, out, _ = run("--part", "test")
    assert (
        code == 0 and not server.requests and "N-MNIST/Test: complete already, 20 recordings" in out
    )
    assert "licence" not in out
    os.rename("N-MNIST/Test", "N-MNIST/test")
    assert run()[0] == 0 and {request.path for request in server.requests} == {"/Train.zip"}


@pytest.mark.parametrize("name", ["Train.zip", "train.zip"])
def test_an_archive_that_is_there_is_used(run, server, monkeypatch, name):
    Path("N-MNIST").mkdir()
    Path("N-MNIST", name).write_bytes(server.files["/Train.zip"])
    monkeypatch.setitem(sys.modules, "pooch", None)
    code, out, _ = run("--part", "train")
    assert code == 0 and not server.requests and names() == ["Train", name]
    Path("N-MNIST", name).write_bytes(server.files["/Train.zip"][:-1])
    shutil.rmtree("N-MNIST/Train")
    code, _, err = run("--part", "train")
    assert (
        code == 2
        and f"N-MNIST/{name}: the md5 is " in wrong(err)
        and "the file is damaged or another one" in err
    )
    assert not server.requests and names() == [name]


def test_another_folder_in_the_place_is_left_alone(run, server):
    assert run("--part", "train", "--no-keep-zips")[0] == 0
    server.requests.clear()
    for damage in (lambda path: path.write_bytes(b""), lambda path: path.unlink()):
        damage(Path("N-MNIST/Train/3/00010.bin"))
        code, _, err = run()
        assert code == 2 and wrong(err).startswith(
            "N-MNIST/Train: found 29 recordings, expected 30; move it away"
        )
    assert not server.requests and names() == ["Train"]
    shutil.rmtree("N-MNIST/Train")
    Path("N-MNIST/Train").mkdir()
    assert run("--part", "train")[0] == 0


def test_a_process_killed_while_unpacking_leaves_nothing_in_the_way(run):
    Path("N-MNIST/.Train.minisnn.tmp/0").mkdir(parents=True)
    Path("N-MNIST/.Train.minisnn.tmp/0/99999.bin").write_bytes(b"half")
    assert run("--part", "train", "--no-keep-zips")[0] == 0 and names() == ["Train"]
    assert not Path("N-MNIST/Train/0/99999.bin").exists()


def test_without_pooch_it_says_how_to_install_it(run, server, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    code, out, err = run()
    assert code == 2 and not out and not server.requests and not Path("N-MNIST").exists()
    assert (
        wrong(err)
        == 'downloading needs the library pooch; install it with: pip install "minisnn[fetch]"'
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ["--base", "127.0.0.1:80"],
            "base is '127.0.0.1:80'; expected an address that begins with http:// or https://",
        ),
        (["--out", "text"], "text: there is a file of this name; expected a folder of recordings"),
    ],
)
def test_what_is_wrong_is_one_sentence(run, server, arguments, message):
    Path("text").write_text("x")
    code, out, err = run(*arguments)
    assert code == 2 and not out and wrong(err) == message and not server.requests


def test_one_process_fetches_into_a_folder_at_a_time(server, parts):
    pytest.importorskip("fcntl", reason="this system has no flock, by which a folder is held")
    seen = []

    def meanwhile():
        with pytest.raises(ValueError, match="N-MNIST: another process is working in this folder"):
            fetch(part="train", files=parts, tell=lambda text: None)
        seen.append(1)

    server.during = meanwhile
    fetch(part="train", files=parts, tell=lambda text: None)
    assert seen and names() == ["Train", "Train.zip"] and len(server.requests) == 1


def test_only_parts_that_exist(parts):
    with pytest.raises(ValueError, match="part is 'val'; expected 'train', 'test' or 'both'"):
        fetch(part="val", files=parts)


def test_pooch_and_its_requests_are_loaded_only_for_a_download():
    program = (
        "import sys, minisnn\nfrom minisnn import cli\ntry: cli.main(['fetch', '--help'])\nexcept "
        "SystemExit: pass\n"
        "import minisnn.data.store.fetch\nprint('LOADED', sorted({'pooch', 'requests', 'tqdm'} & "
        "set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert "LOADED []" in done.stdout and "minisnn fetch nmnist" in done.stdout, done.stderr
