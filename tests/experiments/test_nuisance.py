"""Nuisances: what they do to recordings, and what is said of rules that meet them."""

from types import SimpleNamespace

import numpy as np
import pytest

import minisnn as ms
from minisnn.experiments import nuisance
from minisnn.experiments.findings import Findings
from minisnn.experiments.nuisances import DEAD, FARTHEST, LATEST, NUISANCES, SIZE, Disturbed
from minisnn.experiments.statistics import Estimate

STEPS = 25


@pytest.fixture(scope="module")
def tasks():
    rng = np.random.default_rng(0)
    x = rng.poisson(0.3, (24, STEPS, *SIZE, 2)).astype(np.uint8)
    return ms.Recordings(x, list("abcdef") * 4, duration_ms=STEPS)


def pairs(tasks, name, number=12):
    """(a recording as it is, as the nuisance made it) of support and query, by episode."""
    changed = Disturbed(name, tasks)
    for index in range(number):
        before, after = tasks.episode(1, index), changed.episode(1, index)
        assert before.classes == after.classes
        yield [(getattr(before, part), getattr(after, part)) for part in ("x_support", "x_query")]


@pytest.mark.parametrize("name", NUISANCES)
def test_a_nuisance_is_new_in_each_task_and_always_the_same_for_an_episode(name, tasks):
    changed, again = (Disturbed(name, tasks) for _ in range(2))
    for index in (3, 0):
        one, same = changed.episode(0, index), again.episode(0, index)
        np.testing.assert_array_equal(one.x_query, same.x_query)
        np.testing.assert_array_equal(one.x_support, same.x_support)
        assert one.x_query.dtype == np.uint8
    alike = [all(np.array_equal(a, b) for a, b in pair) for pair in pairs(tasks, name)]
    assert all(alike) if name == "none" else not all(alike)


FOUND = {  # recordings before and after -> what support and query must agree in
    "turned": lambda x, y: [np.array_equal(np.rot90(x, k, (2, 3)), y) for k in range(4)],
    "mirrored": lambda x, y: [
        np.array_equal(np.flip(x, axes), y) for axes in ((), (2,), (3,), (2, 3))
    ],
    "polarities": lambda x, y: [np.array_equal(x[..., ::way], y) for way in (1, -1)],
    "late": lambda x, y: [
        np.array_equal(x[:, : STEPS - k], y[:, k:]) and not y[:, :k].any()
        for k in range(LATEST + 1)
    ],
}


@pytest.mark.parametrize("name", FOUND)
def test_support_and_query_are_changed_alike(name, tasks):
    ways = set()
    for support, query in pairs(tasks, name):
        found = [FOUND[name](x, y) for x, y in (support, query)]
        assert found[0] == found[1] and sum(found[0]) == 1
        ways.add(found[0].index(True))
    assert len(ways) > 1


def test_dead_cells_see_nothing_and_the_others_all(tasks):
    shares = []
    for support, query in pairs(tasks, "dead"):
        seen = [y.any((0, 1, 4)) for _, y in (support, query)]
        np.testing.assert_array_equal(*seen)
        for x, y in (support, query):
            np.testing.assert_array_equal(x * seen[0][..., None], y)
        shares.append(1 - seen[0].mean())
    assert abs(np.mean(shares) - DEAD) < 0.05


def test_in_the_dim_events_are_lost_and_none_is_new(tasks):
    shares = []
    for support, query in pairs(tasks, "dim"):
        both = [y.sum() / x.sum() for x, y in (support, query)]
        assert all((y <= x).all() for x, y in (support, query))
        assert abs(both[0] - both[1]) < 0.05
        shares.append(both[0])
    assert 0.1 <= min(shares) < max(shares) <= 1


def test_stretched_recordings_hold_the_events_in_their_order(tasks):
    paces = set()
    for support, _ in pairs(tasks, "stretched"):
        x, y = support
        last = int(np.flatnonzero(y.any((0, 2, 3, 4)))[-1])
        paces.add(last)
        total = y.sum((1, 2, 3, 4))
        # slower: the first part of all events; faster: all of them
        first = [x[:, :k].sum((1, 2, 3, 4)) for k in range(1, STEPS + 1)]
        assert any(np.array_equal(total, one) for one in first)
    assert len(paces) > 1


def test_what_is_shifted_off_the_sensor_is_lost(tasks):
    for support, query in pairs(tasks, "shifted"):
        found = []
        for x, y in (support, query):
            wide = np.pad(x, ((0, 0), (0, 0), (FARTHEST,) * 2, (FARTHEST,) * 2, (0, 0)))
            H, W = SIZE
            places = range(2 * FARTHEST + 1)
            found.append(
                [
                    (i, j)
                    for i in places
                    for j in places
                    if np.array_equal(wide[:, :, i : i + H, j : j + W], y)
                ]
            )
        assert found[0] == found[1] and len(found[0]) == 1


def test_rewiring_exchanges_tiles(tasks):
    for support, query in pairs(tasks, "rewired", 3):
        orders = []
        for x, y in (support, query):
            old, new = (
                one.reshape(*one.shape[:2], 4, 4, 4, 4, 2).transpose(2, 4, 0, 1, 3, 5, 6)
                for one in (x, y)
            )
            old, new = old.reshape(16, -1), new.reshape(16, -1)
            orders.append([int(np.flatnonzero((old == one).all(1))[0]) for one in new])
        assert orders[0] == orders[1] and sorted(orders[0]) == list(range(16))


def test_the_table_has_a_row_a_case_and_a_star_where_zero_is_left_out():
    none, late = nuisance.Case("none"), nuisance.Case("late")
    worth = {
        (none, "MAML"): Estimate(0.03, 0.02, None, 3),
        (none, "iMAML"): Estimate(-0.01, 0.02, None, 3),
        (late, "MAML"): Estimate(-0.03, 0.02, None, 3),
    }
    assert nuisance._gains(worth) == [
        ["none", "+3.00 ± 2.00*", "-1.00 ± 2.00"],
        ["late", "-3.00 ± 2.00*", None],
    ]


def test_every_rule_goes_on_from_the_same_class_means_for_as_many_tasks(monkeypatch):
    trained = {}

    class Stub:
        def trained(self, name, dataset, config):
            assert dataset.endswith(":" + name.split("-")[0].split(",")[0])
            trained[name] = config
            return SimpleNamespace(out=f"runs/{name}", net=None, theta=None, inner=None)

        def tasks(self, dataset):
            return None

        def rows(self, key, dataset, rules, **how):
            return rules

    floor = dict(random=None, frames=None, own=None)
    monkeypatch.setattr(nuisance, "baselines", lambda *taken: floor)
    for case, queries in ((nuisance.Case("late"), 5), (nuisance.Case("none", ways=20), 1)):
        trained.clear()
        found = nuisance._rows(Stub(), case, 2, Findings("nuisance", ""))
        assert [list(one) for one in found] == 3 * [[*list(nuisance.TRAINED_BY)[:5], *floor][:7]]
        for seed in nuisance.SEEDS:
            begun = f"{case.nuisance}-{case.ways}-{seed}"
            assert trained[begun].updates == nuisance.FIRST and trained[begun].start is None
            for name in list(nuisance.TRAINED_BY)[:5]:
                config = trained[f"{case.name}-{name}-{seed}"]
                assert (config.start, config.updates) == (f"runs/{begun}", nuisance.LATER)
                assert (config.seed, config.ways, config.queries) == (seed, case.ways, queries)
    trained.clear()
    nuisance._rows(Stub(), nuisance.Case("none"), 2, Findings("nuisance", ""))
    assert len(trained) == 3 * (1 + len(nuisance.TRAINED_BY))


def test_an_unknown_nuisance_is_refused(tasks):
    with pytest.raises(ValueError, match="nuisance is 'rain', expected one of none, turned"):
        Disturbed("rain", tasks)


def test_a_step_is_ahead_only_beyond_its_interval():
    def of(mean, half):
        return Estimate(mean, half, None, 3)

    case = nuisance.Case("late", shots=5)
    told = nuisance.verdict({(case, "MAML"): of(0.03, 0.02), (case, "FOMAML"): of(0.03, 0.04)})
    assert "ahead of class means: MAML on late, 5-way 5-shot." in told
    assert "Behind are 0; 1 are not" in told
    told = nuisance.verdict({(case, "MAML"): of(-0.03, 0.02)})
    assert "none is ahead" in told and "Behind are 1; 0 are not" in told


def test_a_rule_that_could_not_be_trained_leaves_a_gap_in_the_map():
    early, late = nuisance.Case("none"), nuisance.Case("late")
    one = Estimate(0.03, 0.02, None, 3)
    figure = nuisance._figure({(early, "MAML"): one, (early, "iMAML"): one, (late, "MAML"): one})
    assert [text.get_text() for text in figure.axes[0].texts] == ["+3.0*"] * 3
