"""Every argument of what a script calls: of a wrong kind, shape or size it is refused, by a sentence
of ours or of Python's."""

import inspect

import numpy as np
import pytest

import minisnn as ms
from minisnn import arguments


class Odd:
    """Nothing that anything takes."""


WILD = [
    None,
    True,
    0,
    1,
    -1,
    3,
    2.5,
    float("nan"),
    float("inf"),
    1e300,
    10**30,
    1j,
    "a",
    "",
    b"a",
    Odd(),
    Odd,
    len,
]
WILD += [
    (),
    (5, 3),
    [1, 2],
    (1, -2),
    (1.5, 2),
    [[1, 2], [3]],
    ("a",),
    {},
    {"a": 1},
    {1, 2},
    range(3),
    iter([1]),
    slice(1),
]
WILD += [
    np.zeros(3),
    np.zeros((2, 2)),
    np.array([1, None], object),
    np.float64(2),
    np.int64(3),
    np.bool_(True),
]
WILD += [np.ma.masked_array([1.0, 2.0], [0, 1]), np.dtype("int8")]
x, y = np.ones((2, 12, 4, 4, 2), np.uint8), np.array([0, 1])
net = ms.SpikingNet((4, 4, 2), (2,), 2, 3, window=5, backend="numpy")
theta = net.init(np.random.default_rng(0))
events = np.zeros(4, [("x", "i2"), ("y", "i2"), ("t", "i8"), ("p", "i1")])
events["t"] = np.arange(4) * 1000
small = dict(input_shape=(4, 4, 2), channels=(2,), ways=2, kernel=3)
camera = ms.EventCamera(sensor=(4, 4), picture_px=3)
picture = np.eye(3)
CALLED = {
    "SpikingNet": (ms.SpikingNet, {**small, "window": 5}, lambda made: None),
    "ConvNet": (ms.ConvNet, small, lambda made: None),
    "LIF": (ms.LIF, {}, lambda made: None),
    "CubaLIF": (ms.CubaLIF, {}, lambda made: None),
    "Task": (ms.Task, dict(x_support=x, y_support=y, x_query=x, y_query=y), lambda made: None),
    "InnerLoop": (ms.InnerLoop, {}, lambda made: made.check(net)),
    "ClassMeans": (ms.ClassMeans, {}, lambda made: made.check(net)),
    "SGD": (ms.SGD, dict(size=3), lambda made: None),
    "Adam": (ms.Adam, dict(size=3), lambda made: None),
    "TrainingConfig": (ms.TrainingConfig, {}, lambda made: None),
    "EventCamera": (
        ms.EventCamera,
        dict(sensor=(4, 4)),
        lambda made: made.record(picture, 0, duration_ms=5),
    ),
    "EventCamera.record": (
        camera.record,
        dict(picture=picture, seed=0, duration_ms=5),
        lambda made: None,
    ),
    "EventCamera.record_counts": (
        camera.record_counts,
        dict(pictures=picture[None], numbers=[0], seed=0, duration_ms=5, crop=None),
        lambda made: None,
    ),
    "Recordings": (
        ms.Recordings,
        dict(events=[events] * 4, labels=[0, 0, 1, 1], sensor=(4, 4), duration_ms=9),
        lambda made: None,
    ),
}
CHECKED_WHERE_THEY_ARE_USED = {
    "Task": {"recordings"},
    "Recordings": {"source", "kind", "within"},
}


@pytest.mark.parametrize("name", CALLED)
def test_whatever_is_given_is_taken_or_refused(name):
    called, right, check = CALLED[name]
    silent = []
    for argument in inspect.signature(called).parameters:
        for wild in WILD if argument not in CHECKED_WHERE_THEY_ARE_USED.get(name, ()) else ():
            try:
                check(called(**{**right, argument: wild}))
            except (ValueError, TypeError, ArithmeticError, AttributeError):
                continue
            except Exception as error:
                silent.append((argument, wild, error))
    assert not silent, [f"{a} = {w!r}: {type(e).__name__}: {e}" for a, w, e in silent[:9]]


def test_what_was_found_is_shown_in_a_line():
    assert arguments.shown(np.zeros((2, 2))) == "array([[0., 0.], [0., 0.]])"
    assert len(arguments.shown("a" * 1000)) == arguments.SHORT + 1


@pytest.mark.parametrize(
    "name, call",
    [
        (
            "recordings",
            lambda hidden: ms.Task(
                x, y, x, y, recordings=(hidden(np.array([[1], [2]])), [[3], [4]])
            ),
        ),
        ("gradient", lambda hidden: ms.meta.optim.clip(hidden(theta), 1.0)),
        ("gradient", lambda hidden: ms.SGD(3).step(np.zeros(3), hidden(np.ones(3)), 0.1)),
        ("theta", lambda hidden: ms.Adam(3).step(hidden(np.zeros(3)), np.ones(3), 0.1)),
        ("theta", lambda hidden: ms.save("masked.h5", net, hidden(theta))),
    ],
)
def test_what_is_masked_is_nowhere_taken_as_it_is(name, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call(lambda given: np.ma.masked_array(given, np.zeros(given.shape, bool)))
    with pytest.raises(ValueError, match=f"{name} .*masked"):
        call(
            lambda given: np.ma.masked_array(given, np.arange(given.size).reshape(given.shape) == 1)
        )


@pytest.mark.parametrize(
    "wrong", [-1, -1e-30, np.float32(-1), np.where(np.arange(net.size) == 3, -0.5, 1.0)], ids=str
)
def test_no_step_goes_up_the_loss(wrong):
    with pytest.raises(ValueError, match="step_size"):
        ms.adapt(net, theta, x, y, step_size=wrong)
