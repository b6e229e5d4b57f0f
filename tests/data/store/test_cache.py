import dataclasses
import hashlib
import os
import warnings

import numpy as np
import pytest

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
        return {"a": np.arange(1000) + self.calls, "empty": np.zeros((0, 3), np.uint8)}


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
    assert make.calls == 1 and list(second) == ["a", "empty"]
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


def test_a_file_that_has_just_changed_is_read_each_time(tmp_path):
    path = tmp_path / "a"
    for contents in (b"a", b"b", b"c"):  # within a tick of the clock
        path.write_bytes(contents)
        assert cache.content_of(path) == hashlib.sha256(contents).hexdigest()


@pytest.mark.parametrize("damage", [lambda whole: whole[:-200], lambda whole: b"no zip at all"])
def test_a_damaged_entry_is_made_again_with_a_warning(place, damage):
    make = Maker()
    cache.cached("x", {}, make)
    [path] = place.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(UserWarning, match="is damaged"):
        assert cache.cached("x", {}, make)["a"][0] == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.cached("x", {}, make)["a"][0] == 2


def test_an_unusable_folder_is_told_and_the_work_goes_on(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="cannot be used .* set MINISNN_CACHE"):
        assert cache.cached("x", {}, Maker())["a"][0] == 1


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
