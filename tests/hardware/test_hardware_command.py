"""minisnn hardware, end to end on toy tasks and a toy network."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from toy import ToySet, toy_config

import minisnn as ms
import pieces
from hardware.study import compare
from hardware.c import export
from hardware.training import run as training
from minisnn import cli
from minisnn.training import evaluation
from minisnn.experiments import study
from minisnn.experiments.findings import Findings
from minisnn.meta.inner import InnerLoop
from test_hardware_export import COMPILER, needs_compiler


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Exit code, output and errors of a command line; toy tasks of every data set, a toy network in networks/."""
    for module in (evaluation, study):
        monkeypatch.setattr(module, "open_set", lambda name, split, root=None, progress=True, **_: ToySet(split))
    monkeypatch.chdir(tmp_path)
    net = ms.SpikingNet((6, 6, 2), (4,), 3, 3, window=8)
    theta = net.init(np.random.default_rng(0), ToySet("train").episode(0, 0).x_query)
    Path("networks").mkdir()
    sizes = np.ones(net.size, np.float32)
    sizes[net.layout[-1].slice] = 0.05
    ms.save("networks/double_nmnist_maml.h5", net, theta, inner=InnerLoop(sizes))

    def call(*arguments):
        code = cli.main(["hardware", "--networks", "networks", "--out", "out", "--quiet", *map(str, arguments)])
        return code, *capsys.readouterr()

    return call


def test_float_and_fixed_on_the_same_episodes_and_a_run_that_was_stopped(run, monkeypatch):
    code, out, err = run("--episodes", 3, "--bits", "8,3")
    assert code == 0, err
    assert "less twin" in out and "signal to noise" in out and "energy" in out
    found = json.loads(Path("out/hardware/findings.json").read_text())
    header, rows = found["tables"][2]["header"], found["tables"][2]["rows"]
    assert len(rows) == 2 * len(compare.choices()) and {row[0] for row in rows} == {8, 3}
    gated = [
        float(row[header.index("gated (%)")])
        for row in rows
        if row[:2] == [8, 8] and row[4] == "nearest" and row[2] == "membrane"
    ]
    assert gated == sorted(gated) and len(gated) == len(compare.THRESHOLDS)
    files = {path.name for path in Path("out/hardware").iterdir()}
    assert files >= {
        "bits.png",
        "threshold.svg",
        "membrane.png",
        "layers.csv",
        "all.csv",
        "fraction.csv",
        "traces.png",
        "postsynaptic.csv",
        "presynaptic.csv",
        "others.csv",
    }
    assert "random feedback, step 2^-8, float twin" in out and "Loihi's neurons and words" in out
    before = {path: path.read_bytes() for path in Path("out/records").iterdir()}
    assert len(before) == 5
    for path, content in before.items():  # as if it had been stopped after the second episode
        path.write_bytes(b"".join(content.splitlines(True)[:3]))
    assert run("--episodes", 3, "--bits", "8,3")[1] == out
    assert {path: path.read_bytes() for path in Path("out/records").iterdir()} == before
    again = json.loads(Path("out/hardware/findings.json").read_text())
    assert again["tables"] == found["tables"]
    read = {table.name: table for table in Findings.read(Path("out/hardware")).tables}
    assert {row[0] for row in read["saturations"].rows} == {8, 3}
    assert "conv1.theta" in {row[1] for row in read["saturations"].rows}
    travelling = pieces.Travelling()  # and as by worker processes
    monkeypatch.setattr("minisnn.commands.studies.executor_of", lambda args: travelling)
    for path in before:
        path.unlink()
    assert run("--episodes", 3, "--bits", "8,3", "--workers", 2)[1] == out and travelling.journeys >= 9
    assert {path: path.read_bytes() for path in Path("out/records").iterdir()} == before


def test_ranges_and_saturations(run):
    code, out, err = run("--ranges", "--episodes", 2, "--bits", "4")
    assert code == 0, err
    assert "4 bits: layer" in out and "sum w p + bias" in out and "saturations in 2 episodes" in out


def test_training_for_the_chip_and_going_on(run, monkeypatch):
    data = {split: ToySet(split) for split in ("train", "val", "test")}
    monkeypatch.setattr(training, "open_set", lambda name, split, *_, **__: data[split])
    monkeypatch.setattr(
        training,
        "settings",
        lambda **given: toy_config(
            **{**dict(rule="anil", learn_step_size="array", pool="max", backend="numba", evaluate_every=0), **given}
        ),
    )
    few = ("--start", "networks/double_nmnist_maml.h5", "--updates", 3, "--lr", 1e-3, "--episodes", 2)
    code, out, err = run("train", "--bits", "3", *few)
    assert code == 0, err
    assert "integer chip of 3 bits (8 in the readout): " in out and "% on 2 unseen episodes" in out
    assert json.loads(Path("out/chip.json").read_text())["bits"] == 3 and Path("out/network.h5").exists()
    assert run("train", "--bits", "3", *few)[0] == 2  # it lies there already
    assert run("train", "--resume", "out", "--out", "runs/paper")[1] == out
    code, _, err = run("train", "--bits", "3,2")
    assert code == 2 and "train takes one number of --bits" in err


@needs_compiler
def test_export_compiles_and_agrees(run):
    code, out, err = run("export", "--bits", 4, "--checkpoint", "networks/double_nmnist_maml.h5", "--out", "chip")
    assert code == 0, err
    assert export.from_header(Path("chip/chip.h")).words.weight_bits == 4
    subprocess.run([COMPILER, "-std=c99", "-O2", "-o", "chip/selftest", "chip/chip.c"], check=True)
    ran = subprocess.run(["chip/selftest", "chip/selftest.bin"], capture_output=True, text=True)
    assert ran.stdout == "all numbers agree\n"


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("--bits", "9"), "--bits must be numbers from 2 to 8, not 9"),
        (("--bits", "none"), "not none"),
        (("--picojoule", "1"), "--picojoule takes two numbers"),
        (("--strict", "--episodes", 2, "--fraction", 17), "fraction must be 0 to 16"),
        (("export", "--checkpoint", "absent.h5"), "absent.h5"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(run, arguments, words):
    code, _, err = run(*arguments)
    assert code == 2 and words in err and err.startswith("minisnn: ") and err.count("\n") == 1
