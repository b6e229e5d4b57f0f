"""Each study that is measured for a record runs, on small recordings and small networks."""

import json

import cost
import explore
import grid
import numpy as np
import nuisance
import pytest
import recurrence
import seeds
import surrogate
from slowly import all_but
from toy import small_set

import minisnn as ms
from make_networks import RECIPES
from minisnn.experiments.networks import Networks, file_name
from minisnn.experiments.study import Study


def few(cases: dict, *names: str) -> dict:
    return {name: one for name, one in cases.items() if name in names}


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Small sets, small networks in the files of every role, and a few of each study's cases."""
    sets = {split: small_set(split) for split in ("train", "known", "test")}
    place = tmp_path / "networks"
    place.mkdir()
    x = sets["test"].episode(0, 0, 5, 1, 1).x_support
    for seed, role in enumerate(sorted(RECIPES)):
        ways = len(sets["train"].classes) if "pretrained" in role else 5
        net = ms.SpikingNet((8, 12, 2), (3, 4), ways, kernel=3, window=8)
        theta = net.init(np.random.default_rng(seed), x)
        ms.save(place / file_name(role), net, theta, inner=ms.InnerLoop(2.0))
    monkeypatch.setattr(explore, "Networks", lambda: Networks(place))
    monkeypatch.setattr(Study, "tasks", lambda self, data, split="test", **how: sets[split])
    tiny = dict(channels=(2,), window=4, queries=1)
    right = surrogate.RIGHT
    changes = {
        grid: dict(open_set=lambda *named, **how: sets["test"], WORST=2, LOOKS=2),
        surrogate: dict(
            UPDATES=1,
            SLOPES=few(surrogate.SLOPES, right),
            SHAPES=few(surrogate.SHAPES, right, "triangle, κ 2"),
            WRONG=few(surrogate.WRONG, f"{right}, curvature times 0"),
            NEURONS=few(surrogate.NEURONS, right, "triangle, κ 2", f"{right}, curvature times 0"),
            _SMALL=dict(surrogate._SMALL, **tiny),
        ),
        seeds: dict(
            TRAINED_BY=few(seeds.TRAINED_BY, "MAML", "class means"),
            SEEDS=(0, 1),
            _SMALL=dict(seeds._SMALL, **tiny, updates=1),
        ),
        recurrence: dict(UPDATES=1, SEEDS=(0, 1), WIDTH=3),
        nuisance: dict(
            TRAINED_BY=few(nuisance.TRAINED_BY, nuisance.MEANS, "MAML, 1 step"),
            CASES=(nuisance.Case("none"), nuisance.Case("late", ways=3)),
            SEEDS=(0, 1),
            _SMALL=dict(nuisance._SMALL, **tiny),
            FIRST=1,
            QUERIES=1,
            LATER=1,
        ),
        cost: dict(measure=lambda net, theta, task, order, steps: [0.1 * order, 10.0 * steps]),
    }
    for module, values in changes.items():
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)


@pytest.mark.parametrize("name", all_but(("cost", "classes"), explore.NAMES))
def test_a_study_runs(name, small, tmp_path, capsys):
    out = tmp_path / "out"
    explore.main([name, "--episodes", "4", "--queries", "2", "--out", str(out)])
    found = json.loads((out / name / "findings.json").read_text())
    assert found["title"] in capsys.readouterr().out
    assert all(len(row) == len(one["header"]) for one in found["tables"] for row in one["rows"])
    assert found["tables"] and found["settings"]["episodes"] == 4


def test_the_second_order_keeps_the_inner_step():
    """So it needs more memory."""
    net = ms.SpikingNet((16, 32, 2), (8,), 5, kernel=3)
    rng = np.random.default_rng(0)
    x = (rng.random((5, 60, 16, 32, 2)) < 0.1).astype(np.uint8)
    task = ms.Task(x, np.arange(5), x, np.arange(5))
    theta = net.init(rng, x)
    first, second = (cost.measure(net, theta, task, order, 1)[1] for order in (1, 2))
    assert 0.1 < first < second < 500
