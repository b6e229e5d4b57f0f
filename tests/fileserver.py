"""A file server of the tests' own, with two small archives in N-MNIST's form; shared by the tests
of downloading."""

import hashlib
import io
import threading
import zipfile
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import minisnn as ms
from minisnn.data.store import fetch as fetching
from minisnn.data.store.fetch import Part, fetch

Request = namedtuple("Request", "path agent")


class Server(ThreadingHTTPServer):
    """Files served from memory; the attributes make it misbehave."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.stop_after = None  # bytes of a body after which the connection is cut
        self.status = None
        self.during = lambda: None  # called before the last byte of a body

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_):  # a client that went away
        pass


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.requests.append(Request(self.path, self.headers["User-Agent"]))
        if self.path.startswith("/moved/"):
            return self.reply(302, {"Location": self.path.removeprefix("/moved")})
        body = server.files.get(self.path)
        if body is None or server.status:
            return self.reply(server.status or 404, {}, b"nothing here")
        self.reply(200, {"Content-Type": "application/zip"}, body)

    def reply(self, status, headers, body=b""):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = self.server.stop_after
        if status == 200 and cut is not None:
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
    k = np.arange(40)
    events = ms.event_array((k + n // 16) % 34, 0 * k + 2 * n % 32, 1000 * k + n, 0 * k)
    path = Path("recording.bin")
    ms.write_nmnist(path, events)
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
def parts(server, monkeypatch, here):
    """Train and Test of 30 and 20 recordings, on the server."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
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
def run(parts, monkeypatch, command):
    """Exit code, standard output and standard error of `minisnn fetch nmnist ...` on the small
    archives."""
    monkeypatch.setattr(
        fetching, "fetch", lambda *args, **settings: fetch(*args, files=parts, **settings)
    )

    return lambda *words: command(" ".join(["fetch", "nmnist", *words]))


def wrong(error: str) -> str:
    """The one sentence of a command that failed, behind what it said of its work."""
    *before, last = error.splitlines()
    assert last.startswith("minisnn: ") and "minisnn: " not in "".join(before), error
    return last.removeprefix("minisnn: ")


def names(folder="N-MNIST") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir()) if Path(folder).is_dir() else []
