"""Exercises where the student writes the test: the course's own test finds every wrong function and
accuses no right one; odd tests get a sentence; a bug slips past the course's tests, or hears which one found it."""

import linecache

import numpy as np
import pytest
from checks import Wrong, tested
from checks.solutions import SOLUTIONS

EXERCISES = list(tested.CASES)


def function(text: str):
    """The function `test` of a text, typed into a cell."""
    linecache.cache["<answer>"] = len(text), None, text.splitlines(True), "<answer>"
    exec(compile(text, "<answer>", "exec"), space := {"np": np})
    return space["test"]


@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_good_test_finds_every_wrong_function(exercise):
    test = function(SOLUTIONS[exercise])
    found = tested.verdict(exercise, test)
    assert len(found.found) >= 12 and not (found.survived or found.alarms or found.crashes)


NAMED = {
    "calls nothing": ("return None", "never calls the function"),
    "a number": ("return f(V).sum()", "True or False; yours returns a float"),
    "itself wrong": ("V[0] = 9\n    f(V)", "changes one of its arguments"),
    "a crash": ("f(V)\n    1 / 0", "accuses 5 right functions (it stopped with ZeroDivision"),
    "an end of Python": ("f(V)\n    raise SystemExit", "stopped with SystemExit"),
    "always yes": ("f(V)\n    return True", "finds 0 of 14 wrong functions"),
    "a reason": ("f(V)\n    assert 0, 'so there'", "(its assert failed: so there)"),
    "a crash at some": (
        "if not np.isclose((f(V.copy()) * V).sum(), (V * forward(V)).sum(), 1e-4):\n        1 / 0",
        "which says nothing of the function",
    ),
}


@pytest.mark.parametrize("what", NAMED)
def test_an_odd_test_gets_a_sentence(what):
    body, message = NAMED[what]
    with pytest.raises(Wrong) as error:
        tested.judge("3.2t")(function(f"def test(f, forward, V):\n    {body}"))
    assert str(error.value).startswith("Exercise 3.2t: ") and message in str(error.value)


def test_a_hint_says_what_a_survivor_gets_wrong():
    naive = function("def test(f, forward, V):\n    assert f(V).shape == V.shape")
    habits = [said for said, _ in tested.diagnosis.known("3.2t", SOLUTIONS["3.2"])]
    for hint, habit in enumerate([*habits, "write (test, hint=1)"], 1):
        with pytest.raises(Wrong) as error:
            tested.judge("3.2t")(naive, hint)
        assert habit in str(error.value)
    precise = function(SOLUTIONS["3.2t"].replace("1e-4", "1e-12, 0"))
    with pytest.raises(Wrong, match="is right, and answers in single precision"):
        tested.judge("3.2t")(precise, hint=1)


RIGHT = tested.made(SOLUTIONS["17.4"])
BUGS = (  # what it does, and what is said
    (RIGHT, "gets past 8 of 8 tests, but on 42 fresh inputs it is right"),
    (lambda u, dy, *_: 0 * u, "gets past 5 of 8 tests; one that catches it asks whether the"),
    (lambda u, dy, *c: RIGHT(u, dy, *c).sum(), "an array as large as u"),
    (lambda u, dy, *c: 1 / 0, "stopped with ZeroDivisionError"),
    (lambda u, dy, *c: RIGHT(u, dy, *c) + 1, "no blame from above"),
    (lambda u, dy, *c: 2 * RIGHT(u, dy, *c), "the last step"),
    (lambda u, dy, *c: RIGHT(u, dy, *c)[::-1], "back in time only|the last step"),
    (lambda u, dy, *c: RIGHT(u, dy, *c) ** 3, "adds up|the last step"),
    (lambda u, dy, *c: dy.__imul__(2), "changed one of its arguments"),
    (lambda u, dy, *c: RIGHT(u, dy, *c) + 0.1 * dy, "the last step|differences"),
)


@pytest.mark.parametrize("bug, message", BUGS)
def test_a_bug_that_is_found_or_none_is_told_so(bug, message):
    with pytest.raises(Wrong) as error:
        tested.slipped("17.4t", bug)
    assert any(part in str(error.value) for part in message.split("|"))


def test_a_bug_that_shows_on_fresh_inputs_only_is_right(capsys):
    tested.slipped("17.4t", lambda u, dy, *c: RIGHT(u, dy, *c) * (1 + 1e-3 * (len(u) == 1)))
    assert "wrong on 3 of 42 fresh inputs, first on this: a single step" in capsys.readouterr().out


def test_a_test_that_accuses_all_right_functions_hears_what_it_lets_pass():
    with pytest.raises(Wrong, match="accuses all of them, and lets one pass that goes uphill"):
        tested.judge("15.2t")(
            function("def test(f, k):\n    assert f(np.zeros(1, int), np.array([10**9]), 0)[0] > 0")
        )


@pytest.mark.parametrize(
    "body, said",
    [
        ("assert np.allclose(forward(f(V)), V)", "and not its inverse"),
        ("return bool((f(V) * V).sum() == (V * forward(V)).sum())", "asks for every last digit"),
        ("assert f(V).shape == (1, 1) and forward(V) is None", "is off, or its tolerance"),
    ],
)
def test_a_test_that_accuses_right_functions_hears_what_its_source_takes_for_true(body, said):
    with pytest.raises(Wrong, match=said):
        tested.judge("3.2t")(function(f"def test(f, forward, V):\n    {body}"))
