"""The reference engine in NumPy: every equation, on plain or dual numbers.

Import from here: any module. It may import: parallel.

    dual           numbers with a derivative, which turn the gradient's code into H v
    neuron         the spike (value, slope, curvature), and one step of LIF, forward and backward
    linear         convolution, pooling and filters, each with its adjoint
    layer          one layer, forward and backward
    loss           from the readout's membranes to logits and losses, and back
    loops          all layers over one theta: gradient and H v, summed over the parts of a batch

    cuba           the neuron CubaLIF
    bases, own     base classes of surrogates, losses and neurons; a neuron of your own
    kinds          neurons that have a name
    architecture   the list of layers, from settings
    network        the rest of a network: theta by name, features, Jacobians
    init           first weights
"""
