"""Every experiment once, on small recordings and small networks; verdicts; the page."""

import json
import math
from pathlib import Path
from dataclasses import fields, replace

import numpy as np
import pytest

import minisnn as ms
import pieces
from minisnn.cli import main
from minisnn.experiments import EXPERIMENTS, figure6, relearn, updates
from minisnn.experiments.findings import Findings
from make_networks import RECIPES
from minisnn.experiments.networks import Networks, file_name
from minisnn.experiments.study import Settings, Study
from minisnn import Executor, InnerLoop
from minisnn.training.intervals import Estimate
from slowly import all_but
from toy import compare, small_set


@pytest.fixture(scope="module")
def sets():
    return {split: small_set(split) for split in ("train", "known", "test")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, sets):
    """Small networks in the files of every role."""
    place = tmp_path_factory.mktemp("networks")
    x = sets["test"].episode(0, 0, 5, 1, 1).x_support
    for seed, role in enumerate(sorted(RECIPES)):
        if role.endswith("cnn"):
            net = ms.ConvNet((8, 12, 2), (3, 4), 5, kernel=3)
        else:
            ways = len(sets["train"].classes) if "pretrained" in role else 5
            net = ms.SpikingNet((8, 12, 2), (3, 4), ways, kernel=3, window=8)
        theta = net.init(np.random.default_rng(seed), x)
        ms.save(place / file_name(role), net, theta, inner=InnerLoop(2.0), progress=dict(tasks=7))
    return place


@pytest.fixture
def study(sets, folder, tmp_path, monkeypatch):
    """A maker of studies on the small sets."""
    monkeypatch.setattr(Study, "tasks", lambda self, dataset, split="test", **how: sets[split])
    for name, value in (("TRIALS", 2), ("SHOTS", 3), ("QUERIES", 2), ("UPDATES", 2)):
        monkeypatch.setattr(figure6, name, value)
    settings = Settings(episodes=4, queries=2)

    def make(name: str, networks=None, **changes) -> Study:
        return Study(
            name,
            tmp_path / "out",
            replace(settings, **changes),
            networks or Networks(folder),
            progress=False,
        )

    return make


@pytest.mark.parametrize("name", all_but(("figure-6",), EXPERIMENTS))
def test_every_experiment_runs_and_repeats(name, study):
    """The same numbers in this process and by a worker process."""
    seen = []
    for executor in (Executor(), pieces.Travelling()):
        one = study(name)
        one.executor = executor
        found = one.run()
        found.settings = one.describe()
        found.write(one.folder)
        timed = [
            table.header.index("seconds to adapt")
            for table in found.tables
            if "seconds to adapt" in table.header
        ]
        for table in found.tables:
            assert table.rows and all(len(row) == len(table.header) for row in table.rows)
        if timed:
            found.tables[0].rows = [row[: timed[0]] for row in found.tables[0].rows]
        seen.append([table.rows for table in found.tables])
    assert seen[0] == seen[1] and (executor.journeys or name == "figure-2")
    files = {path.name for path in one.folder.iterdir()}
    assert {f"{table.name}.csv" for table in found.tables} <= files
    assert {f"{figure}.{kind}" for figure in found.figures for kind in ("png", "svg")} <= files
    back = json.loads((one.folder / "findings.json").read_text())
    assert [table["name"] for table in back["tables"]] == [table.name for table in found.tables]
    assert back["title"] in found.text() and len(back["claims"]) == len(found.claims)


DATA = Path(__file__).parents[2] / "data"
# how a run is watched, how its first weights are found, and what has no effect or is the default
WATCHED = {"evaluate_every", "evaluate_episodes", "init_tasks"}
DEFAULTS = {"align": False, "firing_threshold": 0.0, "bin_ms": 1.0, "duration_ms": 100.0}


@pytest.mark.parametrize("role", [one for one in RECIPES if (DATA / file_name(one)).exists()])
def test_what_ships_was_trained_by_its_recipe(role):
    found, recipe = ms.read(file_name(role)).config, RECIPES[role]
    for one in {one.name for one in fields(recipe)} - WATCHED:
        had = getattr(found, one)
        says = getattr(recipe, one)
        assert had == (DEFAULTS.get(one) if says is None and had is not None else says), one


def test_verdicts_go_by_the_interval_that_leads():
    """A difference on the same episodes is of paired answers; on other episodes it is as of
    independent ones."""
    rng = np.random.default_rng(1)
    frames = rng.poisson(0.1, (40, 100, 4, 5, 2))
    tasks = ms.Recordings(frames, np.arange(40) % 5)

    def failing(share):
        """On a quarter of the recordings, and a share of all others."""

        def rule(task):
            bad = task.recordings[1][:, 0] % 4 == 0
            return np.eye(5)[(task.y_query + (bad | (rng.random(len(bad)) < share))) % 5]

        return rule

    rules = dict(one=failing(0), other=failing(0.05))
    rows, far = (compare(tasks, rules, 40, seed, queries=2) for seed in (0, 1))
    e = rows["one"]
    apart = rows["one"].less(rows["other"])
    assert e.interval.population == "recordings" and e.low == e.mean - e.half
    assert e.half == e.interval.half > 1.5 * e.ci95
    assert 0 < apart.half < 0.5 * e.half and apart.points().endswith(f" ± {100 * apart.half:.2f}")
    unpaired = np.hypot(e.interval.half, far["other"].interval.half)
    assert e.less(far["other"]).half == pytest.approx(unpaired)


@pytest.mark.parametrize(
    "mean, half, verdict",
    [
        (0.03, 0.01, "agrees"),
        (0.03, 0.04, "inconclusive"),
        (-0.03, 0.01, "differs"),
        (0.0, 0.0, "agrees"),
        (-0.01, None, "inconclusive"),
    ],
)
def test_verdicts(mean, half, verdict):
    found = Findings("an experiment", "its title")
    measured = Estimate(mean, ci95=half)
    found.claim("a claim", "so much", measured, 0, 10, rule="from 0 to 10 points")
    (claim,) = found.claims
    assert claim.verdict == verdict and math.isclose(claim.value, 100 * mean)


@pytest.mark.slow
def test_commands(study, folder, tmp_path, monkeypatch, capsys):
    """A table, the report and a stopped figure, with folders of networks and of results."""
    out = tmp_path / "out"
    few = ["--networks", str(folder), "--episodes", "2", "--queries", "1", "--quiet"]
    options = [*few, "--out", str(out)]
    assert main(["table", "2", *options]) == 0
    assert "98.23 ± 1.12" in capsys.readouterr().out and (out / "table-2" / "table-2.csv").exists()
    assert main(["report", "--only", "figure-4,relearn", *options]) == 0
    assert "2 experiments" in capsys.readouterr().out and (out / "report.md").exists()
    assert main(["report", "--only", "figure-9", *options]) == 2
    assert "figure-9" in capsys.readouterr().err

    def half(self, folder):
        (folder / "figure-4.csv").write_text("half")
        raise KeyboardInterrupt

    written = sorted((out / "figure-4").iterdir())
    again = ["figure", "4", *options, "--force"]
    with monkeypatch.context() as stopped:  # in the midst of its files
        stopped.setattr(Findings, "write", half)
        assert main(again) == 130
    assert sorted((out / "figure-4").iterdir()) == written
    assert main(again) == 0


def test_an_update_is_summed_up_by_its_sizes():
    mean, of_changed, total, largest, changed, values, *counts = updates.summary(
        np.array([0, 0.5, -1e-3, 2, 0])
    )
    assert (total, largest, changed, values) == (2.501, 2, 3, 5)
    assert (mean, of_changed) == (2.501 / 5, 2.501 / 3)
    middle = (updates.EDGES[1:] + updates.EDGES[:-1]) / 2
    assert np.allclose(middle[np.flatnonzero(counts)], np.log10([1e-3, 0.5, 2]), atol=0.051)


def test_relearning_adapts_to_two_tasks_in_turn(study, sets):
    one = study("relearn")
    network, settings = one.network("double-asl/maml-snn"), one.settings
    asked = sets["test"]
    found = relearn.in_turn(asked, settings, network.net, network.theta, network.loop, 3)
    a, b = (asked.episode(settings.seed, k, network.net.ways, 1, 2) for k in (6, 7))
    theta = network.theta
    for n, task in enumerate((a, b, a)):
        theta = network.loop.adapt(network.net, theta, task.x_support, task.y_support)
        for k, its in enumerate((a, b)):
            right = network.net(theta, its.x_query).argmax(1) == its.y_query
            assert (found[k].right[n] == right).all()


def test_accuracies_are_those_of_evaluate(study, sets):
    """As whole networks, frozen ones, and without an update."""
    one, role = study("figure-4", episodes=6), "double-asl/maml-snn"
    network = one.network(role)

    def evaluated(inner):
        parts = network.net, network.theta, inner, sets["test"]
        return ms.evaluate(*parts, "test", 6, 0, 5, 1, 2, progress=False)

    def shown(name):
        table = study(name, episodes=6).run().tables[0]
        return {str(row[1]): row[2] for row in table.rows if row[0] == "Double ASL-DVS"}

    whole = evaluated(network.loop)
    assert one.accuracies(role).per_episode == whole["per_episode"]
    assert one.accuracies(role, "known") != one.accuracies(role)
    frozen = evaluated(replace(network.loop, freeze=("conv1", "conv2")))
    rows = shown("figure-4")
    for name, result in (("none", whole), ("conv1, conv2", frozen)):
        half = result["interval"]["half"]
        accuracy = result["accuracy_after"]
        assert rows[name] == f"{100 * accuracy:.1f} ± {100 * half:.1f}"
    errors = shown("figure-3")
    assert errors["0"].startswith(f"{100 * (1 - whole['accuracy_before']):.1f} ± ")
    assert errors["1"].startswith(f"{100 * (1 - whole['accuracy_after']):.1f} ± ")
