"""Event-driven kernels in numba, twins of the readable passes in `minisnn.layers`.

From the ground up: `llvm` (vectors), `vector` (rows), `products` (register tiles), `choice`
(largest sites and spikes), `records` (what kernels are told), `events` (spikes as lists), `linear`
and `dense` (the synapse), `neuron` and `pooling` (a band at one step, the neuron's lines as its
class has them), `forward` and `backward` (what is done in parallel), `block` (the four passes, with
the reference's signatures), `frames` (the CNN baseline). Kernels write to disjoint places and every
sum has a fixed order, so no bit depends on the number of threads. With NUMBA_DISABLE_JIT=1 all of
it runs as plain Python and can be stepped through.

Import from here: `block`, `frames`, `neuron`.
It may import: parallel, layers, translation.
"""
