"""What is said of a wrong answer: known slips fit the solutions, chance agreement is no slip, and no solver is broken."""

import ast
import re

import numpy as np
import pytest
from checks import Wrong, diagnosis, lesson01, lesson02, lesson08, probes
from checks.solutions import SOLUTIONS
from scipy.sparse.linalg import LinearOperator, eigsh

import minisnn
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
        (lambda dV, dI, lif: -dV, "the sign is wrong in every value"),
        (lambda dV, dI, lif: dV * (1 - lif.alpha), "multiplied by `1 - lif.alpha` once too often"),
        (
            lambda dV, dI, lif: dV / (1 - lif.alpha) * (1 - lif.beta),
            "multiplied by `1 - lif.beta` where `1 - lif.alpha` belongs",
        ),
        (lambda dV, dI, lif: dV / len(dV), "or divided by it once too often"),
        (lambda dV, dI, lif: dV + dI, "the term `dI.t.` is too many"),
        (lambda dV, dI, lif: np.cumsum(dV), "running sums of the right ones"),
        (lambda dV, dI, lif: dV[::-1], "in the reverse order"),
        (lambda dV, dI, lif: np.append(dV[1:], 0), "come 1 place too early"),
        (lambda dV, dI, lif: np.abs(dV), "the sign is lost"),
        (lambda dV, dI, lif: dV * (np.abs(dV) < 0.05), "every wrong value of yours is 0"),
        (lambda dV, dI, lif: np.where(dV > 0, dV**3 + 0.1, dV), "wherever the right value is positive"),
        (lambda dV, dI, lif: dV * np.nan, "all your values are NaN"),
        (lambda dV, dI, lif: dV[:-1], "the last of the values is missing"),
        (lambda dV, dI, lif: dV.sum(), "summed over the first axis, which should be kept"),
        (lambda dV, dI, lif: dV + np.sin(40 * lif.rho), "changes with `lif.rho`, which should not come into it"),
        (lambda dV, dI, lif: dV + 0.1 * dV**2, "where `dI` doubles the right answer doubles; yours does neither"),
    ],
)
def test_numbers_say_what_a_mistake_does_where_no_list_knows_it(change, said, monkeypatch):
    """Neither the lists of mistakes nor the slips are asked: only how the numbers hang together."""
    monkeypatch.setattr(diagnosis, "_known", lambda exercise: ())
    monkeypatch.setattr(diagnosis, "slips", lambda tree: ())
    monkeypatch.setattr(diagnosis, "SECONDS", 9.0)
    space = {"np": np}
    exec(SOLUTIONS["3.2"], space)
    function = lambda dI, lif: change(space["filter_backward"](dI, lif), dI, lif)
    lif = minisnn.LIF(alpha=0.8, beta=0.6, gamma=0.5, rho=1.6, threshold=0.3, slope=4.0)
    for seed in range(3):
        dI = np.random.default_rng(seed).standard_normal(12)
        diagnosis.note("3.2", function, (dI, lif), function(dI, lif))
    assert re.search(said, diagnosis.slip("3.2"))


@pytest.mark.parametrize(
    "body, said",
    [
        ("y = np.zeros(3)\n    y[1] = x", "one entry is to hold one number"),
        ("return x @ np.ones((2, 2))", "`@` sums over the last axis of the left"),
        ("return x + np.ones(5)", r"arrays of shapes .* meet.*line 2 of trace; shapes there: x"),
        ("return x[99]", "entry 99 is asked for, and there are"),
        ("if x > 0: return x", "an array has many answers"),
        ("return np.arange(3) * dekay", "do you mean `decay`"),
        ("return x.summ()", r"there is `\.sum`"),
        ("return decay(1 - decay) * x", "no function: is a . missing"),
        ("return float(x)", "one number is expected where an array stands"),
    ],
)
def test_an_error_is_told_with_what_it_means_and_where(body, said, monkeypatch):
    monkeypatch.setattr(diagnosis, "SECONDS", 0.0)
    exec(f"def trace(x, decay):\n    {body}", space := {"np": np})
    with pytest.raises(Wrong, match=said):
        lesson01.trace(space["trace"])


def test_answers_of_lists_and_tuples_of_arrays_are_compared():
    one = [(np.ones((2, 3)), np.ones(3)), (np.ones((3, 1)), np.ones(1))]
    assert diagnosis._equal((1.0, one), (1.0, one)) and not diagnosis._equal(
        (1.0, one), (1.0, [one[0], (one[1][0], 2 * one[1][1])])
    )


def test_what_a_solution_computes_is_kept_within_bounds():
    """A loop over large arrays, as in the lessons on whole recordings, must not fill the memory of a student's machine."""
    run = probes.watched("def f(x):\n    for _ in range(200):\n        x = x * 0.5 + 1\n    return x", {})
    _, terms, *_ = run(np.ones(1000))
    assert terms["x * 0.5"] and all(sum(value.size for _, value in kept) <= probes.LARGEST for kept in terms.values())
