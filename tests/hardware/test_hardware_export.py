"""Exports: read back they are the same network, and the self-test repeats whole episodes bit for
bit."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from edge_library import STRICT, library
from integers import events, readout_alone, small

from minisnn.hardware.c import export
import exported
from minisnn.hardware.chip.learner import Learner

COMPILER = next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)
needs_compiler = pytest.mark.skipif(
    COMPILER is None, reason="no C compiler (cc, gcc or clang) is on the path"
)


def put(folder, learner=None, **options):
    net, _, chip = small(**{"readout_exponent": -3, **options})
    x, y = events(net, 7, 18), np.array([0, 2, 1, 1])
    files = export.write(
        folder, chip, learner or Learner(log2_weight=3, log2_bias=0), x[:4], y, x[4:]
    )
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
    for again in (exported.from_header(tmp_path / "chip.h"), exported.from_hex(tmp_path)):
        assert (
            again.neuron == chip.neuron
            and again.words == chip.words
            and again.input_shape == chip.input_shape
        )
        for one, other in zip(again.layers, chip.layers, strict=True):
            assert one.weight.dtype == other.weight.dtype and one.bias.dtype == other.bias.dtype
            np.testing.assert_array_equal(one.weight, other.weight)
            np.testing.assert_array_equal(one.bias, other.bias)
            assert [
                getattr(one, n)
                for n in ("name", "exponent", "bits", "input_shape", "pool", "fraction")
            ] == [
                getattr(other, n)
                for n in ("name", "exponent", "bits", "input_shape", "pool", "fraction")
            ]
    for name, table in export.TABLES.items():
        np.testing.assert_array_equal(
            exported.read_hex(tmp_path / f"{name}.hex", 16, table.shape) & 0xFFFF, table
        )


@needs_compiler
@pytest.mark.parametrize("build", [(), ("-DEDGE_STEPWISE",)], ids=["small", "stepwise"])
@pytest.mark.parametrize(
    "learner, options",
    [
        (
            Learner(rounding="nearest", threshold=40, error="ternary", log2_weight=3, log2_bias=0),
            {"pool": "mean"},
        ),
        (
            Learner(
                "three-factor", "softmax", "stochastic", online=True, log2_weight=2, log2_bias=-1
            ),
            {"fraction": 15, "weight_bits": 2, "readout_bits": 3},
        ),
    ],
    ids=["gated", "online"],
)
def test_the_self_test_repeats_an_episode_and_refuses_what_is_none(
    tmp_path, learner, options, build
):
    put(tmp_path, learner, **options)
    program = tmp_path / "selftest"
    files = [tmp_path / name for name in ("selftest.c", "episode.c", *library(tmp_path))]
    built = subprocess.run(
        [COMPILER, "-std=c99", "-Wall", "-Werror", "-O1", *build, "-o", program, *files],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr

    def run(content):
        (tmp_path / "damaged.bin").write_bytes(content)
        ran = subprocess.run([program, tmp_path / "damaged.bin"], capture_output=True, text=True)
        return ran.returncode, ran.stdout + ran.stderr

    good = (tmp_path / "selftest.bin").read_bytes()
    code, said = run(good)
    assert code == 0 and re.fullmatch(r"all \d+ numbers agree, crc [0-9a-f]{8}\n", said)
    code, said = run(good[:-4] + bytes([good[-4] ^ 1]) + good[-3:])
    assert code == 1 and re.fullmatch(r"1 of \d+ numbers differ\n", said)
    little = lambda *numbers: np.array(numbers, "<i4").tobytes()
    for start, message in (
        (little(4, -1, 18), "numbers of samples or steps that cannot be"),
        (little(4, 3, 0), "numbers of samples or steps that cannot be"),
        (little(2**31 - 1, 2**31 - 1, 18), "numbers of samples or steps that cannot be"),
        (little(4, 2, 18), "not the one that they tell"),
        (little(4, 3, 18, 3), "not one of the classes"),
        (little(4, 3, 18, -1), "not one of the classes"),
    ):
        code, said = run(start + good[len(start) :])
        assert code == 2 and message in said
    assert run(good[:-1])[0] == run(good[:5])[0] == run(b"")[0] == 2


@pytest.mark.parametrize("what", export.FOR)
def test_the_readme_is_about_this_export(tmp_path, what):
    net, _, chip = small(readout_exponent=-3)
    x = events(net, 3, 18)
    learner = Learner("class-mean", log2_weight=3, log2_bias=0)
    files = export.write(tmp_path, chip, learner, x[:2], np.array([0, 1]), x[2:], what)
    text = (tmp_path / "README.md").read_text()
    assert f"--for {what}`" in text and "the class-mean rule" in text and "## Formats" in text
    assert "{{" not in text and "<!--" not in text
    for name in re.findall(r"`([\w/]+\.(?:c|h|bin|mk|mjs|wasm))`", text.split("## Formats")[0]):
        assert {name, f"src/{name}"} & {str(path.relative_to(tmp_path)) for path in files}, name
    less = export.memory(chip, learner, 18)["small"] - export.memory(chip, learner, 17)["small"]
    assert what == "wasm" or f"({less:,} bytes each)" in text


@needs_compiler
@pytest.mark.parametrize("build", [(), ("-DEDGE_STEPWISE",)], ids=["small", "stepwise"])
def test_the_program_of_the_readme_learns_and_recognises(tmp_path, build):
    put(tmp_path)
    program = re.search(r"```c\n(.*?)```", (tmp_path / "README.md").read_text(), re.S)[1]
    camera = """
size_t camera(edge_event *events, size_t most) { events[0] = (edge_event){1, 2, most > 1}; return 1; }
int main(void) { const int found = learn_and_recognise(); return found >= 0 && found < CHIP_WAYS ? 0 : 1; }
"""
    (tmp_path / "main.c").write_text(program + camera)
    command = [COMPILER, *STRICT, *build, "-o", "main", "main.c", *library(tmp_path)]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert subprocess.run([tmp_path / "main"]).returncode == 0


def test_networks_that_the_library_cannot_hold_are_refused(tmp_path):
    for chip, message in (
        (readout_alone(6, 3), "readout alone"),
        (
            small(shape=(4, 300, 2), channels=(2,))[2],
            "conv1: the library holds 256 rows and columns",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            export.header(chip, Learner(log2_weight=3, log2_bias=0), 10)
