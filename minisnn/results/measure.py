"""Carry out a measurement: its commands one after the other, each in its own process, and read the
figures from their output.

The output of a command stays in a working folder. So a stopped measurement continues with the
missing command, and a stopped training run with the missing update. A measurement that was
completed, or begun by other code, begins from nothing.
"""

import csv
import hashlib
import io
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..data.store.sealed import unpacked, verified
from ..data.store.shipped import shipped
from ..files import read_json, write_whole
from ..parallel.threads import get_threads, processor
from ..training.intervals import over_trials
from .figures import figure
from .record import Record

ROOT = Path(__file__).resolve().parents[2]
COMPLETE = "complete"  # a file of the working folder
CONTINUED = (
    "continued"  # a line of a mark: of a command that was stopped only the last part is timed
)
_PLACE = re.compile(r"\{(\w+)\}")
# in per cent, or in points with a sign; a star where its interval leaves zero out
_MEAN = re.compile(r"([+-]?\d+(?:\.\d+)?) ± (\d+(?:\.\d+)?)\*?")


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
    if lacking := needed(record) - set(roots):
        raise ValueError(f"{record.title}: needs recordings; give {as_options(lacking)}")
    networks = {name: hash_of(shipped(name)) for name in record.asks}
    began = time.perf_counter()
    outs = []
    spent = []
    continued = False
    if (work / COMPLETE).exists():
        for mark in list(work.glob("*.done")):
            _discard(work, mark.stem)
        (work / COMPLETE).unlink()
    for number, command in enumerate(record.commands):
        out = work / f"{number}{'' if record.kind in ('train', 'study') else '.json'}"
        done = work / f"{number}.done"
        key = json.dumps([command, code, networks, dict(roots)])
        begun = work / f"{number}.begun"
        if _is_of_another(begun, key) or _is_of_another(done, key):
            _discard(work, str(number))
        if not done.exists():
            part = begun.exists()
            work.mkdir(parents=True, exist_ok=True)
            write_whole(begun, f"{key}\n".encode())
            told(shown(command))
            spent.append(_run(command, out, roots))
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
    made = dict(vars(record), figures=figures, more={**record.more, **more}, networks=networks)
    made["measured"] = dict(
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
    return Record(**made)


def complete(work: Path) -> None:
    """Say in the working folder that the record is written: the next measurement begins from
    nothing."""
    write_whole(work / COMPLETE, b"")


def needed(record: Record) -> set[str]:
    """Names of the folders of recordings that a record's commands need."""
    return {name for command in record.commands for name in _PLACE.findall(command)} - {"out"}


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
    """A command as a page has it: what it writes to is left out, recordings are DIR."""
    return _PLACE.sub("DIR", re.sub(r" --\w[\w-]* \{out\}\S*", "", command))


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
    words = [_PLACE.sub(lambda found: places[found[1]], word) for word in words]
    start = {"minisnn": [sys.executable, "-m", "minisnn"], "python": [sys.executable]}
    if words[0] not in start:
        raise ValueError(f"{command}: a measurement's command begins with minisnn or python")
    if words[0] == "minisnn":
        words.append("--quiet")
    began = time.perf_counter()
    line = [*start[words[0]], *words[1:]]
    with open(_printed(out), "w", encoding="utf-8") as printed:
        done = subprocess.run(
            line,
            cwd=ROOT,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            stdout=printed,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
    if done.returncode == 130 or done.returncode < 0:
        raise KeyboardInterrupt("stopped; the same command goes on where it was")
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise ValueError(f"{shown(command)}: ended with exit code {done.returncode}: {last[0]}")
    return round(time.perf_counter() - began, 1)


def _version_of(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def _of_evaluate(outs: list[Path]) -> tuple[dict, dict]:
    """Accuracy, that of each rule beside, and the paired differences, of `minisnn evaluate
    --json`."""
    if len(outs) != 1:
        raise ValueError(f"kind evaluate takes one command, not {len(outs)}")
    found = read_json(outs[0])
    return _of_result(found), _about(found)


def _of_result(found: Mapping[str, Any]) -> dict[str, dict]:
    figures = {
        "accuracy": figure(found["accuracy_after"], "%", _half(found)),
        "before": figure(found["accuracy_before"], "%"),
    }
    for name, row in found.get("rules", {}).items():
        key = _slug(name)
        figures[key] = figure(row["mean"], "%", _half(row))
        less = row["less"]
        lead = next((one for one in reversed(less[1:]) if one is not None), None)
        figures[f"less-{key}"] = figure(less[0], "points", lead)
    return figures


def _half(row: Mapping[str, Any]) -> float | None:
    """Half the leading interval."""
    if row.get("interval"):
        return row["interval"]["half"]
    return row["ci95"] if row.get("ci95_recordings") is None else row["ci95_recordings"]


def _about(found: Mapping[str, Any]) -> dict[str, Any]:
    """What of a result is kept beside its figures."""
    keep = "dataset split align episodes seed ways shots queries".split()
    about = {name: found[name] for name in keep if name in found}
    per_query = found["ways"] * found["queries"]
    about["right_per_episode"] = [round(share * per_query) for share in found["per_episode"]]
    about["intervals"] = {
        name: found[name] for name in ("interval", "ci95", "ci95_recordings") if name in found
    }
    return about


def _of_train(outs: list[Path]) -> tuple[dict, dict]:
    """The final tests of training runs, one a seed, their mean by Student's t, and the seconds of
    some updates."""
    tests = [read_json(out / "result.json") for out in outs]
    tests = [one.get("test", one) for one in tests]
    means = [one["accuracy_after"] for one in tests]
    figures = {
        "accuracy": figure(
            float(np.mean(means)), "%", over_trials(means) if len(means) > 1 else _half(tests[0])
        )
    }
    for number, test in enumerate(tests):
        for name, one in _of_result(test).items():
            figures[f"run-{number}-{name}"] = one
    rules = set.intersection(*(set(one.get("rules", {})) for one in tests))
    for rule in sorted(rules):
        of_rule = [one["rules"][rule]["mean"] for one in tests]
        key = _slug(rule)
        half = over_trials(of_rule) if len(of_rule) > 1 else None
        if half is None or not np.ptp(of_rule):  # of one run, or nothing that a seed changes
            half = _half(tests[0]["rules"][rule])
        figures[key] = figure(float(np.mean(of_rule)), "%", half)
    halves = [half for one in tests if (half := _half(one)) is not None]
    if halves:
        figures["widest"] = figure(max(halves), "%")
    for number, out in enumerate(outs):
        for update, seconds in _seconds(out / "log.csv"):
            figures[f"run-{number}-seconds-{update}"] = figure(seconds, "s")
    return figures, {"accuracies": means}


def _seconds(log: Path) -> list[tuple[int, float]]:
    """(update, seconds since the beginning) at every 300th update and at the last."""
    with open(log, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or "seconds" not in rows[0]:
        return []
    total, found = 0.0, []
    for number, row in enumerate(rows, 1):
        total = float(row["seconds"])
        if number % 300 == 0 or number == len(rows):
            found.append((number, round(total, 1)))
    return found


def _of_figures(outs: list[Path]) -> tuple[dict, dict]:
    """What scripts write that know figures themselves: {"figures": {…}, "more": {…}}."""
    figures: dict[str, dict] = {}
    more: dict[str, Any] = {}
    for out in outs:
        found = read_json(out)
        for name, one in found["figures"].items():
            if name in figures:
                raise ValueError(f"{out}: the figure {name!r} is there twice")
            figures[name] = figure(**one)
        more |= found.get("more", {})
    return figures, more


def _of_study(outs: list[Path]) -> tuple[dict, dict]:
    """Claims and tables of experiments (`experiments.findings`): claim-1 is the first claim, and
    each cell "98.7 ± 0.3", or "+1.2 ± 0.8", of a table is a figure <table>-<row, from 1>-<header>."""
    figures: dict[str, dict] = {}
    tables: list[dict] = []
    claims: list[dict] = []
    for out in outs:
        for path in sorted(out.glob("*/findings.json")):
            found = read_json(path)
            tables += found["tables"]
            claims += found["claims"]
    for number, claim in enumerate(claims, 1):
        unit = {"points": "points"}.get(claim["unit"], "")
        scale = 0.01 if unit else 1.0
        low, high = claim["low"], claim["high"]
        half = None if low is None or high is None else (high - low) / 2 * scale
        figures[f"claim-{number}"] = figure(claim["value"] * scale, unit, half)
    for table in tables:
        for number, row in enumerate(table["rows"], 1):
            for header, cell in zip(table["header"], row):
                if mean := _MEAN.fullmatch(str(cell)):
                    unit = "points" if "less" in header or mean[1][0] in "+-" else "%"
                    name = _slug(f"{table['name']}-{number}-{header.split('±')[0]}")
                    figures[name] = figure(float(mean[1]) / 100, unit, float(mean[2]) / 100)
    if not figures:
        raise ValueError(f"{outs[0]}: the experiment found neither claims nor means with intervals")
    return figures, {"claims": claims, "tables": tables}


def _of_entry(outs: list[Path]) -> tuple[dict, dict]:
    """Whoever answered first in `minisnn benchmark score --json`: accuracy by series, the paired
    difference to class means of summed frames, and which answers are right."""
    figures: dict[str, dict] = {}
    series: dict[str, dict] = {}
    how = ""
    for out in outs:
        found = read_json(out)
        for name, one in found["series"].items():
            first = one["entries"][one["first"]]
            figures[name] = figure(first["accuracy"], "%", _half(first))
            frames = list(one["rules"].values())[-1]
            figures[f"less-{name}"] = figure(
                frames["less"][0], "points", (frames["less_interval"] or {}).get("half")
            )
            series[name] = {"identity": one["identity"], "right": first["right"]}
            how = found["how"].get(one["first"], how)
    return figures, {"series": series, **({"how": how} if how else {})}


def _slug(name: str) -> str:
    """A name of a figure: lower case, words joined by -."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


KINDS: dict[str, Callable[[list[Path]], tuple[dict, dict]]] = {
    "evaluate": _of_evaluate,
    "train": _of_train,
    "study": _of_study,
    "figures": _of_figures,
    "entry": _of_entry,
}


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
