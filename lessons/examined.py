"""The process that a student's answers run in, away from the checks and the solutions: started by
`judge.py`, never imported.

It gets frames (8 bytes of length, a pickle) on its standard input: ("run", code) and ("call", name,
arguments, named arguments), and answers with frames of JSON alone, so that nothing a student sends
can run in the process that judges. What a student prints goes nowhere.
"""

import base64
import errno
import io
import json
import os
import pickle
import resource
import struct
import sys
import threading
import time
from types import FunctionType, ModuleType

FORBIDDEN = (
    *(
        "subprocess.",
        "os.exec",
        "os.fork",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "os.link",
        "os.kill",
        "os.setsid",
        "pty.",
    ),
    *("socket.", "sqlite3.", "ctypes.dlopen"),
)
PLACES = (
    "open",
    "os.listdir",
    "os.scandir",
    "os.chdir",
    "os.rename",
    "os.symlink",
    "shutil.copyfile",
    "os.walk",
)
CHANGES = (
    *(
        "os.remove",
        "os.rename",
        "os.mkdir",
        "os.rmdir",
        "os.truncate",
        "os.symlink",
        "os.chmod",
        "os.lchmod",
        "os.chown",
    ),
    *("os.chflags", "os.utime", "os.setxattr", "os.removexattr"),
)
UNHEARD = {  # calls of the system that no hook is told of
    "posix": ("chroot", "mkfifo", "mknod", "setns", "unshare", "setsid", "setpgid", "setpgrp"),
    "_posixsubprocess": ("fork_exec",),
}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# numba tries with such a file whether it could keep kernels
NAMELESS = getattr(os, "O_TMPFILE", -1)
MEMORY, FILE = 12 << 30, 1 << 26  # bytes that an answer may take, and may write


def guard(folders: list[str]) -> None:
    """From now on nothing below these folders is opened, nor other processes are looked into;
    nothing is changed but below the folder that one is in now; no other program runs, and there is
    no network. A hook cannot be taken off again; it hears what goes through Python, not what
    machine code of an answer's own would do."""

    def hook(event: str, arguments: tuple) -> None:
        if event.startswith(FORBIDDEN):
            raise refused(event)
        if event == "import" and arguments[0] in anew:  # which would have what was taken out of it
            raise refused(arguments[0])
        # numba's, when it compiles
        if event == "ctypes.dlsym" and not str(arguments[1]).startswith("LLVMPY_"):
            raise refused(arguments[1])
        if event in PLACES:
            for one in map(path_of, arguments):
                if one is not None and real(one).startswith(folders_):
                    raise refused(one)
        if event == "open":
            check_open(*arguments)
        elif event in CHANGES:
            # a file that was opened to be read
            if type(arguments[0]) is int and event != "os.truncate":
                raise refused(event)
            for one in map(path_of, arguments):
                check_own(one)

    def check_open(path: object, mode: object, flags: int) -> None:
        name = path_of(path)
        if name is None or flags & NAMELESS == NAMELESS:
            return
        if mode is None and (is_folder(name) and not in_own(name) or ".." in name.split(os.sep)):
            # from a folder its files are opened by names that are not seen whole
            raise refused(name)
        if flags & WRITES:
            check_own(name)

    def check_own(name: str | None) -> None:
        if name is not None and name != os.devnull and not in_own(name):
            raise refused(name)

    def in_own(name: str) -> bool:
        return (real(name) + os.sep).startswith(own)

    def path_of(one: object) -> str | None:
        return os.fsdecode(one) if isinstance(one, (str, bytes, os.PathLike)) else None

    def refused(what: object) -> PermissionError:
        return PermissionError(errno.EPERM, f"{what} is not for an exam")

    def unheard(*_: object, **__: object) -> None:
        raise refused("this")

    anew = (*UNHEARD, "ctypes", "_ctypes")
    for module, names in UNHEARD.items():
        for one in filter(None, map(sys.modules.get, (module, "os", "subprocess"))):
            for name in (*names, *(f"_{name}" for name in names)):
                if hasattr(one, name):
                    setattr(one, name, unheard)
    real, is_folder, own = os.path.realpath, os.path.isdir, os.path.realpath(os.getcwd()) + os.sep
    folders_ = ("/proc/", *(os.path.realpath(one) for one in folders))
    sys.addaudithook(hook)


class Reader(pickle.Unpickler):
    """What the judge sends; its functions become calls back to it."""

    def __init__(self, content: bytes, back):
        super().__init__(io.BytesIO(content))
        self.back = back

    def persistent_load(self, named: tuple) -> object:
        kind, which = named
        if kind == "module":
            __import__(which)
            return sys.modules[which]
        return lambda *arguments, **more: self.back(which, arguments, more)


class Student:
    """The student's names, and the pipes to the judge."""

    def __init__(self, source, sink):
        self.source, self.sink, self.space, self.given = source, sink, {"__name__": "__main__"}, []

    def plain(self, value: object) -> object:
        """A value in JSON's types, tagged."""
        import numpy as np

        if value is None or isinstance(value, (bool, str)) or type(value) in (int, float):
            return value
        if isinstance(value, (np.ndarray, np.generic)):
            array = np.asarray(value)
            scalar = isinstance(value, np.generic)
            if array.dtype.kind in "biufc":
                content = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
                return {"array": [array.dtype.str, list(array.shape), content, scalar]}
            return {
                "objects": [[self.plain(one) for one in array.ravel().tolist()], list(array.shape)]
            }
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return {
                "named": [
                    type(value).__name__,
                    list(value._fields),
                    [self.plain(one) for one in value],
                ]
            }
        if isinstance(value, (tuple, list)):
            return {type(value).__mro__[-2].__name__: [self.plain(one) for one in value]}
        if isinstance(value, dict):
            return {"dict": [[self.plain(key), self.plain(one)] for key, one in value.items()]}
        if callable(value):
            self.given.append(value)
            return {"function": len(self.given) - 1}
        return {"other": type(value).__name__}

    def send(self, *frame: object) -> None:
        content = json.dumps(frame).encode()
        self.sink.write(struct.pack("<Q", len(content)) + content)
        self.sink.flush()

    def next(self) -> tuple:
        head = self.source.read(8)
        if len(head) < 8:
            os._exit(0)
        return Reader(self.source.read(struct.unpack("<Q", head)[0]), self.call_back).load()

    def call_back(self, which: int, arguments: tuple, more: dict) -> object:
        """A function of the judge's, called by the student's."""
        self.send("back", which, self.plain(arguments), self.plain(more))
        while True:
            kind, *rest = self.next()
            if kind == "result":
                found, changed = rest
                for n, now in changed.items():
                    arguments[n][...] = now
                return found
            if kind == "raised":
                raise getattr(__import__("builtins"), rest[0], RuntimeError)(rest[1])
            self.do(kind, *rest)

    def do(self, kind: str, *rest) -> None:
        try:
            if kind == "run":
                exec(compile(rest[0], "answer", "exec"), self.space)
                return self.send("done", None, [], [])
            name, arguments, more = rest
            function = self.given[name] if isinstance(name, int) else self.space[name]
            before = pickle.dumps([self.state(one) for one in arguments])
            found = self.plain(function(*arguments, **more))
            after = [self.state(one) for one in arguments]
            changed = [
                n
                for n, (one, two) in enumerate(zip(pickle.loads(before), after))
                if not self.same(one, two)
            ]
            states = [
                self.plain(after[n]) if not isinstance(after[n], dict) else {"state": after[n]}
                for n in changed
            ]
            self.send("done", found, changed, states)
        except BaseException as error:
            try:
                text = str(error)[:2000]
            except BaseException:
                text = ""
            self.send("error", type(error).__name__, text)

    def state(self, one: object) -> object:
        """What a function can change of an argument: an array, or the state of a generator."""
        import numpy as np

        if isinstance(one, np.ndarray) and not one.dtype.hasobject:
            return one
        return one.bit_generator.state if isinstance(one, np.random.Generator) else None

    def same(self, one: object, two: object) -> bool:
        import numpy as np

        return (
            one == two
            if isinstance(one, (dict, type(None)))
            else np.array_equal(one, two, equal_nan=one.dtype.kind in "fc")
        )


def outlive_nobody() -> None:
    """End, whatever an answer does, soon after the process that judges has ended."""
    judge, parent, sleep, end = os.getppid(), os.getppid, time.sleep, os._exit

    def watch() -> None:
        while parent() == judge:
            sleep(1)
        end(1)

    threading.Thread(target=watch, daemon=True).start()


def main(folders: list[str]) -> None:
    """Take frames until there are no more."""
    outlive_nobody()
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, FILE),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    sys.path.insert(0, os.getcwd())
    import minisnn.kernels  # noqa: F401  compiled code is loaded by libraries that are there already
    import numba

    # what numba looks up when it first compiles is looked up before answers run
    numba.njit(lambda x: x)(1.0)
    guard(folders)
    student = Student(source, sink)
    while True:
        student.do(*student.next())


if __name__ == "__main__":
    assert FunctionType and ModuleType
    main(sys.argv[1:])
