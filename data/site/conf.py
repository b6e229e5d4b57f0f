"""Configuration of Sphinx, which reads this file by itself."""

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parents[1] / "lessons")]

from reference import restructured  # noqa: E402

from minisnn import __version__  # noqa: E402

project = "minisnn"
version = release = __version__
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "mathml",
]
language = "en"
smartquotes = False  # documents are shown as they were written
highlight_language = "text"  # of what does not say its own

html_theme = "furo"
html_title = f"minisnn {__version__}"
html_static_path = ["site.css", "site.js"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_show_sphinx = html_show_copyright = False
html_show_search_summary = (
    False  # it would fetch every page that was found, which a file may not do
)
html_math_renderer = "mathml"

myst_enable_extensions = ["dollarmath"]
# Markdown as GitHub reads it
myst_disable_syntax = [
    "myst_line_comment",
    "myst_block_break",
    "myst_target",
    "myst_role",
]
myst_heading_anchors = 6
nb_execution_mode = "off"  # outputs are those that are stored
exclude_patterns = ["tests", "minisnn", "lessons/source", "hardware/c", "**/.ipynb_checkpoints"]
suppress_warnings = [
    "myst.header",  # a level is left out
    "ref.python",  # two classes of one name, in annotations that name no module
]

autodoc_default_options = {
    "member-order": "bysource",
    "special-members": "__call__",
    "ignore-module-all": True,
}
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
autosummary_generate = viewcode_follow_imported_members = False  # a name has one home
add_module_names = False
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True


def setup(app: Any) -> None:
    """Connect the handlers below; Sphinx calls this."""
    app.connect("autodoc-process-docstring", _read)
    app.connect("autodoc-skip-member", _skipped)


def _read(app: Any, what: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    lines[:] = restructured("\n".join(lines)).split("\n")


def _skipped(app: Any, what: str, name: str, found: Any, skip: bool, options: Any) -> bool | None:
    """Fields of a NamedTuple say nothing that their class does not say better; None leaves it to
    Sphinx."""
    return True if str(getattr(found, "__doc__", "")).startswith("Alias for field number") else None
