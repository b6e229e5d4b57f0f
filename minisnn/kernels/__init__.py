"""Event-driven kernels in numba, held to `minisnn.core` by tests.

From the ground up: `records` (what kernels are given), `linear` and `dense` (the synapse), `events`
(spikes as lists, and their weights), `loops`, `neuron` and `pooling` (a band at one step, its lines
traced from core's filters and the neuron's class), `forward`, `window` and `gradient` (what is done
in parallel), `layer` (a layer of `core` as the kernels take it), `block` (its four passes),
`network` (the passes of all layers), `frames` (the CNN baseline's convolutions). Kernels write to
disjoint places and every sum has a fixed order, so no bit depends on the number of threads. With
NUMBA_DISABLE_JIT=1 networks run on `core`.

Import from here: `network`, `frames`, `neuron`.
It may import: parallel, vectors, core, fast.
"""
