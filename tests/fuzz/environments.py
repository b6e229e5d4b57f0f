"""Odd environments: locales, closed and full streams, no home, folders that are files, limits, a
disk that is full at a random write, and two processes at one folder.

Each command must do its work, ending like one in a plain environment, or end with exit code 2 and a
sentence; no traceback, no "defect", no half-written file. Two at one folder: one does its work, the
other too or is told that the folder is in use.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from signals import HERE, SMALL, differs, leftovers

RUN = SMALL.replace("--updates 12", "--updates 4")
COMMANDS = {
    "train": f"train {RUN} --out OUT",
    "train, quiet, workers": f"train {RUN} --quiet --workers 2 --out OUT",
    "evaluate": "evaluate --checkpoint double_nmnist_maml.h5 --episodes 2 --queries 1",
    "info": "info double_nmnist_maml.h5",
    "show": "show --out OUT",
    "check": "check --channels 2 --input 4,4,2 --window 6 --pool mean --backend numpy",
    "lessons": "lessons --out OUT",
    "figure": "figure 2 --out OUT",
    "help": "train --help",
}
CLOSED = (
    "",
    "<&-",
    ">&-",
    "2>&-",
    ">&- 2>&-",
    "<&- >&- 2>&-",
    ">/dev/full",
    "2>/dev/full",
    ">/dev/full 2>/dev/full",
)
WORDS: dict[str, tuple[str, ...]] = {
    "LC_ALL": ("C", "POSIX", "tr_TR.UTF-8", "nonsense"),
    "PYTHONIOENCODING": ("ascii", "latin-1", "utf-16", "ascii:strict"),
    "PYTHONUTF8": ("0",),
    "PYTHONCOERCECLOCALE": ("0",),
    "HOME": ("/nonexistent", "/dev/null", "", "NOTHING"),
    "XDG_CACHE_HOME": ("/nonexistent", "/dev/null", "relative"),
    "TMPDIR": ("/nonexistent", "/dev/null"),
    "MPLBACKEND": ("nonsense", "TkAgg", "module://absent", ""),
    "MPLCONFIGDIR": ("/dev/null", "/nonexistent"),
    "MATPLOTLIBRC": ("/dev/null/x", "absent"),
    "MINISNN_CACHE": ("/dev/null", "/nonexistent/a"),
    "NUMBA_CACHE_DIR": ("/dev/null", "/nonexistent/a"),
    "MINISNN_THREADS": ("1", "3"),
    "OMP_NUM_THREADS": ("1", "x"),
    "COLUMNS": ("1", "0", "x", "100000"),
    "TERM": ("dumb", "nonsense", ""),
    "TZ": ("nonsense", "Asia/Kathmandu"),
    "PYTHONHASHSEED": ("0", "77"),
    "PYTHONOPTIMIZE": ("1", "2"),
    "PYTHONWARNINGS": ("ignore", "always"),
    "PYTHONDONTWRITEBYTECODE": ("1",),
    "PATH": ("", "/nonexistent"),
}


def environment(rng: np.random.Generator, cold: bool) -> dict[str, str]:
    """One to four variables set to what is odd; those for which every kernel is compiled again only
    where it may be `cold`."""
    names = [name for name in WORDS if cold or name != "NUMBA_CACHE_DIR"]
    return {
        name: str(rng.choice(WORDS[name]))
        for name in rng.choice(names, int(rng.integers(1, 5)), replace=False)
    }


def limits(kind: str, number: int) -> Callable[[], None]:
    """What a process does to itself before it starts: "files" it may have open, bytes a "file" may
    have, its "umask"."""

    def apply() -> None:
        if kind == "files":
            resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))
        elif kind == "file":
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))
        elif kind == "umask":
            os.umask(number)

    return apply


class Shop:
    """Where commands are tried, and what they give in a plain environment."""

    def __init__(self, folder: Path):
        self.folder, self.plain = folder, {}

    def start(
        self, name: str, mark: str, changes: dict[str, str], streams: str = "", before=lambda: None
    ) -> subprocess.Popen:
        place = self.folder / mark
        place.mkdir(exist_ok=True)
        words = [str(place / "out") if word == "OUT" else word for word in COMMANDS[name].split()]
        plain = {**os.environ, "MINISNN_CACHE": str(self.folder / "cache"), "MPLBACKEND": "Agg"}
        plain["PYTHONPATH"] = os.pathsep.join(
            [str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]
        )
        plain.pop("MINISNN_DEBUG", None)
        changed = {key: value for key, value in {**plain, **changes}.items() if value != "NOTHING"}
        return subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                f'exec "$@" {streams}',
                "sh",
                sys.executable,
                "-m",
                "minisnn",
                *words,
            ],
            cwd=place,
            env=changed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=before,
        )

    def left_alone(self, name: str) -> Path:
        """The folder of a command in a plain environment."""
        if name not in self.plain:
            mark = f"plain-{len(self.plain)}"
            _, err = (process := self.start(name, mark, {})).communicate()
            if process.returncode:
                raise RuntimeError(f"{name}: exit code {process.returncode}: {err.decode()[-500:]}")
            self.plain[name] = self.folder / mark / "out"
        return self.plain[name]

    def judge(
        self,
        name: str,
        mark: str,
        process: subprocess.Popen,
        told: tuple[bytes, bytes],
        silent: bool,
    ) -> str:
        """ "done", "refused" or what is wrong; `silent`: its sentence had nowhere to go."""
        out, err = (part.decode(errors="replace") for part in told)
        if any(
            word in out + err
            for word in ("Traceback", "defect of minisnn", "Exception ignored", "Fatal Python")
        ):
            return f"traceback: {(out + err)[-400:]}"
        place = self.folder / mark
        if left := leftovers(place):
            return f"left behind: {left}"
        if process.returncode == 0:
            plain = self.left_alone(name)
            return (differs(plain, place / "out") if plain.exists() else "") or "done"
        sentence = silent or (err.splitlines() and ": " in err.splitlines()[-1])
        return (
            "refused"
            if process.returncode == 2 and sentence
            else f"exit code {process.returncode}: {err[-300:]}"
        )

    def attempt(self, rng: np.random.Generator, mark: str) -> tuple[str, str, str]:
        """(kind, how it went, what was tried)."""
        kind = str(
            rng.choice(["words", "words", "streams", "files", "file", "file", "umask", "two"])
        )
        name = str(rng.choice(list(COMMANDS)))
        if kind == "two":
            name = str(rng.choice(["train", "lessons", "figure", "show"]))
            self.left_alone(name)
            pair = [self.start(name, mark, {}) for _ in range(2)]
            told = [process.communicate() for process in pair]
            found = [
                self.judge(name, mark, process, one, False) for process, one in zip(pair, told)
            ]
            wrong = [one for one in found if one not in ("done", "refused")]
            if not wrong and "done" not in found:
                wrong = [f"neither did its work: {told}"]
            return kind, wrong[0] if wrong else "done", name
        self.left_alone(name)
        changes, streams, before, silent, tried = {}, "", limits("", 0), False, ""
        if kind == "words":
            changes = environment(rng, cold=name in ("info", "lessons", "help", "check"))
            tried = " ".join(f"{key}={value}" for key, value in changes.items())
        elif kind == "streams":
            streams = tried = str(rng.choice(CLOSED[1:]))
            silent = "2>" in streams
        else:
            number = {
                "files": int(rng.integers(8, 40)),
                "file": int(10 ** rng.uniform(1, 6)),
                "umask": int(rng.choice([0o777, 0o077, 0, 0o222])),
            }[kind]
            before, tried = limits(kind, number), f"{kind} {number}"
        process = self.start(name, mark, changes, streams, before)
        return (
            kind,
            self.judge(name, mark, process, process.communicate(), silent),
            f"{name}: {tried}",
        )


def fuzz_environments(tries: int, seed: int, folder: Path, tell=print) -> list[str]:
    """Failures, in words, of so many environments; a table of all is told."""
    shop, failures, counts = Shop(folder), [], Counter()
    for n in range(tries):
        kind, result, tried = shop.attempt(np.random.default_rng([seed, n]), f"{n}")
        known = result in ("done", "refused")
        counts[kind, result if known else "wrong"] += 1
        if not known:
            failures.append(f"{tried} (try {n}): {result}")
            tell(f"    {failures[-1]}")
        shutil.rmtree(folder / f"{n}", ignore_errors=True)
    tell(f"{'environments, seed ' + str(seed):<24}{'done':>9}{'refused':>9}{'wrong':>7}")
    for kind in ("words", "streams", "files", "file", "umask", "two"):
        tell(
            f"{kind:<24}{counts[kind, 'done']:>9}{counts[kind, 'refused']:>9}{counts[kind, 'wrong']:>7}"
        )
    return failures
