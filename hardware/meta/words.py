"""Words of meta-training in integers, and proof that no sum leaves 32 bits.

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
steps and adjoints of a bits, none of these can leave them, whatever weights, events and adjoints are:

    V                  k k C_in m 2^7
    filters            2^(n + 12) + B 2^(n-1) + 4096
    reset              rho 2^(n-1), and (4096 - G) times that without its fraction bits, + G 2^(n-1) + 2048
    gradient           T H W m 2^(a-1)         of a sample; sums over samples are shifted by its logarithm
    bias's gradient    T H W 2^(a-1)           of a sample
    adjoint below      k k C 2^7 2^(a-1)
    distance           F 4^t                   F features
    dp, dc             2^(t + 13), Q 2^(t + 12)    Q query samples; errors have 12 fraction bits at most

Those with an a decide how many bits adjoints have; the others are refused where they do not fit.
"""

from dataclasses import dataclass

from ..chip.formats import Format, rounding, whole
from ..chip.ranges import MOST_COUNT, WORD
from ..chip.traces import BITS as TRACE_BITS, UNITY

READ = Format(8)  # a weight as the passes read it
BITS = range(8, 17)


@dataclass(frozen=True)
class MetaWords:
    """Bits of every stored word, 8 to 16, and the rounding of states and adjoints, "stochastic" or
    "nearest"."""

    bits: int = 16
    rounding: str = "stochastic"

    def __post_init__(self) -> None:
        whole(BITS[0], BITS[-1], bits=self.bits)
        rounding(self.rounding, ("stochastic", "nearest"))

    @property
    def state(self) -> Format:
        """Of P, Q, u and the bias."""
        return Format(self.bits, self.bits - 5)

    @property
    def weight(self) -> Format:
        """Of a weight, in units of its layer's last place."""
        return Format(self.bits)

    @property
    def below(self) -> int:
        """Bits of a weight below those that are read."""
        return self.bits - READ.bits

    @property
    def trace(self) -> int:
        """Fraction bits of r, p and q."""
        return min(TRACE_BITS, self.bits - 1)

    @property
    def error(self) -> int:
        """Fraction bits of an error."""
        return min(12, self.bits - 2)


def fits(bound: int) -> bool:
    return bound <= WORD


def feature_bits(words: MetaWords, features: int) -> int:
    """Fraction bits of features whose squared distances fit 32 bits."""
    bits = words.trace
    while not fits(features << 2 * bits):
        bits -= 1
    return bits


def most_of(n: int) -> int:
    """The largest number at an input of conv layer n."""
    return 1 if n else MOST_COUNT


def adjoint_sums(shape, sites: int, most: int, steps: int, bits: int, lowest: bool) -> dict:
    """The largest sums, in size, of adjoints of so many bits; the lowest layer hands on none."""
    k, _, _, C = shape
    largest = 1 << bits - 1
    found = {
        "gradient": steps * sites * most * largest,
        "bias's gradient": steps * sites * largest,
    }
    return found if lowest else found | {"adjoint below": k * k * C * 128 * largest}


def adjoint_bits(words: MetaWords, shape, sites: int, most: int, steps: int, lowest: bool) -> int:
    """The most bits of adjoints in a layer, whose sums fit 32 bits. ValueError where not even 4 do."""
    bits = words.bits
    while not all(map(fits, adjoint_sums(shape, sites, most, steps, bits, lowest).values())):
        bits -= 1
    if bits < 4:
        raise ValueError(
            f"adjoints of weights {tuple(shape)} at {sites} sites and {steps} steps have room for "
            f"{bits} bits in sums of 32; expected 4 at least"
        )
    return bits


def enters(words: MetaWords, exponent: int) -> tuple[int, int, int]:
    """(bits to the left, bits to the right from (4096 - B) V to Q's scale, where it is clipped before).

    What is clipped is 2^(n + 12) in size after the shift: twice what saturates Q, whatever Q was.
    """
    left = exponent + words.state.fraction
    return max(left, 0), max(-left, 0), 1 << words.bits + 12 - left if left > 0 else WORD


def forward_sums(words: MetaWords, shape, most: int, exponent: int, beta: int) -> dict:
    """The largest sums, in size, of a layer of this exponent."""
    V = shape[0] * shape[1] * shape[2] * most * 128
    left, right, limit = enters(words, exponent)
    passed = min((UNITY - beta) * V, limit) << left >> right
    return {
        "V": V,
        "(4096 - B) V": (UNITY - beta) * V,
        "filters": passed + (beta << words.bits - 1) + UNITY,
    }


def reset_sums(words: MetaWords, rho: int, gamma: int) -> dict:
    """The largest sums, in size, of the reset forward and backward; rho in units of u."""
    largest = 1 << words.bits - 1
    product = abs(rho) * largest
    back = (UNITY - gamma) * ((product >> words.state.fraction) + 1)
    return {
        "rho r": abs(rho) << words.trace,
        "rho du": product,
        "adjoint of r": back + gamma * largest + 2048,
    }


def loss_sums(words: MetaWords, features: int, queries: int) -> dict:
    """The largest sums, in size, of the gradient of class means, of all query samples."""
    t = feature_bits(words, features)
    return {
        "distance": features << 2 * t,
        "softmax": (2 << 15 + words.error) + (queries << 15),
        "dp": 2 << words.error + t,
        "dc": queries << words.error + t,
    }


def check(sums: dict[str, int], name: str) -> None:
    """ValueError, naming layer and sum, where one does not fit 32 bits."""
    for what, bound in sums.items():
        if not fits(bound):
            raise ValueError(f"{name}: {what} reaches {bound:,}, and has 32 bits, up to {WORD:,}")
