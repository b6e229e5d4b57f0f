"""Several looks at a recording, each shifted by a cell: their mean, its gradient, and what is
remembered of samples that many tasks share."""

import numpy as np
import pytest

from minisnn import CubaLIF, InnerLoop, ClassMeans, Task, ConvNet, SpikingNet, TrainingConfig
from minisnn.meta.prototypes import LOOKS, features_of, nearest, shifted
from minisnn.meta.rules import RULES
from minisnn.meta.remembered import Samples, remembered
from minisnn.training.baselines import learns_by

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


def test_samples_are_known_by_all_that_they_are():
    """By bytes, shape and kind, and by what was asked of what."""
    asked = []

    def compute(x):
        asked.append(x.tolist())
        return (10.0 * x.astype(float),)

    samples, of = Samples(room=4 * 16), (object(), object())
    ask = lambda *x, of=of, what="p": samples.rows(of, what, np.array(x, float)[:, None], compute)
    assert ask(1, 2, 1)[0].tolist() == [[10], [20], [10]] and asked == [[[1], [2]]]
    ask(1, what="other"), ask(1, of=(object(), of[1]))
    assert asked[1:] == [[[1]], [[1]]]
    assert len(ask(*range(20))[0]) == 20 and samples.held <= 64  # more than there is room for
    for x in (np.ones((1, 8), np.uint8), np.ones((1, 4, 2), np.uint8), np.ones((1, 8), np.int8)):
        assert samples.rows(of, "form", x, compute)[0].shape == x.shape


def test_what_is_remembered_changes_no_bit(backend):
    net, theta, task, _ = make(backend, np.float32)
    loop = ClassMeans(steps=0, scale=SCALE, looks=9)
    expected = loop.logits(net, theta, task), net(theta, task.x_query)
    with remembered():
        for _ in range(2):
            assert np.array_equal(loop.logits(net, theta, task), expected[0])
            assert np.array_equal(net(theta, task.x_query), expected[1])
