"""Every experiment end to end on small recordings and small networks; records that survive;
verdicts; the page."""

import json
import math
import re
from dataclasses import fields, replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import minisnn as ms
import pieces
from conftest import off
from minisnn.data.store.cache import identity
from minisnn.experiments import BEYOND, EXPERIMENTS, UNUSED, experiment
from minisnn.experiments import (
    activity,
    figure6,
    onset,
    readout,
    relearn,
    rule,
    shift,
    table3,
)
from minisnn.experiments.findings import Findings, Table, quantity
from minisnn.experiments.networks import RECIPES, Networks, file_name, how_to_train, if_shipped
from minisnn.experiments.report import write_report
from minisnn.experiments.statistics import (
    Claim,
    Estimate,
    difference,
    estimate,
    judge,
    over,
    some_of,
)
from minisnn.experiments.study import Settings, Study, recalled, recorded
from minisnn.experiments.table2 import nearest_neighbour
from minisnn.experiments.updates import EDGES, STATISTICS, summary
from minisnn.training.baselines import with_ways
from minisnn.meta.inner import InnerLoop
from minisnn.meta.rules import body
from minisnn.training.baselines import Answers, baselines, correct, drawn_by, rows_of
from minisnn.training.origin import PYTHON
from minisnn.training.intervals import Drawn, Interval, Shared
from minisnn.training.progress import RULE_NAMES
from toy import small_set, toy_config
from slowly import all_but


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


def test_shots_of_transfer_learning_do_not_count_as_recordings(sets):
    """Fifteen of them have a small part in an answer each: figure 6's interval is over the
    recordings of the queries."""
    net, tasks = ms.SpikingNet((8, 12, 2), (3, 4), 2, kernel=3, window=8), sets["test"]
    body, settings = net.init(np.random.default_rng(0)), Settings()
    told = recalled(*figure6._trial(tasks, settings, net, body, 5, (2, 2, 1), 1e-3, 0))
    task = tasks.episode(settings.seed + 1000, 0, 5, 2, 2)
    assert told.right.shape == (2, 10) and task.recordings is not None
    np.testing.assert_array_equal(told.drawn.query, task.recordings[1])
    assert told.drawn.support.shape == (0, 2)  # many shots, a small part each


@pytest.mark.parametrize("name", all_but(("figure-6",), EXPERIMENTS))
def test_every_experiment_runs_and_repeats(name, study, monkeypatch):
    """The same numbers three times: measured, from the records, and measured again as by a worker
    process."""
    seen, travelling, asked, tasks = [], pieces.Travelling(), set(), Study.tasks
    monkeypatch.setattr(
        Study, "tasks", lambda self, data, *how, **more: asked.add(data) or tasks(self, data, *how)
    )
    for keep in (False, True, False):
        one = study(name)
        if not keep:
            for path in (one.out / "records").glob("*"):
                path.unlink()
        if len(seen) == 2:
            one.executor = travelling
        found = one.run()
        found.settings = one.describe()
        found.write(one.folder)
        seen.append(
            [
                [cell for k, cell in enumerate(row) if table.header[k] != "seconds to adapt"]
                for table in found.tables
                for row in table.rows
            ]
        )
        assert found.tables and all(
            len(row) == len(table.header) for table in found.tables for row in table.rows
        )
        # beside ±, how much less it is for these recordings
        for header in (table.header for table in found.tables):
            told = any(cell.startswith(("over episodes", "over new recordings")) for cell in header)
            assert told or not any(cell.startswith(("accuracy ±", "error ±")) for cell in header)
    assert seen[0] == seen[1] == seen[2] and (travelling.journeys or name == "figure-2")
    # letters are asked for, or --asl-root is refused
    assert ("double-asl" in asked) == ("asl_root" not in UNUSED.get(name, ()))
    if hasattr(experiment(name), "some_of"):  # of four episodes
        notes = [table.note for table in found.tables]
        assert any(re.search(r"\b2 (test )?(episodes|orders)", note) for note in notes)
    files = {path.name for path in one.folder.iterdir()}
    assert {f"{table.name}.csv" for table in found.tables} <= files and "findings.json" in files
    assert {f"{figure}.{kind}" for figure in found.figures for kind in ("png", "svg")} <= files
    back = Findings.read(one.folder)
    assert (
        back.tables == json.loads(json.dumps([vars(t) for t in found.tables]), object_hook=_table)
        and back.title == found.title
    )
    assert [c.verdict for c in back.claims] == [
        c.verdict for c in found.claims
    ] and found.title in found.text()


def _table(values: dict):
    return Table(**values) if "header" in values else values


@pytest.mark.parametrize(
    "name", all_but(("table-2", "figure-4", "figure-6", "ways", "rule"), EXPERIMENTS)
)
def test_without_networks_it_says_what_is_missing(name, study, tmp_path, monkeypatch):
    monkeypatch.setattr("minisnn.experiments.networks.if_shipped", lambda name: None)
    found = study(name, Networks()).run()
    if name not in ("figure-2", "recordings"):
        assert found.missing and not found.claims


# how a run is watched, how its first weights are found, and what has no effect or is the default
WATCHED = {"evaluate_every", "evaluate_episodes", "init_tasks"}
DEFAULTS = {"align": False, "firing_threshold": 0.0, "bin_ms": 1.0, "duration_ms": 100.0}


@pytest.mark.parametrize("role", [role for role in RECIPES if if_shipped(file_name(role))])
def test_what_ships_was_trained_by_its_recipe(role):
    found, recipe = ms.read(if_shipped(file_name(role))).config, RECIPES[role]
    for one in {one.name for one in fields(recipe)} - WATCHED:
        had, says = getattr(found, one), getattr(recipe, one)
        assert had == (DEFAULTS.get(one) if says is None and had is not None else says), one


def test_where_a_gradient_step_is_told_from_the_nearest_mean():
    found = rule._verdict({"more": ["a"], "less": ["b", "c"], "": ["d"]})
    assert (
        "Of 4 cases" in found
        and "more in 1 (a) and less in 2 (b; c); in the other 1 there is no significant difference"
        in found
    )
    assert "more in none and less in none; in the other 1" in rule._verdict(
        {"more": [], "less": [], "": ["d"]}
    )
    assert rule._verdict({"more": [], "less": [], "": []}) == ""


def test_what_a_network_went_on_from_is_told():
    """The chip's network went on online from one by class means, which does not ship; Double ASL's
    by the same rule."""
    networks = Networks()
    for role, words in (
        ("double-nmnist/cuba-snn", "3,000 by class means"),
        ("double-asl/maml-snn", "3,000 by the same rule"),
    ):
        networks.find(role)
        assert networks.describe(role).endswith(f" after {words}")


def test_a_stopped_study_goes_on_and_ends_the_same(study):
    calls = []

    def one(index):
        calls.append(index)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return [index, index**2]

    ms.set_threads(1)
    try:
        with pytest.raises(KeyboardInterrupt):
            study("a").each("key", "double-nmnist", 6, one, ("x",))
        path = study("a").out / "records" / "key.jsonl"
        path.write_text(path.read_text() + "[3, ")  # killed while it wrote
        assert study("a").each("key", "double-nmnist", 6, one, ("x",)) == [
            [n, n**2] for n in range(6)
        ]
        assert calls == [0, 1, 2, 3, 3, 4, 5]
        # shared
        assert (
            study("b").each("key", "double-nmnist", 2, one, ("x",)) == [[0, 0], [1, 1]]
            and len(calls) == 7
        )
        study("a").each("key", "double-nmnist", 6, one, ("y",))  # made from something else: again
        assert len(calls) == 13
        study("a", root="elsewhere").each("key", "double-nmnist", 6, one, ("y",))
        assert len(calls) == 19
        # not this set's root
        study("a", asl_root="elsewhere").each("key", "double-nmnist", 6, one, ("y",))
        study("a", root="elsewhere", seed=1).each("key", "double-nmnist", 6, one, ("y",))
        assert len(calls) == 31
    finally:
        ms.set_threads(None)


def test_recordings_at_another_time():
    x = np.arange(1, 7).reshape(1, 6)
    assert onset.delayed(x, 2).tolist() == [[0, 0, 1, 2, 3, 4]] and onset.delayed(
        x, -2
    ).tolist() == [[3, 4, 5, 6, 0, 0]]
    assert (
        onset.delayed(x, 0).tolist() == x.tolist()
        and not onset.delayed(x, 9).any()
        and not onset.delayed(x, -6).any()
    )
    two = np.array([[1, 1], [2, 2], [3, 3], [4, 4]])  # two classes of two samples
    assert onset.after_another(two, 2).tolist() == [
        [3, 3, 1, 1],
        [4, 4, 2, 2],
        [1, 1, 3, 3],
        [2, 2, 4, 4],
    ]


def test_baselines_stand_beside_maml_on_the_same_episodes(study, sets):
    """In the table as `evaluate` finds them, with the interval that leads; what is answered does
    not depend on who asks."""
    one, role = study("figure-4", episodes=6), "double-asl/maml-snn"
    found, network = one.run(), one.network(role)
    beside = partial(baselines, network.net, network.theta, inner=network.inner)
    expected = ms.evaluate(
        network.net,
        network.theta,
        network.inner,
        sets["test"],
        "test",
        6,
        0,
        5,
        1,
        2,
        progress=False,
        beside=beside,
    )
    [table] = [table for table in found.tables if table.name == "figure-4-baselines"]
    rows = {row[2]: row for row in table.rows if row[0] == "Double ASL-DVS"}
    for name, row in expected["rules"].items():
        shown, gain = (
            rows[RULE_NAMES[name]],
            np.mean(np.subtract(expected["per_episode"], row["per_episode"])),
        )
        mean, over_episodes, half = (
            100 * row["mean"],
            100 * row["ci95"],
            100 * row["interval"]["half"],
        )
        assert shown[3:5] == [f"{mean:.1f} ± {half:.1f}", f"± {over_episodes:.1f}"]
        less = Estimate(row["less"][0], row["less"][1], None, 6, Interval(**row["less_interval"]))
        assert shown[5] == less.points() and less.half > 0 and less.mean == pytest.approx(gain)
    assert rows["MAML, meta-trained"][4] == f"± {100 * expected['ci95']:.1f}"


def test_what_records_depend_on():
    a = np.arange(3.0)
    same = [
        identity((a, {"k": 1}, InnerLoop(a), None)),
        identity((a.copy(), {"k": 1}, InnerLoop(a.copy()), None)),
    ]
    others = [
        identity(v)
        for v in (
            (a + 1, {"k": 1}, InnerLoop(a), None),
            (a, {"k": 2}, InnerLoop(a), None),
            (a, {"k": 1}, InnerLoop(a, steps=2), None),
            (a.astype("f4"), {"k": 1}, InnerLoop(a), None),
        )
    ]
    assert same[0] == same[1] and len({*same, *others}) == 5
    with pytest.raises(TypeError, match="holds a object"):
        identity(object())


def test_estimates():
    e = estimate([0.0, 1.0] * 10)
    assert e.mean == 0.5 and math.isclose(e.ci95, 1.96 * np.std([0, 1] * 10, ddof=1) / 20**0.5)
    assert e.sd == 0.0  # each block of two has the mean 0.5
    assert math.isclose(estimate(np.arange(20.0)).sd, np.std(np.arange(0.5, 20, 2), ddof=1))
    assert (
        estimate([0.3]).ci95 is None
        and estimate([0.3]).low == -math.inf
        and estimate([0.3]).percent() == "30.0"
    )
    assert estimate([0.3, 0.5]).percent() == "40.0 ± 19.6"
    d = difference([0.5, 0.9], [0.4, 0.8])
    assert math.isclose(d.mean, 0.1) and d.ci95 < 1e-12  # paired: the common part cancels
    with pytest.raises(ValueError, match="one has 2 episodes and the other 3"):
        difference([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="expected .n,."):
        estimate([])


def test_estimates_of_few_trials():
    # Student's t, two degrees of freedom
    assert math.isclose(over([1.0, 2.0, 3.0]).ci95, 4.303 / 3**0.5, rel_tol=1e-3)


def test_verdicts_go_by_the_interval_that_leads():
    """A difference on the same episodes is of paired answers; on other episodes it is as of
    independent ones."""
    rng = np.random.default_rng(1)
    which = rng.integers(0, 12, (40, 5, 2))
    # two rules that fail on the same recordings, one of them once more in a while
    bad = which[:, :, 0] < 3
    worse = bad | (rng.random(bad.shape) < 0.05)
    none = np.zeros((0, 2), int), np.zeros(0, int), ("a",)

    def drawn(of):
        return Drawn(of, np.zeros(len(of), int), *none)

    rows = rows_of(
        ["one", "other"],
        [Answers(np.array([~b, ~w]), drawn(of)) for b, w, of in zip(bad, worse, which)],
    )
    apart, e = difference(rows["one"], rows["other"]), estimate(rows["one"])
    assert (
        e.interval.population == "recordings"
        and e.half == e.interval.half > 1.5 * e.ci95
        and e.low == e.mean - e.half
    )
    assert 0 < apart.half < 0.5 * e.half and apart.points().endswith(f" ± {100 * apart.half:.2f}")
    far = rows_of(["other"], [Answers(~w[None], drawn(of + 100)) for w, of in zip(worse, which)])[
        "other"
    ]
    assert difference(rows["one"], far).half == pytest.approx(
        np.hypot(rows["one"].interval.half, far.interval.half)
    )
    assert difference(rows["one"], far.per_episode).interval is None


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
    claim = judge(
        "a claim", "so much", Estimate(mean, half, None, 9), 0, 10, rule="from 0 to 10 points"
    )
    assert claim.verdict == verdict and math.isclose(claim.value, 100 * mean)


@pytest.mark.parametrize("number, verdict", [(0.03, "agrees"), (-0.01, "differs")])
def test_a_number_without_an_interval_is_judged_by_itself(number, verdict):
    claim = judge("a claim", "so much", number, 0, 10, rule="from 0 to 10 points")
    assert claim.verdict == verdict and quantity(claim) == f"{100 * number:g} points (no interval)"


def test_a_number_in_words():
    assert (
        quantity(Claim("", "", 1.234, 0.8, 1.6, "points", "agrees", "")) == "1.23 points [0.8, 1.6]"
    )
    assert (
        quantity(Claim("", "", 0.0, 0.0, 0.0, "points", "agrees", ""))
        == "0 points (the same every time)"
    )
    assert (
        quantity(Claim("", "", -2.8e-16, -0.5, 0.5, "points", "agrees", ""))
        == "0 points [-0.5, 0.5]"
    )
    assert (
        quantity(Claim("", "", 12_200.0, 12_000, 12_400, "times", "differs", ""))
        == "12,200 times [12,000, 12,400]"
    )
    assert (
        quantity(Claim("", "", 5.0, -np.inf, np.inf, "points", "", "")) == "5 points (no interval)"
    )


def test_nearest_neighbour_by_correlation():
    """Twice as bright is as near; a sample of another class that resembles the wrong support counts
    as wrong."""
    one, two = np.zeros((3, 4, 4, 2), np.uint8), np.zeros((3, 4, 4, 2), np.uint8)
    one[:, 0], two[:, 3] = 3, 3
    x_support = np.stack([one, two])
    task = ms.Task(x_support, [0, 1], np.stack([2 * one, two, one]), [0, 1, 1])
    assert correct(nearest_neighbour(task), task).mean() == pytest.approx(2 / 3)


def test_summary_of_updates():
    values = summary(np.array([0.0, 0.0, -1e-3, 1e-1]))
    assert values[:6] == pytest.approx([0.101 / 4, 0.101 / 2, 0.101, 0.1, 2, 4])
    counts = np.array(values[len(STATISTICS) :])
    assert (
        counts.sum() == 2
        and counts[np.searchsorted(EDGES, -3 + 1e-9) - 1] == 1
        and len(counts) == len(EDGES) - 1
    )
    assert summary(np.zeros(3))[:6] == [0, 0, 0, 0, 0, 3]


def test_more_ways_keep_the_classes_alike(rng):
    net = ms.SpikingNet((4, 8, 2), (2,), 3, kernel=3, window=5, dtype=np.float64)
    theta = net.init(rng)
    step = rng.random(net.size)
    wide, theta_wide, inner = with_ways(net, theta, InnerLoop(step, 2, ("conv1",)), 7)
    v, w = net.views(theta), wide.views(theta_wide)
    assert np.array_equal(v["conv1.weight"], w["conv1.weight"]) and np.array_equal(
        v["conv1.bias"], w["conv1.bias"]
    )
    for k in range(7):
        np.testing.assert_allclose(w["readout.weight"][:, k], v["readout.weight"].mean(1))
        np.testing.assert_allclose(
            wide.views(inner.step_size)["readout.weight"][:, k],
            net.views(step)["readout.weight"].mean(1) * 7 / 3,
        )
    assert (inner.steps, inner.freeze) == (2, ("conv1",)) and with_ways(
        net, theta, InnerLoop(3.0), 6
    )[2].step_size == 6.0
    # an online update is of one sample, whose loss has no mean over classes
    assert with_ways(net, theta, InnerLoop(3.0, online=True), 6)[2].step_size == 3.0


@pytest.mark.parametrize("detach_reset", [False, True])
@pytest.mark.parametrize("window", [8, 20])
def test_a_readout_on_traces_is_that_of_the_network(rng, window, detach_reset):
    """On the body's spikes it gives the network's own logits; loss and gradient are those of a
    network of one dense block."""
    options = dict(kernel=3, window=window, dtype="float64", detach_reset=detach_reset)
    net = ms.SpikingNet((8, 12, 2), (3, 4), 5, **options)
    task = small_set().episode(0, 0, 5, 1, 3)
    theta = net.init(rng, task.x_query)
    spikes, fast, slow = (
        readout.spikes_of(net, theta, task.x_query),
        readout.Readout(net, 5),
        readout.network(net, 5),
    )
    own, p = 3 * theta[-fast.size :], fast.traces(spikes)
    assert off(fast.logits(theta[-fast.size :], p), net(theta, task.x_query)) < 1e-12
    loss, gradient = slow.loss_and_gradient(own, spikes, task.y_query)
    found = fast.loss_and_gradient(own, p, task.y_query)
    assert abs(found[0] - loss) < 1e-12 and off(found[1], gradient) < 1e-12
    assert (
        slow.record(own, spikes)[0]["u"] > slow.neuron.threshold
    ).any()  # it fires, so the reset plays a part


def test_relearning_by_the_readout_alone_is_that_of_the_frozen_network(rng):
    net, tasks = (
        ms.SpikingNet((8, 12, 2), (3, 4), 5, kernel=3, window=8, dtype="float64"),
        small_set(),
    )
    theta = net.init(rng, tasks.episode(0, 0, 5, 1, 3).x_query)
    inner = InnerLoop(rng.uniform(1, 50, net.size), 2, body(net), threshold_fraction=0.1)
    for index in range(4):
        found = relearn._one_readout(tasks, Settings(4, 3), net, theta, inner, index)
        assert found == relearn._one(tasks, Settings(4, 3), net, theta, inner, index)
        (first, second, _), drawn, number = found[0]
        assert first != second and len(drawn[0]) == number * len(first)


@pytest.mark.parametrize("name", [None, "conv1", "conv2", "hidden1"])
def test_spikes_of_a_block(backend, name, rng):
    net = ms.SpikingNet((8, 12, 2), (3, 4), 5, kernel=3, window=8, hidden=(6,), backend=backend)
    x = small_set().episode(0, 0, 5, 1, 1).x_query
    theta = net.init(rng, x)
    spikes, record = net.spikes(theta, x, name), net.record(theta, x)
    rates = net.activity(theta, x)
    shape = {"conv1": (4, 6, 3), "conv2": (2, 3, 4)}.get(name, (6,))
    assert (
        spikes.shape == (5, 14, *shape)
        and spikes.dtype == bool
        and spikes.mean() == pytest.approx(rates[name or "hidden1"], rel=1e-6)
    )
    place = {"conv1": 0, "conv2": 1}.get(name, 2)
    u = record[place]["u"].reshape(5, 8, -1)
    if name in (None, "hidden1"):
        assert np.array_equal(spikes[:, -8:], u >= 0)  # threshold 0, no pooling
    with pytest.raises(ValueError, match="name must be one of conv1, conv2, hidden1, not 'conv3'"):
        net.spikes(theta, x, "conv3")


def test_where_networks_are_found(folder, tmp_path, monkeypatch):
    role = "double-nmnist/maml-snn"
    assert (
        file_name(role) == "double_nmnist_maml.h5"
        and file_name("double-asl/maml-cnn") == "double_asl_maml_cnn.h5"
    )
    networks = Networks(folder)
    assert (
        networks.find(role).net.channels == (3, 4)
        and networks.describe(role) == "double_nmnist_maml.h5, 7 tasks"
    )
    # the one that travels with the package
    assert Networks().find(role).net.channels == (
        32,
        64,
        128,
    )
    net, theta = ms.load(folder / file_name(role))
    ms.save(
        tmp_path / file_name(role), net, theta, progress=dict(tasks=3000, update=1500, updates=9000)
    )
    interim = Networks(tmp_path)
    interim.find(role)
    assert interim.describe(role).endswith(
        ".h5, 3,000 tasks (training is not done: 1,500 of 9,000 updates)"
    )
    again = replace(toy_config(), start="/a/place/first.h5")
    ms.save(
        tmp_path / file_name(role),
        net,
        theta,
        config=again,
        progress=dict(tasks=2000, update=5, updates=5),
        provenance=dict(origin=dict(data=PYTHON)),
    )
    further = Networks(tmp_path)
    further.find(role)
    assert (
        further.describe(role)
        == "double_nmnist_maml.h5, 2,000 tasks from first.h5 on, of data given in Python"
    )
    made = dict(origin=dict(data="double-asl"))
    ms.save(tmp_path / file_name(role), net, theta, config=again, provenance=made)
    with pytest.raises(
        ValueError,
        match="learned from double-asl, simulated recordings; expected one of double-nmnist",
    ):
        Networks(tmp_path).find(role)
    monkeypatch.setattr("minisnn.experiments.networks.if_shipped", lambda name: None)
    assert Networks(tmp_path).find("double-asl/maml-snn") is None
    with pytest.raises(
        ValueError,
        match="no such folder; expected one with checkpoints such as double_nmnist_maml.h5",
    ):
        Networks(tmp_path / "nowhere")


def test_a_network_of_other_ways_is_refused(folder, tmp_path, capsys):
    """Those that it would stand beside have five; only a plain classifier has all classes."""
    from minisnn.cli import main

    for role in RECIPES:
        net = Networks(folder, ways=5).find(role).net
        assert net.ways == 5 or role == "double-nmnist/pretrained-snn"
    role = "double-nmnist/maml-snn"
    net = ms.SpikingNet((8, 12, 2), (3, 4), 10, kernel=3, window=8)
    place = tmp_path / file_name(role)
    ms.save(place, net, np.zeros(net.size, np.float32))
    assert Networks(tmp_path).find(role).net.ways == 10
    options = ["--networks", str(tmp_path), "--out", str(tmp_path / "out"), "--quiet"]
    assert main(["table", "2", *options]) == 2
    assert capsys.readouterr().err == (
        f"minisnn: {place}: the network tells 10 classes apart; expected one of 5, as those that it "
        "stands beside\n"
    )


def test_retraining_follows_the_recipe(tmp_path, monkeypatch):
    """Into a folder of its own; what lies there already goes on, and is used as it is where it is
    done."""
    calls, done = [], [100, 9000, 9000]

    def train(config, out, resume, progress, executor):
        calls.append((config, out.name, resume))
        out.mkdir(parents=True, exist_ok=True)
        (out / "config.json").write_text("{}")
        net = ms.SpikingNet((4, 4, 2), (2,), 5, kernel=3)
        theta = np.zeros(net.size, np.float32)
        ms.save(out / "checkpoint.h5", net, theta, config=config, progress=dict(update=done.pop(0)))

    monkeypatch.setattr("minisnn.experiments.networks.train", train)
    role = "double-nmnist/fomaml-snn"
    for resume in (False, True, None):
        assert Networks(None, tmp_path, {"double-nmnist": "real"}).find(role).net.channels == (2,)
        if resume is not None:
            assert calls[-1] == (
                replace(RECIPES[role], root="real"),
                "double_nmnist_fomaml",
                resume,
            )
    assert len(calls) == 3  # `train` itself finds that a run is done


def test_what_a_recipe_starts_from_is_trained_before_it(tmp_path, monkeypatch):
    trained = []

    def train(config, out, resume, progress, executor):
        trained.append((out.name, config.start))
        out.mkdir(parents=True)
        net = ms.SpikingNet((4, 4, 2), (2,), 5, kernel=3)
        ms.save(
            out / "checkpoint.h5",
            net,
            np.zeros(net.size, np.float32),
            config=config,
            progress=dict(update=config.updates),
        )

    monkeypatch.setattr("minisnn.experiments.networks.train", train)
    Networks(None, tmp_path).find("double-nmnist/prototypes-cnn")
    first = "double_nmnist_first_cnn"
    assert trained == [(first, None), ("double_nmnist_prototypes_cnn", str(tmp_path / first))]
    Networks(None, tmp_path).find("double-asl/maml-snn")
    assert [name for name, _ in trained[2:]] == ["double_asl_first", "double_asl_maml"]


@pytest.mark.parametrize("role", RECIPES)
def test_the_command_that_trains_a_role_gives_its_recipe(role, monkeypatch):
    import minisnn.cli

    seen = {}
    monkeypatch.setattr(
        "minisnn.training.run.train", lambda config, *_, **__: seen.update(config=config) or _stop()
    )
    words = how_to_train(role).split()
    assert words[:2] == ["minisnn", "train"]
    with pytest.raises(_Stop):
        args = minisnn.cli.parsed(words[1:])
        args.run(args)
    watching = {
        name: getattr(RECIPES[role], name)
        for name in vars(RECIPES[role])
        if name.startswith(("evaluate_", "test_", "start"))
    }
    assert replace(seen["config"], **watching) == RECIPES[role]


class _Stop(Exception):
    pass


def _stop():
    raise _Stop


def test_the_page(tmp_path):
    found = Findings(
        "table-9",
        "Table 9: <odd> & more",
        "A summary.",
        [Table("t", "Numbers", ["a", "b"], [["x", None], [1.23456, 2]], "A note.")],
        [judge("a claim", "1 & 2", Estimate(0.5, 0.1, None, 9), 10, rule="above 10 points")],
        missing=["MAML on it: no trained network; minisnn train --order 1"],
        settings=dict(
            episodes=7, seed=0, queries=3, root=None, asl_root=None, networks={"a/b": "file.h5"}
        ),
    )
    from minisnn.plots import figure

    fig = figure(2, 2)
    fig.subplots().plot([0, 1])
    found.figures["f"] = (fig, "What <to> see.")
    found.write(tmp_path / "table-9")
    page = write_report([found], tmp_path, 61.0).read_text()
    for text in (
        "Table 9: &lt;odd&gt; &amp; more",
        "<b>1 agree</b>",
        "A note.",
        "What &lt;to&gt; see.",
        "data:image/png;base64,",
        "<code>minisnn train --order 1</code>",
        "1.235",
        "–",
        "7 test episodes",
        "50 points [40, 60]",
        'name="viewport"',
        "@media print",
    ):
        assert text in page, text
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")


@pytest.mark.slow
def test_commands(study, folder, tmp_path, monkeypatch, capsys):
    """A table, a figure and the report from the command line, with folders of networks and of
    results."""
    from minisnn.cli import main

    options = [
        "--networks",
        str(folder),
        "--out",
        str(tmp_path / "out"),
        "--episodes",
        "2",
        "--queries",
        "1",
        "--quiet",
    ]
    assert main(["table", "2", *options]) == 0
    text = capsys.readouterr().out
    assert (
        "MAML (SNN) - FOMAML (SNN)" in text
        and "98.23 ± 1.12" in text
        and (tmp_path / "out" / "table-2" / "table-2.csv").exists()
    )
    assert main(["relearn", *options]) == 0 and "task A" in capsys.readouterr().out
    options.append("--force")  # what was found before is replaced
    assert main(["report", "--only", "figure-4,relearn", *options]) == 0
    assert (
        "2 experiments" in capsys.readouterr().out and (tmp_path / "out" / "report.html").exists()
    )
    assert main(["report", "--only", "figure-9", *options]) == 2
    assert "there is no experiment 'figure-9'; expected some of table-2" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert (
        main(["figure", "4", "--out", str(tmp_path / "file")]) == 2
        and "expected a folder" in capsys.readouterr().err
    )

    def refuses(*_):
        raise ValueError("a root that holds nothing")

    for new in (tmp_path / "new", tmp_path / "empty"):  # what is refused leaves nothing behind
        if new.name == "empty":
            new.mkdir()
        with monkeypatch.context() as refused:
            refused.setattr("minisnn.experiments.figure4.run", refuses)
            assert main(["figure", "4", *options, "--out", str(new)]) == 2
        assert "a root that holds nothing" in capsys.readouterr().err
        assert not new.exists() or new.name == "empty" and not [*new.iterdir()]

    def half(self, folder):
        (folder / "figure-4.csv").write_text("half")
        raise KeyboardInterrupt

    written = sorted((tmp_path / "out" / "figure-4").iterdir())
    with monkeypatch.context() as stopped:  # in the midst of its files
        stopped.setattr(Findings, "write", half)
        assert main(["figure", "4", *options]) == 130
        other = [*options, "--out", str(tmp_path / "other")]
        assert main(["figure", "4", *other]) == 130
    capsys.readouterr()
    assert sorted((tmp_path / "out" / "figure-4").iterdir()) == written
    assert main(["figure", "4", *options]) == main(["figure", "4", *other]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(
        "minisnn.experiments.figure4.run", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    assert (
        main(["figure", "4", *options]) == 130
        and "run the same command again to continue" in capsys.readouterr().err
    )


def _letters(name, one):
    """The rows of letters that another experiment finds on the same study."""
    found = Findings(name, "")
    experiment(name).run(one, found)
    return [row for row in found.tables[0].rows if row[0] == "Double ASL-DVS"]


def test_accuracies_are_those_of_evaluate(study, sets):
    """And those of figures 3 to 5 are the same numbers under other names."""
    one, role = study("table-2", episodes=6), "double-asl/maml-snn"
    found = one.network(role)
    frozen = replace(found.inner, freeze=("conv1", "conv2"))
    for inner, key in ((found.inner, ""), (frozen, "2-frozen")):
        expected = ms.evaluate(
            found.net, found.theta, inner, sets["test"], "test", 6, 0, 5, 1, 2, progress=False
        )
        assert (
            one.accuracies(role, "double-asl", inner=lambda loop, i=inner: i, key=key).per_episode
            == expected["per_episode"]
        )
    assert one.accuracies(role, "double-asl", "known") != one.accuracies(role, "double-asl", "test")
    rows = _letters("figure-4", one)
    whole = one.accuracies(role, "double-asl")
    both = one.accuracies(role, "double-asl", inner=lambda loop: frozen, key="2-frozen")
    assert rows[0][2] == estimate(whole).percent() and rows[2][2] == estimate(both).percent()
    loss = difference(whole, both)
    assert rows[2][4] == f"{100 * loss.mean:+.2f} ± {100 * loss.half:.2f}"
    start = ms.evaluate(
        found.net, found.theta, found.inner, sets["test"], "test", 6, 0, 5, 1, 2, progress=False
    )
    errors = _letters("figure-3", one)
    assert (
        errors[1][2] == replace(estimate(whole), mean=1 - whole.mean).percent()
        and errors[1][3] == estimate(whole).over_episodes()
    )
    assert errors[0][2].startswith(f"{100 * (1 - start['accuracy_before']):.1f} ± ")


@pytest.mark.parametrize("learning", ["all", "readout"])
def test_relearning_written_out(study, sets, learning):
    from minisnn.experiments.relearn import accuracies
    from minisnn.experiments.updates import readout

    one = study("relearn", episodes=2)
    found = one.network("double-nmnist/maml-snn")
    net, step = found.net, np.zeros(found.net.size, np.float32)
    step[readout(net) if learning == "readout" else slice(None)] = found.inner.step_size
    values = accuracies(one, "double-nmnist", learning)
    met = [[sets["test"].episode(0, 2 * index + k, 5, 1, 2) for index in (0, 1)] for k in (0, 1)]
    a, b = (tasks[1] for tasks in met)  # the second episode's tasks
    theta = found.theta
    for moment, task in enumerate((a, b, a)):
        theta = theta - step * net.loss_and_gradient(theta, task.x_support, task.y_support)[1]
        for k, query in enumerate((a, b)):
            of_task = list(values[k].values())[moment]
            assert of_task.per_episode[1] == np.mean(
                net(theta, query.x_query).argmax(1) == query.y_query
            )
            assert of_task.shared.same(Shared([drawn_by(one) for one in met[k]]))


@pytest.mark.slow
def test_inner_updates_are_the_readouts_share_of_the_step(study, sets):
    from minisnn.experiments.updates import inner_updates, outer_updates, readout
    from minisnn.meta.functions import adapt

    one = study("table-3", episodes=2)
    found = one.network("double-nmnist/maml-snn")
    for fraction in (None, 0.3):
        task = sets["test"].episode(0, 1, 5, 1, 1)
        step = adapt(
            found.net,
            found.theta,
            task.x_support,
            task.y_support,
            found.inner.step_size,
            threshold_fraction=fraction,
        )
        expected = np.abs(step - found.theta)[readout(found.net)]
        some = expected[expected > 1e-7]
        mean, mean_of_some, total, most, count = inner_updates(one, fraction)[1, :5]
        assert [mean, total, most] == pytest.approx(
            [expected.mean(), expected.sum(), some.max()], rel=1e-4
        )
        assert mean_of_some * count == pytest.approx(total, rel=1e-6)
        # of the smallest, theta - (theta - update) says nothing
        assert len(some) <= count <= len(some) + 3
    assert outer_updates(one)[:, 3].max() < 5e-3  # Adam at 1e-3 makes no larger ones
    assert outer_updates(one).shape[0] == 60


def test_updates_of_a_network_that_was_not_meta_trained_where_there_is_one(study, monkeypatch):
    values = np.random.default_rng(0).random((4, 6))
    for name in ("inner_updates", "outer_updates", "plain_updates"):
        monkeypatch.setattr(table3, name, lambda *_: values)
    one = study("table-3", episodes=2)
    assert [row[0] for row in one.run().tables[0].rows] == ["inner loop", *table3.RATIOS]
    has = one.network
    monkeypatch.setattr(one, "network", lambda role: None if "pretrained" in role else has(role))
    found = Findings("table-3", "")
    table3.run(one, found)
    assert [row[0] for row in found.tables[0].rows] == ["inner loop", "outer loop"]
    assert found.missing == ["non-meta training: no pretrained network"]


def test_the_papers_own_ratios_agree_with_it(study, monkeypatch):
    """From a third to three times the paper's, by the means alone: updates of one run by Adam are
    much like each other."""

    def of(size, changed):
        return np.array([[size, size, 1.0, 1.0, changed, 100.0]] * 3)

    sizes = {"inner": of(1.0, 5), "outer": of(1 / 57, 100), "plain": of(1 / 9, 99)}
    for name, values in sizes.items():
        monkeypatch.setattr(table3, f"{name}_updates", lambda *_, of=values: of)
    found = study("table-3", episodes=2).run()
    assert [claim.verdict for claim in found.claims] == ["agrees"] * 4
    values = [claim.value for claim in found.claims]
    np.testing.assert_allclose(values, [57, -95, 9, -94])
    assert all("no interval" in quantity(claim) for claim in found.claims)
    assert "from 19 to 171, a third to three times" in found.claims[0].rule
    for times, verdict in ((4, "agrees"), (2.9, "differs"), (28, "differs")):
        changed = of(1 / times, 99)
        monkeypatch.setattr(table3, "plain_updates", lambda *_, of=changed: of)
        assert study("table-3", episodes=2).run().claims[2].verdict == verdict


def _told(right, episode):
    """Answers to queries of as many recordings, which other episodes do not ask."""
    n = np.shape(right)[1]
    query = n * episode + np.arange(n)[:, None]
    nothing = np.zeros((0, 1), int), np.zeros(0, int), ("a",)
    return Answers(np.array(right, bool), Drawn(query, np.zeros(n, int), *nothing))


def test_shifts_of_the_same_activity_keep_their_names():
    """Silent layers are silent, however far their biases are lowered."""
    rates = dict(zip(activity.SHIFTS, (0.0, 0.0, 0.0, 0.05, 0.06, 0.07)))

    def items(key, dataset, function, net, theta, loop, count):
        rate = rates[float(theta[0])]
        return [[recorded(_told([[rate > 0] * 5], i)), [rate]] for i in range(count)]

    bias = SimpleNamespace(part="bias", layer="conv1", slice=slice(0, 1))
    trained = SimpleNamespace(net=SimpleNamespace(layout=[bias]), theta=np.zeros(1), loop=None)
    one = SimpleNamespace(
        settings=Settings(4),
        meta_trained=lambda found: [("double-nmnist", "Digits", "role")],
        network=lambda role: trained,
        items=items,
    )
    found = Findings("activity", "")
    activity.run(one, found)
    assert "at 5.0 % mean activity (biases +0)" in found.summary
    beside = found.figures["activity"][0].axes[0].texts
    assert [text.get_text() for text in beside] == [f"{shift:+g}" for shift in activity.SHIFTS]


def test_the_help_of_explore_says_how_many_episodes_are_measured(capsys):
    from minisnn.cli import main

    with pytest.raises(SystemExit):
        main(["explore", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    (last,) = [name for name in BEYOND if not hasattr(experiment(name), "some_of")]
    assert f"all but {last} measure half of them, at most {some_of(10**6)}" in said


def test_recordings_of_letters_are_refused_where_only_digits_are_moved(study, monkeypatch):
    asked = set()
    row = rows_of(["adapted"], [_told([[True, False]], i) for i in range(3)])
    monkeypatch.setattr(Study, "rows", lambda self, key, data, *_, **__: asked.add(data) or row)
    monkeypatch.setattr(shift, "_figure", lambda curves: None)
    study("shift").run()
    assert asked == {"double-nmnist"} and "asl_root" in UNUSED["shift"]


@pytest.mark.parametrize("rows", [3, 6])
def test_products_of_many_rows(rows):
    rng = np.random.default_rng(rows)
    x, weight, d = (
        rng.standard_normal((rows, 7)),
        rng.standard_normal((5, 7)),
        rng.standard_normal((rows, 5)),
    )
    np.testing.assert_allclose(readout.times(x, weight), x @ weight.T, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(readout.outer_sum(x, d), d.T @ x, rtol=1e-13, atol=1e-14)
