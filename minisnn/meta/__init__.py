"""Learning a task, and learning to learn: the inner loop, optimisers, step sizes, tasks.

`inner` is MAML and its relatives. Imports network and layers.
"""
