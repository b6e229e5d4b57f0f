"""Layers as words: what a command line and a run's settings say of them."""

import re
from typing import Any

from ..arguments import shown
from ..core.architecture import POOLS, Conv, Dense


def in_text(layer: Conv | Dense) -> str:
    """A layer in a word, as `read_text` takes it; its neuron is left out.

    >>> from minisnn.training.words import in_text
    >>> in_text(ms.Conv(32, kernel=3, stride=2, pool="none")), in_text(ms.Dense(64, recurrent=True))
    ('conv32-k3-s2-none', 'dense64-recurrent')
    """
    if isinstance(layer, Dense):
        return f"dense{layer.channels}" + "-recurrent" * layer.recurrent
    usual = Conv(layer.channels)
    words = [f"conv{layer.channels}"]
    words += [f"k{layer.kernel}"] * (layer.kernel != usual.kernel)
    words += [f"s{layer.stride}"] * (layer.stride != usual.stride)
    words += [layer.pool] * (layer.pool != usual.pool)
    return "-".join(words)


def in_texts(layers: Any) -> Any:
    """Layers as a run keeps them, in words."""
    if not isinstance(layers, (list, tuple)):
        return layers
    for one in layers:
        if getattr(one, "neuron", None) is not None:
            raise ValueError(
                "layers of a run are kept as words, which hold no neuron of a layer's own; give "
                "one for all layers, train(neuron=...), or train such a network by a loop of yours"
            )
    return [in_text(one) if isinstance(one, (Conv, Dense)) else one for one in layers]


def read_text(text: str) -> Conv | Dense:
    """The layer of a word: conv and its channels, then what of k (kernel), s (stride) and the pooling
    is not as usual; or dense and its neurons, and whether it is recurrent. ValueError for another.

    >>> from minisnn.training.words import read_text
    >>> read_text("conv64-k3-mean")
    Conv(channels=64, kernel=3, stride=1, pool='mean', neuron=None)
    """
    first, *more = text.split("-")
    conv = re.fullmatch("conv([0-9]{1,7})", first)
    dense = re.fullmatch("dense([0-9]{1,7})", first)
    settings: dict[str, Any] = {}
    for word in more:
        number = re.fullmatch("([ks])([0-9]{1,7})", word)
        name = ""
        value: Any = None
        if conv and number:
            name = {"k": "kernel", "s": "stride"}[number[1]]
            value = int(number[2])
        elif conv and word in POOLS:
            name, value = "pool", word
        elif dense and word == "recurrent":
            name, value = "recurrent", True
        if not name or name in settings:
            raise ValueError(_unknown(text))
        settings[name] = value
    if conv:
        return Conv(int(conv[1]), **settings)
    if dense:
        return Dense(int(dense[1]), **settings)
    raise ValueError(_unknown(text))


def _unknown(text: str) -> str:
    forms = "conv64-k3-s2-none (kernel, stride and pooling where they are not 5, 1 and max)"
    return f"layers must be words such as {forms} and dense128-recurrent, not {shown(text)}"
