"""Learning a task, and learning to learn: the inner loop (MAML and its relatives), optimisers, step sizes, tasks.

Import from here: `inner`, `optim`, `stepsizes`, `tasks`.
It may import: files, parallel, layers, network.
"""
