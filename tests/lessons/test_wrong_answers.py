"""At least 200 plausible wrong answers: none passes its check, and nearly all are told what their mistake is or does."""

import contextlib
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import make
from checks import Wrong, diagnosis

SOURCES = make.sources()
# a message that says no more than that a value, a shape or a number is another one
GENERAL = re.compile(
    r"^Exercise [\d.]+: (?:[^:;(]* is \S+, expected \S+ \(\d+ of \d+ values differ\)"
    r"|\S+ has shape [^;]*|\w+ stopped with [^;]*)$"
)


def answers():
    """(exercise, part of the solution, what stands there instead) of each line of wrong_answers.txt."""
    for line in (Path(__file__).parent / "wrong_answers.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            exercise, rest = line.split(" | ", 1)
            part, _, other = rest.rpartition(" |")
            yield exercise, part, other.removeprefix(" ")


def met(source) -> tuple[Counter, list[str]]:
    """How many wrong answers of a lesson met a general or another message; the slips that passed, or could not be told."""
    cells, space, found, bad = make.parse(source), {"__name__": "__main__"}, Counter(), []
    parts = make.exercises(cells)
    mine = [one for one in answers() if one[0] in parts]
    for cell in cells:
        if cell.kind == "code" and cell.text.startswith(("import ", "from ", "def ", "class ")):  # what an answer may use
            with contextlib.suppress(NameError):  # of cells between that were not run
                exec(compile(cell.text, "<cell>", "exec"), space)
        elif cell.kind == "exercise":
            one = parts[cell.exercise]
            for _, part, other in (answer for answer in mine if answer[0] == cell.exercise):
                assert part in one.solution, (cell.exercise, part)
                mistaken = dict(space)
                exec(compile(one.solution.replace(part, other), "<answer>", "exec"), mistaken)
                try:
                    with np.errstate(all="ignore"):
                        exec(one.checks[0], mistaken)
                    bad.append(f"{cell.exercise}: {part} -> {other}: passed")
                except Wrong as error:
                    general = GENERAL.match(str(error))
                    found["general" if general else "named"] += 1
                    if general:
                        bad.append(f"{cell.exercise}: {part} -> {other}: {error}")
            exec(compile(one.solution, "<solution>", "exec"), space)
    return found, bad


def test_there_are_enough_and_every_exercise_has_some():
    table = Counter(exercise for exercise, _, _ in answers())
    exercises = {number for source in SOURCES for number in make.exercises(make.parse(source))}
    assert sum(table.values()) >= 200 and set(table) == exercises


@pytest.mark.parametrize("source", SOURCES, ids=[source.stem for source in SOURCES])
def test_no_wrong_answer_passes(source, monkeypatch):
    monkeypatch.setattr(diagnosis, "SECONDS", 0.0)  # what the slip was is asked below
    bad = met(source)[1]
    assert not [line for line in bad if line.endswith(": passed")], "\n".join(bad)


@pytest.mark.slow
def test_at_most_a_tenth_gets_a_general_message(monkeypatch):
    monkeypatch.setattr(diagnosis, "SECONDS", 30.0)  # on a machine that has other work
    found = sum((met(source)[0] for source in SOURCES), Counter())
    assert found["general"] <= sum(found.values()) / 10, found
