import pickle

import numpy as np
import pytest

from minisnn import Task


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


@pytest.mark.parametrize(
    "name, value",
    [
        ("x_support", np.zeros((6, 5, 4, 6, 2), np.int32)),
        ("query", np.zeros((12, 5, 4, 8, 2), np.uint8)),
        ("x_query", np.full((12, 5, 4, 6, 2), np.nan)),
        ("y_query", np.zeros(12)),
        ("y_support", np.arange(6) - 1),
        ("y_query", np.arange(12) % 4),
        ("classes", ("a", "b", "b")),
        ("recordings", (np.arange(6)[:, None], np.arange(5, 17)[:, None])),
    ],
)
def test_task_names_what_does_not_fit(name, value):
    given = {**parts(), "classes": ("a", "b", "c")}
    given["x_query" if name == "query" else name] = value
    with pytest.raises(ValueError, match=name):
        Task(**given)
