"""What is said of a wrong answer: a slip is claimed where the student's own source has it, chance
agreement is none, and each message is one sentence without the check's source."""

import ast
import importlib
import linecache
import time

import numpy as np
import pytest
from checks import Wrong, diagnosis, facts, lesson01, lesson10
from checks.diagnosis import Case
from checks.solutions import SOLUTIONS

import minisnn

SLIPS = [
    line.replace("\\n", "\n").split(" | ")
    for line in diagnosis.SLIPS.read_text(encoding="utf-8").splitlines()
    if line[0] != "#" and "t | " not in line[:8]
]


def message(exercise: str, part: str, other: str) -> str:
    """What the check says to the course's solution with a part changed, typed into a cell."""
    source = SOLUTIONS[exercise].replace(part, other)
    assert source != SOLUTIONS[exercise], "the solution has no such part"
    cell = f"<cell of {exercise}: {other}>"
    linecache.cache[cell] = len(source), None, source.splitlines(True), cell
    space = dict(diagnosis._space(exercise))
    exec(compile(source, cell, "exec"), space)
    lesson = importlib.import_module(f"checks.lesson{int(exercise.split('.')[0]):02d}")
    name = ast.parse(SOLUTIONS[exercise]).body[-1].name
    began = time.process_time()
    with pytest.raises(Wrong) as error:
        getattr(lesson, name).plain(space[name])
    assert time.process_time() - began < 2
    assert not error.value._render_traceback_()[1:], "a traceback shows the check's source"
    return str(error.value)


@pytest.mark.parametrize(
    "exercise, part, other, said",
    [
        # what used to pass, or to end in a traceback
        ("7.3", "np.abs(f(h) - start - h * f_dot).max()", "max(abs(f(h) - start - h * f_dot))", "an array has many"),
        ("5.2", "softmax(logits)", "np.exp(logits) / np.exp(logits).sum(1, keepdims=True)", "overflows"),
        ("15.1", "(256 * z + z.sum()) // (2 * z.sum())", "np.round(128 * z / z.sum())", "floats"),
        ("15.1", "(256 * z + z.sum()) // (2 * z.sum())", "np.round(128 * z / z.sum()).astype(int)", "ties"),
        ("11.2", "m, v = 0.9 * m", "m *= 0.9\n    m, v = m", "changed one of its arguments"),
        ("10.2", "thetas[:-1]", "[thetas.pop()]", "changed one of its arguments"),
        ("1.1", "return y", "return y.astype(np.float32)", "float32"),
        ("3.1", "return dI", "return dI.astype(np.float32)", "float32"),
        # what was misleading
        ("1.3", "u[t] >= lif.threshold", "u[t] >= 0", "lif.threshold"),
        ("4.1", "(H, W, _), k = x.shape, len(w)", "(H, W, _), k = x.shape, 3", "need not be 3"),
        ("4.2", "m, V = k // 2", "m, V = k - 1", "middle of the kernel"),
        ("3.4", "(1 - step(a) -", "(step(a) -", "factor is 1 - s"),
        ("7.2", "lif.rho * dI\n", "lif.rho * dI_dot[t]\n", "hands dI_dot to dr"),
        ("15.1", "e[label] -= 128", "e[label] += 128", "the sign"),
        ("13.1", "ddecay +=", "ddecay =", "keeps the last"),
        ("16.4", "n.mean()", "np.median(n)", "not their median"),
        ("11.2", "0.001 * g ** 2", "0.001 * np.mean(g ** 2)", "one mean for all"),
        ("1.4", "y[t] + decay", "y[t + 1] + decay", "yours takes y[t + 1]"),
        # written from the notebooks alone, before the checks were read
        ("9.4", "order = rng.permutation(n)", "order = np.sort(rng.choice(n, shots + queries, replace=False))", "sort nothing"),
        ("11.1", "theta = adam.step", "_ = adam.step", "theta never moves"),
        ("14.1", ': noise', ': int(np.random.default_rng(0).integers(0, 1 << k))', "draws one of its own"),
        ("15.1", "e[label] -= 128\n    return np.minimum(e, 127)",
         "e = np.minimum(e, 127)\n    e[label] -= 128\n    return e", "end of e"),
        ("14.2", "V[:-1]", "V", "yours has one more"),
        ("15.2", "(G + noise) >> k", "np.trunc((G + noise) / 2 ** k).astype(int)", "toward zero"),
        ("16.1", "(m + 2) / (n + 4)", "m + 2 / n + 4", "both brackets"),
        ("16.4", "int(np.floor(side / 2 - n.mean()))", "int((side - 1) / 2 - n.mean())", "cuts off"),
        ("17.2", "dI.sum((0, 1))", "dV.sum((0, 1))", "not of dV"),
        ("9.1", "if t == sees:", "if t >= sees:", "yours follows the light at every step"),
        ("9.1", "s, reference,", "light = np.log(light)\n    s, reference,", "a logarithm already"),
        ("9.4", "permutation(n)", "permutation(n - 1)", "yours leaves some out"),
        ("12.2", "in frozen:", "in frozen[-1:]:", "not the last alone"),
        ("14.2", "V[:-1]:\n        Y.append(shift(a * Y[-1] + (4096 - a) * (v << F), 12, mode))\n    return Y",
         "V:\n        Y.append(shift(a * Y[-1] + (4096 - a) * (v << F), 12, mode))\n    return Y[1:]", "a step too early"),
        ("14.2", "(v << F)", "v << F", "in brackets"),
        ("15.2", "(G + noise) >> k", "np.sign(G) * ((abs(G) + noise) >> k)", "sets the sign afterwards"),
        ("17.2", "dV @ W.T", "dI @ W.T", "yours takes dI down"),
        # usual slips
        ("11.2", " + 1e-8", "", "0 / 0"),
        ("11.2", "np.sqrt(v / (1 - 0.999 ** n)) + 1e-8", "np.sqrt(v / (1 - 0.999 ** n) + 1e-8)", "not under it"),
        ("10.2", "(theta,", "(thetas[0],", "always at the first point"),
        ("10.2", "thetas[:-1]", "thetas[-2:-1]", "one step only"),
        ("11.1", "append(loss)", "append(ms.meta_gradient(net, theta, task, a, order=order)[0])", "after"),
        ("12.1", "np.mean(net", "np.sum(net", "these are counts"),
        ("6.1", "theta = theta -", "start = start if n else theta\n        theta = start -", "the start every time"),
        ("5.3", "(dweight, dbias, *_)", "(dbias, dweight, *_)", "exchanged"),
        ("7.2", "second * u_dot[t] * dr", "second / 2 * u_dot[t] * dr", "the half"),
        ("3.1", "lif.slope", "10.0", "need not be 10"),
        ("10.1", "(1 - a * h) ** N", "abs(1 - a * h) ** N", "absolute value"),
        ("10.1", "factor * first,", "factor * h * (start - c),", "yours has it once"),
        ("12.1", "range(N + 1)", "range(N)", "once more after the last step"),
        ("1.3", "(1 - lif.gamma) * s[t]", "(1 - lif.gamma) * s[t - 1]", "`s[t - 1]` in place of `s[t]`"),
        ("3.2", "lif.beta * dQ + (1 - lif.alpha) * dP", "lif.beta * dQ + (1 - lif.beta) * dP", "dP enters dQ"),
        ("4.2", "h, v = y - i + m, z - j + m", "h, v = y - i, z - j", "m is missing"),
        ("14.4", "max((-low - 1).bit_length() if low else 0, high.bit_length()) + 1", "(high - low).bit_length()", "distance"),
    ],
)  # fmt: skip
def test_a_slip_meets_its_message_within_two_seconds(exercise, part, other, said):
    assert said in message(exercise, part, other)


def test_a_slip_is_claimed_only_where_the_students_source_has_it():
    part, slip = "first * d + 0.5", "first * d - 0.5"
    claimed = "- in place of + before"
    assert message("2.4", part, slip).startswith(f"Exercise 2.4: {claimed}")
    said = message(
        "2.4",
        "step(a0) + first * d + 0.5 * second * d ** 2",
        "np.subtract(step(a0) + first * d, second * np.square(d / np.sqrt(2)))",
    )
    assert diagnosis.AS_IF in said and claimed in said


@pytest.mark.parametrize(
    "exercise, part, other, said",
    [
        ("0.1", "* gradient", "* gradient ** 2", "the power `2` is too much"),
        ("1.1", "np.zeros(x.shape)", "x.copy()", "the slip is in the line for `y`"),
        ("2.2", "float(a >= 0)", "sigma_prime(a, lif.slope)", "the slip is in the line for `s`"),
    ],
)
def test_a_change_of_the_students_own_source_that_mends_it_is_named(exercise, part, other, said):
    assert said in message(exercise, part, other)


def test_every_known_slip_changes_the_solution_and_says_what_it_does():
    for exercise, part, other, said in SLIPS:
        solution = SOLUTIONS[exercise]
        changed = solution.replace(part, other) if part else other
        assert part in solution and ast.unparse(ast.parse(changed)) != solution
        assert said and said[-1] not in ". "


def test_a_list_put_into_itself_ends():
    """NumPy would make an array of it with all of its 32 axes, and take all memory."""
    space = {}
    exec(
        compile("def f():\n    a = [1.0]\n    a.append([a])\n    a + a\n", "<slip>", "exec"), space
    )
    with pytest.raises(TimeoutError):
        diagnosis._limited(space["f"], ())


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda dV, lif: 2 * dV, "every value is twice what it should be"),
        (lambda dV, lif: dV * (1 - lif.alpha), "multiplied by `1 - lif.alpha` once too often"),
        (lambda dV, lif: np.cumsum(dV), "running sums of the right ones"),
        (lambda dV, lif: dV[::-1], "in the reverse order"),
        (lambda dV, lif: np.append(dV[1:], 0), "come 1 place too early"),
        (lambda dV, lif: dV * np.nan, "all your values are NaN"),
        (lambda dV, lif: dV[:-1], "the last value is missing in yours"),
        (lambda dV, lif: dV.sum(), "summed over the first axis, which should be kept"),
        (lambda dV, lif: dV + 0.1 * dV**2, ""),
        (lambda dV, lif: dV * 1.001, "1.001 times what it should be"),
        (lambda dV, lif: dV.T[-1], "yours is the last value"),
    ],
)
def test_what_holds_of_all_values_is_said_and_nothing_else(change, said):
    rng = np.random.default_rng(0)
    cases = []
    for alpha in (0.8, 0.7, 0.6):
        dV = rng.standard_normal(12)
        lif = minisnn.LIF(alpha=alpha)
        cases.append(Case((dV, lif), [np.asarray(change(dV, lif))], [dV]))
    found = facts.fact(cases, ["dI", "lif"])
    assert said in found and bool(said) == bool(found)
    assert facts.fact(cases[:1], ["dI", "lif"]) == "", "one case is not enough"


def test_where_nothing_is_known_the_check_says_what_differs_and_on_which_input():
    with pytest.raises(Wrong) as error:
        lesson01.response(lambda t, alpha, beta: np.cos(t) + 0 * alpha)
    assert str(error.value) == (
        "Exercise 1.2: p[0] is 0.540302, expected 0 (29 of 29 values differ); given "
        "t = [1 2 3 4 5 6 ...] of shape (29,), alpha = 0.95, beta = 0.9"
    )
    with pytest.raises(Wrong, match="lambda_0.*given a = 0.4"):
        lesson10.back.plain(lambda net, thetas, task, a: np.cos(np.arange(net.size)))


@pytest.mark.parametrize(
    "body, said",
    [
        ("y = np.zeros(3)\n    y[1] = x", "one entry is to hold one number"),
        ("return x + np.ones(5)", r"arrays of shapes .* meet.*line 2 of trace; shapes there: x"),
        ("return x[99]", "entry 99 is asked for, and there are"),
        ("return np.arange(3) * dekay", "do you mean `decay`"),
        ("return x.summ()", r"there is `\.sum`"),
    ],
)
def test_an_error_is_reported_with_what_it_means_and_where(body, said):
    exec(f"def trace(x, decay):\n    {body}", space := {"np": np})
    with pytest.raises(Wrong, match=said):
        lesson01.trace(space["trace"])
