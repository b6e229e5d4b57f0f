"""The numbers of an exported network, and the memory that the C library needs."""

import zlib

import numpy as np

from ..chip.errors import ERRORS, TRIGGER
from ..chip.formats import ROUNDINGS, seed_state
from ..chip.learner import CLASS_MEAN, RULES, Learner
from ..chip.network import MOST_COUNT, IntegerNet

BUILDS = {"EDGE_SHORT": "stepwise, P and Q in 16 bits", "EDGE_STEPWISE": "stepwise", "": "small"}
LIST = 256  # words of the library's list of spikes
CLASS_WORDS = 4  # size of the library's edge_class


def constants(chip: IntegerNet, learner: Learner, steps: int) -> dict[str, int]:
    k = learner.shifts(chip.readout.exponent, chip.readout.bits)
    three = learner.rule == "three-factor"
    return {
        **chip.constants(),
        "most_count": MOST_COUNT,
        "inputs": int(np.prod(chip.input_shape)),
        "layers": len(chip.layers) - 1,
        "ways": chip.ways,
        "steps": steps,
        "weight_bits": chip.words.weight_bits,
        "readout_bits": chip.readout.bits,
        "readout_exponent": chip.readout.exponent,
        "readout_inputs": len(chip.weight),
        "bias_room": chip.bias_room,
        "error": ERRORS[learner.error],
        "trigger": TRIGGER,
        "rule": (*RULES, CLASS_MEAN).index(learner.rule),
        "window": learner.window,
        "room_window": learner.window if three else 1,
        "online": int(learner.online),
        "learn_rounding": ROUNDINGS[learner.rounding],
        "learn_threshold": learner.threshold,
        "shift_weight": k[0],
        "shift_bias": k[1],
        "seed_state": seed_state(learner.seed),
        "refuse": learner.refuse,
        "residuals": int(learner.residuals),
        "id": _identity(chip, learner),
        "nothings": len(nothing_of(chip, learner)),
        **{name: int(getattr(chip.recording, name)) for name in ("bin", "cell", "centred")},
    }


def _identity(chip: IntegerNet, learner: Learner) -> int:
    """Return a hash of the parameters on which a saved state depends. Class means depend on the
    conv layers that computed their traces."""
    layers = chip.layers[:-1] if learner.rule == CLASS_MEAN else chip.layers
    arrays = [array for layer in layers for array in (layer.weight, layer.bias)]
    return zlib.crc32(b"".join(array.tobytes() for array in arrays))


def nothing_of(chip: IntegerNet, learner: Learner) -> np.ndarray:
    """Return the means of recordings that belong to no class, uint8 (n, inputs); for a learner that
    uses gradients there are none."""
    return chip.nothing if learner.rule == CLASS_MEAN else chip.nothing[:0]


def planes_of(chip: IntegerNet) -> int:
    """Return the number of bits per site and channel in a conv layer's output: one, or three if it
    counts the spikes of four neurons."""
    return 3 if chip.kind == "cuba" and chip.layer_constants(0)["pool"] == "mean" else 1


def fixed_words(chip: IntegerNet) -> dict[str, tuple[int, int]]:
    """Return {build: (fixed words of memory, words per step)}, without the memory that grows with
    the window or with the number of classes."""
    found = {}
    planes = planes_of(chip)
    each = (
        {"": 3, "EDGE_STEPWISE": 3, "EDGE_SHORT": 3 / 2}
        if chip.kind == "lif"
        else dict.fromkeys(BUILDS, 2)
    )
    for build in BUILDS:
        spikes, states, sums, first = 0, [], 0, 3  # planes of the input's counts
        for layer in chip.layers[:-1]:
            H, W, C = layer.input_shape
            h, w, C_out = layer.output_shape
            row = first * -(-W * C // 32)
            out = planes * -(-w * C_out // 32)
            window = 1 if layer.pool == "none" else 4
            channels = C_out + -C_out % 4
            sums = max(sums, (window + 1) * channels)
            states.append((h * w if build else 1) * window * channels * each[build])
            if build:
                spikes += h * out + (H * row if layer is chip.layers[0] else 0)
            # output rows accumulate, while unneeded input rows are freed from the top
            for y in range(0 if build else h):
                gone = max(y * (1 if window == 1 else 2) - len(layer.weight) // 2, 0)
                spikes = max(spikes, (y + 1) * out + (H - gone) * row)
            first = planes
        state = int(sum(states) if build else max(states))
        rest = state + sums + LIST + len(chip.weight)
        found[build] = (rest + spikes, 0) if build else (rest, spikes)
    return found


def memory(
    chip: IntegerNet, learner: Learner, steps: int, classes: int | None = None
) -> dict[str, int]:
    """Return {build: bytes of memory that the library needs}, which is four times CHIP_WORDS in the
    header."""
    classes = classes or chip.ways
    n = len(chip.weight)
    h, w, C = chip.layers[-2].output_shape
    window = constants(chip, learner, steps)["room_window"]
    means = learner.rule == CLASS_MEAN
    rest = (
        h * planes_of(chip) * -(-w * C // 32) * window
        + n * (window > 1)
        + classes * (CLASS_WORDS if means else 2 * window + 3 + n)
        + (n * classes + 3) // 4 * (1 + learner.residuals)
    )
    words = {
        build: fixed + steps * step + rest for build, (fixed, step) in fixed_words(chip).items()
    }
    return {
        name: 4 * words[build]
        for build, name in BUILDS.items()
        if chip.kind == "lif" or build != "EDGE_SHORT"
    }
