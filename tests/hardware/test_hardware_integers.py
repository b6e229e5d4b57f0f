"""Integers at their limits: kernels, plain integers and C agree bit for bit on every network that
is accepted, and what cannot hold is refused by one sentence wherever it comes in."""

import json
import re
import shutil
import subprocess
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from edge_library import COMPILERS, PLAIN, Library
from integer_fuzz import run, said
from integers import events, known, readout_alone, small, small_cuba

import minisnn as ms
from minisnn.hardware.c import episode, export
import exported
from minisnn.hardware.chip import kernels, quantise, ranges
import plain_integers as reference
from minisnn.hardware.chip.feedback import Feedback, learn_all
from minisnn.hardware.chip.formats import Saturated, shift
from minisnn.hardware.chip.learner import CLASS_MEAN, Learner
from minisnn.hardware.chip.network import IntegerNet
from minisnn.hardware.chip.words import Words
from minisnn.hardware.chip.neuron import IntegerLIF
from minisnn.hardware.loihi import neuron as loihi
import plain_loihi as loihi_reference
from minisnn.hardware.loihi.cuba import CubaNet
from minisnn.hardware.page import make

needs_compiler = pytest.mark.skipif(
    not COMPILERS, reason="no C compiler (cc, gcc or clang) is on the path"
)
needs_node = pytest.mark.skipif(not shutil.which("node"), reason="no node; Debian package: nodejs")
C = Path(export.__file__).parent


# ---- random networks


@needs_compiler
def test_random_networks_are_equal_in_kernels_plain_integers_and_c_or_refused_by_all():
    found = run(0, 80, 40, COMPILERS[:1], [("-DEDGE_STEPWISE",)])
    assert sum(n for name, n in found.items() if re.match(r"(lif|cuba): equal", name)) > 50
    assert all(found[f"{kind}: refused"] for kind in ("lif", "cuba"))
    assert sum(n for name, n in found.items() if name.startswith("C,")) == 72


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_twenty_thousand_random_networks(part):
    run(1000 * (100 + part), 1000, 120, COMPILERS)


# ---- shifts


EDGES = sorted(
    {sign * (1 << b) + d for b in range(31) for sign in (1, -1) for d in (-1, 0, 1)}
    | {2**31 - 1, 1 - 2**31}
)


@pytest.mark.parametrize("mode", range(3))
def test_every_shift_of_every_sum_is_that_of_integers_of_any_size(mode):
    """Before the reset and after it, of either sign."""
    x = np.array(EDGES, np.int32)
    zero = np.zeros_like(x)
    for k in range(-ranges.SHIFT, ranges.SHIFT + 1):
        for rho, r in ((0, 0), (32767, 4096), (-32768, 4096)):
            c = kernels.Constants(
                *map(np.int32, (0, 0, 0, rho, 0, 0, 0, *kernels.scale(k, mode), 0, 0))
            )
            u = zero.copy()
            clipped = kernels.neuron_row(
                zero, x.copy(), zero.copy(), np.full_like(x, r), zero, u, c
            )
            wide = [shift.py_func(v, k, mode, 0) - (rho * r >> 12) for v in EDGES]
            assert u.tolist() == [min(max(v, -32768), 32767) for v in wide]
            assert clipped == sum(not -32768 <= v <= 32767 for v in wide)


def test_the_accumulator_is_shifted_as_integers_of_any_size_are():
    chip = readout_alone(1, 1, exponent=2 + ranges.SHIFT)
    for k in (-31, -17, 0, 1, 31):
        layer = replace(chip.readout, exponent=2 - k)
        for bias in (-chip.bias_room, -1, 0, 1, chip.bias_room):
            net = known(
                IntegerNet,
                [replace(layer, bias=np.array([bias], np.int32))],
                chip.neuron,
                chip.words,
            )
            p = np.full((1, 2, 1), 4096, np.int32)
            assert (
                net.membranes(p)[0].tolist()
                == reference.readout(net.neuron, net.words, 2 - k, [[0]], [bias], p[0].tolist())[0]
            )


# ---- what is refused


def test_what_cannot_hold_is_refused_by_the_same_sentence_wherever_it_comes_in(tmp_path):
    net, theta, chip = small(readout_exponent=-3)
    first, *rest = chip.layers
    x = np.zeros((1, 3, *chip.input_shape), np.uint8)
    for changes, words in (
        (
            dict(exponent=34),
            "conv1: weights have an exponent of 34; with 12 fraction bits it is -29 to 33",
        ),
        (
            dict(exponent=-30),
            "conv1: weights have an exponent of -30; with 12 fraction bits it is -29 to 33",
        ),
        (dict(exponent=0.5), "conv1: exponent must be -65536 to 65536, a whole number, not 0.5"),
        (
            dict(bias=np.array([2**31 - 1, 0, 0], np.int32)),
            "conv1: a bias of 2147483647 in size; its sums leave room for ",
        ),
        (
            dict(weight=np.full(first.weight.shape, 128, np.int16)),
            "conv1: weights from 128 to 128; 8 bits hold -128 to 127",
        ),
        (
            dict(bits=4),
            "conv1: its weights have 4 bits and its sums 12 fraction bits, expected the network's "
            "8 and 12",
        ),
        (dict(pool="min"), "conv1: pool must be one of none, max, mean, not 'min'"),
        (
            dict(input_shape=(6, 7, 3)),
            "conv1: weights (3, 3, 2, 3) and biases (3,) do not fit its input (6, 7, 3)",
        ),
    ):
        layers = [replace(first, **changes), *rest]
        found = said(lambda: known(IntegerNet, layers, chip.neuron, chip.words))  # noqa: B023
        assert found.startswith(words)
        bare = chip.counted_alone()
        bare.layers = tuple(layers)
        for call in (
            lambda: reference.infer(bare, x[0].tolist()),  # noqa: B023
            lambda: export.header(bare, PLAIN, 3),  # noqa: B023
            lambda: export.packed(bare, PLAIN),  # noqa: B023
            lambda: export.write(tmp_path / "out", bare, PLAIN, x, np.array([0]), x),  # noqa: B023
            lambda: chip.with_layers(layers),  # noqa: B023
            lambda: make.page(bare),  # noqa: B023
        ):
            assert said(call) == found
    for exponent in (34, -30):
        found = said(lambda: IntegerNet(net, theta, exponents={"conv1": exponent}))  # noqa: B023
        assert (
            found
            == f"conv1: weights have an exponent of {exponent}; with 12 fraction bits it is -29 "
            "to 33"
        )
    assert (
        said(lambda: IntegerNet(net, theta, exponents={"conv9": 1}))
        == "exponents are of conv1, conv2, readout, not of conv9"
    )
    for name, value in (
        ("alpha", 4096),
        ("gamma", -1),
        ("rho", 32768),
        ("threshold", -32769),
        ("slope", -1),
    ):
        neuron = chip.neuron._replace(**{name: value})
        found = said(lambda: known(IntegerNet, chip.layers, neuron, chip.words))  # noqa: B023
        assert found.startswith(f"{name} must be ") and found.endswith(
            f"a whole number, not {value}"
        )


def test_what_is_given_to_a_readout_is_looked_at():
    _, _, chip = small()
    p = np.zeros((2, 3, len(chip.weight)), np.int32)
    y, ones, how = np.array([0, 2]), np.ones_like(chip.weight), Learner(log2_weight=1, log2_bias=-2)
    for call, words in (
        (
            lambda: chip.with_readout(300 * ones, chip.bias),
            "readout: weights from 300 to 300; 8 bits hold -128 to 127",
        ),
        (
            lambda: chip.with_readout(ones, 0 * chip.bias + 2**40),
            "readout: a bias of 1099511627776 in size",
        ),
        (
            lambda: chip.with_readout(0.5 * ones, chip.bias),
            "readout: weights and biases must be integers",
        ),
        (lambda: chip.membranes(p, 300 * ones), "readout: weights from 300 to 300"),
        (lambda: chip.membranes(p + 4097), "traces are 0 to 4096, found 4097 to 4097"),
        (lambda: chip.membranes(p - 1), "traces are 0 to 4096, found -1 to -1"),
        (lambda: chip.membranes(p[..., 1:]), "traces must be integers (B, T, "),
        (lambda: chip.learn(how, p, [0, 3]), "labels are 0 to 2, found 0 to 3"),
        (lambda: chip.learn(how, p, [-1, 0]), "labels are 0 to 2, found -1 to 0"),
        (
            lambda: chip.learn(how, p, [0.0, 1.0]),
            "labels must be one integer for each of 2 samples, not float64 (2,)",
        ),
        (lambda: chip.learn(how, p, [0]), "labels must be one integer for each of 2 samples"),
        (
            lambda: chip.learn(how, p[:, :0], y),
            "samples to learn from have one step at least, found none",
        ),
        (lambda: Learner(window=65_536), "window must be 1 to 65535"),
        (
            lambda: chip(np.zeros((2, 0, 6, 7, 2), np.uint8)),
            "x must be integer counts of shape (B, T, 6, 7, 2), T at least 1",
        ),
        (
            lambda: chip.traces(np.full((1, 2, 3), 0.5)),
            "spikes must be integers of 0 to 7, not float64",
        ),
        (lambda: chip.traces(np.full((1, 2, 3), 1 << 30)), "spikes must be integers of 0 to 7"),
    ):
        assert said(call).startswith(words)
    for rule in ("membrane", "three-factor", CLASS_MEAN):
        assert (
            said(lambda: chip.learn(replace(how, rule=rule), p, [0, 7]))
            == "labels are 0 to 2, found 0 to 7"
        )  # noqa: B023


def test_events_that_a_self_test_cannot_name_are_refused():
    assert len(episode.events(np.full((1, 16, 16, 255), 1, np.uint8))[0]) == 65_280
    for x in (np.full((1, 16, 16, 256), 1, np.uint8), np.zeros((1, 1, 1, 257), np.uint8)):
        with pytest.raises(
            ValueError,
            match="events name 256 rows, columns and channels, and are 65,535 a step at most",
        ):
            episode.events(x)


def test_random_feedback_has_no_membranes_of_loihi():
    _, _, chip = small_cuba()
    with pytest.raises(ValueError, match="a CubaNet has Loihi's neurons"):
        learn_all(chip, PLAIN, Feedback(), np.zeros((1, 2, *chip.input_shape), np.uint8), [0])


@pytest.mark.parametrize("make, net", [(small, IntegerNet), (small_cuba, CubaNet)])
def test_a_header_that_was_changed_is_refused_and_names_the_file(tmp_path, make, net):
    float_net, _, chip = make(readout_exponent=-3)
    x = events(float_net, 2, 5)
    export.write(tmp_path, chip, PLAIN, x[:1], np.array([0]), x[1:])
    path = tmp_path / "chip.h"
    text = path.read_text()
    exported.from_header(path, net)
    constants = (
        "alpha beta slope fraction weight_bits readout_bits readout_exponent traces_rounding "
        "layers ways"
    ).split()
    changes = [
        (rf"(#define CHIP_{name.upper()}) -?\d+", rf"\1 {value}")
        for name in constants
        for value in (-99, 99999)
    ]
    changes += [
        (r"(readout_weight\[\d+\] = \{\s+)-?\d+", rf"\g<1>{value}") for value in (300, 2**70)
    ]
    changes += [
        (r"(conv1_bias\[\d+\] = \{\s+)-?\d+", rf"\g<1>{value}")
        for value in (2**31 - 1, 2**31, -(2**40))
    ]
    changes += [
        (r"(conv1_bias\[\d+\] = \{\s+)-?\d+, ", r"\1"),
        (r"(readout_weight\[\d+\] = \{\s+)-?\d+, ", r"\1"),
    ]
    changes += [
        (r"    \{6, 7, 2, 3, 3, (\d), -?\d+", rf"    {{6, 7, 2, 3, 3, \1, {value}")
        for value in (-99, 99)
    ]
    changes += [
        (r"    \{6, 7, 2, 3, 3, \d", r"    {6, 7, 2, 3, 3, 7"),
        (r"    \{6, 7, 2", r"    {6, 9, 2"),
        ("conv1_bias", "other"),
    ]
    for pattern, new in changes:
        changed, number = re.subn(pattern, new, text)
        assert number, pattern
        path.write_text(changed)
        if net is CubaNet and "FRACTION" in pattern:
            continue  # not read: CubaNet has its own
        found = said(lambda: exported.from_header(path, net))
        assert found.startswith(str(path)), (pattern, new, found)
    path.write_text(text)
    (tmp_path / "conv1.weight.hex").write_text("-1\n" * chip.layers[0].weight.size)
    assert "more than 8 bits" in said(lambda: exported.from_hex(tmp_path, net))


# ---- wild values through the public API


WILD = (1e5, 1e-7, 1e12, 1e30, 1e-30, 1e-42, 0.0)


def wild(net, theta) -> list[np.ndarray]:
    """theta with all weights, or one of them, or the biases, scaled."""
    found = []
    for scale in WILD:
        everywhere, one, biases = theta.copy(), theta.copy(), theta.copy()
        for weight, bias in zip(net.layout[::2], net.layout[1::2]):
            everywhere[weight.slice] *= scale
            one[weight.slice.start] = scale
            biases[bias.slice] *= scale
        found += [everywhere, one, biases]
    return found


@pytest.mark.parametrize("kind", ["lif", "cuba"])
def test_wild_weights_are_held_exactly_or_refused_in_words(kind):
    net, theta, _ = (small_cuba if kind == "cuba" else small)(channels=(2,), shape=(4, 4, 2))
    make = {"lif": IntegerNet, "cuba": CubaNet}[kind]
    infer = reference.infer if kind == "lif" else loihi_reference.infer
    x, held = events(net, 1, 6, rate=0.4), 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for one in wild(net, theta):
            try:
                chip = make(net, one)
            except ValueError as error:
                assert re.match(
                    r"(conv1|readout): (weights have an exponent of|threshold .* and largest bias)",
                    str(error),
                ), error
                continue
            held += 1
            spikes, u = chip.spikes(x, record=1)
            s, v, _, clipped = infer(chip, x[0].tolist())
            assert (
                spikes[0].tolist() == s
                and u[0][0].tolist() == v[0]
                and chip.saturations["conv1.u"] == clipped["conv1.u"]
            )
        assert held >= 12
        for bad in (np.nan, np.inf, -np.inf):
            for part in net.layout:
                one = theta.copy()
                one[part.slice.start] = bad
                with pytest.raises(
                    ValueError,
                    match=f"(conv1|readout): (weights|biases) must be finite, found {bad}",
                ):
                    make(net, one)


def test_small_weights_leave_the_biases_what_they_are():
    """Of weights that cannot be told from zero a membrane is what the bias makes it, to the last
    place; and 1e5 saturates."""
    net, theta, _ = small(channels=(2,), shape=(4, 4, 2))
    views = net.views(theta)
    views["conv1.weight"][...] *= 1e-7
    views["conv1.bias"][...] = (0.3, -0.2)
    still = ms.LIF(rho=0.0)
    quiet = ms.SpikingNet.from_configuration(net.configuration(), neuron=still)
    chip = IntegerNet(quiet, theta)
    x = np.minimum(events(net, 1, 6), 7)
    u = chip.spikes(x, record=1)[1][0] / 1024
    assert np.abs(u - (0.3, -0.2)).max() < 2**-9 and chip.layers[0].saturated == 0
    views["conv1.weight"][...] *= 1e12
    chip = IntegerNet(net, theta)
    assert chip.spikes(x).size and chip.saturations["conv1.u"] > 0


def test_step_sizes_beyond_the_readouts_words_are_refused():
    net, theta, _ = small(channels=(2,), shape=(4, 4, 2))
    for step in (2.0**k for k in range(-60, 61, 5)):
        try:
            chip = IntegerNet.of(ms.Checkpoint(net, theta, ms.InnerLoop(step_size=step)))
            p = np.full((2, 2, len(chip.weight)), 4096, np.int32)
            found = chip.learn(chip.learner(), p, [0, 1])
            assert (
                found.weight.tolist()
                == reference.learn(chip, chip.learner(), p.tolist(), [0, 1])[0]
            )
        except ValueError as error:
            assert re.match(r"readout: weights have an exponent of|steps of 2\^", str(error)), error


# ---- saturations


def test_strict_raises_where_a_bias_is_clipped():
    net, theta, _ = small()
    net.views(theta)["readout.bias"][0] = 1e6
    assert IntegerNet(net, theta, Words(), -9).layers[-1].saturated > 0
    with pytest.raises(Saturated, match="readout.theta: 1 biases left their format"):
        IntegerNet(net, theta, Words(strict=True), -9)


@needs_compiler
def test_gradients_saturate_at_their_word_in_c_as_here_and_counts_stay_at_theirs(tmp_path):
    """Every step adds -121 x 4096: the 4,333rd is clipped, in each of the three that count."""
    steps, layer = 4340, dict(input_shape=(1, 1, 1), pool="none", bits=8)
    conv = quantise.IntegerLayer(
        "conv1", np.zeros((1, 1, 1, 1), np.int8), np.zeros(1, np.int32), -8, fraction=12, **layer
    )
    last = replace(conv, name="readout", exponent=-3)
    chip = known(IntegerNet, [conv, last], IntegerLIF(0, 0, 0, 0, 0), Words())
    how = Learner("three-factor", "target", "floor", log2_weight=3, log2_bias=0, window=steps)
    x = np.zeros((1, steps, 1, 1, 1), np.uint8)
    export.write(tmp_path, chip, how, x[:, :2], np.array([0]), x[:, :2])
    p = chip.traces(chip.spikes(x))
    new = chip.learn(how, p, [0])
    assert new.gradient_saturated == 2 * steps - 2 * 4332 - 2  # p begins two steps late
    assert (
        reference.learn(chip, how, p.tolist(), [0])[2]["gradient_saturated"]
        == new.gradient_saturated
    )
    edge = Library(tmp_path, "stepwise", 1, 1, steps)
    edge.set_learner(how, chip.readout)
    edge.counts(x[0])
    edge("learn", 0)
    assert edge.saturations()["gradient_saturated"] == new.gradient_saturated
    edge("update")
    assert [array.tolist() for array in edge.readout(1, 1)] == [
        new.weight.tolist(),
        new.bias.tolist(),
    ]
    six = np.array(list(edge.saturations().values()), np.uint32)
    place = edge.edge.raw.index(six.tobytes())
    six[5] = 2**32 - 2
    edge.edge[place : place + 24] = six.tobytes()
    edge("forget")
    edge.counts(x[0])
    edge("learn", 0)
    assert edge.saturations()["gradient_saturated"] == 2**32 - 1


@pytest.mark.parametrize(
    "given, words",
    [
        (dict(weight_exp=1000), "weight_exp must be -31 to 31, not 1000"),
        (
            dict(weight_exp=25),
            "bring at most 2.32 in a step; found 9 inputs of 0 to 1 with a weight_exp of 25",
        ),
        (dict(bias_exp=64), "bias_exp must be -31 to 31, not 64"),
        (dict(bias_mant=2**60), "bias_mant must be "),
        (dict(du=-2), "du must be 0 to 4095, not -2"),
        (dict(dv=[4097] * 2), "dv must be 0 to 4096"),
        (dict(vth=2**62), "vth must be 0 to 8388608"),
        (dict(num_weight_bits=0), "num_weight_bits must be 1 to 9, not 0"),
    ],
)
def test_a_layer_of_loihi_takes_no_numbers_beyond_its_words(given, words):
    spikes = np.eye(9, dtype=int)
    with pytest.raises(ValueError, match=words):
        loihi.run(spikes, np.ones((2, 9), int), **given)
    with pytest.raises(ValueError, match="spikes are 0 and 1"):
        loihi.run(-spikes, np.ones((2, 9), int))
    huge = np.full((2, 9), 2**63, np.uint64)
    assert (loihi.run(spikes, huge)[0] == loihi.run(spikes, np.full((2, 9), 255))[0]).all()


# ---- JavaScript


@needs_node
def test_counts_and_labels_of_the_page_do_not_wrap(tmp_path):
    _, _, chip = small(readout_exponent=-3)
    (tmp_path / "model.bin").write_bytes(export.packed(chip, PLAIN))
    lines = f"""
import {{ readFileSync }} from "node:fs";
import {{ Camera }} from {json.dumps((C.parent / "page" / "camera.mjs").as_uri())};
import {{ Edge }} from {json.dumps((C / "minisnn_edge.mjs").as_uri())};
const camera = new Camera({{ scale: 1 }}), found = [];
for (const n of [1, 255, 256, 300]) found.push(camera.counts(Array(n).fill({{ t: 5, x: 0, y: 0, p: 1 }}), 1, 1, 1)[1]);
const paths = {json.dumps([str(C / "minisnn_edge.wasm"), str(tmp_path / "model.bin")])};
const [wasm, model] = paths.map((path) => readFileSync(path));
const net = await Edge.create(wasm, model, {{ steps: 5 }}), cells = net.cells, again = (n) => {{
  net.start();
  net.step(Array(cells).fill(n));
  net.step(Array(cells).fill(0));
  net.step(Array(cells).fill(0));
  return Array.from(net.scores());
}};
found.push(again(255), again(256), again(7));
const labels = [2 ** 32, 0.5, NaN, -1, "0"].map((label) => () => net.learn(label));
const rooms = [{{ steps: 2 ** 32 + 5 }}, {{ classes: 1e9 }}].map((room) => () => Edge.create(wasm, model, room));
for (const wrong of [...labels, () => net.step([1]), ...rooms])
  try {{ await wrong(); found.push("taken"); }} catch (error) {{ found.push(error.message.split(" ")[0]); }}
net.learn(0);
console.log(JSON.stringify(found));
"""
    (tmp_path / "try.mjs").write_text(lines)
    ran = subprocess.run(["node", tmp_path / "try.mjs"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    *seen, one, two, three = json.loads(ran.stdout)[:7]
    assert seen == [1, 255, 255, 255] and one == two == three
    assert json.loads(ran.stdout)[7:] == ["id"] * 5 + ["a", "steps", "classes"]


def test_a_seed_that_javascript_cannot_hold_is_refused():
    net = ms.SpikingNet((17, 17, 2), (2,), 2, 3, window=5)
    chip = IntegerNet(net, net.init(np.random.default_rng(0)))
    assert said(lambda: make.page(chip, seed=2**53)).startswith(
        "seed must be 0 to 9007199254740991"
    )
