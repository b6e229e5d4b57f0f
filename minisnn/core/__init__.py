"""The reference engine: every equation, on numbers that may have a derivative.

Import from here: any module. It may import: parallel.

    dual           numbers with a derivative: how H v comes out of the gradient's own code
    neuron         the spike (value, slope, curvature), and a neuron's one step, forward and backward
    cuba           another neuron, current-based
    linear         convolution, pooling and filters, each with its adjoint
    layer          what comes in, the neuron's steps, pooling, spikes; and the way back
    loss           losses of the logits
    loops          all layers over one theta: logits, gradient, H v, summed over parts of a batch
    network        what else is asked of a network: settings, theta by name, features, Jacobians
    architecture   the layers as one says them; constants, own, init: what a neuron is made of, a
                   neuron of your own, first weights
"""
