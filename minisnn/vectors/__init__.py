"""Operations that numba does not vectorise well, written as LLVM vectors of the processor's native
width: sums of rows, products of matrices, comparisons of sites, calls by address.

Import from here: any module.
It may import: parallel.
"""
