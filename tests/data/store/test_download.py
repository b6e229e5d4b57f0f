"""Downloading: what goes on where it broke, what begins again, what is kept, and what is said."""

import errno
import hashlib
import io
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import fileserver
from fileserver import ENVIRONMENT, kb, names, wait_for, wrong
from minisnn.data.store import download as downloads
from minisnn.data.store.fetch import fetch

server, parts, run = fileserver.server, fileserver.parts, fileserver.run  # fixtures


def cut(server, parts, size=2000):
    """Train.zip, of which `size` bytes have come."""
    server.stop_after = size
    with pytest.raises(ConnectionError):
        fetch(part="train", files=parts, tell=lambda text: None)
    server.stop_after = None
    assert Path("N-MNIST/Train.zip.part").read_bytes() == server.files["/Train.zip"][:size]
    server.requests.clear()


def test_what_is_to_come_is_said_before_it_comes(server, parts):
    told, seen = [], []
    server.during = lambda: (
        wait_for(Path("N-MNIST/Test.zip.part").exists),
        seen.append(" ".join(told)),
    )
    fetch(part="test", files=parts, tell=told.append)
    assert len(seen) == 1
    for text in ("Orchard", "CC BY-SA", parts[1].url, f"Test.zip: {kb(server, 'Test')}"):
        assert text in seen[0], text
    assert "N-MNIST/Test: 20 recordings" in told[-1] and "20 recordings;" not in seen[0]


def test_a_download_goes_on_where_it_broke(run, server, parts):
    server.stop_after = 2000
    code, _, err = run("--part", "train")
    assert code == 2 and wrong(err).startswith(
        "N-MNIST/Train.zip.part: the connection broke after 2.0 kB of "
        f"{kb(server)} (closed by the server); what has come is kept, run the same "
    )
    assert names() == ["Train.zip.part"]
    server.stop_after = 3000
    assert run("--part", "train")[0] == 2 and Path("N-MNIST/Train.zip.part").stat().st_size == 5000
    server.stop_after = None
    code, out, _ = run("--part", "train")
    assert code == 0 and "kB, going on after 5.0 kB" in out and names() == ["Train", "Train.zip"]
    assert [request.range for request in server.requests] == [None, "bytes=2000-", "bytes=5000-"]


def test_it_goes_on_over_a_redirect_and_from_another_place(server, parts):
    cut(server, parts)
    fetch(part="train", files=parts, base=f"{server.url}/moved", tell=lambda text: None)
    assert [request.range for request in server.requests] == ["bytes=2000-"] * 2


def test_a_server_that_ignores_ranges_sends_all(run, server, parts):
    cut(server, parts)
    server.ranges = False
    code, out, _ = run("--part", "train")
    assert (
        code == 0
        and "the server does not resume" in out
        and [r.range for r in server.requests] == ["bytes=2000-"]
    )
    assert Path("N-MNIST/Train.zip").read_bytes() == server.files["/Train.zip"]


@pytest.mark.parametrize("size", [None, 4000])
def test_a_file_that_changed_meanwhile_is_fetched_from_its_beginning(run, server, parts, size):
    """What was put together of two versions has the md5 of neither."""
    right = server.files["/Train.zip"]
    server.files["/Train.zip"], server.stop_after = b"x" * (size or len(right)), 2000
    assert run("--part", "train")[0] == 2
    server.files["/Train.zip"], server.stop_after = right, None
    code, out, _ = run("--part", "train")
    assert code == 0 and "does not go with the rest; it is fetched from its beginning" in out
    assert names() == ["Train", "Train.zip"] and Path("N-MNIST/Train.zip").read_bytes() == right
    assert [request.range for request in server.requests] == [None, "bytes=2000-", None]


def test_a_part_from_elsewhere_than_asked_is_not_appended(run, server, parts):
    cut(server, parts)
    server.shift = 10
    code, out, _ = run("--part", "train")
    assert code == 0 and "cannot continue what is here" in out
    assert [r.range for r in server.requests] == ["bytes=2000-", None]


@pytest.mark.parametrize(
    "extra, tell_total, asked", [(0, True, []), (0, False, []), (7, True, [None])]
)
def test_all_has_come_already(run, server, parts, extra, tell_total, asked):
    """416: nothing is left to send, or there is more here than the file has."""
    contents = server.files["/Train.zip"] + b"x" * extra
    Path("N-MNIST").mkdir()
    Path("N-MNIST/Train.zip.part").write_bytes(contents)
    server.tell_total = tell_total
    assert run("--part", "train")[0] == 0 and names() == ["Train", "Train.zip"]
    assert [r.range for r in server.requests] == [f"bytes={len(contents)}-", *asked]


def test_stopped_between_the_last_byte_and_the_check_nothing_is_fetched(
    run, server, parts, monkeypatch
):
    import pooch.core

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pooch.core, "hash_matches", stop)
        code, _, err = run("--part", "train")
    assert code == 130 and names() == ["Train.zip.part"]
    assert (
        wrong(err)
        == f"stopped; N-MNIST/Train.zip.part keeps {kb(server)}, run the same command again to "
        "continue"
    )
    server.requests.clear()
    size = len(server.files["/Train.zip"])
    assert run("--part", "train")[0] == 0 and [r.range for r in server.requests] == [
        f"bytes={size}-"
    ], "no byte came again"


def test_without_hard_links(run, server, monkeypatch):
    def link(*_, **__):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(downloads.os, "link", link)
    assert run()[0] == 0 and names() == ["Test", "Test.zip", "Train", "Train.zip"]
    server.files["/Test.zip"] = b"x" * 500
    code, _, err = run("--out", "other", "--part", "test")
    assert code == 2 and "sent is another one, expected" in wrong(err) and not names("other")


def test_without_a_length(run, server, parts):
    server.lengths = False
    code, out, _ = run("--part", "train")
    assert code == 0 and "Train.zip: an unknown number of bytes" in out


def test_a_wrong_md5_is_not_left_to_be_used(run, server, parts):
    server.files["/Train.zip"] = server.files["/Train.zip"][:-1] + b"x"
    code, _, err = run("--part", "train")
    found = hashlib.md5(server.files["/Train.zip"]).hexdigest()
    assert code == 2 and wrong(err).startswith(
        f"N-MNIST/Train.zip: the md5 of what {parts[0].url} sent is {found}, expected "
        f"{parts[0].md5}"
    )
    assert not Path("N-MNIST").exists()


def test_a_disk_that_fills_up_keeps_what_has_come(run, server, parts, monkeypatch):
    class Full(io.FileIO):
        def write(self, data):
            if self.tell() + len(data) > 3000:
                super().write(data[: max(0, 3000 - self.tell())])
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    with monkeypatch.context() as patch:
        patch.setattr(
            downloads, "open", lambda path, mode: Full(path, mode.replace("b", "")), raising=False
        )
        code, _, err = run("--part", "train")
    assert code == 2 and wrong(err) == (
        "N-MNIST/Train.zip.part: no space left on device; 3.0 kB are kept, make room and run the "
        "same command again to continue"
    )
    code, out, _ = run("--part", "train")
    assert code == 0 and "going on after 3.0 kB" in out


@pytest.mark.slow
def test_ctrl_c_and_sigterm_leave_what_has_come(run, server, parts):
    """A process of its own, stopped by a signal while the server keeps back the last byte."""
    program = (
        "import sys; from minisnn import cli; from minisnn.data.store import fetch as f; real = "
        "f.fetch\n"
        f"f.fetch = lambda *a, **k: real(*a, files={parts!r}, **k)\n"
        "sys.exit(cli.main(['fetch', 'nmnist', '--part', 'train']))"
    ).replace("Part(", "f.Part(")
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        reached, go = threading.Event(), threading.Event()
        server.during = lambda: (reached.set(), go.wait(60))
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            env=ENVIRONMENT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        assert reached.wait(60)
        wait_for(lambda: Path("N-MNIST/Train.zip.part").exists())
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        go.set()
        assert process.returncode == code and "stopped; N-MNIST/Train.zip.part keeps " in wrong(
            err
        ), err
        assert names() == ["Train.zip.part"]
    server.during = lambda: None
    Path("N-MNIST/Train.zip.part").write_bytes(server.files["/Train.zip"][:1234])
    assert run("--part", "train")[0] == 0 and server.requests[-1].range == "bytes=1234-"


def test_a_server_that_falls_silent(run, server, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(downloads, "TIMEOUT", (20, 0.2))
    server.during = lambda: go.wait(20)
    code, _, err = run("--part", "train")
    go.set()
    assert code == 2 and f"kB of {kb(server)} (timed out); what has come is kept" in wrong(err)


def test_no_network(run, server, parts):
    server.shutdown()
    server.server_close()
    code, _, err = run("--part", "train")
    assert code == 2 and not Path("N-MNIST").exists()
    assert wrong(err) == (
        f"127.0.0.1:{server.server_port}: cannot be reached (connection refused); expected a "
        "connection to "
        f"fetch Train.zip from {parts[0].url}"
    )
    code, _, err = run("--base", "http://no-such-host.invalid")
    assert (
        code == 2
        and "no-such-host.invalid: cannot be reached (" in wrong(err)
        and "HTTPConnectionPool" not in err
    )


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            dict(status=403),
            "the server answered with 403 Forbidden, expected the file Train.zip; bring it into "
            "N-MNIST with",
        ),
        (dict(status=503), "the server answered with 503 Service Unavailable, expected"),
        (dict(files={}), "the server answered with 404 Not Found, expected"),
        (
            dict(kind="text/html; charset=utf-8"),
            "the server answered with a web page, expected the file Train.zip",
        ),
    ],
)
def test_an_answer_that_is_no_file(run, server, parts, changes, message):
    cut(server, parts)
    for name, value in changes.items():
        setattr(server, name, value)
    server.ranges = False
    code, _, err = run("--part", "train")
    assert code == 2 and wrong(err).startswith(f"{parts[0].url}: {message}")
    assert (
        Path("N-MNIST/Train.zip.part").stat().st_size == 2000
        and not Path("N-MNIST/Train.zip").exists()
    )
