"""When a device answers "none of these": the threshold keeps its promise on validation, and is the
device's own."""

import numpy as np
import pytest
from integers import small
from test_hardware_classes import recordings, seen

import minisnn as ms
import minisnn.cli as cli
from minisnn.hardware import work
from minisnn.hardware.chip.means import NONE, CountedMeans, distances_to, is_refused
from minisnn.hardware.study import refuse
from minisnn.hardware.study.drawings import numbered
from minisnn.hardware.study.nothing import Blots
from minisnn.parallel.executor import Executor


@pytest.mark.parametrize("shots", [1, 2, 5, 40])
def test_the_smallest_threshold_that_keeps_the_share(shots):
    rng = np.random.default_rng(shots)
    known = np.stack([rng.integers(0, 5_000_000, 333), np.full(333, 2**32 - 1)], 1)
    for share in (0.003, 0.01, 0.05, 0.5, 0.999):
        found = refuse.choose(known, share, shots)
        assert is_refused(known, found, shots).mean() <= share
        assert found == 0 or is_refused(known, found - 1, shots).mean() > share


def looked(chip, seed, blots=None):
    """What episodes of two classes that are taught by two shots, and two that are not, show."""
    tasks = recordings(of=8, each=12)
    traces = seen(tasks, 1, len(chip.weight))
    given = (2, 2, 3), 8, seed, Executor(), traces, blots
    return refuse.look(chip, numbered(tasks), *given)


def test_untaught_classes_are_refused_and_the_curve_says_so():
    _, _, chip = small(readout_exponent=-3, channels=(6, 8), shape=(6, 16, 2), scale=0.9)
    both = {name: looked(chip, seed) for name, seed in (("val", 0), ("test", 1))}
    assert both["val"].known.shape == (48, 2) == both["val"].untaught.shape
    found = refuse.figures(both, 2, 0.1)
    assert found["untaught"]["value"] > found["known"]["value"] + 0.1
    table = refuse.table(both, 2)
    assert [row[0] for row in table.rows] == ["1", "2", "5", "10", "20"]
    thresholds = [row[1] for row in table.rows]
    assert thresholds == sorted(thresholds, reverse=True)
    assert float(table.rows[3][2]) <= 10 and table.rows[3][1] == found["refuse"]["value"]


@pytest.fixture
def device(tmp_path, monkeypatch):
    """A network in a file, and recordings of six classes, of eight each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    frames = np.random.default_rng(0).poisson(0.2, (48, 12, 2, 8, 8))
    tasks = ms.Recordings(frames, sorted([*range(6)] * 8), duration_ms=12)
    monkeypatch.setattr(work, "open_set", lambda *_, **__: tasks)
    net = ms.SpikingNet((8, 8, 2), (4,), 2, 3, window=6)
    theta = net.init(np.random.default_rng(0), tasks.episode(0, 0, 2).x_query)
    ms.save("my net.h5", net, theta)
    return ["hardware", "refuse", "--checkpoint", "my net.h5", "--quiet"]


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


@pytest.mark.parametrize("bound", [0, 30_000])
def test_the_study_refuses_what_the_device_does(bound):
    rng = np.random.default_rng(2)
    blank = rng.integers(0, 256, (2, 5)).astype(np.uint8)
    means = CountedMeans(5, refuse=bound, nothing=blank)
    means.learn(means.add(), rng.integers(0, 4097, 5))
    asked = rng.integers(0, 4097, (400, 5))
    far = np.stack([means.distances(asked)[:, 0], distances_to(blank, asked).min(1)], 1)
    none = np.array([means.nearest(p) == NONE for p in asked])
    expected = is_refused(far, bound, 1) if bound else far[:, 1] < far[:, 0]
    assert np.array_equal(none, expected) and 0 < none.mean() < 1


def test_means_that_are_no_class_refuse_their_own_and_leave_others():
    """In an episode as on a device."""
    _, _, chip = small(readout_exponent=-3, channels=(6, 8), shape=(6, 16, 2), scale=0.9)
    p = np.random.default_rng(3).integers(0, 4097, (1, len(chip.weight)))
    knows = chip.with_nothing(np.minimum((p + 8) // 16, 255).astype(np.uint8))
    both = [looked(one, 0, Blots(p, p, 0 * p)) for one in (chip, knows)]
    assert np.array_equal(both[0].known[:, 0], both[1].known[:, 0])
    few = int(both[0].dots[:, 0].min()) - 1
    assert is_refused(both[1].dots, few, 2).all() and not is_refused(both[1].known, few, 2).all()
