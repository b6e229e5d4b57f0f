"""Readers of recordings and pictures, which check what they read: N-MNIST, ASL-DVS, sets in HDF5,
pictures, and files of other tools.

Import from here: `anything`, `columns`, `events`, `times`, `nmnist`, `asl`, `pictures`, `many`,
`hdf5`.
It may import: files, parallel.
"""
