"""Exports: read back they are the same network, and the C program repeats whole episodes bit for bit."""

import shutil
import subprocess

import numpy as np
import pytest
from integers import events, small

from hardware.c import export
from hardware.chip.learner import Learner

COMPILER = next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler (cc, gcc or clang) is on the path")


def put(folder, learner=None, **options):
    net, _, chip = small(**{"readout_exponent": -3, **options})
    x, y = events(net, 7, 18), np.array([0, 2, 1, 1])
    files = export.write(folder, chip, learner or Learner(log2_weight=3, log2_bias=0), x[:4], y, x[4:])
    return chip, files


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight_bits": 3, "readout_bits": 2, "pool": "mean", "traces": "nearest"},
        {"weight_bits": 5, "membrane": "zero", "fraction": 9},
    ],
)
def test_header_and_hex_files_read_back_are_the_same_network(tmp_path, options):
    chip, files = put(tmp_path, **options)
    assert all(path.is_file() for path in files)
    for again in (export.from_header(tmp_path / "chip.h"), export.from_hex(tmp_path)):
        assert again.neuron == chip.neuron and again.words == chip.words and again.input_shape == chip.input_shape
        for one, other in zip(again.layers, chip.layers, strict=True):
            assert one.weight.dtype == other.weight.dtype and one.bias.dtype == other.bias.dtype
            np.testing.assert_array_equal(one.weight, other.weight)
            np.testing.assert_array_equal(one.bias, other.bias)
            assert [getattr(one, n) for n in ("name", "exponent", "bits", "input_shape", "pool", "fraction")] == [
                getattr(other, n) for n in ("name", "exponent", "bits", "input_shape", "pool", "fraction")
            ]
    for name, table in export.TABLES.items():
        np.testing.assert_array_equal(export.read_hex(tmp_path / f"{name}.hex", 16, table.shape) & 0xFFFF, table)


@needs_compiler
@pytest.mark.parametrize(
    "learner, options",
    [
        (Learner(log2_weight=3, log2_bias=0), {}),
        (
            Learner(rounding="nearest", threshold=40, error="ternary", log2_weight=3, log2_bias=0),
            {"pool": "mean", "weight_bits": 4},
        ),
        (
            Learner("three-factor", "target", "zero", window=7, log2_weight=2, log2_bias=-1),
            {"traces": "zero", "membrane": "nearest"},
        ),
        (
            Learner("three-factor", "softmax", "stochastic", online=True, log2_weight=2, log2_bias=-1),
            {"fraction": 15, "weight_bits": 2, "readout_bits": 3},
        ),
    ],
    ids=["plain", "gated", "three-factor", "online"],
)
def test_the_c_program_repeats_whole_episodes_bit_for_bit(tmp_path, learner, options):
    put(tmp_path, learner, **options)
    program = tmp_path / "selftest"
    built = subprocess.run(
        [COMPILER, "-std=c99", "-Wall", "-Werror", "-O2", "-o", program, tmp_path / "chip.c"], capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    ran = subprocess.run([program, tmp_path / "selftest.bin"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "all numbers agree\n")
    content = bytearray((tmp_path / "selftest.bin").read_bytes())
    content[-4] ^= 1
    (tmp_path / "selftest.bin").write_bytes(content)
    ran = subprocess.run([program, tmp_path / "selftest.bin"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (1, "1 numbers differ\n")


def test_damaged_files_are_refused(tmp_path):
    put(tmp_path)
    path = tmp_path / "conv1.weight.hex"
    path.write_text(path.read_text()[3:])
    with pytest.raises(ValueError, match="conv1.weight.hex: found 53 words, expected 54"):
        export.from_hex(tmp_path)
    path.write_text("fff\n" + path.read_text())
    with pytest.raises(ValueError, match="more than 8 bits"):
        export.from_hex(tmp_path)
    (tmp_path / "chip.h").write_text("int x;")
    with pytest.raises(ValueError, match="not the header of an exported network"):
        export.from_header(tmp_path / "chip.h")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="there is a file of this name"):
        put(tmp_path / "file")
