"""The network unrolled in time: its numbers are the library's."""

import re

import interactive
import make
import numpy as np
import pytest
from chromium import browsing
from checks import surrogate
from checks.solutions import SOLUTIONS

import minisnn as ms

LIF = ms.LIF(alpha=0.7, beta=0.5, slope=4.0)  # the constants of pictures/unrolled.js


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("graphs") / "page.html"
    pieces = "".join(map(interactive.piece, interactive.GRAPHS))
    path.write_text(f"<!doctype html><meta charset=utf-8><body>{pieces}</body>", encoding="utf-8")
    with browsing(path.as_uri(), viewport={"width": 700, "height": 900}) as page:
        page.goto(path.as_uri())
        yield page


def _values(page, lesson: int) -> dict[str, np.ndarray]:
    """What stands at the nodes, by letter: (T, walks)."""
    found = page.evaluate(
        f"JSON.parse(document.querySelector('.ms-unrolled{lesson}').dataset.values)"
    )
    letters = dict.fromkeys(re.sub(r"\d*$", "", name) for name in found)
    return {
        one: np.array([v for name, v in found.items() if re.fullmatch(rf"{one}\d*", name)])
        for one in letters
    }


@pytest.fixture(scope="module")
def course():
    """The course's own functions, as a student's file would have them."""
    space = {
        "np": np,
        "step": surrogate.step,
        "sigma_prime": surrogate.sigma_prime,
        "sigma_second": surrogate.sigma_second,
        "summed": lambda x, dV: np.einsum("tbi,tbj->ij", x, dV),
    }
    for number in ("1.1", "1.3", "3.1", "3.2", "7.1", "7.2", "17.1", "17.2", "17.3"):
        exec(SOLUTIONS[number], space)
    source = next(source for source in make.sources() if source.stem.startswith("17"))
    given = [cell.text for cell in make.parse(source) if "def forward_tangent" in cell.text]
    exec(given[0], space)
    return space


def test_the_network_has_the_numbers_of_lesson_17(page, course):
    at = _values(page, 17)
    x = at["x"][:, 0].reshape(-1, 1, 1)
    layers = [(np.full((1, 1), 5.0), np.array([-0.4])), (np.full((1, 1), 4.0), np.array([-0.2]))]
    dots = [(np.ones((1, 1)), np.zeros(1)), (-np.ones((1, 1)), np.zeros(1))]
    logits, tapes = course["forward"](layers, x, LIF)
    assert np.isclose(logits.item(), at["L"][0, 0])
    for name, (_, u) in zip(("u¹", "u²"), tapes):
        assert np.allclose(at[name][:, 0], u.ravel())
    logits_dot, moves = course["forward_tangent"](layers, dots, tapes, LIF)
    assert np.isclose(logits_dot.item(), at["L"][0, 1]) and logits_dot.item() != 0
    one = np.ones((1, 1))
    none = np.zeros((1, 1))
    found = course["backward"](layers, tapes, one, LIF)
    moved = course["backward_tangent"](layers, dots, tapes, moves, one, none, LIF)
    below = [at["x"], at["s¹"]]
    for (dW, db), (dW_dot, db_dot), low, u, V in zip(
        found, moved, below, ("u¹", "u²"), ("V¹", "V²")
    ):
        assert np.isclose(db.item(), at[u][:, 2].sum())
        assert np.isclose(db_dot.item(), at[u][:, 3].sum())
        assert np.isclose(dW.item(), low[:, 0] @ at[V][:, 2])
        assert np.isclose(dW_dot.item(), low[:, 1] @ at[V][:, 2] + low[:, 0] @ at[V][:, 3])
    assert moved[0][0].item() != 0


def test_the_meta_gradient_in_lesson_10_is_the_slope_of_learning(page):
    at, c, a = _values(page, 10), 0.5, 0.4

    def learned(theta):
        for _ in range(3):
            theta = theta - a * (theta + theta**3)
        return (theta - c) ** 2 / 2

    slope = (learned(1.6 + 1e-6) - learned(1.6 - 1e-6)) / 2e-6
    assert np.isclose(at["θ"][0, 1], slope, rtol=1e-6) and np.isclose(at["L"][0, 0], learned(1.6))
    assert np.ptp(at["θ"][:, 2]) == 0 and at["θ"][0, 2] != at["θ"][0, 1]  # FOMAML's
