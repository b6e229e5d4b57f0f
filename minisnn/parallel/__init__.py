"""Who does the work: threads, an executor, worker processes, a cluster; and what is compiled first.

Import from here: `threads`, `executor`, `workers`, `cluster`, `compilation`.
It may import: stopping.
"""
