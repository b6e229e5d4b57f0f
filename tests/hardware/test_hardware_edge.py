"""The C library for microcontrollers: bit for bit the Python chip in both builds, in known memory;
nothing breaks it."""

import platform
import shutil
from dataclasses import replace

import numpy as np
import pytest
from edge_library import (
    BUILDS,
    COMPILERS,
    EXACT,
    FULL,
    LABEL,
    PLAIN,
    STRICT,
    Library,
    compile_c,
    exporter,
    library,
    malformed,
    needs_compiler,
    printed,
)
from integers import small

from minisnn.hardware.c import export
from minisnn.hardware import Learner, learn
from slowly import slow

pytestmark = needs_compiler
exported = exporter(small, 18)


def refused(error, edge, *call):
    """The library's error of a call."""
    with pytest.raises(Library.Refused) as caught:
        edge(*call)
    assert caught.value.args == (error,)


def shut(found, chip, p, new=None):
    """Scores equal Python's membranes at the last step."""
    u = chip.membranes(p[None], *((new.weight, new.bias) if new else ()))[0, -1]
    np.testing.assert_array_equal(found[0], u)
    assert found[1] == u.argmax()


ODD = dict(channels=(9, 40), shape=(9, 13, 3))
CASES = {
    "odd sizes": (
        Learner("three-factor", "softmax", "floor", window=99, log2_weight=2, log2_bias=-1),
        dict(kernel=5, traces="nearest", membrane="zero", **ODD),
    ),
    "one wide layer": (
        replace(PLAIN, online=True),
        dict(channels=(70,), shape=(5, 17, 4), fraction=0, pool="mean"),
    ),
}


@pytest.mark.parametrize("build", EXACT)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.every(3)
def test_episodes_are_those_of_the_chip_bit_for_bit(tmp_path, name, build):
    learner, options = CASES[name]
    chip, x, y = exported(tmp_path, learner, **options)
    window = learner.window if learner.rule == "three-factor" else 1
    edge = Library(tmp_path, build, 18, 3, window)
    p = chip.traces(chip.spikes(x))
    for seed in (1, 77):
        edge.set_learner(replace(learner, seed=seed), chip.readout)
        for n, label in enumerate(y):
            edge.recording(x[n]) if n % 2 else edge.counts(x[n])
            if not learner.online:
                shut(edge.scores(3), chip, p[n])
            edge("learn", int(label))
        edge("update")
        new = learn(chip, replace(learner, seed=seed), p[:4], y)
        edge.holds(new)
        for n in range(4, 7):
            edge.counts(x[n])
            shut(edge.scores(3), chip, p[n], new)
        edge("forget")
    assert (new.weight != chip.weight).any()


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("room", [(18, 3, 1), (1, 3, 30)])
@pytest.mark.every(2)
def test_memory_is_known_to_the_header_to_python_and_to_the_library(tmp_path, build, room):
    steps, classes, window = room
    learner = replace(PLAIN, rule="three-factor", window=window) if window > 1 else PLAIN
    chip, *_ = exported(tmp_path, learner, **ODD)
    edge = Library(tmp_path, build, steps, classes, window)
    assert edge.words == edge.c.edge_words(edge.model, edge.room)
    sizes = export.memory(chip, learner, steps, classes).values()  # the smallest first
    assert 4 * edge.words == dict(zip(reversed(BUILDS), sizes))[build]


@pytest.mark.parametrize("build", EXACT)
def test_a_class_that_is_added_is_one_of_a_readout_with_a_column_of_zeros(tmp_path, build):
    chip, x, _ = exported(tmp_path)
    edge = Library(tmp_path, build, 18, 4)
    y = np.arange(4)
    p = chip.traces(chip.spikes(x))
    wide = chip.with_readout(np.pad(chip.weight, ((0, 0), (0, 1))), np.pad(chip.bias, (0, 1)))
    edge.counts(x[3])
    refused(LABEL, edge, "learn", 3)
    edge("add_class", None)
    refused(FULL, edge, "add_class", None)
    for n, label in enumerate(y):
        edge.counts(x[n])
        edge("learn", int(label))
    edge("update")
    new = learn(wide, PLAIN, p[:4], y)
    edge.holds(new)
    edge.counts(x[5])
    shut(edge.scores(4), wide, p[5], new)


@pytest.mark.parametrize("build", EXACT)
def test_what_was_learned_is_saved_and_goes_on_in_either_build(tmp_path, build):
    chip, x, y = exported(tmp_path)
    one = Library(tmp_path, build, 18, 5)
    other = Library(tmp_path, EXACT[build == "small"], 18, 4)
    one("add_class", None)
    for n, label in enumerate([0, 1, 2, 3]):
        one.counts(x[n])
        one("learn", label)
    one("update")
    saved = one.save()
    other.load(saved)
    np.testing.assert_array_equal(other.save(), saved)
    for edge in (one, other):  # the noise goes on where it was
        edge.counts(x[5])
        edge("learn", 3)
        edge("update")
    np.testing.assert_array_equal(other.save(), one.save())
    wrong = [(Library(tmp_path, build, 18, 3), saved), (other, saved[:-1])]  # too small, cut off
    for place in (0, 4, 8, 12, 16, 20, 24, 30, 50, len(saved) - 1):
        wrong.append((other, saved.copy()))
        wrong[-1][1][place] ^= 1
    for edge, damaged in wrong:
        with pytest.raises(Library.Refused):
            edge.load(damaged)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.every(3)
def test_c99_without_warnings_floats_stdio_or_heap(tmp_path, compiler, build):
    exported(tmp_path)
    flags = (*STRICT, "-O2", *BUILDS[build], "-r", "-nostdlib", *library(tmp_path), "-o", "edge.o")
    compile_c(tmp_path, *flags, compiler=compiler)
    if shutil.which("nm"):
        found = printed(tmp_path, "nm", "-u", "edge.o").split()
        known = "memset memcpy memmove memcmp stack_chk_fail GLOBAL_OFFSET_TABLE_".split()
        assert {name.lstrip("_") for name in found if len(name) > 1} <= {*known}
    if compiler == "gcc" and platform.machine() == "x86_64":  # refuses every floating-point number
        compile_c(tmp_path, *flags, "-mgeneral-regs-only", compiler=compiler)


@pytest.mark.parametrize(
    "build, tries", [("small", 300), *(slow((build, 5000)) for build in BUILDS)]
)
def test_malformed_networks_give_an_error_and_change_nothing(tmp_path, build, tries):
    """Half of them by each compiler: their sanitizers see different things."""
    exported(tmp_path)
    for seed, compiler in ((1, COMPILERS[0]), (2, COMPILERS[-1])):
        refused = malformed(tmp_path, build, tries, seed, compiler)
        assert min(refused) > tries / 40 and sum(refused) > 2 * tries
