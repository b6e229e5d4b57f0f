"""Exported files read back: the very network that was written."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from integers import known

from minisnn.hardware.chip.formats import ROUNDINGS, ends, whole
from minisnn.hardware.chip.kernels import POOL
from minisnn.hardware.chip.network import IntegerNet
from minisnn.hardware.chip.words import Words
from minisnn.hardware.chip.neuron import IntegerLIF
from minisnn.hardware.chip.quantise import WEIGHT_BITS, IntegerLayer
from minisnn.hardware.chip.traces import BITS


NUMBERS = (
    "fraction layers ways weight_bits readout_bits readout_exponent readout_inputs traces_rounding "
    "membrane_rounding"
).split()
CUBA_NUMBERS = "current voltage trace_bits".split()


def read_hex(path: Path, bits: int, shape) -> np.ndarray:
    """Signed words of a .hex file; ValueError where there are others than asked for."""
    lines = path.read_text(encoding="ascii").split()
    if len(lines) != int(np.prod(shape)):
        raise ValueError(f"{path}: found {len(lines)} words, expected {int(np.prod(shape))}")
    words = np.array([int(line, 16) for line in lines], np.int64)
    if words.min(initial=0) < 0 or words.max(initial=0) >> bits:
        raise ValueError(f"{path}: found a word of more than {bits} bits")
    return (words - ((words >> bits - 1) << bits)).reshape(shape)


def _unpacked(words: np.ndarray, shape) -> np.ndarray:
    """The weights of `_packed`."""
    return ((words[:, None] >> np.array([0, 8, 16, 24])) % 256 - 128).reshape(*shape[:3], -1)[
        ..., : shape[3]
    ]


def _read_header(
    path: Path, net: type[IntegerNet]
) -> tuple[dict, list[list[int]], dict[str, np.ndarray]]:
    """(constants, numbers of every conv layer, arrays)."""
    text = path.read_text(encoding="ascii")
    found = {
        name.lower(): int(value) for name, value in re.findall(r"#define CHIP_(\w+) (-?\d+)", text)
    }
    found["kind"] = "".join(re.findall(r"^    &edge_(\w+),", text, re.M)[:1])
    arrays = {
        name: np.array([int(v, 0) for v in re.findall(r"-?\w+", body)], np.int64)
        for name, body in re.findall(r"static const u?int\d+_t (\w+)\[\d+\] = \{([^}]*)\}", text)
    }
    rows = [
        [int(v) for v in row.split(",")[:8]]
        for row in re.findall(r"\{((?:-?\d+, ){8})\w+_weight, \w+_bias\}", text)
    ]
    missing = {
        *IntegerLIF._fields,
        *NUMBERS,
        *(CUBA_NUMBERS if found["kind"] == "cuba" else ()),
    } - set(found)
    if missing or len(rows) != found["layers"] or "readout_weight" not in arrays:
        raise ValueError(
            f"{path}: not the header of an exported network; it lacks "
            f"{', '.join(sorted(missing)) or 'layers'}"
        )
    for name in ("traces_rounding", "membrane_rounding"):
        whole(0, len(ROUNDINGS) - 1, **{f"{path}: {name}": found[name]})
    for n, row in enumerate(rows, 1):
        whole(0, len(POOL) - 1, **{f"{path}: pool of conv{n}": row[5]})
    if found["kind"] != net.kind:
        raise ValueError(
            f"{path}: its neuron is {found['kind']!r}, expected {net.kind!r}, that of "
            f"{net.__name__}"
        )
    return found, rows, arrays


def _network(net: type[IntegerNet], found: dict, rows: list, weights) -> IntegerNet:
    """weights(layer name, what, bits, shape) gives an array."""
    modes = list(ROUNDINGS)
    more = {}
    bits = (found["weight_bits"], found["readout_bits"])
    rounds = [modes[found[f"{n}_rounding"]] for n in ("traces", "membrane")]
    words = Words(*bits, found["fraction"], *rounds) if net.kind == "lif" else Words(*bits)
    if net.kind != "lif":
        names = ("pool", "exponent", "threshold")
        more = {
            "constants": found,
            "layer_constants": [dict(zip(names, (list(POOL)[r[5]], *r[6:]))) for r in rows],
        }
        rows = [[*r[:5], POOL["max"], found[f"conv{n}_unit"], 0] for n, r in enumerate(rows, 1)]
    inputs, ways = found["readout_inputs"], found["ways"]
    rows = [(f"conv{n}", found["weight_bits"], row) for n, row in enumerate(rows, 1)]
    rows.append(
        ("readout", found["readout_bits"], [1, 1, inputs, ways, 1, 0, found["readout_exponent"], 0])
    )
    layers = []
    for name, bits, (H, W, C, outputs, kernel, pool, exponent, _) in rows:
        whole(WEIGHT_BITS[0], WEIGHT_BITS[-1], **{f"{name}: bits": bits})
        weight = weights(name, "weight", bits, (kernel, kernel, C, outputs))
        bias = weights(name, "bias", 32, (outputs,))
        for kind, array, word in (("weights", weight, bits), ("biases", bias, 32)):
            low, high = ends(word)
            if array.size and not low <= array.min() <= array.max() <= high:
                raise ValueError(
                    f"{name}: {kind} from {array.min()} to {array.max()}, which {word} bits do not "
                    "hold"
                )
        layers.append(
            IntegerLayer(
                name,
                weight.astype(np.int8),
                bias.astype(np.int32),
                exponent,
                bits,
                (H, W, C),
                list(POOL)[pool],
                BITS if name == "readout" else found["fraction"],
            )
        )
    neuron = IntegerLIF(*(found[name] for name in IntegerLIF._fields))
    return known(net, layers, neuron, words, **more)


def from_header(path: Path, net: type[IntegerNet] = IntegerNet) -> IntegerNet:
    """The network of a chip.h; `net` is its class.

    Raises ValueError for another file, a network of another neuron, or one whose integers are not
    within their words.
    """

    def weights(name, what, bits, shape):
        array = arrays.get(f"{name}_{what}", np.zeros(0, np.int64))
        size = int(np.prod(shape))
        packed = len(shape) == 4 and name != "readout"
        pad = -shape[-1] % 4 * (name != "readout")
        expected = (
            size // shape[-1] * (shape[-1] + pad) // (4 if packed else 1) if min(shape) > 0 else 0
        )
        if len(array) != expected or not expected:
            raise ValueError(f"{name}_{what}: found {len(array)} words, expected {expected}")
        return _unpacked(array, shape) if packed else array[:size].reshape(shape)

    with _said(path):
        found, rows, arrays = _read_header(path, net)
        return _network(net, found, rows, weights)


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """What is refused within is said of the file."""
    try:
        yield
    except (KeyError, IndexError, OverflowError) as error:
        raise ValueError(f"{path}: not the header of an exported network; found {error}") from None
    except ValueError as error:
        if str(error).startswith(str(path)):
            raise
        raise ValueError(f"{path}: {error}") from None


def from_hex(folder: Path, net: type[IntegerNet] = IntegerNet) -> IntegerNet:
    """The network of a folder of .hex files; constants and shapes from its chip.h, numbers from the
    .hex files alone."""

    def weights(name, what, bits, shape):
        return read_hex(folder / f"{name}.{what}.hex", bits, shape)

    with _said(folder):
        found, rows, _ = _read_header(folder / "chip.h", net)
        return _network(net, found, rows, weights)
