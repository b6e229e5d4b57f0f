"""Who does the work: threads, an executor, workers, a cluster; what is compiled first, and kept;
arrays and arguments that fit, a network's among them.

Import from here: `threads`, `executor`, `workers`, `cluster`, `compilation`, `arrays`, `checks`,
`once`.
It may import: arguments, stopping.
"""
