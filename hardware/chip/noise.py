"""Random numbers of meta-training: a stream of xorshift32 for every layer and sample of every update.

A stream begins at a mixed number of (seed, update, place, sample): the last steps of MurmurHash3
(Appleby 2011). Streams begun at neighbours in xorshift32's own order would be the same numbers, a
place apart.
"""

from minisnn.parallel.compilation import njit

WHOLE = 0xFFFFFFFF


@njit(nogil=True, inner=True)
def mixed(x):
    """A permutation of 32-bit numbers whose outputs look unrelated."""
    x ^= x >> 16
    x = (x * 0x85EBCA6B) & 0xFFFFFFFF
    x ^= x >> 13
    x = (x * 0xC2B2AE35) & 0xFFFFFFFF
    return x ^ (x >> 16)


@njit(nogil=True, cache=True)
def stream(seed, update, place, sample):
    """The state before a stream's first number, never zero."""
    x = mixed((seed ^ 0x9E3779B9) & 0xFFFFFFFF)
    x = mixed((x + update) & 0xFFFFFFFF)
    x = mixed((x + place) & 0xFFFFFFFF)
    x = mixed((x + sample) & 0xFFFFFFFF)
    return x if x else 1
