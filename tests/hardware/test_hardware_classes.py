"""How many classes a device holds apart, and when it answers "none of these": episodes dealt by number,
the continual curve, and the threshold's promise."""

import numpy as np
import pytest
from integers import small

import minisnn as ms
from minisnn.hardware import CountedMeans
from minisnn.hardware.chip.means import is_refused
from minisnn.hardware.study import classes, drawings, nothing, refuse


def recordings(of=6, each=8, seed=0, **options):
    rng = np.random.default_rng(seed)
    frames = rng.poisson(0.3, (of * each, 5, 2, 4, 4))
    return ms.Recordings(frames, sorted([*range(of)] * each), duration_ms=5, **options)


def seen(tasks, seed=1, inputs=12) -> drawings.Traces:
    """Traces of all recordings, each near its class's own."""
    rng = np.random.default_rng(seed)
    labels = tasks.pool.labels
    own = rng.integers(0, 4097, (labels.max() + 1, inputs))[labels]
    p = np.clip(own + rng.integers(-1500, 1500, own.shape), 0, 4096).astype(np.uint16)
    return drawings.Traces(np.arange(len(labels))[:, None], p, (p / 4096).astype(np.float32))


@pytest.mark.parametrize("beside", [1, 2])
def test_numbers_are_dealt_as_recordings_are(beside):
    pairs = {f"{a}{b}": (a, b) for a in range(3) for b in range(3)} if beside == 2 else None
    tasks = recordings(made_of=pairs)
    one = tasks.episode(3, 1, 4, 2, 3)
    shown = drawings.numbered(tasks).episode(3, 1, 4, 2, 3)
    for side in ("support", "query"):
        x, number = (getattr(task, f"x_{side}") for task in (one, shown))
        assert number.shape[1:] == (4, beside)
        assert np.array_equal(tasks.pool.side_by_side(drawings.places(number)), x)
    assert np.array_equal(one.y_query, shown.y_query) and one.classes == shown.classes
    rows = drawings.rows(tasks, [(3, 1, 4, 2, 3)])
    traces = drawings.Traces(rows, *(np.zeros((len(rows), 1)),) * 2)
    found = rows[traces.of(shown).query]
    assert np.array_equal(found, drawings.places(shown.x_query))


def test_the_curve_is_asked_after_every_class():
    rng = np.random.default_rng(5)
    far = rng.integers(0, 30, (200, 9))
    y = rng.integers(0, 9, 200)
    y[:9] = range(9)
    far[np.arange(200), y] -= 9
    expected = [
        np.mean(far[y < m, :m].argmin(1) == y[y < m])
        for m in range(1, 10)  # the first of equal ones
    ]
    assert np.allclose(classes.curve(far, y), expected)


def test_one_after_the_other_ends_where_all_at_once_does():
    tasks = recordings(of=8, each=12)
    how = classes.How((2, 5, 8), (1, 4), 3, 4, 3, 0)
    found = classes.look(tasks, seen(tasks), how, ms.Executor(), False)
    assert set(found.cells) == {(n, k) for n in how.ways for k in how.shots} and found.off <= 1
    for shots, one in found.orders.items():
        assert one["one by one"].mean == pytest.approx(found.curves[shots][-1])
        assert abs(one["one by one"].mean - one["at once"].mean) < 0.1
    assert found.cells[2, 4]["integers"].mean >= found.cells[8, 4]["integers"].mean > 1 / 8
    assert [row[0] for row in classes.tables(found, how, "")[0].rows] == ["2", "5", "8"]
    figures = classes.figures(found, how)
    assert figures["integers-8-4"]["value"] == found.cells[8, 4]["integers"].mean


# ---- "none of these"


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
    given = (2, 2, 3), 8, seed, ms.Executor(), traces, blots
    return refuse.look(chip, drawings.numbered(tasks), *given)


def test_as_many_classes_must_be_there_that_are_not_taught():
    tasks = recordings(of=8, each=8)
    of = lambda ways, shots: refuse.check(tasks, classes.How((2 * ways,), (shots,), 3, 2, 1, 0))
    of(4, 4)
    with pytest.raises(ValueError, match="--ways is 5"):
        of(5, 1)
    with pytest.raises(ValueError, match="5 shots"):
        of(4, 5)


@pytest.mark.parametrize("bound", [0, 30_000])
def test_the_study_refuses_what_the_device_does(bound):
    rng = np.random.default_rng(2)
    blank = rng.integers(0, 256, (2, 5)).astype(np.uint8)
    means = CountedMeans(5, refuse=bound, nothing=blank)
    means.learn(means.add(), rng.integers(0, 4097, 5))
    asked = rng.integers(0, 4097, (400, 5))
    away = ((asked[:, None] - 16 * blank.astype(int)) ** 2).sum(2).min(1) // 256
    far = np.stack([means.distances(asked)[:, 0], away], 1)
    none = np.array([means.nearest(p) == -1 for p in asked])
    expected = is_refused(far, bound, 1) if bound else far[:, 1] < far[:, 0]
    assert np.array_equal(none, expected) and 0 < none.mean() < 1


def test_means_that_are_no_class_refuse_their_own_and_leave_others():
    """In an episode as on a device."""
    _, _, chip = small(readout_exponent=-3, channels=(6, 8), shape=(6, 16, 2), scale=0.9)
    p = np.random.default_rng(3).integers(0, 4097, (1, len(chip.weight)))
    knows = chip.with_nothing(np.minimum((p + 8) // 16, 255).astype(np.uint8))
    both = [looked(one, 0, nothing.Blots(p, p, 0 * p)) for one in (chip, knows)]
    assert np.array_equal(both[0].known[:, 0], both[1].known[:, 0])
    few = int(both[0].dots[:, 0].min()) - 1
    assert is_refused(both[1].dots, few, 2).all() and not is_refused(both[1].known, few, 2).all()
