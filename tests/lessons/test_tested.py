"""Exercises where the student writes the test: the course's own test finds every wrong function and
accuses no right one, the obvious one finds few; the wrong functions are wrong, and no two are the
same; odd tests get a sentence; a bug slips past the course's tests, or is told which one found
it."""

import itertools
import re

import make
import numpy as np
import pytest
from checks import Wrong, bugs, suspects, tested
from checks.solutions import SOLUTIONS

EXERCISES = list(suspects.CASES)
PARTS = {
    number: one
    for source in make.sources()
    for number, one in make.exercises(make.parse(source)).items()
}


def function(text: str):
    """The function `test` or `bug` of a text."""
    space = {"np": np}
    exec(compile(text, "<answer>", "exec"), space)
    return next(space[name] for name in ("test", "bug") if name in space)


def seen(given, test) -> list[np.ndarray]:
    """What a function returned to a test, and what it then made of its arguments."""
    own, *rest = given()
    found: list[np.ndarray] = []

    def noted(*arguments):
        answer = own(*arguments)
        parts = answer if isinstance(answer, tuple) else (answer,)
        written = [one for one in arguments if isinstance(one, np.ndarray)]
        found.extend(np.array(one, float) for one in (*parts, *written))
        return answer

    try:
        test(noted, *rest)
    except AssertionError:
        pass
    return found


def alike(one: list, other: list) -> bool:
    """Whether two functions did the same, as far as both were asked."""
    return all(a.shape == b.shape and np.allclose(a, b, 1e-5, 1e-9) for a, b in zip(one, other))


def of(exercise: str) -> dict[str, list[list[np.ndarray]]]:
    """What each wrong function of an exercise does in each world, by what is wrong with it."""
    case, test = suspects.CASES[exercise], function(SOLUTIONS[exercise])
    found = {}
    for part, other, habit in suspects.listed(exercise):
        source = case.source.replace(part, other)
        found[habit] = [seen(suspects._given(source, world), test) for _, world in case.worlds]
    return found


def test_eight_exercises_or_more_have_a_dozen_wrong_functions_and_several_right_ones():
    assert len(EXERCISES) >= 8 and {*EXERCISES, "17.4t"} == {n for n in PARTS if n[-1] == "t"}
    for exercise in EXERCISES:
        assert len(suspects.listed(exercise)) >= 12
        assert sum(one.right for one in suspects.suspects(exercise)) >= 4
        for part, other, habit in suspects.listed(exercise):
            assert part in suspects.CASES[exercise].source and part != other, habit
            assert habit[0].islower() and habit[-1] not in ". ", habit


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_good_test_finds_every_wrong_function_and_the_obvious_one_a_third_at_most(exercise):
    found = tested.verdict(exercise, function(SOLUTIONS[exercise]))
    assert not found.survived and not found.alarms and not found.crashes
    counts = [re.match(r"finds (\d+) of (\d+)", one.message) for one in PARTS[exercise].wrong]
    told = [(int(count[1]), int(count[2])) for count in counts if count]
    assert told and all(3 * few <= many == len(found.found) for few, many in told)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_every_wrong_function_is_wrong_and_no_two_are_the_same(exercise):
    case, test = suspects.CASES[exercise], function(SOLUTIONS[exercise])
    found = of(exercise)
    for _, world in case.worlds:
        assert seen(suspects._given(case.source, world), test)
    right = [seen(suspects._given(case.source, world), test) for _, world in case.worlds]
    for n, (habit, there) in enumerate(found.items()):
        at = n % len(case.worlds)
        assert there[at] and not alike(there[at], right[at]), habit
    for (habit, one), (other, two) in itertools.combinations(found.items(), 2):
        assert not all(map(alike, one, two)), (habit, other)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_stored_outputs_and_a_copied_solution_raise_a_false_alarm(exercise):
    """At two right functions or more: their constants, shapes or types are others."""
    test, [first, *others] = function(SOLUTIONS[exercise]), suspects.suspects(exercise)
    kept = seen(first.given, test)
    other = [one for one in others if one.right and not alike(seen(one.given, test), kept)]
    assert len(other) >= 2
    copied = [one for one in PARTS[exercise].wrong if one.message == "a false alarm"]
    assert copied, "a source has a test that expects the numbers of one function alone"


NAMED = {
    "calls nothing": ("return None", "never calls the function"),
    "a number": ("return f(V).sum()", "True or False; yours returns a float"),
    "itself wrong": ("V[0] = 9\n    f(V)", "changes one of its arguments"),
    "a crash": ("f(V)\n    1 / 0", "accuses 5 of 5 right functions (it stopped with ZeroDivision"),
    "an end of Python": ("f(V)\n    raise SystemExit", "stopped with SystemExit"),
    "no end": ("while True:\n        f(V)", "is there a loop that never ends"),
    "no end, and nothing called": ("while True:\n        pass", "is there a loop that never ends"),
    "no end, and all caught": (
        "while True:\n        try:\n            f(V)\n        except Exception:\n            pass",
        "is there a loop that never ends",
    ),
    "itself again": ("return test(f, forward, V)", "stopped with RecursionError"),
    "always no": ("f(V)\n    return False", "accuses 5 of 5 right functions (it returned False)"),
    "always yes": ("f(V)\n    return True", "finds 0 of 13 wrong functions"),
    "much to say": ("f(V)\n    print('x' * 10**6)", "prints, 18000018 letters, is left out"),
    "a reason": ("f(V)\n    assert 0, 'so there'", "(its assert failed: so there)"),
    "a crash at some": (
        "if not np.isclose((f(V.copy()) * V).sum(), (V * forward(V)).sum(), 1e-4):\n        1 / 0",
        "which says nothing of the function",
    ),
}


@pytest.mark.parametrize("what", NAMED)
def test_an_odd_test_gets_a_sentence(what, monkeypatch, capsys):
    body, message = NAMED[what]
    if body.startswith("while"):  # the others end by themselves, however slow the machine is
        monkeypatch.setattr(tested, "SECONDS", 0.3)
    with pytest.raises(Wrong) as error:
        tested.judged("3.2t", function(f"def test(f, forward, V):\n    {body}"))
    assert str(error.value).startswith("Exercise 3.2t: ") and message in str(error.value)
    assert "\n" not in str(error.value) and not capsys.readouterr().out


def test_a_crash_at_a_wrong_function_finds_nothing():
    space = "def test(f, forward, V):\n    if not np.isclose((f(V.copy()) * V).sum(), (V * forward(V)).sum(), 1e-4):\n        "
    asserts = tested.verdict("3.2t", function(space + "assert False"))
    crashes = tested.verdict("3.2t", function(space + "1 / 0"))
    assert len(asserts.found) >= 10 and not crashes.found
    assert len(crashes.crashes) == len(asserts.found)


def test_a_hint_tells_what_a_survivor_gets_wrong_and_never_shows_it():
    naive = function("def test(f, forward, V):\n    assert f(V).shape == V.shape")
    habits = [habit for _, _, habit in suspects.listed("3.2t")]
    for hint in range(1, 14):
        with pytest.raises(Wrong) as error:
            tested.judged("3.2t", naive, hint)
        assert f"Survivor {hint} of 13: it {habits[hint - 1]}" in str(error.value)
    with pytest.raises(Wrong) as error:
        tested.judged("3.2t", naive)
    assert not any(habit in str(error.value) for habit in habits)
    for hint in (14, -1, "all", None, 1.5):
        with pytest.raises(Wrong, match="whole number from 1 to 13|write .test, hint=1"):
            tested.judged("3.2t", naive, hint)
    precise = SOLUTIONS["3.2t"].replace("1e-4", "1e-12, 0")
    with pytest.raises(Wrong, match="is right, and answers in single precision"):
        tested.judged("3.2t", function(precise), hint=1)


RIGHT = suspects.made(SOLUTIONS["17.4"])
BUGS = {  # what it does, and what is said
    "nothing wrong": (RIGHT, "gets past 8 of 8 tests, but on 42 fresh inputs it is right"),
    "zeros": (
        lambda u, dy, *_: 0 * u,
        "gets past 5 of 8 tests; one that catches it asks whether the",
    ),
    "squared blame": (lambda u, dy, *c: RIGHT(u, dy**2, *c), "one that catches it asks"),
    "a sum": (lambda u, dy, *c: RIGHT(u, dy, *c).sum(), "an array as large as u"),
    "an error": (lambda u, dy, *c: 1 / 0, "bug stopped with ZeroDivisionError"),
    "nothing": (lambda *_: None, "bug must return numbers"),
}


@pytest.mark.parametrize("what", BUGS)
def test_a_bug_that_is_found_or_none_is_told_so(what):
    bug, message = BUGS[what]
    with pytest.raises(Wrong) as error:
        bugs.slipped("17.4t", bug)
    assert message in str(error.value) and str(error.value).startswith("Exercise 17.4t: ")


CATCHES = [  # for each test of the course a bug that it finds
    lambda u, dy, *c: RIGHT(u, dy, *c)[..., None],
    lambda u, dy, *c: RIGHT(u, dy, *c) + 1,
    lambda u, dy, *c: 2 * RIGHT(u, dy, *c),
    lambda u, dy, *c: RIGHT(u, dy, *c)[::-1],
    lambda u, dy, *c: RIGHT(u, dy, *c) ** 3,
    lambda u, dy, *c: dy.__imul__(2),
    lambda u, dy, *c: RIGHT(u, dy, *c) + 0.1 * dy,
    lambda u, dy, *c: RIGHT(u, dy, *c) + 0.1 * dy,
]


def test_each_of_the_courses_tests_finds_a_bug_and_spares_the_right_function(capsys):
    for (asks, source), bug in zip(bugs.TESTS, CATCHES, strict=True):
        assert bugs._catches("17.4t", suspects.made(source), bug), asks
        assert not bugs._catches("17.4t", suspects.made(source), RIGHT), asks
    shown = [bugs._shows("17.4t", RIGHT, given, wanted) for _, given, wanted in bugs.fresh()]
    assert len(shown) >= 20 and not any(shown)
    bugs.slipped("17.4t", lambda u, dy, *c: RIGHT(u, dy, *c) * (1 + 1e-3 * (len(u) == 1)))
    assert "wrong on 3 of 42 fresh inputs, first on this: a single step" in capsys.readouterr().out
