"""Tests of data work in a folder and with a cache of their own."""

import pytest


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("MINISNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
