"""A notebook as text of a page, in the Markdown that MyST reads: its cells with the outputs that
are stored in it."""

import base64
import re
from typing import Any


def page(notebook: dict[str, Any], name: str) -> tuple[str, dict[str, bytes]]:
    """The text of a notebook, and the pictures that it shows, by their file names, which begin with
    `name`."""
    parts = []
    pictures: dict[str, bytes] = {}
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(_fenced("python", source))
        for output in cell["outputs"]:
            parts.append(_shown(output, f"{name}-{len(pictures) + 1}.png", pictures))
    return "\n\n".join(parts) + "\n", pictures


def _shown(output: dict[str, Any], name: str, pictures: dict[str, bytes]) -> str:
    """An output in the best of its forms; a picture is put among `pictures` by its name."""
    forms = {kind: "".join(value) for kind, value in output.get("data", {}).items()}
    if "text/html" in forms:
        return _fenced("{raw} html", forms["text/html"])
    if "image/png" in forms:
        pictures[name] = base64.b64decode(forms["image/png"])
        about = output.get("metadata", {}).get("image/png", {})
        options = [f":{option}: {about[option]}" for option in ("alt", "width") if option in about]
        return _fenced(f"{{image}} {name}", "\n".join(options))
    text = forms.get("text/plain") or "".join(output.get("text", ""))
    return _fenced("{code-block} text", f":class: output\n\n{text.rstrip()}")


def _fenced(kind: str, text: str) -> str:
    """Text between fences that are longer than any within it."""
    fence = "`" * (max((len(found) for found in re.findall(r"`{3,}", text)), default=2) + 1)
    return f"{fence}{kind}\n{text}\n{fence}"
