"""Commands are imported when they are called: what a line does not need it does not load, and what
it is told is the same."""

import argparse
import contextlib
import io
import random
import subprocess
import sys
from pathlib import Path

import pytest

from minisnn import cli

ROOT = Path(__file__).resolve().parents[2]
WORDS = (*cli.COMMANDS, "--help", "--version", "-h", "-x", "--", "-", "-1", "", "--seed", "--seed=")
WORDS += ("--seed=--", "3", "tain", "--out", "export", "--episodes", "-a b", "--quiet", "2")


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
    assert ours == {
        *("minisnn.cli", "minisnn.stopping", "minisnn.terminal", "minisnn.experiments"),
        *("minisnn.commands", "minisnn.commands.layout"),
    }
    assert not found & {"lazy_loader", "pathlib", "json", "dataclasses", "inspect"}


@pytest.mark.parametrize("name", ["fetch", "table", "lessons"])
def test_a_command_needs_no_other(name):
    found = loaded([name, "--help"])
    others = {f"minisnn.commands.{one}" for one in cli.COMMANDS if one != name}
    assert f"minisnn.commands.{name}" in found
    assert not found & {*others, "minisnn.hardware", "numpy", "lazy_loader"}


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


def commands_of(top: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (found,) = [one for one in top._actions if isinstance(one, argparse._SubParsersAction)]
    return dict(found.choices)


def test_the_parser_of_a_line_helps_as_the_whole_one():
    whole = cli.parser()
    assert set(commands_of(whole)) == set(cli.COMMANDS)
    for name in cli.COMMANDS:
        top = cli.parser(["--version", name, "--help"])
        assert top.format_help() == whole.format_help()
        assert commands_of(top)[name].format_help() == commands_of(whole)[name].format_help()


def told(line: list[str], top: argparse.ArgumentParser) -> tuple:
    """What a parser makes of a line: the options, or what it prints and exits with."""
    with contextlib.redirect_stderr(io.StringIO()) as err:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            try:
                found = vars(cli.parsed(line, top))
            except SystemExit as error:
                return error.code, out.getvalue(), err.getvalue()
    return tuple(sorted((name, repr(one)) for name, one in found.items()))


def test_the_parser_of_a_line_says_what_the_whole_one_says():
    whole = cli.parser()
    rng = random.Random(0)
    known = set()
    for _ in range(300):
        line = rng.choices(WORDS, k=rng.randint(0, 4))
        if rng.random() < 0.5:
            line.insert(rng.randint(0, 1), rng.choice(list(cli.COMMANDS)))
        found = told(line, cli.parser(line))
        assert found == told(line, whole), line
        known.add(found)
    assert len(known) > 50
