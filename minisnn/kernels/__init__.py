"""Event-driven kernels in numba, held to `minisnn.core` by tests.

From the ground up: `records` (what kernels are told), `linear` and `dense` (the synapse), `events`
(spikes as lists, and their weights), `loops`, `neuron` and `pooling` (a band at one step, the
neuron's lines as its class has them), `joint` (what recurrence and learned constants add to a
step), `forward`, `along`, `backward` and `gradient` (what is done in parallel), `block` (the four
passes, with the reference's signatures), `frames` (the CNN baseline). Kernels write to disjoint places and every
sum has a fixed order, so no bit depends on the number of threads. With NUMBA_DISABLE_JIT=1 all of
it runs as plain Python and can be stepped through.

Import from here: `block`, `frames`, `neuron`.
It may import: parallel, vectors, core, fast.
"""
