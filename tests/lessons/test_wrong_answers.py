"""Plausible wrong answers, many written before the checks were opened (blind.txt, fresh.txt,
thoughts.txt): none passes its check, and nearly all are told what their mistake is. Right answers
that are written in other ways than the course's (right.txt) pass."""

import contextlib
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import make
from checks import Wrong, diagnosis

SOURCES = make.sources()[1:]  # lesson 0 has no exercise
# a message that says no more than that a value, a shape or a number is another one
GENERAL = re.compile(
    r"^Exercise [\d.]+: (?:(?:[^:;(]*|\w+: x = [^:;(]*) (?:is|gives) \S+, expected \S+ \([^()]*(?:\([^()]*\))?[^()]*\)"
    r"|\S+ has shape [^;]*|\w+ stopped with [^;]*|tolerance [^:;]*: yours is \S+ expected \S+|[^:]* the places inside are .*"
    r"|the gradient of [^;]* is not right.*|\w+\.\w+ is (?:not right|still zero) .*|\d+ weights up to .*"
    r")(?:; given .*)?$"
)


HERE = Path(__file__).parent


def answers(name):
    """(exercise, part of the solution, what stands there instead, what must be said) of each wrong
    answer of a list."""
    said = ""
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            exercise, rest = line.split(" | ", 1)
            part, _, other = rest.rpartition(" |")
            yield exercise, part, other.removeprefix(" ").replace("\\n", "\n"), said
        said = line.removeprefix("#> ") if line.startswith("#> ") else ""


def solved(name) -> list[tuple[str, str]]:
    """(exercise, answer) of each right answer of a list."""
    found = re.split(r"^### (\d+\.\d+t?)\n", (HERE / name).read_text(encoding="utf-8"), flags=re.M)
    return list(zip(found[1::2], found[2::2]))


def students() -> dict[str, str]:
    """Solutions of a second hand, by exercise."""
    return dict(solved("student.txt"))


def met(source, name="wrong_answers.txt", told=False, step=1) -> tuple[Counter, list[str]]:
    """How many wrong answers of a lesson met a general or another message; the slips that passed,
    or could not be told.

    With `told` only those answers are asked of which the list says what must be said; of all, one
    in `step`.
    """
    cells, space, found, bad = make.parse(source), {"__name__": "__main__"}, Counter(), []
    parts = make.exercises(cells)
    theirs = students() if name == "blind.txt" else {}
    mine = [one for one in answers(name) if one[0] in parts and (one[3] or not told)][::step]
    for cell in cells:
        # what an answer may use
        if cell.kind == "code" and cell.text.startswith(("import ", "from ", "def ", "class ")):
            with contextlib.suppress(NameError):  # of cells between that were not run
                exec(compile(cell.text, "<cell>", "exec"), space)
        elif cell.kind == "exercise":
            one = parts[cell.exercise]
            solution = theirs.get(cell.exercise, one.solution)
            for _, part, other, said in (answer for answer in mine if answer[0] == cell.exercise):
                assert part in solution, (cell.exercise, part)
                mistaken = dict(space)
                exec(
                    compile(solution.replace(part, other) if part else other, "<answer>", "exec"),
                    mistaken,
                )
                try:
                    with np.errstate(all="ignore"):
                        exec(one.checks[0], mistaken)
                    bad.append(f"{cell.exercise}: {part} -> {other}: passed")
                except Wrong as error:
                    general = GENERAL.match(str(error))
                    found["general" if general else "named"] += 1
                    if general or (told and said not in str(error)):
                        bad.append(f"{cell.exercise}: {part} -> {other}: {error}")
            exec(compile(solution, "<solution>", "exec"), space)
            if theirs:
                exec(one.checks[0], space)  # a right answer that is not the course's passes too
    return found, bad


HEAVY = "06", "10", "11", "12", "17"  # whose checks train
EACH = [
    pytest.param(source, id=source.stem, marks=[pytest.mark.slow] * source.stem.startswith(HEAVY))
    for source in SOURCES
]
LISTS = "wrong_answers.txt", "blind.txt", "fresh.txt", "thoughts.txt"


@pytest.mark.parametrize("source", EACH)
def test_right_answers_written_in_another_way_pass(source, capsys):
    cells, space = make.parse(source), {"__name__": "__main__"}
    parts = make.exercises(cells)
    for cell in cells:
        if cell.kind == "code" and cell.text.startswith(("import ", "from ", "def ", "class ")):
            with contextlib.suppress(NameError):
                exec(compile(cell.text, "<cell>", "exec"), space)
        elif cell.kind == "exercise":
            for text in (text for number, text in solved("right.txt") if number == cell.exercise):
                theirs = dict(space)
                exec(compile(text, "<answer>", "exec"), theirs)
                exec(parts[cell.exercise].checks[0], theirs)
                assert f"Exercise {cell.exercise}: right." in capsys.readouterr().out
            exec(compile(parts[cell.exercise].solution, "<solution>", "exec"), space)


def test_there_are_enough_and_every_exercise_has_some():
    everything = {number for source in SOURCES for number in make.exercises(make.parse(source))}
    exercises = {number for number in everything if not number.endswith("t")}
    for name in LISTS:
        table = Counter(exercise for exercise, *_ in answers(name))
        assert sum(table.values()) >= 140 and set(table) == exercises
    others = Counter(exercise for exercise, _ in solved("right.txt"))
    assert sum(others.values()) >= 120 and set(others) == everything
    assert set(students()) == exercises


def _cases():
    for source in SOURCES:
        for name in LISTS:
            yield pytest.param(source, name, 1, id=f"{source.stem}-{name}", marks=pytest.mark.slow)
        # the sources have wrong answers, too, which are tried of all lessons but these
        if source.stem.startswith(HEAVY):
            yield pytest.param(source, LISTS[0], 3, id=f"{source.stem}-some")


@pytest.mark.parametrize("source, name, step", list(_cases()))
def test_no_wrong_answer_passes(source, name, step, monkeypatch):
    monkeypatch.setattr(diagnosis, "SECONDS", 0.0)  # what the slip was is asked below
    bad = met(source, name, step=step)[1]
    assert not [line for line in bad if line.endswith(": passed")], "\n".join(bad)


@pytest.mark.slow
@pytest.mark.parametrize("name", LISTS)
def test_at_most_a_tenth_gets_a_general_message(name, monkeypatch):
    monkeypatch.setattr(diagnosis, "SECONDS", 30.0)  # on a machine that has other work
    found = sum((met(source, name)[0] for source in SOURCES), Counter())
    assert found["general"] <= sum(found.values()) / 10, found


@pytest.mark.parametrize("source", EACH)
def test_what_the_list_says_is_said(source):
    assert met(source, "fresh.txt", told=True)[1] == []
