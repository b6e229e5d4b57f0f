"""Nothing that minisnn did not write is written over: every command and every flag, found in the
parsers themselves."""

import argparse
import errno
import hashlib
import os
import shutil
from pathlib import Path

import pytest

from minisnn import cli, outputs
from minisnn.commands import options
from minisnn.data.store.shipped import shipped

TOP = cli.parser()
SLOW = pytest.mark.slow
TEXTS = {
    "data",
    "dataset",
    "scheduler",
    "base",
    "picojoule",
    "time",
    "columns",
}  # arguments that take a text which names no file
PRECIOUS = {
    "notes.txt": b"three years of work\n",
    "thesis.json": b'{"results": [1, 2, 3]}\n',
    "photo.png": b"\x89PNG\r\n\x1a\n" + bytes(range(200)),
    "theirs.npz": b"PK\x03\x04" + bytes(range(200)),
    "theirs.h5": b"\x89HDF\r\n\x1a\n" + bytes(range(200)),
    "page.htm": b"<!doctype html><title>mine</title>",
    "empty.dat": b"",
}


def parsers(parser, words=()):
    """(words that name it, parser) of every command and every part of one."""
    yield list(words), parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, part in action.choices.items():
                yield from parsers(part, (*words, name))


def takes_a_text(action) -> bool:
    free = (
        action.choices is None
        and action.nargs != 0
        and not isinstance(action, argparse._SubParsersAction)
    )
    kind = action.type
    return free and (kind in (None, str, Path) or getattr(kind, "__name__", "") in ("place", "str"))


def lines():
    """(words of a command, other words that it needs, the action that is an output) for every
    output; positional arguments with choices take each of these in turn, where the kind of the
    output depends on them."""
    for words, parser in parsers(TOP):
        for action in parser._actions:
            if not hasattr(action, "output"):
                continue
            before: list[list[str]] = [[]]
            for other in parser._actions:
                if other is action or isinstance(other, argparse._SubParsersAction):
                    continue
                if not other.option_strings and other.choices:
                    choices = list(other.choices)[
                        : 1 if isinstance(action.output, outputs.Kind) else None
                    ]
                    before = [[*one, str(choice)] for one in before for choice in choices]
                elif not other.option_strings and other.nargs != "?":
                    before = [[*one, "input.dat"] for one in before]
                elif other.required:
                    before = [[*one, other.option_strings[0], "input.dat"] for one in before]
            for one in before:
                yield words, one, action


CASES = [(words, before, action) for words, before, action in lines()]
NAMES = ["-".join([*words, *before, action.dest]) for words, before, action in CASES]


def snapshot(folder: Path) -> dict:
    found = {}
    for path in sorted(folder.rglob("*")):
        link = os.readlink(path) if path.is_symlink() else None
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        found[str(path.relative_to(folder))] = link, content
    return found


def line_of(words, before, action, path) -> list[str]:
    named = [action.option_strings[0], str(path)] if action.option_strings else [str(path)]
    return [*words, *before, *named]


def forced(words) -> list[str]:
    """--force, of commands that have it: fetch replaces nothing."""
    return [] if list(words)[:1] == ["fetch"] else ["--force"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINISNN_DEBUG", raising=False)
    (tmp_path / "input.dat").write_bytes(b"what is read")
    return tmp_path


def refused(line, capsys, name) -> str:
    """What is said of a line that must be refused, in no time."""
    before = snapshot(Path.cwd())
    assert cli.main(line) == 2, line
    err = capsys.readouterr().err
    assert snapshot(Path.cwd()) == before, line
    assert err.startswith(f"minisnn: {Path(name)}") and err.count("\n") == 1, (line, err)
    return err


def judged(line, name) -> str:
    """The same by what `cli.main` does before it runs a command, without making the parser
    again."""
    with pytest.raises(ValueError) as raised:
        options.check_outputs(TOP, cli.parsed(line, TOP))
    assert str(raised.value).startswith(str(Path(name))) and "\n" not in str(raised.value), line
    return str(raised.value)


def test_outputs_are_checked_before_a_command_runs(here, capsys, monkeypatch):
    ran = []
    monkeypatch.setattr("minisnn.commands.evaluate.run", ran.append)
    Path("notes").write_text("mine")
    line = ["evaluate", "--checkpoint", "double_nmnist_maml.h5", "--json", "notes"]
    refused(line, capsys, "notes")
    assert not ran and cli.main([*line, "--force"]) == 0 and len(ran) == 1


def test_every_argument_that_names_a_file_is_declared_as_read_or_written():
    undeclared = [
        (*words, action.dest)
        for words, parser in parsers(TOP)
        for action in parser._actions
        if takes_a_text(action) and not hasattr(action, "output") and not hasattr(action, "input")
    ]
    assert {one[-1] for one in undeclared} <= TEXTS, undeclared
    for words, parser in parsers(TOP):
        kinds = [action.output for action in parser._actions if hasattr(action, "output")]
        if any(callable(kind) or not kind.shared for kind in kinds):
            assert "--force" in parser._option_string_actions, words
    assert len(CASES) > 24


@pytest.mark.parametrize("words, before, action", CASES, ids=NAMES)
def test_what_minisnn_did_not_write_is_refused(words, before, action, here):
    """A file of every kind and a checkpoint in the place of a file; files and a run in the place of
    a folder."""
    kind = action.output if isinstance(action.output, outputs.Kind) else None
    shutil.copy(shipped("double_nmnist_cuba.h5"), "mine.h5")
    for name, content in PRECIOUS.items():
        Path(name).write_bytes(content)
    Path("to").symlink_to("notes.txt")
    Path("nowhere").symlink_to("gone")
    os.link("thesis.json", "hard.json")
    Path("full").mkdir()
    Path("full/README.md").write_text("mine")
    Path("full/config.json").write_text("{}")
    shared = words == ["lessons"] or kind is not None and kind.shared
    for name in [*PRECIOUS, "mine.h5", "to", "nowhere", "hard.json", *["full"] * (not shared)]:
        err = judged(line_of(words, before, action, name), name)
        assert "expected" in err or "--checkpoint" in err


@pytest.mark.parametrize("words, before, action", CASES, ids=NAMES)
def test_what_is_read_is_not_written_over_even_by_force(words, before, action, here):
    """The same file by its name, by a link, by a hard link."""
    Path("link").symlink_to("input.dat")
    os.link("input.dat", "hard")
    parser = next(parser for named, parser in parsers(TOP) if named == words)
    reads = [other for other in parser._actions if hasattr(other, "input")]
    given = {other.dest for other in reads if not other.option_strings}
    for other in reads:
        for name in ("input.dat", "./input.dat", "link", "hard"):
            flag = (
                [other.option_strings[0], "input.dat"]
                if other.option_strings and other.dest not in given
                else []
            )
            if not flag and not other.option_strings and "input.dat" not in before:
                continue
            judged([*line_of(words, before, action, name), *flag, "--force"], name)


@pytest.mark.parametrize("words, before, action", CASES, ids=NAMES)
def test_what_nothing_can_be_written_to_is_refused_before_any_work(words, before, action, here):
    Path("file").write_text("a file")
    os.mkfifo("pipe")
    Path("folder").mkdir()
    Path("folder/notes").write_text("mine")
    for name in ("file/deeper", "file/deeper/still", "pipe", "/dev/null"):
        judged([*line_of(words, before, action, name), *forced(words)], name)


@pytest.mark.parametrize("words, before, action", CASES, ids=NAMES)
def test_what_the_system_would_refuse_is_refused_before_any_work(
    words, before, action, here, monkeypatch
):
    """The name with which a file is begun is longer than its own; a disk may be full, a folder
    read-only."""
    Path("loop").symlink_to("loop")
    for name in ("n" * 250, "loop/file"):
        judged([*line_of(words, before, action, name), *forced(words)], name)
    Path("folder").mkdir()

    def refuse(path, *_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr("minisnn.files._begun", refuse)
    for name in ("new", "folder/new", "folder"):
        kind = action.output if isinstance(action.output, outputs.Kind) else None
        if name == "folder" and (kind is None or not kind.folder):
            continue
        with pytest.raises(PermissionError) as raised:
            options.check_outputs(
                TOP, cli.parsed([*line_of(words, before, action, name), *forced(words)], TOP)
            )
        assert raised.value.filename == name


def test_what_is_read_by_the_name_of_its_folder_is_not_written_over_even_by_force(here, capsys):
    Path("run").mkdir()
    shutil.copy(shipped("double_nmnist_maml.h5"), "run/checkpoint.h5")
    Path("all").symlink_to(".")
    for name in ("run/checkpoint.h5", "all/run/checkpoint.h5"):
        line = ["evaluate", "--checkpoint", "run", "--json", name, "--force"]
        assert "this is part of the input run; expected another name" in refused(line, capsys, name)
    for start in ("run/checkpoint.h5", "all/run/checkpoint.h5"):
        line = ["train", "--start", start, "--out", "run", "--force"]
        assert "is in this folder; expected another folder for the output" in refused(
            line, capsys, "run"
        )


def test_pipes_in_a_folder_hold_nobody_up(here, capsys):
    Path("course").mkdir()
    os.mkfifo("course/style.py")
    line = ["lessons", "--out", "course", "--only", "1"]
    refused(line, capsys, "course")
    code = cli.main([*line, "--force"])
    err = capsys.readouterr().err
    assert code == 0 or "this is a device or a pipe" in err


def test_a_link_in_the_place_of_what_is_being_written_is_not_emptied(here):
    from minisnn.files import whole_folder

    Path("thesis").mkdir()
    Path("thesis/chapter").write_text("mine")
    Path("new").mkdir()
    for link, name in (
        (Path(".minisnn.tmp"), here),
        (Path("new/.minisnn.tmp"), Path("new")),
        (Path(".n.minisnn.tmp"), Path("n")),
    ):
        link.symlink_to(here / "thesis")
        with pytest.raises(ValueError, match="this is a link"), whole_folder(name, into=True):
            pass
    assert Path("thesis/chapter").read_text() == "mine"


def test_defaults_are_checked_as_well(here, capsys):
    for default, line in {
        "task": ["show"],
        "minisnn-lessons": ["lessons"],
        "minisnn-pages": ["lessons", "--export", "html"],
    }.items():
        Path(default).mkdir(parents=True)
        Path(default, "README.md").write_text("mine")
        refused(line, capsys, default)
    Path("page.html").write_text("mine")
    refused(["hardware", "page"], capsys, "page.html")


def test_a_network_in_the_place_of_the_page_is_told_where_it_belongs(here, capsys):
    shutil.copy(shipped("double_nmnist_cuba.h5"), "mine.h5")
    for name in ("mine.h5", "new.h5"):
        assert f"name the network with --checkpoint {name}" in refused(
            ["hardware", "page", name], capsys, name
        )
        assert f"name the network with --checkpoint {name}" in refused(
            ["hardware", "export", name], capsys, name
        )


@pytest.mark.parametrize(
    "name, line",
    [
        ("v.json", "check --model cnn --json v.json"),
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


def test_a_checkpoint_is_never_replaced_by_another(here, capsys):
    """A trained network took hours; that it is of the same kind is no reason to lose it."""
    pytest.importorskip("nir", reason='nir is not installed; pip install "minisnn[nir]"')
    assert cli.main(["nir", "export", "double_nmnist_cuba.h5", "a.nir"]) == 0
    shutil.copy(shipped("double_nmnist_cuba.h5"), "mine.h5")
    capsys.readouterr()
    refused(["nir", "import", "a.nir", "mine.h5"], capsys, "mine.h5")
    assert cli.main(["nir", "import", "a.nir", "mine.h5", "--force"]) == 0


def test_files_of_a_run_for_the_chip_are_not_removed_unasked(here, capsys):
    """network.h5 is no name of a run's of minisnn train, and was unlinked where it lay."""
    Path("out").mkdir()
    shutil.copy(shipped("double_nmnist_maml.h5"), "out/network.h5")
    before = snapshot(here)
    line = [
        "hardware",
        "train",
        "--bits",
        "2",
        "--out",
        "out",
        "--updates",
        "1",
        "--episodes",
        "2",
        "--quiet",
    ]
    assert cli.main(line) == 2 and snapshot(here) == before
    assert "the folder holds network.h5 already" in capsys.readouterr().err


def test_a_link_stays_a_link_and_what_it_leads_to_is_written(here):
    from minisnn.files import write_whole

    Path("real").write_text("old")
    Path("latest").symlink_to("real")
    write_whole("latest", b"new")
    assert Path("latest").is_symlink() and Path("real").read_text() == "new"


def test_leftovers_of_others_stay(here):
    from minisnn.files import remove_leftovers, whole_folder, write_whole

    names = [".thesis.tmp", ".result.json.backup.tmp", ".result.json.tmp", ".new.tmp"]
    for name in names:
        Path(name).write_text("mine")
    Path(".result.json.1-2.tmp").write_text("left by a killed process")
    write_whole("result.json", b"{}")
    remove_leftovers(here, "thesis", "new", "result.json", "result.json.backup")
    with whole_folder(here, into=True) as made:
        (made / "new").write_text("new")
    assert {one.name for one in here.iterdir()} == {*names, "result.json", "new", "input.dat"}
