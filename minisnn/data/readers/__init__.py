"""Files of recordings and pictures, read with care: N-MNIST, ASL-DVS, torchneuromorphic, pictures,
and other people's formats.

Import from here: `anything`, `columns`, `events`, `plausible`, `sources`, `nmnist`, `asl`,
`pictures`, `units`, `spoken`, `hdf5`.
It may import: files, parallel.
"""
