"""A file server of the tests' own, with two small archives in N-MNIST's form; shared by the tests
of downloading."""

import hashlib
import io
import os
import re
import threading
import time
import zipfile
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import minisnn
from minisnn import cli
from minisnn.data.store import download as downloads
from minisnn.data.store import fetch as fetching
from minisnn.data.readers.events import EVENT
from minisnn.data.store.fetch import Part, fetch
from minisnn.data.readers.nmnist import write_nmnist

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(Path(minisnn.__file__).parents[1]),
    "NO_PROXY": "127.0.0.1",
}
Request = namedtuple("Request", "path range agent")


class Server(ThreadingHTTPServer):
    """Files served from memory, with ranges; the attributes make it misbehave."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.stop_after = None  # bytes of a body after which the connection is cut
        self.ranges = True  # answer Range with 206
        self.shift = 0  # answer it with a part that begins so many bytes later
        self.tell_total = True  # "bytes */10" with 416
        self.lengths = True  # Content-Length with 200
        self.status, self.kind = None, "application/zip"
        self.during = lambda: None  # called before the last byte of a body

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_):  # a client that went away
        pass


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.requests.append(Request(self.path, wanted, self.headers["User-Agent"]))
        if self.path.startswith("/moved/"):
            return self.reply(302, {"Location": self.path.removeprefix("/moved")})
        body = server.files.get(self.path)
        if body is None or server.status:
            return self.reply(server.status or 404, {}, b"nothing here")
        headers = {"Content-Type": server.kind, "ETag": f'"{hashlib.md5(body).hexdigest()}"'}
        if wanted and server.ranges:
            first = int(re.fullmatch(r"bytes=(\d+)-", wanted).group(1)) + server.shift
            if first >= len(body):
                return self.reply(
                    416,
                    {"Content-Range": f"bytes */{len(body)}"} if server.tell_total else {},
                    b"too far",
                )
            headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
            return self.reply(206, headers, body[first:])
        self.reply(200, headers, body)

    def reply(self, status, headers, body=b""):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.server.lengths:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = self.server.stop_after
        if status in (200, 206) and cut is not None:
            self.wfile.write(body[:cut])
            self.wfile.flush()
            return
        self.wfile.write(body[:-1])
        self.wfile.flush()
        self.server.during()
        self.wfile.write(body[-1:])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def recording(n: int) -> bytes:
    """Forty events, none like those of another number."""
    events = np.zeros(40, EVENT)
    events["x"], events["y"], events["t"] = np.arange(40) % 34, 2 * n % 32, 1000 * np.arange(40) + n
    path = Path("recording.bin")
    write_nmnist(path, events)
    contents = path.read_bytes()
    path.unlink()
    return contents


def archive(members: dict) -> bytes:
    """A zip of {name or ZipInfo: contents}, stored, so that a cut lies where the test puts it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, contents in members.items():
            file.writestr(zipfile.ZipInfo(name) if isinstance(name, str) else name, contents)
    return buffer.getvalue()


def recordings(name: str, each: int) -> dict[str, bytes]:
    return {
        f"{name}/{digit}/{n:05d}.bin": recording(n)
        for digit in range(10)
        for n in range(digit * each + 1, (digit + 1) * each + 1)
    }


@pytest.fixture
def parts(server, monkeypatch, tmp_path):
    """Train and Test of 30 and 20 recordings, on the server; a download comes in steps of 500
    bytes."""
    monkeypatch.setattr(downloads, "CHUNK", 500)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("MINISNN_DEBUG", raising=False)
    found = []
    for name, each in (("Train", 3), ("Test", 2)):
        contents = archive(
            {
                f"{name}/": b"",
                f"{name}/0/": b"",
                f"{name}/.DS_Store": b"x",
                **recordings(name, each),
            }
        )
        server.files[f"/{name}.zip"] = contents
        found.append(
            Part(name, f"{server.url}/{name}.zip", hashlib.md5(contents).hexdigest(), 10 * each)
        )
    return tuple(found)


@pytest.fixture
def run(parts, monkeypatch, capsys):
    """Exit code, standard output and standard error of `minisnn fetch nmnist ...` on the small
    archives."""
    monkeypatch.setattr(
        fetching, "fetch", lambda *args, **settings: fetch(*args, files=parts, **settings)
    )

    def call(*arguments):
        code = cli.main(["fetch", "nmnist", *map(str, arguments)])
        return code, *capsys.readouterr()

    return call


def wrong(error: str) -> str:
    """The one sentence of a command that failed, behind what it said of its work."""
    *before, last = error.splitlines()
    assert last.startswith("minisnn: ") and "minisnn: " not in "".join(before), error
    return last.removeprefix("minisnn: ")


def kb(server, name="Train") -> str:
    return f"{len(server.files[f'/{name}.zip']) / 1e3:.1f} kB"


def names(folder="N-MNIST") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir()) if Path(folder).is_dir() else []


def wait_for(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
