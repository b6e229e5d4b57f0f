"""Execution: threads, an executor, workers, a cluster; compiled kernels; aligned arrays, and checks
of a network's arguments.

Import from here: `threads`, `executor`, `workers`, `cluster`, `compilation`, `arrays`, `checks`,
`once`.
It may import: arguments, stopping.
"""
