"""The C library with CubaLIF in Loihi's words: bit for bit `CubaNet`, noise of the traces
included."""

import subprocess
from dataclasses import replace

import numpy as np
import pytest
from edge_library import (
    BUILDS,
    COMPILERS,
    EXACT,
    PLAIN,
    Library,
    at,
    compile_c,
    exporter,
    library,
    malformed,
)
from integers import small_cuba

from minisnn.hardware.c import export
from minisnn.hardware.chip.learner import Learner, learn

pytestmark = pytest.mark.skipif(
    not COMPILERS, reason="no C compiler (cc, gcc or clang) is on the path"
)
STEPS = 21  # more than the sixteen in which biases repeat themselves
exported = exporter(small_cuba, STEPS)


def agree(edge, chip, p, new=None):
    """Scores equal Python's membranes at the last step."""
    u = chip.membranes(p[None], *((new.weight, new.bias) if new else ()))[0, -1]
    found = edge.scores(chip.ways)
    np.testing.assert_array_equal(found[0], u)
    assert found[1] == u.argmax()


CASES = {
    "three-factor, mean, all steps": (
        Learner(
            "three-factor",
            "softmax",
            "stochastic",
            online=True,
            window=99,
            log2_weight=2,
            log2_bias=-1,
        ),
        {"pool": "mean", "channels": (9, 40), "shape": (9, 13, 3), "kernel": 5, "trace_bits": 12},
    ),
}


@pytest.mark.parametrize("build", EXACT)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.every(3)
def test_episodes_are_those_of_the_chip_bit_for_bit(tmp_path, name, build):
    learner, options = CASES[name]
    chip, x, y = exported(tmp_path, learner, **options)
    edge = Library(
        tmp_path, build, STEPS, 3, learner.window if learner.rule == "three-factor" else 1
    )
    spikes = chip.spikes(x)
    assert 0.01 < spikes.mean() < 2
    for seed in (1, 77):
        now = replace(learner, seed=seed)
        edge.set_learner(now, chip.readout)
        p = chip.traces(spikes, seed=seed)
        for n, label in enumerate(y):
            edge.recording(x[n]) if n % 2 else edge.counts(x[n])
            # not asked: the numbers of its traces are gone all the same
            if not learner.online and n != 2:
                agree(edge, chip, p[n])
            edge("learn", int(label))
        edge("update")
        new = learn(chip, now, p[:4], y)
        for one, other in zip(edge.readout(len(new.weight), 3), (new.weight, new.bias)):
            np.testing.assert_array_equal(one, other)
        for n in range(4, 7):
            edge.counts(x[n])
            if n != 5:
                agree(edge, chip, p[n], new)
        edge("forget")
    assert (new.weight != chip.weight).any() and (p != chip.traces(spikes, seed=1)).any()


def test_currents_wrap_and_membranes_are_clipped_as_on_the_chip(tmp_path):
    """Six steps that push all membranes to one end, then the rest to the other: OFF has the largest
    weight, ON the least."""
    net, _, chip = small_cuba(
        threshold=0.0,
        weight_exp=3,
        du=20,
        dv=20,
        readout_exponent=-3,
        channels=(4,),
        shape=(4, 4, 2),
    )
    weight = np.broadcast_to(
        np.array([127, -128], np.int8)[:, None], chip.layers[0].weight.shape
    ).copy()
    chip = chip.with_layers([replace(chip.layers[0], weight=weight), chip.readout])
    x = np.zeros((2, STEPS, 4, 4, 2), np.uint8)
    x[0, :6, ..., 1], x[0, 6:, ..., 0], x[1, ..., 0] = 1, 7, 7
    spikes, volts = chip.spikes(x, record=2)
    # silent again and again, whatever comes
    assert volts[0].min() == 1 - (1 << 23) and 0 < spikes[1].mean() < 1
    export.write(tmp_path, chip, PLAIN, x[:1], np.array([0]), x[1:])
    edge, p = Library(tmp_path, "stepwise", STEPS, 3), chip.traces(spikes)
    u = chip.membranes(p)
    for b in range(2):
        edge("start")
        for t in range(STEPS):
            edge("step_counts", at(np.ascontiguousarray(x[b, t])))
            np.testing.assert_array_equal(edge.scores(3)[0], u[b, t])


@pytest.mark.parametrize("build", EXACT)
def test_the_self_test_repeats_the_episode(tmp_path, build):
    exported(tmp_path, Learner("class-mean", log2_weight=3, log2_bias=0), pool="mean")
    built = compile_c(
        tmp_path,
        "-O1",
        *BUILDS[build],
        "-o",
        "selftest",
        "selftest.c",
        "episode.c",
        *library(tmp_path),
    )
    assert built.returncode == 0, built.stderr
    ran = subprocess.run(
        ["./selftest", "selftest.bin"], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 0 and "numbers agree" in ran.stdout, ran.stdout


@pytest.mark.parametrize(
    "build, tries",
    [
        *((b, 1000) for b in EXACT),
        *(pytest.param(b, 10_000, marks=pytest.mark.slow) for b in EXACT),
    ],
)
def test_malformed_networks_give_an_error_and_change_nothing(tmp_path, build, tries):
    exported(tmp_path, pool="mean" if tries > 1000 else "max")
    for compiler in COMPILERS if tries > 1000 else COMPILERS[-1:]:
        assert min(malformed(tmp_path, build, tries, 3, compiler)) > tries / 40
