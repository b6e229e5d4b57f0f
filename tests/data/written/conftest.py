"""Tests of written characters share a file of pen strokes."""

import pytest
import strokes


@pytest.fixture(scope="session")
def path(tmp_path_factory):
    return strokes.file(tmp_path_factory.mktemp("strokes") / "strokes.npz")
