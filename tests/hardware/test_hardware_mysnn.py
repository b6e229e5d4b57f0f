"""The page that a student's own library writes: in a browser it learns handwriting, with the very
numbers of that library."""

import numpy as np
import pytest
import students
from browser import draw, opened, seen

from checks import data, mine
from checks.solutions import SOLUTIONS
from minisnn import EventCamera
from slowly import slow

# two letters and the first one again, drawn a little otherwise: shares of the square
L = [[(0.3, 0.15), (0.3, 0.8), (0.75, 0.8)]]
X = [[(0.2, 0.2), (0.8, 0.8)], [(0.8, 0.2), (0.2, 0.8)]]
AGAIN = [[(0.36, 0.2), (0.33, 0.83), (0.7, 0.78)]]


@pytest.fixture
def mysnn(tmp_path, monkeypatch):
    """A student's library with a page of random weights beside it."""
    path = students.write(tmp_path, SOLUTIONS)
    monkeypatch.setenv("MYSNN", str(path))
    mine.whole()
    data.write(tmp_path / data.NAME, {"train": ("background", 1), "test": ("evaluation", 6)})
    module = students.opened(path)
    hidden = students.hidden_layer(module)
    np.savez(tmp_path / module.WEIGHTS, hidden=hidden)
    module.page(module.opened(), tmp_path / "mysnn.html", 1, 0)
    module.chip = module.to_chip(hidden)
    return module


def binned(counts: np.ndarray) -> np.ndarray:
    """Counts (T, 1, inputs) in steps of 5 ms, of what the page saw (100, 16, 16, 2)."""
    return counts.reshape(20, 5, 1, -1).sum(1)


def in_python(mysnn, one: dict) -> np.ndarray:
    """The counts of a drawing by Python's camera, brought to the middle by the student."""
    events = EventCamera().record(one["picture"], 0, one["number"])
    events = events[events["t"] < events["t"][0] + 100_000]
    x, y = mysnn.centred(events["x"].astype(int), events["y"].astype(int), 32)
    on = mysnn.within(x, y, 32)
    return mysnn.count(x[on], y[on], events["t"][on], events["p"][on])


@pytest.mark.parametrize("rule", ["class-mean", slow("membrane")])
def test_a_friends_handwriting_is_learned_with_the_students_own_numbers(mysnn, tmp_path, rule):
    taught = []
    path = tmp_path / "mysnn.html"
    with opened(path) as page:
        page.select_option("#rule", rule)
        for strokes in (L, X):
            draw(page, strokes)
            taught.append(seen(page))
            page.get_by_role("button", name="A new symbol").click()
        draw(page, AGAIN)
        asked = seen(page)
        assert "This is Symbol 1." in page.locator("#answer").inner_text()
        assert "128 neurons of mysnn.py" in page.locator("footer").text_content()
    x = np.concatenate([binned(one["counts"]) for one in (*taught, asked)], 1)
    p = mysnn.chip_traces(mysnn.chip, x)
    learned = (
        mysnn.chip_means(p[-1, :2], np.arange(2), 2)
        if rule == "class-mean"
        else mysnn.chip_step(mysnn.chip, p[:, :2], np.arange(2), 2)
    )
    u = mysnn.chip_scores(mysnn.chip, p[:, 2:], *learned)
    if rule == "membrane":
        np.testing.assert_array_equal(asked["scores"], u[0])
    else:  # half the squared distances, of means that have a byte a synapse
        assert np.diff(asked["scores"]) * 2 == pytest.approx(np.diff(u[0]), rel=0.05)
    assert (asked["counts"] == in_python(mysnn, asked)).mean() >= 0.9999
