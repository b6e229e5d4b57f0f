"""Learning a task, and learning to learn: the inner loop (MAML and its relatives), the rules,
optimisers, step sizes, tasks.

Import from here: `inner`, `implicit`, `functions`, `prototypes`, `discriminants`, `online`,
`kept`, `rules`, `optim`, `stepsizes`, `tasks`, `beforehand`.
It may import: files, parallel, core, network.
"""
