"""Code of the user: read as it is now, and its errors told by its own lines."""

import importlib.util
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

_MINISNN = Path(__file__).parents[2]


class _AsItIs(SourceFileLoader):
    """Code as the file has it now: kept bytecode is told apart by its size and the second of its
    change alone."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def module_of(path: Path) -> ModuleType:
    """The module that a file makes, run again."""
    title = f"minisnn_dataset_{path.stem}"
    spec = importlib.util.spec_from_file_location(title, path, loader=_AsItIs(title, str(path)))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[title] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def told_by_line(name: str) -> Generator[None, None, None]:
    """ValueError with the user's file and line for what fails in code that is called `name`. Those
    that are sentences already, ValueError and OSError, pass."""
    try:
        yield
    except (ValueError, OSError, MemoryError):
        raise
    except Exception as error:
        text = error.msg if isinstance(error, SyntaxError) else error
        raise ValueError(
            f"{name}: its own code fails{_where(error)}: {type(error).__name__}: {text}"
        ) from error


def _where(error: Exception) -> str:
    """The last line of the first file that is neither minisnn's nor the import system's."""
    if isinstance(error, SyntaxError):
        return f" in {error.filename}, line {error.lineno}"
    lines: dict[str, int | None] = {}
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        imports = frame.filename.startswith("<frozen") or "importlib" in path.parts
        if not imports and _MINISNN not in path.parents:
            lines[frame.filename] = frame.lineno
    return next((f" in {file}, line {line}" for file, line in lines.items()), "")
