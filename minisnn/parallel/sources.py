"""The digest of the library's source code, and the processor's name."""

import hashlib
import re
from contextlib import suppress
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


@cache
def sources(folder: Path = PACKAGE) -> str:
    """Return a digest of all source files of this library, or of those in another folder. Files
    that an installation adds are left out."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder)
        if name.parts[0] not in ("_shipped", "_folders"):
            digest.update(name.as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def processor() -> str:
    """Return the processor's name. On Linux, if the name has no number, as in many virtual
    machines, the processor's family and model are added."""
    import platform

    fields: dict[str, str] = {}
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        fields = dict(re.findall(r"^(model name|model|cpu family)\s*: (.*)$", file.read(), re.M))
    name = fields.get("model name") or platform.processor() or platform.machine()
    if {"cpu family", "model"} <= fields.keys() and not any(map(str.isdecimal, name)):
        return f"{name}, family {fields['cpu family']}, model {fields['model']}"
    return name
