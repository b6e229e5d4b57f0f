"""The membrane of `LeakyIntegrator`: u_t is what the filters give; no spike, no reset, no state. Passes as in `membrane`."""


def forward(current, state, neuron, detach_reset=False, form="hard", a0=None):
    return current, {"end": state}


def backward(tape, dy, neuron, detach_reset=False):
    return dy


def forward_tangent(tape, current_dot, neuron, detach_reset=False):
    return current_dot, {}


def backward_tangent(tape, tape_dot, dy_dot, neuron, detach_reset=False):
    return dy_dot
