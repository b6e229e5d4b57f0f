"""Arithmetic that numba's own loops do not reach, as LLVM vectors as long as the processor's: sums of
rows, products of matrices, choices among sites, calls by address.

Import from here: any module.
It may import: parallel.
"""
