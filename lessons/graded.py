"""A lesson as an assignment of nbgrader, for teachers.

    python lessons/graded.py 03 COURSE     writes COURSE/source/03_..., for an nbgrader course in COURSE

Exercises are cells of solutions: `nbgrader generate_assignment` takes out what stands between the
marks. Checks are locked cells of tests. What the notebook imports is next to it, so that
`nbgrader autograde` runs wherever minisnn is installed.
"""

import argparse
import re
import sys
from pathlib import Path

import make
from minisnn import classroom

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
SCHEMA = 3  # of nbgrader's metadata, since its release 0.6
HIDDEN = {"hint", "solution"}


def assignment(source: Path):
    """Return the notebook that nbgrader makes the students' from."""
    cells = make.parse(source)
    parts = make.exercises(cells)
    made = make.notebook(cells)
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
    """Return the solution, marked where it departs from the stub; what the stub has beyond that,
    its hint too, stands above the mark in comments."""
    given = stub.splitlines()
    solved = solution.splitlines()
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


def write(source: Path, course: Path) -> Path:
    """Write the assignment's folder into `source/` of an nbgrader course; the notebook's path.

    Raises FileExistsError where the folder is there.
    """
    import nbformat

    place = course / "source" / source.stem
    place.mkdir(parents=True)
    for path in classroom.needed():
        copy = place / path.relative_to(make.HERE)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    notebook = place / f"{source.stem}.ipynb"
    notebook.write_text(nbformat.writes(assignment(source)) + "\n", encoding="utf-8")
    return notebook


def main(arguments: list[str] | None = None) -> None:
    """Carry out a command line."""
    parser = argparse.ArgumentParser(
        "graded.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sources = {int(source.stem[:2]): source for source in make.sources()}
    parser.add_argument("lesson", type=int, choices=sources, help="its number")
    parser.add_argument("course", type=Path, help="the folder of an nbgrader course")
    args = parser.parse_args(arguments)
    try:
        print(write(sources[args.lesson], args.course))
    except OSError as error:
        sys.exit(f"graded.py: {error}")


if __name__ == "__main__":
    main()
