"""`minisnn lessons`: copies of the student's own, and nothing of theirs replaced."""

import subprocess
import sys
from pathlib import Path

import pytest

import make

UPHILL = """
from checks import Wrong, lesson00
try:
    lesson00.learn(lambda start, step_size, gradient: start + step_size * gradient)
except Wrong as error:
    print(error)
"""
NAMES = [source.stem for source in make.sources()]


@pytest.fixture
def command(here, command):
    """Exit code, standard output and standard error of `minisnn lessons ...`, in an empty
    folder."""
    return lambda *words: command(" ".join(map(str, ["lessons", *words])))


def test_it_copies_what_a_student_needs_and_no_table_of_wrong_answers(command):
    code, _, _ = command("--out", "mine")
    copied = {path.relative_to("mine") for path in Path("mine").rglob("*") if path.is_file()}
    wanted = {path.relative_to(make.HERE) for path in make.HERE.rglob("*") if path.is_file()}
    author = ("source", "paths", "minutes", "make", "graded")
    wanted = {
        path
        for path in wanted
        if not path.parts[0].startswith(author)
        and path.suffix != ".txt"
        and "__pycache__" not in path.parts
    }
    assert code == 0 and copied == wanted
    done = subprocess.run(
        [sys.executable, "-c", UPHILL], cwd="mine", capture_output=True, text=True
    )
    assert "that way the loss grows" in done.stdout, done.stderr
    guide = Path("mine/guides/first-steps.md").read_text(encoding="utf-8")
    assert "](../../" not in guide and "](../README.md)" in guide
    _, out, _ = command("--list")
    assert out.startswith("  0  Forty-five minutes of play\n  1  One leaky neuron\n")
    assert len(out.splitlines()) == len(NAMES)


def test_it_leaves_a_students_work_alone(command):
    command("--out", "mine", "--only", "1,2")
    work = Path("mine") / f"{NAMES[1]}.ipynb"
    assert not (Path("mine") / f"{NAMES[3]}.ipynb").exists()
    work.write_text("hours of work")
    (Path("mine") / "style.py").write_text("changed by the student")
    code, _, err = command("--out", "mine")
    assert code == 2 and "style.py: this would be replaced" in err
    assert (Path("mine") / "style.py").read_text() == "changed by the student"
    (Path("mine") / "style.py").unlink()
    code, out, _ = command("--out", "mine")
    assert code == 0 and work.read_text() == "hours of work"
    assert f"{work}: yours, kept" in out
    command("--out", "mine", "--only", 1, "--force")
    assert work.read_bytes() == (make.HERE / work.name).read_bytes()


def test_it_says_in_a_sentence_what_is_wrong(command):
    Path("text").write_text("")
    for arguments, message in (
        (("--out", "text"), "this name"),
        (("--only", 99), "there is no lesson 99; there are 0, 1, 2, 3"),
    ):
        code, out, err = command(*arguments)
        assert code == 2 and not out and message in err and err.count("\n") == 1
