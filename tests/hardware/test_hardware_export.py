"""Exports: read back they are the same network, and the self-test repeats whole episodes bit for
bit."""

import re

import numpy as np
import pytest
from edge_library import (
    BUILDS,
    EXACT,
    PLAIN,
    STRICT,
    compile_c,
    exporter,
    library,
    needs_compiler,
    printed,
    run,
)
from integers import readout_alone, small

from minisnn.hardware.c import export
from minisnn.hardware import Learner

exported = exporter(small, 18)


@pytest.mark.parametrize("options", [{}, {"weight_bits": 3, "readout_bits": 2, "fraction": 9}])
def test_hex_files_hold_the_integers_of_the_network(tmp_path, options):
    """chip.h is read by the compiler, and proven by the self-test."""
    chip, *_ = exported(tmp_path, **options)

    def words(name: str, bits: int) -> np.ndarray:
        lines = (tmp_path / f"{name}.hex").read_text(encoding="ascii").split()
        found = np.array([int(line, 16) for line in lines], np.int64)
        assert not (found >> bits).any()
        return found

    for layer in chip.layers:
        for kind, bits, array in (("weight", layer.bits, layer.weight), ("bias", 32, layer.bias)):
            held = words(f"{layer.name}.{kind}", bits)
            expected = array.astype(np.int64).ravel() % (1 << bits)
            np.testing.assert_array_equal(held, expected)
    for name, table in export.TABLES.items():
        np.testing.assert_array_equal(words(name, 16), table.ravel())


@needs_compiler
@pytest.mark.parametrize("build", EXACT)
def test_the_self_test_repeats_an_episode_and_refuses_what_is_none(tmp_path, build):
    how = Learner("three-factor", online=True, log2_weight=2, log2_bias=-1)
    exported(tmp_path, how, fraction=15)
    sources = "selftest.c", "episode.c", *library(tmp_path)
    compile_c(tmp_path, *STRICT, *BUILDS[build], "-o", "selftest", *sources)

    def tested(content: bytes) -> tuple[int, str]:
        (tmp_path / "damaged.bin").write_bytes(content)
        return run(tmp_path, "./selftest", "damaged.bin")

    good = (tmp_path / "selftest.bin").read_bytes()
    code, text = tested(good)
    assert code == 0 and re.fullmatch(r"all \d+ numbers agree, crc [0-9a-f]{8}\n", text)
    code, text = tested(good[:-4] + bytes([good[-4] ^ 1]) + good[-3:])
    assert code == 1 and re.fullmatch(r"1 of \d+ numbers differ\n", text)
    damaged = [good[:-1], good[:5], b""]
    for start in ((4, -1, 18), (2**31 - 1, 2**31 - 1, 18), (4, 2, 18), (4, 3, 18, 3)):
        damaged.append(np.array(start, "<i4").tobytes() + good[4 * len(start) :])
    for content in damaged:
        assert tested(content)[0] == 2


@needs_compiler
@pytest.mark.parametrize("build", EXACT)
def test_the_program_of_the_readme_learns_and_recognises(tmp_path, build):
    exported(tmp_path)
    program = re.search(r"```c\n(.*?)```", (tmp_path / "README.md").read_text(), re.S)[1]
    camera = """
size_t camera(edge_event *events, size_t most) { events[0] = (edge_event){1, 2, most > 1}; return 1; }
int main(void) { const int found = learn_and_recognise(); return found >= 0 && found < CHIP_WAYS ? 0 : 1; }
"""
    (tmp_path / "main.c").write_text(program + camera)
    compile_c(tmp_path, *STRICT, *BUILDS[build], "-o", "main", "main.c", *library(tmp_path))
    printed(tmp_path, "./main")


def test_networks_that_the_library_cannot_hold_are_refused(tmp_path):
    wide = small(shape=(4, 300, 2), channels=(2,))[2]
    for chip, message in (
        (readout_alone(6, 3), "conv layer"),
        (wide, "conv1: the library holds 256 rows and columns"),
    ):
        with pytest.raises(ValueError, match=message):
            export.header(chip, PLAIN, 10)
