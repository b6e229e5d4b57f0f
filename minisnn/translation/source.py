"""All that is written again for one neuron: the functions, the constants that they share, and the
names that were followed."""

from collections.abc import Callable
from types import FunctionType
from typing import Any

from .made import Untranslatable, number_kernel
from .writer import Writer

ZERO, ONE, THRESHOLD = 0, 1, 2  # their places in k


@number_kernel
def spike(k, u):
    """1 where the membrane reaches the threshold, else 0."""
    return k[ONE] if u >= k[THRESHOLD] else k[ZERO]


class Translation:
    """Functions written again, and the constants that they share."""

    def __init__(self, replaced: dict[Any, Any]):
        self.replaced = replaced  # functions that the kernels have another one for
        self.spike = spike
        self.constants: list[Callable[[Any, Any], Any]] = []  # each of (neuron, surrogate)
        self.places: list[str] = []  # where each of them was first read
        self.links: list[tuple[Any, str, Any]] = []  # (class or globals, a name, what it stood for)
        self._known: dict[str, int] = {}
        self._functions: dict[Any, Any] = {}
        self.reads: set[tuple[str, str]] = set()  # (at or dot, what is read of it)

    def number(self, value: float) -> int:
        """The place of a plain number among the constants."""
        return self.constant(f"number {value!r}", lambda neuron, surrogate: value, "a literal")

    def constant(self, key: str, evaluate: Callable[[Any, Any], Any], where: str) -> int:
        """The place of a constant in k."""
        if key not in self._known:
            self._known[key] = len(self.constants)
            self.constants.append(evaluate)
            self.places.append(where)
        return self._known[key]

    def holds(self) -> bool:
        """Whether every name that was followed still stands for what it stood for."""
        return all(_stands_for(home, name) is value for home, name, value in self.links)

    def follow(self, home: Any, name: str) -> Any:
        """What a name of a class or of globals stands for."""
        value = _stands_for(home, name)
        self.links.append((home, name, value))
        return value

    def method(self, owner: str, kind: type, name: str, **how: Any) -> Any:
        """A kernel of numbers from a method of the `owner`, "neuron" or "surrogate", of that
        class."""
        return self.function(self.follow(kind, name), owner, kind, **how)

    def function(
        self,
        function: Any,
        owner: str = "",
        kind: type | None = None,
        roles: tuple[str, ...] = (),
        states: int = 0,
        make: Callable[[FunctionType], Any] = number_kernel,
    ) -> Any:
        """A kernel of numbers from a method, or from a function without an owner; `roles` are what
        its arguments are, by their place: z is a tuple of so many states, spike is the function
        `spike`. `make` compiles it and those that it calls."""
        key = function, owner, make
        if key in self._functions:
            found = self._functions[key]
            if found is None:
                raise Untranslatable(f"{function.__qualname__} calls itself")
            return found
        self._functions[key] = None
        found = make(Writer(self, function, owner, kind, roles, states, make).written())
        self._functions[key] = found
        return found


def _stands_for(home: Any, name: str) -> Any:
    """What a name of a class, or of a dictionary of globals, stands for now."""
    return home.get(name) if isinstance(home, dict) else getattr(home, name, None)
