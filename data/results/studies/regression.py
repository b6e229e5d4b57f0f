"""Regression from few labels: a map of labels by place of what is new, for each way to learn.

Each way trains on ten labels (of movement, sixteen), from random weights and by equally many
updates, and answers the same unseen tasks with fewer and with more labels. Its settings were chosen
on validation tasks by seed 0, each in two to six trials, those of fine-tuning in more.

    python data/results/studies/regression.py --out runs/map.json

The runs stay in the folder next to the file, and a stopped map continues there.
"""

import argparse
import shlex
from pathlib import Path

import numpy as np

from minisnn import cli
from minisnn.experiments.findings import figure
from minisnn.files import read_json, write_json

UPDATES = 300
BASELINES = {
    "mean": "mean of the support",
    "inputs": "ridge on inputs",
    "random": "ridge on random network",
    "pooled:own": "ridge on pooled network",
    "pooled:towards": "ridge towards pooled network",
    "maml-5:own": "ridge on MAML's network",
    "maml-5:towards": "ridge towards MAML's start",
}
WAYS = {
    "ridge": ("ridge, meta-trained", "--rule ridge"),
    "pooled": ("pooled", "--rule maml --inner-steps 0"),
    "tuned": ("pooled, fine-tuned", ""),
    "maml-1": ("MAML, 1 step", "--rule maml --inner-steps 1"),
    "maml-5": ("MAML, 5 steps", "--rule maml --inner-steps 5"),
    "fomaml-5": ("FOMAML, 5 steps", "--rule maml --order 1 --inner-steps 5"),
    "anil-5": ("readout only, 5 steps", "--rule anil --inner-steps 5"),
}
LABELS = {"waves": (5, 10, 20), "bars": (5, 10, 20), "movement": (4, 16, 64)}
SEEDS: dict[tuple[str, str], tuple[int, ...]] = {
    ("waves", "ridge"): (0, 1, 2),
    ("waves", "pooled"): (0, 1),
    ("waves", "tuned"): (0,),
    ("waves", "maml-1"): (0,),
    ("waves", "maml-5"): (0, 1, 2),
    ("waves", "fomaml-5"): (0,),
    ("waves", "anil-5"): (0,),
    ("bars", "ridge"): (0, 1),
    ("bars", "pooled"): (0, 1),
    ("bars", "tuned"): (0, 1),
    ("bars", "maml-1"): (0,),
    ("bars", "maml-5"): (0, 1),
    ("bars", "fomaml-5"): (0,),
    ("bars", "anil-5"): (0,),
    ("movement", "ridge"): (0, 1),
    ("movement", "pooled"): (0, 1),
    ("movement", "tuned"): (0, 1),
    ("movement", "maml-1"): (0,),
    ("movement", "maml-5"): (0, 1),
    ("movement", "fomaml-5"): (0,),
    ("movement", "anil-5"): (0,),
}
CHOSEN = {
    ("waves", "ridge"): "--penalty 1 --lr 1e-2",
    ("waves", "pooled"): "--lr 1e-2",
    ("waves", "tuned"): "--inner-steps 20 --step-size 0.1",
    ("waves", "maml-1"): "--step-size 0.1 --learn-step-size parameter --lr 3e-3",
    ("waves", "maml-5"): "--step-size 0.1 --learn-step-size parameter --lr 1e-2",
    ("waves", "fomaml-5"): "--step-size 0.1 --learn-step-size parameter --lr 1e-2",
    ("waves", "anil-5"): "--step-size 0.1 --learn-step-size parameter --lr 3e-3",
    ("bars", "ridge"): "--penalty 1 --lr 1e-2",
    ("bars", "pooled"): "--lr 1e-2",
    ("bars", "tuned"): "--inner-steps 1 --step-size 0.003",
    ("bars", "maml-1"): "--step-size 0.3 --learn-step-size array --lr 1e-2",
    ("bars", "maml-5"): "--step-size 0.1 --learn-step-size parameter --lr 1e-2",
    ("bars", "fomaml-5"): "--step-size 0.1 --learn-step-size array --lr 1e-2",
    ("bars", "anil-5"): "--step-size 0.1 --learn-step-size parameter --lr 1e-2",
    ("movement", "ridge"): "--penalty 10 --lr 3e-2",
    ("movement", "pooled"): "--lr 3e-2",
    ("movement", "tuned"): "--inner-steps 20 --step-size 1",
    ("movement", "maml-1"): "--step-size 0.1 --learn-step-size parameter --lr 3e-2",
    ("movement", "maml-5"): "--step-size 0.1 --learn-step-size array --lr 3e-2",
    ("movement", "fomaml-5"): "--step-size 0.1 --learn-step-size array --lr 3e-2",
    ("movement", "anil-5"): "--step-size 0.1 --learn-step-size array --lr 3e-2",
}


def carry_out(family: str, way: str, seed: int, folder: Path) -> None:
    """Train and test what is missing."""
    trained = folder / family / ("pooled" if way == "tuned" else way) / str(seed)
    chosen = shlex.split(CHOSEN[family, way])
    done = Path(f"{trained}.done")
    if not done.exists():
        words = f"--dataset {family} {WAYS[way][1]} --updates {UPDATES} --seed {seed}"
        less = f"--evaluate-every {UPDATES} --evaluate-episodes 40 --test-episodes 0 --quiet"
        resumed = (trained / "config.json").exists()
        given = ["--resume"] if resumed else [*shlex.split(f"{words} {less}"), *chosen, "--out"]
        if cli.main(["train", *given, str(trained)]):
            raise SystemExit(f"{trained}: not trained")
        done.touch()
    for labels in LABELS[family]:
        out = folder / family / way / f"{seed}-{labels}.json"
        if not out.exists():
            out.parent.mkdir(parents=True, exist_ok=True)
            many = 600 if (family, labels) == ("waves", 10) else 300
            rivals = seed == 0 and (way == "pooled" or way == "maml-5" and labels < 64)
            words = f"--shots {labels} --episodes {many} --json {shlex.quote(str(out))} --quiet"
            given = [*shlex.split(words), *(chosen if way == "tuned" else [])]
            given += [] if rivals else ["--no-baselines"]
            if cli.main(["evaluate", "--checkpoint", str(trained), *given]):
                raise SystemExit(f"{out}: not tested")


def errors_of(family: str, labels: int, folder: Path) -> dict[str, list[np.ndarray]]:
    """Each way's mean squared errors by task, a list of one array a seed."""
    found: dict[str, list[np.ndarray]] = {}
    for way in WAYS:
        for seed in SEEDS.get((family, way), ()):
            result = read_json(folder / family / way / f"{seed}-{labels}.json")
            found.setdefault(way, []).append(np.array(result["per_episode"]))
            for name, row in (result.get("rules") or {}).items():
                key = f"{way}:{name}" if f"{way}:{name}" in BASELINES else name
                if key in BASELINES and key not in found:
                    found[key] = [np.array(row["per_episode"])]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/map.json"))
    out = parser.parse_args().out
    folder = out.with_suffix("")
    for (family, way), seeds in SEEDS.items():
        for seed in seeds:
            carry_out(family, way, seed, folder)
    figures, rows, panels = {}, [], []
    names = BASELINES | {way: name for way, (name, _) in WAYS.items()}
    for family, all_labels in LABELS.items():
        cells: dict[str, list[str]] = {}
        lines: dict[str, dict] = {}
        for labels in all_labels:
            found = errors_of(family, labels, folder)
            rival = found["ridge"]
            for key in (key for key in names if key in found):
                by_task = np.mean(found[key], axis=0)
                mean, half = _interval(by_task)
                figures[f"{family}-{labels}-{key}"] = figure(mean, "", half)
                # of the seeds that both have
                pairs = zip(found[key], rival if key in WAYS else rival[:1])
                less = _interval(np.mean([a - b for a, b in pairs], axis=0))
                figures[f"{family}-{labels}-{key}-less-ridge"] = figure(less[0], "", less[1])
                wide = np.format_float_positional(half, precision=2, fractional=False, trim="-")
                text = f"{mean:.3g} ± {wide}" + "*" * (abs(less[0]) > less[1])
                cells.setdefault(key, [""] * len(all_labels))[all_labels.index(labels)] = text
                line = lines.setdefault(key, dict(label=names[key], x=[], y=[]))
                line["x"].append(labels)
                line["y"].append(float(f"{mean:.4g}"))
        for key, texts in cells.items():
            trained = SEEDS[family, key] if key in WAYS else (0,)
            seeds = "" if key in ("mean", "inputs") else str(len(trained))
            rows.append([f"{family}: {names[key]}", *texts, seeds])
        shown = ("inputs", "tuned", "pooled:towards", "maml-5", "fomaml-5", "ridge")
        series = [lines[key] for key in shown if key in lines]
        title = dict(title=family, xlabel="labels", ylabel="mean squared error", log=True)
        panels.append({**title, "series": series})
    note = (
        "Mean squared error, without the half, on the same 300 unseen tasks (600 of waves with ten "
        "labels). ±: 95 % over tasks, of the mean of the seeds. *: differs from meta-trained ridge "
        "by more than its paired interval. "
        f"All ways train by {UPDATES:,} updates of four tasks; few labels, between, many: 5, 10, 20; "
        "of movement 4, 16, 64."
    )
    header = ["task: way to learn", "few labels", "trained for", "many labels", "seeds"]
    table = dict(name="map", title="Errors", header=header, rows=rows, note=note)
    write_json(out, {"figures": figures, "more": {"tables": [table], "lines": panels}})


def _interval(values: np.ndarray) -> tuple[float, float]:
    """The mean and half its 95 % interval."""
    return float(values.mean()), float(1.96 * values.std(ddof=1) / np.sqrt(len(values)))


if __name__ == "__main__":
    main()
