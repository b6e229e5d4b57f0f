"""Events in, count tensors out: readers, the event camera, and the double data sets.

Import from here: nothing; its rooms have names of their own, `readers`,
`camera`, `sets`, `sounds`, `written`, `store`.
It may import: nothing.
"""
