"""Every public function, class and method shows an example in its docstring, and each does what it
says.

An example begins after `import numpy as np` and `import minisnn as ms`, and runs in an empty
folder.
"""

import doctest
import importlib.util
import inspect
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minisnn as ms
from minisnn import gradcheck, nir, plots

# What the library calls by itself, and what somebody who writes a neuron, a rule or an executor
# gives it.
BEHIND = {
    "CubaLIF": {"backward", "forward"},
    "LIF": {"backward", "forward"},
    "Checkpoint": {"check_usable", "to_open"},
    "ClassMeans": {"once"},
    "Generated": {"episode", "sample_task", "samples"},
    "InnerLoop": {"batches", "memory", "update", "update_backward"},
    "MAML": {"check", "gradient", "loop"},
    "Network": {"own", "parameters", "readout_bias", "weights", "with_silent_readout"},
    "Omniglot": {"turned"},
    "Others": {"forget"},
    "Cluster": {"carry_out", "give_up"},
    "Workers": {"carry_out", "give_up"},
    "Recordings": {"among", "name_of"},
    "TrainingConfig": {"idle", "network", "recordings"},
    "Written": {"turned"},
    "Dynamics": {"at_work", "configuration", "jet", "readout", "ships", "silent_bias", "spike"},
}
NEEDS = {"Cluster": "distributed", **dict.fromkeys(nir.__all__, "nir")}  # extras of the examples


def own_methods(cls: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties of a class, of the first class of this library that has them:
    others go without saying."""
    ours = [one for one in reversed(cls.__mro__) if one.__module__.startswith("minisnn")]
    for name in [name for name in dir(cls) if not name.startswith("_")]:
        home = next((one for one in ours if name in vars(one)), object)
        found = vars(home).get(name)
        found = getattr(found, "__func__", found)  # of a class method
        if isinstance(found, (property, types.FunctionType)):
            yield f"{home.__qualname__}.{name}", found


def behind(name: str, cls: type) -> bool:
    """Whether a method is not for scripts, by the name of a class that it is of or that its class
    is made from."""
    return any(name in BEHIND.get(one.__name__, ()) for one in cls.__mro__)


def everything() -> dict[str, Any]:
    """What is public and for scripts, by name."""
    found = {}
    for name in ms.__all__:
        one = getattr(ms, name)
        if name != "__version__":
            found[name] = one
        if inspect.isclass(one):
            for method, function in own_methods(one):
                if not behind(method.split(".")[1], one) and inspect.getdoc(function):
                    found[method] = function
    for room in (gradcheck, plots, nir):
        of_room = {name: getattr(room, name) for name in room.__all__}
        found |= {
            f"{room.__name__}.{name}": one
            for name, one in of_room.items()
            if inspect.isfunction(one)
        }
    return {
        name: one
        for name, one in found.items()
        if one not in list(found.values())[: list(found).index(name)]
    }


EVERYTHING = everything()


def outcome(name: str, docstring: str) -> tuple[int, str]:
    """(number of examples in a docstring, what they print that it does not say)."""
    said: list[str] = []
    given = {"np": np, "ms": ms, "__name__": "examples"}
    test = doctest.DocTestParser().get_doctest(inspect.cleandoc(docstring), given, name, None, 0)
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.FAIL_FAST)
    runner.run(test, out=said.append)
    return len(test.examples), "".join(said)


@pytest.mark.parametrize("name", EVERYTHING)
def test_examples_print_what_they_say(name, tmp_path, monkeypatch):
    needs = NEEDS.get(name.split(".")[-1])
    if needs and importlib.util.find_spec(needs) is None:
        pytest.skip(f"{needs} is not installed")
    monkeypatch.chdir(tmp_path)
    found, said = outcome(name, inspect.getdoc(EVERYTHING[name]) or "")
    assert found or name in ("SHD", "SSC"), f"{name} shows no example"  # they need files
    assert not said, said
