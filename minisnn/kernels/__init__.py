"""Event-driven kernels in numba, twins of the readable passes in `minisnn.layers`.

Every kernel is parallel over disjoint samples and sums in a fixed order, so its result does not depend on the number of
threads. With NUMBA_DISABLE_JIT=1 all of it runs as plain Python and can be stepped through.
"""
