"""Who does the work: threads, an executor, worker processes, a cluster; and what is compiled first.

Import from here: `threads`, `executor`, `cluster`, `compilation`.
It may import: files.
"""
