"""The same bytes on every machine that has tools here: Cortex-M3, M4, M7, M33 and RV32 in QEMU,
WebAssembly in node."""

import re
import shutil
from itertools import product

import numpy as np
import pytest
from edge_library import compile_c, library, needs_compiler, printed
from integers import events, small, small_cuba

from minisnn.hardware.c import export
from minisnn.hardware import Learner
from slowly import all_but

# programs, and Debian's packages of them
ARM = (
    "make arm-none-eabi-gcc qemu-system-arm",
    "make gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm",
)
RISCV = (
    "make riscv64-unknown-elf-gcc qemu-system-riscv32",
    "make gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc",
)
WASM = "make clang wasm-ld node", "make clang lld wasi-libc nodejs"
CMAKE = "make cmake ctest", "make cmake"
BOARDS = ("m3", "m4", "m4-128k", "m7", "m33", "rv32")
# one of each neuron and of each family of processors; the rest is slow
DEFAULT = {("lif", "m4-128k", ""), ("cuba", "rv32", "-DEDGE_STEPWISE")}
LEARNER = Learner("three-factor", "softmax", "stochastic", window=9, log2_weight=3, log2_bias=0)


def needs(programs: str, packages: str) -> None:
    missing = [name for name in programs.split() if not shutil.which(name)]
    if missing:
        pytest.skip(f"no {', '.join(missing)}; Debian packages: {packages}")


KINDS = {"lif": small, "cuba": small_cuba}


def episode(kind="lif"):
    """Chip, learner and samples that `export.write` takes."""
    net, _, chip = KINDS[kind](readout_exponent=-3, channels=(9, 16), shape=(6, 11, 2), pool="mean")
    x = events(net, 4, 14)
    y = np.array([0, 2])
    return chip, LEARNER, x[:2], y, x[2:]


@pytest.fixture
def folder(tmp_path, request):
    """An export of the network of the kind that the test is about."""
    export.write(tmp_path, *episode(request.node.callspec.params["kind"]))
    return tmp_path


def checksum(folder):
    """Of every number of the episode on this machine."""
    sources = "selftest.c", "episode.c", *library(folder)
    compile_c(folder, "-O1", "-o", "selftest", *sources)
    return int(printed(folder, "./selftest", "selftest.bin").split("crc ")[1], 16)


@needs_compiler
@pytest.mark.parametrize(
    "kind, board, build", all_but(DEFAULT, product(KINDS, BOARDS, ("", "-DEDGE_STEPWISE")))
)
def test_a_board_plays_the_episode_with_the_same_bytes(folder, kind, board, build):
    needs(*(RISCV if board == "rv32" else ARM))
    said = printed(folder, "make", "-f", "boards.mk", board, f"EDGE={build}")
    found = re.search(
        r"(\d+) numbers, 0 differ, crc (\d+)\nRAM (\d+) bytes, of them stack (\d+)\ninstructions a sample (\d+)",
        said,
    )
    assert found, said
    numbers, crc, ram, stack, instructions = map(int, found.groups())
    assert crc == checksum(folder) and numbers > 100 and instructions > 10_000
    memory = export.memory(episode(kind)[0], LEARNER, 14)
    # nothing hides elsewhere
    assert 0 < stack < 1024 and 0 < ram - stack - memory["stepwise" if build else "small"] < 1024


@needs_compiler
@pytest.mark.parametrize("kind", KINDS)
def test_webassembly_plays_the_episode_with_the_same_bytes(folder, kind):
    needs(*WASM)
    export.write(folder / "wasm", *episode(kind), "wasm")
    said = printed(folder / "wasm", "make", "test-wasm")
    assert re.search(rf"\n0 of \d+ numbers differ, crc {checksum(folder):08x}", said), said


@needs_compiler
@pytest.mark.parametrize("kind", ["lif"])
def test_cmake_builds_and_tests_it(folder, kind):
    needs(*CMAKE)
    printed(folder, "cmake", "-B", "build", "-DEDGE_STEPWISE=ON")
    printed(folder, "cmake", "--build", "build")
    printed(folder, "ctest", "--test-dir", "build")


def test_the_sketch_compiles_as_an_arduino_core_compiles_it(tmp_path):
    """As C++11 with Arduino.h before it; the library beside it as C, by the compiler of a Cortex-M
    or of this machine."""
    compilers = [name for name in ("arm-none-eabi-g++", "g++", "clang++") if shutil.which(name)]
    if not compilers:
        pytest.skip("no C++ compiler; Debian package: g++")
    export.write(tmp_path, *episode(), "arduino")
    (tmp_path / "Arduino.h").write_text(
        "struct Line { void begin(long); int available(); int read(); void print(int); void "
        "print(char); void println(); "
        "void println(const char *); }; extern Line Serial;"
    )
    strict = "-std=c++11 -Wall -Wextra -Werror -include Arduino.h -I. -Isrc -fsyntax-only -x c++"
    printed(tmp_path, compilers[0], *strict.split(), "examples/teach/teach.ino")
