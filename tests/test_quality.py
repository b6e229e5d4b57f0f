"""Types are right, the formatter has been run, and all papers know the version."""

import importlib.util
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import minisnn

ROOT = Path(__file__).resolve().parents[1]


def need(tool):
    if importlib.util.find_spec(tool) is None:
        pytest.skip(f'{tool} is not installed; pip install "minisnn[test]"')


def carried_out(*command):
    found = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    return found.returncode, found.stdout + found.stderr


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="not in a clone")
def test_types_are_right():
    need("mypy")
    code, said = carried_out("mypy", "--no-error-summary")
    assert code == 0, said


@pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="not in a clone")
def test_style_is_kept():
    need("ruff")
    tree = [
        name
        for name in ("minisnn", "hardware", "lessons", "data", "tests")
        if (ROOT / name).is_dir()
    ]
    code, said = carried_out("ruff", "check", "--quiet", "--output-format", "concise", *tree)
    assert code == 0, said
    code, said = carried_out("ruff", "format", "--check", "--quiet", "--diff", *tree)
    assert code == 0, said


def test_changelog_and_citation_know_the_version():
    version = minisnn.__version__
    citation = (ROOT / "CITATION.cff").read_text()
    assert (
        f"\nversion: {version}\n" in citation
        and f"version = {{{version}}}" in (ROOT / "lessons" / "guides" / "questions.md").read_text()
    )
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert f"\n## {version}" in changes
    for line in re.findall(r"^\|.*\|(.*)\|$", changes, re.M):  # where things went: it is there
        for name in re.findall(r"`((?:minisnn|hardware)(?:\.\w+)+)`", line):
            pkgutil.resolve_name(name)
