"""Float against fixed point: ways to learn on the same episodes; the number of classes that a
device can distinguish, and when to answer "none of these".

Import from here: `compare`, `ranges`, `refuse`, `classes`, `drawings`, `nothing`, `device`,
`floats`.
It may import: hardware.c, hardware.chip, hardware.loihi, minisnn.
"""
