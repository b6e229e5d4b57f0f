"""Tests that students write, judged by the functions that they let pass.

A test is a function that is handed another one, right or wrong, with what belongs to it
(suspects.py). It says no by an `assert` that fails, or by returning False. Every other error is a
crash: at a right function it is a false alarm, and at a wrong one it finds nothing, for it says
nothing. The judge tells how many of the wrong functions are found and whether a right one is
accused; what a survivor gets wrong is told on request, in words.
"""

import contextlib
import copy
import io
import sys
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import right, wrong
from .suspects import Suspect, suspects

SECONDS = 10.0  # of processor time, for one call of a test
PATIENCE = 60.0  # of the clock, for one that waits


class Endless(BaseException):
    """A test that goes on and on; no `except Exception` of its own stops it."""


class Verdict(NamedTuple):
    """What became of the functions: found and survived are wrong ones, alarms are (right one, what
    the test said), crashes are errors other than AssertionError at wrong ones."""

    found: list[Suspect]
    survived: list[Suspect]
    alarms: list[tuple[Suspect, str]]
    crashes: list[str]
    spared: int
    printed: int


class Counted(io.TextIOBase):
    """A place for what a test prints: it is counted, and not kept."""

    size = 0

    def write(self, text: str) -> int:
        self.size += len(text)
        return len(text)


def judge(exercise: str) -> Callable:
    """The check of a test that a student writes."""

    def judged_test(test: Callable, hint: int = 0) -> None:
        judged(exercise, test, hint)

    return judged_test


def judged(exercise: str, test: Callable, hint: int = 0) -> None:
    """Say whether a test finds all wrong functions and accuses no right one; with `hint` what the
    survivor of that number gets wrong."""
    found = verdict(exercise, test)
    if found.alarms:
        raise wrong(exercise, _alarm(found, hint) + _printed(found))
    many = len(found.found) + len(found.survived)
    if found.survived:
        raise wrong(exercise, _count(exercise, found, hint) + _printed(found))
    right(
        exercise,
        f"Your test finds all {many} wrong functions and accuses none of {found.spared} right "
        f"ones.{_printed(found)}",
    )


def verdict(exercise: str, test: Callable) -> Verdict:
    """What a test says to each function. Raises Wrong where it is no test: it returns something
    else than True or False, changes what it is given, never ends, or never calls the function."""
    calls, shown = [0], Counted()
    found: list[Suspect] = []
    survived: list[Suspect] = []
    alarms: list[tuple[Suspect, str]] = []
    crashes: list[str] = []
    everyone = suspects(exercise)
    told: dict[int, tuple[str, bool]] = {}
    # in another order each time, so that nothing can be told from who comes when
    for n in np.random.default_rng().permutation(len(everyone)).tolist():
        told[n] = asked(exercise, test, everyone[n], calls, shown)
    for n, one in enumerate(everyone):
        said, crashed = told[n]
        if one.right and said:
            alarms.append((one, said))
        elif not one.right:
            (found if said and not crashed else survived).append(one)
            crashes += [said] * crashed
    if not calls[0] and not alarms:
        raise wrong(exercise, "your test never calls the function that it is given")
    spared = sum(one.right for one in everyone) - len(alarms)
    return Verdict(found, survived, alarms, crashes, spared, shown.size)


def asked(exercise, test, suspect, calls, shown) -> tuple[str, bool]:
    """(what the test says against a function, or "" if nothing; whether it is a crash)."""
    function, *rest = suspect.given()

    def counting(*arguments):
        calls[0] += 1
        return function(*arguments)

    before = copy.deepcopy([one for one in rest if isinstance(one, np.ndarray)])
    try:
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
            answer = _watched(test, (counting, *rest))
    except (NotImplementedError, KeyboardInterrupt):
        raise
    except Endless:
        raise wrong(
            exercise,
            f"your test was still at work after {SECONDS:g} s; is there a loop that never ends? "
            "A test should take a moment",
        ) from None
    except AssertionError as error:
        return f"its assert failed{_text(error)}", False
    except BaseException as error:
        return f"it stopped with {type(error).__name__}{_text(error)}", True
    after = [one for one in rest if isinstance(one, np.ndarray)]
    # a wrong function may have done it, a right one did not
    if suspect.right and not all(map(np.array_equal, before, after)):
        raise wrong(
            exercise,
            "your test changes one of its arguments; work on a copy, or whoever tests next is "
            "misled",
        )
    if answer is not None and not isinstance(answer, bool | np.bool_):
        raise wrong(
            exercise,
            f"a test returns nothing, or True or False; yours returns a {type(answer).__name__}",
        )
    return ("" if answer is None or answer else "it returned False"), False


def _text(error: BaseException) -> str:
    words = " ".join(str(error).split())
    return f": {words[:120]}" if words else ""


def _watched(test: Callable, arguments: tuple) -> object:
    """Call a test; Endless where it takes too long."""
    ends = time.process_time() + SECONDS, time.monotonic() + PATIENCE
    own = getattr(getattr(test, "__code__", None), "co_filename", None)

    def watch(frame, *_):
        if time.process_time() > ends[0] or time.monotonic() > ends[1]:
            raise Endless
        return watch if own in (None, frame.f_code.co_filename) else None

    traced = sys.gettrace()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        sys.settrace(watch)
        try:
            return test(*arguments)
        finally:
            sys.settrace(traced)


def _count(exercise: str, found: Verdict, hint: int) -> str:
    left, many = len(found.survived), len(found.found) + len(found.survived)
    text = f"your test finds {len(found.found)} of {many} wrong functions, without a false alarm"
    if found.crashes:
        text += (
            f"; at {len(found.crashes)} {found.crashes[0]}, which says nothing of the function: "
            "only an assert, or False, is a no"
        )
    if not hint:
        return f"{text}. To hear what a survivor gets wrong, write (test, hint=1) in the check"
    if hint not in range(1, left + 1):
        return f"{text}. {left} survive: hint is a whole number from 1 to {left}"
    return f"{text}. Survivor {hint} of {left}: it {found.survived[hint - 1].habit}"


def _alarm(found: Verdict, hint: int) -> str:
    number = len(found.alarms) + found.spared
    one, said = found.alarms[0]
    text = (
        f"a false alarm: your test accuses {len(found.alarms)} of {number} right functions ({said})"
    )
    if not hint:
        return (
            f"{text}. It may expect numbers, a shape or a precision that not all of them have; to "
            "hear of one, write (test, hint=1) in the check"
        )
    return f"{text}. The first of them is right, and {one.habit}"


def _printed(found: Verdict) -> str:
    return f" (What it prints, {found.printed} letters, is left out.)" if found.printed else ""
