"""The digest of the library's source code."""

import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


@cache
def sources(folder: Path = PACKAGE) -> str:
    """Return a digest of all sources of this library, or of another folder; files that an
    installation adds are left out."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder)
        if name.parts[0] not in ("_shipped", "_folders"):
            digest.update(name.as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
