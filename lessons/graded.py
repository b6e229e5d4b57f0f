"""An exam in nbgrader's form: the folder of an assignment, for classes that mark with nbgrader.

Exercises are cells of solutions: `nbgrader generate_assignment` takes out what stands between the
marks. Checks are locked cells of tests. What the notebook imports lies beside it, so that
`nbgrader autograde` runs wherever minisnn is installed.
"""

import re
from pathlib import Path

import make
from minisnn import classroom
from minisnn.outputs import marked_folder

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
SCHEMA = 3  # of nbgrader's metadata, since its release 0.6
HIDDEN = {"hint", "solution"}


def assignment(source: Path):
    """The notebook that nbgrader makes the students' from."""
    cells = make.parse(source)
    parts, made = make.exercises(cells), make.notebook(cells)
    made.cells = [cell for cell in made.cells if not HIDDEN & set(cell.metadata.get("tags", ()))]
    for cell in made.cells:
        kind = next(iter(cell.metadata.get("tags", ())), "")
        if kind == "exercise":
            cell.source = marked(cell.source, parts[cell.metadata["exercise"]].solution)
            cell.metadata["nbgrader"] = _told(cell, "answer", solution=True)
        elif kind == "check":
            cell.metadata["nbgrader"] = _told(cell, "check", grade=True, locked=True, points=1)
    return made


def _told(cell, kind: str, solution=False, grade=False, locked=False, **more) -> dict:
    name = f"{kind}-{cell.metadata['exercise'].replace('.', '-')}"
    flags = {"solution": solution, "grade": grade, "locked": locked, "task": False}
    return {"grade_id": name, "schema_version": SCHEMA, "cell_type": "code"} | flags | more


def marked(stub: str, solution: str) -> str:
    """The solution, marked where it departs from the stub; what the stub has beyond that, its hint
    too, stands above the mark in comments."""
    given, solved = stub.splitlines(), solution.splitlines()
    same = 0
    while same < min(len(given), len(solved)) and given[same] == solved[same]:
        same += 1
    left = "\n".join(given[same:])
    hint = re.search(r"raise NotImplementedError\((.*?)\)$", left, re.S | re.M)
    words = "".join(re.findall(r'"(.*?)"', hint[1])) if hint else ""
    rest = left.replace(hint[0], "...") if hint else left
    notes = [line for line in rest.splitlines() if line.strip() and line.strip() != "..."]
    comments = [f"    # {words.partition(': ')[2]}"] + [f"    #{line[3:]}" for line in notes]
    marks = [f"    {BEGIN}", *solved[same:], f"    {END}"]
    return "\n".join([*solved[:same], *comments, *marks])


def write(source: Path, course: Path, force: bool = False) -> Path:
    """Write the assignment's folder into `source/` of an nbgrader course; the notebook's path.

    Raises ValueError where the folder holds what somebody else wrote, unless `force`.
    """
    import nbformat

    place = course / "source" / source.stem
    place.parent.mkdir(parents=True, exist_ok=True)
    with marked_folder(place, force) as made:
        for path in classroom.needed():
            copy = made / path.relative_to(make.HERE)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(path.read_bytes())
        text = nbformat.writes(assignment(source)) + "\n"
        (made / f"{source.stem}.ipynb").write_text(text, encoding="utf-8")
    return place / f"{source.stem}.ipynb"
