"""Who does the work: threads, an executor, worker processes, a cluster; what is compiled first, where arrays
begin, and whether arguments are what they should be.

Import from here: `threads`, `executor`, `workers`, `cluster`, `compilation`, `arrays`, `arguments`.
It may import: stopping.
"""
