"""One walk over the exercises: each check passes the stub on, takes the course's answer and right
ones that are written in other ways (right.txt, student.txt), and refuses wrong ones, with a message
that names the mistake: those of the sources, and four lists, written before the checks were opened."""

import contextlib
import re
from pathlib import Path

import numpy as np
import pytest

import make
from checks import Wrong

HERE = Path(__file__).parent
SOURCES = make.sources()
PARTS = {number: one for s in SOURCES for number, one in make.exercises(make.parse(s)).items()}
LISTS = "wrong_answers.txt", "blind.txt", "fresh.txt", "thoughts.txt"
# no more than which value, shape or number is another one
GENERAL = re.compile(r"; given |cannot go on")
OLD = {"256 does not fit into a byte"} if np.__version__.startswith("1.") else set()  # 16 bits
ODD = (
    None, "text", [1, [2, 3]], {"a": 1}, True, float("nan"), 1j, (), (None, None),
    np.zeros((2, 2, 2)), np.zeros(0), len, ((1, 2), (3,)), [(None, None)] * 2,
    (np.zeros(3), [1, [2]]), (1, 2, 3, 4), ("a", [(1, 2), (3, 4)]),
)  # fmt: skip


def solved(name) -> list[tuple[str, str]]:
    """(exercise, answer) of each right answer of a list."""
    found = re.split(r"^### (\d+\.\d+t?)\n", (HERE / name).read_text(encoding="utf-8"), flags=re.M)
    return list(zip(found[1::2], found[2::2]))


STUDENT = dict(solved("student.txt"))
RIGHT = [*solved("right.txt"), *STUDENT.items()]


def listed(name):
    """(exercise, answer, what must be said) of each wrong answer of a list, which is a part of a
    solution, and what stands there instead."""
    said = ""
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            exercise, rest = line.split(" | ", 1)
            part, _, other = rest.rpartition(" |")
            other = other.removeprefix(" ").replace("\\n", "\n")
            part = part.replace("\\n", "\n")
            solution = STUDENT[exercise] if name == "blind.txt" else PARTS[exercise].solution
            assert part in solution, line
            yield exercise, solution.replace(part, other) if part else other, said
        said = line.removeprefix("#> ") if line.startswith("#> ") else ""


WRONG = [row for name in LISTS for row in listed(name)]
HEAVY = "06", "10", "11", "12", "17"  # whose checks train
EACH = [
    pytest.param(source, step, id=f"{source.stem[:2]}-{step}", marks=marks)
    for source in SOURCES
    for step, marks in ((36, [pytest.mark.slow] * source.stem.startswith(HEAVY)), (1, [pytest.mark.slow]))
]  # fmt: skip


def said(one, space, answer) -> str:
    """What the check says to an answer; "" if it passes."""
    with np.errstate(all="ignore"):
        exec(compile(answer, "<answer>", "exec"), space)
        try:
            exec(one.checks[0], space)
        except Wrong as error:
            assert re.fullmatch(rf"Exercise {one.number}: [^\n]+", str(error))
            return str(error)
    return ""


@pytest.mark.parametrize("source, step", EACH)
def test_a_check_tells_right_from_wrong_and_says_why(source, step):
    space: dict = {"__name__": "__main__"}
    general = asked = 0
    for cell in make.parse(source):
        if cell.kind == "code" and cell.text.startswith(("import ", "from ", "def ", "class ")):
            with contextlib.suppress(NameError):  # of cells between that were not run
                exec(compile(cell.text, "<cell>", "exec"), space)
        if cell.kind != "exercise":
            continue
        one = PARTS[cell.exercise]
        with pytest.raises(NotImplementedError, match=f"^Exercise {one.number}: .{{30}}"):
            said(one, dict(space), cell.text)
        for number, answer in RIGHT:
            assert number != one.number or not said(one, dict(space), answer), answer
        for wrong in one.wrong:
            assert wrong.message in OLD or wrong.message in said(one, dict(space), wrong.text)
        answers = [row[1:] for row in WRONG if row[0] == one.number][::step]
        for answer, message in answers:
            found = said(one, dict(space), answer)
            assert found and message in found, answer
            general += bool(GENERAL.search(found))
        asked += len(answers)
        if not source.stem.startswith(HEAVY):
            name = re.match(r"check\.(\w+)\((\w+)", one.checks[0])[2]
            for odd in ODD:
                answer = lambda *_, odd=odd: odd
                answer.__name__ = name
                found = said(one, space | {name: answer}, "")
                assert found and "cannot go on" not in found, odd
        assert not said(one, space, one.solution)
    assert general <= 1 + asked / 10
