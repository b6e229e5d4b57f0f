"""Sets of tasks: your own recordings, Double N-MNIST, Double ASL-DVS, Omniglot, and the parts that
they share.

Import from here: any module.
It may import: terminal, files, parallel, meta, data.readers, data.store, data.camera.
"""
