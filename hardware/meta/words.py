"""The words of meta-training in integers, and the proof that no sum leaves 32 bits.

    word                   bits           fraction bits        range
    weight                 n              n - 8 - x            two's complement, saturating
    weight as it is read   8              -x                   the upper 8 bits, rounded
    P, Q, u, bias          n              n - 5                -16 .. 16, saturating
    r, p, q                min(13, n)     t = min(12, n - 1)   0 .. 1, both ends
    sigma'                 8              8                    0 .. 255
    error e                min(14, n)     min(12, n - 2)       -1 .. 1, both ends
    adjoints               a, at most n   floating a layer     saturating
    momentum               n              floating an array    of gradients that reach 2^(n-2)

n is 8 to 16. x is a layer's exponent. "Floating" is one shift for all numbers of a layer or an
array, as in block floating point: `network` says how it is found.

Sums have 32 bits. For a layer with k k C_in inputs of at most m events, H x W sites, C outputs, T
steps and adjoints of a bits, none of these can overflow, for any weights, events and adjoints:

    V                  k k C_in m 2^7
    filters            2^(n + 12) + B 2^(n-1) + 4096
    reset              rho 2^(n-1), and (4096 - G) times that without its fraction bits, + G 2^(n-1) + 2048
    gradient           T H W m 2^(a-1)         of a sample; sums over samples are shifted by its logarithm
    bias's gradient    T H W 2^(a-1)           of a sample
    adjoint below      k k C 2^7 2^(a-1)
    distance           F 4^t                   F features
    dp, dc             2^(t + 13), Q 2^(t + 12)    Q query samples; errors have 12 fraction bits at most

The sums with an a limit the bits of adjoints; a network whose other sums do not fit is rejected.
"""

from dataclasses import dataclass

import numpy as np

from ..chip.formats import ends, whole
from ..chip.ranges import WORD, most_of
from ..chip.traces import BITS as TRACE_BITS, UNITY

READ = 8  # bits of a weight as the passes read it


@dataclass(frozen=True)
class MetaWords:
    """The word length of every stored number, 8 to 16 bits. States and adjoints are rounded
    stochastically."""

    bits: int = 16

    def __post_init__(self) -> None:
        whole(8, 16, bits=self.bits)

    @property
    def ends(self) -> tuple[int, int]:
        """Return the ends of every stored word: P, Q, u, biases and weights."""
        return ends(self.bits)

    @property
    def fraction(self) -> int:
        """Return the fraction bits of P, Q, u and the bias."""
        return self.bits - 5

    @property
    def below(self) -> int:
        """Return how many low bits of a weight the passes do not read."""
        return self.bits - READ

    @property
    def trace(self) -> int:
        """Return the fraction bits of r, p and q."""
        return min(TRACE_BITS, self.bits - 1)

    @property
    def error(self) -> int:
        """Return the fraction bits of an error."""
        return min(12, self.bits - 2)


def feature_bits(words: MetaWords, features: int) -> int:
    """Return the most fraction bits of features with which their squared distances fit 32 bits."""
    return max(bits for bits in range(words.trace + 1) if features << 2 * bits <= WORD)


def adjoint_sums(shape, sites: int, most: int, steps: int, bits: int, lowest: bool) -> dict:
    """Return the largest absolute sums of a layer's adjoints with this number of bits. The lowest
    layer passes no adjoints on."""
    k, _, _, C = shape
    gradient = steps * sites * most << bits - 1
    return {"gradient": gradient, "adjoint below": 0 if lowest else k * k * C * 128 << bits - 1}


def adjoint_bits(words: MetaWords, shape, sites: int, most: int, steps: int, lowest: bool) -> int:
    """Return the largest number of bits of a layer's adjoints for which their sums fit 32 bits.
    Raises ValueError if not even 4 do."""
    for bits in range(words.bits, 3, -1):
        if max(adjoint_sums(shape, sites, most, steps, bits, lowest).values()) <= WORD:
            return bits
    raise ValueError(
        f"adjoints of weights {tuple(shape)} at {sites} sites and {steps} steps have no room for 4 "
        "bits in sums of 32"
    )


def enters(words: MetaWords, exponent: int) -> tuple[int, int, int]:
    """Return (left shift, right shift, limit), which convert (4096 - B) V to the scale of Q. The
    value is clipped to the limit before it is shifted.

    Values are clipped to 2^(n + 12) after the shift, twice what saturates Q from any state.
    """
    left = exponent + words.fraction
    return max(left, 0), max(-left, 0), 1 << words.bits + 12 - left if left > 0 else WORD


def sums(net, queries: int) -> dict[str, int]:
    """Return the largest absolute sums in a network's passes and in the gradient of the class means
    over all query samples. Adjoints, features and distances are not included, since their numbers
    of bits are chosen such that they fit."""
    words = net.words
    n = net.neuron
    largest = 1 << words.bits - 1
    found: dict[str, int] = {}
    for place, layer in enumerate(net.layers):
        inputs = layer.weight[..., 0].size * most_of(place, False)
        left, right, limit = enters(words, layer.exponent)
        V = (UNITY - n.beta) * inputs * 128
        filters = (min(V, limit) << left >> right) + n.beta * largest + UNITY
        found |= {f"{layer.name}: (4096 - B) V": V, f"{layer.name}: filters": filters}
    rho = abs(int(net.constants(net.layers[0]).rho))
    back = (UNITY - n.gamma) * ((rho * largest >> words.fraction) + 1)
    found |= {"rho r": rho << words.trace, "rho du": rho * largest}
    found["adjoint of r"] = back + n.gamma * largest + 2048
    bits = words.error + feature_bits(words, int(np.prod(net.layers[-1].output_shape)))
    softmax = (2 << 15 + words.error) + (queries << 15)
    return found | {"softmax": softmax, "dp": 2 << bits, "dc": queries << bits}
