"""The C library of an exported network, compiled and called through ctypes."""

import ctypes
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from integers import events
from plain_integers import ERRORS, ROUNDINGS, TRIGGER, seed_state

from minisnn.hardware.c import episode, export
from minisnn.hardware import Learner

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror")
BUILDS = {
    "small": (),
    "stepwise": ("-DEDGE_STEPWISE",),
    "short": ("-DEDGE_STEPWISE", "-DEDGE_SHORT"),
}
SANITIZE = ("-std=c99", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
if not COMPILERS and shutil.which("cc"):
    COMPILERS = ["cc"]
needs_compiler = pytest.mark.skipif(
    not COMPILERS, reason="no C compiler (cc, gcc or clang) is on the path"
)
needs_node = pytest.mark.skipif(not shutil.which("node"), reason="no node; Debian package: nodejs")
(OK, ARGUMENT, MODEL, MEMORY, INPUT, FULL, EMPTY, LABEL, OPTION, SAVED, VERSION, PENDING, STORE) = (
    range(13)
)
HERE = Path(__file__).parent

EXACT = ("small", "stepwise")
PLAIN = Learner(log2_weight=3, log2_bias=0)


def exporter(make, steps: int):
    """exported(folder, learner, steps=…, **options) -> (chip, x, y): an episode of a small network
    of `make`'s, written out."""

    def exported(folder, learner=PLAIN, steps=steps, **options):
        net, _, chip = make(**{"readout_exponent": -3, **options})
        x = events(net, 7, steps)
        y = np.array([0, 2, 1, 1])
        export.write(folder, chip, learner, x[:4], y, x[4:])
        return chip, x, y

    return exported


def in_node(folder: Path, script: str, *files: Path):
    """What a script of modules prints, as JSON; EDGE and PAGE are their folders."""
    C = Path(export.__file__).parent
    places = dict(EDGE=C.as_uri(), PAGE=(C.parent / "page").as_uri())
    consts = [f"const {name} = {json.dumps(place)};\n" for name, place in places.items()]
    (folder / "try.mjs").write_text("".join(consts) + script)
    ran = subprocess.run(["node", folder / "try.mjs", *files], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def library(folder: Path) -> list[str]:
    """The library's sources in an export: the network's and its neuron's."""
    return sorted(path.name for path in folder.glob("minisnn_edge*.c"))


def run(folder: Path, *command) -> tuple[int, str]:
    """The exit code of a program in a folder, and what it says."""
    how = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    ran = subprocess.run([*map(str, command)], cwd=folder, **how)
    return ran.returncode, ran.stdout


def printed(folder: Path, *command) -> str:
    """What a program says that must end with 0."""
    code, said = run(folder, *command)
    assert code == 0, said
    return said


def compile_c(folder: Path, *arguments, compiler: str | None = None) -> None:
    """Compile in a folder of exported files."""
    printed(folder, compiler or COMPILERS[0], "-I.", *arguments)


def malformed(folder: Path, build: str, tries: int, seed: int, compiler: str) -> list[int]:
    """How often each error came of so many malformed networks under the compiler's sanitizers; a
    skip where it has none."""
    sources = HERE / "edge_fuzz.c", *library(folder)
    code, said = run(folder, compiler, "-I.", *SANITIZE, *BUILDS[build], "-o", "fuzz", *sources)
    if code and any(word in said for word in ("sanitize", "asan", "clang_rt")):
        pytest.skip(f"{compiler} has no sanitizers: {said.splitlines()[-1]}")
    assert code == 0, said
    lines = printed(folder, "./fuzz", tries, seed).splitlines()
    return [int(line.split()[0]) for line in lines[1:13]]


class Room(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("steps", "classes", "window")]


class Library:
    """A network of `folder` at work in one build; methods raise `Refused` with the error's
    number."""

    class Refused(Exception):
        pass

    def __init__(
        self, folder: Path, build: str, steps: int, classes: int, window: int = 1, flags=("-O1",)
    ):
        name = folder / f"lib{build}.so"
        flags = *STRICT, *flags, *BUILDS[build], "-fPIC", "-shared", "-o", name
        compile_c(folder, *flags, HERE / "edge_shim.c", *library(folder))
        self.c, self.build = ctypes.CDLL(str(name)), build
        for function in ("shim_words", "shim_edge", "edge_words", "edge_saved_bytes"):
            getattr(self.c, function).restype = ctypes.c_size_t
        self.c.shim_model.restype = ctypes.c_void_p
        self.c.edge_message.restype = ctypes.c_char_p
        self.model = ctypes.c_void_p(self.c.shim_model())
        self.room = Room(steps, classes, window)
        self.words = self.c.shim_words(*map(ctypes.c_uint32, (steps, classes, window)))
        self.memory = np.zeros(self.words, np.uint32)
        self.edge = ctypes.create_string_buffer(self.c.shim_edge())
        self("init", self.model, self.room, at(self.memory), ctypes.c_size_t(self.words))

    def __call__(self, name: str, *arguments) -> None:
        found = getattr(self.c, f"edge_{name}")(self.edge, *arguments)
        if found:
            raise self.Refused(found)

    def set_learner(self, learner, readout) -> None:
        k = learner.shifts(readout.exponent, readout.bits)
        numbers = [
            ("membrane", "three-factor", "class-mean").index(learner.rule),
            ERRORS.index(learner.error),
            ROUNDINGS.index(learner.rounding),
            learner.threshold,
            learner.window,
            *k,
            TRIGGER,
            learner.online,
            learner.refuse,
            learner.residuals,
        ]
        seed = ctypes.c_uint32(seed_state(learner.seed))
        found = self.c.shim_learner(self.edge, at(np.array(numbers, np.int32)), seed)
        if found:
            raise self.Refused(found)

    def counts(self, x: np.ndarray) -> None:
        """A whole recording (T, H, W, C) from its start."""
        self("start")
        for step in np.ascontiguousarray(x, np.uint8):
            self("step_counts", at(step))

    def recording(self, x: np.ndarray, rng=None) -> None:
        """The same as events, (x, y, polarity), in any order within a step."""
        events, per_step = episode.events(x, rng)
        self("recording", at(events), at(per_step), ctypes.c_size_t(len(x)))

    def scores(self, classes: int) -> tuple[np.ndarray, int]:
        scores = np.zeros(classes, np.int16)
        label = ctypes.c_int()
        self("scores", at(scores), ctypes.byref(label))
        return scores, label.value

    def holds(self, new) -> None:
        """What was learned is in the readout."""
        weight, bias = (np.zeros(array.shape, np.int32) for array in (new.weight, new.bias))
        self.c.shim_readout(self.edge, at(weight), at(bias))
        np.testing.assert_array_equal(weight, new.weight)
        np.testing.assert_array_equal(bias, new.bias)

    def known(self, inputs: int, classes: int) -> dict[int, list]:
        """{id: [shots, slack, mean]} of class means, the mean in its last place."""
        found = {}
        for place in range(classes):
            one = np.zeros(3 + inputs, np.int32)
            self.c.shim_class(self.edge, ctypes.c_uint32(place), at(one))
            found[int(one[0])] = [int(one[1]), int(one[2].astype(np.uint32)), one[3:].tolist()]
        return found

    def saturations(self) -> dict[str, int]:
        found = np.zeros(6, np.uint32)
        self.c.shim_counts(self.edge, at(found))
        names = "input u written gated clipped gradient_saturated".split()
        return dict(zip(names, found.tolist()))

    def save(self) -> np.ndarray:
        found = np.zeros(self.c.edge_saved_bytes(self.edge), np.uint8)
        self("save", at(found), ctypes.c_size_t(len(found)))
        return found

    def load(self, saved: np.ndarray) -> None:
        self("load", at(np.ascontiguousarray(saved, np.uint8)), ctypes.c_size_t(len(saved)))


def at(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
