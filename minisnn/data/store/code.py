"""The code of modules as a hash, with which the cache names what they made."""

import hashlib
import importlib.util
from pathlib import Path


def code_identity(*modules: str) -> str:
    """A hash of the source files that modules may depend on: of one in minisnn.data all of
    minisnn.data, of any other one its whole package, or its file where it has none.

    Raises ModuleNotFoundError where there is no such module.
    """
    digest = hashlib.sha256()
    data = "minisnn.data"
    for root in sorted({data if one.startswith(data) else one.split(".")[0] for one in modules}):
        spec = importlib.util.find_spec(root)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"there is no module {root}", name=root)
        origin = Path(spec.origin)
        folder = origin.parent
        for path in sorted(folder.rglob("*.py")) if spec.submodule_search_locations else [origin]:
            digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def is_module(name: str) -> bool:
    """Whether there is a module of this name."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
