"""What is said over training seeds: rules that are compared, and those that no seed changes."""

from types import SimpleNamespace

import numpy as np
import pytest

from minisnn.experiments import nuisance, seeds
from minisnn.experiments.findings import Findings
from minisnn.experiments.statistics import estimate
from minisnn.experiments.study import Settings
from minisnn.training.baselines import Answers, rows_of
from minisnn.training.intervals import Drawn


@pytest.fixture(scope="module")
def rows():
    """Rules on the same 20 episodes: right in four of five answers; with some answers turned, which
    is two more right in all; and all right."""
    rng = np.random.default_rng(0)
    right = rng.random((20, 10)) < 0.8
    turned = right ^ (rng.random(right.shape) < 0.1)
    more = right.sum() + 2 - turned.sum()
    turned.flat[np.flatnonzero(~turned)[:more]] = True
    nothing = np.zeros((0, 1), int), np.zeros(0, int), ("a",)
    of = rng.integers(0, 40, (20, 10, 1))
    each = zip(np.stack([right, turned, np.ones_like(right)], 1), of)
    found = [Answers(one, Drawn(query, np.zeros(10, int), *nothing)) for one, query in each]
    return rows_of(["plain", "turned", "all"], found)


def test_a_difference_asks_for_new_recordings_too(rows):
    """All seeds show the same small difference, which lies within what other recordings change."""
    plain, turned, everything = ([rows[name]] * 3 for name in ("plain", "turned", "all"))
    apart = seeds.less(turned, plain)
    assert apart.mean > 0 == seeds.over_seeds([apart.mean] * 3).half < apart.half and apart.n == 3
    found = {"FOMAML": apart, "ANIL": seeds.less(everything, plain)}
    assert "FOMAML: not significantly different from MAML over 3" in seeds._verdict(found)
    assert "ANIL: better than MAML over 3 seeds" in seeds._verdict(found)


def tables(rows, monkeypatch):
    """What both experiments find where all seeds answer alike, and all rules but the first of each
    as "turned"."""
    plain, turned = rows["plain"], rows["turned"]
    floor = dict.fromkeys(("frames", "random"), plain)
    rules = dict.fromkeys(nuisance.TRAINED_BY, turned) | {nuisance.MEANS: plain} | floor

    def by_seed(study, name, seed, episodes):
        return {"adapted": plain if name == "MAML" else turned, "own": plain, **floor}

    monkeypatch.setattr(seeds, "_rows", by_seed)
    monkeypatch.setattr(nuisance, "_rows", lambda *_: [rules] * len(nuisance.SEEDS))
    for module in (seeds, nuisance):
        found = Findings("", "")
        module.run(SimpleNamespace(settings=Settings(episodes=4)), found)
        yield found


def test_rows_that_no_seed_changes_have_the_interval_over_recordings(rows, monkeypatch):
    own = estimate(rows["plain"])
    half = f"± {100 * own.half:.1f}"
    assert own.half > 0.01 and own.percent().endswith(half)
    of_rules, of_cases = tables(rows, monkeypatch)
    for name in ("random", "frames"):
        [told] = [row for row in of_rules.tables[0].rows if row[0] == seeds.RULE_NAMES[name]]
        assert told[1:] == [own.percent(), None, half, None, None]
        told = [row[2:] for row in of_cases.tables[0].rows if row[1] == name]
        assert told == [[own.percent(), None, half, None]] * len(nuisance.CASES)


def test_tables_have_the_difference_that_the_verdict_goes_by(rows, monkeypatch):
    apart = seeds.less([rows["turned"]] * 3, [rows["plain"]] * 3).points()
    of_rules, of_cases = tables(rows, monkeypatch)
    [told] = [row for row in of_rules.tables[0].rows if row[0] == "FOMAML"]
    assert told[-1] == apart and len(told[2].split()) == 3
    assert (
        f"FOMAML: not significantly different from MAML over 3 seeds ({apart}" in of_rules.summary
    )
    assert of_cases.tables[0].rows[1][-1] == apart
