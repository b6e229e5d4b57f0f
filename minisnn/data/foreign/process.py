"""HDF5 and MATLAB files read by a process of its own (`program`): what crashes a library, keeps it
busy or makes it greedy on a damaged or malicious file ends that process, and here becomes a
sentence that names the file.

One reading process serves all files; it is started when the first is opened (a fraction of a
second) and ends with this process. What it answers is plain numbers and texts, checked here again:
it cannot run code in this process.
"""

import atexit
import importlib.util
import json
import os
import signal
import subprocess
from contextlib import suppress
from itertools import count
from pathlib import Path
from threading import Lock, Timer
from typing import Any

import numpy as np

from ...files import called, size_of
from ...parallel.children import python, surroundings

SECONDS = 4  # of a processor for a request, and one more for every PACE bytes of the file
PACE = 20_000_000
PATIENCE = 30  # times as long in wall-clock time: other programs want the processor, too
PROGRAM = Path(__file__).with_name("program.py")
_numbers = count(1)
Rows = list[np.ndarray]


class _Reader:
    """The reading process, started when it is first asked, and again after it ended or this process
    forked."""

    def __init__(self):
        self.lock = Lock()
        self.owner = 0
        self.process: Any = None  # Popen, while there is one

    def ask(self, request: dict, image: bytes, expected: str) -> tuple[Any, dict[str, np.ndarray]]:
        """(value, arrays) of an answer. ValueError where the file is at fault."""
        with self.lock:
            if self.process is None or self.owner != os.getpid() or self.process.poll() is not None:
                self._start()
            seconds = SECONDS + max(len(image), _length(request["path"])) // PACE
            head = json.dumps({**request, "image": len(image), "seconds": seconds}).encode() + b"\n"
            try:
                answer = self._exchange(head + image, PATIENCE * (seconds + 1))
            except (EOFError, BrokenPipeError, ValueError):
                raise ValueError(
                    f"{request['path']}: the library that reads it "
                    f"{self._post_mortem(seconds)}, the file is damaged; expected {expected}"
                ) from None
            # Ctrl-C between question and answer: the answer must not meet the next question
            except BaseException:
                self.end()
                raise
        if "error" in answer[0]:
            raise ValueError(str(answer[0]["error"]))
        return answer[0].get("value"), answer[1]

    def _start(self) -> None:
        self.end()
        # no plugin of HDF5 is loaded, and no thread of a linear algebra library started
        env = surroundings(HDF5_PLUGIN_PRELOAD="::", OPENBLAS_NUM_THREADS="1")
        # signals to this process and its group end here
        self.process = subprocess.Popen(
            python(PROGRAM),
            env=env,
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.owner = os.getpid()

    def _exchange(self, question: bytes, patience: float) -> tuple[dict, dict[str, np.ndarray]]:
        timer = Timer(patience, self.process.kill)
        timer.daemon = True
        timer.start()
        try:
            self.process.stdin.write(question)
            self.process.stdin.flush()
            return self._answer(self.process.stdout)
        finally:
            timer.cancel()

    @staticmethod
    def _answer(stream) -> tuple[dict, dict[str, np.ndarray]]:
        line = stream.readline(1 << 28)
        if not line.endswith(b"\n"):
            raise EOFError
        head = json.loads(line)
        arrays = {}
        if not isinstance(head, dict):
            raise ValueError
        for name, kind, shape in head.get("arrays", ()):
            dtype = np.dtype(str(kind))
            if dtype.kind not in "biuf" or not all(
                type(n) is int and 0 <= n < 1 << 40 for n in shape
            ):
                raise ValueError
            wanted = dtype.itemsize * int(np.prod(shape, dtype=object))
            # ValueError: cut short
            arrays[str(name)] = np.frombuffer(bytearray(stream.read(wanted)), dtype).reshape(shape)
        return head, arrays

    def _post_mortem(self, seconds: float) -> str:
        """What became of the reading process, in words."""
        try:
            code = self.process.wait(1)
        except subprocess.TimeoutExpired:
            code = None
        self.end()
        if code == -getattr(signal, "SIGXCPU", 0):
            return f"did not end within {seconds} seconds of CPU time"
        if code == -getattr(signal, "SIGKILL", 0):  # the limit of wall-clock time
            return "did not end"
        return f"crashed ({signal.Signals(-code).name})" if code and code < 0 else "failed"

    def end(self) -> None:
        process, self.process = self.process, None
        if process is None or self.owner != os.getpid():
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):
                stream.close()


_reader = _Reader()
atexit.register(_reader.end)


def _length(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


class ForeignFile:
    """An HDF5 file that another process holds open; use it in a `with` statement, or close it.

    path    the file                what    what is expected to be in it, for errors

    Every method raises ValueError, naming the file, where it or the part of it is not as expected
    or damaged, and FileNotFoundError where it is missing.
    """

    def __init__(self, path: str | Path, what: str):
        self.path = Path(path)
        self.what = what
        self.number = next(_numbers)
        size_of(self.path, what, 1 << 62)
        with called(self.path), open(self.path, "rb"):
            pass  # where it is missing or locked away, the system's own error says so best
        self.place = os.path.abspath(self.path)
        self.kind("/")  # opens it

    def __enter__(self) -> "ForeignFile":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def numbers(self, names: list[str], most: int) -> dict[str, np.ndarray]:
        """The numbers of data sets, each of at most `most` values, by name."""
        return self._ask("numbers", names, most=most)[1]

    def table(self, name: str, most: int) -> np.ndarray:
        """A data set of at most `most` values: a structured array where its columns have names,
        else of numbers."""
        names, arrays = self._ask("table", [name], most=most)
        if not names:
            return arrays["0"]
        columns = [arrays[str(k)] for k in range(len(names))]
        made = np.empty(
            len(columns[0]), [(str(one), column.dtype) for one, column in zip(names, columns)]
        )
        for one, column in zip(names, columns):
            made[str(one)] = column
        return made

    def rows(self, name: str, rows: list[int] | None, most: int) -> tuple[list[int], Rows]:
        """(shape of a data set with a row a recording, the numbers of these rows); of all of them
        together at most `most`."""
        shape, arrays = self._ask("rows", [name], rows=rows, most=most)
        ends = np.cumsum(arrays["lengths"])
        return shape, [arrays["values"][b - n : b] for b, n in zip(ends, arrays["lengths"])]

    def texts(self, name: str) -> list[str] | None:
        """The texts of a data set; None where there is none of that name."""
        return self._ask("texts", [name])[0]

    def tree(self, most: int) -> tuple[dict[str, str | list], dict[str, np.ndarray]]:
        """(all texts, all numbers) of the file by name, `most` values at most; see
        `hdf5.read_tree`."""
        return self._ask("tree", [], most=most)

    def kind(self, name: str) -> str | None:
        """ "data set", "group", or None where there is none of that name."""
        return self._ask("kind", [] if name == "/" else [name])[0]

    def names(self, group: str) -> list[str] | None:
        """What is in a group; None where there is no such group."""
        return self._ask("list", [] if group == "/" else [group])[0]

    def close(self) -> None:
        """Give the file up; once is enough."""
        if self.number:
            self._ask("close", [])
            self.number = 0

    def __bool__(self) -> bool:
        return bool(self.number)

    def _ask(self, do: str, names: list[str], **more: Any) -> tuple[Any, dict[str, np.ndarray]]:
        return _reader.ask(
            dict(
                do=do,
                file=self.number,
                path=str(self.path),
                place=self.place,
                what=self.what,
                names=names,
                **more,
            ),
            b"",
            self.what,
        )


def read_matlab(path: Path, names: tuple[str, ...], most: int, what: str) -> dict[str, np.ndarray]:
    """The variables of these names of a MATLAB file of version 5 to 7, arrays of at most `most`
    real numbers each.

    Raises ValueError, naming the file, where it is not such a file or damaged.
    """
    return _reader.ask(
        dict(
            do="matlab",
            file=0,
            path=str(path),
            place=os.path.abspath(path),
            what=what,
            names=names,
            most=most,
        ),
        b"",
        what,
    )[1]


def read_camera(path: Path, most: int, what: str) -> tuple[tuple[int, int], dict[str, np.ndarray]]:
    """((rows, columns) of the sensor, x, y, t in microseconds and on) of a file of a camera, `most`
    events at most.

    Raises ValueError, naming the file, where it is not such a file or damaged, or the library faery
    is missing.
    """
    if importlib.util.find_spec("faery") is None:
        raise ValueError(
            f"{path}: files of cameras need the library faery; install it with: pip install "
            "'minisnn[cameras]'"
        )
    request = dict(
        do="events", file=0, path=str(path), place=os.path.abspath(path), what=what, most=most
    )
    (columns, rows), packets = _reader.ask(request, b"", what)
    joined = {
        name: [packets[f"{name}{k}"] for k in range(len(packets) // 4)]
        for name in ("x", "y", "t", "on")
    }
    return (rows, columns), {
        name: np.concatenate(parts) if parts else np.zeros(0, int) for name, parts in joined.items()
    }


def read_image(
    image: bytes, texts: tuple[str, ...], path: Path, what: str
) -> tuple[dict, dict[str, np.ndarray]]:
    """(text attributes of these names, all data sets of numbers by name) of the HDF5 file with the
    bytes `image`.

    Raises ValueError, naming `path`, where the image is not such a file or damaged, or asks for
    absurdly much.
    """
    return _reader.ask(
        dict(do="image", file=0, path=str(path), what=what, names=list(texts)), image, what
    )
