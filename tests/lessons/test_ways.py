"""Ways through the lessons: what a path leaves out is lent, what a lesson needs comes before it, and
each copy says what comes next."""

import json
import re
import sys
from pathlib import Path

import make
import pytest

from minisnn import classroom, cli
from slowly import slow

KNOWN = {int(source.stem[:2]): make.parse(source) for source in make.sources()}
PATHS = classroom.paths()


def needs(number: int) -> set[int]:
    """Lessons that one needs before this one, as its first lines say."""
    said = re.search(r"You need (.*?)\. Allow ", KNOWN[number][0].text, re.S)
    if said is None:
        return set()
    if said[1].startswith("all lessons before"):
        return set(range(1, number))
    named = re.search(r"lessons? ([\d, toand]+)", said[1])
    spans = re.findall(r"(\d+)(?: to (\d+))?", named[1] if named else "")
    return {n for first, last in spans for n in range(int(first), int(last or first) + 1)}


def left_out(path: dict, number: int) -> set[str]:
    """Exercises of a lesson that a path lends."""
    parts = make.exercises(KNOWN[number])
    if "exercises" in path:
        return parts.keys() - set(path["exercises"])
    return {exercise for exercise, one in parts.items() if one.optional}


def test_a_path_has_each_lesson_after_those_that_it_needs():
    for name, path in PATHS.items():
        seen: set[int] = set()
        finished = [int(step) for step in classroom.steps(path) if "." not in step]
        assert len(set(finished)) == len(finished) and finished[0] == 0
        for number in finished:
            lent = needs(number) - seen
            assert not lent or (name == "fast" and not lent & set(finished)), (name, number)
            if lent:  # what would have been learned there is said
                [told] = [one.name for one in KNOWN[number] if one.kind == make.LENT]
                assert lent - {2} <= set(map(int, re.findall(r"\d+", told))), number
            seen.add(number)
        for step in (step for step in classroom.steps(path) if "." in step):
            assert step in path["exercises"] and int(step.partition(".")[0]) in finished
        for exercise in path.get("exercises", ()):
            assert exercise in make.exercises(KNOWN[int(exercise.partition(".")[0])])
    assert classroom.numbers(PATHS["12-weeks"]) == list(KNOWN)


def test_optional_exercises_say_so_and_are_counted_apart():
    more = 0
    found = []
    for cells in KNOWN.values():
        prose = "\n".join(cell.text for cell in cells if cell.kind == "text")
        for number, one in make.exercises(cells).items():
            assert (f"**Exercise {number}.** *Optional" in prose) == one.optional, number
            found += [number] * one.optional
        more += make.minutes(cells, ()) - make.minutes(cells)
    assert found == ["4.3", "5.4", "9.2", "9.3", "11.2", "14.3", "14.5"]
    told = f"{', '.join(found[:-1])} and {found[-1]}, take another {more} minutes"
    assert told in (make.HERE / "README.md").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="no known kind"):
        make._head("a", 1, "python", "check 4.3 optional")


def _books(out: Path) -> dict[int, dict]:
    return {int(path.name[:2]): json.loads(path.read_text()) for path in out.glob("*.ipynb")}


@pytest.mark.parametrize("name", PATHS)
def test_the_command_lends_what_a_path_leaves_out(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lessons", "--path", name, "--out", "mine"]) == 0
    said = capsys.readouterr().out
    path = PATHS[name]
    assert path["title"] in said and all(when in said for when, _ in path["parts"])
    books = _books(Path("mine"))
    assert sorted(books) == sorted(classroom.numbers(path))
    for number, book in books.items():
        lent = left_out(path, number)
        for exercise, one in make.exercises(KNOWN[number]).items():
            cells = [c for c in book["cells"] if c["metadata"].get("exercise") == exercise]
            tags = {tag for cell in cells for tag in cell["metadata"]["tags"]}
            whole = ["".join(c["source"]) for c in book["cells"] if c["cell_type"] == "code"]
            [there] = [text for text in whole if text.endswith(one.solution)] or [None]
            assert tags == (set() if exercise in lent else tags | {"exercise", "check", "solution"})
            assert (there is not None) == (exercise in lent), exercise
            if there:
                assert there.startswith(f"# Exercise {exercise} is left out on this path")
                assert f"check.{one.solution.split('(')[0].split()[-1]}(" not in "\n".join(whole)


def _said(cell: dict) -> str:
    return "".join(cell["source"])


@pytest.mark.parametrize("name", PATHS)
def test_each_copy_says_what_comes_next_on_its_path(name, tmp_path):
    path = PATHS[name]
    classroom.copy(classroom.numbers(path), tmp_path / "mine", path=path)
    books = _books(tmp_path / "mine")
    at, *steps = classroom.steps(path)
    for step in steps:
        number, _, part = at.partition(".")
        cells = books[int(number)]["cells"]
        signs = [n for n, c in enumerate(cells) if c.get("id") == f"path-{at.replace('.', '-')}"]
        [sign] = signs
        assert re.search(rf"lesson {step.partition('.')[0]}\b", _said(cells[sign]))
        if part:  # behind the exercise that it names, and long before the end
            assert cells[sign - 1]["metadata"]["exercise"] == at and sign < len(cells) - 2
        else:
            assert sign == len(cells) - 1
        at = step
    assert "ends here" in _said(books[int(at)]["cells"][-1])
    for book in books.values():
        for cell in book["cells"]:
            linked = re.findall(r"\]\((\d\d_\w+\.ipynb)", _said(cell))
            assert all((tmp_path / "mine" / one).exists() for one in linked), linked


def test_a_path_says_what_to_copy(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lessons", "--path", "fast", "--only", "3"]) == 0
    assert "--only does nothing with --path" in capsys.readouterr().err
    work = next(Path("minisnn-lessons").glob("06_*.ipynb"))
    work.write_text("hours of work")
    assert cli.main(["lessons", "--path", "6-weeks"]) == 0
    assert work.read_text() == "hours of work"
    assert len(list(Path("minisnn-lessons").glob("*.ipynb"))) == 13


@pytest.mark.parametrize("name, number", [("fast", 1), slow(("fast", 2)), ("12-weeks", 14)])
def test_what_is_lent_serves_the_cells_below(name, number, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MYSNN", str(tmp_path / "mysnn.py"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    # the next test imports a file of its own
    monkeypatch.setitem(sys.modules, "mysnn", None)
    del sys.modules["mysnn"]
    source = next(one for one in make.sources() if one.stem.startswith(f"{number:02d}"))
    book = json.loads(make.notebook_of(source).read_text(encoding="utf-8"))
    parts = make.exercises(KNOWN[number])
    space: dict = {"__name__": "__main__"}
    for cell in classroom.on_path(book, PATHS[name])["cells"]:
        if cell["cell_type"] == "code":
            asked = "exercise" in cell["metadata"].get("tags", ())
            text = (
                parts[cell["metadata"]["exercise"]].solution if asked else "".join(cell["source"])
            )
            exec(compile(text, "<cell>", "exec"), space)
    said = capsys.readouterr().out
    left = left_out(PATHS[name], number)
    for exercise in parts:
        assert (f"Exercise {exercise}: right." in said) == (exercise not in left)
    assert left
