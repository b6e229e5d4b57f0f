"""Spiking networks to and from NIR, the interchange format of neuromorphic tools.

A network of `minisnn.CubaLIF` becomes a chain of NIR's primitives (Pedersen et al. 2024, Nature
Communications 15:8122) that snnTorch, Norse and SpikingJelly run with the same spikes. With s =
(1 - alpha) (1 - beta) and c the power of two nearest to it,

    conv      Conv2d of c W, c b      CubaLIF  tau_syn = dt / (1 - beta), tau_mem = dt / (1 - alpha), w_in = tau_syn / dt,
                                               r = tau_mem / dt, v_leak = v_reset = 0, threshold c / s times the network's
    "mean"    AvgPool2d of 2 x 2 sites, stride 2; for Norse SumPool2d, and weights that are divided by 4
    "max"     the OR of four spikes: the same pool, and a CubaLIF without memory (tau_syn = tau_mem = dt) of
              threshold 1 / 8, for Norse 1 / 2
    dense     Flatten, of three axes from behind, and Affine
    recurrent a loop CubaLIF - Linear of c V - the same CubaLIF
    readout   s W, s b and a CubaLIF that never fires; the logits are its membrane at the last step

Each layer has its neuron's constants, fixed or learned; they are such that a forward Euler step in
NIR is the network's step. A reset to zero does not depend on the scale of a layer, so the float32
weights of a network stay as they are. Those of the first layer are multiplied by the gain. For
Norse w_in = r = 1, c = s = 1. Images are (C, H, W), conv weights (C_out, C_in, k, k), dense weights
(K, C H W).

Tools read numbers in float32, even if they then compute in float64. A network whose numbers are all
exact in float32 gives the same spikes there: decays of 1 - 2^-n, a gain of 2^n, and, for tools that
fire only above their threshold, a threshold just above a float32 number. Other networks' membranes
differ by 1e-7; a few spikes in a million flip, and each changes others.

NIR has no time steps, no output and no learning: `unsaid` lists what a graph leaves open. The
metadata contain the network, theta and the inner loop, so a file whose nodes are unchanged is read
back bit for bit. No other tool has the paper's `LIF`, whose reset fades, or your own neurons: only
a class with `nir = "CubaLIF"` is written.

A graph from another tool is read as the same chain, and a UserWarning lists the assumptions. NIR's
CubaLIF and LIF are set to v_reset immediately, but snnTorch writes v_reset = 0 whatever its neurons
do. For a network with two layers of 30 and 4 neurons, run for 50 steps and read as reset="zero",
the logits are off by these amounts, each given with the largest logit:

    reset_mechanism   reset_delay    Leaky           Synaptic
    "zero"            False          rounding        rounding
    "zero"            True           rounding        5.8 of 7.3
    "subtract"        True           0.27 of 0.98    3.1 of 17.0      the default: reset="subtract", to rounding
    "subtract"        False          0.32 of 0.51    1.7 of 9.1

reset="subtract" makes a network of `LIF` with gamma = alpha and threshold = rho (1 - alpha): the
same spikes, two steps later per layer, so that an input must end with two silent steps per layer.
Biases are not allowed: snnTorch filters them, and LIF does not.

Import from here: `export_nir`, `import_nir`, `to_nir`, `from_nir`, `read_file`, `unsaid`, `TOOLS`.
It may import: files, core, network, meta, training.
"""

from .read import from_nir, import_nir, read_file
from .write import TOOLS, export_nir, to_nir, unsaid

__all__ = ["TOOLS", "export_nir", "from_nir", "import_nir", "read_file", "to_nir", "unsaid"]
