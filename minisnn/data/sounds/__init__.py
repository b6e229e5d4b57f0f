"""Sets of tasks over sounds: spoken words as spikes of (time, unit).

Import from here: `words`.
It may import: files, parallel, meta, terminal, data.readers, data.store, data.sets.
"""
