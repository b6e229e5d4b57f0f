"""Recordings of a pen, in which time carries the class, and the networks that meta-train on them."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

import minisnn as ms
from minisnn import cli
from minisnn.experiments import pen, recurrence
from minisnn.experiments.networks import Networks
from minisnn.experiments.recurrence import BOTH, DESIGNS, PLAIN, SUMMED
from minisnn.experiments.statistics import Estimate
from minisnn.experiments.study import Settings, Study
from minisnn.training.baselines import compare, frames


@pytest.fixture
def archive(tmp_path):
    """Two drawings of six characters of each split, in strokes of known places and times."""
    rng = np.random.default_rng(0)
    xy, t, stroke, drawing, character, names = [], [], [0], [0], [], []
    for alphabets in pen.ALPHABETS.values():
        for number in range(6):
            names.append(f"{alphabets[0]}/{number + 1:02}")
            for _ in range(4):
                for begins in (0, 600):
                    xy.append(rng.integers(80, 760, (5, 2)))
                    t.append(begins + 100 * np.arange(5))
                    stroke.append(stroke[-1] + 5)
                drawing.append(len(stroke) - 1)
                character.append(len(names) - 1)
    parts = dict(xy=np.concatenate(xy).astype(np.int16), t=np.concatenate(t))
    parts |= dict(stroke=np.array(stroke), drawing=np.array(drawing))
    np.savez(tmp_path / "strokes.npz", character=character, names=names, **parts)
    return tmp_path / "strokes.npz"


def test_every_order_of_a_figure_looks_the_same():
    """From the same random numbers, all orders have the very same sum, and other recordings."""
    x = {}
    for order, turned in pen._orders():
        rng = np.random.default_rng(3)
        x[order, turned] = pen.record(rng, pen.figure(rng), order, turned, 4)
    first = next(iter(x.values()))
    assert first.any() and first.max() == 1 and len(x) == 48
    assert all(np.array_equal(one.sum(1), first.sum(1)) for one in x.values())
    assert len({one.tobytes() for one in x.values()}) == len(x)


def test_looks_answer_by_chance_and_stretches_of_time_do_not():
    tasks = pen.pens("val")
    rules = {"frames": frames, "stretches": recurrence.Stretches(5)}
    rules["random order"] = recurrence.Seeing(rules["stretches"], DESIGNS[SUMMED])
    found = compare(tasks, rules, 60)
    assert abs(found["frames"].mean - 0.2) < 0.05 > abs(found["random order"].mean - 0.2)
    assert found["stretches"].mean > 0.8


def test_a_split_has_figures_of_its_own_and_an_episode_is_always_the_same():
    one, same, other = (pen.pens(split).episode(0, 1) for split in ("test", "test", "train"))
    np.testing.assert_array_equal(one.x_query, same.x_query)
    assert not np.array_equal(one.x_query, other.x_query)
    assert set(one.classes) <= set(pen.pens("test").classes)


def test_steps_are_shared_out():
    lengths = np.random.default_rng(0).uniform(0.1, 1, (50, 6))
    shares = pen.shared_out(lengths, 40)
    assert (shares.sum(1) == 40).all()
    assert np.abs(shares - 40 * lengths / lengths.sum(1, keepdims=True)).max() < 1


def test_written_characters_are_where_and_when_the_pen_was(archive):
    tasks = pen.pens("test", archive)
    assert tasks.classes == tuple(f"Latin/{n:02}" for n in range(1, 7))
    task = tasks.episode(0, 0)
    assert task.x_query.shape == (25, pen.STEPS, 100) and task.recordings is not None
    drawn = pen._written([(np.array([[0.0, 0.0], [105.0, 42.0]]), np.array([5000, 6000]))])
    row, column = np.divmod(drawn.argmax(1), pen.WRITTEN_SIDE)
    assert drawn.any(1).all() and (np.diff(row) >= 0).all() and (np.diff(column) >= 0).all()
    assert (row[0], row[-1], column[0], column[-1]) == (3, 6, 0, pen.WRITTEN_SIDE - 1)
    lifted = tasks.x[int(task.recordings[1][0, 0])].sum(1)[17:23]  # 400 to 600 of 1,000 ms
    assert not lifted.any()


def test_another_file_is_refused(tmp_path, archive):
    (tmp_path / "text.npz").write_text("nothing")
    np.savez(tmp_path / "other.npz", xy=np.zeros(3))
    with np.load(archive) as whole:
        parts = dict(whole)
    np.savez(tmp_path / "few.npz", **parts | dict(names=np.full(18, "Greek/01")))
    for name, said in (
        ("text", "expected an archive of strokes"),
        ("other", "expected an archive of strokes"),
        ("few", "no character of Latin"),
    ):
        with pytest.raises(ValueError, match=f"{name}.npz: .*{said}"):
            pen.pens("test", tmp_path / f"{name}.npz")
    with pytest.raises(ValueError, match="expected an archive"):
        pen.pens("test", tmp_path)


def test_a_random_order_keeps_the_events_and_nothing_else():
    task = pen.pens().episode(0, 0)
    mixed = pen.shuffled(task)
    np.testing.assert_array_equal(mixed.x_query.sum(1), task.x_query.sum(1))
    assert not np.array_equal(mixed.x_query, task.x_query)
    np.testing.assert_array_equal(pen.sliced(task.x_query, 1), task.x_query.sum(1))
    assert pen.sliced(task.x_query, 5).shape == (25, 5 * 36)


@pytest.mark.slow
def test_designs_have_what_they_say():
    tasks = pen.pens()
    nets = {name: design.network(tasks, pen.STEPS) for name, design in DESIGNS.items()}
    assert nets[recurrence.DEEP].size == nets[recurrence.RECURRENT].size + recurrence.WIDTH
    assert nets[BOTH].size == nets[recurrence.RECURRENT].size + len(recurrence.CONSTANTS)
    assert all(net.window == pen.STEPS for net in nets.values())


@pytest.mark.slow
def test_a_stopped_run_goes_on_and_ends_the_same(tmp_path, monkeypatch):
    tasks = pen.pens()
    monkeypatch.setattr(recurrence, "WIDTH", 6)
    for name, value in (("KEPT_EVERY", 2), ("UPDATES", 3), ("WAYS", 2), ("QUERIES", 1)):
        monkeypatch.setattr(recurrence, name, value)
    whole = recurrence.trained(tasks, tmp_path, (BOTH, 1))
    again = recurrence.trained(tasks, tmp_path, (BOTH, 1))
    np.testing.assert_array_equal(whole, again)
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    looked = []

    def stopped():
        looked.append(1)
        if len(looked) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(recurrence, "check", stopped)
    with pytest.raises(KeyboardInterrupt):
        recurrence.trained(tasks, tmp_path, (BOTH, 1))
    assert ms.read(tmp_path / f"{recurrence._short(BOTH)}-1.h5").progress["update"] == 2
    np.testing.assert_array_equal(recurrence.trained(tasks, tmp_path, (BOTH, 1)), whole)
    begun = recurrence.begun(tasks, DESIGNS[BOTH], 1)[1]
    assert not np.array_equal(begun, whole) and len(looked) == 4


@pytest.mark.parametrize(
    "mean, half, wide, said",
    [
        (0.1, 0.05, 0.05, "helps"),
        (-0.1, 0.05, 0.05, "harms"),
        (0.1, 0.2, 0.05, "no significant difference"),
        (0.1, 0.05, 0.2, "no significant difference"),
        (-0.1, 0.05, 0.2, "no significant difference"),
    ],
)
def test_verdicts_ask_for_seeds_and_for_tasks(mean, half, wide, said):
    assert recurrence.verdict(Estimate(mean, half, None, 3), wide) == said


@pytest.mark.parametrize("half, said", [(0.01, "helps"), (0.5, "no significant difference")])
def test_an_effect_asks_for_the_interval_that_leads(half, said, monkeypatch):
    """Over new classes, say, of the seed whose interval is widest; over episodes it is narrow."""
    one, other = "recurrent", "feed-forward"
    monkeypatch.setattr(recurrence, "EFFECTS", {"one": (one, other)})
    rows = {}
    for seed in recurrence.SEEDS:
        rows[one, seed] = SimpleNamespace(mean=0.2 + 1e-4 * seed)
        rows[other, seed] = SimpleNamespace(mean=0.1)
    halves = iter([0.001, half, 0.001])
    monkeypatch.setattr(
        recurrence, "difference", lambda a, b: Estimate(a.mean - b.mean, next(halves), 0.001, 3)
    )
    told: list = []
    found = SimpleNamespace(summary="", table=lambda *cells: told.append(cells))
    recurrence._effects(found, rows, "classes")
    assert told[0][3][0][-1] == said and f"one: {said} (" in found.summary


@pytest.mark.slow
def test_written_characters_are_measured(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(recurrence, "WIDTH", 4)
    for name, value in (("UPDATES", 1), ("SEEDS", (0, 1))):
        monkeypatch.setattr(recurrence, name, value)
    settings = Settings(episodes=3, queries=1, root=str(archive))
    study = Study("recurrence", tmp_path / "out", settings, Networks(), progress=False)
    found = study.run()
    designs, effects = found.tables
    assert "characters" in designs.title and len(effects.rows) == len(recurrence.EFFECTS)
    assert len(designs.rows) == len(recurrence.DESIGNS) + 4
    assert PLAIN in designs.rows[0][0] and designs.rows[1][-1].count(".") == 3


@pytest.mark.slow
def test_a_command_that_was_stopped_in_its_first_network_goes_on(tmp_path, monkeypatch, capsys):
    for name, value in (("WIDTH", 3), ("KEPT_EVERY", 1), ("UPDATES", 2), ("SEEDS", (0, 1))):
        monkeypatch.setattr(recurrence, name, value)
    out = tmp_path / "out"
    line = ["explore", "recurrence", "--episodes", "2", "--out", str(out), "--quiet"]
    looked = []

    def stopped():
        looked.append(1)
        if len(looked) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(recurrence, "check", stopped)
    assert cli.main([*line, "--threads", "1"]) == 130
    assert len(list(out.rglob("*.h5"))) == 1
    assert cli.main([*line, "--threads", "1"]) == 0, capsys.readouterr().err
    assert (out / "recurrence" / "findings.json").is_file()
