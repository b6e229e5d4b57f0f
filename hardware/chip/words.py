"""Word lengths and rounding of the chip."""

from dataclasses import dataclass

from .formats import rounding, whole
from .quantise import WEIGHT_BITS
from .traces import DETERMINISTIC


@dataclass(frozen=True)
class Words:
    """Word lengths and rounding modes of a network. A mode is "floor", "zero" or "nearest".

    weight_bits    bits of the weights in conv layers, 2 to 8
    readout_bits   bits of the weights in the readout, 2 to 8
    fraction       F, fraction bits of the postsynaptic traces, 0 to 16
    traces         rounding in the trace filters
    membrane       rounding of the shift to u's scale
    """

    weight_bits: int = 8
    readout_bits: int = 8
    fraction: int = 12
    traces: str = "floor"
    membrane: str = "floor"

    def __post_init__(self):
        rounding(self.traces, DETERMINISTIC)
        rounding(self.membrane, DETERMINISTIC)
        bits = dict(weight_bits=self.weight_bits, readout_bits=self.readout_bits)
        whole(WEIGHT_BITS[0], WEIGHT_BITS[-1], **bits)
        whole(0, 16, fraction=self.fraction)


def trained_for(known: dict | None, source: str = "the checkpoint") -> dict:
    """Return the "chip" entry in a network's provenance if the network was meta-trained for the
    chip, else {}.

    Raises ValueError, naming the source, if the entry is damaged.
    """
    if not known:
        return {}
    try:
        whole(-64, 64, **known["exponents"], **{n: known[n] for n in ("bits", "readout_bits")})
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            f"{source}: its entry about the chip it was trained for is damaged; expected bits, "
            "readout_bits and exponents"
        ) from None
    return known
