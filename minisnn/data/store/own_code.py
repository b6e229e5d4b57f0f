"""Code of the user: run as it is now, and its errors reported by its own lines."""

import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

_MINISNN = Path(__file__).parents[2]


def module_of(path: Path) -> ModuleType:
    """The module that a file makes, run again."""
    module = ModuleType(f"minisnn_dataset_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    exec(compile(path.read_bytes(), path, "exec"), vars(module))
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
        # the last line of the first file that is neither minisnn's nor the import system's
        lines: dict[str, int | None] = {}
        for frame in traceback.extract_tb(error.__traceback__):
            if "importlib" not in frame.filename and _MINISNN not in Path(frame.filename).parents:
                lines[frame.filename] = frame.lineno
        text: object = error
        if isinstance(error, SyntaxError):
            lines, text = {str(error.filename): error.lineno}, error.msg
        where = next((f" in {file}, line {line}" for file, line in lines.items()), "")
        raise ValueError(
            f"{name}: its own code fails{where}: {type(error).__name__}: {text}"
        ) from error
