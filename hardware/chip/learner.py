"""One-shot learning of the readout in integers: gradients summed over the support samples, then one
thresholded update.

    membrane        e from u at the last step              G = sum of e p_{T-1}        bias: 4096 e
    three-factor    e_t from u_t at every step of the window, h = (e_t sigma'(u_t)) >> 8, G = sum of
                    h p_t (Eq. 7); bias: 4096 h

    W -= D, D = |G| > Theta ? (G + noise) >> k : 0, then W is clipped

The membrane rule is the inner step of MAML on the readout with its reset detached. k makes a power
of two of the step size over the number of support samples: with weights of exponent x, p in Q1.12
and e in Q0.7, a step of 2^l has k = 19 + x - l for the weights; the bias is in the accumulator's
scale, k = 7 + x - l.

Noise is uniform in [0, 2^k), a separate number for every synapse, gated or not, in row-major order,
the bias last.

    class-mean      W_k = c_k >> k, c_k the mean of p_{T-1} over the samples of class k,
                    b_k = -(|W_k|^2 + max_j |W_j|^2) / 2 in the accumulator's scale

needs no error: the largest membrane is that of the nearest class mean (`minisnn.meta.prototypes`).
The common part of all biases keeps membranes below a threshold of 0, since a reset would lower the
nearest. k = 13 - bits: traces reach one, and so does the word, whatever the step. Classes without a
sample keep their weights. These means are the readout's weights, made of all samples together; a
device that is taught shot by shot counts shots (`means.CountedMeans`).
"""

import math
import warnings
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from minisnn.meta.inner import InnerLoop
from minisnn.arguments import one_of
from minisnn.parallel.compilation import njit

from .errors import ERRORS, error
from .formats import (
    FLOOR,
    NEAREST,
    STOCHASTIC,
    ends,
    noise_of,
    numbers,
    rounding,
    seed_state,
    shift,
    whole,
    xorshift32,
)
from .neuron import surrogate

RULES = ("membrane", "three-factor")  # rules that learn by gradients
CLASS_MEAN = "class-mean"
MOST = 1 << 62  # limit of otherwise unlimited numbers
MOST_WINDOW = 65_535  # the most steps that the C library has room for
GRADIENT = 32  # bits of G, of which 19 are fraction bits, because G sums products of Q0.7 and Q1.12


@dataclass(frozen=True)
class Learner:
    """Settings for learning in the readout.

    rule, error       see RULES, CLASS_MEAN and `errors.ERRORS`
    window            number of steps that the three-factor rule uses
    rounding          rounding of the update: "floor", "zero", "nearest", "stochastic"
    threshold         Theta in 256ths of the largest |G| of the weights (and of the biases), 0 to
                      255
    online            update after every sample, not once after all
    log2_weight, log2_bias   l for weights and biases: 2^l is the power of two nearest to the step
                      size divided by the number of support samples
    seed              seed of the noise
    refuse            for a device that stores class means (`means.CountedMeans`): a recording whose
                      squared distance exceeds refuse (1 + 1 / shots), in 65536ths, is rejected;
                      0: no recording is rejected
    residuals         store those means with 8 more bits
    """

    rule: str = "membrane"
    error: str = "softmax"
    rounding: str = "stochastic"
    threshold: int = 0
    online: bool = False
    log2_weight: int = 2
    log2_bias: int = -6
    window: int = 30
    seed: int = 1
    refuse: int = 0
    residuals: bool = False

    def __post_init__(self):
        rounding(self.rounding)
        one_of("rule", self.rule, (*RULES, CLASS_MEAN))
        one_of("error", self.error, ERRORS)
        if self.rule == CLASS_MEAN and (self.threshold or self.online):
            raise ValueError("the rule class-mean uses all samples together and has no threshold")
        if (self.refuse or self.residuals) and self.rule != CLASS_MEAN:
            raise ValueError(
                "refuse and residuals are of the rule class-mean, whose answers are distances; the "
                f"rule is {self.rule}"
            )
        whole(0, 255, threshold=self.threshold)
        whole(0, 2**31 - 1, refuse=self.refuse)
        whole(1, MOST_WINDOW, window=self.window)
        whole(-MOST, MOST, log2_weight=self.log2_weight, log2_bias=self.log2_bias, seed=self.seed)

    def shifts(self, exponent: int, bits: int = 8) -> tuple[int, int]:
        """Return (k of the weights, k of the bias), given the weights' exponent and number of bits.
        Raises ValueError if a k is outside -12 .. 32."""
        if self.rule == CLASS_MEAN:
            return 13 - bits, 0
        k = 19 + exponent - self.log2_weight, 7 + exponent - self.log2_bias
        if max(k) > 32 or min(k) < -12:
            raise ValueError(
                f"steps of 2^{self.log2_weight} (bias 2^{self.log2_bias}) at exponent {exponent} "
                f"shift by {k}; -12 to 32 bits can be had"
            )
        return k


def steps_of(net, inner, samples: int) -> dict[str, Any]:
    """Return log2_weight and log2_bias for a float network's inner loop: the readout's step sizes
    divided by the number of support samples, and rounded to powers of two. If learning is online,
    each sample is a step of its own and nothing is divided."""
    if (readings := getattr(inner, "readings", 1)) > 1:
        raise ValueError(
            f"the network reads its features {readings} times in a recording; in integers they are "
            "the trace at its end only, expected readings 1"
        )
    if (looks := getattr(inner, "looks", 1)) > 1:
        text = f"the network looks at a recording {looks} times; in integers there is one look"
        warnings.warn(f"{text}, with the accuracy of one", stacklevel=2)
    if getattr(inner, "axes", None) is not None:
        text = f"the network compares class means along {inner.axes.shape[1]} axes; in integers it"
        warnings.warn(f"{text} compares all features, with the accuracy of that", stacklevel=2)
    samples = 1 if learns_online(inner) else samples
    sizes = np.broadcast_to(np.asarray((inner or InnerLoop()).step_size, np.float64), net.size)
    means = [float(np.exp(np.log(sizes[p.slice]).mean())) / samples for p in net.layout[-2:]]
    return dict(zip(("log2_weight", "log2_bias"), (round(math.log2(mean)) for mean in means)))


def one_look(inner):
    """Return a float network's inner loop in the form that the integer network supports: it reads
    each recording once and compares all features."""
    return getattr(inner, "once", inner)


def readout_exponent(log2_weight: int, bits: int, online: bool = False) -> int:
    """Return an exponent for the readout's weights with which it can learn: the largest weight is
    then about a quarter of the step 2^log2_weight.

    An update is step x e x p with |e| <= 1, and p is about a quarter for an active input; larger
    updates saturate. In online learning the updates from successive samples add up, and a later
    update could not make up for a saturated one, so the largest weight is then a whole step.
    """
    return log2_weight - 2 * (not online) - (bits - 1)


def learns_online(inner) -> bool:
    """Return whether a float network's inner loop updates after every sample."""
    return inner is not None and inner.online


@dataclass(eq=False)
class Learned:
    """A layer after learning, and statistics of its updates.

    It counts the synapses that an update wrote (their integer changed), gated (|G| was at most
    Theta) or clipped; the gradients G that were clipped to their word; and, as `synapses`, all
    synapses that could have been written.
    """

    weight: np.ndarray
    bias: np.ndarray
    written: int = 0
    gated: int = 0
    clipped: int = 0
    gradient_saturated: int = 0
    synapses: int = 0


@njit(nogil=True, cache=True)
def accumulate(G, e, p, word):
    """Add the outer product of p (F,) and e (K,) to G (F, K), clipped to word = (low, high). Return
    how many sums were clipped."""
    clipped = 0
    for i in range(p.size):
        if p[i] != 0:
            for k in range(e.size):
                x = G[i, k] + e[k] * p[i]
                G[i, k] = min(max(x, word[0]), word[1])
                clipped += x != G[i, k]
    return clipped


@njit(nogil=True, cache=True)
def sample(G, Gb, u, p, label, kind, first, mode, neuron, word):
    """Add one sample's gradient to G (F, K) for the weights and to Gb (1, K) for the bias, whose
    input is always 1. The sample has membranes u (T, K) and traces p (T, F). Return how many sums
    were clipped.

    kind    the error's number in `errors.ERRORS`
    first   first step whose error is used
    neuron  None, or for the three-factor rule the neuron: errors are multiplied by its surrogate
            derivative, and rounded by `mode`
    """
    e = np.empty(u.shape[1], np.int64)
    always = np.full(1, 4096)
    clipped = 0
    for t in range(first, u.shape[0]):
        error(u[t], label, kind, e)
        if neuron is not None:
            for k in range(e.size):
                slope = surrogate(u[t, k], neuron.threshold, neuron.slope)
                e[k] = shift(e[k] * slope, 8, mode, 0)
        clipped += accumulate(G, e, p[t], word) + accumulate(Gb, e, always, word)
    return clipped


@njit(nogil=True, cache=True)
def update(W, G, theta, k, mode, word, state, counts):
    """Subtract the shifted and rounded G from W (flat) where |G| > theta, and clip W to word =
    (low, high). Add the numbers of (written, gated, clipped) synapses to `counts`.

    Returns the random state.
    """
    for i in range(W.size):
        state = xorshift32(state)
        if abs(G[i]) <= theta:
            counts[1] += 1
            continue
        x = W[i] - shift(G[i], k, mode, noise_of(state, k))
        y = min(max(x, word[0]), word[1])
        counts[2] += x != y
        counts[0] += y != W[i]
        W[i] = y
    return state


def check_samples(net, p: np.ndarray, y) -> np.ndarray:
    """Return labels y as an array. Raises ValueError unless there is one class for each sample of
    traces p, and p has at least one step."""
    y = np.asarray(y)
    if y.dtype.kind not in "iu" or y.shape != (len(p),) or not p.shape[1]:
        raise ValueError(
            "labels must be integers, one for each sample, and traces have at least one step, not "
            f"labels {y.dtype} {y.shape} and traces {p.shape}"
        )
    if y.size and not 0 <= y.min() <= y.max() < net.ways:
        raise ValueError(f"labels are 0 to {net.ways - 1}, found {y.min()} to {y.max()}")
    return y


def _class_means(net, learner: Learner, p: np.ndarray, y: np.ndarray) -> Learned:
    W = net.weight
    b = net.bias
    word, room = net.ends(-1)
    k = learner.shifts(0, net.readout.bits)[0]
    noise, _ = numbers(seed_state(learner.seed), W.size)
    addends = {NEAREST: 1 << k >> 1, STOCHASTIC: noise.reshape(W.shape) >> 32 - k}
    n = np.bincount(y, minlength=len(b))
    G = np.zeros(W.shape, np.int64)
    np.add.at(G.T, y, p[:, -1])
    x = G // np.maximum(n, 1) + addends.get(rounding(learner.rounding), 0) >> k
    weight = np.where(n > 0, np.minimum(x, word[1]), W)
    squares = (weight * weight).sum(0)
    wanted = -(squares + squares.max() << k - 1)
    bias = np.maximum(wanted, room[0])
    written = (weight != W).sum() + (bias != b).sum()
    clipped = ((x > word[1]) & (n > 0)).sum() + (bias != wanted).sum()
    return Learned(weight, bias, int(written), 0, int(clipped), 0, W.size + b.size)


def learn(net, learner: Learner, p: np.ndarray, y: np.ndarray) -> Learned:
    """Learn the readout of an `IntegerNet`, using each support sample once, from its traces p (B,
    T, inputs) and labels y (B,).

    Raises ValueError for labels that are not classes.
    """
    y = check_samples(net, p, y)
    if learner.rule == CLASS_MEAN:
        return _class_means(net, learner, p, y)
    out = Learned(net.weight, net.bias)
    k = learner.shifts(net.readout.exponent)
    arrays = out.weight, out.bias
    G = np.zeros(out.weight.shape, np.int64), np.zeros((1, len(out.bias)), np.int64)
    mode = rounding(learner.rounding)
    how = p.shape[1] - 1, FLOOR, None
    if learner.rule == "three-factor":
        first = max(p.shape[1] - learner.window, 0)
        how = first, FLOOR if mode == STOCHASTIC else mode, net.neuron
    state = seed_state(learner.seed)
    counts = np.zeros(3, np.int64)
    u = None if learner.online else net.membranes(p)
    for b, label in enumerate(y):
        seen = net.membranes(p[b : b + 1], *arrays)[0] if u is None else u[b]
        given = seen, p[b], int(label), ERRORS[learner.error], *how, ends(GRADIENT)
        out.gradient_saturated += sample(*G, *given)
        if learner.online or b == len(y) - 1:
            for array, g, shift_, word in zip(arrays, G, k, net.ends(-1)):
                theta = int(np.abs(g).max()) * learner.threshold >> 8
                by = theta, shift_, mode, word, state, counts
                state = update(array.reshape(-1), g.reshape(-1), *by)
                out.synapses += g.size
                g[...] = 0
    out.written, out.gated, out.clipped = counts.tolist()
    return out


class Episode(NamedTuple):
    """The result of learning a task in one shot.

    learned    the readout after learning; for a chip a `Learned`, which includes its counts
    u          membranes (Q, T, ways) of the query samples after learning, in the chip's units
    accuracy   share of query samples whose label has the largest membrane at the last step
    """

    learned: Learned
    u: np.ndarray
    accuracy: float


def samples_of(task) -> np.ndarray:
    """Return the event counts (S + Q, T, H, W, C) of a task: the support samples, then the query
    samples."""
    return np.concatenate([task.x_support, task.x_query])


def one_shot(chip, learner: Learner, task, p: np.ndarray | None = None) -> Episode:
    """Learn a task with one presentation of each support sample, then classify its query samples.
    `chip` is an `IntegerNet` or its float twin.

    p   presynaptic traces (S + Q, T, inputs) of the support, then of the query samples; if None
        they are computed, with random numbers of the learner's seed where they are stochastic
    """
    n = len(task.y_support)
    p = chip.traces_of(samples_of(task), learner.seed) if p is None else p
    learned = chip.learn(learner, p[:n], task.y_support)
    u = chip.membranes(p[n:], learned.weight, learned.bias)
    return Episode(learned, u, float(np.mean(u[:, -1].argmax(1) == task.y_query)))
