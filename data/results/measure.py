"""Carry out a measurement: its commands one after the other, each in its own process, and read the
figures from their output.

The output of a command stays in a working folder until all are done. So a stopped measurement
continues with the missing command, and a stopped training run with the missing update.
"""

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from kinds import KINDS
from record import Record

from minisnn.experiments.findings import figure
from minisnn.parallel.sources import processor
from minisnn.parallel.threads import get_threads

ROOT = Path(__file__).resolve().parents[2]
PLACE = re.compile(r"\{(\w+)\}")


def measure(record: Record, work: Path, roots: Mapping[str, str]) -> Record:
    """Measure a record again and return it with its new figures.

    work    folder of the commands' output, which a stopped measurement continues
    roots   folders of recordings by name, for commands that have {name} in them

    Raises ValueError where a command ends with an error, or writes nothing that is expected.
    """
    continued = work.exists()
    work.mkdir(parents=True, exist_ok=True)
    outs: list[Path] = []
    seconds = 0.0
    for number, command in enumerate(record.commands):
        folder = record.kind in ("train", "study") or command.startswith("minisnn train")
        out = work / f"{number}{'' if folder else '.json'}"
        done = work / f"{number}.done"
        if not done.exists():
            print(" ", shown(command), flush=True)
            before = {str(place): str(one) for place, one in enumerate(outs)}
            done.write_text(str(_run(command, out, {**roots, **before})))
        seconds += float(done.read_text())
        outs.append(out)
    figures, more = KINDS[record.kind](outs)
    if record.kind == "train" and len(outs) == 1:
        if not continued:  # of a run that was stopped only the last part is timed
            figures["whole"] = figure(seconds, "s")
        more["printed"] = Path(f"{outs[0]}.printed").read_text(encoding="utf-8")
    measured = dict(
        commands=list(record.commands),
        minisnn=version("minisnn"),
        python=platform.python_version(),
        numpy=version("numpy"),
        numba=version("numba"),
        processor=processor(),
        cores=os.cpu_count(),
        threads=get_threads(),
        seconds=round(seconds, 1),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
    )
    shutil.rmtree(work)
    return replace(record, figures=figures, more={**record.more, **more}, measured=measured)


def needed(commands: Iterable[str]) -> set[str]:
    """Names of the folders of recordings that commands need."""
    names = {name for command in commands for name in PLACE.findall(command)}
    return {name for name in names if name != "out" and not name.isdigit()}


def shown(command: str) -> str:
    """A command as pages show it: without its output, RUN for the output of an earlier one, DIR for
    recordings."""
    command = re.sub(r" --\w[\w-]* \{out\}\S*", "", command)
    return PLACE.sub("DIR", re.sub(r"\{\d+\}", "RUN", command))


def _run(command: str, out: Path, roots: Mapping[str, str]) -> float:
    """Carry out a command; the seconds that it took."""
    words = shlex.split(command)
    if words[:2] == ["minisnn", "train"] and (out / "config.json").exists():
        words = ["minisnn", "train", "--resume", "{out}"]
    places = {**roots, "out": str(out)}
    words = [PLACE.sub(lambda found: places[found[1]], word) for word in words]
    if words[0] == "minisnn":
        words = ["python", "-m", *words, "--quiet"]
    began = time.perf_counter()
    with open(f"{out}.printed", "w", encoding="utf-8") as printed:
        child = subprocess.Popen([sys.executable, *words[1:]], cwd=ROOT, stdout=printed)
        try:
            code = child.wait()
        except KeyboardInterrupt:
            child.wait()  # it saves what it has
            raise
    if code:
        raise ValueError(f"{shown(command)}: ended with exit code {code}")
    return round(time.perf_counter() - began, 1)
