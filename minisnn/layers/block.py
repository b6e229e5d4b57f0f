"""A block of the network: synapse, membrane, pooling and spike, composed from the reference passes
of its neuron.

`minisnn.kernels.block` has the same four passes in numba; tests hold both to the same values.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import membrane, pool, synapse, together

EVERY_STEP = 1 << 30  # steps of the window that a tape keeps, as many as there are


@dataclass(frozen=True)
class Block:
    """The static description of one block: geometry, neuron, pooling. `readout` hands on u at the
    last step; `window` steps are differentiated."""

    name: str
    input_shape: tuple[int, int, int]  # (H, W, C_in); a dense block sees (1, 1, features)
    channels: int
    kernel: int
    pool: str  # "max", "mean" (of the membrane), "spikes" (their mean) or "none"
    neuron: Any  # a `neuron.Dynamics`, or the activation of a network that does not spike
    detach_reset: bool = False
    readout: bool = False
    window: int = 1
    stride: int = 1  # of the network's layer; kernel and input are those of its fold (`linear`)
    own_kernel: int = 0  # the layer's, where it has a stride
    recurrent: bool = False
    learn: tuple[str, ...] = ()  # constants of the neuron that theta holds

    @property
    def joint(self) -> bool:
        """Whether synapse and neuron go through time `together`; weights are then `Weights`."""
        return self.recurrent or bool(self.learn)

    @property
    def weights(self) -> tuple[str, ...]:
        """Names of the arrays in theta that weigh spikes."""
        return (f"{self.name}.weight", f"{self.name}.recurrent")

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        return (self.kernel, self.kernel, self.input_shape[2], self.channels)

    @property
    def own_weight_shape(self) -> tuple[int, ...]:
        """As theta has it: that of a dense layer in rows of its features, and before any fold."""
        if self.input_shape[:2] == (1, 1) and self.kernel == 1 and self.own_kernel == 0:
            return self.weight_shape[2:]
        k = self.own_kernel or self.kernel
        return (k, k, self.input_shape[2] // self.stride**2, self.channels)

    @property
    def output_shape(self) -> tuple[int, int, int]:
        H, W, _ = self.input_shape
        return (H, W, self.channels) if self.pool == "none" else (H // 2, W // 2, self.channels)


def prepare(weight):
    """What the passes take in place of a weight when it serves several of them: itself."""
    return weight


def release(weight):
    """What of a prepared weight takes much memory and can be made again: nothing."""


def enter(x: np.ndarray, gain: float, dtype) -> np.ndarray:
    """The event counts (B, T, H, W, C) as the first block's input: times gain."""
    return x.astype(dtype) * dtype.type(gain)


def forward(block: Block, weight, bias, x, keep: int = EVERY_STEP):
    """(y, tape). x (B, T, H, W, C_in) holds all T steps; the first K = T - window run forward only.

    y (B, T, H', W', C_out), or (B, C_out) for the readout. `keep` is a hint: how many of the
    window's steps the tape needs.
    """
    neuron = block.neuron
    K = max(x.shape[1] - block.window, 0)
    if block.joint:
        u_before, begun = together.before(block, weight, bias, x[:, :K])
        y, tape = _joint_window(block, weight, bias, x[:, K:], begun)
        return _behind(block, u_before, y), tape
    before, _ = synapse.forward(weight, bias, x, None, neuron)
    u_before, tape_before = membrane.forward(before[:, :K], None, neuron)
    start = synapse.presynaptic_traces(x[:, :K], neuron)
    y, tape = _window(block, weight, bias, x[:, K:], start, tape_before["end"])
    return _behind(block, u_before, y), tape


def _behind(block, u_before, y):
    """y of the window behind that of the steps before."""
    if block.readout or not u_before.shape[1]:
        return y
    return np.concatenate([pool.forward(u_before, block.pool, block.neuron)[0], y], 1)


def twin(block: Block, weight, bias, x, form: str, frozen: dict):
    """`forward` of a twin, the window's steps alone; `frozen` is the block's record: the states at
    the window's start and the membrane u."""
    u0 = frozen["u"]
    if block.joint:
        begun = together.Start(*(frozen[name] for name in together.Start._fields))
        return _joint_window(block, weight, bias, x[:, -u0.shape[1] :], begun, form, u0)
    start = tuple(frozen[name] for name in synapse.STATES)
    return _window(block, weight, bias, x[:, -u0.shape[1] :], start, frozen["state"], form, u0)


def _window(block, weight, bias, x, start, state, form="hard", u0=None):
    """(y, tape) of the window, from the states at its start; u0 is a recorded membrane."""
    neuron = block.neuron
    a0 = None if u0 is None else u0 - neuron.threshold
    current, tape = synapse.forward(weight, bias, x, start, neuron)
    u, tape_membrane = membrane.forward(current, state, neuron, block.detach_reset, form, a0)
    tape.update(u=u, state=state, membrane=tape_membrane)
    if block.readout:
        return u[:, -1, 0, 0], tape
    y, tape["pool"] = pool.forward(u, block.pool, neuron, form, u0)
    return y, tape


def _joint_window(block, weights, bias, x, start, form="hard", u0=None):
    u, tape = together.forward(block, weights, bias, x, start, form, u0)
    tape.update(state=start.state, s=start.s)
    y, tape["pool"] = pool.forward(u, block.pool, block.neuron, form, u0)
    return y, tape


def recorded(block: Block) -> tuple[str, ...]:
    """What of a block's tape a twin freezes."""
    if block.joint:
        return (*together.Start._fields, "u")
    return (*synapse.STATES, "state", "u")


def _last_step(block, tape, dlogits):
    """The readout's adjoint (or tangent of it) as a sequence: zero but at the last step."""
    dy = np.zeros(tape["u"].shape, dlogits.dtype)
    dy[:, -1, 0, 0] = dlogits
    return dy


def backward(block: Block, weight, tape, dy, need_dx=True, second=True):
    """(dx, dweight, dbias); dy (B, m, H', W', C_out) or the readout's (B, C_out); dx has m - delay
    steps.

    `need_dx=False` and `second=False` are hints that dx, or what a tangent needs, may be left out.
    """
    tape["dy"] = dy
    if block.readout:
        dy = _last_step(block, tape, dy)
    else:
        dy = pool.backward(tape["pool"], dy, block.pool, block.neuron)
    if block.joint:
        return together.backward(block, weight, tape, dy)
    dy = membrane.backward(tape["membrane"], dy, block.neuron, block.detach_reset)
    return synapse.backward(weight, tape, dy, block.neuron)


def forward_tangent(block: Block, weight, weight_dot, bias_dot, tape, x_dot, steps: int):
    """(y_dot, tape_dot) at the window's first `steps` steps; x_dot has `delay` fewer or is None."""
    if block.joint:
        common = block, weight, weight_dot, bias_dot, tape
        y_dot, tape_dot = together.forward_tangent(*common, x_dot, steps)
    else:
        y_dot, tape_dot = synapse.forward_tangent(
            weight, weight_dot, bias_dot, tape, x_dot, block.neuron, steps
        )
        y_dot, tape_dot["membrane"] = membrane.forward_tangent(
            tape["membrane"], y_dot, block.neuron, block.detach_reset
        )
    if block.readout:
        return y_dot[:, -1, 0, 0], tape_dot
    y_dot, tape_dot["pool"] = pool.forward_tangent(tape["pool"], y_dot, block.pool, block.neuron)
    return y_dot, tape_dot


def backward_tangent(block: Block, weight, weight_dot, tape, tape_dot, dy_dot, need_dx=True):
    """(dx_dot, dweight_dot, dbias_dot): `backward` differentiated line by line."""
    if block.readout:
        dy_dot = _last_step(block, tape, dy_dot)
    else:
        dy_dot = pool.backward_tangent(
            tape["pool"], tape_dot["pool"], tape["dy"], dy_dot, block.pool, block.neuron
        )
    if block.joint:
        return together.backward_tangent(block, weight, weight_dot, tape, tape_dot, dy_dot)
    dy_dot = membrane.backward_tangent(
        tape["membrane"], tape_dot["membrane"], dy_dot, block.neuron, block.detach_reset
    )
    return synapse.backward_tangent(weight, weight_dot, tape, tape_dot, dy_dot, block.neuron)


def features(block: Block, x, ends):
    """What the readout weighs: its presynaptic trace after the first n steps, for each n of `ends`,
    (B, len(ends) F)."""
    x = x.reshape(*x.shape[:2], -1)
    return np.concatenate([synapse.features(x[:, :n], block.neuron) for n in ends], 1)


def twin_features(block: Block, x, frozen: dict, ends):
    """`features` of a twin: the window's x, behind the states at its start, from which `ends`
    count."""
    x = x.reshape(*x.shape[:2], -1)[:, -frozen["u"].shape[1] :]
    start = frozen["p"].reshape(*frozen["p"].shape[:2], -1)
    return np.concatenate([synapse.features(x[:, :n], block.neuron, start) for n in ends], 1)


def features_backward(block: Block, dp, steps: int, ends):
    """dx (B, m, F) at the window's steps; `ends` count from its start."""
    dp = dp.reshape(len(dp), len(ends), -1)
    dx = np.zeros((len(dp), max(steps - block.neuron.delay, 0), dp.shape[2]), dp.dtype)
    for k, n in enumerate(ends):
        of_one = synapse.features_adjoint(dp[:, k], n, block.neuron)
        dx[:, : of_one.shape[1]] += of_one
    return dx
