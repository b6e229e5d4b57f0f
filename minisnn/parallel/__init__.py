"""Who does the work: threads, an executor, worker processes, a cluster; what is compiled first, and where arrays begin.

Import from here: `threads`, `executor`, `workers`, `cluster`, `compilation`, `arrays`.
It may import: stopping.
"""
