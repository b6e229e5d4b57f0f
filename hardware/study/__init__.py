"""Float against fixed point: comparison, sweeps, where the two first differ, what an episode
costs; how many classes are told apart, and when to answer "none of these".

Import from here: `compare`, `ranges`, `refuse`, `classes`, `drawings`, `nothing`, `device`,
`episodes`, `floats`.
It may import: hardware.c, hardware.chip, hardware.loihi, minisnn.
"""
