import pickle

import numpy as np
import pytest

from minisnn.meta.tasks import Classification, Task, summed_frames


def parts(ways=3, shots=2, queries=4, shape=(5, 4, 6, 2), dtype=np.uint8):
    rng = np.random.default_rng(0)
    x_support = rng.integers(0, 3, (ways * shots, *shape)).astype(dtype)
    x_query = rng.integers(0, 3, (ways * queries, *shape)).astype(dtype)
    return dict(
        x_support=x_support,
        y_support=np.repeat(np.arange(ways, dtype=np.int32), shots),
        x_query=x_query,
        y_query=np.repeat(np.arange(ways, dtype=np.uint8), queries),
    )


def test_a_task_is_shown_in_a_line():
    x, y = np.zeros((2, 100, 3, 4, 2), np.uint8), np.arange(2)
    assert repr(Task(x, y, x, y, ("65", "84"))) == (
        "Task: 2 classes: 65 84; 2 support and 2 query samples of shape (100, 3, 4, 2), uint8"
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_task_keeps_counts_and_casts_labels(dtype):
    given = parts(dtype=dtype)
    task = Task(**given, classes=["02", "17", "25"])
    assert np.array_equal(task.x_query, given["x_query"]) and task.x_support.dtype == dtype
    assert task.y_support.dtype == task.y_query.dtype == np.int64
    assert task.y_query.tolist() == given["y_query"].tolist()
    assert task.classes == ("02", "17", "25") and task.ways == 3
    assert Task(**given).ways == 3


@pytest.mark.parametrize("real", [False, True])
def test_what_is_written_into_arrays_later_does_not_change_the_task(real):
    given = parts(dtype=np.float32)
    if real:
        given.update({name: np.ones((len(given[name]), 2)) for name in ("y_support", "y_query")})
    recordings = tuple(np.arange(n)[:, None] + start for n, start in ((6, 0), (12, 6)))
    task = Task(**given, recordings=recordings)
    before = pickle.dumps(task)
    for array in (*given.values(), *recordings):
        array[:] = 0
    assert pickle.dumps(task) == before


def test_task_is_frozen():
    with pytest.raises(AttributeError):
        Task(**parts()).classes = ("a",)


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("x_support", np.zeros((6, 5, 4, 6, 2), np.int32), "x_support is of type int32"),
        ("x_support", np.zeros(6, np.uint8), r"x_support has shape \(6,\)"),
        ("x_query", np.zeros((0, 5, 4, 6, 2), np.uint8), r"x_query has shape \(0, 5, 4, 6, 2\)"),
        (
            "x_query",
            np.zeros((12, 5, 4, 8, 2), np.uint8),
            r"x_query has samples of shape \(5, 4, 8, 2\)",
        ),
        ("x_query", np.full((12, 5, 4, 6, 2), np.nan), "x_query holds NaN"),
        ("x_support", np.full((6, 5, 4, 6, 2), np.inf), "x_support holds NaN or inf"),
        ("y_support", np.zeros(5, int), r"y_support has shape \(5,\), expected \(6,\)"),
        ("y_query", np.zeros((12, 1), int), r"y_query has shape \(12, 1\)"),
        ("y_query", np.zeros(12), "y_query is of type float64"),
        ("y_query", np.zeros(12, bool), "y_query is of type bool"),
        ("y_support", np.arange(6) - 1, "y_support holds the label -1"),
        ("y_query", np.arange(12) % 4, "y_query holds the label 3, expected at most 2"),
    ],
)
def test_task_names_what_does_not_fit(name, value, message):
    with pytest.raises(ValueError, match=message) as error:
        Task(**{**parts(), name: value}, classes=("a", "b", "c"))
    assert "\n" not in str(error.value) and "expected" in str(error.value)


def test_summed_frames_adds_over_time_without_overflow():
    x = np.full((2, 100, 3, 4, 2), 255, np.uint8)
    frames = summed_frames(x)
    assert frames.shape == (2, 3, 4, 2) and frames.dtype == np.float32 and (frames == 25500).all()
    with pytest.raises(ValueError, match="expected sequences"):
        summed_frames(x[0])


def test_a_batch_of_all_classes_has_32_samples_by_default():
    class Forty:
        classes, input_shape = tuple(f"class {k}" for k in range(40)), (3,)

        def sample_task(self, rng, ways, shots, queries, classes):
            x = np.zeros((ways, 4, 3), np.uint8)
            return Task(x, np.arange(ways), x, np.arange(ways))

    batch = Classification(Forty())
    assert (
        len(batch.sample_task(np.random.default_rng(0)).y_query)
        == len(batch.episode(0, 0).y_query)
        == 32
    )


def small_task(classes=("a", "b"), recordings=None) -> Task:
    x = np.ones((2, 3, 4), np.uint8)
    return Task(x, np.arange(2), x, np.arange(2), classes, recordings)


@pytest.mark.parametrize(
    "given, words",
    [
        (dict(classes=("a", "a")), "classes are a, a, expected each once"),
        (dict(recordings=([[1], [2]], [[3], [1]])), "recording 1 is in support and in query"),
        (
            dict(recordings=([[1, 2], [3, 4]], [[5, 6], [7, 3]])),
            "recording 3 is in support and in query",
        ),
        (
            dict(recordings=([[1]], [[2], [3]])),
            r"recordings have shapes \(1, 1\) and \(2, 1\), expected \(2, k\) and \(2, k\)",
        ),
        (dict(recordings=([1, 2], [3, 4])), r"recordings have shapes \(2,\) and \(2,\)"),
    ],
)
def test_a_task_knows_its_classes_and_recordings_apart(given, words):
    assert small_task(recordings=([[1], [2]], [[3], [4]])).ways == 2
    with pytest.raises(ValueError, match=words):
        small_task(**given)
