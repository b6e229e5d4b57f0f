"""Files and folders written whole or not at all: what failure, a full disk, a kill and another
process leave."""

import errno
from pathlib import Path

import pytest

from processes import python

from minisnn.files import held, whole_file, whole_folder, write_whole


def tree(folder) -> dict[str, str]:
    """{relative path: contents} of what lies in a folder, empty folders too."""
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else "folder"
        for path in sorted(Path(folder).rglob("*"))
    }


def fill(folder: Path, **contents: str) -> None:
    for name, text in contents.items():
        (folder / name).write_text(text)


class Full(OSError):
    """What a disk says that has no room left; it names no file."""

    def __init__(self):
        super().__init__(errno.ENOSPC, "No space left on device")


# ---- files


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, Full])
def test_a_file_that_failed_leaves_the_old_one(tmp_path, error):
    (tmp_path / "a").write_text("old")
    with pytest.raises(error) as raised, whole_file(tmp_path / "a") as file:
        file.write(b"half")
        raise error()
    assert tree(tmp_path) == {"a": "old"}
    if error is Full:
        assert raised.value.filename == str(tmp_path / "a"), "a full disk names no file"


def killed(program: str, folder: Path) -> None:
    """Run a program that ends without any clearing up."""
    program = f"import os\nfrom minisnn.files import *\n{program}\n    os._exit(9)"
    assert python("-c", program, cwd=folder).returncode == 9


def test_what_a_killed_process_left_of_a_file_is_removed_by_the_next(tmp_path):
    killed("with whole_file('a') as file:\n    file.write(b'x' * 9999)\n    file.flush()", tmp_path)
    [left] = tmp_path.iterdir()
    (tmp_path / ".b.1-1.tmp").write_text("of another name")
    (tmp_path / ".a.1.tmp").write_text("somebody else's")
    write_whole(tmp_path / "a", b"new")
    assert left.name.startswith(".a.") and tree(tmp_path) == {
        ".b.1-1.tmp": "of another name",
        ".a.1.tmp": "somebody else's",
        "a": "new",
    }


# ---- folders


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, Full])
@pytest.mark.parametrize("before", [None, "empty", "full"])
def test_a_folder_that_failed_leaves_what_was_there(tmp_path, error, before):
    out = tmp_path / "deep" / "out"
    if before:
        out.mkdir(parents=True)
    if before == "full":
        fill(out, a="old")
    found = tree(tmp_path)
    with pytest.raises(error) as raised, whole_folder(out) as folder:
        fill(folder, a="new", b="new")
        raise error()
    assert tree(tmp_path) == found
    if error is Full:
        assert raised.value.filename == str(out)


def test_files_go_into_a_folder_that_is_there(tmp_path):
    (tmp_path / "b").mkdir()
    fill(tmp_path, a="old", mine="kept")
    fill(tmp_path / "b", mine="kept")
    with whole_folder(tmp_path) as folder:
        fill(folder, a="new")
        (folder / "b").mkdir()
        fill(folder / "b", c="new")
    assert tree(tmp_path) == {
        "a": "new",
        "mine": "kept",
        "b": "folder",
        "b/c": "new",
        "b/mine": "kept",
    }


def test_a_held_folder_goes_again_if_it_was_made_for_nothing(tmp_path):
    with held(tmp_path / "a" / "b"):
        with pytest.raises(ValueError), held(tmp_path / "a" / "b"):
            pass
        assert (tmp_path / "a" / "b").is_dir()
    assert not tree(tmp_path)
    with held(tmp_path / "a" / "b"):
        fill(tmp_path / "a" / "b", c="x")
    with held(tmp_path / "a"):
        pass
    assert "a/b/c" in tree(tmp_path)
