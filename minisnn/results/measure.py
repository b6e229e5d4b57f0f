"""Carry out a measurement: its commands one after the other, each in its own process, and read the
figures from their output.

The output of a command stays in a working folder. So a stopped measurement continues with the
missing command, and a stopped training run with the missing update. A measurement that was
completed, or begun by other code, begins from nothing.
"""

import hashlib
import io
import json
import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np

from .. import __version__
from ..data.store.sealed import unpacked, verified
from ..data.store.shipped import shipped
from ..files import write_whole
from ..parallel.threads import get_threads, processor
from ..stopping import PAUSE, SIGNALS as STOPPING, check
from .figures import figure
from .kinds import KINDS
from .record import PLACE, Record

ROOT = Path(__file__).resolve().parents[2]
COMPLETE = "complete"  # a file of the working folder
CONTINUED = (
    "continued"  # a line of a mark: of a command that was stopped only the last part is timed
)
STOPS = {code for number in STOPPING for code in (-number, 128 + number)}  # exit codes


def measure(
    record: Record, work: Path, roots: Mapping[str, str], code: str, told: Callable[[str], None]
) -> Record:
    """The record with what its commands give now.

    work    folder of what they write, which a stopped measurement continues, until `complete`
    roots   folders of recordings by name, for commands that have {name} in them
    code    hash of the code that the numbers depend on
    told    is called with each command before it begins

    Raises ValueError where a command lacks a folder of recordings, ends with an error, or writes
    nothing that is expected.
    """
    if lacking := needed(record.commands) - set(roots):
        raise ValueError(f"{record.title}: needs recordings; give {as_options(lacking)}")
    networks = {name: hash_of(shipped(name)) for name in record.asks}
    began = time.perf_counter()
    outs: list[Path] = []
    spent = []
    continued = False
    if (work / COMPLETE).exists():
        for mark in list(work.glob("*.done")):
            _discard(work, mark.stem)
        (work / COMPLETE).unlink()
    for number, command in enumerate(record.commands):
        folder = record.kind in ("train", "study") or command.startswith("minisnn train")
        out = work / f"{number}{'' if folder else '.json'}"
        done = work / f"{number}.done"
        asked = record.commands[: number + 1]  # {0} stands for what the first of them made
        key = json.dumps(
            [asked, code, networks, {name: roots[name] for name in sorted(needed(asked))}]
        )
        begun = work / f"{number}.begun"
        if _is_of_another(begun, key) or _is_of_another(done, key):
            _discard(work, str(number))
        if not done.exists():
            part = begun.exists()
            work.mkdir(parents=True, exist_ok=True)
            write_whole(begun, f"{key}\n".encode())
            told(shown(command))
            before = {str(place): str(one) for place, one in enumerate(outs)}
            spent.append(_run(command, out, {**roots, **before}))
            write_whole(done, f"{key}\n{CONTINUED * part}\n{spent[-1]}\n".encode())
        else:
            spent.append(float(done.read_text(encoding="utf-8").splitlines()[-1]))
        continued |= CONTINUED in done.read_text(encoding="utf-8").splitlines()
        outs.append(out)
    figures, more = KINDS[record.kind](outs)
    if record.kind == "train" and len(outs) == 1 and not continued:
        figures["whole"] = figure(spent[0], "s")
    if record.kind == "train" and _printed(outs[0]).exists():
        more["printed"] = _printed(outs[0]).read_text(encoding="utf-8")
    made = replace(record, figures=figures, more={**record.more, **more})
    made.networks = {name: hash_of(shipped(name)) for name in made.asks}
    made.measured = dict(
        commands=list(record.commands),
        code=code,
        minisnn=__version__,
        python=platform.python_version(),
        numpy=np.__version__,
        numba=_version_of("numba"),
        processor=processor(),
        cores=os.cpu_count(),
        threads=get_threads(),
        seconds=round(sum(spent) or time.perf_counter() - began, 1),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
    )
    return made


def complete(work: Path) -> None:
    """Say in the working folder that the record is written: the next measurement begins from
    nothing."""
    write_whole(work / COMPLETE, b"")


def needed(commands: Iterable[str]) -> set[str]:
    """Names of the folders of recordings that commands need."""
    names = {name for command in commands for name in PLACE.findall(command)}
    return {name for name in names if name != "out" and not name.isdigit()}


def as_options(names: Iterable[str]) -> str:
    """The options that name folders of recordings: --data a=DIR --data b=DIR."""
    return " ".join(f"--data {name}=DIR" for name in sorted(names))


def _is_of_another(mark: Path, key: str) -> bool:
    """Whether a mark is there, and of another command, code, network or folder of recordings."""
    return mark.exists() and not mark.read_text(encoding="utf-8").startswith(f"{key}\n")


def _discard(work: Path, number: str) -> None:
    """Remove what a command of this number wrote, and its marks."""
    for path in (work / number, *work.glob(f"{number}.*")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def shown(command: str) -> str:
    """A command as a page has it: what it writes to is left out, what an earlier one wrote
    is RUN, recordings are DIR."""
    command = re.sub(r" --\w[\w-]* \{out\}\S*", "", command)
    return PLACE.sub("DIR", re.sub(r"\{\d+\}", "RUN", command))


def _printed(out: Path) -> Path:
    """Where what a command prints is kept, beside what it writes."""
    return out.with_name(f"{out.name}.printed")


def _run(command: str, out: Path, roots: Mapping[str, str]) -> float:
    """Carry out a command; the seconds that it took."""
    out.parent.mkdir(parents=True, exist_ok=True)
    words = shlex.split(command)
    if words[:2] == ["minisnn", "train"] and (out / "config.json").exists():
        words = ["minisnn", "train", "--resume", "{out}"]
    places = {**roots, "out": str(out)}
    words = [PLACE.sub(lambda found: places[found[1]], word) for word in words]
    start = {"minisnn": [sys.executable, "-m", "minisnn"], "python": [sys.executable]}
    if words[0] not in start:
        raise ValueError(f"{command}: a measurement's command begins with minisnn or python")
    if words[0] == "minisnn":
        words.append("--quiet")
    began = time.perf_counter()
    line = [*start[words[0]], *words[1:]]
    with open(_printed(out), "w", encoding="utf-8") as printed, TemporaryFile() as errors:
        child = subprocess.Popen(
            line,
            cwd=ROOT,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            stdout=printed,
            stderr=errors,
        )
        _wait(child)
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip().splitlines()
    code = child.returncode
    if code in STOPS:
        raise KeyboardInterrupt("stopped; the same command goes on where it was")
    if code < 0:
        raise ValueError(
            f"{shown(command)}: ended by {signal.Signals(-code).name}; expected it to end by "
            "itself. Where that is SIGKILL, memory may have run out"
        )
    if code:
        last = said[-1] if said else "no message"
        raise ValueError(f"{shown(command)}: ended with exit code {code}: {last}")
    return round(time.perf_counter() - began, 1)


def _wait(child: subprocess.Popen) -> None:
    """Until a command has ended. Where this process is to stop, so is the command, and what it
    saves then is waited for; a second signal kills it."""
    try:
        while child.poll() is None:
            check()
            time.sleep(PAUSE)
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def _version_of(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def state(record: Record, code: str) -> str:
    """ "measured"; or what a record is not: "missing", "other commands", "other networks", or
    "other code" than `code`."""
    if not record.figures:
        return "missing"
    if record.measured.get("commands") != record.commands:
        return "other commands"
    if record.networks != {name: hash_of(shipped(name)) for name in record.asks}:
        return "other networks"
    return "measured" if record.measured.get("code") == code else "other code"


def hash_of(path: Path) -> str:
    """SHA-256 of what a checkpoint holds but for its training curve, on which no result depends."""
    import h5py

    held: dict[str, Any] = {}

    def take(name: str, of: Any) -> None:
        if isinstance(of, h5py.Dataset) and not name.startswith("curve/"):
            held[name] = of[...]

    with h5py.File(io.BytesIO(verified(path)), "r") as file:
        held.update({name: unpacked(text) for name, text in file.attrs.items()})
        file.visititems(take)
    digest = hashlib.sha256()
    for name in sorted(held):
        array = np.asarray(held[name])
        whole = array.tobytes() if array.dtype.kind in "fiub" else str(held[name]).encode()
        for part in (name.encode(), array.dtype.kind.encode(), str(array.shape).encode(), whole):
            digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()
