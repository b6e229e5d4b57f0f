"""The notebooks from their sources: `python lessons/make.py` makes all of them, `python
lessons/make.py 03` one.

A lesson is written in source/NN_name.md, plain Markdown, and the notebook beside this file is made
from it: executed with the solutions in place of the stubs, then stored with the stubs and the
outputs. Every `##` begins a new cell; "{minutes}" is how long the lesson takes. Fences say what a block is:

    ```python                       a cell of code
    ```python exercise 1.1          a stub that raises NotImplementedError with a hint; "exercise 1.1
                                    optional": one that paths leave out, with minutes of its own
    ```python check 1.1             the cell that calls checks/lesson01.py
    ```python cases 1.1             not in the notebook: what checks/lesson01.py runs to make this check, with
                                    np, ms and `table`; where exercises share helpers, the check stands there
    ```hint 1.1                     folded text
    ```python solution 1.1          folded in the notebook; replaces the stub where the notebook is executed
    ```why                          folded text: why a prediction comes out as it does
    ```python wrong 1.1 NAME: PART OF THE MESSAGE
                                    not in the notebook: a typical wrong answer, and what the check must say to it

Code that draws is folded in the notebook, and so are outputs that answer a prediction.
Exercise 1.1t is a test of the function of exercise 1.1, which the student writes.

Where a lesson uses a word of GLOSSARY.md first, the notebook has a link to it. Every run also
brings checks/solutions.py and all minutes up to date: those in README.md, of the map, and of the
paths (minutes.json). `python lessons/make.py --text` does that, and the texts, and runs nothing:
for notebooks whose code is as it was.

tests/lessons holds the notebooks to their sources, and every check to the stub, the solution and
the wrong answers.
"""

import ast
import json
import os
import re
import sys
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from minisnn import classroom

HERE = Path(__file__).resolve().parent
KINDS = ("code", "exercise", "check", "cases", "hint", "solution", "wrong")
WHY = "why"
# what an exercise says that begins on paper
DERIVED = re.compile(
    r"\b(derive|dot (both|the|your)|find (both|weights|\$)|carry out|differentiate|integrate)", re.I
)

DRAWS = re.compile(r"\b(style\.(picture|slider|moving)|interactive\.show)\(")


@dataclass
class Cell:
    """A block of a source: kind "text" or one of KINDS; `wrong` blocks have a name and a part of
    the message."""

    kind: str
    text: str
    exercise: str = ""
    name: str = ""
    message: str = ""
    optional: bool = False


@dataclass
class Exercise:
    """What belongs to one exercise; `at` is the place of its stub among the cells."""

    number: str
    at: int
    optional: bool = False
    solution: str = ""
    cases: str = ""
    checks: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    wrong: list[Cell] = field(default_factory=list)


def sources() -> list[Path]:
    """Return the sources in order of their lessons."""
    return sorted((HERE / "source").glob("[0-9][0-9]_*.md"))


def notebook_of(source: Path) -> Path:
    """Return where the notebook of a source lies."""
    return HERE / f"{source.stem}.ipynb"


def parse(source: Path) -> list[Cell]:
    """Read the cells of a source. Raises ValueError for a fence that is not closed or belongs to no
    known kind."""
    cells = []
    lines = []
    start = None
    for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
        opened = re.match(r"```(python|hint|why)\b *(.*)", line) if start is None else None
        if opened or (start is None and line.startswith("## ")):
            _add_text(cells, lines)
            lines = []
        if opened:
            start = (number, _head(source, number, *opened.groups()))
        elif start is not None and line == "```":
            start[1].text = "\n".join(lines)
            cells.append(start[1])
            start, lines = None, []
        else:
            lines.append(line)
    if start is not None:
        raise ValueError(f"{source}: the block that begins in line {start[0]} is not closed")
    _add_text(cells, lines)
    return cells


def _head(source, number, language, rest) -> Cell:
    if language == WHY:
        return Cell(WHY, "")
    if not rest:
        return Cell("code", "")
    found = re.match(r"(?:(\w+) )?(\d+\.\d+t?)(?:( optional)| ([^:]+): (.+))?$", rest)
    kind = (found and found[1]) or language
    if (
        not found
        or kind not in KINDS
        or (kind == "wrong") != bool(found[5])
        or (found[3] and kind != "exercise")
    ):
        raise ValueError(f"{source}: line {number} opens a block of no known kind: {rest}")
    return Cell(kind, "", found[2], found[4] or "", found[5] or "", bool(found[3]))


def _add_text(cells, lines):
    text = "\n".join(lines).strip()
    if text:
        cells.append(Cell("text", text))


def exercises(cells: list[Cell]) -> dict[str, Exercise]:
    """Collect the exercises by number, each with its solution, checks, hints and wrong answers."""
    found = {
        cell.exercise: Exercise(cell.exercise, n, cell.optional)
        for n, cell in enumerate(cells)
        if cell.kind == "exercise"
    }
    for cell in cells:
        if not cell.exercise or cell.kind == "exercise":
            continue
        if cell.exercise not in found:
            raise ValueError(f"a {cell.kind} of exercise {cell.exercise}, which has no stub")
        one = found[cell.exercise]
        if cell.kind in ("solution", "cases"):
            setattr(one, cell.kind, cell.text)
        else:
            {"check": one.checks, "hint": one.hints}.get(cell.kind, one.wrong).append(
                cell if cell.kind == "wrong" else cell.text
            )
    return found


def minutes(cells: list[Cell], left_out: Collection[str] | None = None) -> int:
    """Estimate how long a lesson takes somebody who derives on paper, to the next 5 minutes.

    left_out   exercises whose solutions are read only; None: those that are optional

    A minute for 100 words and for each displayed formula, 6 s for a line of code that is read, 5
    minutes to understand an exercise, 10 more where something is derived on paper, 2 for each line
    of its solution, 2 for a prediction, and what **Play, N minutes.** says.
    """
    prose = "\n\n".join(cell.text for cell in cells if cell.kind == "text")
    formulas = prose.count("$$") // 2
    prose = re.sub(r"\$\$.+?\$\$", "", prose, flags=re.S)
    spoken = len(re.findall(r"[A-Za-z][A-Za-z'-]*", re.sub(r"\$[^$]*\$|`[^`]*`", " x ", prose)))
    read = sum(len(cell.text.splitlines()) for cell in cells if cell.kind == "code")
    parts = exercises(cells)
    if left_out is None:
        left_out = {number for number, one in parts.items() if one.optional}
    read += sum(len(parts[number].solution.splitlines()) for number in left_out)
    solutions = [
        one.solution.splitlines() for number, one in parts.items() if number not in left_out
    ]
    exercise = r"\*\*Exercise (\d+\.\d+t?)\.\*\*(.*?)(?=\n\n|\Z)"
    asked = [text for number, text in re.findall(exercise, prose, re.S) if number not in left_out]
    written = sum(
        not line.strip().startswith(("def ", '"""'))
        for lines in solutions
        for line in lines
        if line.strip()
    )
    taken = (
        spoken / 100
        + formulas
        + read / 10
        + 5 * len(solutions)
        + 10 * sum(bool(DERIVED.search(one)) for one in asked)
        + 2 * written
        + 2 * prose.count("**Predict.**")
        + sum(map(int, re.findall(r"\*\*Play, (\d+) minutes\.\*\*", prose)))
    )
    return 5 * round(taken / 5)


def as_far_as(cells: list[Cell], exercise: str) -> list[Cell]:
    """Return the cells of a lesson up to the first heading behind an exercise."""
    last = max(n for n, cell in enumerate(cells) if cell.exercise == exercise)
    rest = enumerate(cells[last:], last)
    return cells[: next(n for n, cell in rest if cell.text.startswith("## "))]


def lengths() -> dict[str, dict[str, int]]:
    """Return the minutes of each lesson ("all"), and of each step of the paths."""
    lessons = {int(source.stem[:2]): parse(source) for source in sources()}
    found = {"all": {str(number): minutes(cells) for number, cells in lessons.items()}}
    found["optional"] = {
        str(number): minutes(cells, ()) - minutes(cells) for number, cells in lessons.items()
    }
    for name, path in classroom.paths().items():
        found[name] = {}
        for step in classroom.steps(path):
            cells = lessons[int(step.partition(".")[0])]
            cells = as_far_as(cells, step) if "." in step else cells
            left_out = None
            if "exercises" in path:
                left_out = exercises(cells).keys() - set(path["exercises"])
            found[name][step] = minutes(cells, left_out)
    return found


def plans(found: dict[str, dict[str, int]]) -> str:
    """Return the paths as README.md shows them."""
    lines = []
    for name, path in classroom.paths().items():
        title = path["title"]
        hours = sum(found[name].values()) / 60
        title = title[0].upper() + title[1:]
        lines += [f"**{title}**: `minisnn lessons --path {name}`, {hours:.1f} hours.", ""]
        lines += ["| | lessons | minutes |", "|---|---|---|"]
        for when, steps in path["parts"]:
            named = [step if "." not in step else f"{step[:2]} as far as {step}" for step in steps]
            taken = sum(found[name][step] for step in steps)
            lines.append(f"| {when} | {', '.join(named)} | {taken} |")
        lines.append("")
    return "\n".join(lines)


def timed(text: str, found: dict[str, dict[str, int]]) -> str:
    """Return README.md or the map with the minutes as they are."""
    each = found["all"]
    text = re.sub(
        r"^(\| (\d+) \| \[.*\| )\d+(?= \|$)", lambda at: at[1] + str(each[at[2]]), text, flags=re.M
    )
    box = r'(class="n"[^>]*>(\d+)<.*class="m"[^>]*>)\d+(?= min)'
    text = re.sub(box, lambda at: at[1] + str(each[at[2]]), text)
    hours = f"takes about {sum(each.values()) / 60:.1f} hours"
    text = re.sub(r"takes about [\d.]+ hours", hours, text)
    more = f"another {sum(found['optional'].values())} minutes"
    text = re.sub(r"another \d+ minutes", more, text)
    between = r"(?<=<!-- paths -->\n).*(?=<!-- end -->)"
    return re.sub(between, lambda at: plans(found), text, flags=re.S)


def words() -> list[str]:
    """Return the words of GLOSSARY.md, long ones first."""
    found = re.findall(r"^### (.+)$", (HERE / "GLOSSARY.md").read_text(encoding="utf-8"), re.M)
    return sorted(found, key=len, reverse=True)


def linked(texts: list[str]) -> list[str]:
    """Return the texts of a lesson with a link to the glossary at the first use of each of its
    words, but in headings, code, formulas and links."""
    kept = re.compile(
        r"(```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\[[^]]*\]\([^)]*\)|^#.*?$|<[^>]*>)", re.S | re.M
    )
    wanted = words()
    done = []
    for text in texts:
        parts = kept.split(text)
        for word in list(wanted):
            pattern = re.compile(rf"\b{re.escape(word)}s?\b", re.I)
            for n in range(0, len(parts), 2):
                if found := pattern.search(parts[n]):
                    link = f"[{found[0]}](GLOSSARY.md#{word.replace(' ', '-')})"
                    parts[n : n + 1] = [parts[n][: found.start()], link, parts[n][found.end() :]]
                    wanted.remove(word)
                    break
        done.append("".join(parts))
    return done


def notebook(cells: list[Cell], solved: bool = False):
    """Make the notebook, not executed; `solved`: with the solutions in place of the stubs."""
    import nbformat.v4 as v4

    made = v4.new_notebook(
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    parts = exercises(cells)
    texts = [cell for cell in cells if cell.kind == "text"]
    cells = [cell for cell in cells if cell.kind not in ("wrong", "cases")]
    length = str(minutes(cells))
    filled = linked([cell.text.replace("{minutes}", length) for cell in texts])
    told = dict(zip(map(id, texts), filled, strict=True))
    answers = answering(cells)
    for n, cell in enumerate(cells):
        tags = [cell.kind, *["optional"] * cell.optional]
        metadata = {"tags": tags, "exercise": cell.exercise} if cell.exercise else {}
        if cell.kind == "code":
            metadata |= _layout(cell, n in answers)
        if cell.kind in ("text", "hint", "solution", WHY):
            new = v4.new_markdown_cell(told.get(id(cell)) or _folded(cell), metadata=metadata)
        else:
            text = (
                parts[cell.exercise].solution if solved and cell.kind == "exercise" else cell.text
            )
            new = v4.new_code_cell(text, metadata=metadata)
        new.id = f"cell-{n:02d}"
        made.cells.append(new)
    return made


def draws(code: str) -> bool:
    """Return whether at least half of the lines of a cell belong to statements that draw."""
    lines = [0, 0]
    for statement in ast.parse(code).body:
        text = ast.get_source_segment(code, statement)
        lines[bool(DRAWS.search(text))] += len(text.splitlines())
    return lines[1] >= max(lines[0], 1)


def answering(cells: list[Cell]) -> set[int]:
    """Return the places of the cells whose outputs answer a prediction: that in which the guess is
    written, and what follows it up to the next heading."""
    found, asked = set(), False
    for n, cell in enumerate(cells):
        if cell.kind == "text" and re.search(r"^## ", cell.text, re.M):
            asked = False
        asked |= "foreseen(guess" in cell.text and cell.kind == "code"
        if asked and cell.kind == "code":
            found.add(n)
    return found


def _layout(cell: Cell, answers: bool) -> dict:
    """Return what JupyterLab and the site fold: code that draws, and outputs that would answer a
    question; in JupyterLab these open when the cell is run."""
    draws_only = "foreseen(" not in cell.text and draws(cell.text)
    folds = {"source_hidden": draws_only, "outputs_hidden": answers}
    tags = ["hide-input"] * draws_only + ["hide-output"] * answers
    hidden = {name: True for name, fold in folds.items() if fold}
    return {"jupyter": hidden, "tags": tags} if tags else {}


def _folded(cell: Cell) -> str:
    title, text = f"Hint for exercise {cell.exercise}", cell.text
    if cell.kind == WHY:
        title = "Why? (To read after your guess)"
    if cell.kind == "solution":
        title = f"Solution of exercise {cell.exercise} (to copy into the cell above)"
        text = f"```python\n{cell.text}\n```"
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def execute(made, timeout: float = 900, **options):
    """Run a notebook in a fresh kernel, from the lessons' folder; its outputs are in it afterwards.

    timeout   of a cell, in seconds; options go to nbclient's NotebookClient
    """
    from nbclient import NotebookClient

    options |= dict(
        timeout=timeout,
        resources={"metadata": {"path": str(HERE)}},
        record_timing=False,
        coalesce_streams=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        # its products are small
        env = {
            "MYSNN": str(Path(folder) / "mysnn.py"),
            "OPENBLAS_NUM_THREADS": "1",
        }
        NotebookClient(made, **options).execute(env=os.environ | env)
    return made


def make(source: Path) -> Path:
    """Make, execute and write the notebook of a source."""
    import nbformat

    cells = parse(source)
    made = notebook(cells)
    ran = execute(notebook(cells, solved=True))
    for cell, done in zip(made.cells, ran.cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = done.outputs, done.execution_count
            if "check" in cell.metadata.get("tags", ()):
                cell.outputs = []  # nothing is right yet
    nbformat.validate(made)
    nbformat.write(made, notebook_of(source))
    return notebook_of(source)


def retold(source: Path) -> Path:
    """Write a notebook's texts again and run nothing. Raises ValueError if a cell of code is
    another one."""
    import nbformat

    made = notebook(parse(source))
    old = nbformat.read(notebook_of(source), 4)
    if [c.source for c in made.cells if c.cell_type == "code"] != [
        c.source for c in old.cells if c.cell_type == "code"
    ]:
        raise ValueError(f"{source}: its code has changed; make it without --text")
    run = iter(cell for cell in old.cells if cell.cell_type == "code")
    for cell in made.cells:
        if cell.cell_type == "code":
            one = next(run)
            cell.outputs, cell.execution_count = one.outputs, one.execution_count
    nbformat.write(made, notebook_of(source))
    return notebook_of(source)


def solutions() -> str:
    """Return checks/solutions.py: the solutions of all exercises, for `mysnn.py` and for the
    diagnosis of wrong answers, and the cases that stand in the sources."""
    parts = [one for source in sources() for one in exercises(parse(source)).values()]
    lines = [
        '"""The course\'s own solutions and cases, made by make.py from the lessons\' sources."""'
    ]
    for name, kind in (("SOLUTIONS", "solution"), ("CASES", "cases")):
        texts = [(one.number, getattr(one, kind)) for one in parts]
        quoted = [(one, text, "'''" if '"""' in text else '"""') for one, text in texts if text]
        rows = [f'    "{number}": r{marks}{text}\n{marks},' for number, text, marks in quoted]
        lines += ["", f"{name} = {{", *rows, "}"]
    return "\n".join([*lines, ""])


def main(wanted: list[str]) -> None:
    """Make checks/solutions.py, what tells minutes, and the notebooks whose number or name begins
    with one of `wanted` (all without)."""
    (HERE / "checks" / "solutions.py").write_text(solutions(), encoding="utf-8")
    found = lengths()
    (HERE / "minutes.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for file in (HERE / "README.md", HERE / "pictures" / "map.svg"):
        file.write_text(timed(file.read_text(encoding="utf-8"), found), encoding="utf-8")
    made = retold if "--text" in wanted else make
    wanted = [one for one in wanted if one != "--text"]
    for source in sources():
        if not wanted or source.stem.startswith(tuple(wanted)):
            print(made(source), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
