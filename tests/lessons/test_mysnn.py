"""The student's own library: what passes is kept, runs by itself, and agrees with minisnn."""

import importlib.machinery
import multiprocessing
import os
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from checks import Wrong, lesson01, mine
from checks.solutions import SOLUTIONS

TRACE = """def trace(x, decay):
    y = np.zeros(x.shape)  # mine
    for t in range(len(x) - 1):
        y[t + 1] = decay * y[t] + (1 - decay) * x[t]
    return y
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The student's file, which is not there yet."""
    monkeypatch.setenv("MYSNN", str(tmp_path / "mysnn.py"))
    return tmp_path / "mysnn.py"


def typed(text: str, name: str, folder: Path):
    """A function as a notebook has it: its source can be read again."""
    path = folder / f"cell_{name}.py"
    path.write_text(text)
    space = {"np": np}
    exec(compile(text, str(path), "exec"), space)
    return space[name]


def test_what_passes_is_kept_with_its_equation_and_what_fails_is_not(own, capsys):
    with pytest.raises(Wrong):
        lesson01.trace(typed(TRACE.replace("+ (1", "- (1"), "trace", own.parent))
    assert not own.exists()
    lesson01.trace(typed(TRACE, "trace", own.parent))
    assert "(Kept in mysnn.py.)" in capsys.readouterr().out
    text = own.read_text()
    assert (
        "# mine" in text
        and "# 1.1 · yours\n# y_0 = 0, y_{t+1} = decay y_t + (1 - decay) x_t" in text
    )
    lesson01.trace(typed(TRACE.replace("# mine", "# better"), "trace", own.parent))
    assert "# better" in own.read_text() and "# mine" not in own.read_text()


OWN = """

import math


def helper(x):
    return math.tau * x


# a note to myself
LIMIT = helper(3)
if __name__ == "__main__":
    print(LIMIT)
"""


@pytest.mark.parametrize("where", ["end", "between", "above", "prelude"])
def test_the_students_own_code_stays_whole_when_a_check_passes_again(own, where):
    lesson01.trace(typed(TRACE, "trace", own.parent))
    mine.prepare("lesson03")
    text = own.read_text()
    mark = "# 1.3 · the course's own"
    function = text.index("def trace(")
    text = {
        "end": text + OWN,
        "between": text.replace(mark, OWN + "\n\n" + mark),
        "above": text[:function] + OWN + text[function:],
        "prelude": text.replace("# 1.1", OWN + "\n\n# 1.1", 1),
    }[where]
    own.write_text(text)
    for n in range(3):
        lesson01.trace(typed(TRACE.replace("# mine", f"# attempt {n}"), "trace", own.parent))
        found = own.read_text()
        assert f"# attempt {n}" in found and found.count("def trace(") == 1, found
        for line in filter(None, OWN.split("\n")):
            assert found.count(line) == text.count(line), line
    space = {"__name__": "mysnn"}
    exec(compile(found, "mysnn.py", "exec"), space)
    assert space["LIMIT"] == space["helper"](3)


def test_what_is_no_python_is_kept_as_a_comment(own):
    lesson01.trace(typed(TRACE, "trace", own.parent))
    own.write_text(own.read_text() + "\n\nthis is a thought, no Python\n")
    lesson01.trace(typed(TRACE, "trace", own.parent))
    assert "# this is a thought, no Python" in own.read_text()


SPOILT = {
    "another encoding": lambda own: own.write_bytes("# é\n".encode("latin-1")),
    "two bytes a letter": lambda own: own.write_text("# mine\n", encoding="utf-16"),
    "a folder": lambda own: own.mkdir(),
    "a pipe": lambda own: os.mkfifo(own),
    "it ends Python": lambda own: own.write_text("import sys\nsys.exit(3)\n"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_file_that_cannot_be_used_is_told_in_a_sentence_and_stays(what, own, capsys):
    SPOILT[what](own)
    before = own.read_bytes() if own.is_file() else None
    lesson01.trace(typed(TRACE, "trace", own.parent))
    assert "\n(Not kept in mysnn.py" in capsys.readouterr().out
    assert before is None or own.read_bytes() == before
    if "Python" not in what:
        with pytest.raises(mine.Unusable, match="^" + re.escape(str(own))):
            mine.prepare("checks.lesson02")
        assert mine.report() == 2 and capsys.readouterr().err.startswith(str(own))
    assert {one.name for one in own.parent.iterdir()} == {"mysnn.py", "cell_trace.py"}


def test_a_link_stays_one_and_an_editors_mark_of_utf_8_is_no_text(own, capsys):
    real = own.parent / "real.py"
    real.write_bytes(b"\xef\xbb\xbf" + mine.compose({}).replace("\n", "\r\n").encode())
    own.symlink_to("real.py")
    lesson01.trace(typed(TRACE, "trace", own.parent))
    assert (
        "(Kept in mysnn.py.)" in capsys.readouterr().out
        and own.is_symlink()
        and "# mine" in real.read_text()
    )


def test_two_notebooks_at_once_lose_nothing(own, monkeypatch, capsys):
    """While one has read the file and not yet written it, another one passes its check."""
    fork = multiprocessing.get_context("fork")
    began, read = fork.Event(), mine._read

    def other():
        began.set()
        lesson01.fire(typed(SOLUTIONS["1.3"], "fire", own.parent))

    process = fork.Process(target=other)

    def slowly():
        found = read()
        process.start()
        assert began.wait(20)
        time.sleep(0.5)
        return found

    function = typed(TRACE, "trace", own.parent)
    with monkeypatch.context() as once:
        once.setattr(mine, "_read", slowly)
        original = process.run
        process.run = lambda: (setattr(mine, "_read", read), original())
        lesson01.trace(function)
    process.join(60)
    owners = {exercise: one.owner for exercise, one in mine.parse(own.read_text())[1].items()}
    assert process.exitcode == 0 and owners["1.1"] == owners["1.3"] == "yours"


def test_what_does_not_run_by_itself_is_not_kept(own, capsys):
    helped = "import math\n" + TRACE.replace("np.zeros(x.shape)", "np.zeros(x.shape) * math.pi")
    lesson01.trace(typed(helped, "trace", own.parent))
    said = capsys.readouterr().out
    assert "`math` is not known; put its import inside the function" in said
    assert not own.exists()


def test_later_lessons_find_the_courses_own_where_one_was_left_out(own):
    lesson01.trace(typed(TRACE, "trace", own.parent))
    mine.prepare("lesson03")
    prelude, sections = mine.parse(own.read_text())
    owners = {exercise: one.owner for exercise, one in sections.items()}
    assert owners == {
        "1.1": "yours",
        "1.3": "the course's own",
        "2.3": "the course's own",
        "2.4": "the course's own",
    }
    assert prelude.strip() == mine.PRELUDE.strip() and "# mine" in own.read_text()
    own.write_text(own.read_text().replace("# mine", "# mine\n    assert True  # by hand"))
    mine.prepare("lesson17")
    assert (
        "by hand" in own.read_text() and len(mine.parse(own.read_text())[1]) == len(mine.PARTS) - 3
    )


def test_the_students_file_is_found_before_any_other_of_its_name(own, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    (other / "mysnn.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(other), *sys.path, str(own.parent)])
    mine.prepare("lesson02")
    mine.prepare("lesson03")
    found = importlib.machinery.PathFinder.find_spec("mysnn", sys.path)
    assert found.origin == str(own) and sys.path.count(str(own.parent)) == 2


def test_the_report_runs_the_checks_again(own, capsys):
    assert mine.report() == 0 and "no such file yet" in capsys.readouterr().out
    lesson01.trace(typed(TRACE, "trace", own.parent))
    capsys.readouterr()
    assert mine.report() == 0
    assert (
        "passes its check" in (out := capsys.readouterr().out)
        and f"1 of {len(mine.PARTS)} functions are yours" in out
    )
    own.write_text(own.read_text().replace("(1 - decay)", "(2 - decay)"))
    assert mine.report() == 1 and "FAILS: " in capsys.readouterr().out


def test_the_command_asks_the_students_folder(tmp_path, capfd, monkeypatch):
    from minisnn import cli

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MYSNN")
    assert cli.main(["lessons", "--mine"]) == 2 and "no lessons" in capfd.readouterr().err
    assert cli.main(["lessons", "--only", "1"]) == 0
    text = mine.compose({"1.1": mine.section("1.1", "yours", TRACE)})
    (tmp_path / "minisnn-lessons" / "mysnn.py").write_text(text)
    assert cli.main(["lessons", "--mine"]) == 0 and "passes its check" in capfd.readouterr().out
