import dataclasses
import hashlib
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from minisnn.data.sets.named import open_set
from minisnn.data.store import cache, code


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Maker:
    """Makes new arrays at every call, and counts the calls."""

    calls = 0

    def __call__(self):
        self.calls += 1
        return {
            "a": np.arange(1000) + self.calls,
            "file": np.array(["b"]),
            "empty": np.zeros((0, 3), np.uint8),
        }


@dataclasses.dataclass
class Settings:
    threshold: float = 0.2
    blur: float = 0.9


@dataclasses.dataclass
class OtherSettings(Settings):
    pass


def test_second_call_reads_the_very_arrays(place):
    make = Maker()
    first = cache.cached("x", {"k": 1}, make)
    second = cache.cached("x", {"k": 1}, make)
    assert make.calls == 1 and list(second) == ["a", "file", "empty"]
    for name, array in first.items():
        assert second[name].dtype == array.dtype and np.array_equal(second[name], array)
    assert [path.suffix for path in place.iterdir()] == [".npz"]


@pytest.mark.parametrize(
    "one, other",
    [
        ({"k": 1}, {"k": 2}),
        ({"k": 1}, {"l": 1}),
        ({"k": 1}, {"k": 1, "l": None}),
        ({"k": 1}, {"k": "1"}),
        ({"k": 1}, {"k": True}),
        ({"k": 1.0}, {"k": np.nextafter(1.0, 2)}),
        ({"k": [1, [2]]}, {"k": [1, 2]}),
        ({"k": np.zeros(4)}, {"k": np.zeros((2, 2))}),
        ({"k": np.zeros(4)}, {"k": np.zeros(4, int)}),
        ({"k": np.zeros(4)}, {"k": np.array([0, 0, 0, 1e-300])}),
        ({"k": {"l": 1}}, {"k": {"l": 2}}),
        ({"k": Settings()}, {"k": Settings(blur=0.8)}),
        ({"k": Settings()}, {"k": OtherSettings()}),
    ],
)
def test_a_changed_setting_makes_anew(one, other):
    make = Maker()
    assert cache.cached("x", one, make)["a"][0] == 1
    assert cache.cached("x", other, make)["a"][0] == 2
    assert cache.cached("x", one, make)["a"][0] == 1
    assert cache.cached("y", one, make)["a"][0] == 3


@pytest.mark.parametrize("value", [object(), Settings, np.array([None]), {1, 2}])
def test_what_has_no_content_is_refused(value):
    with pytest.raises(TypeError, match="made_from holds"):
        cache.cached("x", {"k": value}, Maker())


def test_file_identity_sees_names_and_all_bytes(tmp_path):
    one, two = tmp_path / "1.bin", tmp_path / "2.bin"
    one.write_bytes(b"abc")
    two.write_bytes(b"abc")
    os.utime(two, ns=(one.stat().st_atime_ns, one.stat().st_mtime_ns))
    first = cache.file_identity([one])
    seen = {first, cache.file_identity([two]), cache.file_identity([one, two])}
    assert cache.file_identity([two, one]) == cache.file_identity([one, two])
    status = one.stat()
    one.write_bytes(b"abd")
    os.utime(one, ns=(status.st_atime_ns, status.st_mtime_ns))  # as long, and as old
    seen.add(cache.file_identity([one]))
    one.write_bytes(b"abc")
    os.utime(one, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))
    assert len(seen) == 4 and cache.file_identity([one]) == first


def test_a_hash_is_remembered_until_the_system_tells_of_a_change(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "SETTLED", -1.0)
    path, read = tmp_path / "a", []
    path.write_bytes(b"abc")
    real = cache.hashlib.file_digest
    monkeypatch.setattr(
        cache.hashlib, "file_digest", lambda file, name: read.append(file.name) or real(file, name)
    )
    first = [cache.content_of(path) for _ in range(3)]
    assert len(set(first)) == 1 and len(read) == 1
    status = path.stat()
    while path.stat().st_ctime_ns == status.st_ctime_ns:  # until the clock of the file system ticks
        path.write_bytes(b"abd")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_mtime_ns == status.st_mtime_ns and cache.content_of(path) != first[0]


def test_a_file_that_has_just_changed_is_read_each_time(tmp_path):
    path = tmp_path / "a"
    for contents in (b"a", b"b", b"c"):  # within a tick of the clock
        path.write_bytes(contents)
        assert cache.content_of(path) == hashlib.sha256(contents).hexdigest()


def test_the_identity_of_a_folder_is_that_of_its_files(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "a").write_text("1")
        (tmp_path / name / "b").write_text("2")
    (tmp_path / "two" / "round").symlink_to(tmp_path / "two", target_is_directory=True)
    one = cache.folder_identity(tmp_path / "one")
    assert one == cache.folder_identity(tmp_path / "two")
    (tmp_path / "one" / "deep" / "a").write_text("3")
    assert one != cache.folder_identity(tmp_path / "one")
    (tmp_path / "two" / "b").rename(tmp_path / "two" / "c")
    assert one != cache.folder_identity(tmp_path / "two")


def test_files_that_are_not_ours_stay_whatever_they_are_called(place):
    place.mkdir()
    for name in (".thesis.tmp", ".a.tmp", ".x-1.npz.1-1.tmp", ".notes.123-4.tmp"):
        (place / name).write_text("years of work")
    ours = place / f".x-{'0' * 32}.npz.1-1.tmp"
    ours.write_text("half")
    cache.cached("x", {}, Maker())
    assert not ours.exists() and len(list(place.glob(".*.tmp"))) == 4


def damage(kind, path):
    content = path.read_bytes()
    middle = content.index(np.arange(1, 1001).tobytes()) + 4000
    foreign = {
        "truncated": content[:-200],
        "empty": b"",
        "text": b"no zip at all",
        "half": content[: len(content) // 2],
        "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
    }
    path.write_bytes(foreign[kind])


@pytest.mark.parametrize("kind", ["truncated", "empty", "text", "half", "flipped"])
def test_a_damaged_entry_is_made_anew_with_a_warning(place, kind):
    make = Maker()
    cache.cached("x", {}, make)
    damage(kind, *place.iterdir())
    with pytest.warns(UserWarning, match="is damaged .* made again"):
        assert cache.cached("x", {}, make)["a"][0] == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.cached("x", {}, make)["a"][0] == 2


def test_an_entry_under_a_foreign_name_is_not_believed(place):
    make = Maker()
    cache.cached("x", {"k": 1}, make)
    [one] = place.iterdir()
    cache.cached("x", {"k": 2}, make)
    [two] = set(place.iterdir()) - {one}
    one.replace(two)
    with pytest.warns(UserWarning, match="other settings"):
        assert cache.cached("x", {"k": 2}, make)["a"][0] == 3


def test_an_unusable_folder_is_told_and_the_work_goes_on(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="cannot be used .* set MINISNN_CACHE"):
        assert cache.cached("x", {}, Maker())["a"][0] == 1


def test_a_full_disk_leaves_nothing_behind(place, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.warns(UserWarning, match="No space left"):
        assert cache.cached("x", {}, Maker())["a"][0] == 1
    assert list(place.iterdir()) == []


KILLED = """
import os, numpy as np
from minisnn.data.store import cache
write = np.lib.format.write_array
def half(member, array, **options):
    if array.size > 10:
        member.write(array.tobytes()[:array.nbytes // 2])
        member._fileobj.flush()
        os._exit(9)
    write(member, array, **options)
np.lib.format.write_array = half
cache.cached("x", {}, lambda: {"a": np.arange(10 ** 6)})
"""


def test_killed_while_writing_leaves_no_entry(place):
    root = Path(cache.__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", KILLED], env={**os.environ, "PYTHONPATH": str(root)}, timeout=60
    )
    assert done.returncode == 9
    [leftover] = place.iterdir()
    assert leftover.suffix == ".tmp" and leftover.stat().st_size > 1e6
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.cached("x", {}, Maker())["a"][0] == 1
    assert [path.name[0] for path in place.iterdir()] == ["x"], (
        "the lock of the killed process is free, its leftover goes"
    )


@pytest.mark.parametrize(
    "platform, variables, expected",
    [
        ("linux", {}, "/home/u/.cache/minisnn"),
        ("linux", {"XDG_CACHE_HOME": "/scratch"}, "/scratch/minisnn"),
        ("darwin", {}, "/home/u/Library/Caches/minisnn"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/minisnn"),
        ("linux", {"MINISNN_CACHE": "~/mine"}, "/home/u/mine"),
    ],
)
def test_folder(monkeypatch, platform, variables, expected):
    for name in ("MINISNN_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/u", "USERPROFILE": "/home/u", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache.folder() == Path(expected)


def test_a_pipe_holds_nobody_up(tmp_path):
    """Reading one that nobody writes to never ends."""
    (tmp_path / "recordings" / "0").mkdir(parents=True)
    os.mkfifo(tmp_path / "recordings" / "0" / "a.npz")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe: this is a device or a pipe"):
        cache.content_of(tmp_path / "pipe")
    with pytest.raises(ValueError, match="a.npz: this is a device or a pipe"):
        open_set("recordings", "train", tmp_path / "recordings", sensor=(9, 9))


def test_code_identity_sees_a_change_in_any_file_of_a_package(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_package").mkdir()
    files = [
        tmp_path / "own_file.py",
        *(tmp_path / f"own_package/{k}.py" for k in ("__init__", "b")),
    ]
    for path in files:
        path.write_text("x = 1\n")
    for name, counts in (("own_file", files[:1]), ("own_package.b", files[1:])):
        before = code.code_identity(name)
        for path in counts:
            path.write_text("x = 2\n")
            assert code.code_identity(name) != before
            path.write_text("x = 1\n")
        assert code.code_identity(name) == before
    assert code.code_identity("minisnn.data.sets.named") != code.code_identity(
        "minisnn.training.run"
    )
    with pytest.raises(ModuleNotFoundError, match="nowhere_x"):
        code.code_identity("nowhere_x")
