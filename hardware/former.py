"""`import hardware`, this package's former name, in a clone: the same modules, and a warning. It
goes with the next version."""

import importlib
import sys
import warnings
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

FORMER, NAME = "hardware", "minisnn.hardware"


class _Same(MetaPathFinder, Loader):
    """Gives `hardware.x` as the module minisnn.hardware.x, not as a second one."""

    def find_spec(self, name: str, path=None, target=None) -> ModuleSpec | None:
        asked = name.startswith(f"{FORMER}.") and name != f"{FORMER}.__main__"
        return ModuleSpec(name, self) if asked else None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        sys.modules[name] = importlib.import_module(NAME + name.removeprefix(FORMER))


def lend() -> None:
    """Called while `hardware` is imported, which becomes minisnn.hardware."""
    warnings.warn(
        f"{FORMER} is now {NAME}; import it by that name, which the next version will know alone",
        FutureWarning,
        stacklevel=3,
    )
    sys.meta_path.insert(0, _Same())
    sys.modules[FORMER] = importlib.import_module(NAME)
