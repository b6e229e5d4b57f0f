"""`minisnn hardware metatrain`: a stopped run goes on as if nothing had happened, float and integers
meet the same tasks, and what is measured is what was answered."""

import numpy as np
import pytest
from toy import ToySet
from written import read_json

from minisnn.hardware.meta import measure, run
from minisnn import Task

SMALL = run.Settings(
    run.Plan(channels=(3, 4), updates=5), ways=3, queries=1, test_ways=3, episodes=3, alphabets=2
)


class Columns:
    """Tasks whose class k has its events in two columns; every task that is asked for is kept."""

    input_shape = (8, 8, 2)
    classes = ("A-01", "A-02", "B-01", "B-02", "C-01", "C-02")

    def __init__(self):
        self.asked = []

    def only(self, classes):
        assert classes == ["A-01", "A-02", "B-01", "B-02"]  # of two alphabets
        return self

    def sample_task(self, rng, ways, shots, queries):
        columns = rng.permutation(4)[:ways]
        sides = []
        for n in (shots, queries):
            y = np.repeat(np.arange(ways), n)
            x = np.zeros((len(y), 30, *self.input_shape), np.uint8)
            for one, k in zip(x, y):
                at = one[:, :, 2 * columns[k] : 2 * columns[k] + 2]
                at[...] = rng.random(at.shape) < 0.3
            sides += [x, y]
        self.asked.append(sides[0])
        return Task(*sides)

    episode = ToySet.episode


@pytest.fixture
def columns(monkeypatch):
    tasks = Columns()
    monkeypatch.setattr(run, "open_set", lambda *args, **options: tasks)
    return tasks


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(columns, tmp_path):
    arms = run.arms_of((16, 8), (1,))
    run.run(SMALL, arms, tmp_path, False)
    whole = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "8-bits-1.json").unlink()
    (tmp_path / "float-1.json").unlink()
    run.run(*run.resumed(tmp_path)[:2], tmp_path, False)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == whole


def test_all_arms_meet_the_same_tasks_and_begin_with_the_same_weights(columns):
    asked = []
    for bits in (16, None):
        columns.asked.clear()
        run.trained(columns, SMALL, bits, 2, False)
        asked.append([one.copy() for one in columns.asked])
    assert all(map(np.array_equal, *asked)) and len(asked[0]) == 5 + run.INIT_TASKS
    begun, beside = (run.begin(columns, SMALL, bits, 2) for bits in (16, None))
    layer = begun.net.layers[1]
    found = beside.net.views(beside.theta)["conv2.weight"]
    assert np.allclose(found, layer.weight * 2.0 ** (layer.exponent - 8))


def test_a_run_and_what_it_tells(columns, tmp_path, command):
    arms = run.arms_of((16, 8), (0, 1))
    run.run(SMALL, arms, tmp_path, False)
    values = measure.rows(tmp_path, SMALL, arms, "test")
    seeds = measure.by_seed(tmp_path, arms)
    assert list(values) == ["summed frames", "untrained integers", "float", "16 bits", "8 bits"]
    for name in ("16 bits", "8 bits", "float"):
        assert values[name].mean == pytest.approx(np.mean(list(seeds[name].values())))
    found = measure.figures(values, seeds)
    less = values["16 bits"].mean - values["float"].mean
    assert found["less-16-bits"]["value"] == pytest.approx(less)
    assert [row[0] for row in measure.table(values, seeds, SMALL, "test").rows] == list(values)
    assert run.resumed(tmp_path) == (SMALL, arms, "test")
    _, out, _ = command(f"hardware metatrain --resume {tmp_path} --json {tmp_path / 'o.json'}")
    assert "16 bits" in out
    told = read_json(tmp_path / "o.json")
    assert told["figures"]["less-16-bits"]["value"] == pytest.approx(less)


def test_more_alphabets_than_there_are_are_refused_before_anything_is_made(
    columns, tmp_path, command
):
    out = tmp_path / "run"
    code, _, err = command(f"hardware metatrain --alphabets 4 --out {out}")
    assert code == 2 and "alphabets" in err and not out.exists() and not columns.asked
