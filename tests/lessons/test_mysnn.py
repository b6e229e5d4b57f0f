"""The student's own library: what passes is kept, runs by itself, and the rest of the file stays."""

import re
import sys
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
    assert "# 1.1 · yours\n# y_0 = 0, y_{t+1} = decay y_t + (1 - decay) x_t" in text
    lesson01.trace(typed(TRACE.replace("# mine", "# better"), "trace", own.parent))
    assert own.read_text() == text.replace("# mine", "# better")


OWN = """

import math


def helper(x):
    return math.tau * x


# a note to myself
LIMIT = helper(3)
"""


@pytest.mark.parametrize("before", ["$", "# 1.3 · the course's own", "def trace", "# 1.1"])
def test_the_students_own_code_stays_where_it_is_when_a_check_passes_again(own, before):
    lesson01.trace(typed(TRACE, "trace", own.parent))
    mine.prepare("lesson03")
    text = own.read_text()
    at = re.search(re.escape(before) if before != "$" else r"\Z", text).start()
    text = text[:at] + OWN + "\n\n" + text[at:]
    own.write_text(text)
    for n in range(3):
        lesson01.trace(typed(TRACE.replace("# mine", f"# attempt {n}"), "trace", own.parent))
        assert own.read_text() == text.replace("# mine", f"# attempt {n}")
    mine.prepare("lesson17")
    assert OWN in own.read_text()


KEPT = mine.inserted(mine.PRELUDE, "1.1", mine.section("1.1", "yours", TRACE))
SPOILT = {
    "another encoding": lambda own: own.write_bytes("# é\n".encode("latin-1")),
    "a folder": lambda own: own.mkdir(),
    "it ends Python": lambda own: own.write_text("import sys\nsys.exit(3)\n"),
    "no Python": lambda own: own.write_text(f"{KEPT}a thought, no Python\n"),
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


def test_a_link_stays_one_and_an_editors_mark_of_utf_8_is_no_text(own):
    real = own.parent / "real.py"
    real.write_bytes(b"\xef\xbb\xbf" + mine.PRELUDE.replace("\n", "\r\n").encode())
    own.symlink_to("real.py")
    lesson01.trace(typed(TRACE, "trace", own.parent))
    assert own.is_symlink() and "# mine" in real.read_text()


def test_what_does_not_run_by_itself_is_not_kept(own, capsys):
    helped = "import math\n" + TRACE.replace("np.zeros(x.shape)", "np.zeros(x.shape) * math.pi")
    lesson01.trace(typed(helped, "trace", own.parent))
    assert "`math` is not known; put its import inside the function" in capsys.readouterr().out
    assert not own.exists()


def test_later_lessons_find_the_courses_own_where_one_was_left_out(own, monkeypatch):
    lesson01.trace(typed(TRACE, "trace", own.parent))
    monkeypatch.setattr(sys, "path", ["/elsewhere", *sys.path, str(own.parent)])
    mine.prepare("lesson03")
    mine.prepare("lesson03")
    assert sys.path.count(str(own.parent)) == 2 and sys.path[0] == str(own.parent)
    lent = "the course's own"
    assert mine.owners(own.read_text()) == {"1.1": "yours", "1.3": lent, "2.3": lent, "2.4": lent}


def test_the_report_runs_the_checks_again(own, capsys):
    assert mine.report() == 0 and "no such file yet" in capsys.readouterr().out
    lesson01.trace(typed(TRACE, "trace", own.parent))
    capsys.readouterr()
    assert mine.report() == 0
    said = capsys.readouterr().out
    assert "passes its check" in said and f"1 of {len(mine.PARTS)} functions are yours" in said
    own.write_text(own.read_text().replace("(1 - decay)", "(2 - decay)"))
    assert mine.report() == 1 and "FAILS: " in capsys.readouterr().out


def test_the_command_asks_the_students_folder(here, capfd, monkeypatch):
    from minisnn import cli

    monkeypatch.delenv("MYSNN")
    assert cli.main(["lessons", "--mine"]) == 2 and "no lessons" in capfd.readouterr().err
    assert cli.main(["lessons", "--only", "1"]) == 0
    (here / "minisnn-lessons" / "mysnn.py").write_text(KEPT)
    assert cli.main(["lessons", "--mine"]) == 0 and "passes its check" in capfd.readouterr().out


def test_the_file_has_every_function_once_in_the_lessons_order(own):
    assert mine.whole().startswith(f"mysnn.py: 0 of {len(mine.PARTS)} functions are yours")
    marks = list(mine.owners(own.read_text()))
    assert marks == sorted(marks, key=mine._order) and {*mine.PARTS, "15.0", "17.9"} <= {*marks}
    for exercise, (name, _) in mine.PARTS.items():
        assert own.read_text().count(f"\ndef {name}(") == 1 and exercise in SOLUTIONS
