"""Streams that are closed, know no ±, or would be steered by a text; and what is printed as a
defect."""

import contextlib
import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minisnn import terminal

ROOT = Path(__file__).resolve().parents[1]
ASCII = {"PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "LC_ALL": "C"}
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
COMMAND = f"{sys.executable} -m minisnn"


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        line,
        shell=True,
        cwd=folder,
        capture_output=True,
        env={**BUFFERED, "PYTHONPATH": str(ROOT), **environment},
    )


def test_what_is_printed_in_a_command_is_clean_and_bars_are_bars(capsys):
    with terminal.streams():
        print("\x1b]0;title\x07")
        print("\x1b[2J", file=sys.stderr)
        with terminal.bar(range(2), text="of \x1b[1m", leave=True, disable=False) as bar:
            list(bar)
    out, err = capsys.readouterr()
    assert (
        out == "\\x1b]0;title\\x07\n"
        and "\\x1b[2J" in err
        and "of \\x1b[1m: 100%" in err
        and "\r" in err
    )
    assert type(sys.stdout) is not terminal.Clean


@pytest.mark.parametrize("line", ["--help", "lessons --list"])
def test_an_ascii_terminal_shows_what_it_can(line, tmp_path):
    done = shell(f"{COMMAND} {line}", tmp_path, **ASCII)
    assert done.returncode == 0 and done.stdout and b"Traceback" not in done.stderr, done.stderr
    done.stdout.decode("ascii")


@pytest.mark.parametrize("closed, code", [("2>&-", 2), ("<&- >&- 2>&-", 2)])
@pytest.mark.every(3)
def test_closed_streams(closed, code, tmp_path):
    assert shell(f"{COMMAND} info absent {closed}", tmp_path).returncode == code
    done = shell(f"{COMMAND} lessons --out a {closed}", tmp_path)
    assert (
        done.returncode == 0
        and (tmp_path / "a" / "README.md").is_file()
        and b"Error" not in done.stderr
    )
    for path in (
        tmp_path / "a"
    ).iterdir():  # no line that was meant for the terminal lies in a file
        assert path.is_dir() or "yours, left" not in path.read_text()


def test_a_full_output_is_told(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = shell(f"{COMMAND} lessons --list >/dev/full", tmp_path)
    assert done.returncode == 2 and done.stderr == b"minisnn: no space left on device\n"


def test_no_command_ends_because_its_remarks_find_no_room():
    """A run was trained, and ended as a failure before it said what it found."""

    class Full(io.StringIO):
        def write(self, text):
            raise OSError(errno.ENOSPC, "No space left on device")

    with contextlib.redirect_stderr(Full()), terminal.streams():
        print("on the way", file=sys.stderr, flush=True)
        for _ in terminal.bar(range(3), disable=False, mininterval=0):
            pass
    with contextlib.redirect_stdout(Full()), pytest.raises(OSError), terminal.streams():
        print("what was found", flush=True)


def test_a_closed_terminal_ends_no_run():
    class Closed(io.StringIO):
        def write(self, text):
            raise OSError(errno.EIO, "Input/output error")

    with contextlib.redirect_stdout(Closed()), terminal.streams():
        print("what nobody sees", flush=True)
