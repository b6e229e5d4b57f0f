"""The examples in docstrings do what they say.

An example begins after `import numpy as np` and `import minisnn as ms`, and runs in an empty
folder.
"""

import doctest
import inspect

import numpy as np
import pytest

import minisnn as ms

NEEDS = {"Cluster": "distributed", "nir": "nir"}  # extras, by a part of the name


def found():
    """The docstrings of all that is public, and of the classes that it is made from."""
    finder = doctest.DocTestFinder()
    rooms = (ms.gradcheck, ms.nir, ms.plots)
    public = {getattr(ms, name) for name in ms.__all__ if name != "__version__"}
    classes = {one for kind in filter(inspect.isclass, public) for one in kind.__mro__}
    for one in {*rooms, *public, *classes}:
        if getattr(one, "__module__", "minisnn").startswith("minisnn"):
            yield from finder.find(one, globs={"np": np, "ms": ms})
    for room in rooms:
        for name in room.__all__:
            full = f"{room.__name__}.{name}"
            yield from finder.find(getattr(room, name), full, globs={"np": np, "ms": ms})


EXAMPLES = {test.name: test for test in sorted(found()) if test.examples}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_print_what_they_say(name, here):
    for part in NEEDS.keys() & set(name.split(".")):
        pytest.importorskip(NEEDS[part])
    printed: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.FAIL_FAST).run(EXAMPLES[name], out=printed.append)
    assert not printed, "".join(printed)


def test_what_scripts_call_shows_an_example():
    shown = {part for name in EXAMPLES for part in name.split(".")}
    assert {"SpikingNet", "meta_gradient", "adapt", "train", "evaluate", "check"} <= shown
    assert len(EXAMPLES) > 100
