"""Fetching N-MNIST: the folder that comes of it, what is there already, and archives that are not
what they should be."""

import errno
import io
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

import fileserver
import minisnn
from fileserver import ENVIRONMENT, archive, names, recording, recordings, wrong
from minisnn.data.store import download as downloads
from minisnn.data.store.fetch import FILES, fetch, unpack
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
    assert "minisnn: " not in err and all(
        request.agent.startswith("Mozilla/5.0 (compatible; minisnn/") for request in server.requests
    )


def test_parts_and_other_places(run, server):
    code, out, _ = run(
        "--part", "test", "--out", "here", "--no-keep-zips", "--base", f"{server.url}/moved/"
    )
    assert code == 0 and names("here") == ["Test"] and out.endswith("here\n") and "kept" not in out
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
    assert (
        code == 0
        and not server.requests
        and names() == ["Train", name]
        and f"N-MNIST/{name}: here already" in out
    )
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


def test_room_is_looked_for_beforehand(run, server, parts, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda path: usage(0, 0, 30 * 4096 - 1))
    code, _, err = run("--part", "train")
    assert code == 2 and wrong(err).startswith(
        "N-MNIST/Train: no space left on device; 0.1 MB are needed, 0.1 MB are free, "
        "Train.zip is kept"
    )
    assert names() == ["Train.zip"]
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda path: usage(0, 0, 30 * 4096))
    assert run("--part", "train")[0] == 0


def test_a_disk_that_fills_up_while_unpacking_leaves_the_archive_only(run, server, monkeypatch):
    write, written = Path.write_bytes, []

    def write_bytes(path, contents):
        written.append(path)
        if len(written) == 7:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, contents)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_bytes)
        code, _, err = run("--part", "train")
    assert code == 2 and names() == ["Train.zip"]
    assert wrong(err) == (
        "N-MNIST/Train: no space left on device; Train.zip is kept, make room and run the same "
        "command again"
    )
    server.requests.clear()
    assert run("--part", "train")[0] == 0 and not server.requests


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
        (["--out", "text"], "text: there is a file of this name; expected a folder to write to"),
    ],
)
def test_what_is_wrong_is_one_sentence(run, server, arguments, message):
    Path("text").write_text("x")
    code, out, err = run(*arguments)
    assert code == 2 and not out and wrong(err) == message and not server.requests


def test_a_folder_that_cannot_be_written_serves_as_it_is(run, server, monkeypatch):
    assert run("--part", "test")[0] == 0
    monkeypatch.setattr(
        os, "access", lambda path, mode: not (mode & os.W_OK and Path(path) == Path("N-MNIST"))
    )
    server.requests.clear()
    assert run("--part", "test")[0] == 0
    code, _, err = run("--part", "train")
    assert code == 2 and wrong(err) == "N-MNIST: permission denied" and not server.requests


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


def linked(name, kind=stat.S_IFLNK):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    return info


@pytest.mark.parametrize(
    "extra, message",
    [
        ({"../outside.bin": b"x"}, "the member '../outside.bin' would lie outside of the folder"),
        ({"Train/0/../../../outside.bin": b"x"}, "would lie outside of the folder"),
        ({"/tmp/outside.bin": b"x"}, "would lie outside of the folder"),
        ({"C:/outside.bin": b"x"}, "would lie outside of the folder"),
        ({"Train\\..\\..\\outside.bin": b"x"}, "would lie outside of the folder"),
        (
            {linked("Train/0/00041.bin"): b"/etc/passwd"},
            "the member 'Train/0/00041.bin' is a link or a device",
        ),
        ({linked("Train/0/00041.bin", stat.S_IFIFO): b""}, "is a link or a device"),
        (
            {"Train/0/00041.bin": bytes(1_000_001)},
            "'Train/0/00041.bin' has 1,000,001 bytes; expected a recording of at most",
        ),
        (
            {"Train/0/00041.bin": b"x"},
            "found 31 recordings Train/<digit>/<number>.bin, expected 30",
        ),
    ],
    ids=["up", "up inside", "absolute", "drive", "backslash", "link", "pipe", "huge", "one more"],
)
def test_an_archive_that_is_not_what_it_should_be(parts, extra, message, tmp_path):
    out = tmp_path / "one" / "two"
    out.mkdir(parents=True)
    path = Path("bad.zip")
    path.write_bytes(archive({**recordings("Train", 3), **extra}))
    with pytest.raises(ValueError) as error:
        unpack(path, out, parts[0], progress=False)
    assert str(error.value).startswith("bad.zip: ") and message in str(error.value)
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "bad.zip", tmp_path / "one", out]


def test_what_is_no_recording_stays_in_the_archive(parts):
    others = [
        "Train/10/90001.bin",
        "Train/0/more/90001.bin",
        "Train/0/._90001.bin",
        "Train/0/90001.bin.exe",
        "90001.bin",
        "Train/90001.bin",
        "Train/x/90001.bin",
        "Test/0/90001.bin",
        "other/Train/0/90001.bin",
    ]
    Path("good.zip").write_bytes(
        archive({**recordings("Train", 3), **{name: b"x" for name in others}})
    )
    unpack(Path("good.zip"), Path(), parts[0], progress=False)
    assert sorted(map(str, Path().rglob("*.*"))) == sorted(["good.zip", *recordings("Train", 3)])


# of the directory of a zip: version made by and needed, flags, method
ENTRY = b"PK\1\2\x14\3\x14\0\0\0\0\0"


def damaged(contents: bytes, old: bytes, new: bytes) -> bytes:
    assert contents.count(old)
    return contents.replace(old, new)


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda contents: b"text", "File is not a zip file"),
        (lambda contents: damaged(contents, recording(8), bytes(200)), "Bad CRC-32"),
        (lambda contents: damaged(contents, ENTRY, ENTRY[:8] + b"\1" + ENTRY[9:]), "encrypted"),
        (
            lambda contents: damaged(contents, ENTRY, ENTRY[:10] + b"\x63" + ENTRY[11:]),
            "compression",
        ),
    ],
    ids=["no zip", "bytes", "encrypted", "method"],
)
def test_an_archive_that_cannot_be_read(parts, damage, message):
    Path("bad.zip").write_bytes(damage(archive(recordings("Train", 3))))
    with pytest.raises(
        ValueError,
        match=f"bad.zip: cannot be unpacked .*{message}.*; expected the archive of N-MNIST's Train",
    ):
        unpack(Path("bad.zip"), Path(), parts[0], progress=False)
    assert [path.name for path in Path().iterdir()] == ["bad.zip"]


def test_a_member_larger_than_it_says_does_not_fill_the_memory(parts):
    buffer, size = io.BytesIO(), 50_000_000
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name in recordings("Train", 3):
            file.writestr(name, bytes(size if name.endswith("00001.bin") else 200))
    contents = damaged(buffer.getvalue(), struct.pack("<I", size), struct.pack("<I", 200))
    Path("bad.zip").write_bytes(contents)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="bad.zip: cannot be unpacked .Bad CRC-32"):
            unpack(Path("bad.zip"), Path(), parts[0], progress=False)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
