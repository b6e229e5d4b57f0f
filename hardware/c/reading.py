"""Exported files read back: the very network that was written."""

import re
from pathlib import Path

import numpy as np

from ..chip.formats import ROUNDINGS
from ..chip.kernels import POOL
from ..chip.network import IntegerNet, Words
from ..chip.neuron import IntegerLIF
from ..chip.quantise import IntegerLayer
from ..chip.traces import BITS


def read_hex(path: Path, bits: int, shape) -> np.ndarray:
    """Signed words of a .hex file; ValueError where there are others than asked for."""
    lines = path.read_text(encoding="ascii").split()
    if len(lines) != int(np.prod(shape)):
        raise ValueError(f"{path}: found {len(lines)} words, expected {int(np.prod(shape))}")
    words = np.array([int(line, 16) for line in lines], np.int64)
    if words.max(initial=0) >> bits:
        raise ValueError(f"{path}: found a word of more than {bits} bits")
    return (words - ((words >> bits - 1) << bits)).reshape(shape)


def _unpacked(words: np.ndarray, shape) -> np.ndarray:
    """The weights of `_packed`."""
    return ((words[:, None] >> np.array([0, 8, 16, 24])) % 256 - 128).reshape(*shape[:3], -1)[..., : shape[3]]


def _read_header(path: Path, net: type[IntegerNet]) -> tuple[dict, list[list[int]], dict[str, np.ndarray]]:
    """(constants, numbers of every conv layer, arrays)."""
    text = path.read_text(encoding="ascii")
    found = {name.lower(): int(value) for name, value in re.findall(r"#define CHIP_(\w+) (-?\d+)", text)}
    found["kind"] = "".join(re.findall(r"^    &edge_(\w+),", text, re.M)[:1])
    arrays = {
        name: np.array([int(v, 0) for v in re.findall(r"-?\w+", body)], np.int64)
        for name, body in re.findall(r"static const u?int\d+_t (\w+)\[\d+\] = \{([^}]*)\}", text)
    }
    rows = [[int(v) for v in row.split(",")[:8]] for row in re.findall(r"\{((?:-?\d+, ){8})\w+_weight, \w+_bias\}", text)]
    missing = {*IntegerLIF._fields, "fraction", "layers", "ways", "readout_bits"} - set(found)
    if missing or len(rows) != found["layers"] or "readout_weight" not in arrays:
        raise ValueError(f"{path}: not the header of an exported network; it lacks {', '.join(sorted(missing)) or 'layers'}")
    if found["kind"] != net.kind:
        raise ValueError(f"{path}: its neuron is {found['kind']!r}, expected {net.kind!r}, that of {net.__name__}")
    return found, rows, arrays


def _network(net: type[IntegerNet], found: dict, rows: list, weights) -> IntegerNet:
    """weights(layer name, what, bits, shape) gives an array."""
    modes, more = list(ROUNDINGS), {}
    bits, rounds = (
        (found["weight_bits"], found["readout_bits"]),
        [modes[found[f"{n}_rounding"]] for n in ("traces", "membrane")],
    )
    words = Words(*bits, found["fraction"], *rounds) if net.kind == "lif" else Words(*bits)
    if net.kind != "lif":
        names = ("pool", "exponent", "threshold")
        more = {"constants": found, "layer_constants": [dict(zip(names, (list(POOL)[r[5]], *r[6:]))) for r in rows]}
        rows = [[*r[:5], POOL["max"], found[f"conv{n}_unit"], 0] for n, r in enumerate(rows, 1)]
    inputs, ways = found["readout_inputs"], found["ways"]
    rows = [(f"conv{n}", found["weight_bits"], row) for n, row in enumerate(rows, 1)]
    rows.append(("readout", found["readout_bits"], [1, 1, inputs, ways, 1, 0, found["readout_exponent"], 0]))
    layers = []
    for name, bits, (H, W, C, outputs, kernel, pool, exponent, _) in rows:
        layers.append(
            IntegerLayer(
                name,
                weights(name, "weight", bits, (kernel, kernel, C, outputs)).astype(np.int8),
                weights(name, "bias", 32, (outputs,)).astype(np.int32),
                exponent,
                bits,
                (H, W, C),
                list(POOL)[pool],
                BITS if name == "readout" else found["fraction"],
            )
        )
    first = layers[0].input_shape if len(layers) > 1 else (1, 1, inputs)
    return net.from_layers(layers, IntegerLIF(*(found[name] for name in IntegerLIF._fields)), words, first, **more)


def from_header(path: Path, net: type[IntegerNet] = IntegerNet) -> IntegerNet:
    """The network of a chip.h; `net` is its class. Raises ValueError for another file, or a network of another neuron."""
    found, rows, arrays = _read_header(path, net)

    def weights(name, what, bits, shape):
        array = arrays[f"{name}_{what}"]
        return _unpacked(array, shape) if len(shape) == 4 and name != "readout" else array[: np.prod(shape)].reshape(shape)

    return _network(net, found, rows, weights)


def from_hex(folder: Path, net: type[IntegerNet] = IntegerNet) -> IntegerNet:
    """The network of a folder of .hex files; constants and shapes from its chip.h, numbers from the .hex files alone."""
    found, rows, _ = _read_header(folder / "chip.h", net)
    return _network(net, found, rows, lambda name, what, bits, shape: read_hex(folder / f"{name}.{what}.hex", bits, shape))
