"""What is said of a wrong answer: known slips fit the solutions, chance agreement is no slip, and
no solver is broken."""

import ast
import re

import numpy as np
import pytest
from checks import Wrong, answer, diagnosis, facts, lesson01, lesson02, lesson06, lesson08, same
from checks.cases import Case
from checks.solutions import SOLUTIONS
from checks.surrogate import sigma_prime
from scipy.sparse.linalg import LinearOperator, eigsh

import minisnn

SLIPS = [
    line.split(" | ")
    for line in diagnosis.SLIPS.read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


def test_every_known_slip_changes_the_solution_and_says_what_it_does():
    assert len(SLIPS) > 100
    for exercise in dict.fromkeys(slip[0] for slip in SLIPS):
        solution = ast.unparse(ast.parse(SOLUTIONS[exercise]))
        for said, changed in diagnosis._known(exercise):
            assert ast.unparse(changed) != solution
            assert said[-1] not in ". "


def test_what_agrees_by_chance_in_one_case_is_no_diagnosis():
    """With b exchanged for -b this neuron fires, and its gradient is 0: so it is with many another
    slip."""

    def gradient(w, b, p, y, lif):
        a = w * p - b - lif.threshold
        du = ((a >= 0) - y) * sigma_prime(a, lif.slope)
        return du * p, du

    with pytest.raises(Wrong) as error:
        lesson02.gradient(gradient)
    assert "- in place of +" in str(error.value) and "missing" not in str(error.value)


def test_no_slip_is_made_in_what_a_compiled_solver_is_given():
    """A product of another length writes beyond the arrays of ARPACK, and the student's kernel dies
    of it later."""

    def strongest(product, size, count):
        values, vectors = eigsh(
            LinearOperator((size, size), matvec=product, dtype=float), k=count, which="BE"
        )
        return values + 0.123, vectors

    diagnosis._calls.clear()
    with pytest.raises(Wrong, match="Exercise 8.3: "):
        lesson08.strongest(strongest)
    assert "right but for this" not in diagnosis.slip("8.3")


@pytest.mark.parametrize("into", ["losses", "[losses]", "[1, [losses]]"])
def test_a_list_put_into_itself_ends(into):
    """NumPy would make an array of it with all of its 32 axes, and take all memory."""
    space, seen = {}, []
    exec(
        compile(
            f"def f():\n    losses = [1.0]\n    losses.append({into})\n    seen(1)\n",
            "<slip>",
            "exec",
        ),
        space,
    )
    space["seen"] = seen.append
    with pytest.raises(TimeoutError):
        diagnosis._limited(space["f"], ())
    assert not seen


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda dV, dI, lif: -dV, "every value is of the wrong sign"),
        (lambda dV, dI, lif: 2 * dV, "every value is twice what it should be"),
        (lambda dV, dI, lif: dV * (1 - lif.alpha), "multiplied by `1 - lif.alpha` once too often"),
        (lambda dV, dI, lif: dV / lif.rho, "lacks the factor `lif.rho`, or is divided by it"),
        (lambda dV, dI, lif: np.cumsum(dV), "running sums of the right ones"),
        (lambda dV, dI, lif: dV[::-1], "in the reverse order"),
        (lambda dV, dI, lif: np.append(dV[1:], 0), "come 1 place too early"),
        (lambda dV, dI, lif: np.abs(dV), "the sign is lost"),
        (lambda dV, dI, lif: dV * np.nan, "all your values are NaN"),
        (lambda dV, dI, lif: 0 * dV, "all your values are 0"),
        (lambda dV, dI, lif: dV[:-1], "the last value is missing in yours"),
        (lambda dV, dI, lif: dV.sum(), "summed over the first axis, which should be kept"),
        (lambda dV, dI, lif: dV[:, None] * np.ones(2) / 2, "not yet summed over its second axis"),
        (lambda dV, dI, lif: dV.reshape(3, 4), "lie in the shape"),
        # nothing of this is known: then nothing is said
        (lambda dV, dI, lif: dV + np.sin(40 * lif.rho), ""),
        (lambda dV, dI, lif: dV + 0.1 * dV**2, ""),
        (lambda dV, dI, lif: np.where(dV > 0, dV**3 + 0.1, dV), ""),
        (lambda dV, dI, lif: dV * 1.001, ""),
    ],
)
def test_what_holds_of_all_values_is_said_and_nothing_else(change, said, monkeypatch):
    """Neither the lists of mistakes nor the slips are asked: only the numbers."""
    monkeypatch.setattr(diagnosis, "_known", lambda exercise: ())
    monkeypatch.setattr(diagnosis, "slips", lambda tree: ())
    space = {"np": np}
    exec(SOLUTIONS["3.2"], space)
    function = lambda dI, lif: change(space["filter_backward"](dI, lif), dI, lif)
    lif = minisnn.LIF(alpha=0.8, beta=0.6, gamma=0.5, rho=1.6, threshold=0.3, slope=4.0)
    for seed in range(3):
        dI = np.random.default_rng(seed).standard_normal(12)
        diagnosis.note("3.2", function, (dI, lif), function(dI, lif))
    found = diagnosis.slip("3.2")
    assert said in found and bool(said) == bool(found)


def test_where_nothing_is_known_the_check_says_what_differs_and_on_which_input():
    with pytest.raises(Wrong) as error:
        lesson01.response(lambda t, alpha, beta: np.cos(t) + 0 * alpha)
    assert re.fullmatch(
        r"Exercise 1\.2: p\[1\] is 0\.540302, expected 0 \(29 of 30 values differ\); given "
        r"t = \[1 2 3 4 5 6 \.\.\.\] of shape \(29,\), alpha = 0\.95, beta = 0\.9",
        str(error.value),
    )
    neuron = minisnn.LIF(rho=2.0)
    diagnosis.note("3.2", abs, (np.zeros(2), neuron), None)
    assert "lif (alpha 0.95, " in diagnosis.given("3.2") and "rho 2" in diagnosis.given("3.2")
    assert diagnosis.given("no such exercise") == ""


def test_two_of_one_kind_are_not_said_to_be_exchanged():
    """Both losses of the twin: the first is wrong, the second is right."""

    def along(net, theta, d, ts, x, y):
        record = net.record(theta, x)
        twin = [net.loss(theta + t * d, x, y, spike="jet", record=record) for t in ts]
        return twin, twin

    with pytest.raises(Wrong, match="both of yours are the twin's"):
        lesson06.along(along)


def test_results_that_are_exchanged_are_named_as_such():
    rng = np.random.default_rng(0)
    wanted = [[rng.standard_normal(3), rng.standard_normal(4)] for _ in range(3)]
    cases = [Case((), one[::-1], one) for one in wanted]
    assert facts.fact(cases, []) == "the first and the second thing that you return are exchanged"
    assert facts.fact(cases[:1], []) == "", "one case is not enough"
    half = [Case((), [one[0], one[1] / 2], one) for one in wanted]
    said = "of what you return, the second: every value is half of what it should be"
    assert facts.fact(half, []) == said


def test_a_slip_is_told_only_if_it_does_the_same_in_every_call():
    """In the last calls of the check the answer is right, and so are many slips."""

    def shift(x, k, mode, noise=0):
        c = {"floor": 0, "zero": (1 << k) if x < 0 else 0, "nearest": 1 << (k - 1)}
        return (x + c.get(mode, noise)) >> k

    diagnosis._calls.clear()
    for x in range(-20, 21):
        diagnosis.note("14.1", shift, (x, 3, "zero", 0), np.asarray(shift(x, 3, "zero")))
    assert "1 in place of 0" not in diagnosis.slip("14.1")


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


def test_a_constant_in_place_of_a_name_needs_two_cases():
    """Where all are right, m / n less its square is 0, and 0 in the place of any factor would do as
    well."""
    space = {"np": np}
    exec(SOLUTIONS["16.1"], space)

    def interval(m, n):
        q, r = (m + 2) / (n + 4), m / n
        return q - 1.96 * np.sqrt(r * (1 - r) / n), q

    diagnosis._calls.clear()
    diagnosis.note("16.1", interval, (90, 90), interval(90, 90))
    assert "`0.0` in place" not in diagnosis.slip("16.1")


@pytest.mark.parametrize("found", [[1, [2, 3]], "text", {}, 1j, [None], np.array("a"), None])
def test_what_is_no_number_is_told_in_a_sentence(found):
    with pytest.raises(Wrong, match=r"^Exercise 9\.9: [^\n]*$"):
        same("9.9", "y", answer("9.9", lambda: found), np.zeros(2))
