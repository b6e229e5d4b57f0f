"""Nothing is written over unasked, and what is read not even by force: every command and every
option that writes, found in the signatures themselves."""

import hashlib
import importlib
import os
import shutil
from pathlib import Path

import pytest

from minisnn import cli
from minisnn.commands.signature import options
from minisnn.outputs import Kind

SLOW = pytest.mark.slow
DATA = Path(__file__).parents[2] / "data"


def functions():
    """(words, function) of every command and every part of one."""
    for name, (module, _) in cli.COMMANDS.items():
        command = getattr(importlib.import_module(module, "minisnn"), name)
        parts = command.items() if isinstance(command, dict) else [("", command)]
        for part, function in parts:
            yield [name, part] if part else [name], function


def cases():
    """(words of a line up to the output's name, its kind, words after it)."""
    for words, function in functions():
        known = [one for _, one in options(function)]
        for output in known:
            kinds = [one for one in output.annotation.__metadata__ if isinstance(one, Kind)]
            before = []
            after = []
            for one in known:
                if one is output or one.default is not one.empty:
                    continue
                value = "nmnist" if "nmnist" in str(one.annotation) else "input.dat"
                value = "2" if "2" in str(one.annotation.__origin__) else value
                value = "shots" if "shots" in str(one.annotation.__origin__) else value
                if one.kind is one.POSITIONAL_ONLY:
                    before.append(value)
                else:
                    after += [f"--{one.name}", value]
            flag = [] if output.kind is output.POSITIONAL_ONLY else [f"--{output.name}"]
            for kind in kinds:
                yield [*words, *before, *flag], kind, after


CASES = list(cases())
NAMES = ["-".join(words) for words, _, _ in CASES]


def snapshot(folder: Path) -> dict:
    found = {}
    for path in sorted(folder.rglob("*")):
        link = os.readlink(path) if path.is_symlink() else None
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        found[str(path.relative_to(folder))] = link, content
    return found


@pytest.fixture
def here(here):
    (here / "input.dat").write_bytes(b"what is read")
    return here


def refused(line, capsys, name) -> str:
    """What is said of a line that must be refused, in no time."""
    before = snapshot(Path.cwd())
    assert cli.main(line) == 2, line
    err = capsys.readouterr().err
    assert snapshot(Path.cwd()) == before, line
    assert str(Path(name)) in err and err.count("\n") == 1, (line, err)
    return err


@pytest.mark.parametrize("words, kind, after", CASES, ids=NAMES)
def test_what_is_there_is_refused(words, kind, after, here, capsys):
    """A text and a checkpoint in the place of a file; files in the place of a folder."""
    shutil.copy(DATA / "double_nmnist_cuba.h5", "mine.h5")
    Path("notes.txt").write_text("three years of work")
    Path("to").symlink_to("notes.txt")
    Path("full").mkdir()
    Path("full/README.md").write_text("mine")
    for name in ["notes.txt", "mine.h5", "to", *["full"] * (not kind.shared)]:
        refused([*words, name, *after], capsys, name)


@pytest.mark.parametrize("words, kind, after", CASES, ids=NAMES)
def test_what_is_read_or_no_file_is_not_written_over_even_by_force(
    words, kind, after, here, capsys
):
    os.mkfifo("pipe")
    Path("link").symlink_to("input.dat")
    force = ["--force"] * (words[0] not in ("fetch", "record"))
    names = ["pipe", "input.dat/deeper"]
    if "input.dat" in words + after and not kind.folder:
        names += ["input.dat", "./input.dat", "link"]
    for name in names:
        refused([*words, name, *after, *force], capsys, name)


@pytest.mark.parametrize(
    "name, line",
    [
        ("v.json", "check --model cnn --backend numpy --channels 1 --json v.json"),
        ("task", "show --no-animation --ways 2"),
        pytest.param("a.npz", "hardware loihi --episodes 2 --quiet --words a.npz", marks=SLOW),
        pytest.param("teach.html", "hardware page teach.html", marks=SLOW),
    ],
)
def test_what_exists_is_replaced_by_force_only(name, line, here, capsys):
    """Whoever wrote it."""
    assert cli.main(line.split()) == 0
    capsys.readouterr()
    refused(line.split(), capsys, name)
    place = Path(name) / "raster.png" if Path(name).is_dir() else Path(name)
    place.write_bytes(b"changed by hand")
    assert cli.main([*line.split(), "--force"]) == 0
    assert place.read_bytes() != b"changed by hand"


def test_files_of_a_run_for_the_chip_are_not_removed_unasked(here, capsys):
    """network.h5 is no name of a run's of minisnn train."""
    Path("out").mkdir()
    shutil.copy(DATA / "double_nmnist_maml.h5", "out/network.h5")
    before = snapshot(here)
    line = "hardware train --bits 2 --out out --updates 1 --episodes 2 --quiet"
    assert cli.main(line.split()) == 2 and snapshot(here) == before
    assert "network.h5" in capsys.readouterr().err
