"""Files of recordings and pictures, read with care: N-MNIST, ASL-DVS, torchneuromorphic, pictures.

What comes out are arrays of `events` or pictures. Imports files.
"""
