"""Files of recordings and pictures, read with care: N-MNIST, ASL-DVS, sets in HDF5, pictures, and
other people's formats.

Import from here: `anything`, `columns`, `events`, `times`, `nmnist`, `asl`, `pictures`, `many`,
`hdf5`.
It may import: files, parallel.
"""
