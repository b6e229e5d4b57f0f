"""Judge a student's answers from outside: they run in a process of their own (`examined.py`),
checks and solutions here.

A check calls a function of the student's through a pipe; arguments go over as they are, what comes
back is numbers, texts and arrays alone. Where an answer never ends, ends Python, or takes all
memory, its process is given up, and another follows.
"""

import base64
import builtins
import collections
import contextlib
import functools
import importlib
import io
import json
import os
import pickle
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path
from unittest import mock

import numba.core.errors
import numpy as np

import minisnn
from checks import mine

HERE = Path(__file__).resolve().parent
MOST = 1 << 28  # bytes of a frame
STUB = "def foreseen(*_, **__): pass\n"
LESSON = "def __getattr__(name): return lambda *_, **__: None\n"


class Lost(Exception):
    """The student's process is no more."""


class Answer(Exception):
    """An error of an answer, of a kind that the judge does not know."""


class Unknown:
    """Something of a kind that is not handed over."""

    def __init__(self, kind: str):
        self.kind = kind

    def __repr__(self) -> str:
        return f"a {self.kind}"


class Writer(pickle.Pickler):
    """Arguments for the student; functions stay here and are called back."""

    def __init__(self, file: io.BytesIO, functions: list):
        super().__init__(file)
        self.functions = functions

    def persistent_id(self, one: object) -> tuple | None:
        if isinstance(one, types.ModuleType):
            return "module", one.__name__
        if isinstance(
            one, (types.FunctionType, types.MethodType, functools.partial)
        ) and not _importable(one):
            self.functions.append(one)
            return "function", len(self.functions) - 1
        return None


def _importable(one: object) -> bool:
    """Whether a function can be named to a process that has the libraries, but no checks."""
    home = str(getattr(one, "__module__", ""))
    known = home.split(".")[0] in ("numpy", "scipy", "numba", "minisnn")
    return known and getattr(sys.modules.get(home), getattr(one, "__qualname__", ""), None) is one


class Student:
    """The process that answers run in, of a lesson; `seconds` for each call."""

    def __init__(self, lesson: int, seconds: float):
        self.lesson, self.seconds, self.functions = lesson, seconds, list[object]()
        self.folder = tempfile.TemporaryDirectory()
        place = Path(self.folder.name)
        for name in ("style.py", "interactive.py"):
            shutil.copy(HERE / name, place)
        shutil.copytree(HERE / "pictures", place / "pictures")
        (place / "checks").mkdir()
        (place / "checks" / "__init__.py").write_text(STUB, encoding="utf-8")
        (place / "checks" / f"lesson{lesson:02d}.py").write_text(LESSON, encoding="utf-8")
        given = {
            one: part for one, part in mine.course().items() if int(one.split(".")[0]) < lesson
        }
        (place / "mysnn.py").write_text(mine.compose(given), encoding="utf-8")
        package = Path(minisnn.__file__).resolve().parent
        beside = [
            str(HERE.parent / name)
            for name in ("tests", ".git")
            if (HERE.parent / "pyproject.toml").exists()
        ]
        # wherever solutions lie
        folders = [
            str(HERE),
            str(package / "_folders" / "lessons"),
            *beside,
        ]
        temporary = place / "tmp"
        temporary.mkdir()
        settings = {"MPLBACKEND": "Agg", "OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-c",
                (HERE / "examined.py").read_text(encoding="utf-8"),
                *folders,
            ],
            cwd=place,
            env={
                **os.environ,
                **settings,
                "PYTHONPATH": str(package.parent),
                "TMPDIR": str(temporary),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def close(self) -> None:
        """Give the process up, with whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        self.folder.cleanup()

    def run(self, code: str, seconds: float) -> None:
        """Run a cell. Raises what it raises, and Lost."""
        self._ask(("run", code), time.monotonic() + seconds)

    def call(self, name: str | int, arguments: tuple, more: dict) -> object:
        """A function of the student's. Raises what it raises, and Lost."""
        found, changed, states = self._ask(
            ("call", name, arguments, more), time.monotonic() + self.seconds
        )
        for n, state in zip(changed, states):
            if isinstance(arguments[n], np.random.Generator) and isinstance(state, dict):
                arguments[n].bit_generator.state = state["state"]
            elif isinstance(arguments[n], np.ndarray):
                arguments[n][...] = self._value(state)
        return self._value(found)

    def function(self, name: str) -> object:
        """A stand-in for a function of the student's, which checks can call."""

        def answer(*arguments, **more):
            return self.call(name, arguments, more)

        answer.__name__ = name
        answer.student = self
        return answer

    def compiled(self, function) -> object:
        """numba's njit: a function of the student's is compiled over there, a check's own needs no
        compiling."""
        if getattr(function, "student", None) is not self:
            return function
        name = f"compiled_{function.__name__}"
        self.run(f"import numba\n{name} = numba.njit({function.__name__})", self.seconds)
        return self.function(name)

    def _ask(self, frame: tuple, end: float) -> list:
        self._send(frame, end)
        while True:
            kind, *rest = self._frame(end)
            if kind == "done" and len(rest) == 3:
                return rest
            if kind == "error":
                raise _error(*rest)
            if kind != "back":
                raise Lost("the answer sent what is no answer")
            which, sent, more = rest
            arguments = self._value(sent)
            try:
                found = self.functions[which](*arguments, **self._value(more))
            except Exception as error:
                self._send(("raised", type(error).__name__, str(error)), end)
            else:
                self._send(("result", found, self._changed(sent, arguments)), end)

    def _changed(self, sent: object, arguments: tuple) -> dict[int, np.ndarray]:
        """The arrays that a function wrote into, by their places: the student's must follow."""
        return {
            n: now
            for n, (before, now) in enumerate(zip(self._value(sent), arguments))
            if isinstance(now, np.ndarray) and before.tobytes() != now.tobytes()
        }

    def _send(self, frame: tuple, end: float) -> None:
        content = io.BytesIO()
        Writer(content, self.functions).dump(frame)
        whole, at = memoryview(struct.pack("<Q", content.tell()) + content.getvalue()), 0
        pipe = self.process.stdin.fileno()
        os.set_blocking(pipe, False)
        while at < len(whole):
            if not select.select([], [pipe], [], max(0, end - time.monotonic()))[1]:
                raise Lost(self._late())
            try:
                at += os.write(pipe, whole[at : at + 65536])
            except OSError as error:
                raise Lost(self._ended()) from error

    def _frame(self, end: float) -> list:
        head = self._bytes(8, end)
        length = struct.unpack("<Q", head)[0]
        if length > MOST:
            raise Lost("the answer is larger than any that is expected")
        try:
            found = json.loads(self._bytes(length, end))
        except (ValueError, RecursionError) as error:
            raise Lost("the answer sent what is no answer") from error
        if not isinstance(found, list) or not found:
            raise Lost("the answer sent what is no answer")
        return found

    def _bytes(self, number: int, end: float) -> bytes:
        parts, pipe = bytearray(), self.process.stdout.fileno()
        while len(parts) < number:
            if not select.select([pipe], [], [], max(0, end - time.monotonic()))[0]:
                raise Lost(self._late())
            part = os.read(pipe, min(number - len(parts), 1 << 20))
            if not part:
                raise Lost(self._ended())
            parts += part
        return bytes(parts)

    def _late(self) -> str:
        return "the answer came to no end; is there a loop that never stops?"

    def _ended(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        code = self.process.returncode
        return (
            "the answer ended Python "
            f"({'signal ' if (code or 0) < 0 else 'exit code '}{abs(code or 0)})"
        )

    def _value(self, plain: object) -> object:
        """What `examined.Student.plain` sent."""
        if not isinstance(plain, dict):
            return plain
        [(kind, held)] = plain.items()
        if kind == "array":
            dtype, shape, content, scalar = held
            if np.dtype(dtype).kind not in "biufc":
                raise Lost("the answer sent what is no answer")
            array = np.frombuffer(base64.b64decode(content), np.dtype(dtype)).reshape(shape).copy()
            return array[()] if scalar else array
        if kind == "objects":
            made = np.empty(len(held[0]), object)
            made[:] = [self._value(one) for one in held[0]]
            return made.reshape(held[1])
        if kind == "named":
            name, fields, values = held
            return collections.namedtuple(name, fields)(*map(self._value, values))
        if kind == "dict":
            return {self._value(key): self._value(one) for key, one in held}
        if kind == "function":
            return lambda *arguments, **more: self.call(held, arguments, more)
        if kind in ("tuple", "list"):
            return {"tuple": tuple, "list": list}[kind](map(self._value, held))
        return Unknown(str(held))


def _error(name: str, text: str) -> BaseException:
    kind = getattr(builtins, str(name), getattr(numba.core.errors, str(name), None))
    if isinstance(kind, type) and issubclass(kind, Exception):
        with contextlib.suppress(TypeError):
            return kind(text)
    return type(str(name) if str(name).isidentifier() else "Answer", (Answer,), {})(text)


def verdict(student: Student, number: str, code: str, check: str) -> str:
    """ "right", or what is wrong with the code of an exercise, whose check is the cell `check`."""
    module = importlib.import_module(f"checks.lesson{student.lesson:02d}")
    plain = {
        name: getattr(one, "plain", one) for name, one in vars(module).items() if callable(one)
    }
    names = set(re.findall(r"\b[a-z_]\w*\b", check)) - {"check"}
    space = {
        "check": types.SimpleNamespace(**plain),
        **{name: student.function(name) for name in names},
    }
    said = io.StringIO()
    compiles = (
        mock.patch.object(module, "njit", student.compiled)
        if hasattr(module, "njit")
        else contextlib.nullcontext()
    )
    try:
        student.run(code, student.seconds)
        with compiles, contextlib.redirect_stdout(said):
            exec(compile(check, "check", "exec"), space)
    except Lost:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and type(error) is KeyboardInterrupt:
            raise
        if isinstance(error.__cause__, Lost):
            raise error.__cause__ from None
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return "right" if f"Exercise {number}: right." in said.getvalue() else "the check said nothing"
