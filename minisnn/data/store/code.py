"""What the code of modules says, as a hash, with which the cache names what they made.

To read and parse all of them takes half a second at every start. So what was found of a text is
remembered in the cache's folder, under the hash of that very text: a line that changes is another
text, and nothing remembered is ever out of date.
"""

import ast
import hashlib
import importlib.util
import json
import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from .cache import folder
from ...files import write_whole

SHOWS = ("minisnn.plots", "minisnn.terminal", "minisnn.stopping")  # code that makes no numbers
MOST = 500  # texts that are remembered, some 2 kB each
_found: dict[str, tuple[str, list[str]]] = {}  # by the hash of a text: what `_read_code` finds
_new: set[str] = set()  # of these, what is not in the file yet


def code_identity(*modules: str) -> str:
    """A hash of what the code of modules says, and the code of their own packages that they import,
    and so on; wherever it lies: layout, comments, docstrings and the places that it imports from do
    not count, nor what only shows (`SHOWS`)."""
    said = "".join(f"{one}\n" for one in _read_all(modules).values())
    _remember()
    return hashlib.sha256(said.encode()).hexdigest()


def closure(*modules: str) -> list[str]:
    """These modules, and after them all that they import of their own packages, directly or not, in
    order of their names."""
    return list(_read_all(modules))


def _read_all(modules: tuple[str, ...]) -> dict[str, str]:
    """The hash of what each module of the closure says."""
    found: dict[str, str] = {}
    asked = set(modules)
    left = list(modules)
    whole = {name.split(".")[0] for name in modules}
    while left:
        name = left.pop()
        found[name], names = _read_code(name)
        imported = {
            one for one in names if one.split(".")[0] in whole and not one.startswith(SHOWS)
        }
        left += [one for one in imported - asked if is_module(one)]
        asked |= imported
    return {name: found[name] for name in (*modules, *sorted(found.keys() - modules))}


def source_of(name: str) -> tuple[Path, bytes]:
    """The file of a module, which is not imported for that, and its text. ModuleNotFoundError where
    there is none."""
    path = _file_of(name)
    if path is None:
        raise ModuleNotFoundError(f"there is no module {name}", name=name)
    return path, path.read_bytes()


def is_module(name: str) -> bool:
    """Whether there is a module of this name."""
    return _file_of(name) is not None


def _file_of(name: str) -> Path | None:
    whole, *parts = name.split(".")
    spec = importlib.util.find_spec(whole)
    if spec is None or not parts:
        return None if spec is None or spec.origin is None else Path(spec.origin)
    places, rest = [*(spec.submodule_search_locations or ())], parts
    for k in range(1, len(parts) + 1):
        package = sys.modules.get(".".join([whole, *parts[:k]]))
        # one that is imported says itself where its modules lie
        if package is not None and hasattr(package, "__path__"):
            places, rest = [*package.__path__], parts[k:]
    for place in places:
        one = os.path.join(place, *rest)
        for path in (f"{one}.py", os.path.join(one, "__init__.py"))[0 if rest else 1 :]:
            if os.path.isfile(path):
                return Path(path)
    return None


def _read_code(name: str) -> tuple[str, list[str]]:
    """(hash of what a module says, what it imports: modules, and names that may be modules)."""
    path, text = source_of(name)
    within = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    key = hashlib.sha256(".".join(within).encode() + b"\0" + text).hexdigest()
    if key not in _found:
        _recall()
    if key not in _found:
        tree = ast.parse(text)
        imported = _imported(tree, within)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                node.module, node.level = None, 0
            body = getattr(node, "body", None)
            if (
                isinstance(body, list)
                and body
                and isinstance(body[0], ast.Expr)
                and isinstance(body[0].value, ast.Constant)
            ):
                body[0].value.value = None
        _found[key] = hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imported
        _new.add(key)
    return _found[key]


def _place() -> Path:
    """The file of what is remembered by this Python and this way of reading."""
    way = f"{sys.version}\0".encode() + Path(__file__).read_bytes()
    return folder() / f"code-{hashlib.sha256(way).hexdigest()[:32]}.json"


def _stored() -> dict[str, tuple[str, list[str]]]:
    """What the file holds, of the form that it should have; nothing where there is none."""
    try:
        read = json.loads(_place().read_bytes())
    except (OSError, RuntimeError, ValueError, RecursionError):
        return {}
    if not isinstance(read, dict):
        return {}
    return {key: tuple(one) for key, one in read.items() if _whole(one)}


def _whole(one: object) -> bool:
    if not (isinstance(one, list) and [type(part) for part in one] == [str, list]):
        return False
    return all(isinstance(name, str) for name in one[1])


@cache
def _recall() -> None:
    """Read the file, once in a process."""
    for key, one in _stored().items():
        _found.setdefault(key, one)


def _remember() -> None:
    """Write what is new, beside what other processes wrote; a folder without room is no matter."""
    if not _new:
        return
    kept = {**_stored(), **{key: _found[key] for key in _new}}
    _new.clear()
    last = dict(list(kept.items())[-MOST:])
    with suppress(OSError, RuntimeError):
        _place().parent.mkdir(parents=True, exist_ok=True)
        write_whole(_place(), json.dumps(last).encode())


def _imported(tree: ast.Module, package: list[str]) -> list[str]:
    """All that a module in a package imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            base = [*base, *(node.module.split(".") if node.module else [])]
            names |= {".".join(base), *(".".join([*base, alias.name]) for alias in node.names)}
    return sorted(names)
