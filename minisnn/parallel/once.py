"""Properties that are computed once, without a lock."""

from collections.abc import Callable
from typing import Any


class once:
    """A property that is computed on first access, and kept.

    Like `functools.cached_property`, but without the lock for all instances that it has in Python
    3.11: a process forked while another thread computes would wait for it for ever.
    """

    def __init__(self, function: Callable[[Any], Any]):
        self.function = function
        self.__doc__ = function.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        value = instance.__dict__[self.function.__name__] = self.function(instance)
        return value
