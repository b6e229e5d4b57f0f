"""Convert layers to words and back, as in the command line and a run's settings."""

import re
from collections.abc import Sequence
from typing import Any

from ..arguments import must
from ..core.architecture import Conv, Dense

FORMS = (
    "words such as conv64-k3-s2-none (kernel, stride and pooling where they are not 5, 1 and max) "
    "and dense128-recurrent"
)
_WORD = re.compile(
    r"conv(\d{1,7})(?:-k(\d{1,7}))?(?:-s(\d{1,7}))?(?:-(max|mean|none))?|dense(\d{1,7})(-recurrent)?",
    re.ASCII,
)


def in_text(layer: Conv | Dense) -> str:
    """Write a layer as a word that `read_text` reads; its neuron is left out.

    >>> from minisnn.training.words import in_text
    >>> in_text(ms.Conv(32, kernel=3, stride=2, pool="none")), in_text(ms.Dense(64, recurrent=True))
    ('conv32-k3-s2-none', 'dense64-recurrent')
    """
    if isinstance(layer, Dense):
        return f"dense{layer.channels}" + "-recurrent" * layer.recurrent
    usual = Conv(layer.channels)
    marks = {"kernel": "-k", "stride": "-s", "pool": "-"}
    given = {name: getattr(layer, name) for name in marks}
    more = (
        marks[name] + str(value) for name, value in given.items() if value != getattr(usual, name)
    )
    return f"conv{layer.channels}{''.join(more)}"


def in_texts(layers: Sequence[Any]) -> list[Any]:
    """Write layers as words, as a run stores them."""
    if any(getattr(layer, "neuron", None) is not None for layer in layers):
        raise ValueError(
            "layers of a run are stored as words, which cannot name the neuron of one layer; give "
            "one for all layers, train(neuron=...), or train such a network by your own loop"
        )
    return [in_text(layer) if isinstance(layer, (Conv, Dense)) else layer for layer in layers]


def read_text(text: str) -> Conv | Dense:
    """Read a layer from a word: conv and its channels, then k (kernel), s (stride) and the pooling
    where they differ from the defaults; or dense and its neurons, and -recurrent. Raises ValueError
    for any other word.

    >>> from minisnn.training.words import read_text
    >>> read_text("conv64-k3-mean")
    Conv(channels=64, kernel=3, stride=1, pool='mean', neuron=None)
    """
    found = _WORD.fullmatch(text)
    must("layers", found, FORMS, text)
    channels, kernel, stride, pool, dense, recurrent = found.groups()  # type: ignore[union-attr]
    if dense:
        return Dense(int(dense), recurrent=recurrent is not None)
    usual = Conv(int(channels))
    size = int(kernel or usual.kernel), int(stride or usual.stride)
    return Conv(usual.channels, *size, pool or usual.pool)
