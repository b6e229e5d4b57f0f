"""Ways through the lessons: what a path leaves out is lent, what a lesson needs comes before it, and
the map and the tables say so."""

import json
import re
import sys
from pathlib import Path

import make
import paths
import pytest

from minisnn import classroom, cli
from slowly import slow

KNOWN = paths.lessons()
NEEDS = {number: paths.needs(number, cells) for number, cells in KNOWN.items()}
README = make.HERE / "README.md"


def test_a_path_has_each_lesson_after_those_that_it_needs():
    assert set(paths.paths()) == set(classroom.PATHS)
    for name, path in paths.paths().items():
        steps = paths.numbers(path)
        assert len(set(steps)) == len(steps) and steps[0] == 0
        seen: set[int] = set()
        for number in steps:
            lent = NEEDS[number] - seen
            assert not lent or (name == paths.FAST and not lent & set(steps)), (name, number)
            if lent:  # what would have been learned there is said
                [told] = [one.name for one in KNOWN[number] if one.kind == make.LENT]
                assert lent - {2} <= set(map(int, re.findall(r"\d+", told))), number
            seen.add(number)
        for text in [one for _, part in path["parts"] for one in part if "." in one]:
            assert text in path["exercises"] and int(text.partition(".")[0]) in steps
        for text in path.get("exercises", ()):
            assert text in make.exercises(KNOWN[int(text.partition(".")[0])])
    assert sorted(paths.numbers(paths.paths()["12-weeks"])) == list(KNOWN)


def test_the_readme_and_the_map_are_made_by_the_script():
    again = "run `python lessons/paths.py`"
    text = README.read_text(encoding="utf-8")
    assert text == paths.readme(text, KNOWN), again
    assert paths.MAP.read_text(encoding="utf-8") == paths.drawing(KNOWN), again


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
    assert told in README.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="no known kind"):
        make._head("a", 1, "python", "check 4.3 optional")


def _books(out: Path) -> dict[int, dict]:
    return {int(path.name[:2]): json.loads(path.read_text()) for path in out.glob("*.ipynb")}


@pytest.mark.parametrize("name", classroom.PATHS)
def test_the_command_lends_what_a_path_leaves_out(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lessons", "--path", name, "--out", "mine"]) == 0
    said = capsys.readouterr().out
    path = paths.paths()[name]
    assert path["title"] in said and all(when in said for when, _ in path["parts"])
    books = _books(Path("mine"))
    assert sorted(books) == sorted(paths.numbers(path))
    for number, book in books.items():
        lent = paths.left_out(path, KNOWN[number])
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


@pytest.mark.parametrize("name", classroom.PATHS)
def test_each_copy_says_what_comes_next_on_its_path(name, tmp_path):
    path = classroom.way(name)
    on_it = [one for one in classroom.lessons() if path.has(one)]
    classroom.copy(on_it, tmp_path / "mine", path=path)
    books = _books(tmp_path / "mine")
    at = path.steps[0]
    for step in path.steps[1:]:
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
    assert cli.main(["lessons", "--path", "fast", "--only", "3"]) == 2
    assert "--only would do nothing with --path" in capsys.readouterr().err
    assert cli.main(["lessons", "--path", "fast"]) == 0
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
    for cell in classroom.on_path(book, classroom.way(name))["cells"]:
        if cell["cell_type"] == "code":
            asked = "exercise" in cell["metadata"].get("tags", ())
            text = (
                parts[cell["metadata"]["exercise"]].solution if asked else "".join(cell["source"])
            )
            exec(compile(text, "<cell>", "exec"), space)
    said = capsys.readouterr().out
    left = paths.left_out(paths.paths()[name], KNOWN[number])
    for exercise in parts:
        assert (f"Exercise {exercise}: right." in said) == (exercise not in left)
    assert left
