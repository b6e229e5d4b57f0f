"""Paths through the lessons: what a path leaves out is lent, what a lesson needs comes before it,
each copy says what comes next, and every page says the same length."""

import json
import re
from pathlib import Path

import pytest

import make
from minisnn import classroom

KNOWN = {int(source.stem[:2]): make.parse(source) for source in make.sources()}
PATHS = classroom.paths()
SUMMED_UP = {"evening": {10}}  # said in a lesson of that path


def needs(number: int) -> set[int]:
    """Lessons that one needs before this one, as its first lines say."""
    said = re.search(r"You need lessons? ([\d, toand]+)", KNOWN[number][0].text)
    spans = re.findall(r"(\d+)(?: to (\d+))?", said[1] if said else "")
    return {n for first, last in spans for n in range(int(first), int(last or first) + 1)}


def test_a_path_has_each_lesson_once_and_after_those_that_it_needs():
    for name, path in PATHS.items():
        numbers = classroom.numbers(path)
        assert numbers[0] == 0 and len(set(numbers)) == len(numbers)
        for at, number in enumerate(numbers):
            assert needs(number) - set(numbers[:at]) <= SUMMED_UP.get(name, set()), (name, number)
        for exercise in path.get("exercises", ()):
            assert exercise in make.exercises(KNOWN[int(exercise.partition(".")[0])])
    assert sorted(classroom.numbers(PATHS["12-weeks"])) == list(KNOWN)


@pytest.mark.parametrize("name", PATHS)
def test_a_copy_lends_what_its_path_leaves_out_and_says_what_comes_next(name, here, command):
    code, said, _ = command(f"lessons --path {name}")
    path = PATHS[name]
    out = Path("minisnn-lessons")
    assert code == 0 and path["title"] in said and all(when in said for when, _ in path["parts"])
    books = {int(file.name[:2]): json.loads(file.read_text()) for file in out.glob("*.ipynb")}
    steps = classroom.steps(path)
    assert sorted(books) == sorted(classroom.numbers(path))
    for step, after in zip(steps, [*steps[1:], None]):
        number = int(step.partition(".")[0])
        cells = books[number]["cells"]
        texts = ["".join(cell["source"]) for cell in cells]
        assert f"Allow {path['minutes'][step]} minutes." in texts[0]
        [sign] = [n for n, cell in enumerate(cells) if cell.get("id") == "path"]
        wanted = rf"lesson {after.partition('.')[0]}\b" if after else "ends here"
        assert re.search(wanted, texts[sign])
        assert texts[sign + 1].startswith("## ") if "." in step else sign == len(cells) - 1
        for linked in re.findall(r"\]\((\d\d_\w+\.ipynb)", "\n".join(texts)):
            assert (out / linked).exists()
        for exercise, one in make.exercises(KNOWN[number]).items():
            asked = exercise in path["exercises"] if "exercises" in path else not one.optional
            lent = f"# Exercise {exercise} is left out on this path"
            mark = [text for text in texts if text.startswith(lent)]
            assert mark == [] if asked else mark[0].endswith(one.solution)
            assert any(one.checks[0] in text for text in texts) == asked
