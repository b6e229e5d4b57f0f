"""Who does the work: threads, an executor, workers, a cluster, children of other programs; what is
compiled first; arrays and arguments that fit, a network's among them.

Import from here: `threads`, `executor`, `workers`, `cluster`, `children`, `compilation`, `arrays`,
`checks`.
It may import: arguments, stopping.
"""
