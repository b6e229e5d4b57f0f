"""Sets of tasks: your own recordings, double N-MNIST, double ASL-DVS, Omniglot, what they are made
of, and their statistics.

Import from here: any module.
It may import: terminal, files, parallel, meta, data.readers, data.store, data.camera.
"""
