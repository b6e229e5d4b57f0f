"""Commands are imported when they are called: what a line does not need it does not load."""

import subprocess
import sys
from pathlib import Path

import pytest

from minisnn import cli

ROOT = Path(__file__).resolve().parents[2]


def loaded(*lines: list[str]) -> set[str]:
    """What is loaded after these command lines, in one process."""
    code = "import sys, contextlib, os\nfrom minisnn import cli\n"
    code += "with contextlib.redirect_stdout(open(os.devnull, 'w')):\n"
    for line in lines:
        code += f" with contextlib.suppress(SystemExit): cli.main({line!r})\n"
    code += "print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_version_and_the_list_of_commands_need_no_command():
    found = loaded(["--version"], ["--help"], [])
    ours = {name for name in found if name.startswith("minisnn.")}
    assert ours == {"minisnn.cli", "minisnn.stopping", "minisnn.terminal"}
    assert not found & {"lazy_loader", "pathlib", "json", "dataclasses", "inspect"}


@pytest.mark.parametrize("name", ["fetch", "table", "lessons"])
def test_a_command_needs_no_other(name):
    found = loaded([name, "--help"])
    own = f"minisnn.commands.{cli.COMMANDS[name][0]}"
    others = {f"minisnn.commands.{module}" for module, _ in cli.COMMANDS.values()}
    assert own in found and not found & (others - {own})
    assert not found & {"minisnn.hardware", "numpy", "lazy_loader"}


def test_a_module_of_the_packages_own_is_imported_without_reading_the_stub():
    """`from . import stopping` asks the package for the name first."""
    code = (
        "import sys; from minisnn import stopping, terminal, files, outputs, classroom, cli\n"
        "import minisnn; print('lazy_loader' in sys.modules, hasattr(minisnn, 'nothing'), "
        "'lazy_loader' in sys.modules, hasattr(minisnn, 'data'), hasattr(minisnn, 'files'))"
    )
    done = [sys.executable, "-c", code]
    said = subprocess.run(done, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", "False", "True", "True", "True"]
