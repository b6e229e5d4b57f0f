"""minisnn hardware, end to end on toy tasks and a toy network."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from toy import ToySet, toy_config

import minisnn as ms
import pieces
from minisnn.hardware import work
from minisnn.hardware.study.ways import THRESHOLDS
from minisnn.hardware.c import export
import exported
from minisnn.hardware.training import run as training
from minisnn import cli
from minisnn.training import evaluation
from minisnn.experiments import study
from minisnn.experiments.findings import Findings
from minisnn.meta.inner import InnerLoop
from edge_library import library
from test_hardware_export import COMPILER, needs_compiler


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Exit code, output and errors of a command line; toy tasks of every data set, a toy network in
    networks/."""
    for module in (evaluation, study, work):
        monkeypatch.setattr(
            module, "open_set", lambda name, split, root=None, progress=True, **_: ToySet(split)
        )
    monkeypatch.chdir(tmp_path)
    net = ms.SpikingNet((6, 6, 2), (4,), 3, 3, window=8)
    theta = net.init(np.random.default_rng(0), ToySet("train").episode(0, 0).x_query)
    Path("networks").mkdir()
    sizes = np.ones(net.size, np.float32)
    sizes[net.layout[-1].slice] = 0.05
    ms.save("networks/double_nmnist_maml.h5", net, theta, inner=InnerLoop(sizes))

    def call(*arguments):
        study = (
            []
            if arguments and arguments[0] in ("classes", "export", "loihi", "refuse", "train")
            else ["--networks", "networks", "--out", "out"]
        )
        code = cli.main(["hardware", *map(str, arguments), *study, "--quiet"])
        return code, *capsys.readouterr()

    return call


def test_float_and_fixed_on_the_same_episodes_and_a_run_that_was_stopped(run, monkeypatch):
    code, out, err = run("--episodes", 3, "--bits", "8,3")
    assert code == 0, err
    assert "less its twin" in out and "Signal to noise" in out and "energy" in out
    found = json.loads(Path("out/hardware/findings.json").read_text())
    tables = {table["name"]: table for table in found["tables"]}
    roundings = [row[0] for row in tables["roundings"]["rows"]]
    assert roundings == ["8", "3", "3 in the readout, 8 below", "8 in the readout, 3 below"]
    assert (
        len(tables["thresholds"]["header"]) == 1 + len(THRESHOLDS)
        and len(tables["rules"]["rows"]) == 6
    )
    note = tables["roundings"]["note"]
    assert (
        note.startswith("3 episodes, tasks ")
        and "± is half a 95 % interval, for more episodes of the same kind" in note
    )
    gated = [float(cell) for cell in tables["thresholds"]["rows"][1][1:]]
    assert gated == sorted(gated) and len(gated) == len(THRESHOLDS)
    files = {path.name for path in Path("out/hardware").iterdir()}
    assert files >= {f"{name}.csv" for name in tables} and "findings.json" in files
    before = {path: path.read_bytes() for path in Path("out/records").iterdir()}
    assert len(before) == 5
    for path, content in before.items():  # as if it had been stopped after the second episode
        path.write_bytes(b"".join(content.splitlines(True)[:2]))
    assert run("--episodes", 3, "--bits", "8,3", "--force")[1] == out
    assert {path: path.read_bytes() for path in Path("out/records").iterdir()} == before
    again = json.loads(Path("out/hardware/findings.json").read_text())
    assert again["tables"] == found["tables"]
    read = {table.name: table for table in Findings.read(Path("out/hardware")).tables}
    assert {row[0] for row in read["saturations"].rows} == {8, 3}
    assert "conv1.theta" in {row[1] for row in read["saturations"].rows}
    travelling = pieces.Travelling()  # and as by worker processes
    monkeypatch.setattr("minisnn.commands.options.executor_of", lambda args: travelling)
    for path in before:
        path.unlink()
    assert (
        run("--episodes", 3, "--bits", "8,3", "--workers", 2, "--force")[1] == out
        and travelling.journeys >= 9
    )
    assert {path: path.read_bytes() for path in Path("out/records").iterdir()} == before


def test_ranges_and_saturations(run):
    code, out, err = run("--ranges", "--episodes", 2, "--bits", "4")
    assert code == 0, err
    assert (
        "sum w p + bias" in out
        and "Saturations in 2 episodes" in out
        and not Path("out/hardware").exists()
    )
    tables = {table.name: table for table in Findings.read(Path("out/hardware-ranges")).tables}
    assert {row[0] for row in tables["ranges"].rows} == {4} and len(tables["ranges"].rows) == 6
    assert "readout.theta" in {row[1] for row in tables["saturations"].rows}
    again = run("--ranges", "--episodes", 2, "--bits", "4", "--force")
    assert again[1] == out  # from its records


def test_training_for_the_chip_and_going_on(run, monkeypatch):
    data = {split: ToySet(split) for split in ("train", "val", "test")}
    monkeypatch.setattr(evaluation, "open_set", lambda name, split, *_, **__: data[split])
    monkeypatch.setattr(
        training,
        "settings",
        lambda **given: toy_config(
            **{
                **dict(
                    rule="anil",
                    learn_step_size="array",
                    pool="max",
                    backend="numba",
                    evaluate_every=0,
                ),
                **given,
            }
        ),
    )
    few = (
        "--start",
        "networks/double_nmnist_maml.h5",
        "--updates",
        3,
        "--lr",
        1e-3,
        "--episodes",
        2,
        "--out",
        "out",
    )
    code, out, err = run("train", "--bits", "3", *few)
    assert code == 0, err
    assert "integer chip of 3 bits (8 in the readout): " in out and "% on 2 unseen episodes" in out
    assert (
        json.loads(Path("out/chip.json").read_text())["bits"] == 3
        and Path("out/network.h5").exists()
    )
    assert run("train", "--bits", "3", *few)[0] == 2  # it lies there already
    assert run("train", "--resume", "out")[1] == out
    code, _, err = run("train")
    assert code == 2 and "--bits" in err


@needs_compiler
def test_export_compiles_and_agrees(run):
    code, out, err = run(
        "export", "--bits", 4, "--checkpoint", "networks/double_nmnist_maml.h5", "--out", "chip"
    )
    assert code == 0, err
    assert exported.from_header(Path("chip/chip.h")).words.weight_bits == 4
    subprocess.run(
        [
            COMPILER,
            "-std=c99",
            "-O2",
            "-o",
            "chip/selftest",
            "chip/selftest.c",
            "chip/episode.c",
            *(f"chip/{name}" for name in library(Path("chip"))),
        ],
        check=True,
    )
    ran = subprocess.run(["chip/selftest", "chip/selftest.bin"], capture_output=True, text=True)
    assert " numbers agree" in ran.stdout


@pytest.mark.parametrize("kind", ["arduino", "wasm", "page"])
def test_export_for_others(run, kind):
    net = ms.SpikingNet((16, 16, 2), (4,), 3, 3, window=8)
    ms.save("symbols.h5", net, net.init(np.random.default_rng(0)))
    checkpoint = "symbols.h5" if kind == "page" else "networks/double_nmnist_maml.h5"
    line = [
        "hardware",
        "export",
        "--for",
        kind,
        "--readout-bits",
        "5",
        "--checkpoint",
        checkpoint,
        "made",
    ]
    assert cli.main(line) == 0
    files = {str(path.relative_to("made")) for path in Path("made").rglob("*") if path.is_file()}
    if kind == "page":
        assert files == {"index.html"} and cli.main(["hardware", "page", "p.html", *line[4:8]]) == 0
        assert Path("p.html").read_bytes() == Path("made/index.html").read_bytes()
    elif kind == "wasm":
        assert files >= {
            "minisnn_edge.wasm",
            "minisnn_edge.mjs",
            "model.bin",
            "selftest.bin",
            "wasm.c",
        }
        number = lambda name: int(
            np.frombuffer(Path("made/model.bin").read_bytes(), "<i4")[3 + export.MODEL.index(name)]
        )
        assert (number("readout_bits"), number("weight_bits"), number("ways")) == (5, 8, 3)
    else:
        assert files >= {
            "library.properties",
            "src/chip.h",
            "src/minisnn_edge.c",
            "examples/teach/teach.ino",
        }
        assert "#define CHIP_READOUT_BITS 5" in Path("made/src/chip.h").read_text()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("export", "here", "--out", "there"), "give the folder once, as DIR or as --out DIR"),
        (("export", "--for", "page", "--root", "a"), "would do nothing with --for page"),
        (("--ranges", "--picojoule", "1,1"), "--picojoule would do nothing with --ranges"),
        (
            ("train", "--bits", "3", "--start", "cnn.h5", "--out", "new"),
            "cnn.h5: the checkpoint's network, ConvNet",
        ),
        (
            ("export", "--readout-bits", "9", "--checkpoint", "networks/double_nmnist_maml.h5"),
            "readout_bits must be 2 to 8, a whole number, not 9",
        ),
        (
            ("export", "--bits", "9", "--checkpoint", "networks/double_nmnist_maml.h5"),
            "weight_bits must be 2 to 8, a whole number, not 9",
        ),
        (("train", "--bits", "9"), "bits must be 2 to 8, a whole number, not 9"),
        (
            ("train", "--resume", "out", "--bits", "3", "--seed", "0"),
            "--resume keeps the settings of out; leave out --bits, --seed",
        ),
        (("--strict", "--episodes", 2, "--bits", "2"), "values left their format"),
        (("--strict", "--episodes", 2, "--fraction", 17), "fraction must be 0 to 16"),
        (("export", "--checkpoint", "absent.h5"), "absent.h5"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(run, arguments, words):
    net = ms.ConvNet((6, 6, 2), (4,), 3, 3)
    ms.save("cnn.h5", net, net.init(np.random.default_rng(0)))
    code, _, err = run(*arguments)
    assert not Path("new").exists()
    assert code == 2 and words in err and err.startswith("minisnn: ") and err.count("\n") == 1


def test_a_network_trained_for_the_chip_is_exported_in_its_own_words(run):
    found = ms.read("networks/double_nmnist_maml.h5")
    notes = dict(bits=3, readout_bits=5, exponents=dict(conv1=-3, readout=-6))
    ms.save("trained.h5", found.net, found.theta, inner=found.inner, provenance=dict(chip=notes))
    for given, words in (
        ((), (3, 5)),
        (("--bits", 4), (4, 4)),
        (("--bits", 3, "--readout-bits", 2), (3, 2)),
    ):
        assert (
            run("export", "--checkpoint", "trained.h5", "--force", "--out", "chip", *given)[0] == 0
        )
        chip = exported.from_header(Path("chip/chip.h"))
        assert (chip.words.weight_bits, chip.words.readout_bits) == words
        assert (chip.layers[0].exponent == -3) == (words[0] == 3) and (
            chip.readout.exponent == -6
        ) == (words == (3, 5))


@pytest.mark.parametrize("kind", ["convolutional", "another neuron"])
def test_a_network_that_no_chip_holds_is_refused_before_anything_is_measured(run, kind):
    cnn = kind == "convolutional"
    net = (
        ms.ConvNet((6, 6, 2), (4,), 3, 3)
        if cnn
        else ms.SpikingNet((6, 6, 2), (4,), 3, 3, neuron=ms.CubaLIF())
    )
    ms.save("networks/double_nmnist_maml.h5", net, net.init(np.random.default_rng(0)))
    lines = [("--episodes", 2), ("--ranges", "--episodes", 2)]
    # of CubaLIF, Loihi's words are exported
    for line in lines + [("export", "--checkpoint", "networks/double_nmnist_maml.h5")] * cnn:
        code, _, err = run(*line)
        assert code == 2 and "the chip holds conv layers of LIF" in err
    assert not Path("out/records").exists()
