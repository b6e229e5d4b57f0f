"""numba's private parts are named in one place; where one is missing kernels work, and a sentence
says that they are not kept."""

import ast
import re
from pathlib import Path

import pytest
from numba.core import caching, options

import minisnn
from minisnn.parallel import compilation, private

ROOT = Path(minisnn.__file__).parents[1]
# what is imported from below numba.core, which is as private
DEEP = {
    "minisnn/vectors/choice.py": {"numba.core.cgutils"},
    "minisnn/vectors/llvm.py": {"numba.core.cgutils"},
    "minisnn/kernels/records.py": {"numba.core.types", "numba.core.typing.typeof.typeof_impl"},
    "minisnn/parallel/inner.py": {
        "numba.core.codegen.JITCodeLibrary",
        "numba.core.compiler.Compiler",
    },
    "minisnn/parallel/kept.py": {
        "numba.core.caching.CompileResultCacheImpl",
        "numba.core.caching.FunctionCache",
        "numba.core.caching.IndexDataCacheFile",
        "numba.core.dispatcher.Dispatcher",
    },
    "minisnn/parallel/private.py": {"numba.core.options"},
    "minisnn/translation/check.py": {"numba.core.errors.NumbaError"},
}


@pytest.fixture(autouse=True)
def untold(monkeypatch, tmp_path):
    monkeypatch.setattr(compilation, "_told", "")
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path / "cache"))


def triple(x):
    return 3 * x


def only(recwarn) -> str:
    (said,) = {str(one.message) for one in recwarn}
    return said


@pytest.mark.parametrize("place", private.KEEPING)
@pytest.mark.parametrize("lacks", ["the class", "its module", "a method"])
def test_a_numba_that_lacks_a_name_keeps_nothing_and_works(
    place, lacks, monkeypatch, recwarn, tmp_path
):
    names = private.KEEPING[place]
    other = {
        "the class": (f"{place}X", names),
        "its module": (f"numba.core.nowhere.{place.rsplit('.')[-1]}", names),
        "a method": (place, f"{names} _absent"),
    }[lacks]
    monkeypatch.setattr(compilation, "KEEPING", dict([other]))
    kernels = [compilation.njit(cache=True)(triple) for _ in range(2)]
    assert [kernel(4) for kernel in kernels] == [12, 12]
    absent = other[0] + "._absent" * (lacks == "a method")
    assert f"cannot be kept (this numba has no {absent})" in only(recwarn)
    assert not list(tmp_path.rglob("*.nbc"))


@pytest.mark.parametrize(
    "owner, name",
    [(caching.CompileResultCacheImpl, "rebuild"), (caching.IndexDataCacheFile, "_save_data")],
)
@pytest.mark.parametrize("error", [TypeError, AttributeError, KeyError])
def test_a_private_part_that_takes_other_arguments_breaks_nothing(
    owner, name, error, monkeypatch, recwarn
):
    if name == "rebuild":
        assert compilation.njit(cache=True)(triple)(4) == 12

    def changed(*_):
        raise error("another version's")

    monkeypatch.setattr(owner, name, changed)
    kernel = compilation.njit(cache=True)(triple)
    assert kernel(4) == 12 and not kernel.stats.cache_hits
    assert "this numba is not known: " in only(recwarn)


def test_without_its_lock_kernels_are_compiled_where_they_are_asked_for(monkeypatch):
    with monkeypatch.context() as other:
        other.setattr("numba.core.compiler_lock.global_compiler_lock", object())
        assert private.compiler_lock() is None and len(private.compiler_locks()) == 1
        other.setattr("llvmlite.binding.ffi.lib", object())
        assert private.compiler_locks() == []
    monkeypatch.setattr(compilation, "compiler_lock", lambda: None)
    assert compilation.njit()(triple)(4) == 12


def test_without_its_option_kernels_count_references(monkeypatch):
    assert private.borrowing() == {"_nrt": False}
    monkeypatch.delattr(options.DefaultOptions, "_nrt")
    assert private.borrowing() == {} and compilation.njit(borrows=True)(triple)(4) == 12


def _trees(word):
    """Files that have a word in them, parsed; all of them would take a second."""
    for room in ("minisnn", "hardware"):
        for path in sorted((ROOT / room).rglob("*.py")):
            if word in (text := path.read_text(encoding="utf-8")):
                yield path, ast.parse(text)


def test_what_lies_deep_in_numba_is_imported_in_few_places():
    found: dict[str, set[str]] = {}
    for path, tree in _trees("numba.core"):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("numba.core"):
                names = {f"{node.module}.{one.name}" for one in node.names}
                found.setdefault(path.relative_to(ROOT).as_posix(), set()).update(names)
    assert found == DEEP


@pytest.mark.parametrize(
    "parts, listed, of_instances",
    [
        (("kept", "compilation"), private.KEEPING, {"_cache_file", "_shared_module"}),
        (("inner",), private.LINKED, set()),
    ],
)
def test_every_private_name_that_is_used_is_known_and_every_known_one_used(
    parts, listed, of_instances
):
    texts = [(ROOT / f"minisnn/parallel/{name}.py").read_text(encoding="utf-8") for name in parts]
    known = {name for names in listed.values() for name in names.split()}
    assert all(re.search(rf"\b{name}\b", "\n".join(texts)) for name in known)
    tree = ast.parse(texts[0])
    ours = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    private_ones = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr)
    }
    assert private_ones - ours - known == of_instances
