"""The network as the chip stores it, with derivatives that pass straight through its rounding.

A layer of b bits and exponent x stores for a weight w (times the input gain in the first layer)

    Q(w) = 2^x clip(floor(w 2^-x + 1/2), -2^(b-1), 2^(b-1) - 1)

the integers of `network.IntegerNet`; biases, whose words are 12 bits finer, stay as they are. The
slope of Q is zero almost everywhere. The straight-through estimate (Bengio, Leonard & Courville
2013) uses the slope of the clip only:

    S = 1 where w 2^-x + 1/2 is in [-2^(b-1), 2^(b-1)), else 0

so at theta, with L the loss of the float network:   gradient = S grad L(Q(theta))        H v = S
hess L(Q(theta)) S v

One-shot learning on the chip starts from the stored weights. With step sizes a and gates m_n:

    theta_0 = Q(theta)            theta_{n+1} = theta_n - a m_n S_n grad L_support(Q(theta_n))
    lambda_N = S_N grad L_query(Q(theta_N))
    lambda_n = lambda_{n+1} - H_n (a m_n lambda_{n+1})          meta-gradient at theta = S lambda_0

This is MAML's recursion with the gradient and the Hessian-vector product above, so
`minisnn.meta_gradient` computes lambda_0 where `HeldNet` stands for the network and Q(theta) for
theta. Two differences from the chip remain: within several steps the chip rounds each update, here
their sum is rounded; and the chip's error, surrogate and traces have short words.
"""

from dataclasses import dataclass, replace

import numpy as np

from minisnn.training.update import Held
from minisnn.training.origin import CHIP
from minisnn.meta.inner import InnerLoop
from minisnn.core.network import Gradients, LossAndGradient

from ..chip.formats import ends
from ..chip.learner import steps_of


class Grid:
    """The rounding Q of a network's weights, and its straight-through slope S.

    words   {layer: (bits, exponent)}; layers that are not named keep their floats
    """

    def __init__(self, net, words: dict[str, tuple[int, int]]):
        self.parts = []
        places = {b.name: (b, p) for b, p in zip(net.blocks, net.layout[::2])}
        for name, (bits, exponent) in words.items():
            block, weight = places[name]
            first = block is net.blocks[0] and not block.readout
            gain = net.dtype.type(net.neuron.gain if first else 1.0)
            self.parts.append((weight.slice, gain, exponent, ends(bits)))

    def __call__(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (Q(theta), S), both flat and with the dtype of theta."""
        phi = theta.copy()
        slope = np.ones_like(theta)
        for part, gain, exponent, word in self.parts:
            whole = np.floor(np.ldexp(theta[part] * gain, -exponent) + theta.dtype.type(0.5))
            held = np.clip(whole, *word)
            slope[part] = whole == held
            phi[part] = np.ldexp(held, exponent) / gain
        return phi, slope


class HeldNet:
    """A float network that rounds its parameters: it computes with Q(theta), and its derivatives
    pass straight through the rounding.

    It has only the methods that `minisnn.meta.inner` and `minisnn.training.evaluation` need.
    """

    def __init__(self, net, grid: Grid):
        self.net, self.grid = net, grid
        self.size = net.size
        self.dtype = net.dtype
        self.ways = net.ways
        self.blocks = net.blocks
        self.layout = net.layout
        self.input_shape = net.input_shape
        self.slice_of = net.slice_of
        self.learned = net.learned

    def __call__(self, theta: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return logits (B, ways) at Q(theta)."""
        return self.net(self.grid(theta)[0], x)

    def loss(self, theta: np.ndarray, x, y, **options) -> float:
        """Return the loss at Q(theta)."""
        return self.net.loss(self.grid(theta)[0], x, y, **options)

    def loss_and_gradient(self, theta: np.ndarray, x, y, **options):
        """Return (loss, S gradient), as `SpikingNet.loss_and_gradient` at Q(theta)."""
        phi, slope = self.grid(theta)
        loss, gradient = self.net.loss_and_gradient(phi, x, y, **options)
        return LossAndGradient(loss, slope * gradient)

    def gradients(self, theta: np.ndarray, x, y, second: bool = True, **options) -> Gradients:
        """Return (loss, S gradient, logits, v -> S H (S v)), as `SpikingNet.gradients` at
        Q(theta)."""
        phi, slope = self.grid(theta)
        loss, gradient, logits, hvp = self.net.gradients(phi, x, y, second, **options)
        return Gradients(loss, slope * gradient, logits, hvp and (lambda v: slope * hvp(slope * v)))

    def activity(self, theta: np.ndarray, x) -> dict[str, float]:
        """Return the mean output of every spiking layer at Q(theta)."""
        return self.net.activity(self.grid(theta)[0], x)


@dataclass(frozen=True)
class OnChip(Held):
    """Meta-training for the chip. Layers are rounded to words {layer: (bits, exponent)}, and step
    sizes to powers of two, as `Learner` needs them.

    The readout's reset is detached, as in the chip's membrane rule, and so are those below.
    """

    words: dict[str, tuple[int, int]]
    samples: int
    command = CHIP

    def of(self, net) -> HeldNet:
        still = net.like(detach_reset=True)
        return HeldNet(still, Grid(still, self.words))

    def start(self, net, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return Grid(net, self.words)(theta)

    def inner(self, net, inner: InnerLoop) -> InnerLoop:
        """Return the inner loop with other step sizes for the readout: the number of support
        samples times the power of two nearest to the learned step size per sample."""
        steps = steps_of(net, inner, self.samples)
        sizes = np.ones(net.size, net.dtype)
        for name, p in zip(("log2_weight", "log2_bias"), net.layout[-2:]):
            sizes[p.slice] = self.samples * 2.0 ** steps[name]
        return replace(inner, step_size=sizes)
