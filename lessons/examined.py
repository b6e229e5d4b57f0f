"""The process that a student's answers run in, away from the checks and the solutions: started by `judge.py`, never imported.

It gets frames (8 bytes of length, a pickle) on its standard input: ("run", code) and ("call", name, arguments, named
arguments), and answers with frames of JSON alone, so that nothing a student sends can run in the process that judges. What a
student prints goes nowhere.
"""

import base64
import io
import json
import os
import pickle
import resource
import struct
import sys
from types import FunctionType, ModuleType

FORBIDDEN = ("subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "os.link", "os.kill", "os.setsid")
PLACES = ("open", "os.listdir", "os.scandir", "os.chdir", "os.rename", "os.symlink", "shutil.copyfile", "os.walk")
MEMORY, FILE = 12 << 30, 1 << 26  # bytes that an answer may take, and may write


def guard(folders: list[str]) -> None:
    """From now on nothing below these folders is opened, and no other program runs; a hook cannot be taken off again."""

    def hook(event: str, arguments: tuple) -> None:
        if event.startswith(FORBIDDEN) or event == "ctypes.dlopen" and started:
            raise PermissionError(f"{event} is not for an exam")
        if event in PLACES:
            for one in arguments:
                path = os.fsdecode(one) if isinstance(one, (str, bytes, os.PathLike)) else None
                if path is not None and real(path).startswith(folders_):
                    raise PermissionError(f"{path} is not for an exam")

    started: list[bool] = []
    real, folders_ = os.path.realpath, tuple(os.path.realpath(one) for one in folders)
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
            return {"objects": [[self.plain(one) for one in array.ravel().tolist()], list(array.shape)]}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return {"named": [type(value).__name__, list(value._fields), [self.plain(one) for one in value]]}
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
                return rest[0]
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
            changed = [n for n, (one, two) in enumerate(zip(pickle.loads(before), after)) if not self.same(one, two)]
            states = [self.plain(after[n]) if not isinstance(after[n], dict) else {"state": after[n]} for n in changed]
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

        return one == two if isinstance(one, (dict, type(None))) else np.array_equal(one, two, equal_nan=one.dtype.kind in "fc")


def main(folders: list[str]) -> None:
    """Take frames until there are no more."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, FILE), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(what, (most, most))
    sys.path.insert(0, os.getcwd())
    import minisnn.kernels  # noqa: F401  compiled code is loaded by libraries that are there already
    import numba  # noqa: F401

    guard(folders)
    student = Student(source, sink)
    while True:
        student.do(*student.next())


if __name__ == "__main__":
    assert FunctionType and ModuleType
    main(sys.argv[1:])
