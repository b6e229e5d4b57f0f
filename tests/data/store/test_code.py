"""What is remembered of the code that made an entry: of the very text, and of nothing else."""

import json

import pytest

from minisnn.data.store import code


@pytest.fixture
def module(tmp_path, monkeypatch):
    """(a module's file, forget): in a cache of its own."""
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path)

    def forget():
        """As a new process begins."""
        monkeypatch.setattr(code, "_found", {})
        monkeypatch.setattr(code, "_new", set())
        code._recall.cache_clear()

    forget()
    yield tmp_path / "remembered.py", forget
    code._recall.cache_clear()


def parses(monkeypatch):
    """The texts that are parsed from now on."""
    real = code.ast.parse
    seen = []

    def parse(text, *more, **named):  # pytest parses, too, where a test fails
        seen.append(text)
        return real(text, *more, **named)

    monkeypatch.setattr(code.ast, "parse", parse)
    return seen


def test_a_text_is_parsed_once_for_all_processes_and_a_changed_one_again(module, monkeypatch):
    path, forget = module
    path.write_text("import json\nx = 1\n")
    first = code.code_identity("remembered")
    seen = parses(monkeypatch)
    forget()
    assert code.code_identity("remembered") == first and not seen
    path.write_text("import json\nx = 2\n")
    assert code.code_identity("remembered") != first and len(seen) == 1
    path.write_text("import json\nx = 1\n")
    forget()
    assert code.code_identity("remembered") == first and len(seen) == 1


def test_the_same_text_in_another_package_imports_other_modules(module, tmp_path):
    path, forget = module
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
        (tmp_path / name / "part.py").write_text(f"x = {name!r}\n")
        (tmp_path / name / "whole.py").write_text("from . import part\n")
    assert "one.part" in code.closure("one.whole") and "two.part" in code.closure("two.whole")
    code.code_identity("one.whole")
    forget()
    assert "two.part" in code.closure("two.whole")


@pytest.mark.parametrize(
    "damaged", [b"", b"[1, 2]", b"{", b"\xff", b'{"a": 3}', b"[" * 100_000, "empty", "folder"]
)
def test_a_damaged_file_is_nothing_remembered(module, damaged):
    path, forget = module
    path.write_text("x = 1\n")
    first = code.code_identity("remembered")
    place = code._place()
    if damaged == "folder":
        place.unlink()
        place.mkdir()
    elif damaged == "empty":
        known = json.loads(place.read_text())
        place.write_text(json.dumps({key: ["", "x"] for key in known}))
    else:
        place.write_bytes(damaged)
    forget()
    assert code.code_identity("remembered") == first


def test_another_way_of_reading_has_another_file(module, monkeypatch):
    before = code._place()
    monkeypatch.setattr(code.sys, "version", "4.0")
    assert code._place() != before


def test_the_oldest_texts_are_forgotten(module, monkeypatch):
    path, forget = module
    monkeypatch.setattr(code, "MOST", 3)
    for k in range(5):
        path.write_text(f"x = {k}\n")
        code.code_identity("remembered")
    assert len(json.loads(code._place().read_text())) == 3
    seen = parses(monkeypatch)
    forget()
    code.code_identity("remembered")
    assert not seen


def test_modules_are_in_one_order_in_every_process():
    """Sets of texts are in another one in each."""
    named = ("minisnn.experiments.table2", "minisnn.data.sets.omniglot")
    found = code.closure(*named)
    assert found[:2] == list(named) and len(found) > 100
    assert found[2:] == sorted(found[2:])
