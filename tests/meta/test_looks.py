"""Several looks at a recording, each shifted by a cell: their mean, its gradient, and what is
remembered of samples that many tasks share."""

import numpy as np
import pytest

import minisnn as ms
from minisnn.core.neuron import CubaLIF
from minisnn.meta.inner import InnerLoop
from minisnn.meta.prototypes import LOOKS, ClassMeans, features_of, nearest, shifted
from minisnn.meta.rules import RULES
from minisnn.meta.tasks import Task
from minisnn.network.convolutional import ConvNet
from minisnn.meta.remembered import Samples, remembered
from minisnn.network.spiking import SpikingNet
from minisnn.training.baselines import baselines, learns_by
from minisnn.training.evaluation import evaluate
from minisnn.training.progress import table
from minisnn.training.settings import TrainingConfig

SCALE = 20.0


def make(backend="numpy", dtype=np.float64, **options):
    net = SpikingNet(
        (8, 6, 2), (3, 4), 3, 3, "max", CubaLIF(threshold=0.1), 8, dtype, backend=backend, **options
    )
    rng = np.random.default_rng(0)
    x = [(rng.random((3 * n, 9, 8, 6, 2)) < 0.1).astype(np.uint8) for n in (1, 2)]
    task = Task(x[0], np.arange(3), x[1], np.arange(6) % 3)
    return net, net.init(rng, task.x_support, rate=0.2), task, rng


def by_hand(x: np.ndarray, down: int, right: int) -> np.ndarray:
    found = np.zeros_like(x)
    for *before, row, column, polarity in zip(*np.nonzero(x)):
        if 0 <= row + down < x.shape[2] and 0 <= column + right < x.shape[3]:
            place = (*before, row + down, column + right, polarity)
            found[place] = x[(*before, row, column, polarity)]
    return found


def test_a_look_moves_every_event_by_a_cell():
    x = make()[2].x_query
    for looks, shifts in LOOKS.items():
        assert len(set(shifts)) == looks and shifts[0] == (0, 0)
        assert {abs(a) + abs(b) for a, b in shifts} == {1: {0}, 5: {0, 1}, 9: {0, 1, 2}}[looks]
        for by in shifts:
            np.testing.assert_array_equal(shifted(x, *by), by_hand(x, *by))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("looks", [5, 9])
def test_features_are_the_mean_of_all_looks(looks, backend):
    net, theta, task, _ = make(backend)
    each = [net.features(theta, by_hand(task.x_query, *by)) for by in LOOKS[looks]]
    found = features_of(net, theta, task.x_query, looks=looks)
    np.testing.assert_allclose(found, np.mean(each, 0), rtol=1e-12, atol=1e-15)
    assert not np.array_equal(found, each[0])
    loop = ClassMeans(steps=0, scale=SCALE, looks=looks)
    logits = loop.logits(net, theta, task)
    np.testing.assert_array_equal(logits, nearest(net, theta, task, SCALE, 1, looks))
    np.testing.assert_allclose(loop.meta_gradient(net, theta, task).query_logits, logits, rtol=1e-9)


@pytest.mark.parametrize("readings", [1, 2])
def test_meta_gradient_against_differences(readings):
    net, theta, task, rng = make()
    loop = ClassMeans(steps=0, scale=SCALE, looks=5, readings=readings)
    recorded, v = loop.record(net, theta, task), rng.standard_normal(net.size)
    found = loop.meta_gradient(net, theta, task)
    twin = loop.meta_gradient(net, theta, task, spike="jet", recorded=recorded)
    np.testing.assert_allclose(twin.gradient, found.gradient, rtol=1e-9, atol=1e-15)
    h = 1e-5
    ahead, behind = (loop.loss(net, theta + s * v, task, "jet", recorded) for s in (h, -h))
    slope = (ahead - behind) / (2 * h)
    assert abs(found.gradient @ v - slope) < 1e-7 * np.linalg.norm(found.gradient) * np.linalg.norm(
        v
    )
    assert found.loss == pytest.approx(loop.loss(net, theta, task), rel=1e-12)
    fast = loop.meta_gradient(make("numba")[0], theta, task)
    assert np.abs(fast.gradient - found.gradient).max() < 1e-11 * np.abs(found.gradient).max()


def test_a_run_learns_by_one_look_and_tests_by_all():
    net, theta, task, _ = make("numba")
    config = TrainingConfig(rule="prototypes", learn_step_size="no", looks=5)
    rule = RULES["prototypes"]
    loop = rule.loop(net, InnerLoop(), config)
    assert loop.looks == 5 and loop.steps == 0
    once = ClassMeans(steps=0, scale=loop.scale).meta_gradient(net, theta, task)
    found = rule.gradient(loop, net, theta, task, 2)
    np.testing.assert_array_equal(found.gradient, once.gradient)
    assert learns_by("nearest", net, theta, loop).inner.looks == 5
    assert learns_by("proto-maml", net, theta, loop).inner.looks == 1


def test_what_looks_do_not_fit():
    net, theta, task, _ = make()
    for wrong in (0, 2, 4, True, "5", 5.5):
        with pytest.raises(ValueError, match="looks must be"):
            ClassMeans(steps=0, looks=wrong).meta_gradient(net, theta, task)
        for ask in ("logits", "loss", "record"):
            with pytest.raises(ValueError, match="looks must be"):
                getattr(ClassMeans(steps=0, looks=wrong), ask)(net, theta, task)
    with pytest.warns(UserWarning, match="all features of one look at a recording, not 5 looks;"):
        ClassMeans(steps=0, looks=5).adapt(net, theta, task.x_support, task.y_support)
    with pytest.raises(ValueError, match="looks must be 1 where inner steps follow, not 5"):
        ClassMeans(steps=1, looks=5).meta_gradient(net, theta, task)
    units = SpikingNet((6,), (), 3)
    with pytest.raises(ValueError, match="looks must be 1 where samples are rows of units, not 9"):
        ClassMeans(steps=0, looks=9).check(units)


class Tasks:
    """Tasks that share a few samples."""

    def __init__(self, x):
        self.x = x

    def episode(self, seed, i, ways, shots=1, queries=1):
        drawn = np.random.default_rng((seed, i)).permutation(len(self.x))[
            : ways * (shots + queries)
        ]
        y = np.repeat(np.arange(ways), shots + queries)
        first = np.arange(len(y)) % (shots + queries) < shots
        return Task(self.x[drawn[first]], y[first], self.x[drawn[~first]], y[~first])


NETS = {
    "lif": lambda dtype: SpikingNet((16, 16, 2), (8, 16), 5, 5, "max", None, 10, dtype),
    "cuba": lambda dtype: SpikingNet(
        (16, 16, 2), (8, 7), 7, 3, "mean", CubaLIF(threshold=0.1), 10, dtype, hidden=(30,)
    ),
    "dense": lambda dtype: SpikingNet((6,), (), 3, hidden=(17, 9), dtype=dtype),
    "cnn": lambda dtype: ConvNet((17, 13, 2), (7, 5), 5, 3, dtype, hidden=(11,)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("made", NETS)
def test_what_a_sample_gives_does_not_depend_on_those_beside_it(made, dtype):
    """The same bits in any company, for which samples are remembered one by one."""
    net, rng = NETS[made](dtype), np.random.default_rng(0)
    assert net.apart
    x = (rng.random((13, 12, *net.input_shape)) < 0.1).astype(np.uint8)
    theta = net.init(rng, x)
    p, logits = net.features(theta, x), net(theta, x)
    samples = Samples()
    for _ in range(5):
        some = rng.permutation(13)[: rng.integers(1, 13)]
        with remembered(samples, (theta,)):
            assert net.features(theta, x[some]).tobytes() == p[some].tobytes()
            assert net(theta, x[some]).tobytes() == logits[some].tobytes()
    assert not make("numpy")[0].apart  # BLAS


def test_samples_are_computed_once_and_the_first_go_first():
    asked = []

    def compute(x):
        asked.append(x.tolist())
        return (10.0 * x, -x)

    samples, of = Samples(room=4 * 16), (object(), object())
    ask = lambda *x, of=of, what="p": samples.rows(of, what, np.array(x, float)[:, None], compute)
    ten, less = ask(1, 2, 1)
    assert ten.tolist() == [[10], [20], [10]] and less.tolist() == [[-1], [-2], [-1]]
    assert asked == [[[1], [2]]]
    ask(2, 3)
    assert asked[1:] == [[[3]]]
    ask(1, what="other"), ask(1, of=(object(), of[1]))
    assert asked[2:] == [[[1]], [[1]]] and samples.held == 64  # 1 of the first went for the last
    ask(3, 2)
    assert len(asked) == 4
    assert ask(1)[0].tolist() == [[10]] and len(asked) == 5
    ask(*range(20))  # more than there is room for is given all the same
    assert samples.held <= 64


def test_samples_that_do_not_come_again_are_not_kept():
    computed, of = [], (object(),)
    compute = lambda x: (computed.append(len(x)) or 2 * x,)
    for again in (2, 3):  # of the first thousand
        samples = Samples()
        computed.clear()
        values = np.arange(1000.0)[:, None]
        values[900 : 900 + again] = values[:again]
        for x in np.split(values, 10):
            samples.rows(of, "p", x, compute)
        assert sum(computed) == 1000 - again
        kept = len(samples.known)
        assert kept == (0, 1000 - again)[again == 3] and samples.held == 8 * kept
        (found,) = samples.rows(of, "p", values[:4], compute)
        assert found.tolist() == [[0], [2], [4], [6]]
        assert sum(computed) == 1000 - again + 4 * (kept == 0)


def test_what_has_the_same_bytes_and_another_form_is_another_sample():
    ask = lambda x: Samples.rows(samples, (x,), "p", x, lambda x: (x.astype(float),))[0]
    samples = Samples()
    for x in (np.ones((1, 8), np.uint8), np.ones((1, 4, 2), np.uint8), np.ones((1, 8), np.int8)):
        kept = len(samples.known)
        assert ask(x).shape == x.shape
        assert len(samples.known) == kept + 1


def test_only_what_comes_again_is_held(monkeypatch):
    """Thetas that a task made are gone with it; of several looks the mean is kept, and no look."""
    made = []
    monkeypatch.setattr(
        "minisnn.training.evaluation.Samples", lambda: made.append(Samples()) or made[-1]
    )
    net, theta, _, rng = make("numba", np.float32)
    x = (rng.random((24, 9, 8, 6, 2)) < 0.1).astype(np.uint8)
    for loop, kinds in (
        (InnerLoop(0.1), {"seen"}),
        (ClassMeans(steps=0, scale=SCALE, looks=9), {"seen", (1, 9)}),
    ):
        beside = lambda tasks: baselines(net, theta, tasks, None, loop)
        evaluate(net, theta, loop, Tasks(x), episodes=8, queries=2, progress=False, beside=beside)
        assert len(made[-1].objects) == 2  # of the network, and of random weights
        kept = [what for (_, what, *_), _ in made[-1].known]
        assert set(kept) == kinds and max(map(kept.count, kinds)) <= 2 * 24


def one_by_one(test):
    ms.set_threads(1)
    try:
        return test()
    finally:
        ms.set_threads(None)


def test_evaluating_with_looks_computes_each_recording_once(monkeypatch):
    """Rows of a test are the same as where nothing is remembered."""
    net, theta, _, rng = make("numba", np.float32)
    x = (rng.random((24, 9, 8, 6, 2)) < 0.1).astype(np.uint8)

    loop = ClassMeans(steps=0, scale=SCALE, looks=9)
    asked, features = [], SpikingNet.features
    monkeypatch.setattr(
        SpikingNet, "features", lambda *a, **k: asked.append(len(a[2])) or features(*a, **k)
    )
    test = lambda: evaluate(net, theta, loop, Tasks(x), episodes=8, queries=2, progress=False)
    assert test() == (found := one_by_one(test))  # two threads may look at the same at once
    asked.clear()
    assert one_by_one(test) == found and sum(asked) == 9 * 24
    monkeypatch.setattr("minisnn.meta.prototypes.by_sample", lambda *a: a[-1](a[2]))
    asked.clear()
    assert test() == found and sum(asked) == 9 * 8 * 9


def test_the_printed_table_says_how_often_a_recording_was_seen():
    result = dict(accuracy_after=0.5, interval=None, rules={"own": dict(mean=0.4, interval=None)})
    for inner, first, own in (
        (ClassMeans(steps=0, looks=9), "means, 9 looks", "nearest mean: this network, one look"),
        (
            ClassMeans(steps=0, readings=4),
            "means, 4 readings",
            "nearest mean: this network, one reading",
        ),
        (ClassMeans(steps=0), "means", "nearest mean: this network"),
        (InnerLoop(), "means", "nearest mean: this network"),
    ):
        _, one, two = table(result, "means", inner)
        assert one.split("  ")[0] == first and two.split("  ")[0] == own
