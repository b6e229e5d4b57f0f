"""The short form of `python tests/fuzz`: some hundred damaged files and command lines, and that it finds what is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parent / "fuzz"
sys.path.insert(0, str(FUZZ))

import child  # noqa: E402
import commands  # noqa: E402
import run  # noqa: E402


def test_damaged_files_are_read_or_refused_in_a_sentence(tmp_path):
    found = run.fuzz(",".join(run.NAMES), 60, tmp_path, first=20_000)
    assert not found["wrong"], found["wrong"][:5]
    assert found["read"] + found["refused"] == 60 * len(run.NAMES) and min(found["read"], found["refused"]) > 60


def test_wrong_command_lines_end_with_one_sentence(tmp_path):
    assert not commands.fuzz_commands(60, tmp_path, first=20_000)


@pytest.mark.slow
def test_the_long_form():
    subprocess.run([sys.executable, FUZZ], check=True)


# ---- what it would find --------------------------------------------------------------------------------------------------


def busy(path):
    while True:
        pass


def raises(error):
    def read(path):
        raise error(path)

    return read


@pytest.mark.parametrize(
    "read, what",
    [
        (lambda path: None, "read"),
        (raises(lambda path: ValueError(f"{path}: bad")), "refused"),
        (raises(lambda path: FileNotFoundError(2, "No such file", str(path))), "refused"),
        (raises(lambda path: ValueError("bad")), "no sentence that names the file"),
        (raises(lambda path: ValueError(f"{path}:\nbad")), "no sentence that names the file"),
        (raises(lambda path: KeyError(str(path))), "traceback"),
        (raises(lambda path: MemoryError()), "traceback"),
        (busy, "hang"),
    ],
)
def test_verdicts(tmp_path, monkeypatch, read, what):
    import signal

    monkeypatch.setattr(child, "SECONDS", 0.2)
    before = signal.signal(signal.SIGPROF, child.late)
    try:
        assert child.verdict(read, tmp_path / "a.bin")[0] == what
    finally:
        signal.signal(signal.SIGPROF, before)


def test_judgements_of_command_lines():
    def judged(code=2, err="minisnn: a.h5: no such file\n", spent=0.1, before=None, after=None):
        return commands.judge(code, "", err, spent, before or {}, after or {})

    assert judged() == "" and judged(err="usage: minisnn\nminisnn: error: x\n") == ""
    assert judged(err="minisnn: note: x\nminisnn: a: b\n") == ""
    assert "traceback" in judged(err="Traceback (most recent call last)") and "exit code 0" in judged(0)
    assert "traceback" in judged(1, "minisnn: a defect of minisnn: KeyError\n")
    assert "no single" in judged(err="minisnn: a\nminisnn: b\n") and "no single" in judged(err="minisnn: a\nb\n")
    assert "processor" in judged(spent=6) and "['new']" in judged(after={"new": (1, 2)})


def test_a_child_that_is_ended_is_noticed_and_the_next_goes_on(tmp_path, monkeypatch):
    """A C library that takes the process down: here numbers 3 and 5."""
    fake = tmp_path / "child.py"
    fake.write_text(
        "import json, os, signal, sys\nfor n in range(int(sys.argv[2]), int(sys.argv[3])):\n"
        "    print(json.dumps({'at': n}), flush=True)\n    n in (3, 5) and os.kill(os.getpid(), signal.SIGSEGV)\n"
        "print(json.dumps({'counts': {'read': 1, 'refused': 0}, 'megabytes': 1, 'slowest': 0}))\n"
    )
    monkeypatch.setattr(run, "HERE", tmp_path)
    found = run.fuzz("x", 9, tmp_path)
    assert [(number, what) for number, what, _ in found["wrong"]] == [
        (3, "process ended with -11"),
        (5, "process ended with -11"),
    ]
    assert found["read"] == 1
