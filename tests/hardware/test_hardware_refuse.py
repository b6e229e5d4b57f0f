"""When a device answers "none of these": the threshold keeps its promise on validation, and is the
device's own."""

import numpy as np
import pytest
from integers import small

import minisnn as ms
import minisnn.cli as cli
from minisnn.data.sets import named
from minisnn.hardware.chip.learner import Learner
from minisnn.hardware.chip.means import NONE, CountedMeans
from minisnn.hardware.study import refuse
from minisnn.hardware.study.classes import distances, distances_to
from minisnn.hardware.study.nothing import Blots
from minisnn.hardware.study.refuse import Seen
from minisnn.meta.tasks import Task
from minisnn.parallel.executor import Executor


@pytest.mark.parametrize("shots", [1, 2, 5, 40])
def test_the_smallest_threshold_that_keeps_the_share(shots):
    rng = np.random.default_rng(shots)
    known = rng.integers(0, 5_000_000, 333)
    for share in (0.003, 0.01, 0.05, 0.5, 0.999):
        found = refuse.choose(known, share, shots)
        assert refuse.refused(known, found, shots) <= share
        assert found == 0 or refuse.refused(known, found - 1, shots) > share


def test_it_is_the_rule_of_the_device():
    """What the study calls refused is what class means refuse."""
    rng = np.random.default_rng(1)
    for shots in (1, 3):
        means = CountedMeans(5, refuse=40_000)
        id = means.add()
        for _ in range(shots):
            means.learn(id, rng.integers(0, 4097, 5))
        seen = rng.integers(0, 4097, (200, 5))
        far = np.array([means.distances(p)[0] for p in seen])
        none = np.array([means.nearest(p) == NONE for p in seen])
        assert none.mean() == refuse.refused(far, 40_000, shots) and 0 < none.mean() < 1


class Fields:
    """Tasks whose class k has its events in four columns from 4 k on."""

    def __init__(self, shape, steps):
        self.shape, self.steps = shape, steps

    def episode(self, seed, index, ways, shots, queries):
        rng = np.random.default_rng((seed, index))
        columns = rng.permutation(self.shape[1] // 4)[:ways]
        sides = []
        for n in (shots, queries):
            y = np.repeat(np.arange(ways), n)
            x = np.zeros((len(y), self.steps, *self.shape), np.uint8)
            for one, k in zip(x, y):
                at = one[:, :, 4 * columns[k] : 4 * columns[k] + 4]
                at[...] = rng.random(at.shape) < 0.5
            sides += [x, y]
        return Task(*sides)


def test_untaught_classes_are_refused_and_the_curve_says_so():
    net, _, chip = small(readout_exponent=-3, channels=(6, 8), shape=(6, 16, 2), scale=0.9)
    tasks = Fields(chip.input_shape, 30)
    seen = {
        name: refuse.look(chip, tasks, (2, 2, 3), 8, seed, Executor())
        for name, seed in (("val", 0), ("test", 1))
    }
    assert seen["val"].known.shape == (48,) == seen["val"].untaught.shape
    found = refuse.figures(seen, 2, 0.1)
    assert found["untaught"]["value"] > found["known"]["value"] + 0.1
    table = refuse.table(seen, 2)
    assert [row[0] for row in table.rows] == ["1", "2", "5", "10", "20"]
    thresholds = [row[1] for row in table.rows]
    assert thresholds == sorted(thresholds, reverse=True)
    assert float(table.rows[3][2]) <= 10 and table.rows[3][1] == found["refuse"]["value"]


def test_what_cannot_be_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="refuse and residuals are of the rule class-mean"):
        Learner(refuse=5)
    for line, words in (
        ("refuse --allowed 0", "--allowed must be more than 0 and less than 100"),
        ("export --rule membrane --refuse 9 --quiet", "--refuse is of class means"),
        ("export --for page --rule membrane", "two rules to choose from"),
        ("--bits 4 export", "options of export stand behind its name"),
    ):
        assert cli.main(["hardware", *line.split()]) == 2
        assert words in capsys.readouterr().err


@pytest.fixture
def device(tmp_path, monkeypatch):
    """A network in a file, and recordings of six classes, of eight each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    frames = np.random.default_rng(0).poisson(0.2, (48, 12, 2, 8, 8))
    tasks = ms.Recordings(frames, sorted([*range(6)] * 8), duration_ms=12)
    monkeypatch.setattr(named, "open_set", lambda *_, **__: tasks)
    net = ms.SpikingNet((8, 8, 2), (4,), 2, 3, window=6)
    theta = net.init(np.random.default_rng(0), tasks.episode(0, 0, 2).x_query)
    ms.save("my net.h5", net, theta)
    return ["hardware", "refuse", "--checkpoint", "my net.h5", "--quiet"]


def test_the_threshold_is_printed(device, capsys):
    assert cli.main([*device, *"--bits 4 --ways 2 --episodes 2 --queries 2".split()]) == 0
    *_, option, number = capsys.readouterr().out.split()
    assert option == "--refuse" and int(number) > 0


@pytest.mark.parametrize(
    "asked, said",
    [
        ("--ways 4", "--ways is 4, and as many classes are not taught; recordings given in "),
        ("--ways 4", " has 6: expected at most 3"),
        ("--ways 3 --shots 5", "5 shots and 5 queries are asked for; recordings given in Python "),
        ("--ways 3 --shots 4", "8 recordings of a class: expected at most 4 shots, and 8 of both"),
    ],
)
def test_what_the_recordings_cannot_show_is_refused(device, asked, said, capsys):
    assert cli.main([*device, *asked.split()]) == 2
    assert said in capsys.readouterr().err


def test_empty_recordings_and_right_answers_are_told_apart():
    val = Seen(np.array([1, 2, 3, 100]), np.ones(4, bool), np.array([90, 95]), np.array([50]))
    test = Seen(np.array([1, 80]), np.array([True, False]), np.array([2, 99]), np.array([4]))
    row = refuse.table(dict(val=val, test=test), 1, (0.25,)).rows[0]
    assert row == ["25", 2, "25.0", "100.0", "50.0", "50.0", "100.0", "0.0", None, None]


def test_what_lies_nearer_to_what_is_no_class_is_refused_within_the_threshold():
    known = np.array([[10, 99], [20, 99], [30, 99], [40, 25], [50, 60]])
    assert refuse.is_refused(known, 24, 1).tolist() == [False, False, False, False, True]
    assert refuse.is_refused(known, 25, 1).tolist() == [False, False, False, True, False]
    assert refuse.choose(known, 0.2, 1) == 20 and refuse.choose(known, 0.4, 1) == 15
    known[3] = 40, 5
    assert refuse.choose(known, 0.2, 1) == 25
    with pytest.raises(ValueError, match="--allowed is 19; more of the recordings of known"):
        refuse.choose(known, 0.19, 1)
    val = Seen(known, np.ones(5, bool), known, known[:1], known, known[3:])
    assert [one.share for one in refuse.curve(dict(val=val), 1, (0.1, 0.2, 0.5))] == [0.2, 0.5]
    found = refuse.figures(dict(val=val, test=val), 1, 0.2)
    assert found["squares"]["value"] == 0.5 and found["dots"]["value"] == 0.2


@pytest.mark.parametrize("bound", [0, 30_000])
def test_the_study_refuses_what_the_device_does(bound):
    rng = np.random.default_rng(2)
    blank = rng.integers(0, 256, (2, 5)).astype(np.uint8)
    means = CountedMeans(5, refuse=bound, nothing=blank)
    means.learn(means.add(), rng.integers(0, 4097, 5))
    seen = rng.integers(0, 4097, (400, 5))
    far = np.stack([distances(means, seen)[:, 0], distances_to(blank, seen).min(1)], 1)
    none = np.array([means.nearest(p) == NONE for p in seen])
    if bound:
        assert np.array_equal(none, refuse.is_refused(far, bound, 1))
    else:
        assert np.array_equal(none, far[:, 1] < far[:, 0])
    assert 0 < none.mean() < 1


def test_means_that_are_no_class_refuse_their_own_and_leave_others():
    """In an episode as on a device."""
    net, _, chip = small(readout_exponent=-3, channels=(6, 8), shape=(6, 16, 2), scale=0.9)
    tasks = Fields(chip.input_shape, 30)
    whole = np.ones((1, 30, *chip.input_shape), np.uint8)
    p = chip.traces_of(whole)[:, -1]
    blank = chip.traces_of(0 * whole)[:, -1]
    knows = chip.with_nothing(np.minimum((p + 8) // 16, 255).astype(np.uint8))
    blots = Blots(p, p, blank)
    seen = [
        refuse.look(one, tasks, (2, 1, 3), 4, 0, Executor(), None, blots) for one in (chip, knows)
    ]
    assert np.array_equal(seen[0].known, seen[1].known[:, 0])
    few = int(seen[0].dots.min()) - 1
    assert refuse.refused(seen[1].dots, few, 1) == 1 > refuse.refused(seen[1].known, few, 1)
