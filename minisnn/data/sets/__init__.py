"""Sets of tasks: double N-MNIST, double ASL-DVS, what they are made of, and their statistics.

Import from here: `double_nmnist`, `double_asl`, `digits`, `hands`, `moved`, `pairs`, `pools`, `recordings`, `statistics`.
It may import: terminal, files, parallel, meta, data.readers, data.store, data.camera.
"""
