"""Random integer networks at and beyond their limits, played by kernels, by plain Python integers
and by the C library.

    python tests/hardware/integer_fuzz.py 20000 0 [2000]      so many networks from a seed on, and of so many of them C

Every one is refused by the same sentence wherever it could come in, or all agree bit for bit,
saturations included.
"""

import itertools
import platform
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from edge_library import SANITIZE
from integers import IntegerLayer, IntegerLIF, known

from minisnn.hardware.c import export
import plain_integers as reference
from minisnn.hardware import Learner, IntegerNet, Words, CubaNet
import plain_loihi as loihi_reference
from plain_means import Means

SAMPLES, SUPPORT = 4, 3
EDGES = 0, 1, 2, 30, 31, -1, -17, -18, -31  # of the shift on the way to u
MODEL = 2  # the library's error
HERE = Path(__file__).parent
C = HERE.parents[1] / "hardware" / "c"


class Unchecked(IntegerNet):
    """A network that nothing has looked at, to be written for C."""

    def check(self):
        pass

    def _prepare(self, layer):
        pass

    @property
    def bias_room(self):
        try:
            return IntegerNet.bias_room.fget(self)
        except ValueError:
            return 0


class UncheckedCuba(CubaNet):
    check, _prepare, bias_room = Unchecked.check, Unchecked._prepare, Unchecked.bias_room


@dataclass
class Case:
    """What a network is made from: `make(IntegerNet)`, and what it is to learn."""

    kind: str
    layers: list
    neuron: IntegerLIF
    words: Words
    more: dict
    how: dict
    x: np.ndarray
    y: np.ndarray

    def make(self, unchecked: bool = False) -> IntegerNet:
        given = self.layers, self.neuron, self.words
        if self.kind == "lif":
            return known(Unchecked if unchecked else IntegerNet, *given)
        return known(UncheckedCuba if unchecked else CubaNet, *given, **self.more)


def chosen(rng, *values):
    return values[rng.integers(len(values))]


def word(rng, low: int, high: int) -> int:
    """A whole number, often an end of its range or close to zero."""
    within = rng.integers(low, high, 2, endpoint=True)
    return int(chosen(rng, low, high, max(low, 0), *within))


def weights(rng, shape, bits: int) -> np.ndarray:
    low = -(1 << bits - 1)
    high = (1 << bits - 1) - 1
    kind = rng.integers(6)
    if kind == 0:
        return np.full(shape, chosen(rng, low, high), np.int8)
    if kind == 1:
        return np.where(rng.random(shape) < 0.5, low, high).astype(np.int8)
    if kind == 2:
        some = rng.integers(low, high, shape, endpoint=True) * (rng.random(shape) < 0.3)
        return some.astype(np.int8)
    return np.clip(np.round(rng.normal(0.1 * high, 0.5 * high, shape)), low, high).astype(np.int8)


def biases(rng, C: int, room: int, unit: float) -> np.ndarray:
    """Within the room, at its ends, or (seldom) one beyond; `unit` is what is small."""
    kind = rng.integers(50)
    if kind < 6:
        return np.full(C, chosen(rng, -room, room), np.int32)
    if kind == 6 and room < 2**31 - 1:
        return np.full(C, chosen(rng, -room - 1, room + 1), np.int32)
    if kind < 15:
        return rng.integers(-room, room, C, endpoint=True).astype(np.int32)
    return np.clip(np.round(rng.normal(0, unit, C)), -room, room).astype(np.int32)


def shift(rng) -> int:
    """Bits to the right on the way to u, some of which cannot be had."""
    usual = [rng.integers(*ends) for ends in ((4, 16), (4, 16), (-4, 3), (-36, 37))]
    return int(chosen(rng, *usual, *EDGES))


def counts(rng, shape) -> np.ndarray:
    kind = rng.integers(5)
    if kind == 0:
        return np.full(shape, chosen(rng, 7, 8, 255), np.uint8)
    if kind == 1:
        return np.zeros(shape, np.uint8)
    x = (rng.random(shape) < chosen(rng, 0.1, 0.5, 0.9)).astype(np.uint8)
    return x * rng.choice(np.array([1, 1, 2, 7, 9, 255], np.uint8), shape)


def case(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    kind = chosen(rng, "lif", "lif", "lif", "cuba", "cuba")
    lif = kind == "lif"
    bits, readout_bits = (int(b) for b in rng.integers(2, 9, 2)) if lif else (8, 8)
    modes = rng.choice(["floor", "zero", "nearest"] if lif else ["floor"], 2).tolist()
    words = Words(bits, readout_bits, int(rng.integers(17)) if lif else 12, *modes)
    depth = int(rng.integers(1, 3))
    (H, W, C) = (int(n) for n in rng.integers(1, [6, 6, 3]))
    pool = chosen(rng, "none", "max", "mean") if lif else chosen(rng, "max", "mean")
    if pool != "none":
        H = max(H, 2 * depth)
        W = max(W, 2 * depth)
    fraction = words.fraction if lif else 4
    neuron = IntegerLIF(
        *(
            word(rng, 0, 4095) if rng.integers(3) == 0 else int(n)
            for n in rng.integers(2000, 4090, 3)
        ),
        word(rng, -32768, 32767) if rng.integers(2) else 1024,
        word(rng, -32768, 32767) if rng.integers(2) else int(rng.integers(1024)),
        word(rng, 0, 32767) if rng.integers(2) else 160,
    )
    if not lif:
        neuron = neuron._replace(gamma=0, rho=0, threshold=0)
    layers = []
    shape = (H, W, C)
    exponents = []
    for n in range(depth):
        k = int(chosen(rng, 1, 3, 3, 5))
        out = int(rng.integers(1, 6))
        weight = weights(rng, (k, k, shape[2], out), bits)
        largest = k * k * shape[2] * (1 if n else 7) << bits - 1 + fraction
        room = max(2**31 - 1 - largest, 0) if lif else 1 << 24
        exponent = fraction - 10 - shift(rng) if lif else -8
        unit = 2.0 ** (fraction - exponent - 2) if lif else 300
        bias = biases(rng, out, room, min(unit, room / 2 + 1))
        how = bits, shape, pool if lif else "max", fraction
        layers.append(IntegerLayer(f"conv{n + 1}", weight, bias, exponent, *how))
        shape = layers[-1].output_shape
        exponents.append(int(chosen(rng, -1, -2, -4, rng.integers(-9, 9))))
    inputs = int(np.prod(shape))
    ways = int(rng.integers(1, 5))
    room = max(2**31 - 1 - (inputs << readout_bits - 1 + 12), 0)
    exponent = 2 - int(chosen(rng, rng.integers(6, 14), rng.integers(6, 14), shift(rng)))
    weight = weights(rng, (1, 1, inputs, ways), readout_bits)
    bias = biases(rng, ways, room, min(2.0 ** (11 - exponent), room / 2 + 1))
    layers.append(
        IntegerLayer("readout", weight, bias, exponent, readout_bits, (1, 1, inputs), "none", 12)
    )
    more: dict = {}
    if not lif:
        du = word(rng, 0, 4095)
        dv = word(rng, 1, 4096)
        constants = dict(current=4095 - du, voltage=4096 - dv, trace_bits=int(rng.integers(1, 13)))
        vth = [
            int(chosen(rng, *rng.integers(1, [300, 3000, 1 << 17]), 1, (1 << 17) - 1))
            for _ in range(depth)
        ]
        each = [dict(pool=pool, exponent=e, threshold=v) for e, v in zip(exponents, vth)]
        more = dict(constants=constants, layer_constants=each)
    rule = chosen(rng, "membrane", "three-factor", "class-mean")
    means = rule == "class-mean"
    roundings = ("nearest", "stochastic") if means else reference.ROUNDINGS  # as devices have them
    how = dict(rule=rule, error=chosen(rng, *reference.ERRORS), rounding=chosen(rng, *roundings))
    if not means:
        how |= dict(threshold=int(chosen(rng, 0, 0, 40, 255)), online=bool(rng.integers(2)))
    k, k_bias = (
        int(chosen(rng, rng.integers(2, 16), rng.integers(2, 16), rng.integers(-13, 34), -12, 32))
        for _ in range(2)
    )
    how |= dict(
        log2_weight=19 + exponent - k,
        log2_bias=7 + exponent - k_bias,
        window=int(rng.integers(1, 8)),
    )
    T = int(chosen(rng, 1, 2, 5, 9, 18 if kind == "cuba" else 6))
    seed_ = int(rng.integers(2**32))
    x = counts(rng, (SAMPLES, T, *layers[0].input_shape))
    return Case(
        kind, layers, neuron, words, more, how | dict(seed=seed_), x, rng.integers(0, ways, SUPPORT)
    )


def limits() -> list[Case]:
    """Where a sum at its largest meets a reset that takes it further, and exponents one beyond
    their ends."""
    found = []
    for sign, k, mode in itertools.product((1, -1), (0, 1, 31, -1), ("floor", "zero", "nearest")):
        neuron = IntegerLIF(0, 0, 0, -32768 if sign > 0 else 32767, -32768, 160)
        shape = (1, 1, 1)
        room = 2**31 - 1 - (7 << 7 + 12)
        bias = np.array([sign * room], np.int32)
        last = np.zeros((1, 1, 1, 1), np.int8)
        layers = [
            IntegerLayer("conv1", last + np.int8(127 * sign), bias, 2 - k, 8, shape, "none", 12),
            IntegerLayer("readout", last, np.zeros(1, np.int32), -3, 8, shape, "none", 12),
        ]
        x = np.full((SAMPLES, 5, 1, 1, 1), 7, np.uint8)
        how = dict(rule="membrane", online=False, window=1, log2_weight=3, log2_bias=0)
        given = "lif", layers, neuron, Words(membrane=mode), {}, how
        found.append(Case(*given, x, np.zeros(SUPPORT, int)))
    for n, exponent in itertools.product((0, 1), (-30, 34, -60, 60)):
        one = found[0]
        layers = [
            replace(layer, exponent=exponent) if n == at else layer
            for at, layer in enumerate(one.layers)
        ]
        found.append(replace(one, layers=layers))
    return found


def said(call) -> str:
    """What a call refuses, "" where it does not."""
    try:
        call()
    except ValueError as error:
        return str(error)
    return ""


def refused(one: Case) -> str:
    """The sentence that refuses a network, or its learner in kernels and plain integers alike; "" where
    both are accepted."""
    if sentence := said(one.make):
        return sentence
    chip = one.make()
    how = Learner(**one.how)
    p = np.zeros((SUPPORT, 1, len(chip.weight)), np.int32)
    found = said(lambda: chip.learn(how, p, one.y))
    assert found == said(lambda: reference.learn(chip, how, p.tolist(), one.y.tolist()))
    return found


def played(one: Case) -> dict[str, list]:
    """Scores of every step, learned weights, biases and counts of kernels and plain integers, which
    agree."""
    chip = one.make()
    how = Learner(**one.how)
    infer = reference.infer if one.kind == "lif" else loihi_reference.infer
    spikes, volts = chip.spikes(one.x, record=SAMPLES)
    places = Counter[str]()
    found = []
    for b in range(SAMPLES):
        seed = [] if one.kind == "lif" else [how.seed]
        s, u, p, clipped = infer(chip, one.x[b].tolist(), *seed)
        assert spikes[b].tolist() == s and all(volts[n][b].tolist() == v for n, v in enumerate(u))
        places.update(clipped)
        found.append(p)
    of_u = [name for name in chip.saturations if name.endswith(".u") and name != "readout.u"]
    assert all(chip.saturations[name] == places[name] for name in ("input", *of_u))
    if one.kind == "lif":
        p = chip.traces(spikes)
        assert p.tolist() == found
    else:  # the numbers of the noise go on from sample to sample
        p = chip.traces(spikes, seed=how.seed)
        assert p[0].tolist() == found[0]
    new = chip.learn(how, p[:SUPPORT], one.y)
    weight, bias, number = reference.learn(chip, how, p[:SUPPORT].tolist(), one.y.tolist())
    assert new.weight.tolist() == weight and new.bias.tolist() == bias
    assert {name: getattr(new, name) for name in number} == number
    other = chip.with_readout(new.weight, new.bias)
    scores = []
    total = 0
    now = chip.weight.tolist(), chip.bias.tolist()
    for b in range(SAMPLES):
        if how.online and b < SUPPORT:
            now = reference.learn(chip, how, p[:b].tolist(), one.y[:b].tolist())[:2] if b else now
        elif b >= SUPPORT:
            now = weight, bias
        u, clipped = reference.readout(
            chip.neuron, chip.words, chip.readout.exponent, *now, p[b].tolist()
        )
        scores.append(u)
        total += clipped
        if not how.online or b >= SUPPORT:
            at = other if b >= SUPPORT else chip
            before = at.saturations["readout.u"]
            assert (
                at.membranes(p[b : b + 1])[0].tolist() == u
                and at.saturations["readout.u"] - before == clipped
            )
    inside = sum(places.values()) - places["input"] + total
    if how.rule == "class-mean":
        return _by_means(one, how, p.tolist(), [places["input"], inside - total])
    counts = [places["input"], inside, *(number[name] for name in number)]
    return dict(scores=scores, learned=[*(w for row in weight for w in row), *bias], counts=counts)


def _by_means(one: Case, how: Learner, p: list, clipped: list[int]) -> dict[str, list]:
    """What the library plays, which counts its class means."""
    means = Means(
        len(p[0][0]), reference.seed_state(how.seed), stochastic=how.rounding == "stochastic"
    )
    for _ in range(one.layers[-1].weight.shape[3]):
        means.add()
    scores = []
    for b, recording in enumerate(np.array(p, int)):
        scores.append([means.scores(x).tolist() for x in recording])
        if b < SUPPORT:
            means.shot(int(one.y[b]), recording[-1])
    learned = np.concatenate([one.mean for one in means.known]).tolist()
    return dict(
        scores=scores, learned=learned, counts=[*clipped, means.written, 0, means.clipped, 0]
    )


def record(one: Case, model: bytes, ways: int) -> bytes:
    """What edge_many.c takes."""
    T = one.x.shape[1]
    window = one.how["window"] if one.how["rule"] == "three-factor" else 1
    sizes = [T, ways, window, SAMPLES, SUPPORT, T]
    length, sizes = (np.array(numbers, "<u4").tobytes() for numbers in ([len(model)], sizes))
    return length + model + sizes + one.y.astype("<i4").tobytes() + one.x.tobytes()


def compiled(folder: Path, compiler: str, flags=()) -> Path:
    """edge_many, under the sanitizers."""
    sources = sorted(C.glob("minisnn_edge*.c"))
    program = folder / f"many-{compiler}{'-'.join(flags)}"
    command = [compiler, *SANITIZE, *flags, f"-I{C}", "-o", program, HERE / "edge_many.c", *sources]
    subprocess.run(command, check=True)
    return program


def compare(
    command: list,
    several: list[tuple[Case, dict | None]],
    stepwise: bool = True,
    counted: bool = True,
) -> Counter:
    """How many networks the library refused, or played as they were played here (None: one that
    must be refused)."""
    records = []
    for one, expected in several:
        chip = one.make(unchecked=expected is None)
        how = (
            one.how
            if expected
            else dict(log2_weight=chip.readout.exponent + 9, log2_bias=chip.readout.exponent)
        )
        records.append(record(one, export.packed(chip, Learner(**how)), chip.ways))
    ran = subprocess.run(command, input=b"".join(records), capture_output=True)
    assert ran.returncode == 0, ran.stderr.decode()[-3000:]
    found = np.frombuffer(ran.stdout, "<i4")
    at = 0
    number = Counter[str]()
    for one, expected in several:
        error = int(found[at])
        at += 1
        assert error == (0 if expected else MODEL), (error, said(one.make), one)
        number["refused" if error else "equal"] += 1
        if expected:
            steps = (
                expected["scores"] if stepwise else [sample[-1:] for sample in expected["scores"]]
            )
            numbers = [u for sample in steps for step in sample for u in step] + expected["learned"]
            numbers += expected["counts"] if counted else []
            assert found[at : at + len(numbers)].tolist() == numbers, one
            at += len(numbers)
    assert at == len(found)
    return number


def builds() -> list[tuple[str, ...]]:
    """The library's exact ones, the second with the vectors of this machine, too."""
    several: list[tuple[str, ...]] = [(), ("-DEDGE_STEPWISE",)]
    return several + (
        [("-DEDGE_STEPWISE", "-msse4.1", "-O2")] if platform.machine() == "x86_64" else []
    )


def run(first: int, number: int, of_c: int = 0, compilers=("gcc",), flags=()) -> Counter:
    """The counts of so many networks from a seed on; of the first `of_c` that reach it the C
    library in the builds of these flags, too, and in WebAssembly where there is node."""
    counts_ = Counter[str]()
    several = []
    known = limits()
    of_c += len(known) if of_c else 0
    for seed in range(first - len(known), first + number):
        one = case(seed) if seed >= first else known[seed - first]
        sentence = refused(one)
        expected = None if sentence else played(one)
        counts_[f"{one.kind}: {'refused' if sentence else 'equal'}"] += 1
        # not for its learner
        if len(several) < of_c and (not sentence or said(one.make)):
            several.append((one, expected))
    if not several:
        return counts_
    with tempfile.TemporaryDirectory() as folder:
        for compiler in compilers:
            for build in flags or builds():
                found = compare([compiled(Path(folder), compiler, build)], several, bool(build))
                counts_.update(
                    {f"C, {compiler} {' '.join(build)}: {name}": n for name, n in found.items()}
                )
    if shutil.which("node"):
        wasm = [C / "minisnn_edge.mjs", C / "minisnn_edge.wasm"]
        found = compare(["node", HERE / "edge_many.mjs", *wasm], several, counted=False)
        counts_.update({f"WebAssembly: {name}": n for name, n in found.items()})
    return counts_


if __name__ == "__main__":
    number, first, of_c = (int(n) for n in (*sys.argv[1:4], 0, 0, 0)[:3])
    for name, n in sorted(run(first, number, of_c, ("gcc", "clang")).items()):
        print(f"{n:7} {name}")
