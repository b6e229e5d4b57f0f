"""An assignment in nbgrader's form: what students get holds no solution, and nbgrader itself marks a right
and a wrong answer."""

import csv
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import graded
import make
import pytest

ROOT = Path(__file__).resolve().parents[2]
# of another environment, where it needs one of its own
NBGRADER = os.environ.get("NBGRADER") or shutil.which("nbgrader")
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


@pytest.mark.slow
@pytest.mark.skipif(
    NBGRADER is None,
    reason="nbgrader is not installed: pip install nbgrader, or name it in NBGRADER",
)
def test_nbgrader_marks_a_right_and_a_wrong_answer(tmp_path):
    name = next(name for name in SOURCES if name.startswith("01"))
    graded.main(["1", str(tmp_path)])
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    env.pop("MYSNN", None)

    def run(*arguments):
        done = subprocess.run(
            [NBGRADER, *arguments], cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-2000:]

    run("generate_assignment", name, "--create")
    with pytest.raises(SystemExit, match="exists"):
        graded.main(["1", str(tmp_path)])
    parts = make.exercises(make.parse(SOURCES[name]))
    released = tmp_path / "release" / name / f"{name}.ipynb"
    text = released.read_text(encoding="utf-8")
    assert text.count("YOUR CODE HERE") == len(parts) and "BEGIN SOLUTION" not in text
    last = list(parts)[-1]
    for student in ("ada", "bob"):
        handed_in = json.loads(text)
        for cell in handed_in["cells"]:
            number = cell["metadata"].get("exercise")
            if number and cell["metadata"]["nbgrader"]["solution"]:
                wrong = student == "bob" and number == last
                cell["source"] = parts[number].wrong[0].text if wrong else parts[number].solution
        place = tmp_path / "submitted" / student / name
        shutil.copytree(released.parent, place)
        (place / released.name).write_text(json.dumps(handed_in), encoding="utf-8")
    run("autograde", name)
    run("export")
    with open(tmp_path / "grades.csv", newline="", encoding="utf-8") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    most = float(rows["ada"]["max_score"])
    assert most == len(parts) and float(rows["ada"]["score"]) == most
    assert float(rows["bob"]["score"]) == most - 1
