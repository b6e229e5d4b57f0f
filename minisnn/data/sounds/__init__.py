"""Sets of tasks over sounds: spoken words, given as spikes (time, unit).

Import from here: `words`.
It may import: files, parallel, meta, terminal, data.readers, data.store, data.sets.
"""
