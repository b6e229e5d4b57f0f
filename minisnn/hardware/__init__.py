"""In a clone, `minisnn.hardware` is the folder hardware beside this package, and these lines lead
there; in an installation that folder lies here, and they are left out."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # tells type checkers and editors to read the names in the folder's stub
    from hardware import *  # noqa: F403

_FOLDER = Path(__file__).resolve().parents[2] / "hardware"
_spec = spec_from_file_location(
    __name__, _FOLDER / "__init__.py", submodule_search_locations=[str(_FOLDER)]
)
if _spec is None or _spec.loader is None:
    raise ImportError(f"{_FOLDER}: expected a folder with Python files")
sys.modules[__name__] = module_from_spec(_spec)
_spec.loader.exec_module(sys.modules[__name__])
