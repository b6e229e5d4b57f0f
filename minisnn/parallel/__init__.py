"""Execution: threads, an executor, workers, a cluster; the cache of compiled kernels; aligned
arrays.

Import from here: `threads`, `executor`, `workers`, `cluster`, `compilation`, `arrays`, `checks`,
`once`.
It may import: arguments, stopping.
"""
