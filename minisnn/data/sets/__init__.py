"""Sets of tasks: one's own recordings, double N-MNIST, double ASL-DVS, Omniglot, what they are made of, and their statistics.

Import from here: `recordings`, `double_nmnist`, `double_asl`, `omniglot`, `digits`, `moved`, `named`, `samples`, `statistics`,
`takes`.
It may import: terminal, files, parallel, meta, data.readers, data.store, data.camera.
"""
