"""The benchmarks still run: they are no tests, and nothing else calls them. What they write fills
the records of the pages."""

import importlib
import json
import re
import shlex
import runpy
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from kinds import KINDS
from record import Record, read_all
from tables import makers


HERE = Path(__file__).parent / "benchmarks"
RECORDS = read_all()
ROOT = HERE.parents[1]
PEERS = {"torch_peer.py": "torch", "torch_layers.py": "torch", "jax_peer.py": "jax"}
PEERS["torch_entry.py"] = "torch"


NAMES = sorted(path.name for path in HERE.glob("*.py"))


def import_all(names):
    lines = [f"runpy.run_path({str(HERE / name)!r}, run_name='benchmark')" for name in names]
    code = "\n".join([f"import runpy, sys; sys.path.insert(0, {str(HERE)!r})", *lines])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_benchmarks_are_importable():
    import_all([name for name in NAMES if name not in PEERS])


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_is_importable(name):
    pytest.importorskip(
        PEERS[name],
        reason=f"{PEERS[name]}, which minisnn is timed beside, is an extra: pip install -e "
        "'.[peer]'",
    )
    import_all([name])


def test_what_boards_say_is_read_and_becomes_figures_and_a_table(tmp_path):
    boards = runpy.run_path(str(HERE / "edge_boards.py"), run_name="benchmark")
    said = (
        "5275 numbers, 0 differ, crc 175\nRAM 104728 bytes, of them stack 656\ninstructions a "
        "sample 382234130\n"
    )
    counted = [int(number) for number in boards["SAID"].search(said).groups()]
    figures = {"wrong": dict(value=0, unit="")}
    boards["write"](
        tmp_path / "out.json", {("small", "m4"): [counted], ("short", "rv32"): [counted]}, figures
    )
    figures, more = KINDS["figures"]([tmp_path / "out.json"])
    assert figures["small-m4-ram"] == dict(value=104728, unit="") and figures["wrong"]["value"] == 0
    (table,) = more["tables"]
    assert table["name"] == "boards" and table["rows"][0] == [
        "small",
        "Cortex-M4",
        "104,728",
        "656",
        "382",
    ]
    assert table["rows"][1][:2] == ["stepwise, short", "RV32IMC"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [["passes.py", "--repeat", "1"], ["memory.py", "--activity", "0.07"]]
)
def test_a_benchmark_prints_its_ratios(words):
    done = subprocess.run(
        [sys.executable, HERE / words[0], *words[1:]], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert any(character.isdigit() for character in done.stdout.splitlines()[-1])


@pytest.fixture
def benchmark(monkeypatch):
    """A benchmark's module, by name."""
    monkeypatch.syspath_prepend(HERE)
    return importlib.import_module


def filled(name: str, path: Path) -> Record:
    """The record as it is after a benchmark wrote its file, in whose table all names are known."""
    figures, more = KINDS["figures"]([path])
    one = RECORDS[name]
    made = Record(one.title, one.kind, one.commands, figures=figures, more=more)
    assert figures and all(np.isfinite(figure["value"]) for figure in figures.values())
    cells = more.get("rows", {}).get("cells", [])
    assert {key for _, *keys in cells for key in keys if key} <= set(figures)
    if cells:
        page = ROOT / "data" / "results" / "speed.md"
        table = makers({**RECORDS, name: made}, page)["rows"](name)
        assert len(table.splitlines()) == 2 + len(cells)
    return made


def asked(name: str) -> set[str]:
    """Figures of a record that pages show."""
    pages = (ROOT / "README.md", *ROOT.glob("data/results/*.md"), *ROOT.glob("lessons/guides/*.md"))
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    return set(re.findall(rf"<!--={name}:(\w[\w-]*?)(?:\.\w+)?-->", text))


@pytest.mark.parametrize(
    "name", sorted(name for name in RECORDS if name.startswith(("speed-", "interval-")))
)
def test_a_benchmark_knows_the_options_of_its_records(name, benchmark, capsys):
    for command in RECORDS[name].commands:
        _, script, *words = shlex.split(command)
        module = benchmark(Path(script).stem)
        with pytest.raises(SystemExit) as ended:
            module.main([*words, "--help"])
        assert ended.value.code == 0, capsys.readouterr().err
        said = capsys.readouterr().out
        assert {word for word in words if word.startswith("--")} <= set(
            re.findall(r"--[\w-]+", said)
        )


def test_findings_have_names_of_their_own(benchmark, tmp_path):
    findings = benchmark("findings")
    found = findings.Findings("what", "seconds")
    assert (
        found.add("a", np.float32(2), "s") == "a"
        and findings.slug("JAX, products", 25) == "jax-products-25"
    )
    with pytest.raises(ValueError, match="the figure 'a' is there already"):
        found.add("a", 3, "s")
    found.add("b", 0.5, "%", 0.25)
    found.row("first", "a", "")
    found.write(None)
    found.write(tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text()) == {
        "figures": {
            "a": {"value": 2.0, "unit": "s"},
            "b": {"value": 0.5, "unit": "%", "half": 0.25},
        },
        "more": {"rows": {"heads": ["what", "seconds"], "cells": [["first", "a", ""]]}},
    }
    found.add("c", np.nan, "s")
    with pytest.raises(ValueError):
        found.write(tmp_path / "found.json")


def test_growth_is_what_scaling_writes(benchmark, tmp_path, monkeypatch, capsys):
    scaling, out = benchmark("scaling"), tmp_path / "found.json"
    monkeypatch.setattr(
        scaling, "SWEEPS", {name: (label, x[:2]) for name, (label, x) in scaling.SWEEPS.items()}
    )
    small = dict(window=3, queries=1, width=0.25, ways=2)
    monkeypatch.setattr(scaling, "Case", partial(scaling.Case, **small))
    monkeypatch.setattr(scaling, "memory", lambda case: 5.0 + case.steps)
    scaling.main(["--repeat", "1", "--only", "steps", "queries", "--json", str(out)])
    made = filled("speed-scaling", out)
    assert made.more["curves"]["queries"]["x"] == [1, 2] and made.more["curves"]["steps"]["MB"] == [
        35.0,
        65.0,
    ]
    assert made.figures["steps-memory"]["value"] == pytest.approx(65 / 35) and asked(
        "speed-scaling"
    ) <= set(made.figures)


def test_passes_write_every_pass_and_all(benchmark, tmp_path):
    passes = benchmark("passes")
    times = {
        ("support", "forward", "conv1"): [0.002, 0.004, 0.002],
        ("support", "forward", "readout"): [0.001, 0.002, 0.001],
        ("query", "backward", "conv1"): [0.005, 0.010, 0.005],
    }
    floor = {key: [one / 2 for one in rounds] for key, rounds in times.items()}  # round by round
    passes.found_in(times, floor, {"rows": 1e9}).write(tmp_path / "found.json")
    made = filled("speed-passes", tmp_path / "found.json")
    assert [cells[0] for cells in made.more["rows"]["cells"]] == [
        "forward, support",
        "backward, query",
        "all",
    ]
    assert made.figures["support-forward-measured"]["value"] == pytest.approx(3) and asked(
        "speed-passes"
    ) <= set(made.figures)
    assert made.figures["all-ratio"]["value"] == pytest.approx(2)


def test_peers_write_every_form_and_case(benchmark, tmp_path, monkeypatch, capsys):
    peers = benchmark("peers")
    monkeypatch.setattr(peers, "available", lambda: ["minisnn", "PyTorch, steps"])
    monkeypatch.setitem(peers.FORMS, "PyTorch, steps", peers.ours)
    monkeypatch.setattr(peers, "PAUSE", 0)
    words = "--width 0.25 0.5 --queries 5 --input 8 8 --repeat 1 --json".split()
    peers.main([*words, str(tmp_path / "found.json")])
    made = filled("speed-peers", tmp_path / "found.json")
    assert [cells[0] for cells in made.more["rows"]["cells"]] == [
        f"width {width}, 5 queries: {form}"
        for width in ("0.25", "0.5")
        for form in ("minisnn", "PyTorch, steps")
    ]
    assert {"0-25-5-minisnn-inference-seconds", "0-5-5-pytorch-steps-second-order"} <= set(
        made.figures
    )
    assert set(made.more["off"].values()) == {0.0}


def test_peers_that_lack_are_no_measurement_of_all(benchmark, tmp_path, monkeypatch):
    peers = benchmark("peers")
    monkeypatch.setattr(
        peers, "available", lambda: ["minisnn", "PyTorch, steps", "PyTorch, layers"]
    )
    with pytest.raises(SystemExit, match="--all: JAX, JAX, products cannot be measured"):
        peers.main(["--all", "--json", str(tmp_path / "found.json")])
    assert not (tmp_path / "found.json").exists()


def test_workers_write_seconds_ratios_and_the_model(benchmark, tmp_path):
    workers = benchmark("workers")
    costs = workers.Costs(0.001, 0.002, 0.001, 0.004, 0.01, [0.7, 0.8])
    found = workers.found_in(
        {0: 6.0, 1: 6.0, 2: 3.0}, {0: 10.0, 1: 9.0, 2: 5.0}, costs, 7.0, 8, 2, 200.0
    )
    found.write(tmp_path / "found.json")
    made = filled("speed-workers", tmp_path / "found.json")
    assert asked("speed-workers") <= set(made.figures)
    assert made.figures["update-2-ratio"] == {"value": 2.0, "unit": "x"}
    assert made.figures["model-1"]["value"] == pytest.approx(1.0, abs=0.02)


def test_workers_are_simulated(benchmark):
    """Where the master costs nothing a task has a core, or shares it; what it costs comes on top."""
    workers = benchmark("workers")
    free = workers.Costs(0.0, 0.0, 0.0, 0.0, 0.0, [1.0])
    for n, tasks, cores, seconds in ((1, 4, 2, 4), (2, 4, 4, 2), (4, 4, 2, 2), (3, 4, 8, 2)):
        assert workers.simulated(free, n, tasks, cores) == pytest.approx(seconds)
    busy = free._replace(call=0.1, send=0.2, give=0.1, take=0.3, rest=0.5)
    # the second worker begins 0.3 s after the first, and is heard 0.3 s after it
    assert workers.simulated(busy, 2, 2, 8) == pytest.approx(0.1 + 2 * 0.3 + 1.0 + 0.3 + 0.5)
    assert workers.simulated(busy, 1, 1, 8) == pytest.approx(0.1 + 0.3 + 1.0 + 0.3 + 0.5)


def test_the_first_task_is_written_by_its_steps(benchmark, tmp_path):
    first = benchmark("first_task")
    steps = {
        state: {"import numpy": [0.2, 0.1], "first task": [seconds, 2.0]}
        for state, seconds in (("cold", 30.0), ("warm", 1.0))
    }
    first.found_in(steps).write(tmp_path / "found.json")
    made = filled("speed-first-task", tmp_path / "found.json")
    assert (
        made.figures["cold-first-task"]["value"] == 30
        and made.figures["warm-import-numpy-cpu"]["value"] == 0.1
    )


def test_times_to_an_accuracy_are_means_over_seeds_that_all_reached_it(
    benchmark, tmp_path, monkeypatch, capsys
):
    accuracy = benchmark("time_to_accuracy")

    def trained(config, out, most):
        last = {"proto-maml": 0.99}.get(config.rule, 0.96 if config.seed else 0.91)
        reached = (0.7, 0.85, last)
        return [
            dict(
                update=25.0 * n,
                seconds=10.0 * n + config.seed,
                processor=19.0 * n,
                validation=found,
            )
            for n, found in enumerate(reached, 1)
        ]

    monkeypatch.setattr(accuracy, "trained", trained)
    monkeypatch.setattr(accuracy, "price", lambda: 0.5)
    accuracy.main(
        [
            "--presets",
            "quick,maml",
            "--seeds",
            "2",
            "--out",
            str(tmp_path),
            "--json",
            str(tmp_path / "found.json"),
        ]
    )
    made = filled("speed-accuracy", tmp_path / "found.json")
    assert asked("speed-accuracy") <= set(made.figures)
    assert made.figures["maml-80"]["value"] == 20.5 and made.figures["maml-80"][
        "half"
    ] == pytest.approx(12.706 / 2, rel=1e-3)
    assert made.figures["maml-90-updates"]["value"] == 75 and "maml-95" not in made.figures
    assert "CPU s / updates" in capsys.readouterr().out


def test_a_log_of_other_settings_is_made_again(benchmark, tmp_path, monkeypatch):
    accuracy, made = benchmark("time_to_accuracy"), []

    class Run:
        def __init__(self, config, *_, **__):
            self.rows = []
            made.append(config)

        def _start(self):
            return SimpleNamespace(update=0)

        def _update(self, state):
            now = float(state.update + 1)
            return SimpleNamespace(update=now), dict(update=now, seconds=now, processor=now)

        def _evaluate(self, *_, **__):
            return dict(accuracy_after=0.9)

    monkeypatch.setattr(accuracy, "Counted", Run)
    monkeypatch.setattr(accuracy, "open_set", lambda *_, **__: None)
    log = tmp_path / "processor.npz"
    row = [1.0, 3.0, 5.0, 0.9]
    np.savez(log, names=["update", "seconds", "processor", "validation"], rows=[row])  # of any
    config = accuracy.preset("quick")
    every = dict(evaluate_every=1, evaluate_episodes=40)
    others = [
        (replace(config, **every), 1),
        (replace(config, **every), 2),
        (replace(config, **every, seed=1), 2),
        (replace(config, **every | dict(evaluate_every=2), seed=1), 2),
        (replace(accuracy.preset("maml"), **every), 2),
    ]
    for count, (changed, most) in enumerate(others, 1):
        told = accuracy.trained(changed, tmp_path, most)
        kept = accuracy.trained(changed, tmp_path, most)
        assert len(made) == count and [row["update"] for row in kept] == [1.0, 2.0][:most]
        assert [row["seconds"] for row in told] == [row["seconds"] for row in kept]


def test_coverage_is_written_for_every_setting(benchmark, tmp_path, monkeypatch, capsys):
    coverage = benchmark("interval_coverage")
    monkeypatch.setattr(coverage, "EPISODES", (4, 8))
    monkeypatch.setattr(coverage, "measure", partial(coverage.measure, series=1))
    coverage.main(
        ["--worlds", "3", "--only", "digits", "rivals", "--json", str(tmp_path / "found.json")]
    )
    made = filled("interval-coverage", tmp_path / "found.json")
    assert [cells[0] for cells in made.more["rows"]["cells"]] == [
        f"{name}, {episodes} episodes" for name in ("digits", "rivals") for episodes in (4, 8)
    ]
    assert made.more["worlds"] == 3 and 0 <= made.figures["rivals-8-difference"]["value"] <= 1
    least = min(
        made.figures[f"{name}-{n}{what}"]["value"]
        for name in ("digits", "rivals")
        for n in (4, 8)
        for what in ("", "-difference")
    )
    assert made.figures["least"]["value"] == least


def test_coverage_goes_on_from_lines_of_the_same_settings_alone(benchmark, tmp_path, monkeypatch):
    coverage, out, held = benchmark("interval_coverage"), tmp_path / "lines", []
    monkeypatch.setattr(coverage, "EPISODES", (2,))
    monkeypatch.setattr(coverage, "Series", lambda *_: None)
    monkeypatch.setattr(coverage, "held", lambda *_: held.append(1) or [1.0])
    digits = {"rivals": coverage.SETTINGS["rivals"]}
    measure = partial(coverage.measure, digits, out=out, series=2)
    found = measure(4, 0)
    assert found["rivals", 2].shape == (4, 1) and len(held) == 4
    assert measure(3, 0)["rivals", 2].shape == (4, 1) and len(held) == 4  # two a series, too
    for worlds, seed, others in ((6, 0, {}), (4, 1, {}), (4, 0, dict(series=1))):
        with pytest.raises(SystemExit, match="lines: its first line is .*; expected .*, or a new"):
            measure(worlds, seed, **others)
    out.write_text('["rivals", 0, 2, [[1.0]]]\n')
    with pytest.raises(SystemExit, match="its first line is"):
        measure(4, 0)


@pytest.mark.parametrize("proc", [True, False])
def test_a_peak_of_memory_is_told_in_megabytes(proc, benchmark, monkeypatch):
    """Of 10^6 bytes, as records have them."""
    made = benchmark("meta_gradient")

    class Status:
        def __init__(self, path):
            assert path == "/proc/self/status"

        def read_text(self):
            if not proc:
                raise FileNotFoundError
            return "VmPeak:\t  900000 kB\nVmHWM:\t  250000 kB\n"

    usage = SimpleNamespace(ru_maxrss=256_000_000)  # bytes where there is no /proc
    monkeypatch.setattr(made, "Path", Status)
    monkeypatch.setattr(made.resource, "getrusage", lambda who: usage)
    assert made._peak_memory() == 256.0


def test_memory_is_written_for_every_case(benchmark, tmp_path, monkeypatch, capsys):
    memory = benchmark("memory")
    monkeypatch.setattr(memory, "theta", lambda options, net: np.zeros(1))
    monkeypatch.setattr(
        memory.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout="150.5 33.25")
    )
    memory.main(["--json", str(tmp_path / "found.json")])
    made = filled("speed-memory", tmp_path / "found.json")
    assert (
        made.figures["7-mean-16x32"] == {"value": 33.25, "unit": "MB"}
        and len(made.more["rows"]["cells"]) == 5
    )
    assert made.more["rows"]["cells"][0][0] == "7 % activity, max pooling, input 16 x 32"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, words",
    [
        ("speed-passes", "passes.py --repeat 1 --input 8 16"),
        ("speed-memory", "memory.py --activity 0.07 --input 8 16"),
        ("speed-scaling", "scaling.py --only inner_steps --repeat 1"),
        ("speed-workers", "workers.py --tasks 2 --repeat 1"),
        ("speed-first-task", "first_task.py"),
        ("speed-camera", "camera.py --repeat 1"),
        (
            "speed-accuracy",
            "time_to_accuracy.py --presets maml --seeds 1 --every 2 --updates 2 --out OUT",
        ),
        ("speed-peers", "peers.py --width 0.25 --input 8 8 --repeat 1"),
        ("speed-7", "meta_gradient.py --input 8 16 --repeat 1"),
    ],
)
def test_a_benchmark_writes_its_figures(name, words, tmp_path):
    """As it is measured, in a process of its own."""
    if "meta_gradient" in words:
        pytest.importorskip(
            "torch",
            reason="torch, which minisnn is timed beside, is an extra: pip install -e '.[peer]'",
        )
    script, *rest = words.replace("OUT", str(tmp_path / "runs")).split()
    out = tmp_path / "found.json"
    done = subprocess.run(
        [sys.executable, HERE / script, *rest, "--json", out],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    made = filled(name, out)
    if name == "speed-7":
        assert {"second-order", "inference-ratio", "memory-torch"} <= set(made.figures)


@pytest.mark.slow
def test_shapes_write_ratio_floor_and_memory_of_every_case(
    benchmark, tmp_path, monkeypatch, capsys
):
    shapes = benchmark("shapes")
    small = dict(input=(8, 8), channels=(4, 8), query_samples=5)
    cases = [shapes.Case("max", **small), shapes.Case("two tasks, cuba", "cuba", tasks=2, **small)]
    monkeypatch.setattr(shapes, "CASES", cases)
    for name in shapes.FORMS:
        monkeypatch.setitem(shapes.peers.FORMS, name, shapes.peers.ours)
    monkeypatch.setattr(shapes.peers, "PAUSE", 0)
    monkeypatch.setattr(shapes, "memory", lambda one, who: 100.0)
    shapes.main(["--repeat", "1", "--json", str(tmp_path / "found.json")])
    made = filled("speed-shapes", tmp_path / "found.json")
    assert [cells[0] for cells in made.more["rows"]["cells"]] == ["max", "two tasks, cuba"]
    assert set(made.more["off"].values()) == {0.0}
    assert made.figures["two-tasks-cuba-floor"]["value"] > 0
    shapes.main(["--only", "max", "--memory-of", "minisnn"])
    assert float(capsys.readouterr().out.splitlines()[-1]) > 50
