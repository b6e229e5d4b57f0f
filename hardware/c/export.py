"""Write the integer network as files for other tools: a C header, .hex memory images, and the C
library that infers and learns with it.

    chip.h          the model: constants, weights, biases and tables        minisnn_edge*.h, minisnn_edge*.c   the library, C99
    <layer>.weight.hex, <layer>.bias.hex, <table>.hex                 one word per line, two's complement, as $readmemh reads it
    selftest.bin    events, labels, and every number that is expected       selftest.c, Makefile             repeat them
    README.md       the formats              for others than C (FOR): model.bin is the model for minisnn_edge.wasm, any of them

`reading` reads the same network back.
"""

import re
from pathlib import Path

import numpy as np

from minisnn.files import whole_folder
from minisnn.outputs import FOLDER, check

from ..chip.errors import EXPONENTIAL
from ..chip.kernels import POOL
from ..chip.learner import CLASS_MEAN, Learner
from ..chip.network import IntegerNet
from ..chip.neuron import RECIPROCAL
from .episode import means_of, vectors
from .readme import readme
from .sizes import CLASS_WORDS, constants, fixed_words, memory as memory, nothing_of, planes_of

TABLES = {"chip_exponential": EXPONENTIAL, "chip_reciprocal": RECIPROCAL}
KINDS = ("lif", "cuba")  # neurons, each in its own file
LIBRARY = (
    "minisnn_edge.h",
    "minisnn_edge_neuron.h",
    "minisnn_edge.c",
    "minisnn_edge_means.c",
    "minisnn_edge_gradient.c",
    "minisnn_edge_save.c",
    "minisnn_edge_stream.c",
)
BOARDS = ("boards.mk", "board.c", "board.ld", "board_episode.s", "board_arm.c", "board_riscv.c")
TEST = ("episode.h", "episode.c", "selftest.c", "Makefile", "CMakeLists.txt", "library.json")
WASM = ("minisnn_edge.wasm", "minisnn_edge.mjs", "episode.mjs", "wasm.c", "Makefile")
# files that are copied for each target, in addition to the neuron's: {name there: name in this folder}
FOR = {
    "c": {name: name for name in (*LIBRARY, *TEST, *BOARDS)},
    "arduino": {
        **{f"src/{name}": name for name in LIBRARY},
        "library.properties": "library.properties",
        "examples/teach/teach.ino": "teach.ino",
    },
    "wasm": {
        name: name for name in (*LIBRARY, *(f"minisnn_edge_{kind}.c" for kind in KINDS), *WASM)
    },
}


def write(
    folder: Path,
    chip: IntegerNet,
    learner: Learner,
    x_support,
    y_support,
    x_query,
    what: str = "c",
    force: bool = False,
) -> list[Path]:
    """Write all files for the target `what`, a key of FOR, and return their paths. The self-test is
    made from counts (B, T, H, W, C) and labels (B,).

    Raises ValueError if the folder is not empty, unless `force`.
    """
    steps = x_support.shape[1]
    neuron = f"minisnn_edge_{chip.kind}.c"
    sources = FOR[what] | {("src/" if what == "arduino" else "") + neuron: neuron}
    model = (
        packed(chip, learner, steps) if what == "wasm" else header(chip, learner, steps).encode()
    )
    files = {
        name: Path(__file__).with_name(source).read_bytes() for name, source in sources.items()
    }
    files["README.md"] = readme(chip, learner, steps, what).encode()
    files[{"wasm": "model.bin", "arduino": "src/chip.h"}.get(what, "chip.h")] = model
    if what != "arduino":
        files["selftest.bin"] = vectors(chip, learner, x_support, y_support, x_query)
    if what == "c":
        for layer in chip.layers:
            files[f"{layer.name}.weight.hex"] = to_hex(layer.weight, layer.bits)
            files[f"{layer.name}.bias.hex"] = to_hex(layer.bias, 32)
        files.update({f"{name}.hex": to_hex(table, 16) for name, table in TABLES.items()})
    check(folder, FOLDER, force=force)
    with whole_folder(folder) as target:
        for name, content in files.items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes(content)
    return [folder / name for name in files]


def to_hex(array: np.ndarray, bits: int) -> bytes:
    """Format one word per line, in row-major order, with (bits + 3) / 4 digits."""
    digits = -(-bits // 4)
    return "".join(f"{int(v) & (1 << bits) - 1:0{digits}x}\n" for v in array.ravel()).encode()


# ---- the header


def header(chip: IntegerNet, learner: Learner, steps: int) -> str:
    """Return the text of chip.h, which declares memory for recordings of this many steps.

    Raises ValueError if the network is larger than the library supports, or if an intermediate
    value could overflow its word (`chip.check`).
    """
    if len(chip.layers) < 2:
        raise ValueError("the library needs a conv layer before the readout")
    for n, layer in enumerate(chip.layers[:-1]):
        if (
            max(layer.input_shape[:2]) > 256
            or max(layer.weight.shape[2:]) > 4096
            or len(layer.weight) > 15
        ):
            raise ValueError(
                f"{layer.name}: the library holds 256 rows and columns, 4,096 channels and kernels "
                "of 15 at most"
            )
    chip.check()
    if learner.rule == CLASS_MEAN:
        means_of(chip, learner)  # raises for learners that no device supports
    (h, w, C) = chip.layers[-2].output_shape
    number = constants(chip, learner, steps)
    means = learner.rule == CLASS_MEAN
    planes = " * 2" if learner.residuals else ""
    each = CLASS_WORDS if means else "(2 * (window) + 3 + CHIP_READOUT_INPUTS)"
    lines = [
        "/* An integer spiking network; formats in README.md. Made by minisnn hardware export. "
        "Include it in one file. */",
        "#ifndef CHIP_H",
        "#define CHIP_H",
        '#include "minisnn_edge.h"',
        "",
        *(
            f"#define CHIP_{name.upper()} {value}{'u' * (name in ('seed_state', 'id', 'refuse'))}"
            for name, value in number.items()
        ),
        "",
        "/* words of memory for edge_init: uint32_t memory[CHIP_WORDS(steps, classes, window)] */",
    ]
    for word, (build, (fixed, step)) in zip(("if", "elif", "else"), fixed_words(chip).items()):
        lines.append(f"#{word} defined({build})" if build else "#else")
        lines += [f"#define CHIP_FIXED_WORDS {fixed}", f"#define CHIP_STEP_WORDS {step}"]
    lines += [
        "#endif",
        "#define CHIP_WORDS(steps, classes, window) \\",
        "    (CHIP_FIXED_WORDS + CHIP_STEP_WORDS * (steps) + ((window) > 1 ? CHIP_READOUT_INPUTS : "
        "0) + \\",
        f"     {h * planes_of(chip) * -(-w * C // 32)} * (window) + (classes) * {each} + \\",
        f"     (CHIP_READOUT_INPUTS * (classes) + 3) / 4{planes})",
        "",
    ]
    for layer in chip.layers[:-1]:
        pad = -layer.weight.shape[3] % 4
        lines += _array(f"{layer.name}_weight", "uint32_t", _packed(layer.weight), "0x{:08x}")
        lines += _array(f"{layer.name}_bias", "int32_t", np.pad(layer.bias, (0, pad)))
    lines += _array("readout_weight", "int8_t", chip.readout.weight) + _array(
        "readout_bias", "int32_t", chip.readout.bias
    )
    for name, table in TABLES.items():
        lines += _array(name, "int32_t", table)
    nothings = nothing_of(chip, learner)
    if len(nothings):
        lines += _array("chip_nothing", "uint8_t", nothings)
    lines.append(f"static const edge_layer chip_layers[{len(chip.layers) - 1}] = {{")
    for n, layer in enumerate(chip.layers[:-1]):
        lines.append(
            f"    {{{', '.join(map(str, _numbers(chip, n)))}, {layer.name}_weight, "
            f"{layer.name}_bias}},"
        )
    model = f"""\
static const edge_model chip_model = {{
    &edge_{chip.kind},
    ALPHA, BETA, GAMMA, RHO, THRESHOLD, SLOPE, CURRENT, VOLTAGE, FRACTION, TRACES_ROUNDING, MEMBRANE_ROUNDING, TRACE_BITS,
    WEIGHT_BITS, LAYERS, chip_layers,
    READOUT_INPUTS, WAYS, READOUT_BITS, READOUT_EXPONENT, BIAS_ROOM, readout_weight, readout_bias,
    chip_exponential, chip_reciprocal,
    {{RULE, ERROR, LEARN_ROUNDING, LEARN_THRESHOLD, WINDOW, SHIFT_WEIGHT, SHIFT_BIAS, TRIGGER, ONLINE, SEED_STATE,
     REFUSE, RESIDUALS}}, ID, BIN, STEPS, CELL, CENTRED, NOTHINGS, {"chip_nothing" if len(nothings) else "0"},
}};"""
    return "\n".join([*lines, "};", "", re.sub(r"\b(?=[A-Z]{2})", "CHIP_", model), "#endif", ""])


MODEL = (
    "alpha beta gamma rho threshold slope fraction traces_rounding membrane_rounding weight_bits "
    "layers readout_inputs ways "
    "readout_bits readout_exponent bias_room rule error learn_rounding learn_threshold window "
    "shift_weight shift_bias trigger "
    "online seed_state id current voltage trace_bits refuse residuals bin steps cell centred"
).split()


def packed(chip: IntegerNet, learner: Learner, steps: int = 1) -> bytes:
    """Return model.bin, which wasm.c reads, in words of 32 bits, the lowest byte first: "msnm",
    version, bytes in all; MODEL, then the neuron's number in KINDS, and the number of means that
    are no class; of each conv layer its edge_layer, weights as in chip.h, biases; the readout's
    weights as bytes, its biases; the tables; the means that are no class, as bytes."""
    header(chip, learner, steps)  # raises if the network is larger than the library supports
    numbers = constants(chip, learner, steps)
    parts: list = [
        np.array(
            [*(numbers[name] for name in MODEL), KINDS.index(chip.kind), numbers["nothings"]],
            np.int64,
        )
    ]
    for n, layer in enumerate(chip.layers[:-1]):
        parts += [
            _numbers(chip, n),
            _packed(layer.weight),
            np.pad(layer.bias, (0, -layer.weight.shape[3] % 4)),
        ]
    parts += [
        _as_words(chip.readout.weight.astype(np.uint8)),
        chip.readout.bias,
        *TABLES.values(),
        _as_words(nothing_of(chip, learner)),
    ]
    body = b"".join((np.asarray(part, np.int64) % 2**32).astype("<u4").tobytes() for part in parts)
    return b"msnm" + np.array([4, len(body) + 12], "<u4").tobytes() + body


def _as_words(array: np.ndarray) -> np.ndarray:
    """Return bytes as words of 32 bits, padded with zeros."""
    content = array.tobytes()
    return np.frombuffer(content + bytes(-len(content) % 4), "<u4")


def _numbers(chip: IntegerNet, n: int) -> list[int]:
    layer = chip.layers[n]
    more = chip.layer_constants(n)
    return [
        *layer.input_shape,
        layer.weight.shape[3],
        len(layer.weight),
        POOL[more["pool"]],
        more["exponent"],
        more["threshold"],
    ]


def _array(name: str, kind: str, values: np.ndarray, form: str = "{}") -> list[str]:
    flat = [form.format(int(v)) for v in values.ravel()]
    rows = [", ".join(flat[n : n + 24]) for n in range(0, len(flat), 24)]
    return [
        f"static const {kind} {name}[{len(flat)}] = {{",
        *(f"    {row}," for row in rows),
        "};",
        "",
    ]


def _packed(weight: np.ndarray) -> np.ndarray:
    """Return weights (k, k, C_in, C_out) + 128 as words of four output channels, the first in the
    lowest byte."""
    filled = np.pad(
        weight.astype(np.int64) + 128,
        [(0, 0)] * 3 + [(0, -weight.shape[3] % 4)],
        constant_values=128,
    )
    return (filled.reshape(-1, 4) << np.array([0, 8, 16, 24])).sum(1)
