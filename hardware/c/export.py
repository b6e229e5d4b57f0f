"""The integer network as files for others: a C header, .hex memory images, and a C program that repeats inference and learning.

    chip.h          constants, formats, weights, biases and tables          chip.c    inference, learner and self-test, C99
    <layer>.weight.hex, <layer>.bias.hex, <table>.hex                   a word a line, two's complement, as $readmemh reads it
    selftest.bin    counts, labels, and every number that is expected       README.md the formats

`from_header` and `from_hex` give the very same network back.
"""

import re
from contextlib import suppress
from pathlib import Path

import numpy as np

from minisnn.files import write_whole

from ..chip.errors import ERRORS, EXPONENTIAL, TRIGGER
from ..chip.formats import ROUNDINGS, seed_state
from ..chip.kernels import POOL
from ..chip.learner import Learner, learn
from ..chip.network import MOST_COUNT, IntegerNet, Words
from ..chip.neuron import RECIPROCAL, IntegerLIF
from ..chip.quantise import IntegerLayer
from ..chip.traces import BITS

TABLES = {"chip_exponential": EXPONENTIAL, "chip_reciprocal": RECIPROCAL}
NEURON = ("alpha", "beta", "gamma", "rho", "threshold", "slope")


def write(folder: Path, chip: IntegerNet, learner: Learner, x_support, y_support, x_query) -> list[Path]:
    """Write all files; their paths. The samples make the self-test: counts (B, T, H, W, C) and labels (B,)."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: there is a file of this name; expected a folder to write to")
    files = {
        "chip.h": header(chip, learner).encode(),
        "chip.c": Path(__file__).with_name("chip.c").read_bytes(),
        "selftest.bin": vectors(chip, learner, x_support, y_support, x_query),
        "README.md": Path(__file__).parents[1].joinpath("README.md").read_bytes(),
    }
    for layer in chip.layers:
        files[f"{layer.name}.weight.hex"] = to_hex(layer.weight, layer.bits)
        files[f"{layer.name}.bias.hex"] = to_hex(layer.bias, 32)
    files.update({f"{name}.hex": to_hex(table, 16) for name, table in TABLES.items()})
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_whole(folder / name, content)
    except BaseException:  # a full disk: half an export is none
        with suppress(OSError):
            for name in files if new else ():
                (folder / name).unlink(missing_ok=True)
            for place in new:
                place.rmdir()
        raise
    return [folder / name for name in files]


def to_hex(array: np.ndarray, bits: int) -> bytes:
    """A word a line, in row-major order, (bits + 3) / 4 digits each."""
    digits = -(-bits // 4)
    return "".join(f"{int(v) & (1 << bits) - 1:0{digits}x}\n" for v in array.ravel()).encode()


def read_hex(path: Path, bits: int, shape) -> np.ndarray:
    """Signed words of a .hex file; ValueError where there are others than asked for."""
    lines = path.read_text(encoding="ascii").split()
    if len(lines) != int(np.prod(shape)):
        raise ValueError(f"{path}: found {len(lines)} words, expected {int(np.prod(shape))}")
    words = np.array([int(line, 16) for line in lines], np.int64)
    if words.max(initial=0) >> bits:
        raise ValueError(f"{path}: found a word of more than {bits} bits")
    return (words - ((words >> bits - 1) << bits)).reshape(shape)


# ---- the header


def constants(chip: IntegerNet, learner: Learner) -> dict[str, int]:
    k = learner.shifts(chip.readout.exponent)
    return {
        **{name: getattr(chip.neuron, name) for name in NEURON},
        "fraction": chip.words.fraction,
        "traces_rounding": ROUNDINGS[chip.words.traces],
        "membrane_rounding": ROUNDINGS[chip.words.membrane],
        "most_count": MOST_COUNT,
        "inputs": int(np.prod(chip.input_shape)),
        "layers": len(chip.layers) - 1,
        "ways": chip.ways,
        "weight_bits": chip.words.weight_bits,
        "readout_bits": chip.readout.bits,
        "readout_exponent": chip.readout.exponent,
        "readout_inputs": len(chip.weight),
        "bias_room": chip.bias_room,
        "error": ERRORS[learner.error],
        "trigger": TRIGGER,
        "three_factor": int(learner.rule == "three-factor"),
        "window": learner.window,
        "online": int(learner.online),
        "learn_rounding": ROUNDINGS[learner.rounding],
        "learn_threshold": learner.threshold,
        "shift_weight": k[0],
        "shift_bias": k[1],
        "seed_state": seed_state(learner.seed),
    }


def header(chip: IntegerNet, learner: Learner) -> str:
    """chip.h as text."""
    lines = [
        "/* An integer spiking network; formats in README.md. Made by minisnn hardware export. */",
        "#ifndef CHIP_H",
        "#define CHIP_H",
        "#include <stdint.h>",
        "",
    ]
    lines += [
        f"#define CHIP_{name.upper()} {value}{'u' if name == 'seed_state' else ''}"
        for name, value in constants(chip, learner).items()
    ]
    lines += [
        "",
        "typedef struct {",
        "    int height, width, inputs, outputs, kernel, pool, exponent;      /* pool: 0 none, 1 max, 2 mean */",
        "    const int8_t *weight;       /* (kernel, kernel, inputs, outputs) */",
        "    const int32_t *bias;",
        "} chip_layer;",
        "",
    ]
    for layer in chip.layers:
        lines += _array(f"{layer.name}_weight", "int8_t", layer.weight) + _array(f"{layer.name}_bias", "int32_t", layer.bias)
    for name, table in TABLES.items():
        lines += _array(name, "int32_t", table)
    lines.append(f"static const chip_layer chip_layers[{max(len(chip.layers) - 1, 1)}] = {{")
    for layer in chip.layers[:-1]:
        numbers = [*layer.input_shape, layer.weight.shape[3], len(layer.weight), POOL[layer.pool], layer.exponent]
        lines.append(f"    {{{', '.join(map(str, numbers))}, {layer.name}_weight, {layer.name}_bias}},")
    return "\n".join([*lines, *(["    {0}"] if len(chip.layers) == 1 else []), "};", "#endif", ""])


def _array(name: str, kind: str, values: np.ndarray) -> list[str]:
    flat = [str(int(v)) for v in values.ravel()]
    rows = [", ".join(flat[n : n + 24]) for n in range(0, len(flat), 24)]
    return [f"static const {kind} {name}[{len(flat)}] = {{", *(f"    {row}," for row in rows), "};", ""]


def _read_header(path: Path) -> tuple[dict[str, int], list[list[int]], dict[str, np.ndarray]]:
    """(constants, numbers of every conv layer, arrays)."""
    text = path.read_text(encoding="ascii")
    found = {name.lower(): int(value) for name, value in re.findall(r"#define CHIP_(\w+) (-?\d+)", text)}
    arrays = {
        name: np.array([int(v) for v in re.findall(r"-?\d+", body)], np.int64)
        for name, body in re.findall(r"static const int\d+_t (\w+)\[\d+\] = \{([^}]*)\}", text)
    }
    rows = [[int(v) for v in row.split(",")[:7]] for row in re.findall(r"\{((?:-?\d+, ){7})\w+_weight, \w+_bias\}", text)]
    missing = {*NEURON, "fraction", "layers", "ways", "readout_bits"} - set(found)
    if missing or len(rows) != found["layers"] or "readout_weight" not in arrays:
        raise ValueError(f"{path}: not the header of an exported network; it lacks {', '.join(sorted(missing)) or 'layers'}")
    return found, rows, arrays


def _network(found: dict, rows: list, weights) -> IntegerNet:
    """weights(layer name, what, bits, shape) gives an array."""
    modes = list(ROUNDINGS)
    words = Words(
        found["weight_bits"],
        found["readout_bits"],
        found["fraction"],
        modes[found["traces_rounding"]],
        modes[found["membrane_rounding"]],
    )
    inputs, ways = found["readout_inputs"], found["ways"]
    rows = [(f"conv{n}", found["weight_bits"], row) for n, row in enumerate(rows, 1)]
    rows.append(("readout", found["readout_bits"], [1, 1, inputs, ways, 1, 0, found["readout_exponent"]]))
    layers = []
    for name, bits, (H, W, C, outputs, kernel, pool, exponent) in rows:
        layers.append(
            IntegerLayer(
                name,
                weights(name, "weight", bits, (kernel, kernel, C, outputs)).astype(np.int8),
                weights(name, "bias", 32, (outputs,)).astype(np.int32),
                exponent,
                bits,
                (H, W, C),
                list(POOL)[pool],
                BITS if name == "readout" else words.fraction,
            )
        )
    first = layers[0].input_shape if len(layers) > 1 else (1, 1, inputs)
    return IntegerNet.from_layers(layers, IntegerLIF(*(found[name] for name in NEURON)), words, first)


def from_header(path: Path) -> IntegerNet:
    """The network of a chip.h."""
    found, rows, arrays = _read_header(path)
    return _network(found, rows, lambda name, what, bits, shape: arrays[f"{name}_{what}"].reshape(shape))


def from_hex(folder: Path) -> IntegerNet:
    """The network of a folder of .hex files; constants and shapes from its chip.h, numbers from the .hex files alone."""
    found, rows, _ = _read_header(folder / "chip.h")
    return _network(found, rows, lambda name, what, bits, shape: read_hex(folder / f"{name}.{what}.hex", bits, shape))


# ---- the self-test


def vectors(chip: IntegerNet, learner: Learner, x_support, y_support, x_query) -> bytes:
    """selftest.bin: int32 (support, query, T) and labels, uint8 counts, then int32 of what is expected."""
    p = chip.traces(chip.spikes(x_support))
    new = learn(chip, learner, p, y_support)
    after = chip.membranes(chip.traces(chip.spikes(x_query)), new.weight, new.bias)
    little = np.dtype("<i4")
    parts = [
        np.array([len(x_support), len(x_query), x_support.shape[1]], little),
        np.asarray(y_support).astype(little),
        np.minimum(x_support, 255).astype(np.uint8),
        np.minimum(x_query, 255).astype(np.uint8),
    ]
    parts += [array.astype(little) for array in (chip.membranes(p), new.weight, new.bias, after)]
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
