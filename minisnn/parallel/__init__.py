"""Who does the work: threads, an executor, workers, a cluster; what is compiled first; arrays and
arguments that fit.

Import from here: `threads`, `executor`, `workers`, `cluster`, `compilation`, `arrays`, `arguments`.
It may import: stopping.
"""
