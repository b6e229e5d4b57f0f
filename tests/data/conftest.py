"""Tests of data work in a folder and with a cache of their own."""

import pytest


@pytest.fixture(autouse=True)
def apart(cached_here):
    pass
