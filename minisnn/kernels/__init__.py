"""Event-driven kernels in numba, twins of the readable passes in `minisnn.layers`.

From the ground up: `llvm` (vectors), `vector` (register tiles and rows), `choice` (max pooling and spikes), `events`
(spikes as lists), `linear` and `winograd` (the synapse), `neuron` (membrane and pooling), `passes` (what is done in
parallel), `block` (the four passes, with the reference's signatures), `frames` (the convolutional peer). Kernels write
to disjoint places and every sum has a fixed order, so no bit depends on the number of threads.
With NUMBA_DISABLE_JIT=1 all of it runs as plain Python and can be stepped through.

Import from here: `block`, `frames`, `products`.
It may import: parallel, layers.
"""
