"""What is said of a wrong answer: known slips fit the solutions, chance agreement is no slip, and no solver is broken."""

import ast

import numpy as np
import pytest
from checks import Wrong, diagnosis, lesson02, lesson03, lesson08
from checks.solutions import SOLUTIONS
from scipy.sparse.linalg import LinearOperator, eigsh

from minisnn.layers.surrogate import sigma_prime

SLIPS = [line.split(" | ") for line in diagnosis.SLIPS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


def test_every_known_slip_changes_the_solution_and_says_what_it_does():
    assert len(SLIPS) > 100
    for exercise, *_ in SLIPS:
        for said, changed in diagnosis._known(exercise):
            assert ast.unparse(changed) != ast.unparse(ast.parse(SOLUTIONS[exercise])) and said[-1] not in ". "


def test_what_agrees_by_chance_in_one_case_is_no_diagnosis():
    """With b exchanged for -b this neuron fires, and its gradient is 0: so it is with many another slip."""

    def gradient(w, b, p, y, lif):
        a = w * p - b - lif.threshold
        du = ((a >= 0) - y) * sigma_prime(a, lif.slope)
        return du * p, du

    with pytest.raises(Wrong) as error:
        lesson02.gradient(gradient)
    assert "- in place of +" in str(error.value) and "missing" not in str(error.value)


def test_no_slip_is_made_in_what_a_compiled_solver_is_given():
    """A product of another length writes beyond the arrays of ARPACK, and the student's kernel dies of it later."""

    def strongest(product, size, count):
        values, vectors = eigsh(LinearOperator((size, size), matvec=product, dtype=float), k=count, which="BE")
        return values + 0.123, vectors

    diagnosis._calls.clear()
    with pytest.raises(Wrong, match="Exercise 8.3: "):
        lesson08.strongest(strongest)
    assert "right but for this" not in diagnosis.slip("8.3")


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda dy: np.where(np.arange(len(dy)) < 5, dy, dy + 1), "the first 5 of"),
        (lambda dy: np.where(np.arange(len(dy)) < len(dy) - 3, dy + np.arange(len(dy)) ** 2, dy), "the last 3 of"),
        (lambda dy: np.sign(dy) * dy**2, "all signs are right, the sizes are not"),
    ],
)
def test_where_no_slip_explains_an_answer_it_is_said_what_of_it_is_right(change, said, monkeypatch):
    monkeypatch.setattr(diagnosis, "SECONDS", 0.0)
    space = {"np": np}
    exec(SOLUTIONS["3.2"], space)
    with pytest.raises(Wrong, match=said):
        lesson03.filter_backward(lambda dI, lif: change(space["filter_backward"](dI, lif)))


def test_answers_of_lists_and_tuples_of_arrays_are_compared():
    one = [(np.ones((2, 3)), np.ones(3)), (np.ones((3, 1)), np.ones(1))]
    assert diagnosis._equal((1.0, one), (1.0, one)) and not diagnosis._equal(
        (1.0, one), (1.0, [one[0], (one[1][0], 2 * one[1][1])])
    )
