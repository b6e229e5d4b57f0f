"""What the benchmarks share: their command line, taking turns, the file of figures that a record of
results is made from, and the peak memory of a process.

It imports nothing of minisnn, so that a benchmark may measure another tree.
"""

import argparse
import json
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def command_line(text: str, **defaults: Any) -> argparse.ArgumentParser:
    """A parser with a module's docstring as its help, --json, and an option for each default: of its
    type, of a list any number, of a dictionary any of its names."""
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    option(parser)
    for name, value in defaults.items():
        how: dict[str, Any] = dict(type=type(value), default=value)
        if isinstance(value, list):
            how |= dict(type=type(value[0]), nargs="+")
        elif isinstance(value, dict):
            how = dict(nargs="+", choices=[*value], default=[*value], metavar="NAME")
        parser.add_argument(f"--{name}", **how)
    return parser


def option(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures of a record")


def slug(*words: Any) -> str:
    """A name of a figure: lower case, words joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(map(str, words)).lower()).strip("-")


def by_turns(
    calls: dict[str, Callable[[int], Callable[[], object]]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
    pause: float = 0.0,
    first: dict[str, float] | None = None,
) -> dict[str, list[float]]:
    """Seconds of what each call prepares for a round, in rounds in which they take turns; one before
    them, in which things are compiled, is not counted, and is left in `first`. `pause`: seconds
    before each, in which the threads of the one before fall asleep."""
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, prepare in calls.items():
            call = prepare(number)
            time.sleep(pause)
            began = clock()
            call()
            spent[name].append(clock() - began)
    if first is not None:
        first.update({name: seconds[0] for name, seconds in spent.items()})
    return {name: seconds[1:] for name, seconds in spent.items()}


class Findings:
    """Figures, the rows of their table under `heads`, and anything else, `more`."""

    def __init__(self, *heads: str):
        self.figures: dict[str, dict] = {}
        self.more: dict[str, Any] = {}
        self.heads = heads
        self.cells: list[list[str]] = []

    def add(self, name: str, value: float, unit: str, half: float | None = None) -> str:
        """A figure; its name. ValueError where the name is taken."""
        if name in self.figures:
            raise ValueError(f"the figure {name!r} is there already")
        self.figures[name] = {"value": float(value), "unit": unit}
        if half is not None:
            self.figures[name]["half"] = float(half)
        return name

    def mean(self, name: str, values: Sequence[float], unit: str) -> str:
        """A figure of the mean of independent values, with half its 95 % interval by Student's t."""
        from scipy.special import stdtrit  # late: it takes memory, which other programs measure

        n = len(values)
        half = None if n < 2 else stdtrit(n - 1, 0.975) * statistics.stdev(values) / n**0.5
        return self.add(name, statistics.fmean(values), unit, half)

    def count(self, **numbers: int) -> None:
        """Figures without a unit."""
        for name, number in numbers.items():
            self.add(name.replace("_", "-"), number, "")

    def row(self, label: str, *names: str) -> None:
        """A row of the table, which is printed: its label and the names of its figures; a cell without
        a figure stays empty."""
        self.cells.append([label, *names])
        print(f"{label:40}", *(f"{self.shown(name):>14}" for name in names), flush=True)

    def shown(self, name: str) -> str:
        """A figure with its unit."""
        if not name:
            return ""
        one = self.figures[name]
        scale = 100 if one["unit"] in ("%", "points") else 1
        half = f" ± {scale * one['half']:.3g}" if "half" in one else ""
        return f"{scale * one['value']:.4g}{half} {one['unit']}"

    def contents(self) -> dict[str, dict]:
        """What the file holds."""
        table = {"rows": {"heads": list(self.heads), "cells": self.cells}} if self.cells else {}
        return {"figures": self.figures, "more": {**table, **self.more}}

    def write(self, path: Path | None) -> None:
        """Print the figures that no row has, and write the file, if there is a path."""
        shown = {name for row in self.cells for name in row[1:]}
        for name in (name for name in self.figures if name not in shown):
            print(f"{name:40} {self.shown(name):>14}")
        if path is not None:
            text = json.dumps(self.contents(), indent=1, allow_nan=False)
            path.write_text(text, encoding="utf-8")


def peak_memory() -> float:
    """Peak resident memory of this process in MB, 10^6 bytes; getrusage would count what the parent
    held before it started this one."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS: bytes
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def fresh(script: str, *words: Any) -> list[float]:
    """The numbers that a script prints in a process of its own."""
    command = [sys.executable, script, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]
