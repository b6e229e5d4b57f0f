"""Learning a task, and meta-learning: the inner loop (MAML and its relatives), rules, optimisers,
step sizes, tasks.

Import from here: `inner`, `implicit`, `functions`, `prototypes`, `discriminants`, `online`,
`kept`, `rules`, `optim`, `stepsizes`, `tasks`, `beforehand`.
It may import: files, parallel, core, network.
"""
