"""Layers of CubaLIF in PyTorch whose neurons are snnTorch's `Synaptic`. Needs snntorch."""

import snntorch
import torch
from snntorch.surrogate import fast_sigmoid
from torch_peer import Layer


class Synaptic(Layer):
    """Its alpha is the synapse's decay and its beta the membrane's; it does not scale its input."""

    of_input = ()
    states = ("syn", "mem")

    def __init__(self, block, neuron, w: dict[str, torch.Tensor]):
        super().__init__(block, neuron, w)
        constants = neuron.beta, neuron.alpha, neuron.threshold
        decays_and_threshold = torch.tensor(constants, dtype=self.weight.dtype).unbind()
        self.cell = snntorch.Synaptic(
            *decays_and_threshold,
            spike_grad=fast_sigmoid(neuron.slope),
            reset_mechanism="none" if block.readout else "zero",
            reset_delay=block.readout,
        )

    def filtered(self, s):
        return s

    def mapped(self, s):
        return (1 - self.alpha) * (1 - self.beta) * self.linear(s, self.bias)

    def fire(self, I):
        fired, *state = self.cell(I, **self.state)
        self.state = dict(zip(self.states, state))
        return self.state["mem"], fired.to(I.dtype)


def layers_of(net, w: dict[str, torch.Tensor]) -> list[Layer]:
    return [Synaptic(b, net.neuron if b.readout else b.neuron, w) for b in net.blocks]
