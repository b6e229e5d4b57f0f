"""What is said of a wrong answer: known slips fit the solutions, chance agreement is no slip, and
no solver is broken."""

import ast
import re

import numpy as np
import pytest
from checks import (
    Wrong,
    behaviour,
    diagnosis,
    lesson01,
    lesson02,
    lesson08,
    probes,
    proportions,
    terms,
)
from checks.solutions import SOLUTIONS
from scipy.sparse.linalg import LinearOperator, eigsh

import minisnn
from minisnn.layers.surrogate import sigma_prime

SLIPS = [
    line.split(" | ")
    for line in diagnosis.SLIPS.read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


def test_every_known_slip_changes_the_solution_and_says_what_it_does():
    assert len(SLIPS) > 100
    for exercise, *_ in SLIPS:
        for said, changed in diagnosis._known(exercise):
            assert (
                ast.unparse(changed) != ast.unparse(ast.parse(SOLUTIONS[exercise]))
                and said[-1] not in ". "
            )


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
        (
            lambda dV, dI, lif: np.where(dV > 0, dV**3 + 0.1, dV),
            "wherever the right value is positive",
        ),
        (lambda dV, dI, lif: dV * np.nan, "all your values are NaN"),
        (lambda dV, dI, lif: dV[:-1], "the last of the values is missing"),
        (lambda dV, dI, lif: dV.sum(), "summed over the first axis, which should be kept"),
        (
            lambda dV, dI, lif: dV + np.sin(40 * lif.rho),
            "changes with `lif.rho`, which should not come into it",
        ),
        (
            lambda dV, dI, lif: dV + 0.1 * dV**2,
            "where `dI` doubles the right answer doubles; yours does neither",
        ),
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
    """A loop over large arrays, as in the lessons on whole recordings, must not fill the memory of
    a student's machine."""
    run = probes.watched(
        "def f(x):\n    for _ in range(200):\n        x = x * 0.5 + 1\n    return x", {}
    )
    _, terms, *_ = run(np.ones(1000))
    assert terms["x * 0.5"] and all(
        sum(value.size for _, value in kept) <= probes.LARGEST for kept in terms.values()
    )


def _cases(right, theirs, arguments):
    """A case of each of the arguments' tuples."""
    return [
        probes.Case(one, probes.parts(theirs(*one)), probes.parts(right(*one)), {}, [], set())
        for one in arguments
    ]


def test_what_the_solution_reads_is_not_said_to_be_needless():
    """The right answer stands still where all of t moves; an answer that moves then has not read
    too much, but wrongly."""
    right, theirs = (lambda t: (t - t[0]) // 1000), (lambda t: t // 1000 - t[0] // 1000)
    cases = _cases(right, theirs, [(np.array([999, 1500, 2400 + n]),) for n in range(3)])
    said = behaviour.heeds(
        cases, 0, (["t"], theirs, right, probes.reads("def f(t):\n    return t - t[0]"))
    )
    assert "should not come into it" not in said
    assert (
        behaviour.heeds(cases, 0, (["t"], theirs, right, set()))
        == "your answer changes with `t`, which should not come into it"
    )


def test_what_is_rounded_away_is_not_said_to_be_left_out():
    right, theirs = (lambda v: 64.0 * v), (lambda v: 64.0 * (v // 100))
    cases = _cases(right, theirs, [(330,), (310,)])
    assert not (theirs(331) - theirs(330)) and not (theirs(311) - theirs(310))
    assert "does not change" not in behaviour.heeds(cases, 0, (["v"], theirs, right, {"v"}))


def test_places_at_the_border_alone_are_named_as_such():
    right = lambda x: np.pad(x, ((1, 1), (1, 1), (0, 0)))[:-2, 1:-1]
    theirs = lambda x: np.roll(x, 1, 0)
    one = np.random.default_rng(0).standard_normal((3, 4, 1))
    said = behaviour.touches(_cases(right, theirs, [(one,)]), 0, (["x"], theirs, right, {"x"}))
    assert re.fullmatch(
        r"x\[2, ., 0\] touches your value \[0, ., 0\], which it should not: sites outside the picture are left out",
        said,
    )


@pytest.mark.parametrize(
    "right, theirs, said",
    [
        (lambda a, b: a @ b, lambda a, b: a.sum() * b.sum(), "multiply first, entry by entry"),
        (lambda a, b: a.sum() * b.sum(), lambda a, b: a @ b, "sum up first, and multiply the sums"),
        (
            lambda a, b: a.mean() ** 2,
            lambda a, b: (a**2).mean(),
            "mean of the squares of `a`; asked for is the square",
        ),
        (
            lambda a, b: (a**2).sum(),
            lambda a, b: a.sum() ** 2,
            "square of the sum of `a`; asked for is the sum of",
        ),
        (lambda a, b: a @ b, lambda a, b: a @ b / a.sum(), "divided by the sum of `a` too"),
        (
            lambda a, b: np.sin(b),
            lambda a, b: np.sin(b) * a.mean(),
            "multiplied by the mean of `a` too",
        ),
        (lambda a, b: np.outer(a, b), lambda a, b: np.outer(a, b) + 1, ""),
    ],
)
def test_sums_and_products_in_the_wrong_order_are_named(right, theirs, said):
    rng = np.random.default_rng(0)
    cases = _cases(right, theirs, [tuple(rng.standard_normal((2, 5))) for _ in range(4)])
    cases = [
        one._replace(terms={name: [(0, value)] for name, value in zip("ab", one.arguments)})
        for one in cases
    ]
    found = proportions.swapped(cases, 0)
    assert said in found and bool(said) == bool(found)


def test_a_row_s_factor_is_named_and_one_case_is_not_enough():
    rng, right, theirs = (
        np.random.default_rng(0),
        (lambda p: p - 0.3),
        (lambda p: (p - 0.3) * p[:, 1:2]),
    )
    cases = _cases(right, theirs, [(rng.random((4, 3)),) for _ in range(3)])
    cases = [one._replace(terms={"p": [(0, one.arguments[0])]}) for one in cases]
    assert (
        proportions.swapped(cases, 0)
        == "each row of yours is multiplied by an entry of that row of `p` too"
    )
    assert proportions.swapped(cases[:1], 0) == ""


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


def test_what_fits_the_wrong_values_alone_is_said_of_them_alone():
    """With |d| in place of d the sign is wrong where d is negative, and right elsewhere."""
    space = {"np": np} | vars(minisnn.layers.surrogate)
    exec(SOLUTIONS["2.4"], space)
    theirs = lambda a, a0, slope: space["jet"](a0 + np.abs(a - a0), a0, slope)
    right = probes.watched(SOLUTIONS["2.4"], space)
    cases = []
    for seed in range(4):
        one = (*np.random.default_rng(seed).standard_normal((2, 8)), 5.0)
        wanted, found_terms, *places = right(*one)
        cases.append(
            probes.Case(one, probes.parts(theirs(*one)), probes.parts(wanted), found_terms, *places)
        )
    assert terms.terms(cases, 0) == "where yours is wrong, the sign before `first * d` is wrong"
