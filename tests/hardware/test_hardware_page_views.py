"""What the page shows of the network's inside: the chip's spikes and traces, and why it answers."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import minisnn as ms
from minisnn.data.store.shipped import shipped
from minisnn.hardware.c.export import packed
from minisnn.hardware.chip.learner import CLASS_MEAN
from minisnn.hardware.chip.network import IntegerNet
from minisnn.hardware.page import make

PAGE = Path(make.__file__).parent
STEPS = 45
SCRIPT = """
import {{ readFileSync }} from "node:fs";
const {{ Edge }} = await import({edge}), {{ evidence, fired, mosaic }} = await import({views});
const [wasm, model, counts] = process.argv.slice(2).map((name) => readFileSync(name)), steps = {steps};
const net = await Edge.create(wasm, model, {{ steps, classes: 3 }}), size = steps * net.cells;
const spikes = net.layers.map(() => []), ids = [0, 1].map(() => net.addClass());
ids.forEach((id, n) => {{ net.recording(counts.subarray(n * size, (n + 1) * size), steps); net.learn(id); }});
for (const _ of net.presenting(counts.subarray(2 * size), steps)) spikes.forEach((all, n) => all.push(net.spikes(n)));
const p = net.traces(), [a, b] = ids.map((_, k) => net.column(k)), far = net.distances();
const why = evidence(p, a, b, true, net.layers.at(-1)[2]), tiles = mosaic([3, 2, 5]);
console.log(JSON.stringify({{ layers: net.layers, spikes: spikes.map((all) => all.map((one) => [...one])), traces: [...p],
  why: [...why], far: [...far.slice(0, 2)], weights: [...evidence([2, 3], [1, -1], [0, 1], false, 1)],
  summed: [...fired([[1, 0], [1, 1], [0, 1]], -1, 1)],
  tiles: [tiles.width, tiles.height, Array.from({{ length: tiles.width * tiles.height }}, (_, i) => tiles.at(i))] }}));
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """(chip, counts (3, T, H, W, 2), what the script says); the first two recordings are taught."""
    if not shutil.which("node"):
        pytest.skip("no node; Debian package: nodejs")
    folder = tmp_path_factory.mktemp("views")
    chip = make.empty(IntegerNet.of(ms.read(shipped("omniglot_fine.h5"))))
    rng = np.random.default_rng(0)
    x = (rng.random((3, STEPS, *chip.input_shape)) < 0.12).astype(np.uint8)
    (folder / "counts").write_bytes(x.tobytes())
    (folder / "model").write_bytes(packed(chip, make.learner(chip, CLASS_MEAN)))
    names = dict(edge=make.EDGE, views=PAGE / "views.mjs")
    script = SCRIPT.format(steps=STEPS, **{k: json.dumps(v.as_uri()) for k, v in names.items()})
    (folder / "try.mjs").write_text(script)
    files = make.EDGE.with_suffix(".wasm"), folder / "model", folder / "counts"
    ran = subprocess.run(["node", folder / "try.mjs", *files], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return chip, x, json.loads(ran.stdout)


def test_the_spikes_of_every_layer_and_the_traces_are_the_chips(found):
    chip, x, said = found
    for n, shape in enumerate(said["layers"]):
        spikes = chip.spikes(x[2:], layers=n + 1)[0]
        assert list(spikes.shape[1:]) == shape and spikes.sum() > 100
        np.testing.assert_array_equal(np.reshape(said["spikes"][n], spikes.shape), spikes)
    np.testing.assert_array_equal(said["traces"], chip.traces_of(x[2:])[0, -1])


def test_what_speaks_for_a_class_adds_up_to_its_lead(found):
    _, _, said = found
    rows, columns, _ = said["layers"][-1]
    assert len(said["why"]) == rows * columns and min(said["why"]) < max(said["why"])
    assert sum(said["why"]) == pytest.approx(said["far"][1] - said["far"][0], abs=1.01)
    assert said["weights"] == [2, -6]


def test_neurons_are_tiles_of_their_channel(found):
    width, height, places = found[2]["tiles"]
    tiles = np.full((height, width), -1)
    for channel in range(5):
        top, left = 4 * (channel // 3), 3 * (channel % 3)
        tiles[top : top + 3, left : left + 2] = np.arange(6).reshape(3, 2) * 5 + channel
    np.testing.assert_array_equal(np.reshape(places, (height, width)), tiles)
    assert found[2]["summed"] == [2, 1]
