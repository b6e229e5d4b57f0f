"""Sets of tasks: double N-MNIST, double ASL-DVS, what they are made of, and their statistics.

Imports readers, camera, store and meta.tasks.
"""
