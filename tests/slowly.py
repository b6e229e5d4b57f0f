"""Cases of which a few run by default, and all the others with `pytest -m slow`."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def after(count: int, values: Iterable[Any]) -> list[Any]:
    """The values for `parametrize`; all after the first `count` are slow."""
    return [one if number < count else slow(one) for number, one in enumerate(values)]


def all_but(kept: Collection[Any], values: Iterable[Any]) -> list[Any]:
    """The values for `parametrize`; those that are not among `kept` are slow."""
    return [one if one in kept else slow(one) for one in values]


def slow(one: Any) -> Any:
    """A value of `parametrize`, a tuple of several or a `pytest.param`, that is slow."""
    if hasattr(one, "marks"):
        return pytest.param(*one.values, marks=[*one.marks, pytest.mark.slow], id=one.id)
    return pytest.param(*(one if isinstance(one, tuple) else (one,)), marks=pytest.mark.slow)
