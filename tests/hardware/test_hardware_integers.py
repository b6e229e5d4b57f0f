"""Integers at their limits: kernels, plain integers and C agree bit for bit on every network that
is accepted, and what cannot hold is refused by one sentence wherever it comes in."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from edge_library import COMPILERS, PLAIN, Library, in_node, needs_compiler, needs_node
from integer_fuzz import C, run
from integers import IntegerLayer, IntegerLIF, events, known, small, small_cuba

from minisnn.hardware.c import export
import plain_integers as reference
from minisnn.hardware import Learner, IntegerNet, Words, CubaNet
import plain_loihi as loihi_reference


# ---- random networks


@needs_compiler
def test_random_networks_are_equal_in_kernels_plain_integers_and_c_or_refused_by_all():
    found = run(0, 80, 40, COMPILERS[:1], [("-DEDGE_STEPWISE",)])
    assert found["lif: equal"] + found["cuba: equal"] > 50
    assert found["lif: refused"] and found["cuba: refused"]
    assert sum(n for name, n in found.items() if name.startswith("C,")) == 72


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_twenty_thousand_random_networks(part):
    run(1000 * (100 + part), 1000, 120, COMPILERS)


# ---- wild values through the public API


@pytest.mark.parametrize("kind", ["lif", "cuba"])
def test_wild_weights_are_held_exactly_or_refused(kind):
    one_of, make, infer = {
        "lif": (small, IntegerNet, reference.infer),
        "cuba": (small_cuba, CubaNet, loihi_reference.infer),
    }[kind]
    net, theta, _ = one_of(channels=(2,), shape=(4, 4, 2))
    x, held = events(net, 1, 6, rate=0.4), 0
    warnings.simplefilter("error")
    for scale in (1e5, 1e-7, 1e12, 1e30, 1e-30, 1e-42, 0.0, np.nan):
        for part in net.layout:
            one = theta.copy()
            one[part.slice.start] *= scale
            try:
                chip = make(net, one)
            except ValueError:
                continue
            held += 1
            spikes, u = chip.spikes(x, record=1)
            s, v, _, clipped = infer(chip, x[0].tolist())
            assert spikes[0].tolist() == s and u[0][0].tolist() == v[0]
            assert chip.saturations["conv1.u"] == clipped["conv1.u"] and np.isfinite(scale)
    assert held >= 12


# ---- saturations


@needs_compiler
def test_gradients_saturate_at_their_word_in_c_as_here_and_counts_stay_at_theirs(tmp_path):
    """Every step adds -121 x 4096: the 4,333rd is clipped, in each of the three that count."""
    steps, layer = 4340, dict(input_shape=(1, 1, 1), pool="none", bits=8)
    nothing = np.zeros((1, 1, 1, 1), np.int8), np.zeros(1, np.int32)
    conv = IntegerLayer("conv1", *nothing, -8, fraction=12, **layer)
    last = replace(conv, name="readout", exponent=-3)
    chip = known(IntegerNet, [conv, last], IntegerLIF(0, 0, 0, 0, 0), Words())
    how = Learner("three-factor", "target", "floor", log2_weight=3, log2_bias=0, window=steps)
    x = np.zeros((1, steps, 1, 1, 1), np.uint8)
    export.write(tmp_path, chip, how, x[:, :2], np.array([0]), x[:, :2])
    p = chip.traces(chip.spikes(x))
    new = chip.learn(how, p, [0])
    assert new.gradient_saturated == 2 * steps - 2 * 4332 - 2  # p begins two steps late
    expected = reference.learn(chip, how, p.tolist(), [0])[2]
    assert expected["gradient_saturated"] == new.gradient_saturated
    edge = Library(tmp_path, "stepwise", 1, 1, steps)
    edge.set_learner(how, chip.readout)
    edge.counts(x[0])
    edge("learn", 0)
    assert edge.saturations()["gradient_saturated"] == new.gradient_saturated
    edge("update")
    edge.holds(new)


# ---- JavaScript


@needs_node
def test_counts_and_labels_of_the_page_do_not_wrap(tmp_path):
    _, _, chip = small(readout_exponent=-3)
    (tmp_path / "model.bin").write_bytes(export.packed(chip, PLAIN))
    script = """
import { readFileSync } from "node:fs";
const { Camera } = await import(PAGE + "/camera.mjs"), { Edge } = await import(EDGE + "/minisnn_edge.mjs");
const camera = new Camera({ scale: 1 }), found = [];
for (const n of [1, 255, 256, 300]) found.push(camera.counts(Array(n).fill({ t: 5, x: 0, y: 0, p: 1 }), 1, 1, 1)[1]);
const [wasm, model] = process.argv.slice(2).map((name) => readFileSync(name));
const net = await Edge.create(wasm, model, { steps: 5 }), cells = net.cells, again = (n) => {
  net.start();
  net.step(Array(cells).fill(n));
  net.step(Array(cells).fill(0));
  net.step(Array(cells).fill(0));
  return Array.from(net.scores());
};
found.push(again(255), again(256), again(7));
const labels = [2 ** 32, 0.5, NaN, -1, "0"].map((label) => () => net.learn(label));
const rooms = [{ steps: 2 ** 32 + 5 }, { classes: 1e9 }].map((room) => () => Edge.create(wasm, model, room));
for (const wrong of [...labels, () => net.step([1]), ...rooms])
  try { await wrong(); found.push("taken"); } catch (error) { found.push(error.message.split(" ")[0]); }
net.learn(0);
console.log(JSON.stringify(found));
"""
    found = in_node(tmp_path, script, C / "minisnn_edge.wasm", tmp_path / "model.bin")
    *seen, one, two, three = found[:7]
    assert seen == [1, 255, 255, 255] and one == two == three
    assert found[7:] == ["id"] * 5 + ["a", "steps", "classes"]
