from pathlib import Path
import warnings

import numpy as np
import pytest

import minisnn as ms
from minisnn.data.store.cache import cached, code_identity


class Maker:
    """Makes new arrays at every call, and counts the calls."""

    calls = 0

    def __call__(self):
        self.calls += 1
        return {"a": np.arange(1000) + self.calls, "empty": np.zeros((0, 3), np.uint8)}


def test_second_call_reads_the_very_arrays():
    make = Maker()
    first = cached("x", {"k": 1}, make)
    second = cached("x", {"k": 1}, make)
    assert make.calls == 1 and list(second) == ["a", "empty"]
    for name, array in first.items():
        assert second[name].dtype == array.dtype and np.array_equal(second[name], array)
    assert [path.suffix for path in Path("cache").iterdir()] == [".npz"]


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
        ({"k": ms.EventCamera()}, {"k": ms.EventCamera(blur=0.8)}),
    ],
)
def test_a_changed_setting_makes_anew(one, other):
    make = Maker()
    assert cached("x", one, make)["a"][0] == 1
    assert cached("x", other, make)["a"][0] == 2
    assert cached("x", one, make)["a"][0] == 1
    assert cached("y", one, make)["a"][0] == 3


@pytest.mark.parametrize("damage", [lambda whole: whole[:-200], lambda whole: b"no zip at all"])
def test_a_damaged_entry_is_made_again_with_a_warning(damage):
    make = Maker()
    cached("x", {}, make)
    [path] = Path("cache").iterdir()
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(UserWarning, match="is damaged"):
        assert cached("x", {}, make)["a"][0] == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cached("x", {}, make)["a"][0] == 2


def test_an_unusable_folder_is_told_and_the_work_goes_on(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="cannot be used .* set MINISNN_CACHE"):
        assert cached("x", {}, Maker())["a"][0] == 1


def test_code_is_known_by_all_files_of_its_package(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_package").mkdir()
    for name in ("__init__", "a", "b"):
        (tmp_path / f"own_package/{name}.py").write_text("x = 1\n")
    before = code_identity("own_package.a")
    (tmp_path / "own_package/b.py").write_text("x = 2\n")
    assert code_identity("own_package.a") != before
