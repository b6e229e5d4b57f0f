"""Kinds of measurements: functions that read figures from the files that commands write."""

import csv
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minisnn.experiments.findings import figure
from minisnn.files import read_json
from minisnn.training.intervals import over_trials

# in per cent, or in points with a sign; a star where its interval leaves zero out
_MEAN = re.compile(r"([+-]?\d+(?:\.\d+)?) ± (\d+(?:\.\d+)?)\*?")


def _of_evaluate(outs: list[Path]) -> tuple[dict, dict]:
    """Accuracies of all rules and their paired differences, of `minisnn evaluate
    --json`."""
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
        lead = (row["less_interval"] or {}).get("half")
        figures[f"less-{key}"] = figure(row["less"][0], "points", lead)
    return figures


def _half(row: Mapping[str, Any]) -> float | None:
    """Half the leading interval."""
    if row.get("interval"):
        return row["interval"]["half"]
    return row["ci95"] if row.get("ci95_recordings") is None else row["ci95_recordings"]


def _about(found: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a result that are kept next to its figures."""
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
    found = [read_json(out / "result.json") for out in outs]
    figures, more = _over_seeds([one.get("test", one) for one in found])
    for number, out in enumerate(outs):
        for update, seconds in _seconds(out / "log.csv"):
            figures[f"run-{number}-seconds-{update}"] = figure(seconds, "s")
    return figures, more


def _of_seeds(outs: list[Path]) -> tuple[dict, dict]:
    """Final tests of networks that `minisnn evaluate --json` tests, one a seed. The runs that train them
    come first, and are not read."""
    tests = [read_json(out) for out in outs if out.suffix == ".json"]
    figures, more = _over_seeds(tests)
    return figures, more | _about(tests[0])


def _over_seeds(tests: list[dict]) -> tuple[dict, dict]:
    """The mean of one test a seed, and of each rule in all of them; and every test."""
    means = [one["accuracy_after"] for one in tests]
    several = len(tests) > 1
    half = over_trials(means) if several else _half(tests[0])
    figures = {"accuracy": figure(float(np.mean(means)), "%", half)}
    for number, test in enumerate(tests):
        for name, one in _of_result(test).items():
            figures[f"run-{number}-{name}"] = one
    for rule in sorted(set.intersection(*(set(one.get("rules", {})) for one in tests))):
        of_rule = [one["rules"][rule]["mean"] for one in tests]
        # nothing that a seed changes has an interval over seeds
        half = over_trials(of_rule) if np.ptp(of_rule) else _half(tests[0]["rules"][rule])
        figures[_slug(rule)] = figure(float(np.mean(of_rule)), "%", half)
    halves = [half for one in tests if (half := _half(one)) is not None]
    if halves:
        figures["widest"] = figure(max(halves), "%")
    return figures, {"accuracies": means}


def _seconds(log: Path) -> list[tuple[int, float]]:
    """(update, seconds since the beginning) at every 300th update and at the last."""
    with open(log, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if "seconds" in row]
    numbers = [*range(300, len(rows), 300), *[len(rows)] * bool(rows)]
    return [(number, round(float(rows[number - 1]["seconds"]), 1)) for number in numbers]


def _of_figures(outs: list[Path]) -> tuple[dict, dict]:
    """Figures of scripts that write them in this form: {"figures": {…}, "more": {…}}."""
    figures: dict[str, dict] = {}
    more: dict[str, Any] = {}
    for out in outs:
        found = read_json(out)
        figures |= {name: figure(**one) for name, one in found["figures"].items()}
        more |= found.get("more", {})
    return figures, more


def _of_study(outs: list[Path]) -> tuple[dict, dict]:
    """Claims and tables of experiments (`experiments.findings`): claim-1 is the first claim, and
    each cell "98.7 ± 0.3", or "+1.2 ± 0.8", of a table is a figure <table>-<row, from 1>-<header>,
    where the table or the header says that it is per cent or points; standard deviations and what
    the paper has are none."""
    found = [read_json(path) for out in outs for path in sorted(out.glob("*/findings.json"))]
    claims = [claim for one in found for claim in one["claims"]]
    tables = [table for one in found for table in one["tables"]]
    figures: dict[str, dict] = {}
    for number, claim in enumerate(claims, 1):
        unit, scale = ("points", 0.01) if claim["unit"] == "points" else ("", 1.0)
        half = None if claim["low"] is None else (claim["high"] - claim["low"]) / 2 * scale
        figures[f"claim-{number}"] = figure(claim["value"] * scale, unit, half)
    for table in tables:
        for number, row in enumerate(table["rows"], 1):
            for header, cell in zip(table["header"], row):
                mean = _MEAN.fullmatch(str(cell))
                unit = _unit(table["title"], header, str(cell))
                if mean and unit:
                    name = _slug(f"{table['name']}-{number}-{header.split('±')[0]}")
                    figures[name] = figure(float(mean[1]) / 100, unit, float(mean[2]) / 100)
    return figures, {"claims": claims, "tables": tables}


def _unit(title: str, header: str, cell: str) -> str | None:
    """The unit of such a cell; None where it is no figure."""
    if header.startswith("paper") or "± SD" in header + title:
        return None
    if cell[0] in "+-" or "less" in header:
        return "points"
    words = header if "(" in header else title
    return "points" if "(points)" in words else "%" if "(%)" in words else None


def _of_entry(outs: list[Path]) -> tuple[dict, dict]:
    """Accuracy by series of the benchmark, of `minisnn evaluate --json` for each."""
    figures = {}
    for out in outs:
        found = read_json(out)
        name = f"{found['dataset']}-{found['ways']}way-{found['shots']}shot"
        figures[name] = figure(found["accuracy_after"], "%", _half(found))
    return figures, {}


def _slug(name: str) -> str:
    """A name of a figure: lower case, words joined by -."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


KINDS: dict[str, Callable[[list[Path]], tuple[dict, dict]]] = {
    "evaluate": _of_evaluate,
    "train": _of_train,
    "seeds": _of_seeds,
    "study": _of_study,
    "figures": _of_figures,
    "entry": _of_entry,
}
