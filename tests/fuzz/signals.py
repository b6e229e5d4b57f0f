"""Signals at random moments: each command must end within `patience` seconds with its message and
exit code, no process and no half-written file left behind, everything saved: what is gone on with
ends like what was left alone.

Moments are by the clock, over all of a command's life; at an import; at the opening or renaming of
a file; and while a figure is drawn. The signal goes to the process, or to its group as from a
terminal, sometimes twice.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SMALL = (
    "--draws 0 --channels 4 --window 20 --queries 1 --tasks 2 --updates 12 --evaluate-every 4 "
    "--evaluate-episodes 2"
)
SMALL += " --test-episodes 4"


@dataclass(frozen=True)
class Case:
    """A command line; OUT in it is a folder. `again` goes on with it; `cold`: the kernels are not
    compiled yet."""

    name: str
    line: str
    again: str | None = None
    cold: bool = False
    weight: int = 1


CASES = (
    Case("train", f"train {SMALL} --checkpoint-every 5 --out OUT", "train --resume OUT", weight=4),
    Case("train, workers", f"train {SMALL} --workers 2 --out OUT", "train --resume OUT", weight=2),
    Case("train, compiling", f"train {SMALL} --out OUT", "train --resume OUT", cold=True),
    Case(
        "report", "report --only figure-2,activity --episodes 2 --queries 1 --out OUT", "", weight=3
    ),
    Case(
        "report, workers",
        "report --only activity --episodes 4 --queries 1 --workers 2 --out OUT",
        "",
    ),
    Case("hardware", "hardware --bits 4 --episodes 2 --queries 1 --out OUT", "", weight=2),
    Case(
        "hardware train",
        "hardware train --bits 4 --updates 3 --episodes 2 --out OUT",
        "hardware train --resume OUT",
    ),
    Case("lessons", "lessons --out OUT", ""),
    Case("show", "show --out OUT", "", weight=2),
    Case(
        "check",
        "check --channels 2 --input 4,4,2 --window 6 --pool mean --backend numpy",
        None,
        weight=2,
    ),
    Case("lessons --open", "lessons --out OUT --open --port 18888"),
)


class Place:
    """Where commands are tried: their caches, and how they end when they are left alone."""

    def __init__(self, folder: Path, patience: float = 10):
        self.folder, self.alone, self.patience = folder, {}, patience
        self.cache = folder / "cache"
        jupyter = {"allow_root": True, "open_browser": False}
        (folder / "jupyter_server_config.json").write_text(
            json.dumps({"ServerApp": jupyter, "ExtensionApp": jupyter})
        )

    def environment(self, case: Case, mark: str) -> dict[str, str]:
        paths = [str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]
        found = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "FUZZ_MARK": own(mark),
            "MINISNN_CACHE": str(self.cache),
        }
        found.pop("MINISNN_DEBUG", None)
        found["JUPYTER_CONFIG_DIR"] = str(self.folder)
        if case.cold:
            found["NUMBA_CACHE_DIR"] = str(self.folder / mark / "numba")
        return found

    def start(
        self, case: Case, line: str, mark: str, signal: int, kind: str, number: int
    ) -> tuple[subprocess.Popen, int]:
        """A command's process, and where it tells how far it is."""
        out = self.folder / mark / "out"
        out.parent.mkdir(exist_ok=True)
        told, tell = os.pipe()
        words = [str(out) if word == "OUT" else word for word in line.split()]
        process = subprocess.Popen(
            [sys.executable, str(HERE / "moments.py"), str(int(signal)), kind, str(number), *words],
            env={**self.environment(case, mark), "FUZZ_TELL": str(tell)},
            cwd=out.parent,
            pass_fds=[tell],
            stdin=subprocess.DEVNULL,
            stdout=open(out.parent / "stdout", "w"),
            stderr=open(out.parent / "stderr", "w"),
            start_new_session=True,
            preexec_fn=listen,
        )
        os.close(tell)
        os.set_blocking(told, False)
        return process, told

    def left_alone(self, case: Case) -> tuple[float, Path]:
        """(seconds, folder) of the case without any signal; the second run, which finds all caches
        filled."""
        if case.name not in self.alone:
            for attempt in range(1 if case.cold or "--open" in case.line else 2):
                mark = f"alone-{case.name.replace(' ', '-')}-{attempt}"
                began = time.monotonic()
                process, told = self.start(case, case.line, mark, 0, "none", 0)
                if "--open" in case.line:
                    time.sleep(8)
                    process.send_signal(signal.SIGTERM)
                code = process.wait()
                os.close(told)
                if code and "--open" not in case.line:
                    raise RuntimeError(
                        f"{case.line}: exit code {code}: "
                        f"{(self.folder / mark / 'stderr').read_text()[-500:]}"
                    )
            self.alone[case.name] = time.monotonic() - began, self.folder / mark / "out"
        return self.alone[case.name]


def listen() -> None:
    """What starts the tests may be deaf."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def own(mark: str) -> str:
    """The mark of this fuzzer, not of another that runs on the machine."""
    return f"{os.getpid()}-{mark}"


def marked(mark: str) -> list[int]:
    """Processes that descend from the one with this mark in its environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if f"FUZZ_MARK={own(mark)}\0".encode() in (place / "environ").read_bytes():
                if (place / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    found.append(int(place.name))
        except OSError:
            pass
    return found


def told_by(descriptor: int, word: str, process: subprocess.Popen, seen: list[bytes]) -> bool:
    """Wait until the process tells a word; False where it ends before."""
    while True:
        try:
            part = os.read(descriptor, 1000)
            seen.append(part)
        except BlockingIOError:
            part = None
        if f"{word}\n".encode() in b"".join(seen):
            return True
        if part == b"" or (part is None and process.poll() is not None):
            return False
        time.sleep(0.005)


def attempt(
    place: Place, case: Case, rng: np.random.Generator, mark: str
) -> tuple[str, float, str]:
    """(how it went: "stopped", "done before" or what is wrong, seconds from signal to end, what was
    tried)."""
    whole, _ = place.left_alone(case)
    kinds = ["clock", "clock", "import", "write"] + ["draw"] * (
        case.name.split(",")[0] in ("train", "report", "show")
    )
    if "--open" in case.line:  # a server does not end by itself if the moment never comes
        kinds = ["clock"]
    kind, number = str(rng.choice(kinds)), SIGNALS[int(rng.integers(3))]
    moment = {
        "import": int(rng.integers(1200)),
        "write": int(rng.integers(40)),
        "draw": int(rng.integers(900)),
    }.get(kind, 0)
    process, told = place.start(
        case, case.line, mark, number, kind if kind != "clock" else "none", moment
    )
    seen: list[bytes] = []
    tried = f"{number.name} at {kind} {moment}"
    try:
        if kind == "clock":
            begun = told_by(told, "begun", process, seen)
            wait, group, twice = rng.random() * whole, rng.random() < 0.3, rng.random() < 0.2
            tried = f"{number.name} {'to the group ' * group}after {wait:.2f} s{', twice' * twice}"
            try:
                process.wait(wait if begun else 1)
            except subprocess.TimeoutExpired:
                for _ in range(1 + twice):
                    (os.killpg if group else os.kill)(process.pid, number)
            signalled = process.returncode is None
        else:
            signalled = told_by(told, "signal", process, seen)
        began = time.monotonic()
        try:
            code = process.wait(3 * place.patience if signalled else 600 + 60 * place.patience)
        except subprocess.TimeoutExpired:
            return "hangs", 3 * place.patience, tried
        spent = time.monotonic() - began
        return (
            judge(place, case, mark, code, signalled, spent, number),
            spent if signalled else 0.0,
            tried,
        )
    finally:
        os.close(told)
        for left in marked(mark):
            os.kill(left, signal.SIGKILL)
        process.wait()


def judge(
    place: Place, case: Case, mark: str, code: int, signalled: bool, spent: float, number: int
) -> str:
    """What is wrong; "stopped" or "done before" where nothing is."""
    folder = place.folder / mark
    err = (folder / "stderr").read_text(errors="replace")
    if "Traceback" in err or "defect of minisnn" in err or "Exception ignored" in err:
        return f"traceback: {err[-300:]}"
    if spent > place.patience:
        return f"{spent:.1f} s"
    until = time.monotonic() + 2
    while (left := marked(mark)) and time.monotonic() < until:
        time.sleep(0.05)
    if left:
        return (
            "processes left: "
            f"{[Path(f'/proc/{one}/cmdline').read_text().split(chr(0))[:6] for one in left]}"
        )
    told = err.strip().splitlines()[-1:]
    if code and not (code == 128 + number and told and told[0].startswith("minisnn: stopped")):
        return f"exit code {code}: {err[-300:]}"
    result = "stopped" if code else "done before"
    if left := leftovers(folder):
        return f"left behind: {left}"
    return unsaved(folder / "out") or went_on(place, case, mark) or result


def leftovers(folder: Path) -> list[str]:
    """Files that are written beside their places, and were not renamed or removed; what Jupyter
    keeps is its own."""
    hidden = [path.relative_to(folder) for path in folder.rglob(".*") if path.is_file()]
    own = (
        "numba",
        ".ipynb_checkpoints",
        ".jupyter",
        ".virtual_documents",
        ".cache",
        ".config",
        ".local",
    )
    return [str(path) for path in hidden if not set(own) & set(path.parts)]


def unsaved(out: Path) -> str:
    """What a run wrote to its log but did not save, in words."""
    from minisnn.training import checkpoint

    log = out / "log.csv"
    if not log.exists():
        return ""
    rows = len(log.read_text().splitlines()) - 1
    saved = checkpoint.read(out).progress["update"] if checkpoint.holds_checkpoint(out) else 0
    return "" if rows - saved in (0, 1) else f"{rows} updates in the log, {saved} saved"


def went_on(place: Place, case: Case, mark: str) -> str:
    """What differs from a command that was left alone, once this one went on."""
    if case.again is None:
        return ""
    line = (
        case.again
        if case.again and (place.folder / mark / "out" / "config.json").exists()
        else case.line
    )
    process, told = place.start(case, line, mark, 0, "none", 0)
    code = process.wait()
    os.close(told)
    if code:
        return (
            f"does not go on, exit code {code}: "
            f"{(place.folder / mark / 'stderr').read_text()[-300:]}"
        )
    return differs(place.left_alone(case)[1], place.folder / mark / "out")


def differs(one: Path, two: Path) -> str:
    """What differs between two folders of results, but for the time that things took."""
    if (one / "checkpoint.h5").exists():
        from minisnn.training import checkpoint

        first, second = checkpoint.read(one), checkpoint.read(two)
        same = (
            np.array_equal(first.theta, second.theta)
            and first.optimiser.keys() == second.optimiser.keys()
        )
        same = same and all(
            np.array_equal(array, second.optimiser[of][name])
            for of, s in first.optimiser.items()
            for name, array in s.items()
        )
        curves = {**first.curve, "seconds": 0}, {**second.curve, "seconds": 0}
        same = same and all(
            np.array_equal(curves[0][name], curves[1][name], equal_nan=True) for name in curves[0]
        )
        return "" if same else "other arrays than those of a run left alone"
    for path in sorted(one.rglob("records/*.jsonl")):
        other = two / path.relative_to(one)
        if (
            "seconds" not in path.name
            and "cost" not in path.name
            and path.read_text() != other.read_text()
        ):
            return f"{path.name} differs"
    names = [
        sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
        for root in (one, two)
    ]
    return "" if names[0] == names[1] else f"other files: {sorted(set(names[0]) ^ set(names[1]))}"


def fuzz_signals(
    tries: int,
    seed: int,
    folder: Path,
    names: tuple[str, ...] = (),
    tell=print,
    patience: float = 10,
) -> list[str]:
    """Failures, in words, of so many signals; a table of all is told."""
    place = Place(folder, patience)
    cases = [case for case in CASES if not names or case.name in names]
    if find_spec("jupyterlab") is None and any("--open" in case.line for case in cases):
        tell("    left out: lessons --open, for JupyterLab is not installed")
        cases = [case for case in cases if "--open" not in case.line]
    chosen = [case for case in cases for _ in range(case.weight)]
    failures, counts, slowest = [], Counter(), Counter()
    for n in range(tries):
        rng, case = np.random.default_rng([seed, n]), chosen[n % len(chosen)]
        result, seconds, tried = attempt(place, case, rng, f"{n}")
        known = result in ("stopped", "done before")
        counts[case.name, result if known else "wrong"] += 1
        slowest[case.name] = max(slowest[case.name], seconds)
        if not known:
            failures.append(f"{case.name}, try {n}, {tried}: {result}")
            tell(f"    {failures[-1]}")
        shutil.rmtree(folder / f"{n}", ignore_errors=True)
    tell(
        f"{'signals, seed ' + str(seed):<24}{'stopped':>9}{'done before':>13}{'wrong':>7}{'slowest':>9}"
    )
    for case in cases:
        numbers = [counts[case.name, kind] for kind in ("stopped", "done before", "wrong")]
        tell(
            f"{case.name:<24}{numbers[0]:>9}{numbers[1]:>13}{numbers[2]:>7}{slowest[case.name]:>8.1f}s"
        )
    return failures
