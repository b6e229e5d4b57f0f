"""Spiking networks to and from NIR, the interchange format of neuromorphic tools.

A network is a graph of NIR's primitives (Pedersen et al. 2024, Nature Communications 15:8122). A
block of this library becomes

    trace (CubaLI)      tau_syn dq/dt = -q + w_in x        tau_mem dp/dt = -p + q         p of Eq. 4; w_in = gain in the first
    synapse (Conv2d, Affine)    W p + b
    spike (Threshold)   s = 1 if u > threshold             u = W p + b - rho r: the edges into a node add up
    refractory (LI)     tau dr/dt = -r + s                 back into u through reset (Scale by -rho)
    pool, fire          "max": SumPool2d of s and Threshold 0.5; "mean": AvgPool2d of u and Threshold

    recurrent   the spike into a trace of its own (CubaLI) and weights V (Linear), back into u

and the readout's u is the output. Images are (C, H, W), conv weights (C_out, C_in, k, k), dense
weights (K, C H W). Kernels, strides, pooling and constants are those of each layer; constants that
are learned stand there as the numbers that they are.

What NIR cannot say (`unsaid` lists it for a network, and the command prints it with every file that
it writes):
- Time. Its equations are continuous. A simulator that takes forward Euler steps of dt reproduces
  this library's equations
  exactly with tau = dt / (1 - decay), steps="euler"; one that multiplies by exp(-dt / tau),
  steps="exponential", with tau = -dt / ln(decay). All states must step at once, from the old
  values; a spike is an input of height 1 for one step.
- A threshold that is reached: NIR fires where u > threshold, this library where u >= threshold. The
  next smaller number is
  written, which makes the two the same (at zero the smallest normal number below it).
- That the logits are the readout's u at the last step, and states zero before the first; the
  surrogate derivative and its
  slope, the gradient window, a detached reset, the loss, how the network adapts. These travel as
  JSON in the graph's metadata, which other tools ignore; the gain is a w_in, or in the first
  weights.
- softplus: a `ConvNet` has no graph.

CubaLIF, most tools' neuron, is no part of this graph: it resets its membrane when it fires, while
here a trace is subtracted that fades. A tool must know CubaLI, LI, Threshold and loops to run it,
and no other than this library is known to.

A network of `minisnn.CubaLIF` is written as a chain of Conv2d, Affine and CubaLIF instead
(`chain`), which snnTorch, Norse and SpikingJelly run with the same spikes. Chains that they write
can be read (`unchain`). A recurrent layer is a loop of edges, CubaLIF - Linear - CubaLIF
(`recurrence`); it hears itself a step later, in all three. tests/other_tools.py compares all this.

A graph from elsewhere does not say these things either. Each time one is read, a UserWarning names
what was assumed; the command prints it and keeps it in the checkpoint's provenance. Two assumptions
decide the result: the step, which is the one of which every r is tau / dt, or dt; and the reset.
NIR's CubaLIF and LIF are set to v_reset at once, but snnTorch writes v_reset = 0 whatever its
neurons do. Of two layers of 30 and 4, 50 steps, read as reset="zero" (logits off by … of the
largest):

    reset_mechanism   reset_delay    Leaky           Synaptic
    "zero"            False          rounding        rounding
    "zero"            True           rounding        5.8 of 7.3
    "subtract"        True           0.27 of 0.98    3.1 of 17.0      the default: reset="subtract", to rounding
    "subtract"        False          0.32 of 0.51    1.7 of 9.1

reset="subtract" makes a network of `LIF` with gamma = alpha and threshold = rho (1 - alpha), as
`snntorch` does of a state dictionary: the same spikes, two steps later a layer; without biases,
which snnTorch filters and LIF does not.

Import from here: `export_nir`, `import_nir`, `to_nir`, `from_nir`, `told_of_file`, `unsaid`,
`TOOLS`, `snntorch`, `told`.
It may import: files, outputs, layers, network, meta, data.foreign, training.
"""

from .chain import TOOLS
from .read import from_nir, import_nir, told_of_file
from .write import export_nir, to_nir, unsaid

__all__ = ["TOOLS", "export_nir", "from_nir", "import_nir", "to_nir", "told_of_file", "unsaid"]
