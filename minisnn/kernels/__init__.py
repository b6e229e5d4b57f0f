"""Event-driven kernels in numba; tests compare them with `minisnn.core`.

From the bottom up: `records` (the kernels' arguments), `linear` and `dense` (the synapse's linear
maps), `events` (lists of spikes, and weights in the layouts that these need), `loops`, `neuron` and
`pooling` (a band of rows at one step, compiled from core's filters and the neuron's class),
`forward`, `window` and `gradient` (the parallel kernels), `layer` (a layer of `core`, converted to
stride 1), `block` (the four passes of a layer), `network` (the passes of all layers), `frames` (the
CNN's convolutions). Kernels write to disjoint arrays and every sum has a fixed order, so results do
not depend on the number of threads. With NUMBA_DISABLE_JIT=1 networks run on `core`.

Import from here: `network`, `frames`, `neuron`. It may import: parallel, vectors, core, fast.
"""
