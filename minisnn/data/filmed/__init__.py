"""Sets of tasks over characters that were filmed as they were written.

Import from here: `archive`, `n_omniglot`.
It may import: files, parallel, meta, terminal, data.foreign, data.readers, data.store, data.sets.
"""
