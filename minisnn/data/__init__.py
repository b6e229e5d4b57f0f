"""Events in, count tensors out: readers, the event camera, and the sets of tasks.

Import from here: nothing; import from its packages `readers`, `camera`, `sets`, `sounds`,
`written`, `store`. It may import: nothing.
"""
