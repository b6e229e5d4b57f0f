"""Windows and macOS, pretended on Linux: what this library's own code finds of a system there.

    PRETENDED=windows python -c "import pretended; pretended.begin(); ..."

Modules, functions and signals that a system lacks are hidden from the files of this library alone:
Python and other libraries need theirs. What the system refuses holds for everybody in the process:
to rename or remove a file that is open, to open a folder, names with a colon or of a device, two
names that differ in case. `surroundings` gives a child process, and all that it starts, the same.
"""

import builtins
import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parent
OURS = ("minisnn", "hardware")
WINDOWS = {
    "fcntl": None,
    "resource": None,
    "termios": None,
    "pwd": None,
    "grp": None,
    "pty": None,
    "os": (
        "fork forkpty register_at_fork kill killpg getuid geteuid getgid getpgid setsid uname "
        "sched_getaffinity sched_setaffinity statvfs mkfifo mknod chown getloadavg nice sysconf "
        "posix_spawn pread pwrite set_blocking wait waitpid WNOHANG O_DIRECTORY O_NOFOLLOW O_CLOEXEC"
    ),
    "signal": (
        "SIGHUP SIGKILL SIGXCPU SIGUSR1 SIGUSR2 SIGALRM SIGCHLD SIGPIPE SIGSTOP SIGCONT SIGQUIT "
        "pthread_kill pthread_sigmask sigwait sigpending alarm setitimer siginterrupt SIG_BLOCK "
        "SIG_SETMASK SIG_UNBLOCK"
    ),
    "time": "clock_gettime CLOCK_MONOTONIC tzset",
    "select": "poll epoll",
    "socket": "AF_UNIX",
}
MACOS = {"os": "sched_getaffinity sched_setaffinity", "select": "epoll"}
NAME = re.compile(r'[<>:"|?*\x00-\x1f]|[ .]$')
DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def surroundings(system: str, folder: Path, **more: str) -> dict[str, str]:
    """The environment of a process that takes this one for `system`, "windows" or "macos"; `folder`
    is a place for the file by which Python begins so."""
    folder.mkdir(exist_ok=True)
    start = "import pretended\npretended.begin()\n"
    (folder / "sitecustomize.py").write_text(start, encoding="utf-8")
    paths = [str(folder), str(HERE), str(HERE.parent)]
    given = {"PRETENDED": system, "PYTHONPATH": os.pathsep.join(paths), "MPLBACKEND": "Agg"}
    if system == "windows":
        given["PYTHONIOENCODING"] = "cp1252"
    return {**os.environ, **given, **more}


class Without(ModuleType):
    """A module without some of its names."""

    def __init__(self, module: ModuleType, lacks: str, **other: Any):
        super().__init__(module.__name__)
        object.__setattr__(self, "_held", (module, frozenset(lacks.split()), other))

    def __getattribute__(self, name: str) -> Any:
        module, lacks, other = object.__getattribute__(self, "_held")
        if name in lacks:
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r} here")
        return other[name] if name in other else getattr(module, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "_held")[0], name, value)


def begin() -> None:
    """From now on this process takes Linux for the system that PRETENDED names."""
    system = os.environ["PRETENDED"]
    if system == "windows":
        lacks, names = WINDOWS, {"sys": {"platform": "win32"}, "os": {"name": "nt"}}
        _refuse_what_windows_refuses()
    else:
        lacks, names = MACOS, {"sys": {"platform": "darwin"}}
    _hide(lacks, names)
    _refuse_what_neither_has()
    if sys.flags.warn_default_encoding:
        import warnings

        warnings.filterwarnings("ignore", category=EncodingWarning)
        warnings.filterwarnings("error", category=EncodingWarning, module="minisnn|hardware")


def _ours(frame: Any) -> bool:
    """Whether a frame is of this library, or of Python's pathlib that it called."""
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in (
        "pathlib",
        "genericpath",
        "pretended",
        "_io",
    ):
        frame = frame.f_back
    return frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in OURS


def _hide(lacks: dict[str, str | None], other: dict[str, dict[str, Any]]) -> None:
    """Give files of this library modules that lack names, or none."""
    real = builtins.__import__
    made: dict[str, ModuleType] = {}

    def imported(name, globals=None, locals=None, fromlist=(), level=0):
        top = name.split(".")[0]
        ours = globals is not None and globals.get("__name__", "").split(".")[0] in OURS
        if not ours or level or top not in (*lacks, *other):
            return real(name, globals, locals, fromlist, level)
        if top in lacks and lacks[top] is None:
            raise ModuleNotFoundError(f"No module named {name!r} here", name=name)
        if name != top and fromlist:
            return real(name, globals, locals, fromlist, level)
        if top not in made:
            module = real(top)
            made[top] = Without(module, lacks.get(top) or "", **other.get(top, {}))
        return made[top]

    builtins.__import__ = imported


def _refuse_what_neither_has() -> None:
    """No /proc for this library, and no two names in a folder that differ in case."""
    stat, opened, mkdir, open_fd = os.stat, builtins.open, os.mkdir, os.open

    def missing(path: Any) -> None:
        if isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith("/proc/"):
            if _ours(sys._getframe(2)):
                raise FileNotFoundError(2, "No such file or directory", os.fspath(path))

    def stat_(path, *arguments, **named):
        missing(path)
        return stat(path, *arguments, **named)

    def open_(path, mode="r", *arguments, **named):
        missing(path)
        if set(mode) & set("wax"):
            _new(path)
        return opened(path, mode, *arguments, **named)

    def open_fd_(path, flags, *arguments, **named):
        if flags & os.O_CREAT:
            _new(path)
        return open_fd(path, flags, *arguments, **named)

    def mkdir_(path, *arguments, **named):
        _new(path)
        return mkdir(path, *arguments, **named)

    import io

    os.stat, os.mkdir, os.open = stat_, mkdir_, open_fd_
    builtins.open = io.open = open_


def _new(path: Any) -> None:
    """OSError where a file of this name would be another one's, but for upper and lower case."""
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        return
    folder, name = os.path.split(os.path.abspath(path))
    if os.environ["PRETENDED"] == "windows" and (NAME.search(name) or DEVICE.fullmatch(name)):
        raise OSError(22, "Invalid argument: no such name on Windows", str(path))
    try:
        beside = os.listdir(folder)
    except OSError:
        return
    if name not in beside and name.casefold() in map(str.casefold, beside):
        raise OSError(17, "File exists under a name that differs in case", str(path))


def _refuse_what_windows_refuses() -> None:
    """Open files keep their names, folders cannot be opened, links need a privilege."""
    import shutil
    import tempfile

    shutil._use_fd_functions = False  # which open folders
    tempfile.TemporaryFile = tempfile.NamedTemporaryFile  # has no name on POSIX
    real = {name: getattr(os, name) for name in ("replace", "rename", "unlink", "remove", "open")}

    def check(path: Any) -> None:
        place = os.path.realpath(path)
        for one in _open_files():
            if one == place or one.startswith(os.path.join(place, "")):
                raise PermissionError(13, "The file is being used by another process", str(path))

    def moving(name):
        def move(source, to, **named):
            check(source)
            check(to)
            _new(to)
            return real[name](source, to, **named)

        return move

    def removing(name):
        def remove(path, **named):
            if "dir_fd" not in named:
                check(path)
            return real[name](path, **named)

        return remove

    def open_(path, flags, *arguments, **named):
        if os.path.isdir(path):
            raise PermissionError(13, "Permission denied", str(path))
        return real["open"](path, flags, *arguments, **named)

    def link(*_, **__):
        raise OSError(1314, "A required privilege is not held by the client")

    os.replace, os.rename = moving("replace"), moving("rename")
    os.unlink, os.remove = removing("unlink"), removing("remove")
    os.open, os.symlink = open_, link


def _open_files() -> list[str]:
    """What this process and its children hold open."""
    found = []
    processes = ["self"]
    for process in processes:
        try:
            for task in os.listdir(f"/proc/{process}/task"):
                children = f"/proc/{process}/task/{task}/children"
                descriptor = os.open(children, os.O_RDONLY)
                try:
                    processes += os.read(descriptor, 1 << 16).decode().split()
                finally:
                    os.close(descriptor)
            for number in os.listdir(f"/proc/{process}/fd"):
                try:
                    found.append(os.readlink(f"/proc/{process}/fd/{number}"))
                except OSError:  # closed by now
                    pass
        except OSError:  # it has ended
            pass
    return found
