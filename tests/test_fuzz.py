"""The short form of `python tests/fuzz`: some hundred damaged files and command lines, and that it
finds what is wrong."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

FUZZ = Path(__file__).parent / "fuzz"
sys.path.insert(0, str(FUZZ))

import child  # noqa: E402
import commands  # noqa: E402
import damaged  # noqa: E402
import environments  # noqa: E402
import run  # noqa: E402
import signals  # noqa: E402


def test_damaged_files_are_read_or_refused_in_a_sentence(tmp_path):
    found = run.fuzz(",".join(run.NAMES), 4, tmp_path, first=20_000)
    assert not found["wrong"], found["wrong"][:5]
    assert (
        found["read"] + found["refused"] == 4 * len(run.NAMES)
        and min(found["read"], found["refused"]) > 6
    )


def test_no_damaged_stamp_is_counted_in_silence(tmp_path):
    found, missed, alarms = damaged.judged(24, 20_000, tmp_path)
    assert not missed and not alarms, (missed, alarms)
    assert sum(found[kind, "refused"] for kind in damaged.KINDS) > 12


def test_wrong_command_lines_end_with_one_sentence(tmp_path):
    assert not commands.fuzz_commands(20, tmp_path, first=20_000)


@pytest.mark.slow
def test_signals_end_a_command(tmp_path):
    assert not signals.fuzz_signals(1, 20_000, tmp_path, ("check",))


@pytest.mark.slow
def test_odd_environments_do_no_harm(tmp_path, monkeypatch):
    quick = {
        name: line
        for name, line in environments.COMMANDS.items()
        if name in ("check", "lessons", "help")
    }
    monkeypatch.setattr(
        environments,
        "COMMANDS",
        {**quick, "figure": quick["lessons"], **dict.fromkeys(("train", "show"), quick["lessons"])},
    )
    assert not environments.fuzz_environments(6, 20_000, tmp_path)


@pytest.mark.slow
def test_the_long_form():
    subprocess.run([sys.executable, FUZZ], check=True)


# ---- what it would find


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
    assert "traceback" in judged(
        err="Traceback (most recent call last)"
    ) and "exit code 0" in judged(0)
    assert "traceback" in judged(1, "minisnn: a defect of minisnn: KeyError\n")
    assert "no single" in judged(err="minisnn: a\nminisnn: b\n") and "no single" in judged(
        err="minisnn: a\nb\n"
    )
    assert "CPU time" in judged(spent=6) and "['new']" in judged(after={"new": (1, 2)})


def test_a_child_that_is_ended_is_noticed_and_the_next_goes_on(tmp_path, monkeypatch):
    """A C library that takes the process down: here numbers 3 and 5."""
    fake = tmp_path / "child.py"
    fake.write_text(
        "import json, os, signal, sys\nfor n in range(int(sys.argv[2]), int(sys.argv[3])):\n"
        "    print(json.dumps({'at': n}), flush=True)\n    n in (3, 5) and os.kill(os.getpid(), "
        "signal.SIGSEGV)\n"
        "print(json.dumps({'counts': {'read': 1, 'refused': 0}, 'megabytes': 1, 'slowest': 0}))\n"
    )
    monkeypatch.setattr(run, "HERE", tmp_path)
    found = run.fuzz("x", 9, tmp_path)
    assert [(number, what) for number, what, _ in found["wrong"]] == [
        (3, "process ended with -11"),
        (5, "process ended with -11"),
    ]
    assert found["read"] == 1


def test_judgements_of_what_a_signal_ended(tmp_path):
    """A shop that leaves alone what it is asked to judge."""
    case = signals.Case("x", "x", None)

    def judged(err="minisnn: stopped; all is saved\n", code=143, spent=0.1, left=None):
        place = tmp_path / str(len(list(tmp_path.iterdir()))) / "mark"
        (place / "out").mkdir(parents=True)
        (place / "stderr").write_text(err)
        if left:
            (place / "out" / left).write_text("a\n1\n2\n3\n")
        return signals.judge(signals.Place(place.parent), case, "mark", code, True, spent, 15)

    assert judged() == "stopped" and judged(code=0, err="") == "done before"
    assert "traceback" in judged("Traceback (most") and "traceback" in judged(
        "minisnn: a defect of minisnn: KeyError"
    )
    assert "traceback" in judged(
        "Exception ignored in: <x>\nminisnn: stopped\n"
    ) and "10.5 s" in judged(spent=10.5)
    assert (
        "exit code 130" in judged(code=130)
        and "exit code 143" in judged("")
        and "exit code -15" in judged(code=-15)
    )
    assert (
        "left behind" in judged(left=".x.tmp")
        and judged(left="log.csv") == "3 updates in the log, 0 saved"
    )


def test_what_a_signal_left_running_is_found(tmp_path):
    process = subprocess.Popen(
        ["sleep", "60"], env={"FUZZ_MARK": signals.own("left-1"), "PATH": "/usr/bin:/bin"}
    )
    try:
        while not Path(
            f"/proc/{process.pid}/environ"
        ).read_bytes():  # empty for an instant after exec
            time.sleep(0.01)
        assert signals.marked("left-1") == [process.pid] and not signals.marked("left")
    finally:
        process.kill()
        process.wait()


def test_judgements_of_environments(tmp_path):
    shop = environments.Shop(tmp_path)
    plain = tmp_path / "plain"
    for name in ("one", "two"):
        (tmp_path / name / "out").mkdir(parents=True)
    plain.mkdir()
    (plain / "a").touch()
    shop.plain["check"] = plain

    def judged(code=0, err=b"", mark="one", silent=False):
        return shop.judge(
            "check", mark, type("Ended", (), {"returncode": code}), (b"", err), silent
        )

    (tmp_path / "one" / "out" / "a").touch()
    assert judged() == "done" and judged(mark="two") == "other files: ['a']"
    assert (
        judged(2, b"minisnn: x\n") == "refused"
        and "exit code 2" in judged(2)
        and judged(2, silent=True) == "refused"
    )
    assert "exit code 1" in judged(1, b"minisnn: x\n") and "traceback" in judged(err=b"Traceback")
    (tmp_path / "one" / "out" / ".a.tmp").touch()
    assert "left behind" in judged()
