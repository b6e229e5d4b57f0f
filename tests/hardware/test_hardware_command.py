"""minisnn hardware, end to end on toy tasks and a toy network."""

from pathlib import Path

import numpy as np
import pytest
from toy import ToySet
from written import read_json

import minisnn as ms
from minisnn.hardware.c import export
from minisnn import InnerLoop
from minisnn.data.sets import named
from minisnn.training import evaluation
from minisnn.experiments import study


@pytest.fixture
def run(monkeypatch, here, command):
    """Exit code, output and errors of a command line; toy tasks of every data set, a toy network in
    networks/."""
    for module in (evaluation, study, named):
        monkeypatch.setattr(
            module, "open_set", lambda name, split, root=None, progress=True, **_: ToySet(split)
        )
    net = ms.SpikingNet((6, 6, 2), (4,), 3, 3, window=8)
    theta = net.init(np.random.default_rng(0), ToySet("train").episode(0, 0).x_query)
    Path("networks").mkdir()
    sizes = np.ones(net.size, np.float32)
    sizes[net.layout[-1].slice] = 0.05
    ms.save("networks/double_nmnist_maml.h5", net, theta, inner=InnerLoop(sizes))

    def call(*arguments):
        part = arguments[0] in ("export", "train")
        study = [] if part else ["--networks", "networks", "--out", "out"]
        return command(" ".join(map(str, ["hardware", *arguments, *study, "--quiet"])))

    return call


def test_float_and_fixed_on_the_same_episodes(run):
    line = "--episodes", 3, "--bits", "8,3"
    code, out, err = run(*line)
    assert code == 0, err
    found = read_json("out/hardware/findings.json")
    tables = {table["name"]: table for table in found["tables"]}
    roundings = [row[0] for row in tables["roundings"]["rows"]]
    assert len(tables["fraction"]["rows"]) > 2 and "cost" in tables
    assert roundings == ["8", "3", "3 in the readout, 8 below", "8 in the readout, 3 below"]
    gated = [float(cell) for cell in tables["thresholds"]["rows"][1][1:]]
    assert gated == sorted(gated) and gated[0] < gated[-1]
    assert run(*line, "--force")[1] == out
    code, out, err = run("--ranges", "--episodes", 2, "--bits", "4")
    assert code == 0 and "sum w p + bias" in out, err
    found = read_json("out/hardware-ranges/findings.json")
    rows = {table["name"]: table["rows"] for table in found["tables"]}
    assert {row[0] for row in rows["ranges"]} == {4} and len(rows["ranges"]) == 6
    assert "readout.theta" in {row[1] for row in rows["saturations"]}
    code, _, err = run("--bits", "9")
    assert code == 2 and "from 2 to 8" in err


@pytest.mark.parametrize(
    "kind, files",
    [
        ("arduino", {"library.properties", "src/minisnn_edge.c", "examples/teach/teach.ino"}),
        ("wasm", {"minisnn_edge.wasm", "minisnn_edge.mjs", "model.bin", "selftest.bin"}),
    ],
)
def test_export_for_others(run, kind, files):
    given = "--readout-bits", "5", "--checkpoint", "networks/double_nmnist_maml.h5"
    assert run("export", "--for", kind, *given, "--out", "made")[0] == 0
    there = {str(path.relative_to("made")) for path in Path("made").rglob("*") if path.is_file()}
    assert files <= there
    if kind == "wasm":
        model = np.frombuffer(Path("made/model.bin").read_bytes(), "<i4")[3:]
        assert model[export.MODEL.index("readout_bits")] == 5
    else:
        assert "#define CHIP_READOUT_BITS 5" in Path("made/src/chip.h").read_text()


@pytest.mark.parametrize(
    "arguments, word",
    [
        (("export", "here", "--out", "there"), "once"),
        (("train", "--bits", "3", "--start", "cnn.h5", "--out", "new"), "ConvNet"),
        (("export", "--bits", "9"), "weight_bits"),
        (("export", "--checkpoint", "absent.h5"), "absent.h5"),
        (("export", "--checkpoint", "cnn.h5"), "conv layers of LIF"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_is_written(run, arguments, word, rng):
    net = ms.ConvNet((6, 6, 2), (4,), 3, 3)
    ms.save("cnn.h5", net, net.init(rng))
    code, _, err = run(*arguments)
    assert not Path("new").exists()
    assert code == 2 and word in err and err.startswith("minisnn: ") and err.count("\n") == 1


def test_a_network_trained_for_the_chip_is_exported_in_its_own_words(run):
    found = ms.read("networks/double_nmnist_maml.h5")
    notes = dict(bits=3, readout_bits=5, exponents=dict(conv1=-3, readout=-6))
    ms.save("trained.h5", found.net, found.theta, inner=found.inner, provenance=dict(chip=notes))
    for given, words in (((), (3, 5)), (("--bits", 4), (4, 4))):
        line = "export", "--checkpoint", "trained.h5", "--force", "--out", "chip", *given
        assert run(*line)[0] == 0
        header = Path("chip/chip.h").read_text()
        for name, bits in zip(("WEIGHT", "READOUT"), words):
            assert f"#define CHIP_{name}_BITS {bits}\n" in header
        assert ("#define CHIP_READOUT_EXPONENT -6\n" in header) == (words == (3, 5))
