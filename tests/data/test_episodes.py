"""Tasks are those of `golden/episodes.json`, made by the program next to it, to the bit."""

import json
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
sys.path.insert(0, str(GOLDEN))

import make_episodes  # noqa: E402

KEPT = json.loads((GOLDEN / "episodes.json").read_text())


def changed(sets, kept):
    """The tasks whose hashes are not those kept, and how many there are."""
    made = {name: " ".join(of) for one in sets for name, of in make_episodes.episodes(one)}
    return [name for name in made if made[name] != kept.get(name)], len(made)


def test_tasks_of_fast_sets_stay_the_same(tmp_path):
    fast = (one for one in make_episodes.sets(tmp_path) if one.fast)
    wrong, number = changed(fast, KEPT["made"])
    assert not wrong and number >= 20


@pytest.mark.slow
def test_all_tasks_stay_the_same(tmp_path):
    wrong, number = changed(make_episodes.sets(tmp_path), KEPT["made"])
    assert not wrong and number == len(KEPT["made"]) >= 160
