"""Several looks at a recording, each shifted by a cell: their mean, its gradient, and what is
remembered of samples that many tasks share."""

import numpy as np
import pytest
import small
from toy import toy_config, toy_data

import minisnn as ms
from minisnn import CubaLIF, ClassMeans, ConvNet, SpikingNet
from minisnn.meta.remembered import remembered

SCALE = 20.0


def made(backend="numpy", dtype=np.float64):
    """(network, theta, task)"""
    sizes = dict(input_shape=(8, 6, 2), channels=(3, 4), window=8, dtype=dtype)
    net = small.network(backend, neuron=CubaLIF(threshold=0.1), **sizes)
    return net, *small.fitted(net, 1, 2, 9)


def by_hand(x: np.ndarray, down: int, right: int) -> np.ndarray:
    found = np.zeros_like(x)
    for *before, row, column, polarity in zip(*np.nonzero(x)):
        if 0 <= row + down < x.shape[2] and 0 <= column + right < x.shape[3]:
            place = (*before, row + down, column + right, polarity)
            found[place] = x[(*before, row, column, polarity)]
    return found


BESIDE = [(0, 1), (0, -1), (1, 0), (-1, 0)]
SHIFTS = {5: [(0, 0), *BESIDE], 9: [(a - 1, b - 1) for a, b in np.ndindex(3, 3)]}


@pytest.mark.parametrize("looks", [5, 9])
def test_answers_are_by_the_mean_of_all_looks(looks, backend):
    """Each moves every event by a cell at most."""
    net, theta, task = made(backend)
    c, p = (
        np.mean([net.features(theta, by_hand(x, *by)) for by in SHIFTS[looks]], 0)
        for x in (task.x_support, task.x_query)
    )
    loop = ClassMeans(steps=0, scale=SCALE, looks=looks)
    logits = loop.logits(net, theta, task)
    distances = ((p[:, None] - c) ** 2).sum(2)
    np.testing.assert_allclose(logits, -SCALE * distances, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(loop.meta_gradient(net, theta, task).query_logits, logits, rtol=1e-9)


def test_a_run_learns_by_one_look_and_tests_by_all(tmp_path):
    one, five = (
        ms.train(
            toy_config(rule="prototypes", learn_step_size="no", looks=looks, test_episodes=20),
            tmp_path / str(looks),
            data=toy_data(),
            progress=False,
        )
        for looks in (1, 5)
    )
    np.testing.assert_array_equal(one.theta, five.theta)
    assert five.inner.looks == 5 and one.test["per_episode"] != five.test["per_episode"]
    assert "proto-maml" in five.test["rules"]  # which takes one look


LARGE = (16, 16, 2)
NETS = {
    "lif": SpikingNet(LARGE, (8, 16), 5, window=10),
    "cuba": SpikingNet(
        LARGE, (8, 7), 7, 3, "mean", CubaLIF(threshold=0.1), window=10, hidden=(30,)
    ),
    "dense": SpikingNet((6,), (), 3, hidden=(17, 9)),
    "cnn": ConvNet((17, 13, 2), (7, 5), 5, 3, hidden=(11,)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NETS)
def test_what_a_sample_gives_does_not_depend_on_those_beside_it(name, dtype):
    """The same bits in any company, for which samples are remembered one by one."""
    net = NETS[name].like(dtype=dtype)
    rng = np.random.default_rng(0)
    assert net.apart
    x = (rng.random((13, 12, *net.input_shape)) < 0.1).astype(np.uint8)
    theta = net.init(rng, x)
    p = net.features(theta, x)
    logits = net(theta, x)
    for _ in range(5):
        some = rng.permutation(13)[: rng.integers(1, 13)]
        with remembered():
            assert net.features(theta, x[some]).tobytes() == p[some].tobytes()
            assert net(theta, x[some]).tobytes() == logits[some].tobytes()
    assert not made()[0].apart  # BLAS


def test_what_is_remembered_changes_no_bit(backend):
    net, theta, task = made(backend, np.float32)
    loop = ClassMeans(steps=0, scale=SCALE, looks=9)
    expected = loop.logits(net, theta, task), net(theta, task.x_query)
    with remembered():
        for _ in range(2):
            assert np.array_equal(loop.logits(net, theta, task), expected[0])
            assert np.array_equal(net(theta, task.x_query), expected[1])
