"""An assignment in nbgrader's form: solutions stand between its marks, checks are locked tests."""

import re
from pathlib import Path

import graded
import make
import pytest

SOURCES = {source.stem: source for source in make.sources()}


@pytest.mark.parametrize("name", SOURCES)
def test_every_exercise_becomes_a_solution_and_every_check_a_test(name):
    pytest.importorskip("nbformat")
    parts = make.exercises(make.parse(SOURCES[name]))
    cells = graded.assignment(SOURCES[name]).cells
    told = [cell.metadata["nbgrader"] for cell in cells if "nbgrader" in cell.metadata]
    numbers = [number.replace(".", "-") for number in parts]
    assert [one["grade_id"] for one in told] == [
        f"{kind}-{number}" for number in numbers for kind in ("answer", "check")
    ]
    for one in told:
        answer = one["grade_id"].startswith("answer")
        assert (one["solution"], one["grade"], one["locked"]) == (answer, not answer, not answer)
    for number, one in parts.items():
        cell = next(c for c in cells if c.metadata.get("exercise") == number)
        head, held, _ = re.split("    ### (?:BEGIN|END) SOLUTION", cell.source)
        code = [line for line in head.splitlines() if not line.startswith("    #")]
        assert "\n".join([*code, held.strip("\n")]) == one.solution
        assert code[0].startswith(("def ", "@")) and "    # " in head


def test_an_assignment_brings_what_its_notebook_imports(tmp_path, capsys):
    graded.main(["2", str(tmp_path)])
    place = Path(capsys.readouterr().out.strip()).parent
    assert place.parent == tmp_path / "source" and (place / "checks" / "lesson02.py").exists()
    with pytest.raises(SystemExit):
        graded.main(["2", str(tmp_path)])
