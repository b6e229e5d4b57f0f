"""The README.md of an export."""

import re
from pathlib import Path

from ..chip.learner import CLASS_MEAN, Learner
from ..chip.network import IntegerNet
from .sizes import fixed_words, memory

NEURONS = {"lif": "LIF with a decaying reset", "cuba": "CubaLIF, as on Loihi"}


def readme(chip: IntegerNet, learner: Learner, steps: int, what: str) -> str:
    """Return the README.md of an export: export.md with this network's numbers and only the parts
    for the target `what`, followed by the formats."""
    sizes = memory(chip, learner, steps)
    means = learner.rule == CLASS_MEAN
    (H, W, C) = chip.input_shape
    channels = "-".join(str(layer.weight.shape[3]) for layer in chip.layers[:-1])
    words = {
        "what": what,
        "width": W,
        "height": H,
        "channels": C,
        "layers": f"conv layers of {channels} channels, a readout of {len(chip.weight):,} inputs",
        "neuron": NEURONS[chip.kind],
        "ways": chip.ways,
        "classes": "none yet, and as many as there is room for"
        if means
        else f"{chip.ways}, and as many more as there is room for",
        "begin": "        edge_add_class(&network, &label);" if means else "        label = k;",
        **_recording(chip, steps),
        "update": ""
        if means
        else "    edge_update(&network);                      /* once, after the last of them */\n",
        "rule": f"the {learner.rule} rule, {learner.rounding} rounding"
        + ", online" * learner.online,
        "flash": f"{sum(layer.weight.size + 4 * layer.bias.size for layer in chip.layers) + 1088:,}",
        "steps": steps,
        "memory": ", ".join(f"{name} {size:,}" for name, size in reversed(sizes.items()))
        + " bytes",
        "step": f"{4 * fixed_words(chip)[''][1]:,}",
        "class": f"{memory(chip, learner, steps, chip.ways + 4)['small'] - sizes['small'] >> 2:,}",
    }
    text = Path(__file__).with_name("export.md").read_text(encoding="utf-8")
    text = re.sub(
        r"<!-- ([\w ]+) -->\n(.*?)<!-- end -->\n",
        lambda found: found[2] if what in found[1].split() else "",
        text,
        flags=re.S,
    )
    chapters = (
        Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8").split("\n## ")
    )
    formats = next(chapter for chapter in chapters if chapter.startswith("Formats"))
    return re.sub(r"\{\{(\w+)\}\}", lambda found: str(words[found[1]]), text) + f"## {formats}\n"


def _recording(chip: IntegerNet, steps: int) -> dict[str, str]:
    """Describe the properties that a recording must have, for export.md."""
    one = chip.recording
    moved = "moved so that its mean event is in the middle"
    return {
        "bin": f"{one.bin / 1000:g}",
        "length": f"{one.bin * steps / 1000:g}",
        "stated": ""
        if one.stated
        else " (the network's file does not say what it learned from; this is the usual step)",
        "centring": f"Each recording is {moved}**, by whole pixels; what leaves the picture is lost. "
        "Without that the network knows little. Move it yourself, or give events to a stream."
        if one.centred
        else "Recordings are not moved**: show things where the training showed them.",
        "moved": "    /* this network's recordings are moved to the middle: give events to a stream, see below */\n"
        if one.centred
        else "",
        "pixels": "a pixel of the camera each"
        if one.cell == 1
        else f"each of {one.cell} x {one.cell} pixels of the camera: divide your coordinates by {one.cell}",
        "moves": ", the whole recording is moved" if one.centred else "",
        "buffer": "4096" if one.centred else "256",
    }
